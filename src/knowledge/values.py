"""Values of the knowledge base: sources, the chunks that they are cut into, and what a search finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NewType
from uuid import UUID

from datamodels import BuildingType, RecordingId, ReportId, ReportRunId, ScenarioId, Value
from datamodels_search import Corpus
from embeddings.port import Float32Array

SourceId = NewType("SourceId", int)
ChunkId = NewType("ChunkId", int)
ModelId = NewType("ModelId", int)
DocumentId = NewType("DocumentId", UUID)


class Facts(Value):
    """What a source is about. None means not known, or that documents have no such thing.

    ``number`` is the recording's number among its owner's, ``audio_number`` the one that the team gave it.
    """

    number: int | None = None
    audio_number: int | None = None
    scenario: ScenarioId | None = None
    report: ReportId | None = None
    day: date | None = None
    place: str | None = None
    city: str | None = None
    employee: str | None = None
    client: str | None = None
    building: BuildingType | None = None
    document_name: str | None = None


class ChangedSource(Value):
    """A source whose chunks are not those of its last change, the change number ``changes``."""

    id: SourceId
    corpus: Corpus
    recording_id: RecordingId | None
    run_id: ReportRunId | None
    document_id: DocumentId | None
    changes: int


@dataclass(frozen=True)
class Piece:
    """Some neighbouring turns, paragraphs or sentences of a source, in their order: a chunk before it has a context.

    ``start`` and ``end`` are seconds from the recording's start, None where there is no recording. ``section`` is the
    heading above, "" without one.
    """

    text: str
    start: float | None = None
    end: float | None = None
    roles: tuple[str, ...] = ()
    section: str = ""


@dataclass(frozen=True)
class NewChunk:
    """A chunk to be stored: ``context`` counts as if it stood before ``text``, and ``lemmas`` are the words of both."""

    text: str
    context: str
    start: float | None
    end: float | None
    roles: tuple[str, ...]
    lemmas: tuple[str, ...]
    content_hash: str


@dataclass(frozen=True)
class WantedVector:
    """A chunk that has no vector by the model yet, and the texts to embed."""

    chunk: ChunkId
    model: ModelId
    context: str
    text: str


@dataclass(frozen=True)
class EmbeddedChunk:
    """A chunk with its unit vector (size,) and those of its lines (n, size)."""

    chunk: ChunkId
    vector: Float32Array
    lines: Float32Array


@dataclass(frozen=True)
class Neighbour:
    """A chunk that a search found; ``score`` is the cosine of its vector and the question's, −1 to 1."""

    chunk: ChunkId
    score: float


Allowed = Sequence[SourceId]
"""The sources that a search may find, in any order. A search never looks at chunks of other ones."""
