"""Takes what a deleted recording said out of research: counts, themes and summary are made anew of what is left.

No model is asked: everything is among what the research found, and is held to the quotes again.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

import structlog
from pydantic import TypeAdapter

import texts.research
from chats.support import content_of, statement_of, supports
from datamodels import RecordingId, ReportRunId, User
from db import Database
from md_storage import ReportFiles
from prompt_pack.models import ReportPack
from reports.research import store
from reports.research.store import StoredResearch
from reports.research.summary import held_to
from reports.research.themes import passage_of
from reports.research.values import Claim, Findings, Interview, Theme
from reports.research.writing import Written, written

log = structlog.get_logger(__name__)

FINDINGS = TypeAdapter(Findings)


class ResearchForgetting:
    """Forgets recordings in the research of everybody, in its rows and in its files."""

    def __init__(self, database: Database, files: ReportFiles, pack: ReportPack) -> None:
        self._database = database
        self._files = files
        self._pack = pack

    async def forget(self, recording_id: RecordingId) -> None:
        """Take a recording out of all research that was to read it. Done again, after a crash, it changes nothing.

        Raises:
            DatabaseUnavailable, ReportIndexBroken, DiskFull: it is still in some research.
        """
        async with self._database.transaction() as connection:
            found = await store.research_of(connection, recording_id)
        for each in found:
            await self._forget(each, {recording_id})

    async def forget_gone(self, run_id: ReportRunId) -> None:
        """Take those recordings out of a research that were deleted while it was done."""
        async with self._database.transaction() as connection:
            found, gone = await store.research_with_gone(connection, run_id)
        if found is not None and gone:
            await self._forget(found, gone)

    async def pass_on(self, recording_id: RecordingId, heir: User, number: int) -> None:
        """Have all research that read a recording name it as ``number`` of the heir."""
        async with self._database.transaction() as connection:
            found = await store.research_of(connection, recording_id)
        for each in found:
            if each.findings is None or each.text is None:
                continue
            whose = None if each.owner_id == heir.id else heir.name
            findings = passed_on(FINDINGS.validate_python(each.findings), recording_id, whose, number)
            text = await asyncio.to_thread(written, findings, self._pack)
            await self._files.rewrite(each.owner_id, each.run_id, text.text)
            dumped = FINDINGS.dump_python(findings, mode="json")
            async with self._database.transaction() as connection:
                await store.forget(connection, each.run_id, (), dumped, text.text, text.warnings)

    async def _forget(self, research: StoredResearch, gone: Collection[RecordingId]) -> None:
        findings, text = None, Written(text=texts.research.FORGOTTEN, warnings=())
        if research.findings is not None:
            left = await asyncio.to_thread(without, FINDINGS.validate_python(research.findings), gone)
            findings, text = FINDINGS.dump_python(left, mode="json"), await asyncio.to_thread(written, left, self._pack)
        if research.text is not None:
            # The file first: while the row names the recording, all is done again.
            await self._files.rewrite(research.owner_id, research.run_id, text.text)
        async with self._database.transaction() as connection:
            await store.forget(connection, research.run_id, gone, findings, text.text, text.warnings)
        log.info("research_forgot", research=str(research.run_id), recordings=len(gone))


def without(findings: Findings, gone: Collection[RecordingId]) -> Findings:
    """Return what was found without what was said in the recordings ``gone``. Blocking.

    Themes keep their numbers, which the summary cites.
    """
    themes = [
        theme
        for each in findings.themes
        if (theme := _held(replace(each, claims=[claim for claim in each.claims if claim.interview.id not in gone])))
    ]
    summary, removed = held_to(findings.summary, themes) if findings.summary else ("", 0)
    order = findings.order
    kept = tuple(each for each in order.recording_ids if each not in gone)
    forgotten = len(order.recording_ids) - len(kept)
    return replace(
        findings,
        order=order.model_copy(update={"recording_ids": kept, "matching": order.matching - forgotten}),
        readings=[each for each in findings.readings if each.interview.id not in gone],
        failed=[each for each in findings.failed if each.id not in gone],
        themes=themes,
        summary=summary,
        removed=findings.removed + removed,
        forgotten=findings.forgotten + forgotten,
    )


def passed_on(findings: Findings, recording: RecordingId, whose: str | None, number: int) -> Findings:
    """Return what was found with another owner and number of one of the recordings."""

    def named(interview: Interview) -> Interview:
        change = {"whose": whose, "number": number}
        return interview.model_copy(update=change) if interview.id == recording else interview

    def claimed(claims: Sequence[Claim]) -> list[Claim]:
        return [replace(claim, interview=named(claim.interview)) for claim in claims]

    return replace(
        findings,
        readings=[replace(e, interview=named(e.interview), claims=claimed(e.claims)) for e in findings.readings],
        failed=[named(each) for each in findings.failed],
        themes=[replace(each, claims=claimed(each.claims)) for each in findings.themes],
    )


def _held(theme: Theme) -> Theme | None:
    """Return a theme without a title that its quotes do not carry; None without quotes."""
    if not theme.claims:
        return None
    carried = supports(content_of(passage_of(theme)), statement_of(theme.title)) if theme.title else False
    return theme if carried else replace(theme, title="")
