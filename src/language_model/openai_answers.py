"""What comes back from a chat endpoint: text apart from the model's thinking, and valid JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import BaseModel, ConfigDict, Field, model_validator

_TAGS = r"(?:seed:)?think(?:ing)?|thoughts?|reasoning"
_OPEN = rf"(?:<(?:{_TAGS})>|\[think(?:ing)?\]|◁think▷)"
_CLOSE = rf"(?:</(?:{_TAGS})>|\[/think(?:ing)?\]|◁/think▷)"
"""The tags of Qwen and DeepSeek, of Claude, of Seed, of Magistral («[THINK]») and of Kimi («◁think▷»)."""
_CLOSING = re.compile(_CLOSE, re.IGNORECASE)
_THINKING = re.compile(rf"{_OPEN}.*?{_CLOSE}\s*", re.DOTALL | re.IGNORECASE)
_UNCLOSED = re.compile(rf"^[ \t]*{_OPEN}", re.MULTILINE | re.IGNORECASE)
_OPENING = re.compile(_OPEN, re.IGNORECASE)
_TORN = re.compile(r"(?:<\|start\|>\w{0,20})?(?:<[^<>\n]{0,20}|\[/?[a-z]{0,8}|◁[^▷\n]{0,8})?$", re.IGNORECASE)
"""The end of a text that may be the beginning of a tag or of a channel."""
_TORN_CHARS = 60
_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_END = re.compile(r"<\|(?:end|return|call)\|>")
_END_OF_HEAD = re.compile(r"<\|start\|>.*", re.DOTALL)
_BEGIN = re.compile(r"[{\[]")
_MOST_VALUES = 50
"""Places that are tried for JSON in a text that is not JSON as a whole."""
_WANTED_CHARS = 200
_THOUGHTS = ("reasoning_content", "reasoning")
"""Names of the field with the thinking: at DeepSeek, vLLM and SGLang; at OpenRouter, Ollama and newer vLLM."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class AnswerMessage(_Lenient):
    """``thoughts`` is what the endpoint itself keeps apart from the text, under one of several names."""

    content: str | None = None
    thoughts: str | None = None
    refusal: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, message: Any) -> Any:
        """Find the thinking; take it and the text out of a list of pieces, which is Mistral's form."""
        if not isinstance(message, dict):
            return message
        named = (message.get(name) for name in _THOUGHTS)
        told = {"thoughts": next((each for each in named if each and isinstance(each, str)), None)}
        pieces = message.get("content")
        if not isinstance(pieces, list):
            return {**message, **told}
        kinds: dict[str, list[str]] = {"text": [], "thinking": []}
        for piece in pieces:
            kind = piece.get("type") if isinstance(piece, dict) else None
            if kind in kinds:
                kinds[kind].append(_text_of(piece.get(kind)))
        return {**message, "content": "".join(kinds["text"]), "thoughts": "".join(kinds["thinking"])}


def _text_of(value: object) -> str:
    if isinstance(value, list):
        return "".join(_text_of(each.get("text")) for each in value if isinstance(each, dict))
    return value if isinstance(value, str) else ""


class AnswerChoice(_Lenient):
    message: AnswerMessage
    finish_reason: str | None = None


class _TokenDetails(_Lenient):
    reasoning_tokens: int | None = None


class AnswerUsage(_Lenient):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    completion_tokens_details: _TokenDetails | None = None

    @property
    def written_tokens(self) -> int | None:
        """The tokens of answer and thinking: some endpoints count the latter in the total alone."""
        if self.completion_tokens is None or self.prompt_tokens is None or self.total_tokens is None:
            return self.completion_tokens
        return max(self.completion_tokens, self.total_tokens - self.prompt_tokens)

    @property
    def thought_tokens(self) -> int:
        details = self.completion_tokens_details
        return (details.reasoning_tokens if details else None) or self.reasoning_tokens or 0


class ChatAnswer(_Lenient):
    """The used fields of a ``chat.completion`` object; servers leave others out or add some.

    ``error`` is what went wrong where an endpoint answers with 200 all the same.
    """

    choices: list[AnswerChoice] = Field(default_factory=list)
    usage: AnswerUsage | None = None
    error: Any = None


class Answered(NamedTuple):
    """A completion's text and the model's thinking, each without the other.

    ``is_unopened``: only the end of the thinking is marked, since the template has its beginning.
    """

    text: str
    thoughts: str
    is_unopened: bool = False


