"""Metadata that the language model proposes from the beginning of a recording; only what was said is proposed.

A value counts as said when its words are in the transcript: names in any case, numbers and dates as digits or as
words.
"""

import asyncio
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import texts.transcript
from datamodels import PromptMessage, RecordingMetadata, Segment, Transcript
from errors import BadText
from language_model.port import QUESTION_TOKENS, LanguageModel
from metadata.fields import Field, fields_of, parse, shown
from metadata.parsing import lemmas, names_building
from prompt_pack.models import PromptedModel, Scenario
from prompt_pack.templates import Schema
from text_cleaning import as_data

_WORD = re.compile(r"\d+|[^\W\d_]+")
_SHORTEST_WORD = 2
"""Letters of the shortest word that has to be said; initials are ignored."""
_BETWEEN = 4
"""How many other words may come between the words of a name: «Мария, фамилия моя Иванова»."""


def _words(text: str) -> list[str]:
    return text.split()


_UNITS = _words(
    "один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать "
    "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать"
)
_UNITS_ORDINAL = _words(
    "первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый одиннадцатый двенадцатый тринадцатый "
    "четырнадцатый пятнадцатый шестнадцатый семнадцатый восемнадцатый девятнадцатый"
)
_TENS = _words("двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто")
_TENS_ORDINAL = _words("двадцатый тридцатый сороковой пятидесятый шестидесятый семидесятый восьмидесятый девяностый")
_HUNDREDS = _words("сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот")
_HUNDREDS_ORDINAL = _words(
    "сотый двухсотый трехсотый четырехсотый пятисотый шестисотый семисотый восьмисотый девятисотый"
)
_THOUSAND = "тысяча"
_MONTHS = _words("январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь")
_LARGEST_IN_WORDS = 9999

_MAGNITUDES = {
    **dict.fromkeys([*_UNITS, *_UNITS_ORDINAL], 1),
    **dict.fromkeys([*_TENS, *_TENS_ORDINAL], 2),
    **dict.fromkeys([*_HUNDREDS, *_HUNDREDS_ORDINAL], 3),
    _THOUSAND: 4,
}
"""Ranks of number words. A number goes on while the ranks of its words fall, so «двадцать шестое» is 26 and not 6."""


class Speech:
    """The words of a text."""

    def __init__(self, text: str) -> None:
        self._said = [_lemmas(word) for word in _WORD.findall(text.lower())]

    def has_words(self, value: str) -> bool:
        """Tell whether all words of ``value`` were said near each other, in any form and order."""
        wanted = [_lemmas(word) for word in _WORD.findall(value.lower()) if len(word) >= _SHORTEST_WORD]
        if not wanted:
            return False
        return any(
            all(any(word & said for said in self._said[start : start + len(wanted) + _BETWEEN]) for word in wanted)
            for start, first in enumerate(self._said)
            if any(word & first for word in wanted)
        )

    def has_number(self, number: int) -> bool:
        """Tell whether the number was said, as digits, «семнадцать» or «семнадцатый»."""
        return any(True for _ in self._ends(number, range(len(self._said))))

    def has_date(self, day: date) -> bool:
        """Tell whether day, month and year were said one after the other; «двадцать шестой» is enough for the year."""
        for after_day in self._ends(day.day, range(len(self._said))):
            month = self._at(after_day)
            if _MONTHS[day.month - 1] not in month and str(day.month) not in month:
                continue
            after_month = range(after_day + 1, after_day + 2)
            if any(True for year in (day.year, day.year % 100) for _ in self._ends(year, after_month)):
                return True
        return False

    def _ends(self, number: int, starts: range) -> Iterator[int]:
        """Yield the position behind each occurrence of the number that begins at one of ``starts``."""
        spellings = _spellings(number)
        for start in starts:
            for spelling in spellings:
                end = start + len(spelling)
                if all(word in self._at(start + offset) for offset, word in enumerate(spelling)) and (
                    not self._goes_on(start, end)
                ):
                    yield end

    def _goes_on(self, start: int, end: int) -> bool:
        """Tell whether the words from ``start`` to before ``end``, a number, are a part of a larger number."""
        before, first, last, after = (self._magnitude(at) for at in (start - 1, start, end - 1, end))
        return bool(first and (before > first or 0 < after < last))

    def _magnitude(self, position: int) -> int:
        return max((_MAGNITUDES.get(word, 0) for word in self._at(position)), default=0)

    def _at(self, position: int) -> frozenset[str]:
        return self._said[position] if 0 <= position < len(self._said) else frozenset()


def _spellings(number: int) -> list[list[str]]:
    """Return the number in digits and, from 1 to ``_LARGEST_IN_WORDS``, in words, cardinal and ordinal.

    The words are in dictionary form. Whole thousands have no ordinal here.
    """
    digits = [[str(number)]]
    if not 0 < number <= _LARGEST_IN_WORDS:
        return digits
    thousands, rest = divmod(number, 1000)
    begins = [[]] if thousands == 0 else [[_UNITS[thousands - 1], _THOUSAND]]
    if thousands == 1:
        begins.append([_THOUSAND])
    if rest == 0:
        return [*digits, *begins]
    return [*digits, *([*begin, *end] for begin in begins for end in _below_thousand(rest))]


def _below_thousand(number: int) -> Sequence[list[str]]:
    hundreds, rest = divmod(number, 100)
    tens, units = (0, rest) if rest < 20 else divmod(rest, 10)
    parts = [
        (_HUNDREDS, _HUNDREDS_ORDINAL, hundreds - 1),
        (_TENS, _TENS_ORDINAL, tens - 2),
        (_UNITS, _UNITS_ORDINAL, units - 1),
    ]
    said = [(cardinals[at], ordinals[at]) for cardinals, ordinals, at in parts if at >= 0]
    cardinal = [word for word, _ in said]
    return cardinal, [*cardinal[:-1], said[-1][1]]


