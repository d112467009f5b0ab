"""Passages out of chunks: the line that answers, with what stands around it, and where that is to be found."""

import re
from collections.abc import Mapping, Sequence

import texts.chats
import texts.knowledge
from chats.excerpts import around, speakers_of
from chats.search import MOST_PASSAGES
from datamodels import RecordingId
from datamodels_chats import Passage, PassageLine, Source
from datamodels_search import Corpus
from knowledge.lines import lines_of
from knowledge.ranking import Scored
from knowledge.search_store import Candidate
from prompt_pack.models import ReportPack, unnumbered
from texts.transcript import speaker_label
from transcripts_store import FoundSegment

PASSAGE_CHARACTERS = 1300
_LIKE = 0.8
"""The share of common words from which on two passages say the same."""
_KNOWN_BY = 60
"""Characters at the beginning of a line by which its segment is found."""
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"#{1,6}\s+(.+)")
_SECTION = re.compile(re.escape(texts.knowledge.SECTION).replace(r"\{section\}", "(.*)") + r"\.$")


def passages_of(
    found: Sequence[Scored], segments: Mapping[RecordingId, Sequence[FoundSegment]], pack: ReportPack
) -> list[Passage]:
    """Return the passages of chunks, which come best first, numbered from 1; those that say the same only once.

    ``segments`` are those of the transcripts from which the chunks were cut, in their order.
    """
    passages: list[Passage] = []
    said: list[frozenset[str]] = []
    for scored in found:
        passage = _passage(len(passages) + 1, scored, segments, pack)
        if passage is None:
            continue
        words = frozenset(_WORD.findall(" ".join(line.text for line in passage.lines).casefold()))
        if any(_overlap(passage, each) for each in passages) or any(_are_alike(words, each) for each in said):
            continue
        passages.append(passage)
        said.append(words)
        if len(passages) == MOST_PASSAGES:
            break
    return passages


def _passage(
    number: int, scored: Scored, segments: Mapping[RecordingId, Sequence[FoundSegment]], pack: ReportPack
) -> Passage | None:
    chunk = scored.chunk
    if chunk.corpus is not Corpus.TRANSCRIPT or chunk.recording_id is None:
        return _written(number, scored, pack)
    spoken = segments.get(chunk.recording_id, ())
    if not spoken:
        return None
    hit = _segment_of(lines_of(chunk.text)[scored.line], chunk, spoken)
    first, last = around([segment.text for segment in spoken], hit, PASSAGE_CHARACTERS)
    shown = spoken[first : last + 1]
    lines = tuple(
        PassageLine(start=each.start, speaker=_speaker(each), text=" ".join(each.text.split())) for each in shown
    )
    source = Source(
        start=shown[0].start,
        end=shown[-1].end,
        number=number,
        recording_id=chunk.recording_id,
        recording_number=chunk.number,
        owner=chunk.owner or "",
        label=_scenario(chunk, pack),
        day=chunk.day,
        speakers=speakers_of(lines),
    )
    return Passage(source=source, lines=lines, best=hit - first)


def _written(number: int, scored: Scored, pack: ReportPack) -> Passage:
    chunk = scored.chunk
    lines = lines_of(chunk.text)
    first, last = around(lines, scored.line, PASSAGE_CHARACTERS)
    if chunk.report is None:
        label = texts.chats.DOCUMENT.format(name=chunk.document or "")
    else:
        report = unnumbered(pack.label_of(chunk.report))
        label = texts.chats.REPORT.format(report=report, recording=_scenario(chunk, pack))
    source = Source(
        start=0.0,
        end=0.0,
        number=number,
        recording_id=chunk.recording_id,
        recording_number=chunk.number,
        owner=chunk.owner or "",
        label=label,
        day=chunk.day,
        speakers=(),
        section=_section(chunk, lines[scored.line]),
        document_id=chunk.document_id,
    )
    shown = lines[first : last + 1]
    written = tuple(PassageLine(start=0.0, speaker="", text=each) for each in shown)
    return Passage(source=source, lines=written, best=scored.line - first)


def _segment_of(line: str, chunk: Candidate, segments: Sequence[FoundSegment]) -> int:
    """Return the place of the segment in which the line begins, else of the first of the chunk."""
    inside = [
        place
        for place, each in enumerate(segments)
        if chunk.start is None or chunk.end is None or (each.end > chunk.start and each.start < chunk.end)
    ]
    joined, begins = "", []
    for place in inside:
        begins.append(len(joined))
        joined += " ".join(segments[place].text.split()) + " "
    at = joined.find(line[:_KNOWN_BY])
    hits = [place for place, begin in zip(inside, begins, strict=True) if begin <= max(at, 0)]
    return hits[-1] if hits else 0


def _section(chunk: Candidate, line: str) -> str:
    """Return the heading above a line: in the chunk, else the one in which the chunk begins; "" without one."""
    above = ""
    for written in chunk.text.splitlines():
        heading = _HEADING.fullmatch(written.strip())
        if heading:
            above = heading[1].strip(" #*")
        if line[:_KNOWN_BY] in written:
            break
    found = _SECTION.search(chunk.context)
    return above or (found[1] if found else "")


def _scenario(chunk: Candidate, pack: ReportPack) -> str:
    scenario = None if chunk.scenario is None else pack.find_scenario(chunk.scenario)
    return texts.chats.RECORDING if scenario is None else scenario.label


def _speaker(segment: FoundSegment) -> str:
    return speaker_label(segment.role, segment.speaker, segment.name) or ""


def _overlap(one: Passage, other: Passage) -> bool:
    a, b = one.source, other.source
    if a.recording_id != b.recording_id or a.section is not None or b.section is not None:
        return False
    return a.start < b.end and b.start < a.end


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _LIKE * len(one | other)
