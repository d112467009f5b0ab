"""Values of chats, which are threads of questions and answers about the person's recordings."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NewType, Self
from uuid import UUID

from pydantic import Field, JsonValue

from datamodels import Interval, RecordingId, Role, Usage, UserId, Value
from datamodels_search import ChatFilters, Narrowing, Search

GOOD = 4
"""An answer with this rating or a higher one is good, and may become an example."""
BAD = 2
"""An answer with this rating or a lower one is bad."""
FEWEST_FOR_A_TREND = 5
"""How many ratings each of the two periods of a trend needs; with fewer, it says more of questions than of answers."""

AnswerId = NewType("AnswerId", UUID)
ReturnAddress = dict[str, JsonValue]
"""The address to which a front door delivers an answer. Only that door makes it and reads it."""


class Occasion(Value):
    """The event by which a person asked something or named a chat. The same event always gives an equal ``Occasion``.

    ``key`` identifies the event within the front door ``door``. ``turn`` grows with each event of a person; None where
    the door does not count events.
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
    """What the text of an answer rests on."""

    MODEL = "model"
    """A language model wrote the text from passages."""
    QUOTES = "quotes"
    """The text is the passages themselves."""
    NOTHING = "nothing"
    """No recording supports an answer."""
    EMPTY = "empty"
    """There are no transcripts yet."""


class Chat(Value):
    """A person's chat; ``title`` is None until the first question, or the owner, gives the chat a title."""

    owner_id: UserId
    number: int
    title: str | None
    questions: int
    answers: int
    created_at: datetime
    updated_at: datetime


class Source(Interval):
    """The source of a passage; answers cite it by ``number``.

    ``label`` names the scenario of the recording that the passage is from, else the report about a recording, else the
    document, which has no recording and no day. A passage of a report or document has a ``section`` instead of times.
    """

    number: int
    recording_id: RecordingId | None
    recording_number: int | None
    label: str
    day: date | None
    speakers: tuple[str, ...]
    section: str | None = None
    """None for a passage of a recording; "" for one of a report or document that has no headings."""
    document_id: UUID | None = None
    owner: str = ""
    """Whose recording it is; "" for the asker's own. Each person's recordings have numbers of their own."""

    @property
    def is_report(self) -> bool:
        return self.section is not None and self.document_id is None


class PassageLine(Value):
    """One speaker's words at ``start`` seconds; ``speaker`` is empty in a monologue."""

    start: float
    speaker: str
    text: str


class Passage(Value):
    """Neighbouring segments of a recording that match a question; ``best`` is the place of the line that does most."""

    source: Source
    lines: tuple[PassageLine, ...]
    best: int = 0


class QuestionToAnswer(Value):
    """A question to be answered; ``status`` is that of its answer, ``filters`` are those of its chat."""

    question_id: int
    owner_id: UserId
    chat_number: int
    text: str
    status: AnswerStatus
    search: Search = Search()
    filters: ChatFilters = ChatFilters()
    narrowing: Narrowing = Narrowing()
    """That of the answer, once there is one."""
    draft: str | None = None
    """What may be seen of the answer, which is being written, or whose writer was killed."""


class AnswerOutcome(Value):
    """A finished answer. ``note`` is a remark about it, such as why no model wrote it; empty without one."""

    basis: Basis
    text: str
    note: str = ""
    sources: tuple[Source, ...] = ()
    model: str = ""
    prompt_version: str = ""
    """The version of the prompt that the model was asked with; empty when no model was asked."""
    usage: Usage = Usage()
    duration_s: float = 0.0
    narrowing: Narrowing = Narrowing()
    refinable: bool = False
    """Whether better questions can be proposed."""
    similar_found: int = 0
    """How many earlier questions like it, with good answers, the model was shown."""

    @classmethod
    def taken_from(cls, row: dict[str, Any]) -> Self:
        """Make an outcome of its columns in a database row, and remove them from ``row``."""
        names = (
            *("basis", "text", "note", "sources", "model", "prompt_version", "duration_s"),
            *("narrowing", "refinable", "similar_found"),
        )
        usage = {name: row.pop(name) for name in ("prompt_tokens", "completion_tokens")}
        return cls(**{name: row.pop(name) for name in names}, usage=Usage(**usage))


class Turn(Value):
    """A question and one of its answers.

    ``kind``, ``basis``, ``answer`` and ``note`` are None for a question without finished answers.
    """

    question_id: int
    question: str
    asked_at: datetime
    kind: AnswerKind | None
    basis: Basis | None
    answer: str | None
    note: str | None
    sources: tuple[Source, ...]


class EndedAnswer(Value):
    """An ended answer that is to be delivered to its owner; ``outcome`` is None when answering failed.

    ``shown_as`` are the front door's ids of the messages in whose places it is made anew; it is empty for a first time.
    """

    id: AnswerId
    owner_id: UserId
    chat_number: int
    question: str
    outcome: AnswerOutcome | None
    role: Role
    return_to: ReturnAddress
    shown_as: tuple[int, ...]


