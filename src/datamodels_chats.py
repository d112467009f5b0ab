"""The values of chats: threads of questions and answers over the person's recordings."""

from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from pydantic import Field

from datamodels import Interval, RecordingId, Usage, UserId, Value
from datamodels_telegram import ChatId, MessageId

AnswerId = NewType("AnswerId", UUID)


class AnswerKind(StrEnum):
    FAST = "fast"
    DEEP = "deep"


class AnswerStatus(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Basis(StrEnum):
    """What an answer rests on."""

    MODEL = "model"
    """Passages; a language model has written the text over them."""
    QUOTES = "quotes"
    """Passages, which are the text themselves."""
    NOTHING = "nothing"
    """Nothing: no recording supports an answer."""
    EMPTY = "empty"
    """Nothing: there are no transcripts yet."""


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
    """Where a passage is from. ``label`` is the kind of the recording, ``number`` the passage's in its answer."""

    number: int
    recording_id: RecordingId
    recording_number: int
    label: str
    day: date
    speakers: tuple[str, ...]


class PassageLine(Value):
    """What one speaker says at ``start`` seconds; ``speaker`` is empty in a monologue."""

    start: float
    speaker: str
    text: str


class Passage(Value):
    """Neighbouring utterances of a recording that fit a question."""

    source: Source
    lines: tuple[PassageLine, ...]


class QuestionToAnswer(Value):
    """What the answer to a question is made from."""

    question_id: int
    owner_id: UserId
    chat_number: int
    text: str
    status: AnswerStatus


class AnswerOutcome(Value):
    """A finished answer. ``note`` is what to know about it, such as why no model wrote it; empty when nothing."""

    basis: Basis
    text: str
    note: str = ""
    sources: tuple[Source, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    duration_s: float = 0.0


class Turn(Value):
    """A question and one of its answers; a question without any has ``basis`` and ``answer`` None."""

    question_id: int
    question: str
    asked_at: datetime
    kind: AnswerKind | None
    basis: Basis | None
    answer: str | None
    note: str | None
    sources: tuple[Source, ...]


class EndedAnswer(Value):
    """An answer that is to be delivered: ``outcome`` is None when it failed."""

    id: AnswerId
    owner_id: UserId
    chat_number: int
    telegram_chat_id: ChatId
    question: str
    outcome: AnswerOutcome | None
    waiting_message_id: MessageId | None


class ChatFigures(Value):
    """Counts over a time. ``rating`` is the average, None without any."""

    chats: int = Field(ge=0)
    questions: int = Field(ge=0)
    answers: int = Field(ge=0)
    fast: int = Field(ge=0)
    deep: int = Field(ge=0)
    unanswered: int = Field(ge=0)
    """Of the answers: those that say that there is nothing."""
    tokens: int = Field(ge=0)
    ratings: int = Field(ge=0)
    rating: float | None


class ChatStatistics(Value):
    recent: ChatFigures
    """Of the last 30 days."""
    all: ChatFigures
