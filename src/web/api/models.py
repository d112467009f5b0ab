"""What the JSON interface sends and takes. Times are seconds from the start of a recording, datetimes are aware."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from datamodels import BuildingType, IndexValue, MissingInterval, RecordingMetadata, RunStatus, Stage, Visibility
from datamodels_chats import AnswerStatus, Basis, Source
from speeches.store import SpeechOf


class Me(BaseModel):
    """Who asks. ``csrf_token`` goes along, as ``X-CSRF-Token``, with every request that changes something."""

    name: str
    role: str
    csrf_token: str


class RecordingOut(BaseModel):
    """A recording. ``error`` says why work stopped; ``parts`` count what is transcribed while that goes on."""

    number: int
    file_name: str
    size_bytes: int
    duration_s: float
    scenario: str
    visibility: Visibility
    stage: Stage
    at_work: bool
    has_sound: bool
    parts_done: int
    parts_total: int
    error: str | None
    message: str | None
    metadata: RecordingMetadata
    created_at: datetime


class RecordingsOut(BaseModel):
    """A page of recordings, the newest first; pages count from 1."""

    total: int
    page: int
    recordings: list[RecordingOut]


class SegmentOut(BaseModel):
    """What one person says in one breath; ``words`` have their starts where the engine tells them."""

    start: float
    end: float
    speaker: str | None
    text: str
    words: list[float] | None


class TranscriptOut(BaseModel):
    """A stretch of a transcript, which begins with segment ``first`` of ``total``."""

    language: str
    duration_s: float
    speakers: int
    missing: list[MissingInterval]
    total: int
    first: int
    segments: list[SegmentOut]


class UtteranceOut(BaseModel):
    """What is said at a position; ``mark`` changes with the text."""

    position: int
    speaker: str | None
    text: str
    mark: str


class OfferedSpeakerOut(BaseModel):
    """Somebody who speaks in a transcript, by the id that edits name."""

    id: str
    label: str


class EditableOut(BaseModel):
    """A stretch of a transcript that can be corrected, and the version that edits of it name.

    ``undoes`` and ``redoes`` are the versions of the edits that an undoing takes back and a redoing does again, None
    where there is none or it is not known; ``undoes_told`` says which edit the first is. Utterances have had their
    positions since version ``moved``.
    """

    version: int
    can_undo: bool
    undoes: int | None
    undoes_told: str | None
    redoes: int | None
    moved: int
    total: int
    speakers: list[OfferedSpeakerOut]
    utterances: list[UtteranceOut]


class EditedOut(BaseModel):
    """What an edit changed; ``utterances`` is None when the transcript has to be opened anew.

    ``others`` tells that somebody else changed something in between. ``speakers`` is None where they are the same,
    or come when the transcript is opened anew.
    ``undoes`` and ``redoes`` are those of a transcript that can be corrected.
    """

    version: int
    can_undo: bool
    undoes: int | None
    redoes: int | None
    others: bool
    speakers: list[OfferedSpeakerOut] | None
    utterances: list[UtteranceOut] | None


class OfferedOut(BaseModel):
    """A report that can be had. ``lack`` names what it needs first, ``takes`` says what it is expected to take."""

    id: str
    label: str
    lack: str | None
    calls: int | None
    tokens: int | None
    seconds: float | None
    cost_usd: float | None


class OfferOut(BaseModel):
    """The reports that a recording can have; ``lack`` names what the recording itself needs first."""

    lack: str | None
    building: BuildingType | None
    reports: list[OfferedOut]


class OrderIn(BaseModel):
    """The ids of reports to write."""

    reports: list[str] = Field(min_length=1, max_length=50)
    building: BuildingType | None = None


class RunOut(BaseModel):
    """A report that was ordered; ``number`` is None until it can be read."""

    report: str
    label: str
    status: RunStatus
    number: int | None
    passes_done: int
    passes_total: int
    error: str | None


class ReportLineOut(BaseModel):
    """A report in the archive."""

    number: int
    title: str
    recording: int
    created_at: datetime


class ReportOut(ReportLineOut):
    """A report with its text, which is Markdown, and its indices."""

    text: str
    indices: list[IndexValue]
    notes: list[str]


class ReportsOut(BaseModel):
    """A page of reports, the newest first; pages count from 1."""

    total: int
    page: int
    reports: list[ReportLineOut]


class UploadOut(BaseModel):
    """A file that comes in pieces; ``recording`` is the number of what it has become."""

    id: UUID
    file_name: str
    size_bytes: int
    received_bytes: int
    state: str
    recording: int | None
    known: bool
    error: str | None
    message: str | None


class ChatOut(BaseModel):
    """A chat; the first question gives it its title."""

    number: int
    title: str | None
    questions: int
    updated_at: datetime


class ChatsOut(BaseModel):
    """A page of chats, the latest first; pages count from 1."""

    total: int
    page: int
    chats: list[ChatOut]


class AnswerOut(BaseModel):
    """An answer: ``text`` is what may be seen of it while ``status`` is waiting."""

    id: UUID
    chat: int
    question: str
    asked_at: datetime
    status: AnswerStatus
    text: str | None
    note: str | None
    basis: Basis | None
    model: str | None
    response_s: float | None
    sources: list[Source]
    stars: int | None
    comment: str | None


class ChatWithAnswersOut(ChatOut):
    """A chat with its latest answers, in the order of their questions."""

    answers: list[AnswerOut]


class QuestionIn(BaseModel):
    """A question. The same ``key`` of the same person asks once, however often it is sent."""

    question: str
    key: str = Field(default="", max_length=64)


class RatingIn(BaseModel):
    """A rating, a comment, or both."""

    stars: int | None = Field(default=None, ge=1, le=5)
    comment: str = ""


class VoiceIn(BaseModel):
    """A question in words; ``session_id`` is the number of the chat that it continues."""

    text: str
    session_id: int | None = None


class VoiceOut(BaseModel):
    """An answer as it stands; by ``log_id`` it is rated, and followed while ``status`` is waiting.

    ``question`` is what was asked, or heard; ``similar_found`` counts earlier questions like it whose good answers the
    model was shown.
    """

    log_id: UUID
    session_id: int
    question: str
    status: AnswerStatus
    answer: str | None
    sources: list[Source]
    model: str | None
    response_s: float | None
    similar_found: int


class FeedbackIn(BaseModel):
    """A rating, a comment, or both."""

    log_id: UUID
    rating: int | None = Field(default=None, ge=1, le=5)
    comment: str = ""


class ModelOut(BaseModel):
    """What people think of the answers of one model and prompt; ``duration_s`` is an average."""

    model: str
    prompt_version: str
    answers: int
    ratings: int
    average: float | None
    duration_s: float


class LearningOut(BaseModel):
    """Everybody's ratings; ``by_stars`` counts those of 1 to 5. ``partial`` figures lack what is not stored yet."""

    answers: int
    ratings: int
    by_stars: list[int]
    partial: bool
    models: list[ModelOut]


class SpeechIn(BaseModel):
    """One of these is said: a text of 1 to 5000 characters, an answer by its id, a report by its number."""

    text: str | None = None
    answer: UUID | None = None
    report: int | None = None


class SpeechOut(BaseModel):
    """A text said aloud, or on its way; of a longer one the first ``characters`` are. Its sound is there when ready."""

    id: UUID
    kind: SpeechOf
    title: str
    characters: int
    is_whole: bool
    pieces: int
    pieces_done: int
    ready: bool
    at_work: bool
    duration_s: float | None
    error: str | None
    message: str | None
    created_at: datetime


class SpeechesOut(BaseModel):
    """A page of what was said, the newest first; pages count from 1."""

    total: int
    page: int
    speeches: list[SpeechOut]


class WorkOut(BaseModel):
    """What is being worked on."""

    uploads: list[UploadOut]
    recordings: list[dict[str, Any]]


class PhotosNow(BaseModel):
    """How many photographs of an avatar are accepted by now."""

    accepted: int
