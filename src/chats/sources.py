"""How the sources of an answer are named: recordings with the place in them, reports, documents."""

import texts.chats
from datamodels_chats import Source
from utils import clock


def named_source(source: Source, owner: str = "") -> str:
    """Return what a source is, and whose: «Интервью №17 (Борис), 03.11.2026», «Документ «Стандарты.docx»»."""
    if source.recording_number is None or source.day is None:
        return source.label
    return texts.chats.SOURCE_OF.format(
        label=source.label,
        recording=source.recording_number,
        owner=texts.chats.OF_OTHERS.format(owner=owner) if owner else "",
        day=f"{source.day:%d.%m.%Y}",
    )


def source_line(source: Source) -> str:
    """Return a line such as «[2] Интервью №17 (Борис), 03.11.2026, Клиент, 12:41–13:05»."""
    if source.section is not None:
        section = texts.chats.SOURCE_SECTION.format(section=source.section) if source.section else ""
        return texts.chats.SOURCE_WRITTEN.format(
            number=source.number, what=named_source(source, source.owner), section=section
        )
    return texts.chats.SOURCE.format(
        number=source.number,
        what=named_source(source, source.owner),
        speakers=texts.chats.SPEAKERS.format(speakers=", ".join(source.speakers)) if source.speakers else "",
        start=clock(source.start),
        end=clock(source.end),
    )
