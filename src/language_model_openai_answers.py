"""What comes back from a chat endpoint: text without the model's thinking, JSON that a schema accepts."""

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import BaseModel, ConfigDict

_THINKING = re.compile(r"\A\s*(?:<think>)?.*?</think>\s*", re.DOTALL)
_OPEN, _CLOSE = "<think>", "</think>"
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_WANTED_CHARS = 200


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class AnswerMessage(_Lenient):
    content: str | None = None
    refusal: str | None = None


class AnswerChoice(_Lenient):
    message: AnswerMessage
    finish_reason: str | None = None


class AnswerUsage(_Lenient):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatAnswer(_Lenient):
    """The fields that are used of a ``chat.completion`` object; servers leave out or add others."""

    choices: list[AnswerChoice]
    usage: AnswerUsage | None = None


class InvalidAnswerText(ValueError):
    """The text is no JSON, or not what the schema asks for; the message does not quote it."""


def without_thinking(text: str) -> str:
    """Drop a reasoning model's ``<think>…</think>`` at the start; some templates leave the opening tag out."""
    text = _THINKING.sub("", text, count=1)
    return "" if text.lstrip().startswith(_OPEN) else text


class ThinkingFilter:
    """``without_thinking`` for pieces: nothing goes out until it is known not to be thinking."""

    def __init__(self) -> None:
        self._held = ""
        self._open = False

    def feed(self, piece: str) -> str:
        """The part of all that was fed which can go out now."""
        if self._open:
            return piece
        self._held += piece
        head = self._held.lstrip()
        if head.startswith(_OPEN):
            if _CLOSE not in head:
                return ""
            head = head.partition(_CLOSE)[2].lstrip()
        elif _OPEN.startswith(head):
            return ""
        self._open, self._held = True, ""
        return head

    def rest(self) -> str:
        """What is left at the end: a text that only began like a tag, never unfinished thinking."""
        held, self._held = self._held, ""
        return "" if held.lstrip().startswith(_OPEN) else held


def parse_json(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value of ``text``, bare or in a Markdown fence.

    Raises:
        InvalidAnswerText: names where and which rule of the schema, so that the model can be asked again.
    """
    body = text.strip()
    if not body.startswith(("{", "[")) and (fence := _FENCE.search(body)):
        body = fence[1]
    try:
        data = json.loads(body)
    except json.JSONDecodeError as exc:
        raise InvalidAnswerText(f"no JSON: {exc.msg} at character {exc.pos} of {len(body)}") from exc
    error = best_match(Draft202012Validator(schema).iter_errors(data))
    if error is not None:
        wanted = json.dumps(error.validator_value, ensure_ascii=False, default=str)[:_WANTED_CHARS]
        raise InvalidAnswerText(f"{error.json_path} breaks {error.validator}: {wanted}")
    return data
