"""What scripts/backup, restore and restore-drill ask of Docker, in which order, and what they make of its answers."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from config import ROOT
from deployment.records import restores_kept_away

DOCKER = """#!/bin/bash
cd "{checkout}"
for lock in backup restore-drill; do
    flock --shared --nonblock ".$lock.lock" true || locked="$locked $lock"
done
echo "$*;$locked" >>calls
cat >/dev/null
case "$*" in
{cases}
*" backup setting .env") [ ! -e saved ] || cat saved ;;
esac
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("backup", "engine", "renew-secrets", "restore", "restore-drill", "turns", "usage"):
            (folder / "scripts").mkdir(exist_ok=True)
            shutil.copy(ROOT / "scripts" / name, folder / "scripts")
        shutil.copytree(ROOT / "resources/backup", folder / "resources/backup")

    def start(self, name: str, *options: str, **answers: str) -> "subprocess.Popen[str]":
        """Start a script. Docker does what ``answers`` say when its arguments end with their names."""
        shutil.rmtree(self.folder / "bin", ignore_errors=True)
        (self.folder / "bin").mkdir()
        cases = "".join(f'*"{ends.replace("_", " ")}"*) {does} ;;\n' for ends, does in answers.items())
        (self.folder / "bin/docker").write_text(DOCKER.format(checkout=self.folder, cases=cases), encoding="utf-8")
        (self.folder / "bin/docker").chmod(0o700)
        (self.folder / "calls").unlink(missing_ok=True)
        return subprocess.Popen(
            # Where tests run in the background, Ctrl+C is ignored by all that they start, and no shell can change that.
            ["env", "--default-signal=INT", self.folder / "scripts" / name, *options],
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, name: str, *options: str, **answers: str) -> tuple[int, str]:
        """Run a script to its end; see ``start``."""
        process = self.start(name, *options, **answers)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def wait_for(self, name: str) -> str:
        """Return what is in a file once it is there."""
        ends = time.monotonic() + 30
        while not (self.folder / name).exists():
            assert time.monotonic() < ends, name
        return (self.folder / name).read_text(encoding="utf-8")

    def calls(self) -> list[tuple[str, list[str]]]:
        """What Docker was asked for, and which scripts' locks were held."""
        lines = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        return [(call, locks.split()) for call, _, locks in (line.rpartition(";") for line in lines)]

    def asked(self, part: str) -> list[int]:
        return [number for number, (call, _) in enumerate(self.calls()) if part in call]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("option", [(), ("--check",), ("--list",)])
def test_a_backup_has_its_turn_before_it_asks_the_database(checkout: Checkout, option: tuple[str, ...]) -> None:
    assert checkout.run("backup", *option)[0] == 0
    assert {tuple(locks) for _, locks in checkout.calls()} == {("backup",)}


