"""Interviews as a REFI-QDA project (``.qdpx``), which MAXQDA, ATLAS.ti, NVivo and QualCoder open.

Source: REFI-QDA Project Exchange 1.5 (https://www.qdasoftware.org). The archive has ``project.qde`` and, in
``Sources``, a plain text of each transcript: UTF-8 without a mark, lines that end with LF. Positions count Unicode
characters from 0, and an end is the position after the last character.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree import ElementTree as ET

import texts.takeout
from prompt_pack.models import unnumbered
from reports.across.values import Subject
from text_cleaning import one_line, printable
from utils import clock

_NAMESPACE = "urn:QDA-XML:project:1.0"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = f"{_NAMESPACE} http://schema.qdasoftware.org/versions/Project/v1.0/Project.xsd"
_ORIGIN = "VoxPersona"
_IDS = uuid5(NAMESPACE_URL, "voxpersona:refi-qda")
"""Ids follow from what they stand for: two exports name the same things alike, so that projects can be merged."""
_WORD = re.compile(r"\w+")
_TIME_OF_PARAGRAPH = re.compile(r"^\[((?:\d+:)?\d{1,2}:\d{2})\]", re.MULTILINE)


class CodedQuote(NamedTuple):
    """Words of a transcript under a code; ``code`` is its path in the code book, ``start`` is in seconds."""

    code: tuple[str, ...]
    text: str
    start: float


@dataclass(frozen=True)
class Case:
    """A recording: its transcript as the plain text ``text``, what is known of it, and its coded quotes.

    The values of ``facts`` are texts and dates.
    """

    id: UUID
    name: str
    came: datetime
    text: str
    facts: Mapping[str, str | date]
    quotes: Sequence[CodedQuote]


class Project:
    """A project that is written to the file at ``path`` case by case. All methods block: use a thread.

    ``finish`` makes it whole, ``close`` frees the file in any case.
    """

    def __init__(self, path: Path, person: str, now: datetime) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._person = one_line(person)
        self._user = str(uuid5(_IDS, f"user:{person}"))
        self._now = _time(now)
        self._codes: dict[tuple[str, ...], ET.Element] = {}
        self._variables: dict[str, str] = {}
        self._book, self._cases, self._sources = ET.Element("Codes"), ET.Element("Cases"), ET.Element("Sources")
        self.lost = 0
        """How many quotes were not found in their transcripts."""

    def finish(self) -> None:
        """Write what ties the sources together."""
        self._archive.writestr("project.qde", self._document())

    def close(self) -> None:
        self._archive.close()

    def add(self, case: Case) -> None:
        """Add a recording as a source, its quotes as codings, and a case that ties them to what is known of it."""
        text = printable(case.text.encode(errors="replace").decode()).replace("\r\n", "\n").replace("\r", "\n")
        self._archive.writestr(f"Sources/{case.id}.txt", text.encode())
        source = ET.SubElement(
            self._sources,
            "TextSource",
            guid=str(case.id),
            name=one_line(case.name),
            plainTextPath=f"internal://{case.id}.txt",
            creatingUser=self._user,
            creationDateTime=_time(case.came),
        )
        for number, quote in enumerate(case.quotes):
            place = place_of(text, quote.text, quote.start)
            if place is None:
                self.lost += 1
                continue
            self._code_at(source, quote, place, f"{case.id}:{number}")
        element = ET.SubElement(self._cases, "Case", guid=str(uuid5(case.id, "case")), name=one_line(case.name))
        for name, value in case.facts.items():
            kind = "Date" if isinstance(value, date) else "Text"
            self._variables[name] = kind
            known = ET.SubElement(element, "VariableValue")
            ET.SubElement(known, "VariableRef", targetGUID=_variable(name))
            stated = value.isoformat() if isinstance(value, date) else one_line(value)
            ET.SubElement(known, f"{kind}Value").text = stated
        ET.SubElement(element, "SourceRef", targetGUID=str(case.id))

    def _code_at(self, source: ET.Element, quote: CodedQuote, place: tuple[int, int], identity: str) -> None:
        selection = ET.SubElement(
            source,
            "PlainTextSelection",
            guid=str(uuid5(_IDS, f"selection:{identity}")),
            name=clock(quote.start),
            startPosition=str(place[0]),
            endPosition=str(place[1]),
            creatingUser=self._user,
            creationDateTime=self._now,
        )
        coding = ET.SubElement(
            selection,
            "Coding",
            guid=str(uuid5(_IDS, f"coding:{identity}")),
            creatingUser=self._user,
            creationDateTime=self._now,
        )
        ET.SubElement(coding, "CodeRef", targetGUID=self._code(quote.code).get("guid", ""))

    def _code(self, path: tuple[str, ...]) -> ET.Element:
        """Return the code of a path, which is made with those above it when it is new."""
        if path not in self._codes:
            above = self._code(path[:-1]) if len(path) > 1 else self._book
            guid = str(uuid5(_IDS, "code:" + "/".join(path)))
            self._codes[path] = ET.SubElement(above, "Code", guid=guid, name=one_line(path[-1]), isCodable="true")
        return self._codes[path]

    def _document(self) -> bytes:
        root = ET.Element(
            "Project",
            {
                "xmlns": _NAMESPACE,
                "xmlns:xsi": _XSI,
                "xsi:schemaLocation": _LOCATION,
                "name": texts.takeout.PROJECT,
                "origin": _ORIGIN,
                "creatingUserGUID": self._user,
                "creationDateTime": self._now,
            },
        )
        ET.SubElement(ET.SubElement(root, "Users"), "User", guid=self._user, name=self._person)
        if len(self._book):
            ET.SubElement(root, "CodeBook").append(self._book)
        if self._variables:
            variables = ET.SubElement(root, "Variables")
            for name, kind in self._variables.items():
                ET.SubElement(variables, "Variable", guid=_variable(name), name=name, typeOfVariable=kind)
        for part in (self._cases, self._sources):
            if len(part):
                root.append(part)
        document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return document


def place_of(text: str, quote: str, start: float) -> tuple[int, int] | None:
    """Return begin and end of a quote in a transcript's text; of several places, the one nearest to ``start``.

    Punctuation, case and what separates words may differ. None when the words are not there in this order.
    """
    words = _WORD.findall(quote)
    if not words:
        return None
    found = list(re.finditer(r"\W+".join(map(re.escape, words)), text, re.IGNORECASE))
    if not found:
        return None
    times = [(match.start(), _seconds(match[1])) for match in _TIME_OF_PARAGRAPH.finditer(text)]
    nearest = min(found, key=lambda match: abs(_time_at(times, match.start()) - start))
    return nearest.span()


def _time_at(times: Sequence[tuple[int, float]], position: int) -> float:
    return max((seconds for at, seconds in times if at <= position), default=0.0)


def _seconds(time: str) -> float:
    seconds = 0.0
    for part in time.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds


def _variable(name: str) -> str:
    return str(uuid5(_IDS, f"variable:{name}"))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def codings_of(items: Sequence[Mapping[str, object]], subject: Subject) -> Iterator[CodedQuote]:
    """Yield the quotes of a report's items, each under «report / category / factor»."""
    for item in items:
        label = str(item.get(subject.label) or item.get(subject.name) or "")
        quotes = item.get(subject.quotes or "")
        if not label or not isinstance(quotes, list):
            continue
        category = item.get(subject.category)
        path = (unnumbered(subject.report), *([str(category)] if category else []), label)
        for quote in quotes:
            start = quote.get("time") if isinstance(quote, dict) else None
            if isinstance(quote, dict) and isinstance(quote.get("text"), str):
                yield CodedQuote(path, quote["text"], _seconds(start) if isinstance(start, str) else 0.0)
