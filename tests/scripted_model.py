"""A ``LanguageModel`` that answers by a script and remembers what it was asked; an answer store in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datamodels import Completion, EngineInfo, PromptMessage, Usage
from errors import ProviderInvalidAnswer
from language_model.port import OnText

CHARACTERS_A_TOKEN = 3
TEMPLATE_TOKENS = 8
"""What its chat template adds around each message."""


@dataclass(frozen=True)
class Call:
    """What the model was asked. ``data`` is what stands between the markers of the last data message."""

    messages: tuple[PromptMessage, ...]
    schema: Mapping[str, Any] | None
    max_tokens: int

    @property
    def prompt(self) -> str:
        return self.messages[2].content

    @property
    def data(self) -> str:
        content = self.messages[1].content
        return content.partition("<расшифровка>\n")[2].rpartition("\n</расшифровка>")[0]

    @property
    def last(self) -> str:
        return self.messages[-1].content


@dataclass(frozen=True)
class Cut:
    """An answer that ends at the token limit."""

    text: str


Script = Callable[[Call], "str | dict[str, Any] | Cut"]


class ScriptedModel:
    def __init__(
        self,
        script: Script,
        *,
        context_tokens: int = 100_000,
        max_output_tokens: int = 2_000,
        fingerprint: str = "1",
        small: bool = False,
    ) -> None:
        self._small = small
        self._script = script
        self._context_tokens = context_tokens
        self._max_output_tokens = max_output_tokens
        self._fingerprint = fingerprint
        self.calls: list[Call] = []
        self.largest = 0
        """Tokens of the largest prompt together with its answer's limit."""

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="scripted", model="scripted-1", fingerprint=self._fingerprint, small=self._small)

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def max_output_tokens(self) -> int:
        return self._max_output_tokens

    async def complete(
        self,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        on_text: OnText | None = None,
    ) -> Completion:
        limit = max_tokens or self._max_output_tokens
        call = Call(tuple(messages), schema, limit)
        self.calls.append(call)
        asked = sum([await self.count_tokens(message.content) for message in messages])
        self.largest = max(self.largest, asked + len(messages) * TEMPLATE_TOKENS + limit)
        answer = self._script(call)
        usage = Usage(prompt_tokens=asked, completion_tokens=limit if isinstance(answer, Cut) else 1)
        if isinstance(answer, Cut) and schema is not None:
            raise ProviderInvalidAnswer(provider="scripted", reason="cut off", usage=usage, truncated=True)
        if isinstance(answer, str) and schema is not None:
            raise ProviderInvalidAnswer(provider="scripted", reason=f"not JSON: {answer}", usage=usage)
        text = answer.text if isinstance(answer, Cut) else answer
        if on_text is not None and isinstance(text, str):
            for end in range(1, len(text) + 1):
                on_text(text[:end])
        return Completion(
            text=text if isinstance(text, str) else json.dumps(text, ensure_ascii=False),
            data=None if isinstance(text, str) else text,
            usage=usage,
            model="scripted-1",
            truncated=isinstance(answer, Cut),
            duration_s=0.5,
        )

    async def count_tokens(self, text: str) -> int:
        return -(-len(text) // CHARACTERS_A_TOKEN)

    async def prepare(self) -> None:
        return None

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        return None


class MemoryAnswers:
    """Keeps the text of answers only, as a database row does."""

    def __init__(self) -> None:
        self.rows: dict[str, Completion] = {}
        self.names: list[str] = []

    async def get(self, input_hash: str) -> Completion | None:
        return self.rows.get(input_hash)

    async def paid(self, model: str, usage: Usage) -> None:
        """Nobody counts it."""

    async def put(self, input_hash: str, pass_name: str, completion: Completion) -> None:
        self.names.append(pass_name)
        self.rows[input_hash] = completion.model_copy(update={"data": None})
