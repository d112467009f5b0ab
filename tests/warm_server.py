"""Starts processes of the product that need not import anything any more, which is most of what a start takes.

A program, run by ``warm_process``. It has imported the libraries and the product: what differs from process to process,
as the id of its run in the log, no module may make when it is imported. It has read what the product reads once and
keeps, which is the same everywhere. For each request it forks; the fork becomes ``main.py``. It ends with its caller.
"""

import array
import atexit
import ctypes
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
SRC = ROOT / "src"
SITE = Path(__file__).parent / "telegram_site"
LIBRARIES = (
    *("anyio._backends._asyncio", "bpe_openai", "fastapi", "httpcore2", "logging.handlers", "numpy.fft", "openai"),
    *("openai.resources.audio", "openai.resources.chat", "procrastinate.worker", "pymorphy3", "rich.console"),
    *("rich.progress", "socksio", "truststore", "uvicorn"),
)
"""What the product and its libraries import only when they need it, and what takes long then."""
STARTS_A_THREAD = "onnxruntime"
"""When it is imported: a fork would not have the thread. A start imports this and what needs it."""
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


def product_modules() -> list[str]:
    """Return the names of the product's modules, but for the one that is the program."""
    paths = (path.relative_to(SRC).with_suffix("").parts for path in sorted(SRC.rglob("*.py")))
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in paths if parts != ("main",)]


def import_all() -> None:
    """Import what can be: a start imports what is missing, and does without what is not installed."""
    sys.modules[STARTS_A_THREAD] = None  # type: ignore[assignment]  # whoever imports it fails
    for name in (*LIBRARIES, *product_modules()):
        with suppress(ImportError):
            importlib.import_module(name)
    del sys.modules[STARTS_A_THREAD]


def read_all() -> None:
    """Read what the product reads when it needs it and keeps: vocabularies, dictionary, fonts, tables, templates."""
    named = importlib.import_module
    named("knowledge.synonyms").alike("завтрак")
    named("utils").count_tokens("завтрак")
    for model in ("gpt-4o", "any other"):
        named("language_model.vocabulary").count_tokens(model, "завтрак")
    named("prices").model_facts("gpt-4o")
    named("prompt_pack.pack").load_pack(ROOT / "prompts")
    named("pdf.document").to_bytes("", [])


def leave_to_the_system(names: list[str]) -> None:
    """Have the end of a process take apart what it made, not these modules: that takes longer than many a command."""
    kept = [sys.modules.pop(name, None) for name in names]
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def main() -> None:
    """Serve at the socket that is standard input."""
    libraries: list[str] = []
    atexit.register(leave_to_the_system, libraries)  # the first to be registered is the last that is called
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all: the tests end their processes
    sys.path[0] = str(SRC)
    gc.disable()
    import_all()
    read_all()
    libraries += [name for name in sys.modules if name.partition(".")[0] not in {*sys.stdlib_module_names, "__main__"}]
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
