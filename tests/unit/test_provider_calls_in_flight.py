"""Calls that an orderly stop waits for: which, how long, and that none begins meanwhile."""

import asyncio
from typing import Any

import pytest

from datamodels import Completion, PromptMessage, Usage
from provider_calls.in_flight import CallsInFlight
from provider_calls.policy import ProviderCalls
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers, ScriptedModel

_LONG_S = 60.0
_SHORT_S = 0.05


class Call:
    """A call that is in flight until it may end."""

    def __init__(self, calls: CallsInFlight, *, paid: bool = True) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.task = asyncio.create_task(self._run(calls, paid))

    async def _run(self, calls: CallsInFlight, paid: bool) -> None:
        async with calls.one(paid=paid):
            self.has_begun.set()
            await self.may_end.wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def calls() -> CallsInFlight:
    return CallsInFlight()


async def test_all_that_are_paid_are_waited_for(calls: CallsInFlight) -> None:
    first, second = Call(calls), Call(calls)
    await settle()
    draining = asyncio.create_task(calls.drain(_LONG_S))
    first.may_end.set()
    await settle()
    assert not draining.done()
    second.may_end.set()
    await asyncio.wait_for(draining, _LONG_S)
    assert second.task.done()


async def test_one_that_fails_or_is_cancelled_is_not_waited_for(calls: CallsInFlight) -> None:
    call = Call(calls)
    await settle()
    draining = asyncio.create_task(calls.drain(_LONG_S))
    call.task.cancel()
    await asyncio.wait_for(draining, _LONG_S)


async def test_one_that_is_free_is_not_waited_for(calls: CallsInFlight) -> None:
    call = Call(calls, paid=False)
    await settle()
    await asyncio.wait_for(calls.drain(_LONG_S), _LONG_S)
    call.may_end.set()


@pytest.mark.parametrize("paid", [True, False])
async def test_none_begins_until_it_is_reopened(calls: CallsInFlight, paid: bool) -> None:
    await calls.drain(_LONG_S)
    late = Call(calls, paid=paid)
    await settle()
    assert not late.has_begun.is_set()
    calls.reopen()
    await settle()
    assert late.has_begun.is_set()
    late.may_end.set()
    await late.task


async def test_the_limit_is_one_for_all_calls_to_drain(calls: CallsInFlight) -> None:
    call = Call(calls)
    await settle()
    await calls.drain(_SHORT_S)
    async with asyncio.timeout(_LONG_S):
        await calls.drain(1000 * _LONG_S)
    assert not call.task.done()
    call.may_end.set()
    await call.task


class SlowModel(ScriptedModel):
    """Answers after a while; one question at a time."""

    def __init__(self) -> None:
        super().__init__(lambda _: "Да.")
        self.calls_to_it = ProviderCalls("slow", 1, _LONG_S)

    async def complete(self, messages: Any, **options: Any) -> Completion:
        async def call() -> Completion:
            await asyncio.Event().wait()
            return await ScriptedModel.complete(self, messages, **options)

        return await self.calls_to_it.run(call)


class CountedAnswers(MemoryAnswers):
    """Notes what was paid for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[Usage] = []

    async def paid(self, model: str, usage: Usage) -> None:  # noqa: ARG002
        self.lost.append(usage)


async def test_a_question_that_was_sent_is_paid_although_its_answer_was_given_up() -> None:
    model, answers = SlowModel(), CountedAnswers()
    asked = [PromptMessage(role="user", content="Тихо ли ночью? " * 100)]
    works = [asyncio.create_task(ModelAnswers(model, answers).text("pass", asked, 100)) for _ in range(2)]
    await settle()
    for work in works:
        work.cancel()
    ended = await asyncio.gather(*works, return_exceptions=True)
    assert [type(each) for each in ended] == [asyncio.CancelledError] * 2
    [lost] = answers.lost
    assert lost.prompt_tokens >= 500
    assert lost.completion_tokens == 0
