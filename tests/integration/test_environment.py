"""The environment that scripts make at the first start, with a stand-in for Python that notes what it is asked for."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import ROOT
from deployment.records import Record, Records

PREPARE = "set -euo pipefail; source scripts/environment; prepare_environment requirements-embedded.txt"
PINS = ("requirements.txt", "requirements-local.txt", "requirements-embedded.txt")
PYTHON = """#!/usr/bin/env bash
case "$*" in
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >>asked; read -r _ <gate ;;
    "-m pip "*) echo pip >>asked ;;
esac
"""
"""Making an environment takes until a line comes through ``gate``; its python is there before, as with the real one."""


class Checkout:
    """A checkout without an environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "environment", folder / "scripts")
        for name in PINS:
            (folder / name).write_text("some==1.0\n")
        (folder / "python").write_text(PYTHON)
        (folder / "python").chmod(0o755)
        os.mkfifo(folder / "gate")

    def start(self, stderr: int = subprocess.PIPE, before: str = "") -> subprocess.Popen[str]:
        self.started.append(
            subprocess.Popen(
                ["bash", "-c", before + PREPARE],
                cwd=self.folder,
                env={**os.environ, "PYTHON": str(self.folder / "python")},
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        )
        return self.started[-1]

    def let_through(self) -> None:
        """Let one environment be made; waits until one is being made."""
        (self.folder / "gate").write_text("\n")

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().split()


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def test_of_commands_that_start_together_one_makes_the_environment(checkout: Checkout) -> None:
    first = checkout.start()
    assert "Создаю виртуальное окружение" in first_line(first)
    second = checkout.start()
    assert "Другая команда уже готовит окружение" in first_line(second)
    checkout.let_through()
    assert [first.wait(), second.wait()] == [0, 0]
    assert checkout.asked == ["venv", "pip"]


def test_an_environment_whose_making_was_killed_is_made_anew(checkout: Checkout) -> None:
    first = checkout.start()
    gate = os.open(checkout.folder / "gate", os.O_WRONLY)  # opens when it is being made
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    os.close(gate)
    second = checkout.start()
    checkout.let_through()
    assert second.wait() == 0
    assert checkout.asked == ["venv", "venv", "pip"]
    assert checkout.start().wait() == 0
    assert checkout.asked == ["venv", "venv", "pip"], "the third found it ready"


@pytest.mark.parametrize("name", PINS)
def test_a_change_of_any_pins_installs_them(checkout: Checkout, name: str) -> None:
    first = checkout.start()
    checkout.let_through()
    assert first.wait() == 0
    (checkout.folder / name).write_text("some==1.1\n")
    assert checkout.start().wait() == 0
    assert checkout.asked == ["venv", "pip", "pip"]


def test_the_first_start_goes_on_when_nobody_reads_what_it_says(checkout: Checkout) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = checkout.start(stderr=writer)
    os.close(writer)
    checkout.let_through()
    assert process.wait() == 0
    assert checkout.asked == ["venv", "pip"]


def test_the_first_start_goes_on_without_standard_error(checkout: Checkout) -> None:
    process = checkout.start(before="exec 2>&-; ")
    checkout.let_through()
    assert process.wait() == 0
    assert checkout.asked == ["venv", "pip"]


@pytest.mark.parametrize(
    ("command", "running", "asked"),
    [
        ("health_check", "1a2b", "exec -T voxpersona python src/main.py health"),
        ("validate_config", "1a2b", "run --rm --no-deps -T voxpersona validate-config --worker"),
        ("validate_config", "", "run --rm --no-deps -T voxpersona validate-config --worker"),
        ("health_check", "", None),
    ],
)
def test_on_a_server_with_docker_alone_the_container_is_asked(
    checkout: Checkout, command: str, running: str, asked: str | None
) -> None:
    for name in ("engine", "run", "usage", "health_check", "validate_config"):
        shutil.copy(ROOT / "scripts" / name, checkout.folder / "scripts")
    docker = checkout.folder / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/bash\n[[ "$*" == *" ps "* ]] && echo "{running}" || echo "container: $*"\n')
    docker.chmod(0o755)
    (checkout.folder / ".env").touch(0o644)
    # Who makes an environment here fails at once.
    (checkout.folder / "python").write_text('#!/bin/sh\n[ "$2" != venv ]\n')
    done = subprocess.run(
        [checkout.folder / "scripts" / command, *(["--worker"] if command == "validate_config" else [])],
        env={"PATH": f"{docker.parent}:/usr/bin:/bin", "PYTHON": str(checkout.folder / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked is None:
        assert (done.returncode, done.stdout) == (2, "")
    else:
        assert (done.returncode, done.stdout) == (0, f"container: compose {asked}\n")
        assert not (checkout.folder / ".venv").exists()
    assert "chmod 600 .env" in done.stderr


@pytest.mark.parametrize(
    ("state", "answer", "status", "crashes"),
    [
        ("restarting 3 2026-01-01T00:00:00Z", 0, 1, True),
        ("running 3 $(date -Is)", 137, 1, True),
        ("running 3 $(date -Is)", 0, 0, False),
        ("running 3 2026-01-01T00:00:00Z", 1, 1, False),
    ],
)
def test_of_a_bot_that_ends_again_and_again_its_last_words_are_told(
    checkout: Checkout, state: str, answer: int, status: int, crashes: bool
) -> None:
    for name in ("engine", "run", "usage", "health_check"):
        shutil.copy(ROOT / "scripts" / name, checkout.folder / "scripts")
    docker = checkout.folder / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        f"""#!/bin/bash
case "$*" in
    *" ps "*) echo 1a2b ;;
    inspect*) echo "{state}" ;;
    *logs*) printf '%s\\n' '{{"event": "command_ended"}}' 'Telegram не принял токен.' 'Запускаю бота…' ;;
    *exec*) exit {answer} ;;
esac
"""
    )
    docker.chmod(0o755)
    (checkout.folder / "python").write_text("#!/bin/sh\n")
    done = subprocess.run(
        [checkout.folder / "scripts/health_check"],
        env={"PATH": f"{docker.parent}:/usr/bin:/bin", "PYTHON": str(checkout.folder / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    told = "снова и снова: docker compose logs --tail=20 voxpersona. Последнее в журнале: Telegram не принял токен."
    assert (done.returncode, told in done.stderr) == (status, crashes)


@pytest.mark.parametrize("command", ["health_check", "validate_config"])
@pytest.mark.parametrize(
    ("docker", "status", "told"),
    [
        (None, 3, "Не найдена программа docker. Установите её: "),
        ("echo 'Cannot connect to the Docker daemon.' >&2; exit 1", 3, "Docker не отвечает: Cannot connect to the Do"),
        ('[ "$1" = version ]', 3, "Docker Compose не найден. Установите пакет docker-compose-plugin."),
        ('[[ "$*" == *version* ]]', 1, "VoxPersona не запущена, спросить некого. Запустите её: docker compose up"),
    ],
)
def test_where_docker_has_run_it_no_python_is_installed_in_docker_s_absence(
    checkout: Checkout, command: str, docker: str | None, status: int, told: str
) -> None:
    programs = checkout.folder / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "env", "find", "grep", "sed", "sort", "timeout", "uniq"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name in ("engine", "run", "usage", "health_check", "validate_config"):
        shutil.copy(ROOT / "scripts" / name, checkout.folder / "scripts")
    if docker is not None:
        (programs / "docker").write_text(f"#!/bin/bash\n{docker}\n")
        (programs / "docker").chmod(0o755)
    (checkout.folder / "persistent_data/secrets").mkdir(parents=True)
    (checkout.folder / ".env").write_text("LLM_MODEL=a\nTTS_VOICE=b\nexport LLM_MODEL=c\n")
    (checkout.folder / ".env").chmod(0o600)

    def run() -> tuple[int, list[str]]:
        script = checkout.folder / "scripts" / command
        done = subprocess.run([script], env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.splitlines()

    code, [repeated, said] = run()
    assert (code, said.startswith(told), "LLM_MODEL: в .env не одна" in repeated) == (status, True, True), said
    (checkout.folder / ".env").unlink()
    (checkout.folder / ".env").mkdir()
    code, [said] = run()
    assert (code, "На месте файла .env стоит папка" in said) == (2, True)


@dataclass
class Server:
    """A server with Docker alone, whose Docker says that these containers run."""

    checkout: Checkout
    runs: str

    def __post_init__(self) -> None:
        for name in ("engine", "run", "usage", "health_check"):
            shutil.copy(ROOT / "scripts" / name, self.checkout.folder / "scripts")
        shutil.copytree(ROOT / "src/deployment", self.checkout.folder / "src/deployment")
        for name in ("texts", "system", "constants.py", "errors.py", "errors_of_operation.py"):
            (self.checkout.folder / "src" / name).symlink_to(ROOT / "src" / name)
        (self.checkout.folder / "python").unlink()
        (self.checkout.folder / "python").symlink_to(sys.executable)
        (self.checkout.folder / "persistent_data/secrets").mkdir(parents=True)
        self.records = Records(self.checkout.folder / "persistent_data/deploys")
        docker = self.checkout.folder / "bin/docker"
        docker.parent.mkdir()
        docker.write_text(
            f"""#!/bin/bash
case "$*" in
    *" ps "*"--status running"*) echo "{self.runs}" ;;
    *exec*) echo ready ;;
esac
"""
        )
        docker.chmod(0o755)

    def check(self, *through: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*through, self.checkout.folder / "scripts/health_check"],
            env={
                "PATH": f"{self.checkout.folder / 'bin'}:/usr/bin:/bin",
                "PYTHON": str(self.checkout.folder / "python"),
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize(
    ("runs", "step", "former", "told"),
    [
        ("", "switch", "sha256:1", "docker compose up запустил бы непроверенную версию"),
        ("1a2b", "watch", "sha256:1", "шаг «Наблюдаю»): то, что работает, не проверено"),
        ("", "build", "sha256:1", "scripts/deploy"),
        ("1a2b", "build", "sha256:1", None),
        ("", "switch", None, "Прежней версии нет"),
        ("", None, None, None),
    ],
)
def test_a_deploy_that_was_killed_is_named_with_the_ways_on(
    checkout: Checkout, runs: str, step: str | None, former: str | None, told: str | None
) -> None:
    server = Server(checkout, runs)
    records = server.records
    records.prepare()
    (records.folder / "lock").write_text(str(os.getpid()))  # another process has the number by now
    if step is not None:
        records.save(Record(id="20260102-030405", started="", step=step, former_image=former))
    done = server.check()
    assert (done.returncode, done.stdout) == ((0, "ready\n") if runs else (1, ""))
    assert ("20260102-030405" in done.stderr) == (told is not None)
    assert (told or "") in done.stderr
    assert ("scripts/deploy" in done.stderr) == (told is not None)
    assert ("scripts/rollback" in done.stderr) == (told is not None and former is not None)
    assert ("Запустите её: docker compose up" in done.stderr) == (not runs and step is None)

    if step is not None:
        with records.locked():
            assert f"идёт обновление или откат (процесс {os.getpid()})" in server.check().stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be kept out of a folder that is its own")
@pytest.mark.parametrize("runs", ["", "1a2b"])
@pytest.mark.parametrize("closed", ["persistent_data/deploys", "persistent_data/deploys/state.json"])
def test_who_may_not_read_of_deploys_is_told_who_can(checkout: Checkout, runs: str, closed: str) -> None:
    server = Server(checkout, runs)
    server.records.prepare()
    server.records.save(Record(id="20260102-030405", started="", step="switch", former_image="sha256:1"))
    shutil.chown(checkout.folder / closed, "daemon")

    done = server.check("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")

    assert (done.returncode, done.stdout) == ((0, "ready\n") if runs else (1, ""))
    assert f"узнать нельзя: {checkout.folder / closed} открывает только daemon. Спросите" in done.stderr
    assert "sudo scripts/health_check" in done.stderr
    assert ("VoxPersona не запущена. Сначала узнайте" in done.stderr) == (not runs)
    assert "Запустите её: docker compose up" not in done.stderr
    assert "20260102-030405" in server.check().stderr  # by root
