"""Answers that were recorded beforehand, in the place of a language model: for demonstration only."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from constants import RECORDED_MODEL
from datamodels import Completion, EngineInfo, PromptMessage, Usage
from errors import ProviderInvalidAnswer
from language_model.port import OnText
from utils import count_tokens, load_yaml

_CONTEXT_TOKENS = 131_072
_OUTPUT_TOKENS = 8192
_ENGINE = "recorded"
"""``resources/prices.yaml`` names it among what is free."""


class RecordedLanguageModel:
    """A language model that answers a question by the phrase of its prompt that an entry of a file names.

    The file is a list of ``asks`` and ``answer``, a text, or the data of structured output. Tokens are those of the
    question and the answer, as a model would have counted them.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_text(encoding="utf-8")
        self._answers: dict[str, Any] = {entry["asks"]: entry["answer"] for entry in load_yaml(content)}
        self._fingerprint = sha256(content.encode()).hexdigest()

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name=_ENGINE, model=RECORDED_MODEL, fingerprint=self._fingerprint)

    @property
    def context_tokens(self) -> int:
        return _CONTEXT_TOKENS

    @property
    def max_output_tokens(self) -> int:
        return _OUTPUT_TOKENS

    async def complete(
        self,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,  # noqa: ARG002  # no recorded answer is as long
        on_text: OnText | None = None,  # noqa: ARG002  # it comes at once
    ) -> Completion:
        """Return the recorded answer; callers check it as they check any model's.

        Raises:
            ProviderInvalidAnswer: none was recorded for the question.
        """
        started = monotonic()
        asked = messages[-1].content
        found = [answer for phrase, answer in self._answers.items() if phrase in asked]
        if len(found) != 1 or isinstance(found[0], str) is not (schema is None):
            raise ProviderInvalidAnswer(provider=_ENGINE, reason="no answer was recorded")
        text = found[0] if schema is None else json.dumps(found[0], ensure_ascii=False)
        prompt_tokens = sum([await self.count_tokens(message.content) for message in messages])
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=await self.count_tokens(text))
        data = None if schema is None else found[0]
        return Completion(text=text, data=data, usage=usage, model=RECORDED_MODEL, duration_s=monotonic() - started)

    async def count_tokens(self, text: str) -> int:
        return await asyncio.to_thread(count_tokens, text)

    async def prepare(self) -> None:
        """Do nothing: the limits are known."""

    async def check(self) -> None:
        """Do nothing: there is nothing that could refuse."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""
