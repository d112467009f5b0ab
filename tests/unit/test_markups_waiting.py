"""The card of what waits, and the number that a file's name gives."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import RecordingId
from markups.menus import status_screen
from markups.waiting import waiting_card, waiting_row
from metadata.defaults import number_in
from metadata.waiting import Waiting, WaitsFor
from screens import check, drawn, nasty_text
from telegram_client.messages import has_text


def waiting(number: int, what: WaitsFor, name: str = "Заря") -> Waiting:
    return Waiting(RecordingId(uuid4()), number, name, what)


def test_the_card_has_a_line_and_a_button_each() -> None:
    screen = waiting_card([waiting(5, WaitsFor.KIND, "voice.ogg"), waiting(6, WaitsFor.REPORTS)])
    assert drawn(screen) == (
        "📌 <b>Ждут вас: 2</b>\n\n"
        "№5 · voice.ogg — сказать, что на записи\n"
        "№6 · Заря — выбрать отчёты\n"
        "[№5 · Вид записи] [№6 · Отчёты]\n"
        "[« Назад]"
    )
    assert [button.data for button in screen.keyboard[0]] == ["go_on||5", "go_on||6"]


def test_when_nothing_waits_the_card_says_so_and_menus_have_no_row() -> None:
    assert drawn(waiting_card([])) == "📌 Вас ничего не ждёт.\n[« Назад]"
    assert waiting_row(0) == ()


@given(st.lists(st.tuples(st.sampled_from(WaitsFor), nasty_text), max_size=100))
def test_however_much_waits_the_card_fits(things: list[tuple[WaitsFor, str]]) -> None:
    screen = waiting_card([waiting(number, what, name) for number, (what, name) in enumerate(things, 2**31 - 200)])
    check(screen)
    assert ("…и ещё" in screen.text) == (len(things) > 40)


@pytest.mark.parametrize(
    ("file_name", "number"),
    [
        ("interview_17.ogg", 17),
        ("Беседа 0042.m4a", 42),
        ("голосовое.ogg", None),
        ("2026-11-03 voice.ogg", None),
        ("запись 20261103101500.mp3", None),
        ("0.ogg", None),
        ("file.mp3", None),
    ],
)
def test_a_file_s_only_number_is_the_number_of_the_recording(file_name: str, number: int | None) -> None:
    assert number_in(file_name) == number


def test_a_status_is_known_again_whatever_ended_or_began_to_wait_meanwhile() -> None:
    """A status that was sent before a kill would else be sent a second time."""
    shown = [
        status_screen(lines, waits, may_record=may_record).text
        for lines in ([], ["Беседа.ogg — Подготовка"])
        for waits in ([], [waiting(1, WaitsFor.KIND)])
        for may_record in (True, False)
    ]
    is_first = has_text(shown[0], first_line=True)
    assert [is_first(SimpleNamespace(message=text)) for text in shown] == [True] * 8
    assert len(set(shown)) == 5
