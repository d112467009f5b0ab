"""Time zones in the forms in which people write them: «UTC+10», «+10», «МСК+7», «Владивосток»."""

import re
from collections.abc import Mapping

import texts.voice_notes
from errors import BadText
from metadata.dates import LONGEST_QUOTED
from text_cleaning import folded, one_line, preview

_MOSCOW_H = 3
_FARTHEST_H = (-12, 14)
_HALVES = {
    (-9, 30): "Pacific/Marquesas",
    (3, 30): "Asia/Tehran",
    (4, 30): "Asia/Kabul",
    (5, 30): "Asia/Kolkata",
    (5, 45): "Asia/Kathmandu",
    (6, 30): "Asia/Yangon",
    (8, 45): "Australia/Eucla",
    (9, 30): "Australia/Darwin",
}
"""Zones that are not whole hours away from UTC all the year round, by hours and minutes."""
_HOURS = r"(?P<hours>[0-9]{1,2})"
_OFFSETS = (
    re.compile(
        r"(?:(?P<base>utc|gmt|мск|msk|москва|москвы)\s*)?(?P<sign>[+−–-])\s*"
        rf"{_HOURS}(?:[:.,]?(?P<minutes>[0-9]{{2}}))?(?:\s*(?:ч|час\w*))?"
    ),
    re.compile(rf"(?P<base>utc|gmt|мск|msk|москва)\s*{_HOURS}(?:[:.,]?(?P<minutes>[0-9]{{2}}))?"),
    re.compile(_HOURS),
)
"""«МСК+7», «UTC 10» and a bare «10»; «10:30» is a clock, and no zone."""
_BY_HOURS = re.compile(r"Etc/GMT(?P<sign>[+-])(?P<hours>[0-9]+)")
_SHORT_STEM = 4
_MOST_WORDS = 5
"""In a longer text a city is most likely what somebody speaks of."""


def zone_said(text: str) -> str:
    """Return the IANA name of the zone that a person has typed.

    Raises:
        BadText: the text names no zone.
    """
    said = folded(one_line(text)).strip(" .!")
    if match := next(filter(None, (each.fullmatch(said) for each in _OFFSETS)), None):
        return _at_offset(match.groupdict(), text)
    for iana, _ in texts.voice_notes.ZONES.values():
        if said in {iana.casefold(), iana.rpartition("/")[2].casefold()}:
            return iana
    found = [(match.start(), iana) for iana, pattern in _CITIES if (match := pattern.search(said))]
    # «Владивосток +3» is not Vladivostok.
    if not found or len(said.split()) > _MOST_WORDS or any(map(str.isdigit, said)):
        raise _unknown(text)
    return min(found)[1]


def zone_label(iana: str) -> str:
    """Return how people call a zone: «Владивосток», «UTC+10»."""
    for (hours, minutes), name in _HALVES.items():
        if name == iana:
            return f"UTC{hours:+d}:{minutes}"
    if match := _BY_HOURS.fullmatch(iana):
        return f"UTC{'-' if match['sign'] == '+' else '+'}{match['hours']}"
    return dict(texts.voice_notes.ZONES.values()).get(iana, iana)


def _at_offset(said: Mapping[str, str | None], text: str) -> str:
    minutes = int(said.get("minutes") or 0)
    hours = int(said["hours"] or 0) * (1 if said.get("sign", "+") == "+" else -1)
    if said.get("base") not in {None, "utc", "gmt"}:
        hours += _MOSCOW_H
    if minutes:
        if (hours, minutes) not in _HALVES:
            raise _unknown(text)
        return _HALVES[hours, minutes]
    if not _FARTHEST_H[0] <= hours <= _FARTHEST_H[1]:
        raise _unknown(text)
    # The names have the sign that POSIX gives them: east of Greenwich is below zero.
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"


def _unknown(text: str) -> BadText:
    return BadText(reason=texts.voice_notes.ZONE_UNKNOWN.format(value=preview(one_line(text), LONGEST_QUOTED)))


def _pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of a place's name in any case: «во Владивостоке»."""
    stem = folded(name).rstrip("аеиоуыьюя")
    longest = 1 if len(stem) < _SHORT_STEM else 3
    return re.compile(rf"\b{re.escape(stem)}\w{{0,{longest}}}\b")


_CITIES = [
    *((iana, _pattern(label)) for iana, label in texts.voice_notes.ZONES.values()),
    *((iana, _pattern(name)) for iana, names in texts.voice_notes.CITIES.items() for name in names.split(", ")),
]
