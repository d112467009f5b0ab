"""After the first start no network is needed: the product runs where there is nothing but loopback."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from product import MODELS, Product
from recording_files import speech
from weights.installer import ensure_weights

pytestmark = pytest.mark.weights

_LOOPBACK_ONLY = """
import fcntl, os, socket, struct, sys
SIOCSIFFLAGS, UP, RUNNING = 0x8914, 0x1, 0x40
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP | RUNNING))
os.execvp(sys.argv[1], sys.argv[1:])
"""
NO_NETWORK = ("unshare", "--net", sys.executable, "-c", _LOOPBACK_ONLY)
"""Starts a command in a network of its own, whose loopback is up."""


@pytest.fixture
def installation() -> Iterator[Product]:
    if os.getuid() != 0 or subprocess.run([*NO_NETWORK, "true"], check=False).returncode != 0:
        pytest.skip("a network of its own needs root")
    with tempfile.TemporaryDirectory(prefix="voxpersona-offline-") as folder:
        yield Product(Path(folder) / "state", {"LLM_ENGINE": "none"}, through=NO_NETWORK)


async def test_a_later_start_needs_no_network(installation: Product, tmp_path: Path) -> None:
    for name in ("whisper-base", "voice-encoder"):
        await ensure_weights(name, MODELS)
    recording = speech(tmp_path / "беседа.ogg", 20)
    done = installation.run("process", recording, "--json", "--out", tmp_path / "out")
    assert done.status == 0, done.said
    (manifest,) = done.manifests
    assert manifest["language"] == "ru"
    assert "Скачиваю" not in done.said
