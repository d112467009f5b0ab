"""Values that modules of the Telegram side exchange. The bot's chats are private: a chat's id is its person's id."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType, Self
from uuid import UUID

from datamodels import RecordingId, ReportId, ReportRunId, Role, RunStatus, ScenarioId, Stage, UserId, Value

ChatId = NewType("ChatId", int)
MessageId = NewType("MessageId", int)


class TelegramPerson(Value):
    """The person who wrote or pressed, as Telegram describes them."""

    id: int
    name: str


class FileKind(StrEnum):
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO_NOTE = "video_note"
    VIDEO = "video"
    DOCUMENT = "document"
    PHOTO = "photo"  # made smaller by the messenger, under a name that it has made up


class AttachedFile(Value):
    """A file as Telegram describes it before the download; every field may be wrong."""

    kind: FileKind
    file_name: str
    mime_type: str = ""
    size_bytes: int
    duration_s: int | None = None
    named_at: int | None = None  # the Unix time that a name tells in UTC, of a file that has none of its own


class Sound(Value):
    """What a messenger shows of a sound file that is sent to be listened to; ``duration_s`` is at least 0."""

    title: str
    duration_s: float


class Voice(Value):
    """Tells that a file, Ogg Opus, is a voice message; ``duration_s`` is at least 0."""

    duration_s: float


class Picture(Value):
    """Tells that a file is a picture to be looked at in the chat."""


Shown = Sound | Voice | Picture
"""How a file is shown that is not only to be opened."""


class Doing(StrEnum):
    """What a messenger shows of a bot that is at work for somebody."""

    WRITING = "writing"
    SENDING_FILE = "sending_file"
    SENDING_SOUND = "sending_sound"
    SENDING_PICTURE = "sending_picture"


class OtherMedia(StrEnum):
    """What a message may have in the place of a file or text, and the bot does not read."""

    PHOTO = "photo"
    STICKER = "sticker"
    CONTACT = "contact"
    LOCATION = "location"
    OTHER = "other"


class IncomingMessage(Value):
    """A message of a person. ``text`` may be the caption of ``file`` or ``other``; groups are not ``private``."""

    chat_id: ChatId
    message_id: MessageId
    person: TelegramPerson
    text: str = ""
    file: AttachedFile | None = None
    other: OtherMedia | None = None
    picture: AttachedFile | None = None
    """The picture that ``other`` says there is, at its largest."""
    private: bool = True
    album: int | None = None
    """What the messages of one album have in common."""
    origin: str = ""
    """Who wrote a forwarded message first, as Telegram names them; "" when it was not forwarded."""
    spoken: bool = False
    """Whether ``text`` was recognised in a voice note; ``answers`` is then the step that the note answered, if any."""
    answers: str | None = None

    @property
    def may_reply(self) -> bool:
        """Whether the message can be the reply that a dialog waits for: words, typed or spoken."""
        if self.file is not None:
            return self.file.kind in {FileKind.VOICE, FileKind.VIDEO_NOTE}
        return self.other is None or bool(self.text)


class ButtonPress(Value):
    """A pressed inline button; ``data`` is untrusted."""

    query_id: int
    chat_id: ChatId
    message_id: MessageId
    person: TelegramPerson
    data: str


class UpdateKind(StrEnum):
    MESSAGE = "message"
    BUTTON = "button"
    WORDS = "words"
    """A voice note for the second time, as the text that was recognised in it."""


class SeenUpdate(Value):
    """A row of ``seen_updates``: an update whose handling has not ended.

    ``data`` is a button's callback data; None for a message, whose text is fetched again when it is handled again.
    ``tries`` counts how often handling the update has begun.
    """

    kind: UpdateKind
    chat_id: ChatId
    update_id: int
    """The message's id, or the press's query id."""
    message_id: MessageId
    person: TelegramPerson
    data: str | None
    tries: int

    @property
    def key(self) -> str:
        """A text that no other update has."""
        return f"{self.kind}:{self.chat_id}:{self.update_id}"

    @classmethod
    def of(cls, update: IncomingMessage | ButtonPress) -> Self:
        """Make the row of an update that has just come."""
        pressed = update if isinstance(update, ButtonPress) else None
        of_message = UpdateKind.WORDS if isinstance(update, IncomingMessage) and update.spoken else UpdateKind.MESSAGE
        return cls(
            kind=of_message if pressed is None else UpdateKind.BUTTON,
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
"""Buttons in rows."""


class MessageKind(StrEnum):
    """The purpose of a message of the bot, which decides which earlier messages a new one removes."""

    MENU = "menu"
    INPUT_REQUEST = "input_request"
    CONFIRMATION = "confirmation"
    STATUS_MESSAGE = "status_message"
    INFO_MESSAGE = "info_message"
    CHOICE = "choice"
    """A choice of reports: it waits for its person beside the menus, and only its own recording's messages end it."""
    RESULT = "result"
    """Transcripts, reports and documents, which stay for ever."""


class Screen(Value):
    """The content of a message: ``text`` is HTML of Telegram's subset, with everything foreign in it escaped."""

    text: str
    keyboard: Keyboard = ()


class FileSource(StrEnum):
    TRANSCRIPT = "transcript"
    REPORT = "report"
    RECORDING = "recording"
    PICTURE = "picture"
    TAKEOUT = "takeout"
    FRAGMENT = "fragment"
    SPEECH = "speech"