def test_who_waits_for_another_backup_says_so_and_nobody_else_can_hold_the_turn(checkout: Checkout) -> None:
    with (checkout.folder / ".backup.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [checkout.folder / "scripts/backup", "--list"],
            env=os.environ,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert waiting.stderr is not None
        assert "жду её" in waiting.stderr.readline()
        assert waiting.poll() is None
        os.killpg(waiting.pid, signal.SIGKILL)  # with the program that waits for it
        waiting.communicate()
    (checkout.folder / ".backup.lock").unlink()
    checkout.run("backup", "--list")
    assert (checkout.folder / ".backup.lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["backup", "restore", "restore-drill"])
def test_who_cannot_take_the_turn_is_told_who_can(checkout: Checkout, name: str) -> None:
    (checkout.folder / f".{name}.lock").mkdir()  # as unwritable for root as another's file is for others
    status, said = checkout.run(name)
    assert (status, said.count("\n"), "или через sudo" in said) == (2, 1, True)
    assert not (checkout.folder / "calls").exists()


@pytest.mark.parametrize("name", ["backup", "renew-secrets", "restore", "restore-drill"])
def test_without_an_engine_that_is_said_in_one_sentence(checkout: Checkout, name: str) -> None:
    status, said = checkout.run(name, version="echo 'Cannot connect to the Docker daemon at unix.' >&2; exit 1")
    told = "Docker не отвечает: Cannot connect to the Docker daemon at unix. Проверьте: systemctl status docker"
    assert (status, said.count("\n"), said.startswith(told)) == (3, 1, True), said
    status, said = checkout.run(name, compose_version="exit 1")
    assert (status, said) == (3, "Docker Compose не найден. Установите пакет docker-compose-plugin.\n")


def test_a_drill_ends_what_another_left_and_keeps_others_away(checkout: Checkout) -> None:
    assert checkout.run("restore-drill")[0] == 0
    [take] = checkout.asked("backup take-for-drill")
    assert checkout.asked(" down ")[0] < take
    assert all("restore-drill" in locks for _, locks in checkout.calls())
    assert "backup" in checkout.calls()[take][1]
    assert "backup" not in checkout.calls()[-1][1]


@pytest.mark.parametrize("option", [(), ("--keep",)])
@pytest.mark.parametrize("signals", [("INT",), ("TERM",), ("HUP", "INT")])
def test_a_drill_that_is_cut_off_removes_what_it_began(
    checkout: Checkout, signals: tuple[str, ...], option: tuple[str, ...]
) -> None:
    # Docker's client ends by the first signal, or not before it is killed.
    heeds = "exit 1" if len(signals) == 1 else "true"
    waits = "exec 2>/dev/null; for each in {1..600}; do sleep 0.05; done"
    up = f"trap 'echo >heeded; {heeds}' TERM; echo $$ >client; mv client begun; {waits}"
    drill = checkout.start("restore-drill", *option, _up_=up)
    client = checkout.wait_for("begun").strip()
    drill.send_signal(getattr(signal, f"SIG{signals[0]}"))
    checkout.wait_for("heeded")
    for each in signals[1:]:
        drill.send_signal(getattr(signal, f"SIG{each}"))
    said, _ = drill.communicate(timeout=60)

    assert (drill.returncode, "ПРЕРВАЛОСЬ" in said, "Terminated" in said) == (1, True, False), said
    [up_at] = checkout.asked(" up ")
    [noted, *_, down, ended] = range(up_at + 1, len(checkout.calls()))
    assert checkout.asked("backup drilled stopped") == [noted]
    assert checkout.asked(" down ")[-1] == down
    assert checkout.asked("backup end-drill") == [ended]
    assert not Path("/proc", client).exists()
    assert checkout.run("backup")[0] == 0
    assert checkout.asked("backup end-drill") == []


def test_what_a_killed_drill_left_goes_with_the_next_backup(checkout: Checkout) -> None:
    drill = checkout.start("restore-drill", _up_="touch begun; sleep 60")
    checkout.wait_for("begun")
    began = psutil.Process(drill.pid).children(recursive=True)
    status, _ = checkout.run("backup")
    assert (status, checkout.asked("backup end-drill")) == (0, [])  # it is at work
    drill.kill()
    for each in began:
        each.kill()
    drill.communicate()

    assert checkout.run("backup")[0] == 0
    [noted], [ended], [made] = (checkout.asked(f"backup {step}") for step in ("drilled stopped", "end-drill", "make"))
    assert noted < checkout.asked(" down ")[0] < ended < made
    checkout.run("backup")
    assert checkout.asked("backup end-drill") == []


def test_what_somebody_wants_to_look_at_stays(checkout: Checkout) -> None:
    assert checkout.run("restore-drill", "--keep")[0] == 0
    compares = checkout.start("restore-drill", "--compare", **{"compare_--drill": "touch begun; sleep 60"})
    checkout.wait_for("begun")
    compares.terminate()
    compares.communicate(timeout=60)
    assert checkout.asked("backup end-drill") == []
    checkout.run("backup")
    assert checkout.asked("backup end-drill") == []


@pytest.mark.parametrize(
    ("answers", "outcome", "told"),
    [
        ({}, "passed", ""),
        ({"take-for-drill_": "exit 4"}, "failed", "НЕ УДАЛОСЬ"),
        ({"compare_--drill": "exit 4"}, "failed", "НЕ УДАЛОСЬ"),
        ({"take-for-drill_": "exit 1"}, "stopped", "ПРЕРВАЛОСЬ"),
        ({"take-for-drill_": "exit 3"}, "stopped", "ПРЕРВАЛОСЬ"),
        ({"_up_--detach": "exit 1"}, "stopped", "ПРЕРВАЛОСЬ"),
        ({"pg_restore": "exit 1"}, "stopped", "ПРЕРВАЛОСЬ"),
        ({"backup_put-objects": "exit 3"}, "stopped", "ПРЕРВАЛОСЬ"),
        ({"compare_--drill": "exit 125"}, "stopped", "ПРЕРВАЛОСЬ"),
    ],
)
def test_only_a_set_that_differs_fails_a_drill(
    checkout: Checkout, answers: dict[str, str], outcome: str, told: str
) -> None:
    if "pg_restore" in answers:
        answers = {"--username=voxpersona": answers["pg_restore"]}
    status, said = checkout.run("restore-drill", **answers)
    assert status == (0 if outcome == "passed" else 1)
    assert told in said
    [noted] = [call for call, _ in checkout.calls() if " drilled " in call]
    assert noted.endswith(f" backup drilled {outcome}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("name", ["backup", "restore", "restore-drill"])
def test_without_space_for_a_container_nothing_is_begun(checkout: Checkout, name: str) -> None:
    small = checkout.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", small], check=True)
    try:
        status, said = checkout.run(name, **{"info_--format": f'echo "{small}"'})
    finally:
        subprocess.run(["umount", small], check=True)
    assert (status, "scripts/cleanup_images" in said, "нужно хотя бы 64 МБ" in said) == (3, True, True), said
    assert not checkout.asked(" run ") + checkout.asked(" exec ") + checkout.asked(" up ")


KEYS = "# keys\n\nBACKUP_REPOSITORY=s3:https://host/bucket\nexport AWS_SECRET_ACCESS_KEY=a\n"


def test_settings_come_back_over_a_file_with_nothing_but_the_keys_of_the_repository(checkout: Checkout) -> None:
    (checkout.folder / "saved").write_text("LLM_MODEL=chat\n", encoding="utf-8")
    (checkout.folder / ".env").write_text(KEYS, encoding="utf-8")
    status, _ = checkout.run("restore")
    assert status == 0
    assert (checkout.folder / ".env").read_text(encoding="utf-8") == "LLM_MODEL=chat\n"
    assert (checkout.folder / ".env.before").read_text(encoding="utf-8") == KEYS
    # Once more: what is there is what is saved.
    status, said = checkout.run("restore")
    assert (status, "mv" in said) == (0, False)
    assert not (checkout.folder / ".env.restored").exists()


def test_settings_of_somebody_s_own_stay_and_that_is_the_last_thing_said(checkout: Checkout) -> None:
    (checkout.folder / "saved").write_text("LLM_MODEL=chat\n", encoding="utf-8")
    (checkout.folder / ".env").write_text(KEYS + "LLM_MODEL=other\n", encoding="utf-8")
    status, said = checkout.run("restore", backup_compare="echo compared")
    assert status == 0
    assert (checkout.folder / ".env").read_text(encoding="utf-8") == KEYS + "LLM_MODEL=other\n"
    assert "mv .env.restored .env" in said.splitlines()[-1]


def test_of_two_restores_one_goes_on_and_the_other_changes_nothing(checkout: Checkout) -> None:
    first = checkout.start("restore", backup_take="touch begun; until [ -e go ]; do sleep 0.05; done")
    checkout.wait_for("begun")
    status, said = checkout.run("restore")
    told = f"уже работает scripts/restore (процесс {first.pid}). Ничего не сделано"
    assert (status, said.count("\n"), told in said) == (2, 1, True), said
    assert not (checkout.folder / "calls").exists()
    (checkout.folder / "go").touch()
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert checkout.run("restore")[0] == 0


def test_what_a_killed_restore_has_started_keeps_the_next_one_waiting_and_that_is_told(checkout: Checkout) -> None:
    first = checkout.start("restore", backup_take="touch begun; until [ -e go ]; do sleep 0.05; done")
    checkout.wait_for("begun")
    first.kill()
    first.wait()
    status, said = checkout.run("restore")
    told = f"работают программы, которые запустила команда scripts/restore (процесс {first.pid}): её саму прервали."
    assert (status, said.count("\n"), told in said) == (2, 1, True), said
    assert not (checkout.folder / "calls").exists()
    (checkout.folder / "go").touch()
    assert not first.communicate(timeout=60)[0]  # ends with the last of its programs
    assert checkout.run("restore")[0] == 0


def test_while_a_deploy_runs_nothing_is_restored_and_no_backup_is_made_of_what_is_half_there(
    checkout: Checkout,
) -> None:
    with restores_kept_away(checkout.folder, "deploy"):
        status, said = checkout.run("restore")
    assert (status, f"уже работает scripts/deploy (процесс {os.getpid()})." in said) == (2, True), said
    assert not (checkout.folder / "calls").exists()
    assert checkout.run("restore")[0] == 0
    assert {tuple(locks) for _, locks in checkout.calls()} == {("backup",)}


def test_a_bucket_in_use_is_refused_before_anything_is_started(checkout: Checkout) -> None:
    status, _ = checkout.run("restore", **{"require-store": "exit 2"})
    assert (status, checkout.asked(" up ")) == (2, [])
    status, _ = checkout.run("restore", "--into-used-bucket", "1d670e3f", **{"require-store": "exit 2"})
    assert (status, checkout.asked("backup require-store")) == (0, [])
    assert len(checkout.asked("backup take 1d670e3f")) == 1
    assert len(checkout.asked(" --into-used")) == 2


@pytest.mark.parametrize(
    ("name", "fails", "never"),
    [
        ("restore", "backup_take", " up "),
        ("restore", "setting_.env", " up "),
        ("restore", "_up_--detach", "backup dump"),
        ("restore", "backup_dump", "put-objects"),
        ("restore", "--username=voxpersona", "put-objects"),
        ("restore", "put-objects", "backup compare"),
        ("restore", "backup_compare", "—"),
        ("renew-secrets", "prepare_--renew", " up "),
        ("renew-secrets", "_up_--detach_--wait_--no-deps", " exec "),
        ("renew-secrets", "_exec_", "--force-recreate"),
        ("backup", "_exec_", "—"),
        ("backup", "backup_make", "—"),
    ],
)
def test_a_step_that_fails_is_the_last_one(checkout: Checkout, name: str, fails: str, never: str) -> None:
    status, _ = checkout.run(name, **{fails: "exit 1"})
    assert (status, checkout.asked(never)) == (1, [])
    # Of what a restore has taken out nothing readable is left; a step that takes it out cleans up itself.
    forgotten = len(checkout.asked("backup forget-restored"))
    assert forgotten == (name == "restore" and fails != "backup_take")


def test_what_cannot_be_removed_after_a_restore_is_named(checkout: Checkout) -> None:
    status, said = checkout.run("restore", **{"put-objects": "exit 1", "forget-restored": "exit 1"})
    assert (status, "sudo rm -r persistent_data/backups/restored" in said) == (1, True)
    status, said = checkout.run("restore")
    assert (status, checkout.asked("forget-restored"), "rm -r" in said) == (0, [], False)


def test_a_damaged_set_is_restored_in_part_wherever_the_option_stands(checkout: Checkout) -> None:
    for options in (("--partial", "1d670e3f"), ("1d670e3f", "--partial")):
        assert checkout.run("restore", *options)[0] == 0
        assert len(checkout.asked("backup take --partial 1d670e3f")) == 1
    assert checkout.run("restore")[0] == 0
    assert checkout.asked("--partial") == []


def test_a_drill_of_a_set_that_is_to_stay_knows_both_wherever_they_stand(checkout: Checkout) -> None:
    for options in (("--keep", "1d670e3f"), ("1d670e3f", "--keep")):
        assert checkout.run("restore-drill", *options)[0] == 0
        assert len(checkout.asked("take-for-drill 1d670e3f")) == 1
        assert checkout.asked("end-drill") == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("backup", ("--check", "--list")),
        ("backup", ("1d670e3f",)),
        ("restore", ("1d670e3f", "2e781f40")),
        ("restore-drill", ("--keep", "--end")),
        ("restore-drill", ("--end", "1d670e3f")),
        ("restore-drill", ("--compare", "1d670e3f")),
    ],
)
def test_what_does_not_go_together_is_refused(checkout: Checkout, name: str, options: tuple[str, ...]) -> None:
    status, said = checkout.run(name, *options)
    assert (status, said.count("\n"), f"scripts/{name} --help" in said) == (2, 1, True)
    assert not (checkout.folder / "calls").exists()


def test_what_a_restore_puts_aside_is_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".env.*", "!.env.example"} <= set(ignored)
    assert re.search(r"^\*\.restored$", "\n".join(ignored), re.MULTILINE)


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_a_second_folder_takes_nothing_from_the_one_that_the_system_runs_in(
    checkout: Checkout, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("Голоса гостей")
    runs = {"compose_ps_--all": "echo 1a2b"}
    status, said = checkout.run(name, **runs, inspect=f'echo "{other}"')
    assert (status, f"из папки {other}," in said, "docker compose down" in said) == (2, True, True)
    assert not checkout.asked(" run ") + checkout.asked(" exec ") + checkout.asked(" up ")
    # The same folder by another name, and one that was renamed.
    (other / "link").symlink_to(checkout.folder)
    for folder in (other / "link", other / "renamed"):
        assert checkout.run(name, **runs, inspect=f'echo "{folder}"')[0] == 0
