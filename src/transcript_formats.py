"""A transcript as files: plain text, JSON, subtitles, Word and PDF. ``TRANSCRIPT_FORMATS`` is the only list of them."""

import html
import io
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from docx import Document
from docx.document import Document as DocxDocument
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from pysubs2 import SSAEvent, SSAFile

import texts.transcript
from constants import PARAGRAPH_CHARACTERS, PARAGRAPH_PAUSE_S, READY_TRANSCRIPT
from datamodels import Interval, MissingInterval, Segment, Transcript
from pdf.blocks import Block, Run, Table, Text
from pdf.document import to_bytes
from text_cleaning import cut, one_line
from utils import clock, human_duration

CUE_LINE = 42
CUE_LINES = 2
"""Characters and lines that a viewer reads at a glance, by the subtitle guidelines of BBC and Netflix."""
SHORTEST_CUE_S = 0.1

MOST_NAMES = 30
"""Speakers that are named above a transcript."""

AUTHOR = "VoxPersona"
FONT = "Arial"
"""It has Cyrillic, and every system has it or a font of the same widths."""
GREY = RGBColor(0x70, 0x70, 0x70)
_LONGEST_PROPERTY = 255
"""Characters that Word takes at most in a document's property."""
_OPTIONAL = ("words", "language")
WORD_LANGUAGES = {"ru": "ru-RU", "en": "en-US"}


class Paragraph(Interval):
    """What one speaker says without a break, or what is missing; ``label`` is None where one voice needs no name."""

    label: str | None
    text: str
    missing: bool = False


def paragraphs(transcript: Transcript) -> list[Paragraph]:
    """Join neighbouring segments of one speaker up to ``PARAGRAPH_CHARACTERS`` and to the next long pause.

    Missing speech is a paragraph of its own at its time.
    """
    joined: list[Paragraph] = []
    for one in _in_order(transcript):
        if isinstance(one, MissingInterval):
            joined.append(Paragraph(start=one.start, end=one.end, label=None, text=_missing(one), missing=True))
            continue
        text, label = one_line(one.text), _label(one, transcript)
        last = joined[-1] if joined else None
        follows = last and not last.missing and last.label == label and one.start - last.end <= PARAGRAPH_PAUSE_S
        if last and follows and len(last.text) + len(text) < PARAGRAPH_CHARACTERS:
            end = max(last.end, one.end)
            joined[-1] = last.model_copy(update={"end": end, "text": f"{last.text} {text}".strip()})
        elif text:
            joined.append(Paragraph(start=one.start, end=one.end, label=label, text=text))
    return joined


def header(transcript: Transcript) -> list[tuple[str, str]]:
    """Return the names and values of a transcript's main facts."""
    spoken = dict.fromkeys([transcript.language, *(one.language or transcript.language for one in transcript.segments)])
    language = ", ".join(texts.transcript.LANGUAGES.get(one, one) for one in spoken)
    if transcript.engine == READY_TRANSCRIPT:
        source, value = texts.transcript.READY, texts.transcript.READY_VALUE.format(form=transcript.model)
    else:
        source = texts.transcript.ENGINE
        value = texts.transcript.ENGINE_VALUE.format(engine=transcript.engine, model=transcript.model)
    return [
        (texts.transcript.DURATION, human_duration(transcript.duration_s)),
        (texts.transcript.LANGUAGE, one_line(language)),
        (texts.transcript.SPEAKERS, _speakers(transcript)),
        (source, one_line(value)),
    ]


def _speakers(transcript: Transcript) -> str:
    """Return the names of the speakers; of very many the first, since a page has no room for them."""
    labels = dict.fromkeys(_full_label(one, transcript) for one in transcript.segments)
    named = [one_line(label) for label in labels if label]
    listed = ", ".join(named[:MOST_NAMES])
    more = texts.transcript.MORE.format(count=len(named) - MOST_NAMES) if len(named) > MOST_NAMES else ""
    return f"{listed}{more}" or texts.transcript.NO_SPEAKERS


def to_txt(transcript: Transcript, title: str | None = None) -> bytes:
    """Return text in UTF-8: a header, and paragraphs such as «[12:41] [Клиент:] Нам понравилась тишина.»."""
    lines = [texts.transcript.TITLE_OF.format(name=one_line(title)) if title else texts.transcript.TITLE]
    lines += [texts.transcript.HEADER_LINE.format(name=name, value=value) for name, value in header(transcript)]
    body = [
        one.text if one.missing else texts.transcript.PARAGRAPH.format(time=clock(one.start), text=_labelled(one))
        for one in paragraphs(transcript)
    ]
    return ("\n".join(lines) + "\n\n" + "\n\n".join(body or [texts.transcript.NOTHING_SAID]) + "\n").encode(
        errors="replace"
    )


