"""What a deploy refuses, and in which words, over an engine that stands in: nothing on the server has changed."""

import fcntl
import os
from pathlib import Path

import pytest

from deployed_site import SWITCH, Site
from engine_double import IMAGE, Box


def test_what_was_started_with_further_compose_files_is_not_replaced_without_them(site: Site) -> None:
    for each in site.engine.boxes:
        each.files = "/srv/docker-compose.yml,/srv/docker-compose.machines.yml,/srv/gone.yml"
    (site.root / "docker-compose.override.yml").touch()
    status, said = site.run("deploy")
    assert status == 1
    assert "COMPOSE_FILE=docker-compose.yml:docker-compose.machines.yml:docker-compose.override.yml" in said
    assert not [each for each in site.engine.called if "up --detach" in each]
    site.set("COMPOSE_FILE=docker-compose.yml:docker-compose.machines.yml")
    assert site.run("deploy")[0] == 0


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("buildx", "нет дополнения buildx. Установите его (пакет docker-buildx-plugin"),
        ("BUILD_COMMIT=", "В .env есть строка BUILD_COMMIT="),
        ("folder", "работает из папки {other}, и отсюда её не обновить"),
    ],
)
def test_what_could_not_work_is_refused_before_anything_is_touched(
    site: Site, tmp_path: Path, trouble: str, told: str
) -> None:
    match trouble:
        case "buildx":
            site.engine.on("docker buildx version", "docker: 'buildx' is not a docker command.")
        case "folder":
            for each in site.engine.boxes:
                each.folder = str(tmp_path / "author")
        case line:
            site.set(line)
    status, said = site.run("deploy")
    assert (status, told.format(other=tmp_path / "author") in said) == (1, True), said
    assert "на сервере ничего не изменилось" in said
    assert (site.engine.bot(), site.head()) == (site.first, site.first)


NO_PROCESS = 2**22 + 1
"""A number that Linux gives to none."""


