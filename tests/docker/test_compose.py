"""The compose file as it is, from a folder with nothing in it: it comes up, works, and loses nothing."""

import asyncio
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import steps
from bot import Bot
from composed import PRODUCT_IMAGE, SERVICES, STATE, Composed, build_stand_ins, image_of, look_at_health_often
from config import ROOT
from docker_engine import Docker, Image
from openai_faults import TRANSCRIPTIONS, Fault, Faults, Kind
from openai_server import OpenAIServer
from product import Product
from recording_files import speech
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer

BACK_LIMIT_S = 60
"""Until a service whose process was killed is well again."""
MANY = 15
ANSWER_S = 2.0
SHARE_BAR = 0.5
WORK_LIMIT_S = 300.0
FINISHED = re.compile(r"advance_recording.* ended with status: Success")
_HOLD = """
    UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'
    WHERE status = 'todo' AND task_name = 'advance_recording'
"""
_RELEASE = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE id IN (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'todo' AND task_name = 'advance_recording' AND scheduled_at > now() ORDER BY id LIMIT 15
    )
"""
_DONE_AND_ALL = "SELECT count(*) FILTER (WHERE stage = 'done'), count(*) FROM recordings"


@pytest.fixture(scope="module")
def images(docker: Docker, lite: Image, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not docker.is_ours:
        pytest.skip("this engine may run an installation, which has the same names")
    docker.run("tag", lite.tag, PRODUCT_IMAGE)
    build_stand_ins(docker, tmp_path_factory.mktemp("stand-ins"))


def logged(composed: Composed) -> list[dict[str, Any]]:
    """What bot and workers have logged together."""
    lines = (composed.folder / "persistent_data/logs/app.json.log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        server.faults = Faults()
        yield server


@pytest.fixture(scope="module")
async def endpoint(docker: Docker, provider: OpenAIServer) -> AsyncIterator[str]:
    """The provider's address at the engine's bridge, which containers reach and nobody from outside."""
    gateway = docker.bridge_address()
    port = int(provider.base_url.rsplit(":", 1)[1].split("/")[0])
    async with TcpProxy("127.0.0.1", port, at=gateway) as way:
        yield provider.base_url.replace(f"127.0.0.1:{port}", f"{gateway}:{way.port}")


@pytest.fixture(scope="module")
async def composed(
    docker: Docker, images: None, endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Composed]:
    folder = tmp_path_factory.mktemp("compose") / "Голоса гостей 2"
    folder.mkdir()
    for name in ("docker-compose.yml", "docker-compose.minio.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    settings = {"OPENAI_BASE_URL": endpoint, "OPENAI_API_KEY": "sk-loopback", "ASR_MODEL": "loopback-asr"}
    lines = {**settings, "LLM_MODEL": "loopback-chat", "EMBEDDINGS_ENGINE": "off"}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    look_at_health_often(folder)
    system = Composed(docker, folder)
    try:
        await asyncio.to_thread(lambda: system.run("up", "--detach", "--wait", "--no-build", seconds=400))
        yield system
    finally:
        await asyncio.to_thread(lambda: system.run("down", "--remove-orphans", "--timeout=30", check=False))


def test_all_services_are_well_without_anybody_s_hand(composed: Composed) -> None:
    assert composed.states() == dict.fromkeys(SERVICES, "healthy")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_can_do_little_beyond_its_work(composed: Composed, service: str) -> None:
    container = composed.run("ps", "--quiet", service).stdout.split()[0]
    [facts] = json.loads(composed.docker.run("inspect", container).stdout)
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] == 512
    # Whatever else is left down by an engine that was killed.
    assert host["RestartPolicy"]["Name"] == "always"
    assert host["LogConfig"]["Config"] == {"max-file": "6", "max-size": "10m"}
    assert facts["Config"]["Healthcheck"]["Test"]
    bound = [each for ports in (host["PortBindings"] or {}).values() for each in ports]
    assert {each["HostIp"] for each in bound} <= {"127.0.0.1"}
    assert {each.split("_", 1)[1] for each in facts["NetworkSettings"]["Networks"]} == {
        "voxpersona": {"outside", "database", "objects"},
        "worker": {"outside", "database", "objects"},
        "postgres": {"database"},
        "objects": {"objects"},
    }[service]


async def test_a_recording_goes_in_a_report_comes_out_and_is_there_after_a_restart(
    composed: Composed, tmp_path: Path
) -> None:
    speech(tmp_path / "Беседа.ogg", 12)
    reports = composed.folder / "persistent_data/reports"
    shutil.copy(tmp_path / "Беседа.ogg", reports)
    done = await composed.process(f"{STATE}/reports/Беседа.ogg")
    assert done.returncode == 0, done.stdout + done.stderr
    [folder] = (reports / "out").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert "transcript.json" in names
    assert [name for name in names if name.startswith("report")], names
    assert not list((composed.folder / "persistent_data/models").iterdir())  # the image has what is needed

    query = "SELECT stage FROM recordings"
    database = ("exec", "-T", "postgres", "psql", "-h", "/var/run/postgresql", "-U", "voxpersona", "-tA", "-c", query)
    assert (await asyncio.to_thread(composed.run, *database)).stdout.split() == ["done"]
    await asyncio.to_thread(lambda: composed.run("down", "--timeout=30"))
    await asyncio.to_thread(lambda: composed.run("up", "--detach", "--wait", "--no-build", seconds=400))
    assert (await asyncio.to_thread(composed.run, *database)).stdout.split() == ["done"]
    shutil.rmtree(reports / "out")
    done = await composed.process(f"{STATE}/reports/Беседа.ogg")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", sorted(SERVICES))
async def test_a_killed_service_comes_back_by_itself(composed: Composed, service: str) -> None:
    container = composed.run("ps", "--quiet", service).stdout.split()[0]
    # As a crash does it: a container that is killed from outside is taken for stopped on purpose.
    pid = await asyncio.to_thread(composed.docker.run, "inspect", "--format={{.State.Pid}}", container)
    os.kill(int(pid.stdout), signal.SIGKILL)
    async with asyncio.timeout(BACK_LIMIT_S):
        while await asyncio.to_thread(composed.states) != dict.fromkeys(SERVICES, "healthy"):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    restarts = composed.docker.run("inspect", "--format={{.RestartCount}}", container).stdout.strip()
    assert int(restarts) >= 1


def test_secrets_are_their_users_alone(composed: Composed) -> None:
    secrets = composed.folder / "persistent_data/secrets"
    users = {"product": 10001, "postgres": 999, "objects": 10002, "monitoring": 10003, "backup": 0}
    files = [path for path in secrets.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == users.keys()
    for path in files:
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (users[path.parent.name], 0o400), path
        assert (path.parent.stat().st_uid, path.parent.stat().st_mode & 0o777) == (users[path.parent.name], 0o700)
    logs = [path.read_text(encoding="utf-8") for path in (composed.folder / "persistent_data/logs").iterdir()]
    for said in (composed.run("logs").stdout, *logs):
        for path in secrets.rglob("*"):
            if path.is_file() and path.suffix not in {".json", ".toml"}:
                assert path.read_text(encoding="utf-8") not in said


def test_every_line_of_the_logs_says_of_which_process_it_is(composed: Composed) -> None:
    shown = composed.run("logs", "--no-log-prefix", "voxpersona", "worker", "migrate").stdout.splitlines()
    for lines in (logged(composed), [json.loads(line) for line in shown if line.startswith("{")]):
        runs = {line["run"] for line in lines}
        assert len(runs) >= len({"voxpersona", "worker"})
        assert all(len(run) == 8 for run in runs)


def test_one_image_whatever_the_folder_is_called(composed: Composed, tmp_path: Path) -> None:
    names = sorted(composed.run("config", "--images").stdout.split())
    other = tmp_path / "другая папка"
    shutil.copytree(composed.folder / "deploy", other / "deploy")
    shutil.copy(ROOT / "docker-compose.yml", other)
    assert sorted(Composed(composed.docker, other).run("config", "--images").stdout.split()) == names
    assert set(names) == {PRODUCT_IMAGE, image_of("postgres"), image_of("objects")}


class Queue:
    """Fifteen recordings and fifteen more, which a bot outside has taken in, and whose jobs wait for a release."""

    def __init__(self, dsn: str) -> None:
        self._database = psycopg.connect(dsn, autocommit=True)
        _, self._before = self._counts()

    def close(self) -> None:
        self._database.close()

    def hold(self) -> None:
        self._database.execute(_HOLD)

    def release(self) -> None:
        """Let the jobs of the next fifteen begin."""
        self._database.execute(_RELEASE)

    async def until(self, done: int) -> float:
        """Return the seconds until all recordings are there, and so many of them done."""
        awaited, began = (self._before + done, self._before + 2 * MANY), monotonic()
        async with asyncio.timeout(WORK_LIMIT_S):
            while self._counts() != awaited:  # noqa: ASYNC110  # it happens in other processes
                await asyncio.sleep(0.05)
        return monotonic() - began

    def _counts(self) -> tuple[int, int]:
        row = self._database.execute(_DONE_AND_ALL).fetchone()
        assert row is not None
        return row[0], row[1]


@pytest.fixture
async def queue(composed: Composed, provider: OpenAIServer, tmp_path: Path) -> AsyncIterator[Queue]:
    with (composed.folder / ".env").open("a", encoding="utf-8") as settings:
        settings.write(
            "WORKER_CONCURRENCY=1\n"
        )  # with more, the cores of one machine bound three workers as they do one
    await asyncio.to_thread(lambda: composed.run("stop", "voxpersona", "worker"))
    provider.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, times=1000, seconds=ANSWER_S))
    [database], [objects] = composed.addresses("postgres", "database"), composed.addresses("objects", "objects")
    people = range(1001, 1004)
    product = Product(tmp_path / "state")
    product.use(provider)
    product.settings |= {
        "DATABASE_URL": make_conninfo(composed.secret("database_url"), host=database),
        "MINIO_ENDPOINT": f"{objects}:8333",
        "MINIO_ACCESS_KEY": composed.secret("minio_access_key"),
        "MINIO_SECRET_KEY": composed.secret("minio_secret_key"),
        "OWNER_TELEGRAM_ID": "1000",
        "TEAM_TELEGRAM_IDS": ",".join(map(str, people)),
        "BOT_TAKES_JOBS": "false",
        "HTTP_PORT": "0",
    }
    async with AsyncExitStack() as opened:
        telegram = await opened.enter_async_context(TelegramServer())
        bot = Bot(product, telegram)
        opened.push_async_callback(bot.kill)
        await bot.start()
        made = Queue(product.settings["DATABASE_URL"])
        opened.callback(made.close)
        users = [telegram.world.user(f"Анна {each}", id=each) for each in people]
        paths = await asyncio.gather(*(steps.recording(tmp_path / f"{each}.ogg", 3.0) for each in range(2 * MANY)))
        for place, path in enumerate(paths):
            await users[place % len(users)].send_file(path, kind="audio", file_name=path.name)
        await made.until(done=0)
        made.hold()
        yield made


async def test_three_workers_share_the_work_need_half_the_time_of_one_and_do_nothing_twice(
    composed: Composed, queue: Queue, provider: OpenAIServer
) -> None:
    async def scale(workers: int) -> None:
        arguments = ("up", "--detach", "--wait", "--no-build", f"--scale=worker={workers}", "worker")
        await asyncio.to_thread(composed.run, *arguments)

    before = len(provider.requests)
    await scale(1)
    queue.release()
    one_s = await queue.until(done=MANY)
    await scale(3)
    logged_before = len(logged(composed))
    queue.release()
    three_s = await queue.until(done=2 * MANY)
    print(f"{MANY} recordings: one worker {one_s:.1f} s, three {three_s:.1f} s, share {three_s / one_s:.2f}")
    paid = Counter(each.sha256 for each in provider.requests[before:] if each.path.endswith(TRANSCRIPTIONS))
    assert len(paid) == 2 * MANY
    assert max(paid.values()) == 1
    assert three_s / one_s <= SHARE_BAR
    done = Counter(each["run"] for each in logged(composed)[logged_before:] if FINISHED.search(each["event"]))
    assert (len(done), sum(done.values()) >= MANY) == (3, True), done
