"""Runs the product as its users do: ``main.py`` in a process of its own, over loopback endpoints."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import ROOT
from embedded.s3 import S3Endpoint
from openai_server import OpenAIServer
from warm_process import started

MODELS = ROOT / "persistent_data" / "models"
"""Weights are fetched once for all tests of a checkout."""


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit status, standard output, and what it said on standard error."""

    status: int
    out: str
    said: str

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """What ``--json`` printed."""
        found: list[dict[str, Any]] = json.loads(self.out)
        return found


@dataclass
class Product:
    """One installation: its state is in ``state``, its other settings in ``settings``."""

    state: Path
    settings: dict[str, str] = field(default_factory=dict)
    through: tuple[str, ...] = ()
    """A program, with its arguments, that starts the command: one that takes rights or space away."""
    checkout: Path = ROOT
    warm: bool = True
    """Whether what it starts has its modules and libraries in memory already."""

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        models = self.state / "models"
        if not os.path.lexists(models):
            MODELS.mkdir(parents=True, exist_ok=True)
            models.symlink_to(MODELS)

    def use(self, server: OpenAIServer) -> None:
        """Let both endpoints be the loopback server."""
        self.use_endpoint(server.base_url, server.api_key)

    def use_endpoint(self, base_url: str, api_key: str) -> None:
        self.settings |= {
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": api_key,
            "ASR_MODEL": "loopback-asr",
            "LLM_MODEL": "loopback-chat",
        }

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command and return while it runs."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return started(
            [*self.through, sys.executable, str(self.checkout / "src" / "main.py"), *map(str, arguments)],
            env={**kept, "PERSISTENT_DIR": str(self.state), "MODEL_HUB": "off", **self.settings},
            warm=self.warm,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @contextmanager
    def started(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start a command that is killed when the block ends, if it still runs then."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *arguments: str | Path, seconds: float = 240) -> Outcome:
        """Run a command to its end."""
        process = self.start(*arguments)
        try:
            out, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Outcome(process.returncode, out, said)


def checkout_with(env_file: bytes, place: Path, mode: int = 0o600) -> Path:
    """Make a checkout at ``place`` that has an ``.env``: the one that the tests are in must not get any."""
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("prompts", "resources", "sql_scripts", "samples", "pyproject.toml"):
        (place / name).symlink_to(ROOT / name)
    (place / ".env").write_bytes(env_file)
    (place / ".env").chmod(mode)
    return place


def bucket_settings(objects: S3Endpoint, bucket: str) -> dict[str, str]:
    """Return the settings by which recordings are in an S3 server instead of files of the product's own."""
    return {
        "MINIO_ENDPOINT": objects.endpoint,
        "MINIO_ACCESS_KEY": objects.access_key,
        "MINIO_SECRET_KEY": objects.secret_key,
        "MINIO_BUCKET": bucket,
    }
