"""Typed callback data: what a button means, packed into Telegram's 64 bytes and checked when it comes back."""

import re
from enum import StrEnum
from uuid import UUID

from constants import CALLBACK_DATA_BYTES
from datamodels import RecordingId, Value
from datamodels_chats import AnswerId
from datamodels_telegram import Button
from errors import OutdatedButton

SEPARATOR = "||"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_ID_SIGN = "a"
"""Put before an id: an argument that is no number has to begin with a letter."""
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


class Action(StrEnum):
    """The action of a button; its callback data begins with the value. Comments name the arguments."""

    MENU_MAIN = "menu_main"
    MENU_STORAGE = "menu_storage"
    MENU_SYSTEM = "menu_system"
    MENU_HELP = "menu_help"
    SHOW_MY_REPORTS = "show_my_reports"

    MODE_INTERVIEW = "mode_interview"  # page, from 1
    MODE_DESIGN = "mode_design"  # page
    MODE_MEETING = "mode_meeting"  # page
    TAKEOUT = "takeout"
    TAKEOUT_FILE = "takeout_file"  # extension
    TAKEOUT_CANCEL = "takeout_cancel"  # id of the order
    MODE_NONE = "mode_none"  # page: recordings of no kind
    MODE_ALL = "mode_all"  # page
    RECORDING = "recording"  # recording number
    RECORDING_PLAY = "recording_play"  # recording number
    RECORDING_TRANSCRIPT = "recording_transcript"  # recording number
    RECORDING_REPORTS = "recording_reports"  # recording number
    RECORDING_WRITTEN = "recording_written"  # recording number
    RECORDING_METADATA = "recording_metadata"  # recording number
    RECORDING_DELETE = "recording_delete"  # recording number
    RECORDING_DELETE_CONFIRM = "recording_delete_confirm"  # recording number
    RECORDING_AGAIN = "recording_again"  # recording number
    RECORDING_KIND = "recording_kind"  # recording number, and the scenario once it is chosen
    RECORDING_LANGUAGE = "recording_language"  # recording number, and the language once it is chosen
    SHARE = "share"  # recording number, page from 1
    SHARE_WITH = "share_with"  # recording number, the person's number in Telegram, page, on or off
    RECORDING_VISIBILITY = "recording_visibility"  # recording number, visibility
    TRANSCRIPT_FILE = "transcript_file"  # recording number, extension
    REPORT_FILE = "report_file"  # report number, extension

    SPEAKERS = "speakers"  # recording number
    SPEAKER = "speaker"  # recording number, speaker's number, as in the next five
    SPEAKER_VOICE = "speaker_voice"
    SPEAKER_NAME = "speaker_name"
    SPEAKER_IS = "speaker_is"  # and employee or client: the name in the metadata
    SPEAKER_ROLE = "speaker_role"  # and the role's place among those of the scenario, from 1
    SPEAKER_MERGE = "speaker_merge"  # and, once it is chosen, the number of the speaker who stays
    TURN = "turn"  # recording number: asks which turn is somebody else's
    TURN_MOVE = "turn_move"  # recording number, version, places of the first and last segment, speaker's number, from 1
    WORDS = "words"  # recording number
    WORDS_AT = "words_at"  # recording number, version; then the segment's place, from 1, for one place alone
    WORDS_UNDO = "words_undo"  # recording number, version
    GLOSSARY = "glossary"
    GLOSSARY_ADD = "glossary_add"  # nothing, or team
    GLOSSARY_REMOVE = "glossary_remove"  # nothing, or the term's id
    GLOSSARY_KEEP = "glossary_keep"

    DOCUMENTS = "documents"  # page, from 1
    DOCUMENT = "document"  # document number, as in the next two
    DOCUMENT_DELETE = "document_delete"
    DOCUMENT_DELETE_CONFIRM = "document_delete_confirm"

    CANCEL_INCOMING = "cancel_incoming"  # id of the incoming file
    CANCEL_CARD = "cancel_card"  # id of the progress card
    SCENARIO_INCOMING = "scenario_incoming"  # id of the incoming file, scenario
    DOCUMENT_INCOMING = "document_incoming"  # id of the incoming file
    SCENARIO = "scenario"  # recording number, scenario
    VOICE_IS = "voice_is"  # id of the incoming file, recording or words
    VOICE_RECORDING = "voice_recording"  # id of the incoming file
    VOICE_QUESTION = "voice_question"  # the same

    MY_SETTINGS = "my_settings"
    MY_ZONE = "my_zone"  # nothing, or the zone's word
    MY_LANGUAGE = "my_language"  # nothing, or the language
    MY_VOICE_NOTES = "my_voice_notes"  # nothing, or what they are
    MY_QUIET = "my_quiet"  # nothing, or when there is no sound

    WAITING = "waiting"
    GO_ON = "go_on"  # recording number

    CONFIRM_DATA = "confirm_data"  # recording number
    EDIT_DATA = "edit_data"  # recording number
    EDIT_AUDIO_NUMBER = "edit_audio_number"  # recording number, as in all EDIT_ actions below
    EDIT_DATE = "edit_date"
    EDIT_EMPLOYEE = "edit_employee"
    EDIT_CLIENT = "edit_client"
    EDIT_PLACE_NAME = "edit_place_name"
    EDIT_BUILDING_TYPE = "edit_building_type"
    EDIT_ZONE = "edit_zone"
    EDIT_CITY = "edit_city"
    BACK_TO_CONFIRM = "back_to_confirm"  # recording number
    SKIP_FIELD = "skip_field"  # recording number, field: so a second tap does not skip the next field
    FILL_IN = "fill_in"  # recording number
    REPLY_IS = "reply_is"  # recording number, value or question
    SET_TODAY = "set_today"  # recording number
    SET_BUILDING = "set_building"  # building type, recording number: sets the metadata

    CHOOSE_REPORTS = "choose_reports"  # recording number
    CHOOSE_BUILDING = "choose_building"  # building type, recording number, the report's place in its scenario or all
    REPORT = "report"  # report id, recording number: the data begins with the report id itself, see ``pack``
    REPORTS_ALL = "reports_all"  # recording number
    TRANSCRIPT_ONLY = "transcript_only"  # recording number

    REPORT_VIEW = "report_view"  # nothing, or the report's number as if it had been typed
    REPORT_VIEW_CONFIRM = "report_view_confirm"  # report number
    REPORT_RENAME = "report_rename"  # as REPORT_VIEW
    REPORT_RENAME_CONFIRM = "report_rename_confirm"  # report number
    REPORT_DELETE = "report_delete"  # as REPORT_VIEW
    REPORT_DELETE_CONFIRM = "report_delete_confirm"  # report number
    REPORT_CANCEL = "report_cancel"
    REPORT_MENU = "report_menu"
    REPORT_LIST = "report_list"  # page, from 1
    REPORT_CARD = "report_card"  # report number
    REPORT_FILTERS = "report_filters"
    REPORT_FILTER_DATES = "report_filter_dates"
    REPORT_FILTER_TITLE = "report_filter_title"
    REPORT_FILTER_TYPE = "report_filter_type"  # nothing, the report type, or all
    REPORT_FILTER_SCENARIO = "report_filter_scenario"  # nothing, the scenario, or all
    REPORT_FILTER_PLACE = "report_filter_place"  # nothing, what stands for the place, or all
    REPORT_FILTER_EMPLOYEE = "report_filter_employee"  # as REPORT_FILTER_PLACE
    REPORT_FILTER_RESET = "report_filter_reset"
    REPORT_EXPORT = "report_export"  # nothing, or the extension
    REPORT_CHARTS = "report_charts"
    REPORT_CHART_MONTHS = "report_chart_months"
    REPORT_TREND = "report_trend"  # employee or place; later the report type; then the index's place in it, from 1

    ACROSS = "across"
    ACROSS_REPORT = "across_report"  # nothing, or the report's place among those that can be counted, from 1
    ACROSS_CHOOSE = "across_choose"  # place, employee, period or building, then the page, from 1
    ACROSS_SET = "across_set"  # as ACROSS_CHOOSE, then the choice, or all
    ACROSS_RESET = "across_reset"
    ACROSS_COUNT = "across_count"  # page, from 1
    ACROSS_FACTOR = "across_factor"  # factor, page
    ACROSS_PASSAGE = "across_passage"  # recording, second, from 1
    ACROSS_CHART = "across_chart"
    ACROSS_FILE = "across_file"  # extension

    AVATARS = "avatars"
    AVATAR_NEW = "avatar_new"
    AVATAR = "avatar"  # avatar's number, as in all AVATAR_ actions below
    AVATAR_GENDER = "avatar_gender"  # and female or male
    AVATAR_CONSENT = "avatar_consent"
    AVATAR_START = "avatar_start"
    AVATAR_CANCEL = "avatar_cancel"
    AVATAR_DELETE = "avatar_delete"
    AVATAR_DELETE_CONFIRM = "avatar_delete_confirm"
    AVATAR_PAINT = "avatar_paint"  # and the shape of the picture once it is chosen
    AVATAR_GALLERY = "avatar_gallery"  # and the page, from 1
    AVATAR_PHOTOS = "avatar_photos"
    AVATAR_PHOTO = "avatar_photo"  # and the photograph's id, as in the next
    AVATAR_PHOTO_REMOVE = "avatar_photo_remove"
    PICTURE = "picture"  # picture's number
    PICTURE_DELETE = "picture_delete"  # picture's number

    MENU_CHATS = "menu_chats"  # nothing, or the page, from 1
    NEW_CHAT = "new_chat"
    CHAT = "chat"  # chat number, as in the next four
    CONFIRM_SWITCH = "confirm_switch"
    RENAME_CHAT = "rename_chat"
    DELETE_CHAT = "delete_chat"
    CONFIRM_DELETE = "confirm_delete"
    CHAT_HISTORY = "chat_history"  # chat number; later the extension; then the day as a number, 20261103
    SHOW_STATS = "show_stats"

    WHERE = "where"  # answer: where its chat is searched
    WHERE_CHAT = "where_chat"  # chat number; later what is chosen, the choice, and for a corpus on or off
    WIDER = "wider"  # answer, the condition that it is asked again without
    REFINE = "refine"  # answer
    ASK_PROPOSAL = "ask_proposal"  # proposals, number of the question
    AS_IS = "as_is"  # answer

    RATE_ANSWER = "rate_answer"  # answer, stars
    COMMENT_ANSWER = "comment_answer"  # answer
    CANCEL_COMMENT = "cancel_comment"
    SPEAK_ANSWER = "speak_answer"  # answer
    SPEAK_REPORT = "speak_report"  # report number
    SPEECHES = "speeches"  # page, from 1
    SPEECH = "speech"  # what was said, as in the next three
    SPEECH_SEND = "speech_send"
    SPEECH_DELETE = "speech_delete"
    SPEECH_DELETE_CONFIRM = "speech_delete_confirm"
    RESEARCH = "research"  # answer: tells what a deep research of its question takes
    RESEARCH_START = "research_start"  # answer
    RESEARCH_AGAIN = "research_again"  # report run that failed or was cancelled
    RESEARCH_CLOSE = "research_close"
    ALL_RATINGS = "all_ratings"  # nothing, or the page, from 1
    EXPORT_ANSWERS = "export_answers"
    LETTERS = "letters"  # page, from 1
    LETTER_REDO = "letter_redo"  # kind of the letter, its row, the page; a short word, since a row may be a UUID
    LETTER_DROP = "letter_drop"  # as LETTER_REDO
    LETTERS_REDO = "letters_redo"

    MENU_ACCESS = "menu_access"
    ACCESS_USERS_MENU = "access_users_menu"  # a role, all or out, then the page, from 1
    ACCESS_INVITATIONS_MENU = "access_invitations_menu"
    ACCESS_SECURITY_MENU = "access_security_menu"
    INVITE = "invite"  # nothing, or the role; later the number of people
    INVITATION = "invitation"  # number of the invitation, as in the next
    INVITATION_REVOKE = "invitation_revoke"
    PERSON = "person"  # the person's id, as in the next five
    PERSON_ROLE = "person_role"  # and the role once it is chosen
    PERSON_BLOCK = "person_block"
    PERSON_BLOCK_CONFIRM = "person_block_confirm"
    PERSON_UNBLOCK = "person_unblock"
    PERSON_ERASE = "person_erase"
    ERASE_HEIRS = "erase_heirs"  # the person's id, page from 1
    ERASE_ASK = "erase_ask"  # the person's id, and the heir's number in Telegram if there is one; as in the next
    ERASE_YES = "erase_yes"
    PRIVACY_CONSENT = "privacy_consent"  # version of the notice
    MY_ERASE = "my_erase"
    MY_HEIRS = "my_heirs"  # page
    MY_ERASE_ASK = "my_erase_ask"  # the heir's number in Telegram if there is one; as in the next
    MY_ERASE_YES = "my_erase_yes"
    PERSON_LIMITS = "person_limits"  # the person's id
    PERSON_LIMIT = "limit"  # and resource, and the amount once it is chosen
    ROLE_LIMITS = "role_limits"  # the role once it is chosen
    ROLE_LIMIT = "role_limit"  # role, resource, and the amount once it is chosen
    USES = "uses"  # resource, page
    PEOPLE_SEARCH = "people_search"
    AUDIT = "audit"  # filters that are set (the person's id, the group of actions, since when), and the page, from 1
    AUDIT_VERIFY = "audit_verify"
    AUDIT_EXPORT = "audit_export"

    CANCEL_DIALOG = "cancel_dialog"