@lru_cache(maxsize=4096)
def _lemmas(word: str) -> frozenset[str]:
    return lemmas(word)


METADATA_STEP = "metadata"

_BEGINNING_S = 300.0
_FEWEST_SEGMENTS = 20
"""Segments that are taken at least, since a recording may begin with a long silence."""
_ANSWER_TOKENS = 320
_SMALLEST_WINDOW_TOKENS = 64
_SAFETY = 0.9
"""The share kept of the segments that would fit if all had the average number of tokens: some have more."""


async def propose(transcript: Transcript, scenario: Scenario, model: PromptedModel, today: date) -> RecordingMetadata:
    """Propose metadata from the recording's first minutes. Every value parses, and its words were said.

    The prompt is a template with the variables ``scenario`` and ``fields``.

    Raises:
        ProviderError: the model failed, or two answers were not valid.
    """
    fields = [field for field in fields_of(scenario.id) if field in model.schema["properties"]]
    prompt = model.prompt.render({"scenario": scenario.label, "fields": fields})
    tokens = min(_ANSWER_TOKENS, model.llm.max_output_tokens)
    schema = _narrowed(model.schema, fields)
    # Some endpoints get the schema as text.
    around = await model.llm.count_tokens(f"{prompt}{texts.transcript.TRANSCRIPT_AS_DATA}{schema}")
    segments = await _beginning(transcript, model.llm.context_tokens - tokens - around - QUESTION_TOKENS, model.llm)
    if not segments:
        return RecordingMetadata()
    messages = (
        PromptMessage(role="system", content=prompt),
        PromptMessage(role="user", content=texts.transcript.TRANSCRIPT_AS_DATA.format(lines=_lines(segments))),
    )
    answer = await model.answers.structured(METADATA_STEP, messages, schema, tokens)
    # Labels are left out: nobody said «Спикер 1».
    said = "\n".join(segment.text for segment in segments)
    return await asyncio.to_thread(_with_evidence, answer or {}, fields, said, today)


def filled(known: RecordingMetadata, proposed: RecordingMetadata) -> RecordingMetadata:
    """Return the known metadata with its empty fields filled from the proposal."""
    empty = {name: value for name, value in proposed if getattr(known, name) in {None, ()}}
    return known.model_copy(update=empty)


async def _beginning(transcript: Transcript, budget: int, llm: LanguageModel) -> Sequence[Segment]:
    """Return the segments of the first minutes, as many as fit into ``budget`` tokens."""
    if budget < _SMALLEST_WINDOW_TOKENS:
        return ()
    segments = [
        segment
        for number, segment in enumerate(transcript.segments)
        if segment.start < _BEGINNING_S or number < _FEWEST_SEGMENTS
    ]
    while (tokens := await llm.count_tokens(_lines(segments))) > budget:
        segments = segments[: int(len(segments) * budget / tokens * _SAFETY)]
    return segments


def _lines(segments: Sequence[Segment]) -> str:
    return "\n".join(
        texts.transcript.SPEAKER_LINE.format(
            speaker=texts.transcript.speaker_label(segment.role, segment.speaker)
            or texts.transcript.SPEAKER.format(number=1),
            text=as_data(segment.text),
        )
        for segment in segments
    )


def _narrowed(schema: Schema, fields: Sequence[Field]) -> Schema:
    """Return the schema with ``fields`` only, all of them required."""
    narrowed = copy.deepcopy(dict(schema))
    narrowed["properties"] = {field.value: narrowed["properties"][field] for field in fields}
    narrowed["required"] = [field.value for field in fields]
    return narrowed


def _with_evidence(answer: Mapping[str, Any], fields: Sequence[Field], said: str, today: date) -> RecordingMetadata:
    """Return the answer's values that parse and were said. Blocking: the forms of words are looked up."""
    speech = Speech(said)
    proposed = RecordingMetadata()
    for field in fields:
        given = answer.get(field)
        for value in given if isinstance(given, list) else [given]:
            parsed = _parsed(field, value, proposed, today)
            if parsed is not None and _is_said(field, parsed, speech, said):
                proposed = parsed
    if proposed.employee is not None and proposed.employee == proposed.client:
        # One of them is wrong, and it is unknown which.
        proposed = proposed.model_copy(update={"employee": None, "client": None})
    return proposed


def _parsed(field: Field, value: object, known: RecordingMetadata, today: date) -> RecordingMetadata | None:
    if value is None:
        return None
    try:
        parsed = parse(field, str(value), known, today)
    except BadText:
        return None
    # Zones of a list come one by one; a zone inside a building type is not taken.
    zones = (*known.zones, *parsed.zones) if field is Field.ZONE else known.zones
    return parsed.model_copy(update={"zones": tuple(dict.fromkeys(zones))})


def _is_said(field: Field, parsed: RecordingMetadata, speech: Speech, said: str) -> bool:
    if field is Field.AUDIO_NUMBER:
        return parsed.audio_number is not None and speech.has_number(parsed.audio_number)
    if field is Field.DATE:
        return parsed.recorded_on is not None and speech.has_date(parsed.recorded_on)
    if field is Field.BUILDING_TYPE:
        return parsed.building is not None and names_building(said, parsed.building)
    if field is Field.ZONE:
        return all(speech.has_words(zone) for zone in parsed.zones)
    return speech.has_words(shown(field, parsed) or "")
