"""Backups by the scripts themselves: made, drilled, tampered with, and restored where nothing was before."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composed import COMPOSE, PRODUCT_IMAGE, build_stand_ins, look_at_health_often
from config import ROOT, version
from deployed_server import PROGRAM
from docker_engine import COMMIT, Docker, Image
from embedded.ports import free_ports

SETTINGS = {
    "ASR_BASE_URL": "http://127.0.0.1:9/v1",
    "ASR_MODEL": "none",
    "LLM_ENGINE": "none",
    "EMBEDDINGS_ENGINE": "off",
}
SCRIPTS = (
    *("turns", "usage", "engine", "environment"),
    *("backup", "restore", "restore-drill", "renew-secrets", "deploy"),
)
ROWS = """
INSERT INTO users (id, name, role) VALUES ('00000000-0000-0000-0000-000000000001', 'Мария', 'user');
INSERT INTO recordings (id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec,
    duration_s, scenario, stage)
VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 1, repeat('a', 64), 5000,
    'Беседа.ogg', 'ogg', 'recordings/1/2/original.ogg', 'ogg', 'opus', 60, 'interview', 'done');
INSERT INTO transcripts (recording_id, language, engine, model, duration_s, content_hash)
VALUES ('00000000-0000-0000-0000-000000000002', 'ru', 'whisper', 'base', 60, 'a');
INSERT INTO transcript_segments (recording_id, position, start_s, end_s, text)
SELECT '00000000-0000-0000-0000-000000000002', number, number, number + 1,
    'Администратор предложила гостям завтрак на террасе номер ' || number
FROM generate_series(0, 200) AS number;
"""
OBJECT = """
import asyncio, sys
sys.path.insert(0, '/app/src')
from application.objects import bucket_store
from config import load_settings
asyncio.run(bucket_store(load_settings()).put_bytes('recordings/1/2/original.ogg', sys.argv[1].encode() * 1000))
"""
SHOWN_LIMIT_S = 15
CHANGE = """
SET session_replication_role = replica;
UPDATE transcript_segments SET end_s = end_s + {seconds} WHERE position = 7
"""
"""Without the triggers, which would note in another table that the row has to be indexed anew."""


class Machine:
    """A checkout on a machine, without what the images are built from."""

    def __init__(self, docker: Docker, folder: Path, name: str) -> None:
        self.docker, self.checkout = docker, folder / name
        self.checkout.mkdir(parents=True)
        shutil.copy(ROOT / "docker-compose.yml", self.checkout)
        look_at_health_often(self.checkout)
        for part in ("deploy", "resources/backup"):
            shutil.copytree(ROOT / part, self.checkout / part)
        (self.checkout / "scripts").mkdir()
        for script in SCRIPTS:
            shutil.copy(ROOT / "scripts" / script, self.checkout / "scripts")
        programs = folder / "bin"
        programs.mkdir(exist_ok=True)
        if not (programs / "docker").exists():
            (programs / "docker").symlink_to(docker.client)
            plugins = Path(docker.environment["DOCKER_CONFIG"]) / "cli-plugins"
            plugins.mkdir(exist_ok=True)
            (plugins / "docker-compose").unlink(missing_ok=True)
            (plugins / "docker-compose").symlink_to(COMPOSE)
        path = f"{programs}:/usr/bin:/bin"
        self.environment = {**docker.environment, "PATH": path, "HTTP_PORT": str(free_ports(1)[0])}

    @property
    def state(self) -> Path:
        return self.checkout / "persistent_data"

    def run(self, *command: str | Path, given: str | None = None, seconds: float = 300) -> tuple[int, str]:
        """Run a command in the checkout; return its status and what it said."""
        done = subprocess.run(
            [str(each) for each in command],
            cwd=self.checkout,
            env=self.environment,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout

    def start(self, name: str) -> "subprocess.Popen[str]":
        """Start a script."""
        return subprocess.Popen(
            [self.checkout / "scripts" / name],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self, name: str, *options: str) -> tuple[int, str]:
        return self.run(self.checkout / "scripts" / name, *options)

    def compose(self, *arguments: str, given: str | None = None) -> str:
        status, said = self.run(COMPOSE, *arguments, given=given)
        assert status == 0, said[-4000:]
        return said

    def query(self, text: str, *project: str) -> str:
        psql = ("psql", "-h", "/var/run/postgresql", "-U", "voxpersona", "-tA", "-v", "ON_ERROR_STOP=1")
        return self.compose(*project, "exec", "-T", "postgres", *psql, given=text)

    def down(self) -> None:
        self.run(COMPOSE, "--profile=backup", "down", "--remove-orphans", "--timeout=10")

    @property
    def _drill(self) -> tuple[str, ...]:
        project = ("--project-name=voxpersona-drill", f"--project-directory={self.state}/backups/drill")
        return (*project, "--env-file=/dev/null", "--file=docker-compose.yml")

    def drilled(self, text: str) -> None:
        """Ask the database of the drill."""
        self.query(text, *self._drill)

    def put_into_drill(self, sound: str) -> None:
        """Put another object into the drill's store in the place of the recording."""
        python = ("run", "--rm", "-T", "--no-deps", "--entrypoint=python", "backup")
        self.compose(*self._drill, "--profile=backup", *python, "-c", OBJECT, sound)

    def is_left(self) -> bool:
        """Whether anything of the drill is left."""
        there = self.docker.run("ps", "--all", "--filter=label=com.docker.compose.project=voxpersona-drill", "--quiet")
        networks = self.docker.run("network", "ls", "--filter=name=voxpersona-drill", "--quiet")
        return bool(there.stdout or networks.stdout or (self.state / "backups/drill").exists())


