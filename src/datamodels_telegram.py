"""The values that cross the borders of the Telegram side. Chats are private ones: a chat's id is its person's."""

from datetime import datetime
from enum import StrEnum
from typing import NewType, Self
from uuid import UUID

from datamodels import RecordingId, ReportId, ReportRunId, RunStatus, ScenarioId, Stage, UserId, Value

ChatId = NewType("ChatId", int)
MessageId = NewType("MessageId", int)


class TelegramPerson(Value):
    """Who wrote or pressed, as Telegram tells."""

    id: int
    name: str


class FileKind(StrEnum):
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO_NOTE = "video_note"
    VIDEO = "video"
    DOCUMENT = "document"


class AttachedFile(Value):
    """A file as Telegram describes it before anything was downloaded; nothing of it is certain."""

    kind: FileKind
    file_name: str
    mime_type: str = ""
    size_bytes: int
    duration_s: int | None = None


class IncomingMessage(Value):
    """A message of a person. ``text`` is the text, or the caption of ``file``; ``private`` is False in groups."""

    chat_id: ChatId
    message_id: MessageId
    person: TelegramPerson
    text: str = ""
    file: AttachedFile | None = None
    private: bool = True


class ButtonPress(Value):
    """A pressed inline button: ``data`` is untrusted."""

    query_id: int
    chat_id: ChatId
    message_id: MessageId
    person: TelegramPerson
    data: str


class UpdateKind(StrEnum):
    MESSAGE = "message"
    BUTTON = "button"


class SeenUpdate(Value):
    """A row of ``seen_updates`` that was not handled to its end. ``data`` is a button's; a message is fetched again."""

    kind: UpdateKind
    chat_id: ChatId
    update_id: int
    """The message's id, or the press's query id."""
    message_id: MessageId
    person: TelegramPerson
    data: str | None
    tries: int

    @classmethod
    def of(cls, update: IncomingMessage | ButtonPress) -> Self:
        """Return the row of an update that comes for the first time."""
        pressed = update if isinstance(update, ButtonPress) else None
        return cls(
            kind=UpdateKind.MESSAGE if pressed is None else UpdateKind.BUTTON,
            chat_id=update.chat_id,
            update_id=update.message_id if pressed is None else pressed.query_id,
            message_id=update.message_id,
            person=update.person,
            data=None if pressed is None else pressed.data,
            tries=0,
        )


class Button(Value):
    """An inline button. ``data`` is packed callback data, 1–64 bytes."""

    text: str
    data: str


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons."""


class MessageKind(StrEnum):
    """What a message of the bot is for; it decides which earlier ones a new one removes."""

    MENU = "menu"
    INPUT_REQUEST = "input_request"
    CONFIRMATION = "confirmation"
    STATUS_MESSAGE = "status_message"
    INFO_MESSAGE = "info_message"
    RESULT = "result"
    """Transcripts, reports, documents: stay for ever."""


class Screen(Value):
    """What a message shows: ``text`` is HTML of Telegram's subset, everything foreign in it escaped."""

    text: str
    keyboard: Keyboard = ()


class FileSource(StrEnum):
    TRANSCRIPT = "transcript"
    REPORT = "report"
    RECORDING = "recording"


class FileReference(Value):
    """A file to send that is made when it is sent. ``subject`` is a recording's or a report run's id."""

    source: FileSource
    subject: UUID
    extension: str


class OutgoingMessage(Value):
    """A message of the outbox: a screen, with a file whose caption it then is.

    ``replaces`` is an earlier message of the bot, which goes when this one is there.
    """

    kind: MessageKind
    screen: Screen
    file: FileReference | None = None
    replaces: MessageId | None = None


class OutboxItem(Value):
    """A row of ``outbox``. ``random_id`` makes Telegram refuse the same message a second time."""

    id: int
    key: str
    chat_id: ChatId
    owner_id: UserId
    message: OutgoingMessage
    random_id: int
    tries: int


class IncomingState(StrEnum):
    """Where a file that a person sent is. ``STORED`` has a recording."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    STORED = "stored"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class IncomingFile(Value):
    """A row of ``incoming_files``: a file that a person sent, from its first sign to its recording."""

    id: int
    owner_id: UserId
    chat_id: ChatId
    message_id: MessageId
    file: AttachedFile
    caption: str
    scenario: ScenarioId | None
    state: IncomingState
    bytes_done: int
    recording_id: RecordingId | None
    known: bool
    """The same bytes had been sent before, and there is nothing to do with them."""
    error_code: str | None
    error_text: str | None
    tries: int = 0
    retry_at: datetime | None = None
    """When the file will be tried again, while ``error_text`` says why it has to be."""
    created_at: datetime
    finished_at: datetime | None


class WizardStep(StrEnum):
    """What the wizard about a recording waits for."""

    TRANSCRIPT = "transcript"
    """The job; then the transcript is delivered."""
    SCENARIO = "scenario"
    """A press: the person has been asked what the recording is."""
    PROPOSAL = "proposal"
    """The recording's roles and the proposal of its metadata: jobs."""
    CONFIRMATION = "confirmation"
    """Answers: questions or the confirmation card have been sent."""
    REPORTS = "reports"
    """Nothing: the person can order reports at any time."""
    CLOSED = "closed"
    """Only the transcript was wanted."""


class RecordingWizard(Value):
    """A row of ``recording_wizards``. ``round`` grows each time the whole recording is processed again."""

    recording_id: RecordingId
    owner_id: UserId
    chat_id: ChatId
    step: WizardStep
    round: int


class CardKind(StrEnum):
    RECORDING = "recording"
    REPORTS = "reports"


class ProgressCard(Value):
    """A row of ``progress_cards``: one message that is edited while work goes on. ``final`` when it will not change."""

    id: int
    kind: CardKind
    owner_id: UserId
    chat_id: ChatId
    incoming_id: int | None
    recording_id: RecordingId | None
    run_ids: tuple[ReportRunId, ...]
    delivered: tuple[ReportRunId, ...] = ()
    """Those of ``run_ids`` whose outcome is in the outbox."""
    message_id: MessageId | None
    random_id: int
    sent_anew: bool = False
    shown_hash: str
    final: bool
    created_at: datetime


class RunProgress(Value):
    """How far an ordered report is."""

    id: ReportRunId
    report_id: ReportId
    status: RunStatus
    passes_done: int
    passes_total: int
    error_text: str | None
    retry_at: datetime | None


class CardProgress(Value):
    """What a card is about, read in one query: its file, its recording and its report runs as far as they exist."""

    card: ProgressCard
    incoming: IncomingFile | None
    recording_number: int | None
    scenario: ScenarioId | None
    """What the recording is; None while nobody has said it."""
    file_name: str
    size_bytes: int
    duration_s: float | None
    stage: Stage | None
    stage_since: datetime | None
    error_code: str | None
    error_text: str | None
    retry_at: datetime | None
    """When failed work will be tried again without anybody asking; None when it will not."""
    parts_done: int = 0
    parts_total: int = 0
    runs: tuple[RunProgress, ...] = ()
    """The ordered reports, in the order of the card's ``run_ids``; deleted ones are left out."""
