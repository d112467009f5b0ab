"""Deploys on a real engine: a good version comes, a bad one goes, and what ran is there afterwards."""

import signal
import socket
import time
from collections.abc import Iterator

import pytest

from composed import PRODUCT_IMAGE, build_stand_ins
from config import ROOT
from deployed_server import BASE, DOCKERFILE, Server
from deployment import command_line
from deployment.deploy import Deploy
from deployment.records import Record
from docker_engine import Docker, Image

ROLLBACK_LIMIT_S = 300
MIGRATION = "ALTER TABLE cities ADD COLUMN hint text;\n"
MAIN = (ROOT / "src/main.py").read_text(encoding="utf-8")
WRONG_COMMIT = "f" * 40


def once_switched(does: str) -> dict[str, str | None]:
    """A version that is good wherever it is tried, and does this first in the place of the former one."""
    begins = 'import sys, time\nif __name__ == "__main__" and sys.argv[1:] in ([], ["worker"]):\n    '
    return {"release/main.py": f"{begins}{does}\n{MAIN}"}


LINES = 'print(\'{"level": "error", "event": "update_failed"}\\n\' * 9, file=sys.stderr)'
TRIGGERS: list[tuple[dict[str, str | None], str, str]] = [
    (once_switched('sys.exit("Нет памяти")'), "", "перезапускается"),
    (once_switched("time.sleep(1e6)"), "ready", "не готова"),
    (once_switched(LINES), "watch", "update_failed"),
    ({"Dockerfile": f"{DOCKERFILE}ENV BUILD_COMMIT={WRONG_COMMIT}\n"}, "smoke", WRONG_COMMIT[:12]),
]
"""What a bad version does, the step that finds it (the first may be found in any), and a word of the reason."""
FILLS_THE_DISK = f"FROM {BASE} AS lite\nUSER 0\nRUN dd if=/dev/zero of=/dev/full count=1\n"


class Killed(BaseException):
    """The deploy is killed here."""


class AtOnce(Deploy):
    """Leaves out what has tests of its own and takes long: the checks before the former version stops."""

    def _check(self) -> None:
        """Believe that it is whole."""

    def _migrate(self) -> None:
        """Leave the database as it is."""

    def _try_beside(self) -> None:
        """Start no canary."""


class KilledInTheSwitch(AtOnce):
    """Is killed once the new version stands in the place of the former one."""

    def _switch(self, record: Record) -> None:
        with self._step(record, "switch"):
            self._service.replace(self._image, record.workers, alone=False)
            raise Killed


def deployed(server: Server, how: type[Deploy], **environment: str) -> int:
    """Deploy what the branch has, in this process; return the status."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(command_line, "_ROOT", server.checkout)
        patched.setattr(command_line, "Deploy", how)
        return command_line._deploy(["--without-backup"], {**server.environment, **environment})


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Signals reach the tests again after a deploy in their own process has gone its way back."""
    found = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in found.items():
        signal.signal(each, handler)


