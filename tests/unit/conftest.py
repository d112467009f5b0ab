"""A server to deploy to, whose engine stands in for Docker."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployed_site import Site
from deployment import command_line
from engine_double import EngineDouble


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Author")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "author@example.org")
    engine = EngineDouble()
    made = Site(tmp_path, engine, capsys)
    standing_in = SimpleNamespace(run=engine.run, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr("deployment.commands.subprocess", standing_in)
    clock = iter(range(0, 10**9, 20))  # a look at it lasts twenty seconds, so that nobody waits
    monkeypatch.setattr("deployment.service.time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    monkeypatch.setattr(command_line, "_ROOT", made.root)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield made
    for each, handler in handlers.items():
        signal.signal(each, handler)
