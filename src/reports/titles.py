"""Titles of reports, by which people tell one report from another."""

from datetime import date
from pathlib import Path

import texts.reports
from prompt_pack.models import unnumbered


def report_title(label: str, place: str | None, recorded_on: date | None, file_name: str) -> str:
    """Return «<report> — <place>, <date>» as far as these are known; with the name of the recording when neither is."""
    day = None if recorded_on is None else f"{recorded_on:%d.%m.%Y}"
    about = ", ".join(filter(None, (place, day))) or Path(file_name).stem
    return texts.reports.TITLE.format(label=unnumbered(label), about=about)