@pytest.fixture(scope="module")
def images(docker: Docker, lite: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not docker.is_ours:
        pytest.skip("this engine may run an installation, which has the same names")
    docker.run("tag", lite.tag, PRODUCT_IMAGE)
    build_stand_ins(docker, tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="module")
def machine(docker: Docker, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A running installation with people's work in it, and a set of it."""
    machine = Machine(docker, tmp_path_factory.mktemp("machine"), "Голоса гостей 2")
    lines = "".join(f"{name}={value}\n" for name, value in SETTINGS.items())
    (machine.checkout / ".env").write_text(lines, encoding="utf-8")
    try:
        machine.compose("up", "--detach", "--wait", "--no-build", "voxpersona")
        machine.query(ROWS)
        machine.compose("exec", "-T", "voxpersona", "python", "-c", OBJECT, "sound")
        (machine.state / "reports/user_1").mkdir()
        (machine.state / "reports/user_1/report.md").write_text("# Отчёт\n", encoding="utf-8")
        status, said = machine.script("backup")
        assert status == 0, said
        yield machine
    finally:
        machine.down()


def becomes(machine: Machine, line: str) -> None:
    """Wait until the running system says so of its health."""
    ends = time.monotonic() + SHOWN_LIMIT_S
    command = (COMPOSE, "exec", "-T", "voxpersona", "python", "src/main.py", "health")
    while line not in (said := machine.run(*command)[1]):
        assert time.monotonic() < ends, said
        time.sleep(0.5)


def test_a_set_is_listed_and_its_files_are_closed(machine: Machine) -> None:
    status, said = machine.script("backup", "--list")
    assert status == 0, said
    backups = machine.state / "backups"
    made = json.loads((backups / "status.json").read_text(encoding="utf-8"))["made"]
    assert made["snapshot"][:8] in said
    assert f"версия {version()}, коммит {COMMIT[:12]}" in said
    assert {path.name for path in backups.iterdir()} >= {"repository", "set", "status.json"}
    for path in (backups / "repository", backups / "set", machine.state / "secrets/backup"):
        assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (0, 0), path
    assert [path.name for path in (backups / "set").iterdir()] == ["objects"]
    password = (machine.state / "secrets/backup/password").read_text(encoding="utf-8")
    assert password not in machine.compose("logs")


def test_a_drill_passes_and_tells_a_row_a_byte_and_an_object(machine: Machine) -> None:
    status, said = machine.script("restore-drill", "--keep")
    assert status == 0, said
    assert "Учебное восстановление удалось" in said

    machine.drilled(CHANGE.format(seconds=0.5))
    status, said = machine.script("restore-drill", "--compare")
    assert status == 1
    assert "transcript_segments" in said
    assert "УЧЕБНОЕ ВОССТАНОВЛЕНИЕ НЕ УДАЛОСЬ" in said
    becomes(machine, "Резервные копии: работает с трудом — повреждены")

    machine.drilled(CHANGE.format(seconds=-0.5))
    report = machine.state / "backups/drill/persistent_data/reports/user_1/report.md"
    report.write_text("# отчёт\n", encoding="utf-8")
    status, said = machine.script("restore-drill", "--compare")
    assert (status, "user_1/report.md" in said, "transcript_segments" in said) == (1, True, False)

    report.write_text("# Отчёт\n", encoding="utf-8")
    machine.put_into_drill("soond")
    status, said = machine.script("restore-drill", "--compare")
    assert (status, "recordings/1/2/original.ogg" in said, "user_1/report.md" in said) == (1, True, False), said

    machine.put_into_drill("sound")
    status, said = machine.script("restore-drill", "--compare")
    assert status == 0, said
    becomes(machine, "Резервные копии: работает\n")
    machine.script("restore-drill", "--end")
    assert not machine.is_left()


def test_a_changed_byte_in_a_set_fails_the_drill_and_is_told(machine: Machine) -> None:
    pack = max((machine.state / "backups/repository/data").glob("*/*"), key=lambda path: path.stat().st_size)
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    try:
        status, said = machine.script("restore-drill")
        assert status == 1, said
        assert "Резервная копия повреждена" in said
        assert "УЧЕБНОЕ ВОССТАНОВЛЕНИЕ НЕ УДАЛОСЬ" in said
        status, said = machine.script("backup", "--check")
        assert (status, "Резервная копия повреждена" in said) == (1, True), said
    finally:
        pack.write_bytes(whole)
    assert not machine.is_left()


def test_lost_passwords_are_named_and_made_anew_by_the_operator_s_word(machine: Machine) -> None:
    product = ("product/database_url", "product/minio_secret_key")
    for name in (*product, "postgres/password", "objects/secret_key", "objects/s3.json"):
        (machine.state / "secrets" / name).unlink()
    status, _ = machine.run(COMPOSE, "up", "--detach", "--wait", "--no-build", "voxpersona")
    assert status != 0
    told = "secrets/postgres/password, persistent_data/secrets/objects/secret_key. Нового ничего не сделано"
    assert told in machine.compose("logs", "--no-log-prefix", "prepare")
    status, said = machine.script("backup")
    assert (status, "scripts/renew-secrets" in said, "✔ Резервная копия" in said) == (3, True, False), said
    status, said = machine.script("renew-secrets")
    assert status == 0, said
    becomes(machine, "База данных: работает\nХранилище записей: работает\n")
    status, said = machine.script("backup")
    assert status == 0, said


def test_an_empty_machine_gets_everything_back_once_and_another_is_left_alone(machine: Machine, tmp_path: Path) -> None:
    status, said = machine.script("restore")
    assert status == 2, said
    assert "Здесь уже есть данные (postgres, minio" in said
    rows = machine.query("SELECT count(*), sum(end_s) FROM transcript_segments")
    machine.down()

    new = Machine(machine.docker, tmp_path, "новая машина")
    try:
        for name in ("backups/repository", "secrets/backup"):
            shutil.copytree(machine.state / name, new.state / name)
        for name in PROGRAM:
            copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copied(ROOT / name, new.checkout / name)
        restore = new.start("restore")
        lock = new.checkout / ".restore.lock"
        ends = time.monotonic() + SHOWN_LIMIT_S
        while not lock.exists() or not lock.read_text(encoding="utf-8"):
            assert time.monotonic() < ends
            time.sleep(0.05)
        for other, refused in (("restore", 2), ("deploy", 1)):
            status, said = new.script(other)
            assert (status, f"работает scripts/restore (процесс {restore.pid})" in said) == (refused, True), said
        said, _ = restore.communicate(timeout=300)
        assert restore.returncode == 0, said
        assert "Восстановлено и сверено" in said
        assert (new.checkout / ".env").read_text(encoding="utf-8").splitlines()[
            0
        ] == "ASR_BASE_URL=http://127.0.0.1:9/v1"
        new.compose("up", "--detach", "--wait", "--no-build", "voxpersona")
        assert new.query("SELECT count(*), sum(end_s) FROM transcript_segments") == rows
        report = new.state / "reports/user_1/report.md"
        assert (report.read_text(encoding="utf-8"), report.stat().st_uid) == ("# Отчёт\n", 10001)
        assert not list((new.state / "backups").glob("restored"))
        assert os.listdir(new.state / "secrets/product") == os.listdir(machine.state / "secrets/product")  # noqa: PTH208
    finally:
        new.down()
