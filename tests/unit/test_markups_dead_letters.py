"""The owner's list fits on a screen whatever people are called, and says why in words for a chat."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import texts.dead_letters
from datamodels import ReportId
from datamodels_telegram import FileSource, MessageKind
from dead_letters import LettersPage
from dead_letters_store import DeadLetter, LetterKind
from default_pack import PACK
from errors import VoxPersonaError
from errors_of_operation import OriginalAwaited
from markups.callback_data import unpack
from markups.dead_letters import letters_page, pressed_letter
from screens import check, drawn, nasty_text

LONGEST = max((report.id for scenario in PACK.scenarios for report in scenario.reports), key=len)
NEVER_IN_A_ROW = (
    {
        "worker_alone",
        "bad_input",
        "unexpected_failure",
        "bad_text",
        "photo_refused",
        "avatar_refused",
        "erasure_refused",
        "image_order_uncertain",
        "image_order_failed",
        "research_goes_on",
        "transcript_changed",
        "transcript_unfinished",
        "outdated_button",
        "access_denied",
        "cancelled",
    }
    | {
        "sign_in_refused",
        "sign_in_needed",
        "foreign_request",
        "too_many_tries",
        "upload_out_of_step",
        "several_files",
        "too_many_uploads",
        "no_voice",
        "hour_used_up",
    }
    | {
        "interrupted",
        "already_sent",
        "bot_not_configured",
        "bot_runs_already",
        "neither_bot_nor_shared",
        "open_settings",
        "folder_closed",
        "secrets_unread",
        "unreadable_settings",
        "unwritable_folder",
    }
    | {
        "migration_failed",
        "deployment_stopped",
        "version_unfit",
        "command_failed",
        "backup_password_refused",
        "backup_failed",
        "backup_unavailable",
        "backup_damaged",
        "backup_not_found",
        "restore_refused",
        "store_in_use",
    }
)
"""They end no job and no message; what nobody foresaw has no words of its own."""


def letter(kind: LetterKind, **about: object) -> DeadLetter:
    row = 10**18 - 1 if kind is LetterKind.MESSAGE else UUID(int=2**128 - 1)
    values: dict[str, object] = {
        **dict.fromkeys(
            ["message_kind", "source", "recording_number", "report_id", "report_number", "chat_number"],
        ),
        "kind": kind,
        "row": row,
        "person": "Анна",
        "failed_at": datetime(2026, 11, 3, 14, 5, tzinfo=UTC),
        "error_code": "chat_closed",
        **about,
    }
    return DeadLetter.model_validate(values)


def page(*letters: DeadLetter, number: int = 1, pages: int = 1) -> LettersPage:
    return LettersPage(list(letters), number, pages, 5, len(letters))


@given(nasty_text, st.sampled_from(LetterKind), st.sampled_from([1, 2, 99_999, 10**7]))
def test_the_list_fits_whatever_people_are_called(person: str, kind: LetterKind, number: int) -> None:
    letters = [letter(kind, person=person, report_id=ReportId(LONGEST), recording_number=2**31 - 1) for _ in range(5)]
    screen = letters_page(page(*letters, number=number, pages=number + 1), PACK)
    check(screen)
    assert drawn(screen).count("Повторить") == 6


@pytest.mark.parametrize("kind", LetterKind)
def test_a_letters_buttons_name_it_and_the_page(kind: LetterKind) -> None:
    shown = letter(kind)
    screen = letters_page(page(shown, number=3, pages=3), PACK)
    for button in screen.keyboard[0]:
        assert pressed_letter(unpack(button.data)) == (shown.id, 3)


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"message_kind": MessageKind.INPUT_REQUEST, "recording_number": 17}, "Вопрос: запись №17"),
        ({"message_kind": MessageKind.INFO_MESSAGE}, "Сообщение"),
        ({"message_kind": MessageKind.RESULT, "chat_number": 3}, "Результат: чат №3"),
        (
            {"source": FileSource.REPORT, "report_id": "report_int_links", "report_number": 4, "recording_number": 17},
            "Файл с отчётом: отчёт №4, запись №17",
        ),
        (
            {"message_kind": "info_message", "report_id": "report_int_links", "recording_number": 17},
            "Сообщение: отчёт «2) Отчет о связках», запись №17",
        ),
        ({"source": FileSource.RECORDING, "recording_number": 17}, "Исходный файл: запись №17"),
        ({"source": FileSource.TRANSCRIPT}, "Файл с расшифровкой"),
    ],
)
def test_a_message_is_told_by_its_kind_and_what_it_is_about(about: dict[str, object], told: str) -> None:
    shown = drawn(letters_page(page(letter(LetterKind.MESSAGE, **about)), PACK))
    assert f"<b>1.</b> {told}\n" in shown


def below(cls: type[VoxPersonaError]) -> Iterator[type[VoxPersonaError]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from below(subclass)


CODES = {cls.code for cls in below(VoxPersonaError)} - NEVER_IN_A_ROW
assert OriginalAwaited.code in CODES, "a module of errors that is not loaded has none"


def test_every_error_that_can_end_work_has_words_for_the_owner() -> None:
    assert set(texts.dead_letters.REASONS) == CODES


@pytest.mark.parametrize("reason", texts.dead_letters.REASONS.values())
def test_the_owner_reads_of_no_host_and_no_variable(reason: str) -> None:
    assert not re.search(r"[A-Z]{2,}|_|\{|\.", reason.replace("Telegram", ""))
