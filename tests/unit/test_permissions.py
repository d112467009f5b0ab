"""Which permission each button, command, typed answer and file needs, written out: who adds one decides it here."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from access import Permission
from default_pack import PACK
from dialogs import Dialog, Step
from handlers_my_reports_v2 import MyReportsHandlers
from markups.callback_data import Action
from recordings.intake import IntakeLimits
from telegram_handlers.across import AcrossHandlers, AcrossWork
from telegram_handlers.asking import AskingHandlers, AskingWork
from telegram_handlers.avatar_photos import AvatarPhotoHandlers
from telegram_handlers.avatars import AvatarHandlers
from telegram_handlers.beside import ANY_TEXT
from telegram_handlers.browser import BrowserHandlers
from telegram_handlers.chats import ChatHandlers, ChatWork
from telegram_handlers.consents import ConsentHandlers
from telegram_handlers.context import Routes, joined
from telegram_handlers.dead_letters import DeadLetterHandlers, LettersWork
from telegram_handlers.documents import DocumentHandlers
from telegram_handlers.editing import EditingHandlers, EditingWork
from telegram_handlers.erasures import ErasureHandlers
from telegram_handlers.glossary import GlossaryHandlers
from telegram_handlers.invitations import InvitationHandlers
from telegram_handlers.limits import LimitHandlers
from telegram_handlers.menu import MenuHandlers, MenuWork, SystemFacts
from telegram_handlers.metadata import MetadataHandlers
from telegram_handlers.my_reports_shared import MyReportsWork
from telegram_handlers.people import PeopleHandlers
from telegram_handlers.ratings import RatingHandlers, RatingWork
from telegram_handlers.recordings import RecordingHandlers
from telegram_handlers.reports import ReportHandlers
from telegram_handlers.research import ResearchHandlers, ResearchWork
from telegram_handlers.settings import SettingsHandlers
from telegram_handlers.sharing import SharingHandlers
from telegram_handlers.speeches import SpeechHandlers
from telegram_handlers.takeout import TakeoutHandlers
from telegram_handlers.voice_notes import VoiceNoteHandlers
from telegram_handlers.waiting import WaitingHandlers

_NOBODY = cast("Any", None)
"""Nothing is handled here, so no handler comes to a service."""

PRESSES = """
look
    menu_main menu_storage menu_help menu_system
    mode_interview mode_design mode_meeting mode_none mode_all recording recording_play recording_transcript
    transcript_file takeout takeout_file takeout_cancel my_settings my_zone my_quiet
    my_erase my_heirs my_erase_ask my_erase_yes
    avatars avatar avatar_cancel avatar_delete avatar_delete_confirm avatar_gallery picture picture_delete
    avatar_photos avatar_photo avatar_photo_remove
    show_my_reports report_view report_view_confirm report_cancel report_menu report_list report_card report_filters
    report_filter_dates report_filter_title report_filter_type report_filter_scenario
    report_filter_place report_filter_employee report_filter_reset
    report_export report_charts report_chart_months report_trend
    menu_chats chat chat_history show_stats privacy_consent speeches speech
ask
    speak_answer speak_report speech_send speech_delete speech_delete_confirm
    new_chat confirm_switch rate_answer comment_answer cancel_comment
    where where_chat wider refine ask_proposal as_is
    across across_report across_choose across_set across_reset across_count across_factor across_passage across_chart
    across_file
record
    share share_with
    recording_kind recording_delete recording_delete_confirm recording_again recording_visibility
    scenario scenario_incoming cancel_incoming cancel_card voice_is voice_recording voice_question
    my_language my_voice_notes recording_language
    recording_metadata back_to_confirm edit_data skip_field fill_in reply_is set_today set_building
    waiting go_on confirm_data cancel_dialog
    edit_audio_number edit_date edit_employee edit_client edit_place_name edit_building_type edit_zone edit_city
    research research_start research_again research_close
    choose_reports recording_reports recording_written report reports_all choose_building transcript_only report_file
    report_rename report_rename_confirm report_delete report_delete_confirm
    rename_chat delete_chat confirm_delete
    speakers speaker speaker_voice speaker_name speaker_is speaker_role speaker_merge turn turn_move
    words words_at words_undo glossary glossary_add glossary_remove glossary_keep
    avatar_new avatar_gender avatar_consent avatar_start avatar_paint
oversee
    all_ratings export_answers
curate
    documents document document_delete document_delete_confirm document_incoming
invite
    menu_access access_users_menu people_search person access_invitations_menu invite invitation invitation_revoke
    person_erase erase_heirs erase_ask erase_yes
allot
    uses person_limits limit role_limits role_limit
govern
    person_role person_block person_block_confirm person_unblock
    access_security_menu audit audit_verify audit_export
operate
    letters letter_redo letters_redo letter_drop
"""
COMMANDS = """
look
    start help status cancel reports chats history stats web logout
"""
ANSWERS = """
look
    report_view_ask_number report_filter_ask_dates report_filter_ask_title settings_ask_zone
ask
    rating_ask_comment
record
    ask_audio_number ask_date ask_employee ask_client ask_place_name ask_building_type ask_zone ask_city confirm_data
    edit_audio_number edit_date edit_employee edit_client edit_place_name edit_building_type edit_zone edit_city
    report_rename_ask_number report_rename_ask_new_name report_delete_ask_number
    chat_rename_ask_title
    editing_ask_name editing_ask_words editing_ask_text editing_ask_turn editing_ask_term
    avatar_ask_name avatar_ask_prompt
invite
    settings_ask_person