class Press(Value):
    """The parsed data of a button; ``words`` and ``numbers`` are its arguments, both in the order of the data."""

    action: Action
    words: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """The only number.

        Raises:
            OutdatedButton: there is none, or more than one.
        """
        if len(self.numbers) != 1:
            raise OutdatedButton(data=self.action)
        return self.numbers[0]

    @property
    def word(self) -> str:
        """The only word.

        Raises:
            OutdatedButton: there is none, or more than one.
        """
        if len(self.words) != 1:
            raise OutdatedButton(data=self.action)
        return self.words[0]


def pack(action: Action, *arguments: str | int) -> str:
    """Make callback data of an action and its arguments.

    The data of ``Action.REPORT`` begins with the report's id from the pack instead: ``report_int_links||17``.

    Raises:
        ValueError: the data is longer than Telegram takes, or an argument could not be read back.
    """
    parts = [str(argument) for argument in arguments]
    if not all(_NUMBER.fullmatch(part) or _WORD.fullmatch(part) for part in parts):
        raise ValueError(f"arguments of {action} are not words and numbers")
    data = SEPARATOR.join(parts if action is Action.REPORT else [action, *parts])
    if len(data.encode()) > CALLBACK_DATA_BYTES:
        raise ValueError(f"callback data of {action} is longer than {CALLBACK_DATA_BYTES} bytes")
    return data


