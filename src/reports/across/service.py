"""Counting across interviews: what may be chosen, what is counted, the quotes behind a count, and where they were said.

Everybody of the team counts the team's interviews and their own private ones. No model is asked.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import user_states
from datamodels import RecordingId, Segment, UserId
from db import Connection, Database
from errors import NotFound
from prompt_pack.models import ReportPack
from reports.across import store
from reports.across.choices import chosen, conditions, fits, overview
from reports.across.counting import counted
from reports.across.subjects import FactorNames, subjects_of
from reports.across.values import Factor, Interview, Kind, Overview, Passage, Result, Said, Subject, Wanted
from reports.evidence import Quote, seconds
from system.local_time import local

_BEFORE, _AFTER = 2, 3
"""Segments around the one that a quote begins in."""


class AcrossInterviews:
    """The interviews that people may see. ``today`` returns the day on which periods such as «30 дней» end."""

    def __init__(self, database: Database, pack: ReportPack, today: Callable[[], date]) -> None:
        self._database = database
        self._pack = pack
        self.subjects = subjects_of(pack)
        """The reports whose items can be counted, in the pack's order."""
        self._today = today

    async def wanted(self, asker: UserId) -> Wanted:
        """Load what the person has chosen."""
        async with self._database.transaction() as connection:
            return await _wanted(connection, asker)

    async def choose(self, asker: UserId, kind: Kind, choice: str | None) -> None:
        """Set the condition of a kind, the id of a ``Choice``; None takes it away.

        Raises:
            ValueError: there is no such choice.
        """
        async with self._database.transaction() as connection:
            wanted = chosen(await _wanted(connection, asker), kind, choice, self._today())
            await user_states.put(connection, asker, wanted)

    async def choose_report(self, asker: UserId, subject: Subject) -> None:
        """Set the report whose items are counted; the conditions stay."""
        async with self._database.transaction() as connection:
            wanted = await _wanted(connection, asker)
            await user_states.put(connection, asker, wanted.model_copy(update={"report_id": subject.report_id}))

    async def reset(self, asker: UserId) -> None:
        """Take all conditions away; the report stays."""
        async with self._database.transaction() as connection:
            wanted = await _wanted(connection, asker)
            await user_states.put(connection, asker, Wanted(report_id=wanted.report_id))

    async def overview(self, asker: UserId, wanted: Wanted) -> Overview:
        """Return what can be chosen when ``wanted`` is chosen already, and how many interviews that is."""
        subject, interviews = self._subject(wanted), list[Interview]()
        if subject is not None:
            async with self._database.transaction() as connection:
                interviews = await _interviews(connection, asker, subject)
        return await asyncio.to_thread(overview, self.subjects, subject, wanted, interviews)

    async def count(self, asker: UserId, wanted: Wanted) -> Result:
        """Count the factors of the wanted interviews.

        Raises:
            NotFound: the report pack has no report whose items can be counted.
        """
        subject = self._subject(wanted)
        if subject is None:
            raise NotFound(what="a report with factors")
        async with self._database.transaction() as connection:
            every = await _interviews(connection, asker, subject)
            fitting = [interview for interview in every if fits(interview, wanted)]
            told = {interview.run_id: interview for interview in fitting if interview.has_items}
            rows = await store.list_mentions(connection, subject, list(told))

        def result() -> Result:
            names = FactorNames(self._pack, subject)
            mentions = {told[run]: names.mentions(told[run].building, listed) for run, listed in rows}
            counts = counted(mentions, without_data=len(fitting) - len(told))
            return Result(subject, conditions(wanted, every), asker, counts)

        return await asyncio.to_thread(result)

    async def quotes(
        self, subject: Subject, wanted: Sequence[tuple[Factor, Sequence[Interview]]]
    ) -> Mapping[str, Sequence[Said]]:
        """Load the quotes of factors, by their keys, in some of the interviews that mention them, in that order."""
        pairs = [
            (interview.run_id, name)
            for factor, interviews in wanted
            for interview in interviews
            for name in sorted(factor.names)
        ]
        rows = []
        if subject.quotes is not None:
            async with self._database.transaction() as connection:
                rows = await store.list_quotes(connection, subject, pairs)

        def said() -> Mapping[str, Sequence[Said]]:
            found: defaultdict[tuple[object, str], list[Quote]] = defaultdict(list)
            for row in rows:
                found[row["run_id"], row["name"]] += map(_quote, json.loads(row["quotes"] or "[]"))
            return {
                factor.key: [
                    Said(interview, [quote for name in sorted(factor.names) for quote in found[interview.run_id, name]])
                    for interview in interviews
                ]
                for factor, interviews in wanted
            }

        return await asyncio.to_thread(said)

    async def passage(self, asker: UserId, recording: RecordingId, second: int) -> Passage:
        """Load what was said around ``second`` in a recording.

        Raises:
            NotFound: the recording is gone, or is somebody else's private one.
        """
        async with self._database.transaction() as connection:
            seen = await store.find_seen(connection, asker, recording)
            if seen is None:
                raise NotFound(what=f"recording {recording}")
            rows = await store.list_around(connection, recording, second, _BEFORE, _AFTER)
        return Passage(segments=[Segment.model_validate(row) for row in rows], **seen)

    def _subject(self, wanted: Wanted) -> Subject | None:
        """Return the report that is wanted; the first when none is, or when the pack does not have it any more."""
        named = [subject for subject in self.subjects if subject.report_id == wanted.report_id]
        return next(iter([*named, *self.subjects]), None)


async def _wanted(connection: Connection, asker: UserId) -> Wanted:
    return await user_states.get(connection, asker, Wanted) or Wanted()


async def _interviews(connection: Connection, asker: UserId, subject: Subject) -> list[Interview]:
    rows = await store.list_interviews(connection, asker, subject)
    return await asyncio.to_thread(lambda: [_interview(row) for row in rows])


def _interview(row: dict[str, Any]) -> Interview:
    recorded_on = row.pop("recorded_on")
    # The day is that of this machine's time zone: nobody may live in that of the database server.
    return Interview.model_validate({**row, "day": recorded_on or local(row["came"]).date()})


def _quote(stored: Mapping[str, Any]) -> Quote:
    return Quote(stored["text"], stored["speaker"], seconds(stored["time"]) or 0.0)
