"""The images at work: the bot over the loopback servers, and a recording that becomes a transcript."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from config import ROOT
from database_copies import copied_database_at_once
from docker_engine import Image
from embedded.ports import free_ports
from openai_server import OpenAIServer
from product import MODELS
from recording_files import speech
from telegram_server import TelegramServer
from weights.installer import ensure_weights

USER = 10001
LOCKED = ("--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
READY_LIMIT_S = 60
STOP_LIMIT_S = 30
SITE = ROOT / "tests" / "telegram_site"


@pytest.fixture(scope="module")
async def endpoint() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def database(postgres_dsn: str, migrated: str) -> str:
    return copied_database_at_once(postgres_dsn, migrated, "image")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What is mounted at ``persistent_data``."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, USER, USER)
    return folder


class Container:
    """A container that is removed when the test ends."""

    def __init__(self, image: Image, state: Path, settings: dict[str, str]) -> None:
        self.docker, self.image = image.docker, image
        self.name = f"voxpersona-test-{uuid4().hex[:8]}"
        self._options = [
            *(f"--name={self.name}", *LOCKED, "--health-interval=1s", f"--volume={state}:/app/persistent_data"),
            *(f"--env={name}={value}" for name, value in settings.items()),
        ]

    def run(self, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return self.docker.run("run", *self._options, *options, self.image.tag, *arguments, check=False, seconds=300)

    def state(self, form: str) -> str:
        return self.docker.run("inspect", f"--format={{{{{form}}}}}", self.name).stdout.strip()

    async def becomes(self, form: str, value: str, limit_s: float) -> None:
        """Wait until the container's state is ``value``."""
        try:
            async with asyncio.timeout(limit_s):
                while await asyncio.to_thread(self.state, form) != value:  # noqa: ASYNC110  # the engine tells nobody
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError(f"{self.state(form)}\n{self.logs()}") from None

    def logs(self) -> str:
        done = self.docker.run("logs", self.name)
        return done.stdout + done.stderr

    def remove(self) -> None:
        self.docker.run("rm", "--force", self.name, check=False)


@pytest.fixture
def container(image: Image, state: Path, database: str, endpoint: OpenAIServer) -> Iterator[Container]:
    settings = {
        "DATABASE_URL": database,
        "OPENAI_BASE_URL": endpoint.base_url,
        "OPENAI_API_KEY": endpoint.api_key,
        "ASR_MODEL": "loopback-asr",
        "LLM_MODEL": "loopback-chat",
        "EMBEDDINGS_ENGINE": "off",
        "HTTP_PORT": str(free_ports(1)[0]),
        "COLUMNS": "400",
    }
    made = Container(image, state, settings)
    yield made
    made.remove()


async def test_the_bot_is_ready_then_ends_in_order_when_it_is_stopped(container: Container) -> None:
    async with TelegramServer() as telegram:
        settings = {**telegram.environment(), "PYTHONPATH": "/site", "OWNER_TELEGRAM_ID": "1000"}
        options = (
            "--detach",
            f"--volume={SITE}:/site:ro",
            *(f"--env={name}={each}" for name, each in settings.items()),
        )
        started = await asyncio.to_thread(lambda: container.run(options=options))
        assert started.returncode == 0, started.stderr
        await container.becomes(".State.Health.Status", "healthy", READY_LIMIT_S)
        await asyncio.to_thread(container.docker.run, "kill", "--signal=TERM", container.name)
        await container.becomes(".State.Status", "exited", STOP_LIMIT_S)
    assert container.state(".State.ExitCode") == "0"
    assert "Traceback" not in container.logs()


async def test_a_recording_goes_in_and_a_transcript_comes_out(
    container: Container, state: Path, tmp_path: Path
) -> None:
    recordings, results = tmp_path / "in", state / "out"
    recordings.mkdir()
    speech(recordings / "Беседа.ogg", 12)
    mounts = (f"--volume={recordings}:/in:ro",)
    done = await asyncio.to_thread(
        lambda: container.run(
            *("process", "/in/Беседа.ogg", "--scenario", "none", "--out", "/app/persistent_data/out"), options=mounts
        )
    )
    assert done.returncode == 0, done.stdout + done.stderr
    transcript = json.loads((results / "1 Беседа" / "transcript.json").read_text(encoding="utf-8"))
    assert transcript["segments"]
    assert not (state / "models").exists()


async def test_weights_are_fetched_while_an_image_is_built(full: Image, tmp_path: Path) -> None:
    output = (f"--output=type=local,dest={tmp_path}",)
    command = ["build", "--network=host", "--target=models", *output, *full.docker.secrets, str(ROOT)]
    await asyncio.to_thread(lambda: full.docker.run(*command, seconds=1800))
    assert os.listdir(tmp_path) == ["voice-encoder"]  # noqa: PTH208  # a path's own listing blocks no less
    # A fetch would say how far it is.
    await ensure_weights("voice-encoder", tmp_path, lambda *_: pytest.fail("they are not taken as they are"))


@pytest.mark.weights
async def test_speech_and_meaning_are_understood_without_endpoints(
    full: Image, state: Path, database: str, tmp_path: Path
) -> None:
    for name in ("voice-encoder", "whisper-base"):
        await ensure_weights(name, MODELS)
    container = Container(full, state, {"DATABASE_URL": database, "LLM_ENGINE": "none", "COLUMNS": "400"})
    mounts = (f"--volume={MODELS}:/app/persistent_data/models:ro",)
    try:
        done = await asyncio.to_thread(lambda: container.run("doctor", options=mounts))
    finally:
        container.remove()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "whisper-base" in done.stdout
    assert "multilingual-e5-small" in done.stdout
