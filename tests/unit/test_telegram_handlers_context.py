import pytest

from access import Permission
from datamodels_telegram import IncomingMessage
from dialogs import Step
from errors import ProviderUnavailable
from errors_of_operation import LimitReached
from markups.callback_data import Action, Press
from telegram_handlers.context import Context, Routes, failure_text, joined


async def on_press(context: Context, press: Press) -> None:
    """A button."""


async def on_message(context: Context, message: IncomingMessage) -> None:
    """A message."""


PRESS = (Permission.LOOK, on_press)
MESSAGE = (Permission.LOOK, on_message)
WHOLE = Routes(presses=dict.fromkeys(Action, PRESS), answers=dict.fromkeys(Step, MESSAGE), files=MESSAGE)


def test_modules_that_take_care_of_everything_are_joined() -> None:
    table = joined([WHOLE, Routes(commands={"start": MESSAGE}), Routes(commands={"help": MESSAGE})])
    assert set(table.presses) == set(Action)
    assert set(table.commands) == {"start", "help"}


@pytest.mark.parametrize(
    "again",
    [
        Routes(presses={Action.MENU_MAIN: PRESS}),
        Routes(answers={Step.ASK_CITY: MESSAGE}),
        Routes(files=MESSAGE),
        Routes(commands={"start": MESSAGE}),
    ],
)
def test_two_modules_do_not_take_care_of_the_same(again: Routes) -> None:
    with pytest.raises(ValueError, match="take care of"):
        joined([WHOLE, Routes(commands={"start": MESSAGE}), again])


@pytest.mark.parametrize(
    ("hole", "name"),
    [
        (Routes(dict.fromkeys(set(Action) - {Action.REPORT}, PRESS), {}, WHOLE.answers, MESSAGE), "report"),
        (Routes(WHOLE.presses, {}, dict.fromkeys(set(Step) - {Step.EDIT_ZONE}, MESSAGE), MESSAGE), "edit_zone"),
        (Routes(WHOLE.presses, {}, WHOLE.answers), "files"),
    ],
)
def test_nothing_is_left_out(hole: Routes, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        joined([hole])


def test_a_refusal_at_a_limit_names_what_did_not_begin_and_needs_no_code() -> None:
    details = {"about": "Вопрос «А <b>?» не задан.", "reason": "вопросы, задано 3 из 3", "advice": "Подождите"}
    text = failure_text(LimitReached(**details), "abc123")
    assert text == (
        "Вопрос «А &lt;b&gt;?» не задан. Предел исчерпан: вопросы, задано 3 из 3. Подождите или попросите "
        "администратора поднять предел."
    )
    assert "abc123" in failure_text(ProviderUnavailable(provider="p", reason="r"), "abc123")
