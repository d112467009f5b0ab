"""Starts processes of the product that need not import libraries any more, which is most of what a start takes.

A program, run by ``warm_process``. It has imported the libraries and nothing of the product: what has a state of its
own is made in each process, as ever. For each request it forks; the fork becomes ``main.py``. It ends with its caller.
"""

import array
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(__file__).parent / "telegram_site"
LIBRARIES = (
    *("aiolimiter", "anyio", "asyncio", "click", "docx", "httpx2", "jinja2", "jsonschema", "logging.handlers"),
    *("lxml.etree", "markdown_it", "minio", "numpy", "openai", "prometheus_client", "procrastinate", "psutil"),
    *("psycopg", "psycopg_pool", "pydantic", "pydantic_settings", "pyrogram", "pysubs2", "python_socks"),
    *("rich.console", "rich.progress", "structlog", "urllib3", "yaml", "yoyo"),
)
"""What takes longest, but for what starts threads when it is imported: a fork would not have them. A start imports
whatever is missing here, and does without what is not installed."""
LARGEST_REQUEST = 1 << 17
PASSED = 4
"""Descriptors that come with a request: standard input, output and error, and where the status is told."""


class Server:
    """Forks on request, and tells how the forks ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)
        self._children: dict[int, tuple[int, int]] = {}
        """By the descriptor of each fork: its process id, and where its status is told."""

    def serve(self) -> list[str] | None:
        """Return the arguments in a fork that is ready to become the command, None when nobody asks any more."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._tell(descriptor)
                    continue
                message, ancillary, _, _ = self._requests.recvmsg(
                    LARGEST_REQUEST, socket.CMSG_SPACE(PASSED * array.array("i").itemsize)
                )
                if not message:
                    return None
                passed = array.array("i")
                for _, _, data in ancillary:
                    passed.frombytes(data)
                request = json.loads(message)
                if self._forked(passed[3]):
                    self._become(passed, request)
                    arguments: list[str] = request["arguments"]
                    return arguments
                for each in passed[:3]:
                    os.close(each)

    def _forked(self, told: int) -> bool:
        """Tell whether this is the fork."""
        if not (child := os.fork()):
            return True
        descriptor = os.pidfd_open(child)
        self._children[descriptor] = (child, told)
        self._poll.register(descriptor, select.POLLIN)
        self._requests.send(str(child).encode())
        return False

    def _tell(self, descriptor: int) -> None:
        child, told = self._children.pop(descriptor)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        with suppress(BrokenPipeError):
            os.write(told, str(os.waitpid(child, 0)[1]).encode())
        os.close(told)

    def _become(self, passed: "array.array[int]", request: dict[str, dict[str, str]]) -> None:
        """Keep nothing of the server's, and have what a process has that was started anew."""
        for target, each in enumerate(passed[:3]):
            os.dup2(each, target)
        others = [number for descriptor, (_, told) in self._children.items() for number in (descriptor, told)]
        for each in (*passed, *others, self._requests.detach()):
            os.close(each)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(str(request["folder"]))


def main() -> None:
    """Serve at the socket that is standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all: the tests end their processes
    sys.path[0] = str(ROOT / "src")
    gc.disable()
    for library in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(library)
    gc.freeze()
    gc.enable()
    requests = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    requests.send(b"ready")
    arguments = Server(requests).serve()
    if arguments is None:
        return
    if os.environ.get("LOOPBACK_TELEGRAM"):
        sys.path.insert(1, str(SITE))
        changes = runpy.run_path(str(SITE / "sitecustomize.py"))["CHANGES"]
        for name in changes.keys() & sys.modules.keys():  # all others are changed as they are imported
            changes[name](sys.modules[name])
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