def to_json(transcript: Transcript) -> bytes:
    """Return all of the transcript as JSON in UTF-8, a line per segment.

    ``words`` are there where their times are known, ``language`` where it is another one than the transcript's,
    ``names`` where somebody named speakers.
    """
    head = transcript.model_dump(exclude={"segments", "missing", *(() if transcript.names else ("names",))})
    fields = [f"{json.dumps(name)}: {_json(value)}" for name, value in head.items()]
    for name, values in (("segments", transcript.segments), ("missing", transcript.missing)):
        dumped = [one.model_dump(exclude={key for key in _OPTIONAL if getattr(one, key, 0) is None}) for one in values]
        rows = ",\n  ".join(_json(one) for one in dumped)
        fields.append(f'"{name}": [\n  {rows}\n ]' if rows else f'"{name}": []')
    return ("{\n " + ",\n ".join(fields) + "\n}\n").encode(errors="replace")


def to_srt(transcript: Transcript) -> bytes:
    """Return SubRip in UTF-8; a speaker is named where the speaker changes.

    A cue has at most two lines of 42 characters; one about missing speech may have more lines.
    """
    cues = []
    last: str | None = None
    for one in _in_order(transcript):
        label = None if isinstance(one, MissingInterval) else _label(one, transcript)
        prefix = f"{label}: " if label and label != last else ""
        last = label
        cues += [
            SSAEvent(start=_ms(cue.start), end=_ms(cue.end), text=_plain(lines)) for cue, lines in _cues(one, prefix)
        ]
    return _subtitles(cues, "srt")


def to_vtt(transcript: Transcript) -> bytes:
    """Return WebVTT in UTF-8: like SubRip, but with the speaker as a voice span."""
    cues = []
    for one in _in_order(transcript):
        label = None if isinstance(one, MissingInterval) else _label(one, transcript)
        voice = f"<v {html.escape(one_line(label), quote=False)}>" if label else ""
        for cue, lines in _cues(one, ""):
            text = r"\N".join(html.escape(line, quote=False) for line in lines)
            cues.append(SSAEvent(start=_ms(cue.start), end=_ms(cue.end), text=voice + text))
    return _subtitles(cues, "vtt")


def to_docx(transcript: Transcript, title: str | None = None) -> bytes:
    """Return a Word file: title, a table of what ``header`` returns, and the ``paragraphs``. Takes CPU time."""
    document = Document()
    heading = one_line(texts.transcript.TITLE_OF.format(name=title) if title else texts.transcript.TITLE)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = cut(heading, _LONGEST_PROPERTY), AUTHOR, ""
    properties.language = transcript.language
    _set_font(document, transcript.language)
    document.add_heading(heading, level=1)
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    for name, value in header(transcript):
        cells = table.add_row().cells
        cells[0].paragraphs[0].add_run(name).bold = True
        cells[1].text = value
    document.add_paragraph()
    said = paragraphs(transcript)
    for one in said:
        paragraph = document.add_paragraph()
        if one.missing:
            paragraph.add_run(one.text).italic = True
            continue
        time = paragraph.add_run(f"[{clock(one.start)}] ")
        time.font.color.rgb = GREY
        if one.label:
            paragraph.add_run(f"{one.label}: ").bold = True
        paragraph.add_run(one.text)
    if not said:
        document.add_paragraph(texts.transcript.NOTHING_SAID)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def to_pdf(transcript: Transcript, title: str) -> bytes:
    """Return a PDF file with what the Word file has. Takes CPU time."""
    blocks: list[Block] = [Table([[[Run(name, bold=True)], [Run(value)]] for name, value in header(transcript)])]
    for one in paragraphs(transcript):
        if one.missing:
            blocks.append(Text([Run(one.text, italic=True)]))
            continue
        label = [Run(f"{one.label}: ", bold=True)] if one.label else []
        blocks.append(Text([Run(f"[{clock(one.start)}] ", grey=True), *label, Run(one.text)]))
    if len(blocks) == 1:
        blocks.append(Text([Run(texts.transcript.NOTHING_SAID)]))
    return to_bytes(texts.transcript.TITLE_OF.format(name=title), blocks)


@dataclass(frozen=True)
class TranscriptFormat:
    """A file format for transcripts. ``write`` gets transcript and recording name; it may block: use a thread."""

    extension: str
    write: Callable[[Transcript, str], bytes]

    @property
    def label(self) -> str:
        return self.extension.upper()


