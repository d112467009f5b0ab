"""Values of chats, which are threads of questions and answers about the person's recordings."""

from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from pydantic import Field, JsonValue

from datamodels import Interval, RecordingId, Usage, UserId, Value

AnswerId = NewType("AnswerId", UUID)
ReturnAddress = dict[str, JsonValue]
"""Where a front door brings an answer. The door makes it and reads it, and nobody else."""


class Occasion(Value):
    """The event by which a person asked something or named a chat; the same when it is handled again after a crash.

    ``key`` identifies it within the front door ``door``. ``turn`` grows with each event of a person; None where the
    door does not count events.
    """

    door: str
    key: str
    turn: int | None = None


class AnswerKind(StrEnum):
    FAST = "fast"
    DEEP = "deep"


class AnswerStatus(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Basis(StrEnum):
    """The basis of an answer."""

    MODEL = "model"
    """A language model wrote the text from passages."""
    QUOTES = "quotes"
    """The text is the passages themselves."""
    NOTHING = "nothing"
    """No recording supports an answer."""
    EMPTY = "empty"
    """There are no transcripts yet."""


class Chat(Value):
    """A chat of its owner; ``title`` is None until the first question gives one."""

    owner_id: UserId
    number: int
    title: str | None
    questions: int
    answers: int
    created_at: datetime
    updated_at: datetime


class Source(Interval):
    """The source of a passage. ``label`` names the recording's scenario, ``number`` the passage in its answer."""

    number: int
    recording_id: RecordingId
    recording_number: int
    label: str
    day: date
    speakers: tuple[str, ...]


class PassageLine(Value):
    """One speaker's words at ``start`` seconds; ``speaker`` is empty in a monologue."""

    start: float
    speaker: str
    text: str


class Passage(Value):
    """Neighbouring utterances of a recording that fit a question."""

    source: Source
    lines: tuple[PassageLine, ...]


class QuestionToAnswer(Value):
    """A question with all that its answer is made from."""

    question_id: int
    owner_id: UserId
    chat_number: int
    text: str
    status: AnswerStatus


class AnswerOutcome(Value):
    """A finished answer. ``note`` is a remark about it, such as why no model wrote it; empty without one."""

    basis: Basis
    text: str
    note: str = ""
    sources: tuple[Source, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    duration_s: float = 0.0


class Turn(Value):
    """A question and one of its answers; ``basis`` and ``answer`` are None for a question without answers."""

    question_id: int
    question: str
    asked_at: datetime
    kind: AnswerKind | None
    basis: Basis | None
    answer: str | None
    note: str | None
    sources: tuple[Source, ...]


class EndedAnswer(Value):
    """An ended answer that is to be delivered; ``outcome`` is None when answering failed."""

    id: AnswerId
    owner_id: UserId
    chat_number: int
    question: str
    outcome: AnswerOutcome | None
    return_to: ReturnAddress


class GoodAnswer(Value):
    """An answer that a person rated, as the person read it: its note comes first.

    ``prompt_version`` is empty where it is not known.
    """

    question: str
    answer: str
    rating: int = Field(ge=1, le=5)
    model: str
    prompt_version: str
    at: datetime


class ChatFigures(Value):
    """Counts over a time. ``rating`` is the average rating, None without ratings."""

    chats: int = Field(ge=0)
    questions: int = Field(ge=0)
    answers: int = Field(ge=0)
    fast: int = Field(ge=0)
    deep: int = Field(ge=0)
    unanswered: int = Field(ge=0)
    """How many of the answers say that nothing was found."""
    tokens: int = Field(ge=0)
    ratings: int = Field(ge=0)
    rating: float | None


class ChatStatistics(Value):
    recent: ChatFigures
    """Figures of the last 30 days."""
    all: ChatFigures
