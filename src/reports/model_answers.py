"""Questions to the language model inside a report: answers are kept, and an invalid one is asked for once more."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

import texts.reports
from datamodels import Completion, PromptMessage, Usage
from errors import ProviderInvalidAnswer, VoxPersonaError
from errors_of_operation import NotBySchema, OnlyThoughts
from language_model.port import LanguageModel
from prices import is_free
from provider_calls.in_flight import CallsInFlight, watched
from reports.asking import tokens_of
from reports.evidence import normal_words

_LONGEST_PROBLEM = 300
_QUOTE = re.compile(r"«[^»]*»")
_LATIN, _RUSSIAN = re.compile(r"[A-Za-z]"), re.compile(r"[А-Яа-яЁё]")
_FEWEST_LATIN = 80
"""Letters: a sentence. Fewer may be the names of a hotel and its brand."""
_MANY_TIMES = 3
_QUOTED_FIELDS = frozenset(["text", "quote", "quotes"])
_WORDS_OF_A_LINE = 8
"""A line of the prompt with fewer words may be a heading, a name or a form that the answer has to have."""


class ModelAnswerStore(Protocol):
    """Keeps the model's answers for one recording's reports.

    A store need not keep ``data`` of a completion: it is parsed from ``text`` again.
    """

    async def get(self, input_hash: str) -> Completion | None: ...

    async def put(self, input_hash: str, pass_name: str, completion: Completion) -> None: ...

    async def paid(self, model: str, usage: Usage) -> None:
        """Count what an answer took that is not kept, since it was not valid."""
        ...


class ModelAnswers:
    """The model's answers for one report, and what they took: ``usage`` in tokens, ``seconds`` of the model's time.

    Answers from the store count as well: they belong to the report, whichever run paid for them. A call that costs
    money is one of ``calls`` until its answer is stored.
    """

    def __init__(self, llm: LanguageModel, store: ModelAnswerStore, calls: CallsInFlight | None = None) -> None:
        self._llm = llm
        self._store = store
        self._calls = calls or CallsInFlight()
        self.usage = Usage()
        self.seconds = 0.0

    async def text(self, pass_name: str, messages: Sequence[PromptMessage], max_tokens: int) -> Completion:
        """Return the answer as text, which may be ``truncated``.

        An answer that repeats lines of its prompt, or is in another language, is asked for once more; what the second
        one repeats is left out.

        Raises:
            ProviderInvalidAnswer: the answer is empty, is not in Russian, or repeats the prompt and says nothing else.
            ProviderError: the model failed.
        """
        answer = await self._answer(pass_name, messages, None, max_tokens)
        lines = _lines_of_prompt(messages)
        repeated = next((line for line in answer.text.split("\n") if _repeats(line, lines)), None)
        if repeated is None and not is_foreign(answer.text):
            return answer
        problem = texts.reports.ASK_IN_RUSSIAN
        if repeated is not None:
            problem = texts.reports.ASK_OWN_WORDS.format(line=repeated.strip()[:_LONGEST_PROBLEM])
        asked = [*messages, PromptMessage(role="user", content=problem)]
        answer = await self._answer(pass_name, asked, None, max_tokens)
        if is_foreign(answer.text):
            raise self._invalid("not in Russian", answer)
        text = "\n".join(line for line in answer.text.split("\n") if not _repeats(line, lines))
        if not text.strip():
            raise self._invalid("repeats the prompt", answer)
        return answer.model_copy(update={"text": text})

    async def structured(
        self,
        pass_name: str,
        messages: Sequence[PromptMessage],
        schema: Mapping[str, Any],
        max_tokens: int,
        second_schema: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the answer, parsed from JSON and valid by ``schema``; None when ``max_tokens`` cut it off.

        When the answer is not valid, the model is told why, and is asked once more with that answer and the schema
        before it. ``second_schema``, when given, is the schema of the second answer: it may allow more than ``schema``,
        if the caller can correct the answer.

        Raises:
            OnlyThoughts: the model thought and did not answer.
            NotBySchema: the second answer is not valid either.
            ProviderError: the model failed.
        """
        try:
            return (await self._answer(pass_name, messages, schema, max_tokens)).data
        except OnlyThoughts:
            raise
        except ProviderInvalidAnswer as exc:
            if exc.details.get("truncated"):
                return None
            first = exc
        second = second_schema or schema
        asked = [*messages, *await self._asked_again(messages, first, second, max_tokens)]
        try:
            return (await self._answer(pass_name, asked, second, max_tokens)).data
        except OnlyThoughts:
            raise
        except ProviderInvalidAnswer as exc:
            if exc.details.get("truncated"):
                return None
            raise NotBySchema(
                provider=self._llm.info.name, model=self._llm.info.model, reason=exc.details.get("reason")
            ) from exc

    async def _asked_again(
        self,
        messages: Sequence[PromptMessage],
        first: ProviderInvalidAnswer,
        schema: Mapping[str, Any],
        max_tokens: int,
    ) -> list[PromptMessage]:
        """Return the messages of a second question: the first answer, what is wrong with it, and the schema.

        What the context has no room for is left out: first the answer, then the schema.
        """
        problem = texts.reports.ASK_VALID.format(problem=str(first.details.get("reason"))[:_LONGEST_PROBLEM])
        by_schema = texts.reports.ASK_BY_SCHEMA.format(problem=problem, schema=json.dumps(schema, ensure_ascii=False))
        question = PromptMessage(role="user", content=by_schema)
        answer = str(first.details.get("answer") or "")
        choices = [[PromptMessage(role="assistant", content=answer), question]] if answer else []
        for again in (*choices, [question]):
            if await tokens_of(self._llm, [*messages, *again]) + max_tokens <= self._llm.context_tokens:
                return again
        return [PromptMessage(role="user", content=problem)]

    async def _answer(
        self, pass_name: str, messages: Sequence[PromptMessage], schema: Mapping[str, Any] | None, max_tokens: int
    ) -> Completion:
        input_hash = self._hash(messages, schema, max_tokens)
        stored = await self._store.get(input_hash)
        if stored is not None:
            return self._counted(stored, schema)
        async with self._calls.one(paid=not is_free(self._llm.info.name)):
            completion = await self._asked(messages, schema, max_tokens)
            try:
                completion = self._counted(completion, schema)
            except ProviderInvalidAnswer:
                await self._store.paid(completion.model, completion.usage)
                raise
            await self._store.put(input_hash, pass_name, completion)
        return completion

    async def _asked(
        self, messages: Sequence[PromptMessage], schema: Mapping[str, Any] | None, max_tokens: int
    ) -> Completion:
        with watched() as sending:
            try:
                return await self._llm.complete(messages, schema=schema, max_tokens=max_tokens)
            except ProviderInvalidAnswer as exc:
                usage = exc.details.get("usage")
                if isinstance(usage, Usage):
                    self.usage += usage
                    await self._store.paid(self._llm.info.model, usage)
                raise
            except asyncio.CancelledError:
                if sending.is_out:
                    # The provider has the question, whoever gave the answer up.
                    with suppress(VoxPersonaError):
                        read = Usage(prompt_tokens=await tokens_of(self._llm, messages))
                        await self._store.paid(self._llm.info.model, read)
                raise

    def _counted(self, completion: Completion, schema: Mapping[str, Any] | None) -> Completion:
        """Count what an answer took, valid or not, and return it checked."""
        self.usage += completion.usage
        self.seconds += completion.duration_s
        return self._checked(completion, schema)

    def _checked(self, completion: Completion, schema: Mapping[str, Any] | None) -> Completion:
        if schema is None:
            if not completion.text.strip():
                raise self._invalid("empty answer", completion)
            return completion
        try:
            data = json.loads(completion.text) if completion.data is None else completion.data
        except json.JSONDecodeError as exc:
            raise self._invalid(f"no JSON: {exc.msg}", completion) from exc
        error = best_match(Draft202012Validator(schema).iter_errors(data))
        if error is not None:
            raise self._invalid(f"{error.json_path}: {error.message}", completion)
        if is_foreign(" ".join(_own_words(data))):
            raise self._invalid(texts.reports.ASK_IN_RUSSIAN, completion)
        return completion.model_copy(update={"data": data})

    def _invalid(self, reason: str, completion: Completion) -> ProviderInvalidAnswer:
        return ProviderInvalidAnswer(
            provider=self._llm.info.name,
            reason=reason,
            usage=completion.usage,
            truncated=completion.truncated,
            answer=completion.text,
        )

    def _hash(self, messages: Sequence[PromptMessage], schema: Mapping[str, Any] | None, max_tokens: int) -> str:
        asked = {
            "messages": [message.model_dump() for message in messages],
            "schema": schema,
            "model": self._llm.info.fingerprint,
            "max_tokens": max_tokens,
        }
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def is_foreign(text: str) -> bool:
    """Tell whether hardly any letters of a text, its quotes apart, are Russian, and it is not just a name or two."""
    own = _QUOTE.sub("", text)
    latin, russian = len(_LATIN.findall(own)), len(_RUSSIAN.findall(own))
    return latin >= _FEWEST_LATIN and latin > _MANY_TIMES * russian


def _own_words(data: Any, name: str = "") -> Iterator[str]:
    """Yield what a model wrote in its own words: no quotes, which are as they were said, and no identifiers."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _own_words(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from _own_words(value, name)
    elif isinstance(data, str) and name not in _QUOTED_FIELDS and " " in data:
        yield data


def _lines_of_prompt(messages: Sequence[PromptMessage]) -> frozenset[str]:
    """Return the longer lines of rules and prompt; those of the data, which an answer may quote, are none of them."""
    asked = [message for message in messages if message.role != "assistant"]
    own = [message.content for message in asked if not message.content.startswith(texts.reports.DATA_NOTICE)]
    lines = {_plain(line) for content in own for line in content.split("\n")}
    return frozenset(line for line in lines if line.count(" ") + 1 >= _WORDS_OF_A_LINE)


def _repeats(line: str, lines: frozenset[str]) -> bool:
    """Tell whether a line of an answer is one of ``lines``; headings and bold lines may be what the prompt asks for."""
    return not line.lstrip("- ").startswith(("#", "**")) and _plain(line) in lines


def _plain(line: str) -> str:
    return " ".join(normal_words(line))
