"""Titles of reports, by which people tell one report from another."""

from datetime import date

import texts.reports
from prompt_pack.models import unnumbered


def report_title(label: str, place: str | None, recorded_on: date | None, name: str) -> str:
    """Return «<report> — <place>, <date>» as far as these are known, «<report> — <name>» when neither is."""
    day = None if recorded_on is None else f"{recorded_on:%d.%m.%Y}"
    about = ", ".join(filter(None, (place, day))) or name
    return texts.reports.TITLE.format(label=unnumbered(label), about=about)