def unpack(data: str) -> Press:
    """Parse callback data.

    Raises:
        OutdatedButton: the data is not the bot's, or comes from an earlier version of it.
    """
    first, *parts = data.split(SEPARATOR)
    if first in set(Action) - {Action.REPORT}:
        action = Action(first)
    elif first.startswith(f"{Action.REPORT}_") and _WORD.fullmatch(first):
        action, parts = Action.REPORT, [first, *parts]
    else:
        raise OutdatedButton(data=first[:CALLBACK_DATA_BYTES])
    numbers = [part for part in parts if _NUMBER.fullmatch(part)]
    words = [part for part in parts if _WORD.fullmatch(part)]
    if len(numbers) + len(words) != len(parts):
        raise OutdatedButton(data=first)
    return Press(action=action, words=tuple(words), numbers=tuple(map(int, numbers)))


def word_of(id_: UUID) -> str:
    """Return an id as an argument of a button."""
    return f"{_ID_SIGN}{id_.hex}"


def answer_of(press: Press) -> AnswerId:
    """Return the answer that a button names with ``word_of``.

    Raises:
        OutdatedButton: the button names no answer.
    """
    return AnswerId(id_of(press))


def recording_of(press: Press) -> RecordingId:
    """Return the recording that a button names with ``word_of``.

    Raises:
        OutdatedButton: the button names no recording.
    """
    return RecordingId(id_of(press))


def id_of(press: Press) -> UUID:
    """Return the id that is the first word of a button.

    Raises:
        OutdatedButton: there is none.
    """
    try:
        return UUID(hex="".join(press.words[:1]).removeprefix(_ID_SIGN))
    except ValueError as exc:
        raise OutdatedButton(data=press.action) from exc


def button(text: str, action: Action, *arguments: str | int) -> Button:
    """Make an inline button."""
    return Button(text=text, data=pack(action, *arguments))
