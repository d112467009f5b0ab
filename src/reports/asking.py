"""What questions to a language model about transcripts have in common: their room, their data, several at a time."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import texts.reports
from datamodels import PromptMessage
from errors import OutOfResources, VoxPersonaError
from language_model.port import MESSAGE_TOKENS, LanguageModel

T = TypeVar("T")

_SECOND_QUESTION_TOKENS = 200
"""Tokens that are kept free to tell the model what was wrong with its answer."""
_ORDINARY_ANSWER_TOKENS = 2048
_SMALL_SHARE, _LARGE_SHARE = 3, 8
"""An ordinary answer gets at most the context divided by the first, or a small model would have no room for the
recording. A longer one, for the items of a long interview, gets at most the context divided by the second."""


def answer_tokens(llm: LanguageModel) -> int:
    """Return how many tokens an answer may have."""
    share = max(_ORDINARY_ANSWER_TOKENS, llm.context_tokens // _LARGE_SHARE)
    return min(llm.max_output_tokens, llm.context_tokens // _SMALL_SHARE, share)


async def tokens_of(llm: LanguageModel, messages: Sequence[PromptMessage]) -> int:
    """Count the tokens of messages, with what a chat template adds."""
    return sum([await llm.count_tokens(message.content) + MESSAGE_TOKENS for message in messages])


async def room_for_data(
    llm: LanguageModel, messages: Sequence[PromptMessage], answer: int, schema: Mapping[str, Any] | None = None
) -> int:
    """Return how many tokens of data fit beside messages, schema and answer; negative when even these do not fit.

    The schema counts because some endpoints get it as text.
    """
    taken = await tokens_of(llm, [*messages, data_message("")]) + answer + _SECOND_QUESTION_TOKENS
    if schema is not None:
        taken += await llm.count_tokens(str(schema))
    return llm.context_tokens - taken


def data_message(text: str) -> PromptMessage:
    """Return a message with ``text`` between markers; angle brackets in it are replaced: it cannot have markers."""
    content = texts.reports.DATA.format(
        notice=texts.reports.DATA_NOTICE,
        start=texts.reports.TRANSCRIPT_START,
        data=text.replace("<", "‹").replace(">", "›"),
        end=texts.reports.TRANSCRIPT_END,
    )
    return PromptMessage(role="user", content=content)


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run the calls concurrently; return their results in order.

    When a call fails, the others are stopped, and the first ``VoxPersonaError`` among the failures is raised alone.
    ``OutOfResources`` says nothing of the other calls, which are paid for: it is raised when they have ended.
    """
    shortages: list[OutOfResources] = []

    async def result(call: Coroutine[Any, Any, T]) -> T | None:
        try:
            return await call
        except OutOfResources as exc:
            shortages.append(exc)
            return None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result(call)) for call in calls]
    except BaseExceptionGroup as errors:
        expected = errors.subgroup(VoxPersonaError)
        if expected is None:
            raise
        raise expected.exceptions[0] from errors
    if shortages:
        raise shortages[0]
    return [cast("T", task.result()) for task in tasks]
