"""Logs: JSON lines in a rotated file, readable lines in a terminal.

What is bound with ``structlog.contextvars`` (an update's or a job's correlation id) is in every line. Callers log ids
and lengths, never access keys, transcripts or messages.
"""

import logging
import logging.handlers
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pydantic
import structlog
from structlog.typing import ExcInfo, Processor

from file_locks import FileLock

LOG_FILE_BYTES = 10_000_000
LOG_FILES_KEPT = 5

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


class _SharedFile(logging.handlers.RotatingFileHandler):
    """A rotated file that several processes write: one of them rotates it, the others go on in the new file."""

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
        directory / "app.json.log", maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8"
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
