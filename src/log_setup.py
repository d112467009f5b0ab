"""Logs: JSON lines in a rotated file, readable lines in a terminal.

What is bound with ``structlog.contextvars`` (an update's or a job's correlation id) is in every line. Callers log ids
and lengths, never keys, transcripts or messages.
"""

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog
from structlog.typing import Processor

LOG_FILE_BYTES = 10_000_000
LOG_FILES_KEPT = 5

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
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
    file_handler = logging.handlers.RotatingFileHandler(
        directory / "app.json.log", maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8"
    )
    file_handler.setFormatter(
        _formatter(structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
    )
    handlers: list[logging.Handler] = [file_handler]
    if console:
        handlers.append(_console_handler())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for noisy in (
        "httpx",
        "httpx2",
        "httpcore",
        "urllib3",
        "faster_whisper",
        "openai",
        "yoyo",
        "psycopg.pool",
        "pyrogram",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _console_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(_formatter(structlog.dev.ConsoleRenderer()))
    else:
        handler.setFormatter(
            _formatter(structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
        )
    return handler


def _formatter(*renderers: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
