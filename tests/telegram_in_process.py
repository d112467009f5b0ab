"""The client library of this very process, talking to the loopback server; to anything else it cannot connect."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from pyrogram.connection.transport.tcp import tcp
from pyrogram.connection.transport.tcp.tcp import TCP
from pyrogram.crypto import rsa

from telegram_client.client import TelegramClient
from telegram_server import SITE, TelegramServer

_REACHABLE = TCP.connect


async def _refuse(_: TCP, address: object) -> None:
    raise ConnectionRefusedError(f"a test may not reach {address}")


@contextmanager
def nothing_reachable() -> Iterator[None]:
    """Let nothing that outlives a test go on to Telegram itself."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(TCP, "connect", _refuse)
        yield


@asynccontextmanager
async def loopback_server() -> AsyncIterator[TelegramServer]:
    """Run a server that the client library of this process talks to."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with TelegramServer() as server:
            monkeypatch.setenv("LOOPBACK_TELEGRAM", server.environment()["LOOPBACK_TELEGRAM"])
            monkeypatch.setattr(rsa, "server_public_keys", rsa.server_public_keys)
            monkeypatch.setattr(TCP, "connect", _REACHABLE)
            changes = _loopback_site().CHANGES
            for module in (rsa, tcp):
                changes[module.__name__](module)
            yield server


def new_client(server: TelegramServer, folder: Path, *, token: str | None = None) -> TelegramClient:
    """Make a client of the server's bot, with its session in ``folder``."""
    return TelegramClient(
        token=token or server.account.token,
        api_id=server.account.api_id,
        api_hash=server.account.api_hash,
        session_dir=folder / "telegram",
        proxy=None,
        parallel_transfers=3,
    )


def _loopback_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("loopback_site", SITE / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    finders, module = list(sys.meta_path), importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.meta_path[:] = finders
    return module
