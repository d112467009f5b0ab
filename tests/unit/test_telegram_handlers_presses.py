import asyncio

import pytest

from datamodels_telegram import ButtonPress, ChatId, MessageId, TelegramPerson
from messenger import MessengerUnavailable
from metrics import PRESS_ANSWER_SECONDS
from telegram_double import TelegramDouble
from telegram_handlers.presses import PressAnswer, Taps

NEVER = 3600.0


def press(data: str = "menu_main", message: int = 1, chat: int = 7) -> ButtonPress:
    return ButtonPress(
        query_id=1,
        chat_id=ChatId(chat),
        message_id=MessageId(message),
        person=TelegramPerson(id=chat, name="Мария"),
        data=data,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def taps(clock: Clock) -> Taps:
    return Taps(clock)


def test_the_same_press_is_repeated_while_it_is_handled_and_a_second_after(taps: Taps, clock: Clock) -> None:
    assert taps.begin(press())
    clock.now += 50
    assert not taps.begin(press())
    taps.end(press(), handled=True)
    clock.now += 0.9
    assert not taps.begin(press())
    clock.now += 0.2
    assert taps.begin(press())


@pytest.mark.parametrize("other", [press(data="menu_help"), press(message=2), press(chat=8)])
def test_another_button_message_or_chat_is_another_press(taps: Taps, other: ButtonPress) -> None:
    assert taps.begin(press())
    assert taps.begin(other)


def test_a_press_whose_turn_comes_late_is_repeated_all_the_same(taps: Taps, clock: Clock) -> None:
    first, second = press(), press().model_copy(update={"query_id": 2})
    for each in (first, second):
        assert taps.refusal(each) is None
    assert taps.begin(first)
    taps.end(first, handled=True)
    clock.now += 3
    assert not taps.begin(second)
    taps.give_up(second, begun=False)
    assert taps.begin(press())


def test_back_and_forth_is_no_double_tap(taps: Taps) -> None:
    for data in ("menu_storage", "menu_main", "menu_storage", "menu_main"):
        assert taps.begin(press(data))
        taps.end(press(data), handled=True)


def test_a_press_that_failed_can_be_repeated_at_once(taps: Taps) -> None:
    taps.begin(press())
    taps.end(press(), handled=False)
    assert taps.begin(press())


def test_the_end_of_an_earlier_press_says_nothing_about_the_latest(taps: Taps) -> None:
    taps.begin(press("menu_storage"))
    taps.begin(press("menu_main"))
    taps.end(press("menu_storage"), handled=False)
    assert not taps.begin(press("menu_main"))


async def nobody(text: str) -> None:
    raise AssertionError(f"nobody is to hear {text}")


async def test_the_first_text_is_the_answer_and_further_ones_are_ignored() -> None:
    telegram = TelegramDouble()
    answer = PressAnswer(telegram, 5, NEVER, nobody)
    await answer("Готово")
    await answer("")
    assert telegram.answers == {5: ["Готово"]}


async def test_a_press_that_nobody_answers_is_answered_with_nothing_and_a_late_text_goes_another_way_once() -> None:
    telegram = TelegramDouble()
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    answer = PressAnswer(telegram, 5, 0, tell)
    await asyncio.wait_for(telegram.answered.wait(), 10)
    await answer("")
    await answer("Поздно")
    await answer("Ещё позже")
    assert telegram.answers == {5: [""]}
    assert told == ["Поздно"]


async def test_a_cancelled_answer_is_never_given() -> None:
    telegram = TelegramDouble()
    answer = PressAnswer(telegram, 5, 0, nobody)
    answer.cancel()
    await answer("Готово")
    assert telegram.answers == {}


async def test_an_answer_that_telegram_does_not_take_is_no_error() -> None:
    telegram = TelegramDouble()
    telegram.failures["answer"] = [MessengerUnavailable(reason="no answer")]
    await PressAnswer(telegram, 5, NEVER, nobody)("Готово")
    assert telegram.answers == {}


def answered() -> float:
    [metric] = PRESS_ANSWER_SECONDS.collect()
    return float(next(each.value for each in metric.samples if each.name.endswith("_count")))


async def test_how_long_an_answer_took_is_measured_once_and_only_for_those_that_arrived() -> None:
    before = answered()
    answer = PressAnswer(TelegramDouble(), 1, NEVER, nobody)
    await answer("Готово")
    await answer("Ещё раз")
    assert answered() == before + 1
    unreachable = TelegramDouble()
    unreachable.failures["answer"] = [MessengerUnavailable(reason="away")]
    await PressAnswer(unreachable, 2, NEVER, nobody)("Готово")
    assert answered() == before + 1