"""


def _rows(table: str) -> list[tuple[str, str]]:
    """What is asked for and the permission that it needs."""
    rows, permission = [], ""
    for line in table.strip().splitlines():
        if line.startswith(" "):
            rows += [(name, permission) for name in line.split()]
        else:
            permission = line
    return rows


@cache
def _modules() -> list[Routes]:
    """The routes of all handlers, module by module."""
    pack, facts = PACK, SystemFacts(str, "", IntakeLimits(largest_bytes=1, longest_s=1), Path())
    chats = ChatWork(_NOBODY, _NOBODY, Path(), _NOBODY)
    return [
        MenuHandlers(_NOBODY, MenuWork(_NOBODY, _NOBODY, _NOBODY, facts, _NOBODY, _NOBODY)).routes(),
        DeadLetterHandlers(_NOBODY, LettersWork(_NOBODY, pack, _NOBODY)).routes(),
        RecordingHandlers(_NOBODY, _NOBODY).routes(),
        VoiceNoteHandlers(*[_NOBODY] * 5).routes(),
        SettingsHandlers(*[_NOBODY] * 6).routes(),
        MetadataHandlers(_NOBODY, _NOBODY, _NOBODY, pack, _NOBODY, _NOBODY, _NOBODY).routes(),
        WaitingHandlers(_NOBODY, _NOBODY, _NOBODY, pack, _NOBODY, _NOBODY).routes(),
        TakeoutHandlers(_NOBODY, _NOBODY, _NOBODY, _NOBODY).routes(),
        ReportHandlers(_NOBODY, _NOBODY).routes(),
        ResearchHandlers(_NOBODY, ResearchWork(_NOBODY, _NOBODY, _NOBODY)).routes(),
        DocumentHandlers(_NOBODY, _NOBODY).routes(),
        EditingHandlers(_NOBODY, EditingWork(_NOBODY, _NOBODY, _NOBODY, _NOBODY)).routes(),
        GlossaryHandlers(_NOBODY, _NOBODY, _NOBODY).routes(),
        MyReportsHandlers(_NOBODY, MyReportsWork(_NOBODY, pack, _NOBODY)).routes(),
        AvatarHandlers(_NOBODY, None).routes(),
        AvatarPhotoHandlers(_NOBODY, None).routes(),
        AcrossHandlers(_NOBODY, AcrossWork(_NOBODY, _NOBODY, _NOBODY)).routes(),
        ChatHandlers(_NOBODY, _NOBODY, chats).routes(),
        AskingHandlers(_NOBODY, AskingWork(_NOBODY, _NOBODY, pack)).routes(),
        RatingHandlers(_NOBODY, _NOBODY, RatingWork(_NOBODY, _NOBODY, Path())).routes(),
        BrowserHandlers(_NOBODY, _NOBODY, "").routes(),
        PeopleHandlers(_NOBODY, _NOBODY, _NOBODY, _NOBODY, _NOBODY).routes(),
        InvitationHandlers(_NOBODY, _NOBODY, _NOBODY).routes(),
        SharingHandlers(_NOBODY, _NOBODY).routes(),
        ConsentHandlers(_NOBODY, _NOBODY).routes(),
        ErasureHandlers(_NOBODY, _NOBODY, _NOBODY).routes(),
        LimitHandlers(_NOBODY, _NOBODY).routes(),
        SpeechHandlers(_NOBODY, _NOBODY, _NOBODY, _NOBODY).routes(),
    ]


def _presses() -> dict[str, Permission]:
    return {action: needed for routes in _modules() for action, (needed, _) in routes.presses.items()}


def _commands() -> dict[str, Permission]:
    return {command: needed for routes in _modules() for command, (needed, _) in routes.commands.items()}


def _answers() -> dict[str, Permission]:
    return {step: needed for routes in _modules() for step, (needed, _) in routes.answers.items()}


def test_everything_has_one_handler() -> None:
    """What the bot would not start with is told here, once; the rows below are compared all the same."""
    joined(_modules())


def test_a_step_at_which_a_question_is_no_reply_can_be_asked_again() -> None:
    assert set(Step) - ANY_TEXT - Dialog.STEPS <= set(joined(_modules()).again)


@pytest.mark.parametrize(("action", "permission"), _rows(PRESSES))
def test_a_button_needs_its_permission(action: str, permission: str) -> None:
    assert _presses().get(action) == Permission(permission)


@pytest.mark.parametrize(("command", "permission"), _rows(COMMANDS))
def test_a_command_needs_its_permission(command: str, permission: str) -> None:
    assert _commands().get(command) == Permission(permission)


@pytest.mark.parametrize(("step", "permission"), _rows(ANSWERS))
def test_an_answer_needs_its_permission(step: str, permission: str) -> None:
    assert _answers().get(step) == Permission(permission)


def test_a_file_needs_the_permission_to_record() -> None:
    assert [routes.files[0] for routes in _modules() if routes.files is not None] == [Permission("record")]


@pytest.mark.parametrize(
    ("name", "table", "there_is"),
    [
        ("PRESSES", PRESSES, lambda: {*Action, *_presses()}),
        ("COMMANDS", COMMANDS, lambda: set(_commands())),
        ("ANSWERS", ANSWERS, lambda: {*Step, *_answers()}),
    ],
    ids=["presses", "commands", "answers"],
)
def test_everything_has_one_row(name: str, table: str, there_is: Callable[[], set[str]]) -> None:
    rows, needed = [row for row, _ in _rows(table)], set(map(str, there_is()))
    missing, unknown = needed - set(rows), set(rows) - needed
    twice = {row for row in rows if rows.count(row) > 1}
    assert not missing, f"{', '.join(sorted(missing))}: give it a row in {name}"
    assert not unknown, f"{', '.join(sorted(unknown))} is no more: take its row out of {name}"
    assert not twice, f"{', '.join(sorted(twice))} has two rows in {name}"