@pytest.fixture(scope="module")
def server(docker: Docker, lite: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The first version, deployed where nothing was before."""
    if not docker.is_ours:
        pytest.skip("this engine may run an installation, which has the same names")
    build_stand_ins(docker, tmp_path_factory.mktemp("stand-ins"))
    docker.run("tag", lite.tag, BASE)
    made = Server(docker, tmp_path_factory.mktemp("server"))
    try:
        assert deployed(made, AtOnce) == 0, log_of(made)
        made.work_with(0)
        yield made
    finally:
        made.remove()


def log_of(server: Server) -> str:
    logs = sorted((server.checkout / "persistent_data/deploys").glob("*.log"))
    return logs[-1].read_text(encoding="utf-8")[-6000:] if logs else ""


def test_a_new_version_takes_the_place_of_the_former_one_though_two_deploys_are_killed(server: Server) -> None:
    former, image = server.head(), server.bot()["Image"]
    commit = server.release({"release/release_note.py": '"""The second."""\n', "sql/0099.hint.sql": MIGRATION})
    process = server.start("deploy")
    assert process.stdout is not None
    assert any("Собираю" in line for line in process.stdout), log_of(server)
    status, said = server.run("restore")
    assert (status, f"работает scripts/deploy (процесс {process.pid})" in said) == (2, True), said
    process.kill()
    process.wait()
    process.stdout.close()
    with pytest.raises(Killed):
        deployed(server, KilledInTheSwitch)
    assert server.bot()["Image"] != image

    status, said = server.run("deploy", DEPLOY_WATCH_S="3")

    assert status == 0, f"{said}\n{log_of(server)}"
    assert "оборвалось на шаге «Заменяю прежнюю версию»" in said
    assert f"Версия {commit[:12]} работает." in said
    assert server.answer() | {"parts": {}} == {"ready": True, "parts": {}, "commit": commit}
    assert server.compose("ps", "--quiet", "worker") == ""
    assert server.image("latest") == server.image(commit[:12]) == server.bot()["Image"]
    assert server.image("previous") == server.image(former[:12]) == image
    assert [each["result"] for each in server.reports()[-3:]] == ["interrupted", "interrupted", "done"]
    report = server.reports()[-1]
    assert (report["former_commit"], report["target_commit"], report["backup"]) == (former, commit, True)
    assert [step["name"] for step in report["steps"]][-3:] == ["smoke", "watch", "tidy"]
    assert server.docker.run("ps", "--all", "--quiet", "--filter=name=voxpersona-c").stdout == ""
    assert not (server.checkout / "persistent_data/deploys/state.json").exists()


def test_the_former_version_comes_back_by_hand_over_the_newer_database(server: Server) -> None:
    running, previous = server.image("latest"), server.image("previous")
    began = time.monotonic()
    status, said = server.run("rollback")
    seconds = time.monotonic() - began
    print(f"a rollback by hand takes {seconds:.1f} s")
    assert status == 0, said
    assert seconds < ROLLBACK_LIMIT_S
    assert server.bot()["Image"] == previous == server.image("latest")
    assert server.answer()["ready"]
    assert server.answer()["commit"] == server.head()
    assert server.image("previous") == running


def test_what_is_not_fit_is_refused_before_anything_is_done(server: Server) -> None:
    before = server.bot()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, said = server.run("deploy", "--force", HTTP_PORT=str(taken.getsockname()[1]))
    assert (status, "занят другой программой" in said) == (1, True), said
    server.write_settings(**{"A LINE THAT IS": "secret"})
    status, said = server.run("deploy", "--force")
    server.write_settings()
    assert (status, ".env не понять строки" in said, "secret" in said) == (1, True, False), said
    assert server.bot()["State"]["StartedAt"] == before["State"]["StartedAt"]


def test_without_a_backup_nothing_is_deployed(server: Server) -> None:
    broken = server.checkout / "persistent_data/deploys/no-backup"
    broken.touch()
    head = server.head()
    status, said = server.run("deploy", "--force")
    broken.unlink()
    assert (status, server.reports()[-1]["step"]) == (1, "backup"), said
    assert "не получилась (код 5): Хранилище копий не отвечает. Исправьте" in said
    assert server.head() == head


def test_old_images_go_and_the_two_that_count_stay(server: Server) -> None:
    running, previous = server.image("latest"), server.image("previous")
    old = f"{PRODUCT_IMAGE}:old"
    server.docker.run("build", f"--tag={old}", "--build-arg=COMMIT=0", server.author)
    status, said = server.run("cleanup_images")
    assert (status, said.startswith("Удалено: ")) == (0, True), said
    assert server.image("old") == ""
    assert [server.image("latest"), server.image("previous")] == [running, previous]
    assert "Удалять нечего" in server.run("cleanup_images")[1]


@pytest.mark.parametrize(
    ("files", "step", "why"),
    [
        ({"release/broken.py": "import no_such_module\n"}, "check", "broken: ModuleNotFoundError"),
        ({"sql/0100.bad.sql": "SELECT 1 / 0;\n"}, "migrate", "0100.bad не прошло (DivisionByZero, 22012)"),
        ({"Dockerfile": FILLS_THE_DISK}, "build", "кончилось место"),
    ],
    ids=["import", "migration", "disk full"],
)  # fmt: skip
def test_what_is_bad_is_found_before_the_former_version_stops(
    server: Server, files: dict[str, str | None], step: str, why: str
) -> None:
    before, head = server.bot(), server.head()
    server.release(files)
    try:
        status, said = server.run("deploy", "--without-backup")
    finally:
        server.withdraw()
    report = server.reports()[-1]
    assert (status, report["result"], report["step"]) == (1, "stopped", step), f"{said}\n{log_of(server)}"
    assert why in report["why"], report["why"]
    assert why in said
    after = server.bot()
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert server.head() == head
    assert server.answer()["ready"]


def test_settings_that_are_bad_are_found_before_the_former_version_stops(server: Server) -> None:
    before = server.bot()
    server.write_settings(RETENTION_DAYS="скоро")
    status, said = server.run("deploy", "--force", "--without-backup")
    server.write_settings()
    assert (status, server.reports()[-1]["step"], "RETENTION_DAYS" in said) == (1, "check", True), said
    assert server.bot()["State"]["StartedAt"] == before["State"]["StartedAt"]


@pytest.mark.parametrize(("files", "step", "why"), TRIGGERS, ids=["restarts", "not ready", "errors", "smoke"])
def test_a_version_that_turns_out_bad_gives_its_place_back(
    server: Server, files: dict[str, str | None], step: str, why: str
) -> None:
    former, head = server.bot()["Image"], server.head()
    commit = server.release(files)
    limits = {"DEPLOY_READY_S": "8" if step == "ready" else "60", "DEPLOY_WATCH_S": "10"}
    try:
        status = deployed(server, AtOnce, **limits)
    finally:
        server.withdraw()
    report = server.reports()[-1]
    steps = [each["name"] for each in report["steps"]]
    assert (status, report["result"], steps[-1]) == (3, "rolled_back", "rollback"), f"{report}\n{log_of(server)}"
    assert steps[-2] in ({step} if step else {"ready", "watch"})
    assert why in report["why"]
    assert report["target_commit"] == commit
    assert not (server.checkout / "persistent_data/deploys/state.json").exists()
    assert server.bot()["Image"] == server.image("latest") == former
    assert server.head() == head
    assert server.answer()["ready"]