TRANSCRIPT_FORMATS: Mapping[str, TranscriptFormat] = {
    each.extension: each
    for each in (
        TranscriptFormat("txt", to_txt),
        TranscriptFormat("docx", to_docx),
        TranscriptFormat("pdf", to_pdf),
        TranscriptFormat("srt", lambda transcript, _: to_srt(transcript)),
        TranscriptFormat("vtt", lambda transcript, _: to_vtt(transcript)),
        TranscriptFormat("json", lambda transcript, _: to_json(transcript)),
    )
}
"""By extension, in the order in which people are offered them."""
FIRST_FORMAT, *OTHER_FORMATS = TRANSCRIPT_FORMATS.values()
"""The format that people get unasked, and those that the buttons below it offer."""


def _set_font(document: DocxDocument, language: str) -> None:
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(11)
    fonts = style.element.rPr.rFonts
    for script in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(script), FONT)
    # Else Word underlines all Russian as misspelt English.
    for one in document.styles.element.iter(qn("w:lang")):
        one.set(qn("w:val"), WORD_LANGUAGES.get(language, language))


def _in_order(transcript: Transcript) -> list[Segment | MissingInterval]:
    return sorted([*transcript.segments, *transcript.missing], key=lambda one: one.start)


def _label(segment: Segment, transcript: Transcript) -> str | None:
    if segment.role is None and transcript.speakers < 2 and not transcript.names:
        return None
    label = _full_label(segment, transcript)
    return one_line(label) if label else None


def _full_label(segment: Segment, transcript: Transcript) -> str | None:
    return texts.transcript.full_label(segment.role, segment.speaker, transcript.names.get(segment.speaker or ""))


def _labelled(paragraph: Paragraph) -> str:
    return texts.transcript.labelled(paragraph.label, paragraph.text)


def _missing(one: MissingInterval) -> str:
    return texts.transcript.MISSING.format(start=clock(one.start), end=clock(one.end), reason=one_line(one.reason))


def _json(value: object) -> str:
    return json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value: object) -> object:
    """Return the value with its floats rounded to three places: no engine's times are more exact."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _plain(lines: Sequence[str]) -> str:
    # Players read <…> as styles.
    return r"\N".join(lines).translate(str.maketrans("<>", "‹›"))


def _subtitles(cues: Sequence[SSAEvent], kind: str) -> bytes:
    file = SSAFile()
    file.events = sorted(cues, key=lambda cue: cue.start)
    # Where two people speak at once, the later one's lines take the earlier one's place.
    for before, after in pairwise(file.events):
        after.start = max(after.start, before.start + _ms(SHORTEST_CUE_S))
        after.end = max(after.end, after.start + _ms(SHORTEST_CUE_S))
        before.end = min(before.end, after.start)
    return file.to_string(kind, keep_ssa_tags=True).encode(errors="replace")


def _cues(one: Segment | MissingInterval, prefix: str) -> Iterator[tuple[Interval, list[str]]]:
    """Yield the times and lines of a segment's subtitles."""
    # A backslash would begin one of pysubs2's own commands.
    if isinstance(one, MissingInterval):
        yield Interval(start=one.start, end=one.end), _wrapped(_missing(one).replace("\\", "⧵"))
        return
    tokens = one_line(one.text).replace("\\", "⧵").split()
    times = _token_times(one, tokens)
    number = 0
    while number < len(tokens):
        first = number
        lines = _wrapped((prefix if first == 0 else "") + tokens[first])
        for number in range(first + 1, len(tokens) + 1):
            longer = _wrapped((prefix if first == 0 else "") + " ".join(tokens[first : number + 1]))
            if number == len(tokens) or len(longer) > CUE_LINES:
                break
            lines = longer
        start, end = times[first][0], times[number - 1][1]
        yield Interval(start=start, end=max(end, start + SHORTEST_CUE_S)), lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, CUE_LINE, break_on_hyphens=False)


def _token_times(segment: Segment, tokens: Sequence[str]) -> list[tuple[float, float]]:
    """Return the begin and end of each token, in seconds.

    The times are those of the segment's words where these spell the tokens. Else each token gets a share of the
    segment's time by its number of characters.
    """
    words = list(segment.words or ())
    times: list[tuple[float, float]] = []
    for token in tokens:
        spelled, first = "", words[0] if words else None
        while words and len(spelled) < len(token):
            last = words.pop(0)
            spelled += one_line(last.text)
        if first is None or spelled != token:
            break
        times.append((first.start, last.end))
    if len(times) == len(tokens):
        return times
    lengths = [len(token) for token in tokens]
    scale = (segment.end - segment.start) / max(1, sum(lengths))
    ends = [segment.start + scale * total for total in accumulate(lengths)]
    return list(pairwise([segment.start, *ends]))
