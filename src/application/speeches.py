"""The service of answers, reports and texts said aloud, made of the opened application."""

from functools import partial
from uuid import UUID

from application.parts import Application
from chats.reading import ChatReading
from datamodels import UserId
from datamodels_chats import AnswerId
from errors import NotFound
from jobs.speeches import SPEECH_QUEUE
from reports.archive import ReportArchive
from speeches.service import Source, Speeches
from speeches.store import SpeechOf


def speeches_of(application: Application) -> Speeches:
    """Make the service."""
    engines = application.engines

    async def voice() -> str | None:
        engine = await engines.text_to_speech()
        return None if engine is None else engine.voice

    return Speeches(
        application.database,
        {
            SpeechOf.ANSWER: partial(answer_source, ChatReading(application.database)),
            SpeechOf.REPORT: partial(report_source, application.archive),
        },
        voice,
        partial(application.jobs.enqueue_other, SPEECH_QUEUE),
        application.settings.tts_hourly_limit,
    )


async def answer_source(reading: ChatReading, owner: UserId, subject: str) -> Source:
    """Find what is said of an answer, by its id.

    Raises:
        NotFound: the owner has no such answer, or it is not there yet.
    """
    try:
        answer = await reading.answer(owner, AnswerId(UUID(subject)))
    except ValueError:
        raise NotFound(what=f"answer {subject}") from None
    if answer.outcome is None:
        raise NotFound(what=f"text of answer {subject}")
    return Source(title=answer.question, markdown=answer.outcome.text, answer_id=answer.id)


async def report_source(archive: ReportArchive, owner: UserId, subject: str) -> Source:
    """Find what is said of a report, by its number in the archive.

    Raises:
        NotFound: the owner has no such report.
    """
    if not subject.isdecimal():
        raise NotFound(what=f"report {subject}")
    entry, text = await archive.read(owner, int(subject))
    return Source(title=entry.title, markdown=text, run_id=entry.id)