class Cited(Value):
    """A recording that an answer cites. ``number`` is None where it is not the reader's own."""

    number: int | None
    has_sound: bool


class ReadAnswer(Value):
    """An answer as it stands. ``outcome`` is None while it waits, when ``draft`` may be seen of it, and when it failed.

    ``stars`` and ``comment`` are None while there are none. ``cited`` has the recordings that its reader may find.
    """

    id: AnswerId
    chat_number: int
    question: str
    asked_at: datetime
    status: AnswerStatus
    draft: str | None
    outcome: AnswerOutcome | None
    stars: int | None
    comment: str | None
    cited: Mapping[RecordingId, Cited] = Field(default_factory=dict)


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
    """Counts of a person's chats, questions and answers in a period."""

    chats: int = Field(ge=0)
    questions: int = Field(ge=0)
    answers: int = Field(ge=0)
    fast: int = Field(ge=0)
    deep: int = Field(ge=0)
    unanswered: int = Field(ge=0)
    """How many of the answers say that nothing was found."""
    tokens: int = Field(ge=0)


class ChatStatistics(Value):
    recent: ChatFigures
    """Figures of the last 30 days."""
    all: ChatFigures
    ratings: "RatingStats"


class Embedding(Value):
    """A unit vector of float32, as little-endian bytes. Vectors of different models are not comparable."""

    model: str
    vector: bytes


class Conversation(Value):
    """A question with its answer, as something to be rated and learnt from; ``embedding`` is of the question."""

    answer_id: AnswerId
    owner_id: UserId
    question: str
    outcome: AnswerOutcome
    created_at: datetime
    embedding: Embedding | None = None


class Rating(Value):
    """What a person thinks of an answer.

    Of two ratings the one that came last counts; where one of its fields is None, the earlier rating's value stays.
    """

    stars: int | None = Field(None, ge=1, le=5)
    comment: str | None = None
    at: datetime


class Comment(Rating):
    """A rating with its comment, and the question whose answer it is about."""

    question: str
    comment: str


class RatedConversation(Conversation):
    """A conversation with its rating; ``stars`` or ``comment`` is None while there are none."""

    stars: int | None
    comment: str | None


class Example(Value):
    """An earlier question with an answer that was rated 4 or 5."""

    question: str
    answer: str


class Period(Value):
    """The ratings in a period: how many there are, and the sum of their stars."""

    ratings: int = 0
    stars: int = 0

    def plus(self, other: "Period") -> "Period":
        return Period(ratings=self.ratings + other.ratings, stars=self.stars + other.stars)


class RatingStats(Value):
    """Figures of conversations and their ratings. ``by_stars`` counts the ratings 1, 2, 3, 4 and 5.

    ``recent`` are the ratings of the last 30 days, ``earlier`` those of the 30 days before. ``partial`` is True while
    the database is away or the journal is not moved yet: figures may lack something, or count it twice.
    """

    conversations: int = 0
    by_stars: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    recent: Period = Period()
    earlier: Period = Period()
    partial: bool = False

    @property
    def ratings(self) -> int:
        return sum(self.by_stars)

    @property
    def average(self) -> float | None:
        """The average rating, 1–5; None without ratings."""
        total = sum(stars * count for stars, count in enumerate(self.by_stars, 1))
        return total / self.ratings if self.ratings else None

    @property
    def good_share(self) -> float | None:
        """The share of ratings of 4 and 5, 0–1; None without ratings."""
        return sum(self.by_stars[GOOD - 1 :]) / self.ratings if self.ratings else None

    @property
    def bad_share(self) -> float | None:
        """The share of ratings of 1 and 2, 0–1; None without ratings."""
        return sum(self.by_stars[:BAD]) / self.ratings if self.ratings else None

    @property
    def trend(self) -> float | None:
        """The average of the last 30 days minus the average of the 30 days before, in stars.

        None when one of the two periods has fewer than ``FEWEST_FOR_A_TREND`` ratings.
        """
        if min(self.recent.ratings, self.earlier.ratings) < FEWEST_FOR_A_TREND:
            return None
        return self.recent.stars / self.recent.ratings - self.earlier.stars / self.earlier.ratings


class StorageBackend(StrEnum):
    """Where conversations and ratings go at the moment."""

    DATABASE = "database"
    JOURNAL = "journal"


class StorageState(Value):
    """The backend in use. ``reason`` says why the journal is in use; None when the database is.

    ``backlog`` counts the entries of the journal that are still to be moved into the database.
    """

    backend: StorageBackend
    since: datetime
    reason: str | None
    backlog: int


class ModelMetrics(Value):
    """What people think of the answers of one model and prompt.

    ``tokens`` and ``duration_s`` are averages over the answers.
    """

    model: str
    prompt_version: str
    answers: int
    ratings: int
    average: float | None
    good: int
    bad: int
    tokens: float
    duration_s: float
