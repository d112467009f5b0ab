"""What an endpoint and its model take and do, as far as it is known, and where that is kept between starts."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import AwareDatetime, Field, ValidationError

from datamodels import Value
from errors import DiskFull, OutOfResources
from provider_calls.openai import fingerprint
from utils import write_atomically

log = structlog.get_logger(__name__)

MAX_TOKENS = "max_tokens"
MAX_COMPLETION_TOKENS = "max_completion_tokens"
_REASONING_MODEL = re.compile(r"^(?:openai/)?(?:o\d|gpt-(?:[5-9]|\d\d))", re.IGNORECASE)
_THINKING_MODEL = re.compile(r"(?:^|[/_.-])(?:r1|qwq|magistral|gpt-oss|reasoner|thinking|reasoning)\b", re.IGNORECASE)
_KEPT_DAYS = 7
THINKING_TOKENS = 8192
"""Room for thinking: limits of answers count it, and unused tokens are not billed."""
_THINKING_SHARE = 4
"""Thinking gets at most the context divided by this."""


class AnswerFormat(IntEnum):
    """Ways to ask for structured output, the most reliable first."""

    STRICT_SCHEMA = 0
    SCHEMA = 1
    JSON_OBJECT = 2
    PROMPT = 3


class Capabilities(Value):
    """What is known of an endpoint and a model since ``known_at``.

    ``schema_in_prompt``: the endpoint takes a ``response_format`` and does not keep to it. ``context_tokens`` is what
    the endpoint told or showed, None when it did not; ``most_output_tokens`` is the longest answer that it allows.
    ``stream_usage``: a stream tells its tokens in its last event when it is asked to.
    ``unopened_thoughts``: texts begin with thinking, of which only the end is marked.
    ``extra`` are fields that every request needs. ``token_scale`` is by how much an estimate of tokens is too high at
    least: 1.0 when nothing is known, never below 0.3.
    """

    known_at: AwareDatetime
    answer_format: AnswerFormat = AnswerFormat.STRICT_SCHEMA
    schema_in_prompt: bool = False
    temperature: bool = True
    limit_name: str = MAX_TOKENS
    limit_renamed: bool = False
    streams: bool = True
    stream_usage: bool = True
    system_role: bool = True
    repeated_roles: bool = True
    thinks: bool = False
    unopened_thoughts: bool = False
    most_output_tokens: int | None = Field(None, ge=1)
    context_tokens: int | None = Field(None, ge=1)
    extra: dict[str, Any] = Field(default_factory=dict)
    token_scale: float = Field(1.0, ge=0.3, le=1.0)

    @property
    def asks_in_prompt(self) -> bool:
        """Tell whether a schema has to stand in the question for the model to keep to it."""
        return self.schema_in_prompt or self.answer_format >= AnswerFormat.JSON_OBJECT

    def with_(self, **changes: Any) -> "Capabilities":
        """Return a copy with ``changes``, known since now."""
        return self.model_copy(update={**changes, "known_at": datetime.now(UTC)})

    def says_as_much_as(self, other: "Capabilities") -> bool:
        """Tell whether ``other`` is the same knowledge, of whatever time."""
        return self.model_copy(update={"known_at": other.known_at}) == other


def presumed(base_url: str, model: str) -> Capabilities:
    """Return what name and host tell before the first request.

    OpenAI's reasoning models take ``max_completion_tokens`` and no temperature; llama.cpp, Ollama and others take
    ``max_tokens``. A name that has a family of thinking models in it gives room for thinking from the start; until the
    first answer shows it, nobody knows whether the beginning of the thinking is marked.
    """
    reasoning = _REASONING_MODEL.match(model) is not None
    thinking = _THINKING_MODEL.search(model) is not None
    newer_name = reasoning or urlsplit(base_url).hostname == "api.openai.com"
    return Capabilities(
        known_at=datetime.now(UTC),
        temperature=not reasoning,
        limit_name=MAX_COMPLETION_TOKENS if newer_name else MAX_TOKENS,
        thinks=reasoning or thinking,
        unopened_thoughts=thinking,
    )


def endpoint_digest(address: str, model: str, extra: Mapping[str, Any], *, small: bool) -> str:
    """Return what the file of an endpoint's capabilities is called, and what its answers depend on."""
    marks = ("small questions" if small else "", json.dumps(extra, sort_keys=True) if extra else "")
    return fingerprint(address.rstrip("/"), model, "temperature 0", *filter(None, marks))


def room_for_thinking(context_tokens: int) -> int:
    """Return how many tokens of a context are kept for a thinking model's thoughts."""
    return min(THINKING_TOKENS, context_tokens // _THINKING_SHARE)


class CapabilityFile:
    """Keeps the capabilities of one endpoint and model as JSON, for all processes of a folder. Blocking.

    What is kept counts for a week: endpoints get other versions. That a file cannot be read or written costs only
    what is then found out again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Capabilities | None:
        try:
            kept = Capabilities.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None
        return kept if datetime.now(UTC) - kept.known_at < timedelta(days=_KEPT_DAYS) else None

    def save(self, known: Capabilities) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path, known.model_dump_json(indent=1), mode=0o600)
        except (OSError, DiskFull, OutOfResources) as exc:
            log.warning("capabilities_not_kept", error=type(exc).__name__)
