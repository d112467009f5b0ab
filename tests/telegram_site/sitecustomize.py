"""Point an unmodified Telegram client at the loopback server, and the image service's client at its double.

Put this directory on a process's PYTHONPATH. Nothing happens unless ``LOOPBACK_TELEGRAM`` is set and the process
imports pyrogram; another sitecustomize further down the path is run as well.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import ModuleType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - runs in every process, so it imports little
ADDRESS = os.environ.get("LOOPBACK_TELEGRAM", "")
"""``port:modulus:exponent:fingerprint``, the last three hexadecimal."""


def _trust_the_loopback_key(rsa: Any) -> None:
    _, modulus, exponent, fingerprint = ADDRESS.split(":")
    signed = int.from_bytes(bytes.fromhex(fingerprint), "little", signed=True)
    rsa.server_public_keys = {signed: rsa.PublicKey(int(modulus, 16), int(exponent, 16))}


def _connect_to_the_loopback_server(tcp: Any) -> None:
    connect: Callable[[Any, Any], Awaitable[None]] = tcp.TCP.connect

    async def connect_to_loopback(self: Any, address: Any) -> None:
        await connect(self, ("127.0.0.1", int(ADDRESS.split(":")[0])))

    tcp.TCP.connect = connect_to_loopback


def _ask_the_double(queue: Any) -> None:
    if url := os.environ.get("LOOPBACK_FAL"):
        queue.Addresses.__new__.__defaults__ = tuple(queue.Addresses.of_double(url))


CHANGES: dict[str, Callable[[Any], None]] = {
    "pyrogram.crypto.rsa": _trust_the_loopback_key,
    "pyrogram.connection.transport.tcp.tcp": _connect_to_the_loopback_server,
    "provider_calls.fal.queue": _ask_the_double,
}


class _ChangingLoader(importlib.abc.Loader):
    def __init__(self, loader: Any, change: Callable[[Any], None]) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _ChangingFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        change = CHANGES.get(fullname)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _ChangingLoader(spec.loader, change)
        return spec


def _run_the_next_sitecustomize() -> None:
    others = [entry for entry in sys.path if os.path.abspath(entry) != HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_run_the_next_sitecustomize()
if ADDRESS:
    sys.meta_path.insert(0, _ChangingFinder())