@pytest.mark.parametrize("command", ["deploy", "rollback", "cleanup_images"])
@pytest.mark.parametrize(
    ("process", "told"),
    [
        (os.getpid(), "уже работает {holder}. Ничего не сделано: дождитесь конца"),
        (NO_PROCESS, "ещё работают программы, которые запустила команда {holder}: её саму прервали. Ничего не сделано"),
    ],
    ids=["alive", "killed"],
)
def test_while_a_restore_is_at_work_nothing_is_touched(site: Site, command: str, process: int, told: str) -> None:
    with (site.root / ".restore.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"scripts/restore (процесс {process})\n")
        lock.flush()
        status, said = site.run(command)
    assert (status, told.format(holder=f"scripts/restore (процесс {process})") in said) == (1, True), said
    assert (site.engine.called, site.reports(), site.head()) == ([], [], site.first)
    assert site.run("deploy")[0] == 0


def test_what_a_killed_deploy_has_started_keeps_restores_away(site: Site) -> None:
    """Its programs inherit both locks."""
    assert site.run("deploy")[0] == 0
    held = {given["pass_fds"] for given in site.engine.given}
    assert [len(each) for each in held] == [2]


def test_an_older_client_builds_without_buildx(site: Site) -> None:
    site.engine.version = "20.10.24"
    site.engine.on("docker buildx version", "docker: 'buildx' is not a docker command.")
    assert site.run("deploy")[0] == 0


def test_a_checkout_that_was_renamed_or_has_two_names_is_deployed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(site.root)
    for each, folder in zip(site.engine.boxes, ["link", "before", "clone", "link", "link"], strict=True):
        each.folder = str(tmp_path / folder)
    assert site.run("deploy")[0] == 0


BUILD_SAID = """#9 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
ERROR: failed to solve: process "/bin/sh -c pip install" did not complete successfully: exit code: 1

View build details: docker-desktop://dashboard/build/default
"""
NO_BUILDER_SAID = """ERROR: BuildKit is enabled but the buildx component is missing or broken.
       Install the buildx component to build images with BuildKit:
       https://docs.docker.com/go/buildx/
"""
STEP_SAID = """#17 0.912 ValueError: another step
#18 1.370     import nothing
#18 1.371 ModuleNotFoundError: No module named 'nothing'
#18 1.372 ERROR: see https://bot:hush@host
#18 ERROR: executor failed running [/bin/sh -c python fetch-weights]: exit code: 1
#17 1.400 error: cancelled
------
executor failed running [/bin/sh -c python fetch-weights]: exit code: 1
"""
BIND_SAID = """ Container voxpersona-voxpersona-1  Starting
Error response from daemon: driver failed programming external connectivity on endpoint voxpersona-1 (1a2b): {}
"""


@pytest.mark.parametrize(
    ("words", "said_of_it", "told"),
    [
        (
            "docker build --",
            BUILD_SAID,
            'собрался: ERROR: failed to solve: process "/bin/sh -c pip install" did not compl',
        ),
        (
            "docker build --",
            NO_BUILDER_SAID,
            "missing or broken. Install the buildx component to build images with Bui",
        ),
        ("docker build --", STEP_SAID, "Образ не собрался: ModuleNotFoundError: No module named 'nothing'. Исправьте"),
        ("docker build --", "It is broken\n", "Образ не собрался: It is broken. Исправьте"),
        (
            SWITCH,
            BIND_SAID.format("failed to bind host port for 127.0.0.1:8690:172.18.0.2:8690/tcp: address already in use"),
            "версия не запускается: порт 8690 занят другой программой. Освободите его или укажите в .env другой (HT",
        ),
        (SWITCH, BIND_SAID.format("Bind for 0.0.0.0:8691 failed: port is already allocated"), "порт 8691 занят"),
        (SWITCH, "listen tcp6 [::1]:8692: bind: address already in use", "порт 8692 занят"),
        (SWITCH, "no configuration file: 1", "Новая версия не запускается: no configuration file: 1."),
        (
            SWITCH,
            "write /a/b: no space left on device",
            "не запускается: на диске кончилось место, освободите его (scr",
        ),
        (
            "scripts/backup",
            "mkdir: No space left on device\nExit 1",
            "(код 1): на диске кончилось место, освободите его",
        ),
        ("fetch --quiet", "fatal: No space left on device", "Новую версию не получить: на диске кончилось место"),
        ("docker info", "write /a: no space left on device", "Причина: На диске кончилось место, освободите его (scri"),
        (
            "compose run --rm --no-TTY --no-deps --name=voxpersona-check migrate",
            "Обновление базы 0100.bad не прошло (DivisionByZero, 22012), сделанное им отменено.\n",
            "База данных не обновилась. Обновление базы 0100.bad не прошло (DivisionByZero, 22012), сделанное",
        ),
    ],
)
def test_the_reason_is_a_sentence(site: Site, words: str, said_of_it: str, told: str) -> None:
    site.engine.on(words, said_of_it)
    said = site.run("deploy")[1]
    report = max((site.root / "persistent_data/deploys").glob("*.txt")).read_text(encoding="utf-8")
    assert told in said + report
    assert "Стало: " not in report
    assert (site.engine.bot(), site.head()) == (site.first, site.first)


@pytest.mark.parametrize("since", [[], ["✔ Папки и пароли на месте."]])
def test_a_password_that_is_lost_is_named_by_the_deploy(site: Site, since: list[str]) -> None:
    site.engine.boxes = [each for each in site.engine.boxes if each.service != "postgres"]
    site.engine.on("up --detach --wait", 'service "prepare" didn\'t complete successfully: exit 1')
    refused = ["✖ В persistent_data есть данные, а паролей к ним нет: secrets/a.", "Верните эти файлы."]
    site.engine.written = ["made", *refused, *since]
    status, said = site.run("deploy", "--without-backup")
    told = "не запускаются: В persistent_data есть данные, а паролей к ним нет: secrets/a. Верните эти файлы."
    assert (status, told in said) == (1, not since), said


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_settings_that_others_may_read_are_told_and_stop_nothing(site: Site, mode: int) -> None:
    (site.root / ".env").chmod(mode)
    status, said = site.run("deploy")
    assert (status, "chmod 600 .env" in said) == (0, mode == 0o644)
    [report] = (site.root / "persistent_data/deploys").glob("*.txt")
    assert f"Стало: {site.second[:12]}" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(("line", "workers"), [("", 2), ("WORKERS=", 2), ("WORKERS=4", None)])
def test_as_many_workers_stay_as_there_were_unless_the_settings_say_how_many(
    site: Site, line: str, workers: int | None
) -> None:
    site.set(line)
    assert site.run("deploy")[0] == 0
    [replaced] = [each for each in site.engine.called if "up --detach --no-build" in each]
    assert (f"--scale=worker={workers}" in replaced, "--scale" in replaced) == (
        workers is not None,
        workers is not None,
    )


def test_a_version_that_does_not_name_itself_is_called_unknown(site: Site) -> None:
    site.engine.names_itself = False
    status, said = site.run("deploy")
    told = f"Новая версия не та: отвечает неизвестная версия, а ставили {site.second[:12]}."
    assert (status, told in said) == (3, True), said


@pytest.mark.parametrize("setting", ["", "COMPOSE_FILE=docker-compose.yml:docker-compose.worker.yml"])
def test_a_machine_with_workers_alone_gets_no_bot(site: Site, setting: str) -> None:
    site.engine.boxes = [each for each in site.engine.boxes if each.service == "worker"]
    site.set(setting)
    status, said = site.run("deploy")
    assert (status, "только помощники бота" in said) == (1, True), said
    assert {each.service for each in site.engine.boxes} == {"worker"}


def test_what_somebody_ran_once_is_not_the_product(site: Site) -> None:
    image = site.engine.tags[f"{IMAGE}:latest"]
    site.engine.boxes.insert(0, Box("voxpersona-aaa", "voxpersona", image, running=False, one_off=True))
    site.engine.boxes.insert(0, Box("voxpersona-bbb", "voxpersona", image, one_off=True))
    status, said = site.run("deploy")
    assert status == 0, said
    assert len([each for each in site.engine.boxes if each.service == "worker"]) == 2


def test_another_commit_than_the_one_that_was_tried_is_not_deployed(site: Site) -> None:
    status, said = site.run("deploy", f"--commit={site.first}")
    assert (status, f"На ветке уже версия {site.second[:12]}" in said) == (1, True)
    assert site.head() == site.first
    site.engine.on("docker build --", lambda _: (site.publish(), None)[1])
    assert site.run("deploy", f"--commit={site.second}")[0] == 0
    assert site.engine.bot() == site.second


@pytest.mark.parametrize("given", ["", "main", "0" * 39, f"{'0' * 40};reboot"])
def test_a_commit_is_forty_digits_and_nothing_else(site: Site, given: str) -> None:
    status, said = site.run("deploy", f"--commit={given}")
    assert (status, "40 знаков" in said) == (1, True)
    assert site.engine.called == []


def test_what_comes_to_the_branch_after_the_look_at_it_waits_for_the_next_deploy(site: Site) -> None:
    site.engine.on("scripts/backup", lambda _: (site.publish(), None)[1])
    assert site.run("deploy")[0] == 0
    assert (site.engine.bot(), site.head()) == (site.second, site.second)


@pytest.mark.parametrize("command", ["deploy", "rollback"])
@pytest.mark.parametrize(
    "said_of_it",
    [
        "failed to read .env: line 3: unterminated quoted value 'hush\nTOKEN=hush",
        'failed to read .env: line 3: unexpected character " " in variable name "TOKEN hush"',
        'failed to read .env: Invalid template: "${hush"',
    ],
)
def test_a_faulty_line_of_the_settings_is_shown_to_nobody(site: Site, command: str, said_of_it: str) -> None:
    site.engine.on("compose config", said_of_it)
    status, said = site.run(command)
    assert (status, "не понимает" in said) == (1, True)
    kept = [path.read_text(encoding="utf-8") for path in (site.root / "persistent_data/deploys").iterdir()]
    assert "hush" not in "".join([said, *kept])
