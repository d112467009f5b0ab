"""Deploys and rollbacks that fail or are killed, over an engine that stands in: what ran is there afterwards."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import texts.deploy
from deployed_site import SWITCH, Site, git
from deployment import command_line
from deployment.records import Records
from deployment.reports import Teller
from engine_double import IMAGE, Box, Killed

BOT = "voxpersona-voxpersona-1"
NO_SPACE = OSError(28, "No space left on device")


def test_a_new_version_comes_and_goes_again(site: Site) -> None:
    assert site.run("deploy")[0] == 0
    assert (site.engine.bot(), site.head(), site.tagged("previous")) == (site.second, site.second, site.first)
    assert len([each for each in site.engine.boxes if each.service == "worker"]) == 2
    status, said = site.run("deploy")
    assert (status, "Обновлять нечего" in said) == (0, True)
    assert site.run("rollback")[0] == 0
    assert (site.engine.bot(), site.head(), site.tagged("previous")) == (site.first, site.first, site.second)
    assert not site.unfinished()


@pytest.mark.parametrize(
    ("killed_in", "stop"),
    [
        (SWITCH, "LOW_SPACE"),
        ("exec --interactive voxpersona-voxpersona", "fetch"),
        ("docker port voxpersona-voxpersona", "scripts/backup"),
        (SWITCH, "docker build --"),
    ],
)
def test_a_deploy_that_stops_after_one_that_was_killed_brings_the_former_version_back(
    site: Site, stop: str, killed_in: str
) -> None:
    if killed_in.startswith("docker port"):
        site.engine.on(killed_in, lambda _: None)  # the first is asked before anything is touched
    site.kill(killed_in)
    site.engine.runs(site.engine.tags[f"{IMAGE}:latest"], workers=2)
    assert site.engine.bot() == site.second
    if stop == "LOW_SPACE":
        site.set("DEPLOY_NEEDED_MB=99999999999")
    else:
        site.engine.on(stop, "It cannot be done.")
    status, said = site.run("deploy")
    assert status == 3, said
    assert (site.engine.bot(), site.head(), site.tagged("latest")) == (site.first, site.first, site.first)
    assert "прежняя возвращена и работает" in said
    assert site.reports() == ["interrupted", "rolled_back"]
    assert not site.unfinished()


@pytest.mark.parametrize("comes_back", [True, False])
def test_what_a_killed_switch_has_stopped_runs_again_before_anything_is_built(site: Site, comes_back: bool) -> None:
    site.kill(SWITCH)
    for each in site.engine.boxes:
        each.running = each.service in {"postgres", "objects"}
    ran: list[str] = []
    site.engine.on("docker build --", lambda _: ran.append(site.engine.bot()) if comes_back else None)
    if not comes_back:
        site.engine.on(SWITCH, "no such network")
    status, said = site.run("deploy")
    assert (status, ran, site.engine.bot()) == (0, [site.first] if comes_back else [], site.second), said
    assert ("VoxPersona не работает, и прежняя версия не запускается: no such network" in said) is not comes_back


@pytest.mark.parametrize("step", [each for each in texts.deploy.STEPS if each != "rollback"])
def test_killed_at_any_step_and_again_it_is_done_by_the_next_one(
    site: Site, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Teller, name: str, __: int) -> None:
        if name == step:
            raise Killed

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(Teller, "step", killed)
            with pytest.raises(Killed):
                site.run("deploy")
    status, said = site.run("deploy")
    assert (status, f"оборвалось на шаге «{texts.deploy.STEPS[step].partition('{')[0]}" in said) == (0, True), said
    assert (site.engine.bot(), site.head(), site.tagged("latest")) == (site.second, site.second, site.second)
    assert (site.tagged("previous"), site.unfinished()) == (site.first, False)
    assert site.reports() == ["interrupted", "interrupted", "done"]


def test_while_the_engine_is_away_it_is_not_said_what_runs_and_not_forgotten_what_ran(site: Site) -> None:
    site.kill(SWITCH)
    site.engine.runs(site.engine.tags[f"{IMAGE}:latest"], workers=2)
    site.engine.on("docker version", "Cannot connect to the Docker daemon")
    status, said = site.run("deploy")
    assert status == 1
    assert "прежняя версия работает" not in said
    assert "какая версия работает, сейчас не узнать" in said
    status, said = site.run("deploy")
    assert status == 0, said
    assert (site.engine.bot(), site.tagged("previous")) == (site.second, site.first)


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        ("crashes", "Прежняя версия перезапускается или завершилась: docker compose logs --tail=20 voxpersona"),
        ("is unready", "Прежняя версия не готова (на запрос о готовности не отвечает): scripts/health_check"),
        ("is gone", "Прежняя версия не запущена. Запустите её: docker compose up -d --wait"),
        ("is well", "прежняя версия работает как раньше"),
    ],
)
def test_a_deploy_that_stops_has_looked_how_the_former_version_is(site: Site, happens: str, told: str) -> None:
    def fail(_: list[str]) -> str:
        engine = site.engine
        if happens == "crashes":
            next(each for each in engine.boxes if each.name == BOT).running = False
        elif happens == "is unready":
            engine.unready.add(site.first)
        elif happens == "is gone":
            engine.boxes = [each for each in engine.boxes if each.service in {"postgres", "objects"}]
        return "В папку persistent_data/logs нельзя писать."

    site.engine.on("cli.self_check", fail)
    status, said = site.run("deploy")
    assert (status, told in said) == (1, True), said
    assert (happens == "is well") == ("работает как раньше" in said)
    assert "В папку persistent_data/logs нельзя писать" in said


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        ("is refused", "exec format error"),
        ("ends", "перезапускается или завершилась"),
        ("is unready", "не готова"),
    ],
)
def test_an_image_that_does_not_start_is_found_beside_the_former_version(
    site: Site, monkeypatch: pytest.MonkeyPatch, happens: str, told: str
) -> None:
    monkeypatch.setattr("deployment.deploy.PATIENT_S", 1)
    site.engine.starts_canary = happens != "ends"
    if happens == "is refused":
        site.engine.on("run --detach", "exec format error")
    if happens == "is unready":
        site.engine.unready.add(site.second)
    former = [each.id for each in site.engine.boxes if each.running]
    status, said = site.run("deploy")
    assert (status, told in said, "прежняя версия работает как раньше" in said) == (1, True, True), said
    assert (site.engine.bot(), site.head(), site.tagged("latest")) == (site.first, site.first, site.first)
    assert [each.id for each in site.engine.boxes if each.running] == former
    assert not any(SWITCH in line for line in site.engine.called)
    assert not site.unfinished()


def test_nobody_is_blamed_for_files_that_a_killed_git_has_half_moved(site: Site) -> None:
    site.kill("merge --quiet --ff-only")
    (site.root / "docker-compose.yml").write_text("half")
    status, said = site.run("deploy")
    assert (status, "пока git менял файлы: docker-compose.yml" in said) == (1, True), said
    git(site.root, "stash")
    (site.root / ".git/index.lock").touch()
    status, said = site.run("deploy")
    assert (status, ".git/index.lock" in said) == (1, True), said


def test_an_engine_that_says_nothing_of_an_image_has_not_lost_it(site: Site) -> None:
    site.kill(SWITCH)
    site.engine.runs(site.engine.tags[f"{IMAGE}:latest"])
    site.engine.on("image inspect --format={{.Id}} sha256:1", "Cannot connect to the Docker daemon")
    assert site.run("deploy")[0] == 3
    assert site.engine.bot() == site.first


def test_what_ran_is_known_at_every_moment_after_a_kill(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.kill(SWITCH)
    save = Records.save

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(Records, "save", killed)
    with pytest.raises(Killed):
        site.run("deploy")
    monkeypatch.setattr(Records, "save", save)
    assert site.unfinished()
    assert site.run("rollback")[0] == 0
    assert site.engine.bot() == site.first


def test_a_former_version_that_is_not_ready_either_stays_the_one_to_go_back_to(site: Site) -> None:
    site.engine.unready |= {site.first}
    site.engine.on(SWITCH, "It does not start.")
    assert site.run("deploy")[0] == 4
    assert site.unfinished()
    site.engine.unready.clear()
    status, said = site.run("rollback")
    assert status == 0, said
    assert (site.engine.bot(), site.unfinished()) == (site.first, False)


def test_a_full_disk_does_not_prevent_the_way_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_the_disk(_: list[str]) -> str:
        log = next((site.root / "persistent_data/deploys").glob("*.log"))
        real = os.open

        def full(path: str | Path, flags: int, mode: int = 0o777) -> int:
            if "deploys" in str(path) and flags & os.O_CREAT:
                raise NO_SPACE
            return real(path, flags, mode)

        monkeypatch.setattr(os, "open", full)
        # What writes to this descriptor is told that there is no space.
        number = next(
            int(each.name)
            for each in Path("/proc/self/fd").iterdir()
            if each.is_symlink() and os.path.realpath(each) == str(log)
        )
        device = real("/dev/full", os.O_WRONLY)
        os.dup2(device, number)
        os.close(device)
        return "no space left on device"

    site.engine.on(SWITCH, fill_the_disk)
    status, said = site.run("deploy")
    assert status == 3, said
    assert site.engine.bot() == site.first


def test_the_way_back_finds_space_that_the_new_version_could_not_fill(site: Site) -> None:
    reserve, held = site.root / "persistent_data/deploys/reserve", []

    def look(_: list[str]) -> None:
        held.append(reserve.stat().st_blocks * 512 if reserve.exists() else 0)

    def full(words: list[str]) -> str:
        look(words)
        return "no space left on device"

    site.engine.on(SWITCH, full)
    site.engine.on("docker tag sha256:1", look)  # what ran keeps a name of its own
    site.engine.on("docker tag sha256:1", look)
    status, said = site.run("deploy")
    assert status == 3, said
    before, switching, going_back = held
    assert (before, switching >= 64_000_000, going_back) == (0, True, 0)
    assert site.run("deploy")[0] == 0
    assert not reserve.exists()


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_without_space_for_the_way_back_nothing_is_replaced(
    site: Site, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "rollback":
        site.run("deploy")
    ran, site.engine.called = site.engine.bot(), []

    def full(*_: int) -> None:
        raise NO_SPACE

    monkeypatch.setattr(os, "posix_fallocate", full)
    status, said = site.run(command)
    assert (status, "Мало места на диске" in said, "scripts/cleanup_images" in said) == (1, True, True), said
    assert not any("up --detach" in each for each in site.engine.called)
    assert site.engine.bot() == ran
    assert not (site.root / "persistent_data/deploys/reserve").exists()


def test_a_checkout_that_cannot_be_moved_does_not_prevent_the_way_back(site: Site) -> None:
    site.engine.on(SWITCH, "It does not start.")
    site.engine.on("reset --quiet --keep", "Entry is not uptodate")
    status, said = site.run("deploy")
    assert status == 3, said
    assert (site.engine.bot(), site.head()) == (site.first, site.second)
    assert "git reset --keep" in said


def impatience(_: list[str]) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "It was interrupted."


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_impatience_does_not_break_the_way_back(site: Site, command: str) -> None:
    ran = site.first
    if command == "rollback":
        site.run("deploy")
        ran = site.second
        site.engine.on("up --detach", impatience)
    else:
        site.engine.on(SWITCH, "It does not start.")
    site.engine.on("up --detach", lambda _: os.kill(os.getpid(), signal.SIGINT))
    status, said = site.run(command)
    assert status == (3 if command == "deploy" else 1), said
    assert site.engine.bot() == ran
    assert site.engine.given[-1]["start_new_session"], "Ctrl+C reaches all that the terminal has started with us"


@pytest.mark.parametrize("words", ["image ls", f"{IMAGE}:previous"])
def test_trouble_with_old_images_takes_no_proven_version_back(site: Site, words: str) -> None:
    site.engine.on(words, "Cannot connect to the Docker daemon")
    status, said = site.run("deploy")
    assert status == 0, said
    assert (site.engine.bot(), site.head()) == (site.second, site.second)
    assert "Старые образы не убраны" in said


def test_cleaning_leaves_what_a_deploy_goes_back_to(site: Site) -> None:
    records = Records(site.root / "persistent_data/deploys")
    former = site.engine.tags[f"{IMAGE}:latest"]
    site.kill("exec --interactive voxpersona-voxpersona")
    site.engine.on("docker version", "Cannot connect")
    status, said = site.run("cleanup_images")
    assert (status, "Docker не отвечает: Cannot connect. Проверьте" in said) == (1, True)
    site.run("cleanup_images")
    assert former in site.engine.images
    with records.locked():
        status, said = site.run("cleanup_images")
    assert (status, "уже идёт" in said) == (1, True)


def test_a_build_of_the_same_version_does_not_take_the_former_image_s_last_name(site: Site) -> None:
    site.run("deploy")
    former = site.engine.tags[f"{IMAGE}:latest"]
    site.engine.caches = False
    site.kill("exec --interactive voxpersona-voxpersona", "deploy", "--force")
    assert former in site.engine.tags.values()
    site.run("cleanup_images")
    assert former in site.engine.images


def test_a_rollback_takes_no_check_of_the_new_image_for_what_runs(site: Site) -> None:
    site.run("deploy")
    site.publish()
    third = site.engine.has("c" * 40)
    site.engine.boxes.insert(0, Box("voxpersona-check", "voxpersona", third))
    status, said = site.run("rollback")
    assert status == 0, said
    assert (site.engine.bot(), site.tagged("previous")) == (site.first, site.second)


@pytest.mark.parametrize(
    "trouble", ["It does not start.", subprocess.TimeoutExpired("docker", 400), KeyboardInterrupt()]
)
def test_a_rollback_that_fails_leaves_what_ran(site: Site, trouble: str | BaseException) -> None:
    site.run("deploy")
    site.engine.on("up --detach", trouble)
    status, said = site.run("rollback")
    assert status == 1, said
    assert "работает версия, которая была до него" in said
    assert (site.engine.bot(), site.head(), site.tagged("latest")) == (site.second, site.second, site.second)
    assert (site.reports()[-1], site.unfinished()) == ("rollback_undone", False)


def test_when_what_ran_does_not_come_back_either_it_is_said(site: Site) -> None:
    site.run("deploy")
    for _ in range(2):
        site.engine.on("up --detach", "It does not start.")
    status, said = site.run("rollback")
    assert status == 4, said
    assert "Нужно вмешательство" in said
    assert site.run("rollback")[0] == 0
    assert site.engine.bot() == site.first


def test_a_rollback_that_was_killed_is_done_again(site: Site) -> None:
    site.run("deploy")
    site.kill("exec --interactive voxpersona-voxpersona", "rollback")
    assert site.engine.bot() == site.first
    status, said = site.run("rollback")
    assert status == 0, said
    assert (site.engine.bot(), site.tagged("previous")) == (site.first, site.second)


def test_that_a_container_which_stays_was_started_again_long_ago_says_nothing_of_the_deploy(site: Site) -> None:
    site.run("deploy")
    for each in site.engine.boxes:
        each.restarts = 4
    status, said = site.run("deploy", "--force")
    assert status == 0, said


@pytest.mark.parametrize("state", ["stopped", "removed"])
def test_a_version_that_does_not_run_is_started_and_stays_the_one_to_go_back_to(site: Site, state: str) -> None:
    site.run("deploy")
    if state == "stopped":
        for each in site.engine.boxes:
            each.running = False
    else:
        site.engine.boxes = []
        site.publish()
    status, said = site.run("deploy")
    assert (status, "Обновлять нечего" in said) == (0, False), said
    assert any("scripts/backup" in each for each in site.engine.called[-60:])


@pytest.mark.parametrize(
    ("running", "code", "told"),
    [(False, 137, "(контейнер {bot}, код завершения 137). Последнее в журнале: "), (True, 0, "(контейнер {bot}). ")],
)
def test_of_a_version_that_dies_in_the_watch_its_exit_code_and_last_error_are_told(
    site: Site, running: bool, code: int, told: str
) -> None:
    def dies(_: list[str]) -> None:
        bot = next(each for each in site.engine.boxes if each.name == BOT)
        bot.running, bot.exit_code, bot.restarts = running, code, 1
        site.engine.written = [
            '{"level": "error", "event": "engine_lost", "error": "engine_failed"}',
            '{"level": "info", "event": "part_ready"}',
            "Запускаю бота…",
        ]

    site.set("DEPLOY_WATCH_S=300")
    site.engine.on("logs", dies)
    _, said = site.run("deploy")
    assert told.format(bot=BOT) in said
    assert "Последнее в журнале: engine_lost: engine_failed" in said


def test_errors_of_the_first_moment_bring_the_former_version_back(site: Site) -> None:
    site.set("DEPLOY_WATCH_S=300")
    site.engine.written = ['{"level": "error", "event": "update_failed"}'] * 6
    status, said = site.run("deploy")
    assert (status, "update_failed" in said) == (3, True), said
    assert site.engine.bot() == site.first


def test_the_log_of_a_deploy_does_not_grow_by_all_logs_at_every_look(site: Site) -> None:
    site.set("DEPLOY_WATCH_S=300")
    site.engine.written = ['{"event": "seen before"}']
    assert site.run("deploy")[0] == 0
    [log] = (site.root / "persistent_data/deploys").glob("*.log")
    assert "seen before" not in log.read_text(encoding="utf-8")


def test_programs_of_a_deploy_that_was_killed_are_waited_for(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.prepare()
    program = (
        "import sys, os, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from deployment.records import Records\n"
        "from deployment.commands import Commands\n"
        "records = Records(Path(sys.argv[2]))\n"
        "with records.locked():\n"
        "    print('locked', flush=True)\n"
        "    Commands(Path('/'), dict(os.environ), None, records.held).run('sleep', '1.5')\n"
    )
    source = str(Path(command_line.__file__).parents[1])
    command = ["python3", "-c", program, source, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        time.sleep(0.5)
        began = time.monotonic()
        process.kill()
        process.wait()
        told: list[float] = []
        with records.locked(lambda: told.append(time.monotonic() - began)):
            waited = time.monotonic() - began
    assert waited > 0.4
    assert len(told) == 1
    assert told[0] < waited - 0.3, "said when the waiting begins"
