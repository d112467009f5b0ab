"""Telegram's time is told by no clock that somebody sets, and what a standing process did not hear is fetched."""

import asyncio
from collections.abc import Sequence

import pytest

from datamodels_telegram import ChatId, IncomingMessage, MessageId, TelegramPerson
from messenger import MessengerUnavailable
from telegram_client.messages import Sendings
from telegram_client.server_clock import ServerClock
from telegram_client.standstills import hear_after_standstills

SERVER_S = 1_800_000_000.0


class Steady:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def steady() -> Steady:
    return Steady()


def clock_of(steady: Steady, wrong_s: float = 0.0) -> ServerClock:
    return ServerClock(wall_s=lambda: SERVER_S + wrong_s, steady=steady)


@pytest.mark.parametrize("wrong_s", [-7200, 0, 600])
def test_the_first_word_of_telegram_counts(steady: Steady, wrong_s: float) -> None:
    clock = clock_of(steady, wrong_s)
    assert clock.now == SERVER_S + wrong_s
    clock.told(SERVER_S)
    steady.now += 100
    assert clock.now == SERVER_S + 100


def test_packets_that_waited_do_not_set_it_back(steady: Steady) -> None:
    clock = clock_of(steady)
    clock.told(SERVER_S)
    steady.now += 330
    for _ in range(3):
        clock.told(SERVER_S + 1)
    assert clock.now == SERVER_S + 330
    clock.told(SERVER_S + 329.9)
    assert clock.now == pytest.approx(SERVER_S + 329.9)


def test_it_follows_telegram_in_the_end(steady: Steady) -> None:
    clock = clock_of(steady)
    clock.told(SERVER_S)
    told = []
    for _ in range(4):
        clock.told(SERVER_S - 3600)
        told.append(clock.now - SERVER_S)
    assert told == [0, 0, 0, -3600]
    clock.told(SERVER_S)
    assert clock.now == SERVER_S


def message(number: int) -> IncomingMessage:
    person = TelegramPerson(id=7, name="Анна")
    return IncomingMessage(
        chat_id=ChatId(7), message_id=MessageId(number), person=person, text="?", file=None, private=True
    )


class Ears:
    """What is fetched and heard."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.heard: list[int] = []
        self.failures = 0
        self.fault: Exception | None = None

    async def missed(self, after: MessageId) -> Sequence[IncomingMessage]:
        self.asked.append(after)
        if self.failures:
            self.failures -= 1
            raise MessengerUnavailable(reason="timeout")
        return [message(after + 1)]

    async def until_done(self, asked: list[int], heard: list[int]) -> None:
        """Wait for what is expected, and a little for what is not."""
        for _ in range(1000):
            if (self.asked, self.heard) == (asked, heard):
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    async def on_message(self, missed: IncomingMessage) -> None:
        if (fault := self.fault) is not None:
            self.fault = None
            raise fault
        self.heard.append(missed.message_id)


@pytest.mark.parametrize(
    ("seen", "still_s", "failures", "asked", "heard"),
    [(40, 330.0, 0, [40], [41]), (40, 30.0, 0, [], []), (0, 330.0, 0, [], []), (40, 330.0, 1, [40, 40], [41])],
)
async def test_after_a_standstill_what_came_meanwhile_is_fetched(
    steady: Steady, seen: int, still_s: float, failures: int, asked: list[int], heard: list[int]
) -> None:
    sendings, ears = Sendings(), Ears()
    sendings.saw(seen)
    ears.failures = failures
    hearing = asyncio.create_task(
        hear_after_standstills(sendings, ears.missed, ears.on_message, steady=steady, look_s=0.01)
    )
    await asyncio.sleep(0.05)
    steady.now += still_s
    # As what came in already when the process goes on.
    sendings.saw(seen + 5 if seen else 0)
    await ears.until_done(asked, heard)
    hearing.cancel()
    await asyncio.wait([hearing])
    assert (ears.asked, ears.heard) == (asked, heard)


async def test_what_came_while_packets_were_dropped_is_fetched(steady: Steady) -> None:
    sendings, ears = Sendings(), Ears()
    sendings.saw(40)
    told = [False, True, False, False, False]
    hearing = asyncio.create_task(
        hear_after_standstills(
            sendings,
            ears.missed,
            ears.on_message,
            dropped=lambda: told.pop(0) if told else False,
            steady=steady,
            look_s=0.01,
        )
    )
    await ears.until_done([40], [41])
    hearing.cancel()
    await asyncio.wait([hearing])
    assert (ears.asked, ears.heard) == ([40], [41])


async def test_a_fault_of_whoever_hears_ends_nothing(steady: Steady) -> None:
    sendings, ears = Sendings(), Ears()
    sendings.saw(40)
    ears.fault = PermissionError("updates.journal")
    hearing = asyncio.create_task(
        hear_after_standstills(sendings, ears.missed, ears.on_message, steady=steady, look_s=0.01)
    )
    await asyncio.sleep(0.05)
    steady.now += 330.0
    await ears.until_done([40, 40], [41])
    hearing.cancel()
    await asyncio.wait([hearing])
    assert (ears.asked, ears.heard) == ([40, 40], [41])
