"""The evaluation set of the archive: recordings, reports, documents, and questions with the places that answer them.

The files are in ``tests/benchmarks/archive_set``, whose README describes them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, model_validator

from config import ROOT
from datamodels import BuildingType, RecordingMetadata, ReportId, ScenarioId, Segment, Value
from retrieval_scores import Span
from utils import load_yaml

FOLDER = ROOT / "tests" / "benchmarks" / "archive_set"

M = TypeVar("M", bound=Value)


class QuestionClass(StrEnum):
    """The classes of questions; the file of a class has its name."""

    PARAPHRASE = "paraphrase"
    NAMES_AND_NUMBERS = "names_and_numbers"
    FILTERS = "filters"
    FOLLOW_UP = "follow_up"
    MULTI_HOP = "multi_hop"
    MISLEADING = "misleading"
    UNANSWERABLE = "unanswerable"


class Split(StrEnum):
    """Choices are made on ``DEV``; ``HELD_OUT`` only reports."""

    DEV = "dev"
    HELD_OUT = "held_out"


class Place(Value):
    """An establishment. An interview's metadata have no city, as in the product; this is where to look it up."""

    name: str
    building: BuildingType
    city: str


class ArchivedRecording(Value):
    """A recording with its metadata as people confirmed them, and its transcript.

    ``injections`` are the numbers, from 1, of the segments in which somebody says what is aimed at a model.
    """

    number: int
    scenario: ScenarioId
    metadata: RecordingMetadata
    injections: tuple[int, ...] = ()
    segments: tuple[Segment, ...] = Field(min_length=1)

    @property
    def source(self) -> str:
        return f"recording-{self.number}"


class Section(Value):
    title: str
    text: str


class Writing(Value):
    """What was written, cut at its headings."""

    id: str
    sections: tuple[Section, ...] = Field(min_length=1)


class ArchivedReport(Writing):
    """A report about the recording of number ``recording``; its metadata are those of the recording."""

    recording: int
    report_id: ReportId


class Document(Writing):
    """A file that an admin has loaded. It has no metadata."""

    file_name: str
    title: str


class Gold(Value):
    """Neighbouring parts of a source that answer a question: from the first to the last, counted from 1.

    A part is a segment of a recording, or a section of a report or document.
    """

    source: str
    parts: tuple[int, int]

    @model_validator(mode="after")
    def _in_order(self) -> "Gold":
        first, last = self.parts
        if not 1 <= first <= last:
            raise ValueError("parts are not in order")
        return self


class Filters(Value):
    """The filters that a question names; a recording has to fit all that are given. Both days are included."""

    scenario: ScenarioId | None = None
    building: BuildingType | None = None
    city: str | None = None
    place: str | None = None
    employee: str | None = None
    client: str | None = None
    first_day: date | None = None
    last_day: date | None = None


class Question(Value):
    """A question as a person types it, with all places that answer it; none when the archive has no answer.

    ``history`` are the person's questions before it, ``full`` says the same without them; both in follow-ups only.
    """

    id: str
    class_: QuestionClass
    split: Split
    text: str
    gold: tuple[Gold, ...]
    history: tuple[str, ...] = ()
    full: str | None = None
    filters: Filters | None = None


class ArchiveSet(Value):
    places: tuple[Place, ...]
    recordings: tuple[ArchivedRecording, ...]
    reports: tuple[ArchivedReport, ...]
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]

    @property
    def writings(self) -> tuple[Writing, ...]:
        """The reports and the documents."""
        return (*self.reports, *self.documents)

    @cached_property
    def recording_of(self) -> Mapping[str, ArchivedRecording]:
        """The recordings by source, and for reports the recordings that they are about."""
        own = {each.source: each for each in self.recordings}
        return own | {each.id: own[f"recording-{each.recording}"] for each in self.reports}

    @cached_property
    def spans(self) -> Mapping[str, tuple[Span, ...]]:
        """The parts of each source as spans, in their order.

        The times of a recording are seconds; the section of number n of a report or document is from n - 1 to n.
        """
        spans = {
            each.source: tuple(Span(source=each.source, start=part.start, end=part.end) for part in each.segments)
            for each in self.recordings
        }
        for writing in self.writings:
            numbers = range(len(writing.sections))
            spans[writing.id] = tuple(Span(source=writing.id, start=each, end=each + 1) for each in numbers)
        return spans

    @cached_property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The texts of the parts of each source, in their order."""
        texts = {each.source: tuple(part.text for part in each.segments) for each in self.recordings}
        for writing in self.writings:
            texts[writing.id] = tuple(f"{each.title}\n{each.text}" for each in writing.sections)
        return texts

    def city_of(self, recording: ArchivedRecording) -> str:
        """Return the city of the recording's place."""
        wanted = recording.metadata.place, recording.metadata.building
        return next(each.city for each in self.places if (each.name, each.building) == wanted)

    def gold_spans(self, question: Question) -> tuple[Span, ...]:
        """Return the question's gold places as spans."""
        return tuple(self._span(gold) for gold in question.gold)

    def gold_text(self, gold: Gold) -> str:
        """Return the text of the gold place."""
        first, last = gold.parts
        return "\n".join(self.texts[gold.source][first - 1 : last])

    def of(self, class_: QuestionClass, split: Split | None = None) -> list[Question]:
        """Return the questions of the class, of both splits when none is named."""
        return [each for each in self.questions if each.class_ is class_ and split in {None, each.split}]

    def _span(self, gold: Gold) -> Span:
        first, last = gold.parts
        parts = self.spans[gold.source]
        return Span(source=gold.source, start=parts[first - 1].start, end=parts[last - 1].end)


def load_archive_set(folder: Path = FOLDER) -> ArchiveSet:
    """Load the set. Blocking, about a second.

    Raises:
        pydantic.ValidationError: a file does not have the form that the README describes.
    """
    return ArchiveSet(
        places=_all(Place, _read(folder / "places.yaml")),
        recordings=_all(ArchivedRecording, [_read(path) for path in sorted((folder / "recordings").glob("*.yaml"))]),
        reports=_all(ArchivedReport, _read(folder / "reports.yaml")),
        documents=_all(Document, _read(folder / "documents.yaml")),
        questions=_all(
            Question,
            [
                {**row, "class_": class_}
                for class_ in QuestionClass
                for row in _read(folder / "questions" / f"{class_}.yaml")
            ],
        ),
    )


def _read(path: Path) -> Any:
    return load_yaml(path.read_text(encoding="utf-8"))


def _all(model: type[M], rows: Sequence[Any]) -> tuple[M, ...]:
    return tuple(model.model_validate(row) for row in rows)
