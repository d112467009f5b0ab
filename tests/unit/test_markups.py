"""Callback data comes back as it was packed and fits with the longest arguments; nothing else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import OutdatedButton
from markups.callback_data import Action, pack, unpack
from markups.menus import help_screen, status_screen, welcome_text
from metadata.fields import Field

LARGEST = 2**31 - 1
"""PostgreSQL's integer: recordings and reports are numbered with it. Ids of rows are counted from 1 too."""
LONGEST_SCENARIO = "interview"
ARGUMENTS: dict[Action, tuple[str | int, ...]] = {
    Action.TRANSCRIPT_FILE: (LARGEST, "docx"),
    Action.REPORT_FILE: (LARGEST, "docx"),
    Action.SCENARIO_INCOMING: (LARGEST, LONGEST_SCENARIO),
    Action.SCENARIO: (LARGEST, LONGEST_SCENARIO),
    Action.SKIP_FIELD: (LARGEST, max(Field, key=len)),
    Action.SET_BUILDING: ("restaurant", LARGEST),
    Action.CHOOSE_BUILDING: ("restaurant", LARGEST, 99),
    Action.CHAT_HISTORY: (LARGEST, "txt", 99991231),
    Action.LETTER_REDO: ("recording", "i" + "f" * 32, 99_999),
    Action.LETTER_DROP: ("recording", "i" + "f" * 32, 99_999),
    Action.REPORT: ("report_" + "x" * 33, LARGEST),
}


@pytest.mark.parametrize("action", Action)
def test_the_longest_data_of_every_action_fits_and_comes_back(action: Action) -> None:
    arguments = ARGUMENTS.get(action, (LARGEST,))
    data = pack(action, *arguments)
    assert len(data.encode()) <= 64
    press = unpack(data)
    assert press.action is action
    assert press.numbers == tuple(each for each in arguments if isinstance(each, int))
    assert press.words == tuple(str(each) for each in arguments if not isinstance(each, int))


@given(st.text(max_size=80))
def test_any_data_is_read_or_outdated(data: str) -> None:
    try:
        press = unpack(data)
    except OutdatedButton:
        return
    assert press.action in set(Action)


@pytest.mark.parametrize("data", ["", "||", "nonsense", "recording||0", "recording||-1", "recording||1.5", "report||1"])
def test_what_is_no_button_of_ours_is_outdated(data: str) -> None:
    with pytest.raises(OutdatedButton):
        unpack(data)


@pytest.mark.parametrize("arguments", [("два",), (0,), ("a||b",), ("x" * 41,)])
def test_what_would_not_come_back_is_not_packed(arguments: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match="words and numbers"):
        pack(Action.RECORDING, *arguments)


def test_telegram_takes_64_bytes_and_no_more_are_packed() -> None:
    assert len(pack(Action.CHAT, "x" * 40, "y" * 16).encode()) == 64
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        pack(Action.CHAT, "x" * 40, "y" * 17)


@pytest.mark.parametrize(("name", "begins"), [("Анна <3", "Здравствуйте, Анна &lt;3! "), ("", "Здравствуйте! ")])
def test_whose_name_is_not_known_is_greeted_without_it(name: str, begins: str) -> None:
    assert welcome_text(name, may_record=True).startswith(begins)


@pytest.mark.parametrize("may_record", [True, False])
def test_only_who_may_send_recordings_is_asked_for_some(may_record: bool) -> None:
    shown = (
        welcome_text("Анна", may_record=may_record),
        help_screen("mp3", "2 ГБ", "4 ч", may_record=may_record).text,
        status_screen([], may_record=may_record).text,
    )
    assert ["Пришлите" in text for text in shown] == [may_record] * 3