class FileReference(Value):
    """Names the file of a message, whose content is made or fetched when the message is sent.

    ``subject`` is the id of what is sent, of a takeout its person's. Fragments have a ``start_s`` and an ``end_s``.
    """

    source: FileSource
    subject: UUID
    extension: str
    start_s: float | None = None
    end_s: float | None = None


class OutgoingMessage(Value):
    """A message of the outbox: a screen, or a file with the screen as its caption.

    ``replaces`` is an earlier message of the bot whose place a message without a file takes; where that is not possible
    it is removed once the new one is sent; with ``in_place`` none is sent. ``subject`` is the recording that a question
    asks about.
    """

    kind: MessageKind
    screen: Screen
    file: FileReference | None = None
    replaces: MessageId | None = None
    in_place: bool | None = None
    subject: RecordingId | None = None


class OutboxItem(Value):
    """A row of ``outbox``. ``random_id`` makes Telegram refuse the same message a second time."""

    id: int
    key: str
    chat_id: ChatId
    owner_id: UserId
    message: OutgoingMessage
    random_id: int
    tries: int
    aside_at: datetime | None
    """When this message was set aside, since when later ones may pass it: its content could not be made. Else None."""


class IncomingState(StrEnum):
    """The state of a file that a person sent. A ``STORED`` file is a recording or a document by now."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    HEARING = "hearing"
    """A job recognises what was said."""
    STORED = "stored"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class FilePurpose(StrEnum):
    """What a sent file is for: a recording, of which it may be the ready transcript, a document to ask about, the words
    in it, which are taken as if they had been typed, or a photograph for an avatar.
    """

    RECORDING = "recording"
    DOCUMENT = "document"
    WORDS = "words"
    PHOTO = "photo"


class IncomingFile(Value):
    """A row of ``incoming_files``: a file that a person sent, from its message to its recording."""

    id: int
    owner_id: UserId
    chat_id: ChatId
    message_id: MessageId
    file: AttachedFile
    caption: str
    scenario: ScenarioId | None
    purpose: FilePurpose | None = None
    """What its sender said that it is for; None when the name tells, or nobody has said it yet."""
    state: IncomingState
    bytes_done: int
    recording_id: RecordingId | None
    known: bool
    """True when the same bytes were sent before, so that there is nothing to do."""
    error_code: str | None
    error_text: str | None
    tries: int = 0
    retry_at: datetime | None = None
    """When taking the file in will be tried again, after a failure that ``error_text`` describes; None otherwise."""
    album: int | None = None
    origin: str = ""
    answers: str | None = None
    """This and the two before as in ``IncomingMessage``."""
    created_at: datetime
    finished_at: datetime | None


class WizardStep(StrEnum):
    """The step of a recording wizard: what the wizard waits for."""

    TRANSCRIPT = "transcript"
    """Waits for the job of the transcript, which is then delivered."""
    SCENARIO = "scenario"
    """Waits for a press: the person was asked for the recording's scenario."""
    PROPOSAL = "proposal"
    """Waits for the jobs that find the recording's roles and propose its metadata."""
    CONFIRMATION = "confirmation"
    """Waits for replies to the questions, or to the confirmation card."""
    REPORTS = "reports"
    """Waits for a press: the person was asked which reports to write."""
    CLOSED = "closed"
    """Ended: reports were ordered, or only the transcript was wanted. Reports can be ordered at any time."""


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
    """A row of ``progress_cards``: a message that is edited while work goes on. A ``final`` card changes no more."""

    id: int
    kind: CardKind
    owner_id: UserId
    chat_id: ChatId
    incoming_id: int | None
    recording_id: RecordingId | None
    run_ids: tuple[ReportRunId, ...]
    delivered: tuple[ReportRunId, ...] = ()
    """The report runs among ``run_ids`` whose outcome is in the outbox, or was sent."""
    message_id: MessageId | None
    random_id: int
    sent_anew: bool = False
    shown_hash: str
    final: bool
    expected: str | None = None  # what the ordered reports were expected to take, in words; None when nobody could tell
    created_at: datetime


class RunProgress(Value):
    """The progress of the work on an ordered report."""

    id: ReportRunId
    report_id: ReportId
    status: RunStatus
    passes_done: int
    passes_total: int
    error_code: str | None = None
    error_text: str | None
    retry_at: datetime | None
    question: str | None = None  # what a research asks; None for other reports
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal | None = None
    duration_s: float = 0.0


class CardProgress(Value):
    """The data of a card, read in one query: its owner's role, its file, its recording and its report runs, if any."""

    card: ProgressCard
    role: Role = Role.USER
    incoming: IncomingFile | None
    recording_number: int | None
    document_number: int | None = None  # of the document that the file has become
    scenario: ScenarioId | None
    """The recording's scenario; None until it was chosen."""
    file_name: str
    size_bytes: int
    duration_s: float | None
    stage: Stage | None
    stage_since: datetime | None
    error_code: str | None
    error_text: str | None
    retry_at: datetime | None
    """When failed work on the recording will be tried again without anybody asking; None when it will not."""
    ahead: int = 0
    """How many recordings will be worked on before this one; 0 when this one is next, or is not waiting."""
    parts_done: int = 0
    parts_total: int = 0
    parts_heard: float = 0.0
    words: str | None = None  # recognised in a voice note that is taken as text
    runs: tuple[RunProgress, ...] = ()
    """The ordered reports without deleted ones, in the order of the card's ``run_ids``."""
