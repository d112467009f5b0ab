"""Metadata of a recording, parsed from the caption under it or from single values that people type."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import texts.metadata
from datamodels import BuildingType, RecordingMetadata, Value
from errors import BadText
from metadata.dates import LONGEST_QUOTED, parse_date, without_dates
from metadata.nominative import without_preposition
from morphology import parses
from text_cleaning import one_line, preview

LARGEST_NUMBER = 2**31 - 1
"""The largest ``integer`` of PostgreSQL."""
LONGEST_NUMBER = len(str(LARGEST_NUMBER))
LONGEST_FIELD = 200
LINES_WITHOUT_ZONE = 6
NOTHING = frozenset("-–—")

INTERVIEW = "interview"
MEETING = "meeting"
"""Its caption is free text: nothing but a day is looked for in it."""

_NEGATIVE = re.compile(r"\s*[-−–—][0-9]")
_WORD = re.compile(r"[^\W\d_]+")
_SEPARATOR = re.compile(r"\s*[,;]\s*")
_AT = re.compile(r"\s+при\s+", re.IGNORECASE)

_PARTICLES = frozenset(["оглы", "оглу", "кызы", "гызы", "фон", "ван", "де", "да", "дер", "ди", "дю", "дель"])
"""Parts of names that stay in lower case unless the name begins with them."""
_LINKS = frozenset(["на", "де", "ла", "ле", "и"])
"""Parts of names that stay in lower case between hyphens: «Ростов-на-Дону»."""

_BUILDINGS = {
    BuildingType.HOTEL: re.compile(r"\bотел", re.IGNORECASE),
    BuildingType.RESTAURANT: re.compile(r"\bресторан", re.IGNORECASE),
    # A «спа-отель» is a hotel.
    BuildingType.SPA: re.compile(r"\bцентр\w*\s+здоров|\b(?:спа|spa)\b(?!\s*-?\s*отел)", re.IGNORECASE),
}

FieldParsers = Sequence[tuple[str, Callable[[str], dict[str, Any]]]]


class FieldProblem(Value):
    """A field that does not parse: its Russian name and what is wrong. ``absent``: the caption has no such line."""

    field: str
    reason: str
    absent: bool = False


class CaptionResult(Value):
    """The values that were parsed from a caption, and the fields that did not parse."""

    metadata: RecordingMetadata
    problems: tuple[FieldProblem, ...] = ()


def parse_caption(caption: str, scenario_id: str, today: date) -> CaptionResult:
    """Parse a caption line by line: six lines for an interview, seven or, without the zone, six for an audit.

    Blank lines at the ends do not count. A line that does not parse is reported, the others are kept. In a caption of
    one line, the day is looked for as well as the number.
    """
    if scenario_id == MEETING:
        return _of_meeting(caption, today)
    lines = caption.strip().splitlines()
    interview = scenario_id == INTERVIEW
    parsers = _interview(today) if interview else _audit(today, with_zone=len(lines) > LINES_WITHOUT_ZONE)
    wanted = texts.metadata.WANTED_INTERVIEW if interview else texts.metadata.WANTED_AUDIT
    found: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for position, (field, parse) in enumerate(parsers):
        if position >= len(lines):
            if field == texts.metadata.DATE and (day := _day_in(lines, today)) is not None:
                found["recorded_on"] = day
                continue
            reason = texts.metadata.NO_LINE.format(found=len(lines), wanted=wanted)
            problems.append(FieldProblem(field=field, reason=reason, absent=True))
            continue
        try:
            parsed = parse(lines[position])
        except BadText as exc:
            problems.append(FieldProblem(field=field, reason=exc.user_text))
            continue
        zones = dict.fromkeys([*found.get("zones", ()), *parsed.get("zones", ())])
        found |= {**parsed, "zones": tuple(zones)}
    if len(lines) > len(parsers):
        reason = texts.metadata.EXTRA_LINES.format(found=len(lines), wanted=wanted)
        problems.append(FieldProblem(field=texts.metadata.CAPTION, reason=reason))
    return CaptionResult(metadata=RecordingMetadata(**found), problems=tuple(problems))


def _day_in(lines: Sequence[str], today: date) -> date | None:
    try:
        return parse_date(" ".join(lines), today)
    except BadText:
        return None


def told_in_one_line(caption: str) -> FieldProblem | None:
    """Return the problem of a caption that tells several things in its only line, of which the number is understood."""
    line = caption.strip()
    if len(line.splitlines()) != 1 or len(_SEPARATOR.split(line)) == 1:
        return None
    reason = texts.metadata.IN_ONE_LINE.format(value=_quoted(line))
    return FieldProblem(field=texts.metadata.CAPTION, reason=reason)


def _of_meeting(caption: str, today: date) -> CaptionResult:
    try:
        return CaptionResult(metadata=RecordingMetadata(recorded_on=parse_date(caption, today)))
    except BadText:
        return CaptionResult(metadata=RecordingMetadata())


def metadata_lines(metadata: RecordingMetadata) -> tuple[str, ...]:
    """Return the known values as lines «поле: значение», in a fixed order."""
    recorded_on = metadata.recorded_on
    known = [
        (texts.metadata.AUDIO_NUMBER, metadata.audio_number),
        (texts.metadata.DATE, f"{recorded_on:%d.%m.%Y}" if recorded_on else None),
        (texts.metadata.EMPLOYEE, metadata.employee),
        (texts.metadata.CLIENT, metadata.client),
        (texts.metadata.PLACE, metadata.place),
        (texts.metadata.BUILDING, texts.metadata.BUILDINGS[metadata.building] if metadata.building else None),
        (texts.metadata.ZONE, ", ".join(metadata.zones) or None),
        (texts.metadata.CITY, metadata.city),
    ]
    return tuple(texts.metadata.LINE.format(field=field, value=value) for field, value in known if value is not None)


def lines_for_a_model(metadata: RecordingMetadata) -> tuple[str, ...]:
    """Return the lines that reports are written from: no report needs the names of people, so no model gets them."""
    nameless = {"audio_number": None, "employee": None, "client": None}
    return metadata_lines(metadata.model_copy(update=nameless))


def parse_audio_number(text: str) -> int:
    """Return the first integer of the line outside dates, at most ``LARGEST_NUMBER``. Raises ``BadText``."""
    if _NEGATIVE.match(text):
        raise BadText(reason=texts.metadata.NUMBER_NEGATIVE)
    match = re.search(r"[0-9]+", without_dates(text))
    if match is None:
        raise BadText(reason=texts.metadata.NO_NUMBER)
    digits = match[0].lstrip("0") or "0"
    if len(digits) > len(str(LARGEST_NUMBER)) or int(digits) > LARGEST_NUMBER:
        raise BadText(reason=texts.metadata.NUMBER_TOO_LARGE.format(largest=LARGEST_NUMBER))
    return int(digits)


def parse_name(text: str) -> str:
    """Return a person or city in title case: «Анна-Мария Салтыкова-Щедрина», «Ростов-на-Дону». Raises ``BadText``."""
    value = _filled(text)
    if not any(map(str.isalpha, value)):
        raise BadText(reason=texts.metadata.NO_LETTERS.format(value=_quoted(value)))
    return title_case(value)


def parse_place(text: str) -> str:
    """Return a place in title case without a preposition: «о гранд отеле» is «Гранд Отель». Raises ``BadText``.

    Blocking, as ``without_preposition``.
    """
    return title_case(without_preposition(_filled(text)))


def parse_building(text: str) -> BuildingType:
    """Return the building type whose stem comes first in the text. Raises ``BadText``."""
    value = _filled(text)
    found = {match.start(): building for building, stem in _BUILDINGS.items() if (match := stem.search(value))}
    if not found:
        raise BadText(reason=texts.metadata.UNKNOWN_BUILDING.format(value=_quoted(value)))
    return found[min(found)]


def names_building(text: str, building: BuildingType) -> bool:
    """Tell whether the text has a word for this type."""
    return _BUILDINGS[building].search(text) is not None


def parse_zones(text: str) -> tuple[str, ...]:
    """Return the zones in the nominative singular, each once: «Номера, лобби» is («номер», «лобби»); «-» gives none.

    Raises:
        BadText: the text is too long, or has neither letters nor digits.
    """
    if not set("".join(text.split())) - NOTHING:
        return ()
    named = (zone for zone in _SEPARATOR.split(_filled(text)) if any(map(str.isalnum, zone)))
    zones = [_lemma(zone) for zone in named]
    return tuple(dict.fromkeys(zones))


def parse_building_and_zones(text: str) -> tuple[BuildingType, tuple[str, ...]]:
    """Parse a type, or «зона при тип»: «центр здоровья при отеле» is a zone of a hotel. Raises ``BadText``."""
    value = _filled(text)
    zone, *building = _AT.split(value, maxsplit=1)
    if building and any(stem.search(building[0]) for stem in _BUILDINGS.values()):
        return parse_building(building[0]), parse_zones(zone)
    return parse_building(value), ()


def title_case(text: str) -> str:
    """Capitalise each word and each part of a double name, except particles inside a name."""

    def cased(match: re.Match[str]) -> str:
        word = match[0].lower()
        hyphens = text[match.start() - 1 : match.start()] == text[match.end() : match.end() + 1] == "-"
        if match.start() > 0 and (word in _PARTICLES or (hyphens and word in _LINKS)):
            return word
        return word[0].upper() + word[1:]

    return _WORD.sub(cased, text)


def _interview(today: date) -> FieldParsers:
    return [
        *_head(today),
        (texts.metadata.CLIENT, lambda line: {"client": parse_name(line)}),
        (texts.metadata.BUILDING, _building),
        (texts.metadata.PLACE, lambda line: {"place": parse_place(line)}),
    ]


def _audit(today: date, *, with_zone: bool) -> FieldParsers:
    return [
        *_head(today),
        (texts.metadata.PLACE, lambda line: {"place": parse_place(line)}),
        (texts.metadata.BUILDING, _building),
        *([(texts.metadata.ZONE, _zones)] if with_zone else []),
        (texts.metadata.CITY, lambda line: {"city": parse_name(line)}),
    ]


def _head(today: date) -> FieldParsers:
    return [
        (texts.metadata.AUDIO_NUMBER, lambda line: {"audio_number": parse_audio_number(line)}),
        (texts.metadata.DATE, lambda line: {"recorded_on": parse_date(line, today)}),
        (texts.metadata.EMPLOYEE, lambda line: {"employee": parse_name(line)}),
    ]


def _building(line: str) -> dict[str, Any]:
    building, zones = parse_building_and_zones(line)
    return {"building": building, "zones": zones}


def _zones(line: str) -> dict[str, Any]:
    return {"zones": parse_zones(line)}


def _filled(text: str) -> str:
    """Return the line with single spaces. Raises ``BadText`` when it is too long, or has neither letters nor digits."""
    value = one_line(text)
    if not value:
        raise BadText(reason=texts.metadata.EMPTY)
    if not any(character.isalnum() for character in value):
        raise BadText(reason=texts.metadata.NO_LETTERS.format(value=_quoted(value)))
    if len(value) > LONGEST_FIELD:
        raise BadText(reason=texts.metadata.TOO_LONG.format(largest=LONGEST_FIELD))
    return value


def _quoted(text: str) -> str:
    return preview(one_line(text), LONGEST_QUOTED)


def lemmas(word: str) -> frozenset[str]:
    """Return the word's possible dictionary forms, with «е» for «ё».

    A number gives its digits without leading zeros; one of more than ``LONGEST_NUMBER`` digits gives no form.
    """
    if word.isdecimal():
        return frozenset([str(int(word))]) if len(word) <= LONGEST_NUMBER else frozenset()
    return frozenset(parse.normal_form.replace("ё", "е") for parse in parses(word.lower()))


def _lemma(zone: str) -> str:
    """Put the noun and the adjectives before it into the nominative; words after the noun stay: «зона отдыха»."""
    words = zone.lower().split()
    readings = [_noun_or_best(word) for word in words]
    head = next((position for position, parse in enumerate(readings) if "NOUN" in parse.tag), None)
    if head is None:
        return " ".join(words)
    noun = readings[head]
    form = {"nomn", "plur"} if "Pltm" in noun.tag else {"nomn", "sing", noun.tag.gender or "masc"}
    agreed = [parse.inflect(form) if "ADJF" in parse.tag else None for parse in readings[:head]]
    before = [parse.word if parse else word for parse, word in zip(agreed, words, strict=False)]
    # For a letter between dashes the dictionary returns only the dashes: then the word stays as it was written.
    named = noun.normal_form if any(map(str.isalnum, noun.normal_form)) else words[head]
    return " ".join([*before, named, *words[head + 1 :]])


def _noun_or_best(word: str) -> Any:
    readings = parses(word)
    return next((parse for parse in readings if "NOUN" in parse.tag or "ADJF" in parse.tag), readings[0])
