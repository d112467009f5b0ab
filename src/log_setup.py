"""Logs: JSON lines in a rotated file, readable lines in a terminal.

What is bound with ``structlog.contextvars`` (an update's or a job's correlation id) is in every line. So is ``run``,
the id of the process, by which lines are found that belong to no update and no job. Callers log ids and lengths, never
access keys, transcripts or messages. Should a secret get into a line all the same, as in the message of a foreign
error, the line has ``[secret]`` in its place.
"""

import io
import logging
import logging.handlers
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pydantic
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from file_locks import FileLock
from random_ids import new_code

LOG_FILE_BYTES = 10_000_000
LOG_FILES_KEPT = 5

_BLOT = "[secret]"
_SHORTEST_SECRET = 4
"""Characters below which a secret is not blotted out: it would take away words and numbers that are none."""


class _Secrets:
    """The texts that no line may have."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        for each in (secret, *_passwords_in(secret)):
            if len(each) >= _SHORTEST_SECRET:
                self._known |= {each, repr(each)[1:-1], quote(each, safe="", errors="surrogatepass")}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def blotted(self, value: object) -> object:
        """Return ``value`` as it may stand in a line: what is no number, text or collection of them as its repr."""
        if self._pattern is None or value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._pattern.sub(_BLOT, value)
        if isinstance(value, Mapping):
            return {str(self.blotted(str(key))): self.blotted(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.blotted(each) for each in value]
        return self._pattern.sub(_BLOT, repr(value))


_SECRETS = _Secrets()


def hide(*secrets: str) -> None:
    """Let no line that is logged from now on have one of these texts, or a password within one that is an address."""
    for secret in secrets:
        _SECRETS.add(secret)


def _passwords_in(secret: str) -> Iterator[str]:
    """Yield the passwords within a URL or a libpq connection string, as they stand there and as they are meant."""
    try:
        url = urlsplit(secret)
    except ValueError:
        return
    pairs = (pair.partition("=") for pair in url.query.split("&"))
    for password in (url.password, *(value for name, _, value in pairs if name in {"secret", "password"})):
        if password:
            yield from {password, unquote(password)}
    if url.scheme:
        return
    with suppress(psycopg.ProgrammingError):
        if of_libpq := psycopg.conninfo.conninfo_to_dict(secret).get("password"):
            yield str(of_libpq)


def _without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _SECRETS.blotted(value) for key, value in event.items()}


@cache
def _run() -> str:
    """Return the id of the process. It is not made at import: forks of one that has imported this have their own."""
    return new_code()


def _with_run(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["run"] = _run()
    return event


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    _with_run,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


class _WholeLines(io.TextIOWrapper):
    """A file to which each text is written at once or not at all, and nothing is left in a buffer."""

    def write(self, text: str) -> int:
        """Append a text; of one for which the disk has no room, nothing stays."""
        descriptor, line = self.fileno(), text.encode(self.encoding, self.errors or "strict")
        written = os.write(descriptor, line)
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        # A disk that fills up takes a part of the line; nobody has written behind it when that is the file's end.
        if written < len(line) and os.fstat(descriptor).st_size == end:
            os.ftruncate(descriptor, end - written)
        return len(text)


class _SharedFile(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes write: one of them rotates it, the others go on in the new file.

    Nothing waits in a buffer: the rest of a line would come later, in the middle of another process's.
    """

    def _open(self) -> io.TextIOWrapper:
        return _WholeLines(super()._open().detach(), self.encoding, self.errors)

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802  # the library's name
        """Tell whether the file is full; before that, go on in the new file if another process has rotated it."""
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802
        """Rotate the file unless another process does so at this moment."""
        with FileLock(Path(self.baseFilename).parent, folder=True).held():
            self._follow()
            if self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes // 2:
                super().doRollover()

    def _follow(self) -> None:
        try:
            renamed = self.stream is not None and not os.path.samestat(
                Path(self.baseFilename).stat(), os.fstat(self.stream.fileno())
            )
        except FileNotFoundError:
            renamed = True
        if renamed and self.stream is not None:
            self.stream.close()
            self.stream = self._open()


def log_to_standard_error() -> None:
    """Print what is logged while no log is open; the library's own way would show the values of local variables."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _with_run,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_traceback_without_data),
            _without_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def configure_logging(directory: Path, level: str, *, console: bool) -> None:
    """Send every logger of the process to ``directory/app.json.log`` and, with ``console``, to standard error."""
    directory.mkdir(parents=True, exist_ok=True)
    # A log that cannot be written, as on a full disk, must not fill the terminal with tracebacks.
    logging.raiseExceptions = False
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    file_handler = _SharedFile(
        directory / "app.json.log",
        maxBytes=LOG_FILE_BYTES,
        backupCount=LOG_FILES_KEPT,
        encoding="utf-8",
        errors="backslashreplace",
    )
    file_handler.setFormatter(_formatter(structlog.processors.JSONRenderer(ensure_ascii=False)))
    handlers: list[logging.Handler] = [file_handler]
    if console:
        handlers.append(_console_handler())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for noisy in (
        "httpx",
        "httpx2",
        "httpcore",
        "urllib3",
        "uvicorn",
        "faster_whisper",
        "openai",
        "yoyo",
        "psycopg.pool",
        "pyrogram",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _console_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    terminal = sys.stderr.isatty()
    handler.setFormatter(
        _formatter(
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
        )
    )
    return handler


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_traceback_without_data),
            _without_secrets,
            renderer,
        ],
    )


def _traceback_without_data(exc_info: ExcInfo) -> str:
    """Return a traceback without what PostgreSQL, pydantic and providers quote of rows and inputs in their messages."""
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    for exc in _chain(exc_info[1], set()):
        instead = _without_data(exc)
        if instead is not None:
            first, *others = (line.strip() for line in str(exc).splitlines())
            # In a group lines are indented by blanks and bars.
            lines = [line for line in lines if line.strip(" |") not in others]
            lines = [line.removesuffix(first) + instead if line.endswith(f": {first}") else line for line in lines]
    return "\n".join(lines)


def _without_data(exc: BaseException) -> str | None:
    """Return an exception's message without the data that the message quotes; None when it quotes none."""
    if isinstance(exc, psycopg.Error) and exc.sqlstate is not None:
        return f"SQLSTATE {exc.sqlstate}, table {exc.diag.table_name}, constraint {exc.diag.constraint_name}"
    if isinstance(exc, pydantic.ValidationError):
        problems = exc.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in problems)
    # By name: the library takes long to import, and not every command needs it.
    if type(exc).__module__.partition(".")[0] == "openai":
        return f"status {getattr(exc, 'status_code', None)}"
    return None


def _chain(exc: BaseException | None, known: set[int]) -> Iterator[BaseException]:
    """Yield an exception and all others that its traceback shows."""
    if exc is None or id(exc) in known:
        return
    known.add(id(exc))
    yield exc
    within = exc.exceptions if isinstance(exc, BaseExceptionGroup) else ()
    for each in (exc.__cause__, exc.__context__, *within):
        yield from _chain(each, known)