class ParsedJson(NamedTuple):
    """The value that a text holds, or the ``problem``: which rule the text breaks and where, without quoting it."""

    value: Any = None
    problem: str | None = None


def without_thinking(text: str) -> str:
    """Return the text without a reasoning model's ``<think>…</think>``, in every spelling of these tags, and stripped.

    Some templates leave the opening tag out: then all before the closing tag is thinking. After an opening tag that
    begins a line and is never closed, all is thinking.
    """
    end = max((match.end() for match in _CLOSING.finditer(text)), default=0)
    # Only where a closing tag follows: a search for one from every opening tag could take long.
    closed = _CLOSING.split(_THINKING.sub("", text[:end]))[-1]
    text = closed + text[end:]
    unclosed = _UNCLOSED.search(text)
    return text[: unclosed.start() if unclosed else None].strip()


def answer_so_far(text: str, *, unopened: bool) -> str:
    """Return what surely belongs to the answer of a text that goes on: nothing that is thinking, or may become a tag.

    With ``unopened``, a text begins with thinking, which only its end marks.
    """
    come = in_final_channel(text[:-_TORN_CHARS] + _TORN.sub("", text[-_TORN_CHARS:]))
    if unopened and not _CLOSING.search(come):
        return ""
    return _OPENING.split(without_thinking(come), maxsplit=1)[0].rstrip()


def read_answer(message: AnswerMessage, *, wants_json: bool) -> Answered:
    """Return the text of a message apart from its thinking.

    Some servers take a structured answer for thinking: with ``wants_json``, JSON among the thoughts is the text when
    there is no other.
    """
    content = in_final_channel(message.content or "")
    text = without_thinking(content)
    told = (message.thoughts or "").strip()
    if wants_json and not text and told.startswith(("{", "[")):
        return Answered(told, "")
    tagged = content if len(text) < len(content.strip()) else ""
    thoughts = told or _CLOSING.sub("", _OPENING.sub("", tagged)).strip().removesuffix(text).strip()
    end = _CLOSING.search(content)
    return Answered(text, thoughts, end is not None and not _OPENING.search(content, 0, end.start()))


def in_final_channel(text: str) -> str:
    """Return the answer of a model that writes into channels (gpt-oss); any other text is returned as it is.

    Of channels that are not the final one, the text is thinking: it is put between the tags of thinking.
    """
    if _CHANNEL not in text:
        return text
    final = ""
    thoughts = []
    for head, _, body in (part.partition(_MESSAGE) for part in text.split(_CHANNEL)[1:]):
        said, _, after = _END.sub(_MESSAGE, body).partition(_MESSAGE)
        if head.strip().startswith("final"):
            final = said
        else:
            thoughts.append(said)
            final = final or _END_OF_HEAD.sub("", after).strip()
    return f"<think>{' '.join(thoughts)}</think>{final}"


def parse_json(text: str, schema: Mapping[str, Any]) -> ParsedJson:
    """Return the JSON value of ``text``, or why it is missing or invalid.

    The value may stand in a Markdown fence, after a draft or before a sentence; of several that are valid the longest
    counts.
    """
    validator = Draft202012Validator(schema)
    found: list[tuple[int, Any]] = []
    problem = None
    for length, value in _values(text):
        error = best_match(validator.iter_errors(value))
        if error is None:
            found.append((length, value))
        else:
            wanted = json.dumps(error.validator_value, ensure_ascii=False, default=str)[:_WANTED_CHARS]
            problem = problem or f"{error.json_path} breaks {error.validator}: {wanted}"
    if found:
        return ParsedJson(max(found, key=lambda each: each[0])[1])
    return ParsedJson(problem=problem or f"no JSON in {len(text)} characters")


def is_bare_json(text: str) -> bool:
    """Tell whether a text is one JSON value and nothing else, as an endpoint makes it that keeps to a schema."""
    return len(found := list(_values(text))) == 1 and found[0][0] == len(text.strip())


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """Yield length and value of what is JSON in ``text``; objects and lists where it is not JSON as a whole."""
    body = text.strip()
    decoder = json.JSONDecoder()
    try:
        yield len(body), decoder.decode(body)
    except (json.JSONDecodeError, RecursionError):
        pass
    else:
        return
    at, tries = 0, 0
    while (begin := _BEGIN.search(body, at)) and tries < _MOST_VALUES:
        tries += 1
        try:
            value, at = decoder.raw_decode(body, begin.start())
        except (json.JSONDecodeError, RecursionError):
            at = begin.start() + 1
        else:
            yield at - begin.start(), value
