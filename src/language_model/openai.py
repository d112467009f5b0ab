"""A language model behind any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp's server and others.

Endpoints differ in what they accept, keep to and leave out. What a refusal or an answer shows is known from then on,
and kept for other processes and later starts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import openai
import structlog

from datamodels import Completion, EngineInfo, PromptMessage, Usage
from errors import ProviderError, ProviderInvalidAnswer
from errors_of_operation import ContextCut, OnlyThoughts
from language_model.capabilities import (
    THINKING_TOKENS,
    Capabilities,
    CapabilityFile,
    endpoint_digest,
    presumed,
    room_for_thinking,
)
from language_model.chat_requests import learned_from_refusal, request_body
from language_model.openai_answers import (
    Answered,
    AnswerUsage,
    ChatAnswer,
    is_bare_json,
    parse_json,
    read_answer,
)
from language_model.openai_stream import sent
from language_model.port import MESSAGE_TOKENS, OnText
from language_model.server_limits import ListedModel, ServerContext, find_model, listed_models, server_context
from language_model.vocabulary import PIECE_CHARS, Vocabulary
from outcomes import Purpose
from prices import model_facts, shutdown_date
from provider_calls.openai import error_in_body, openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time
from text_cleaning import storable

ASSUMED_CONTEXT_TOKENS = 32_768
"""The context assumed when neither setting, price table nor endpoint tells it. Providers that tell nothing have more;
an endpoint that has less says so when it refuses, or is found out by the tokens that it reports."""
_MORE_THINKING = 3
"""By how much the room for thinking grows for one more try when it was not enough."""
_CUT_FACTOR = 4
_SURE_TOKENS = 2048
"""A prompt is surely read as a whole while it takes at most the context divided by the first; where nobody tells the
context, the second."""
_SMALLEST_CONTEXT_TOKENS = 1024
_BEGINS_JSON = ("{", "[", "`")
_LIMITS_ASKED_S = 4.0
_ASKED_AGAIN_S = 30.0
"""Seconds until an endpoint that did not answer is asked for its limits again."""

log = structlog.get_logger(__name__)


class _Asked(NamedTuple):
    """A question, made for ``context_tokens``; ``estimated`` are its tokens, with what a template adds."""

    messages: Sequence[PromptMessage]
    schema: Mapping[str, Any] | None
    max_tokens: int
    context_tokens: int
    estimated: int
    on_text: OnText | None = None


class OpenAILanguageModel:
    """``LanguageModel`` over ``/chat/completions``.

    With ``context_tokens`` 0 the context is what ``resources/prices.yaml`` has, else what the endpoint tells
    (``prepare`` asks it), else ``ASSUMED_CONTEXT_TOKENS``. When ``identity`` is given, the fingerprint has it instead
    of ``base_url``: the embedded server has another port at every start, but the same weights. ``extra`` is merged into
    every request, ``small`` into ``info``. What is learned is kept in ``kept_in``, a folder, unless that is None.
    """

    def __init__(  # noqa: PLR0913  one explicit argument for each setting
        self,
        base_url: str,
        api_key: str,
        model: str,
        provider_name: str,
        context_tokens: int,
        max_output_tokens: int,
        concurrency: int,
        timeout_s: float,
        *,
        identity: str | None = None,
        extra: Mapping[str, Any] | None = None,
        kept_in: Path | None = None,
        small: bool = False,
        time: Time | None = None,
    ) -> None:
        facts = model_facts(model)
        self._given_context = context_tokens or (facts.context if facts else None)
        self._max_output_tokens = max_output_tokens
        self._model, self._provider = model, provider_name
        self._extra = dict(extra or {})
        self._client = openai_client(base_url, api_key, timeout_s)
        self._calls = ProviderCalls(provider_name, concurrency, timeout_s, purpose=Purpose.LANGUAGE, time=time)
        digest = endpoint_digest(identity or base_url, model, self._extra, small=small)
        self._info = EngineInfo(name=provider_name, model=model, fingerprint=digest, small=small)
        self._file = CapabilityFile(kept_in / f"{digest}.json") if kept_in else None
        self._presumed = presumed(base_url, model)
        self._known = self._kept = (self._file.load() if self._file else None) or self._presumed
        self._vocabulary = Vocabulary(model, self._known.token_scale)
        self._cut_to: int | None = None
        self._usage_misleads = False
        self._asked_at: float | None = None
        self._has_told = False
        self._never_ends = False

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def known(self) -> Capabilities:
        """What is known of the endpoint and the model."""
        return self._known

    @property
    def is_context_told(self) -> bool:
        """Tell whether setting, price table or endpoint told the context."""
        return bool(self._given_context or self._known.context_tokens)

    @property
    def whole_context_tokens(self) -> int:
        """The most tokens of prompt, thinking and answer together."""
        told = self._given_context or self._known.context_tokens or ASSUMED_CONTEXT_TOKENS
        return min(told, self._cut_to or told)

    @property
    def context_tokens(self) -> int:
        return self.whole_context_tokens - self._thinking_tokens

    @property
    def max_output_tokens(self) -> int:
        """Default of ``max_tokens``, never more than half of the context, nor than the endpoint allows."""
        return min(self._max_output_tokens, self._longest_answer, self.context_tokens // 2)

    @property
    def _longest_answer(self) -> int:
        """The most tokens of an answer without its thinking, which the endpoint's limit counts."""
        allowed = self._known.most_output_tokens or self.whole_context_tokens
        return allowed - min(self._thinking_tokens, allowed // 2)

    @property
    def _thinking_tokens(self) -> int:
        return room_for_thinking(self.whole_context_tokens) if self._known.thinks else 0

    async def complete(
        self,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        on_text: OnText | None = None,
    ) -> Completion:
        """See ``LanguageModel.complete``.

        The details of ``ProviderInvalidAnswer`` have ``usage`` (for the tokens were paid for), ``truncated`` and, where
        there was a text, the ``answer``, unless the response was no chat completion.
        """
        started = monotonic()
        limit = min(max_tokens or self.max_output_tokens, self._longest_answer)
        estimated = await self._estimate(messages)
        asked = _Asked(messages, schema, limit, self.whole_context_tokens, estimated, on_text)
        try:
            answer, answered, usage = await self._answered(asked)
        finally:
            await self._keep()
        choice = answer.choices[0]
        # NUL is removed as an escape, too: parsing the JSON would turn the escape into NUL.
        text = storable(answered.text.replace("\\u0000", "")).strip()
        truncated = choice.finish_reason == "length"
        reason = "the model refused" if choice.message.refusal else None
        if reason is None and truncated and schema is not None:
            reason = "cut off by max_tokens"
        if reason is None and not text:
            reason = f"no text, finish_reason {choice.finish_reason}"
        data = None
        if reason is None and schema is not None:
            data, reason = parse_json(text, schema)
            if not self._known.schema_in_prompt and (reason is not None or not is_bare_json(text)):
                # An endpoint that kept to the schema would not have answered so.
                self._learn(self._known.with_(schema_in_prompt=True))
                await self._keep()
        if reason is not None:
            raise ProviderInvalidAnswer(
                provider=self._provider, reason=reason, usage=usage, truncated=truncated, answer=text
            )
        return Completion(
            text=text,
            data=data,
            usage=usage,
            model=self._model,
            truncated=truncated,
            duration_s=monotonic() - started,
        )

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of ``text``.

        The count is exact when the model's vocabulary is known, apart from the seams of a long text; else it is an
        estimate that is never too low.
        """
        if len(text) <= PIECE_CHARS:
            return self._vocabulary.count(text)
        return await asyncio.to_thread(self._vocabulary.count, text)

    async def prepare(self) -> None:
        """Ask the endpoint for its limits, once and for no money; that it does not answer is no error here."""
        if self._has_told or self._given_context:
            return
        if self._asked_at is not None and monotonic() - self._asked_at < _ASKED_AGAIN_S:
            return
        self._asked_at = monotonic()
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(_LIMITS_ASKED_S):
                await self._look_up()

    def forget(self) -> None:
        """Begin anew with what name and host tell: somebody may have mended the endpoint."""
        self._known, self._cut_to, self._has_told, self._asked_at = self._presumed, None, False, None
        self._vocabulary = Vocabulary(self._model)

    async def ask_server(self) -> ServerContext | None:
        """Ask a server of one's own with which context it runs the model; None where there is no such server.

        Raises:
            ProviderError: it does not answer.
        """
        with openai_errors(self._provider, self._model):
            return await server_context(self._client, self._model)

    async def check(self) -> None:
        """List the models; ask for one token when this model is not listed, since some servers list other names."""
        if not await self._calls.run(self._look_up):
            message = PromptMessage(role="user", content="1")
            await self._calls.run(lambda: self._send(_Asked([message], None, 1, self.whole_context_tokens, 1), 0))

    async def close(self) -> None:
        await self._client.close()

    async def _look_up(self) -> bool:
        with openai_errors(self._provider, self._model):
            try:
                entry = find_model(await listed_models(self._client), self._model)
            except (openai.NotFoundError, openai.AuthenticationError, openai.PermissionDeniedError):
                # Not every endpoint lists models, and some want another key for it: a question shows more.
                entry = None
            told = entry.context_tokens if entry else None
            if told is None and not self._given_context and (server := await self.ask_server()):
                told = server.tokens
        self._has_told = True
        if told and told != self._known.context_tokens:
            self._learn(self._known.with_(context_tokens=told))
            await self._keep()
        self._log_shutdown(entry)
        return entry is not None

    def _log_shutdown(self, entry: ListedModel | None) -> None:
        ends = (entry.shutdown_date if entry else None) or shutdown_date(self._model)
        if ends:
            log.warning("model_shutdown", model=self._model, date=ends.isoformat() if isinstance(ends, date) else ends)

    async def _answered(self, asked: _Asked) -> tuple[ChatAnswer, Answered, Usage]:
        """Ask, with more room for thinking when thinking took all of it.

        Raises:
            OnlyThoughts: the model did nothing but think.
            ContextCut: the endpoint left out a part of the prompt.
        """
        spent = Usage()
        rooms = [self._thinking_tokens]
        if not self._never_ends:
            rooms += [THINKING_TOKENS, THINKING_TOKENS * _MORE_THINKING]
        room = 0
        for number, wanted in enumerate(rooms):
            room = min(wanted, self._left_for_thinking(asked)) if wanted else 0
            if number and room <= rooms[0]:
                break
            answer = await self._calls.run(lambda room=room: self._send(asked, room))  # type: ignore[misc]
            if isinstance(answer, ContextCut):
                raise answer
            answered = read_answer(answer.choices[0].message, wants_json=asked.schema is not None)
            usage = await self._usage(answer, answered, asked)
            spent += usage
            await self._check_whole(answer.usage, asked)
            thought = bool(answered.thoughts) or bool(answer.usage and answer.usage.thought_tokens)
            # Where the template has the opening tag, thoughts that were cut have no tag at all.
            begun = answered.text.startswith(_BEGINS_JSON) if asked.schema is not None else answered.text
            only_thoughts = not begun and answer.choices[0].finish_reason == "length"
            # JSON that the endpoint enforces has no thinking before it, and a text that was cut may lack its end.
            shows = asked.schema is None and answer.choices[0].finish_reason != "length"
            unopened = answered.is_unopened or (self._known.unopened_thoughts and not shows)
            thinks = thought or only_thoughts or self._known.thinks
            if (thinks, unopened) != (self._known.thinks, self._known.unopened_thoughts):
                self._learn(self._known.with_(thinks=thinks, unopened_thoughts=unopened))
            if not only_thoughts:
                self._never_ends = False
                return answer, answered, spent
        self._never_ends = True
        raise OnlyThoughts(provider=self._provider, model=self._model, usage=spent, truncated=True)

    def _left_for_thinking(self, asked: _Asked) -> int:
        beside = self.whole_context_tokens - self._vocabulary.scaled(asked.estimated)
        return max(0, min(beside, self._known.most_output_tokens or beside) - asked.max_tokens)

    async def _send(self, asked: _Asked, room: int) -> ChatAnswer | ContextCut:
        """Send the question; return the error that a prompt longer than the context is, which no other try mends."""
        with openai_errors(self._provider, self._model):
            while True:
                known, limit = self._known, asked.max_tokens + room
                stream = asked.on_text is not None
                body = request_body(self._model, known, asked.messages, asked.schema, limit, self._extra, stream=stream)
                try:
                    return await self._post(body, asked.on_text)
                except openai.APIStatusError as exc:
                    learned = learned_from_refusal(known, body, exc, asked.context_tokens)
                    if learned is None:
                        raise
                    if self._known is known:  # else another call has learned meanwhile, perhaps the same
                        self._learn(learned)
                    if learned.context_tokens != known.context_tokens and learned.context_tokens is not None:
                        self._cut_to = learned.context_tokens
                        return ContextCut(provider=self._provider, context_tokens=learned.context_tokens)

    async def _post(self, body: dict[str, object], on_text: OnText | None) -> ChatAnswer:
        unopened = self._known.unopened_thoughts
        answer, response = await sent(self._client, body, self._provider, on_text, unopened=unopened)
        if answer.choices:
            return answer
        if isinstance(answer.error, dict):
            raise error_in_body(answer.error, response)
        raise ProviderInvalidAnswer(provider=self._provider, reason="no choices")

    async def _estimate(self, messages: Sequence[PromptMessage]) -> int:
        whole = [message.content for message in messages]
        if sum(map(len, whole)) <= PIECE_CHARS:
            estimated = sum(map(self._vocabulary.estimate, whole))
        else:
            estimated = await asyncio.to_thread(lambda: sum(map(self._vocabulary.estimate, whole)))
        return estimated + MESSAGE_TOKENS * len(messages)

    async def _usage(self, answer: ChatAnswer, answered: Answered, asked: _Asked) -> Usage:
        prompt = answer.usage.prompt_tokens if answer.usage else None
        written = answer.usage.written_tokens if answer.usage else None
        if prompt is None:
            prompt = self._vocabulary.scaled(asked.estimated)
        if written is None:
            written = await self.count_tokens(answered.text + answered.thoughts)
        return Usage(prompt_tokens=prompt, completion_tokens=written)

    async def _check_whole(self, told: AnswerUsage | None, asked: _Asked) -> None:
        """Learn from the tokens of the prompt that the endpoint reports.

        Raises:
            ContextCut: it is surely less than was sent, and the endpoint does not tell that its context holds it.
        """
        reported = told.prompt_tokens if told else None
        if not reported or self._usage_misleads:
            return
        if not self._vocabulary.is_cut(asked.estimated, reported):
            surely_read = self.whole_context_tokens // _CUT_FACTOR if self.is_context_told else _SURE_TOKENS
            if asked.estimated <= max(surely_read, reported):
                scale = self._vocabulary.learn(asked.estimated, reported)
                if scale is not None and scale != self._known.token_scale:
                    self._learn(self._known.with_(token_scale=scale))
            return
        server = await self.ask_server()
        if server and server.tokens >= asked.estimated + asked.max_tokens:
            # Some servers report only what they had not kept from an earlier prompt.
            self._usage_misleads = True
            return
        context = max(_SMALLEST_CONTEXT_TOKENS, server.tokens if server else reported)
        self._cut_to = min(context, self._cut_to or context)
        log.warning("context_cut", model=self._model, sent=asked.estimated, read=reported, context=self._cut_to)
        if context != self._known.context_tokens:
            self._learn(self._known.with_(context_tokens=context))
        raise ContextCut(provider=self._provider, context_tokens=context)

    def _learn(self, known: Capabilities) -> None:
        self._known = known
        log.info("endpoint_learned", model=self._model, **known.model_dump(mode="json", exclude={"known_at", "extra"}))

    async def _keep(self) -> None:
        if self._file is not None and self._kept != self._known:
            self._kept = self._known
            await asyncio.to_thread(self._file.save, self._known)
