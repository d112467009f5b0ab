"""The background loops of a process that has the disk: the bot, or the console where there is no bot."""

import asyncio
from datetime import timedelta
from functools import partial

from application.erasures import erasing_of
from application.knowledge import Knowledge
from application.parts import Application
from avatars.cleaning import AvatarCleaning
from avatars.work import AVATARS_QUEUE
from followers import Loop
from housekeeping import Housekeeping
from jobs.speeches import SPEECH_QUEUE
from jobs.stranded import StrandedWork
from jobs.words import WORDS_QUEUE
from metrics import LagMonitor
from recordings.uploads import Uploads
from reports.across.old_reports import OldReports
from system.local_time import today
from transcript_formats import to_json
from transcription.editing.filing import FILED_EVERY_S, TranscriptFiling

_OLD_REPORTS_S = 3600.0
"""Between two looks for reports without items, which workers of an earlier version may still write."""
_AVATARS_S = 15.0
"""Between two looks for photographs, avatars and pictures that are to go."""


class Background:
    """Loops that need no messenger."""

    def __init__(self, application: Application) -> None:
        settings, database, jobs = application.settings, application.database, application.jobs
        self.knowledge = Knowledge(application)
        spool = settings.persistent_dir / "spool"
        self.uploads = Uploads(database, application.intake, application.limits, application.pack, spool, today)
        enqueue = jobs.enqueue_recording, jobs.enqueue_report, jobs.enqueue_answer
        others = (partial(jobs.enqueue_other, queue) for queue in (WORDS_QUEUE, SPEECH_QUEUE, AVATARS_QUEUE))
        self.erasing = erasing_of(application)
        self._stranded = StrandedWork(database, *enqueue, *others)
        self._archive, self._conversations = application.archive, application.conversations
        self._old_reports = OldReports(database, application.pack)
        self._filing = TranscriptFiling(database, application.objects, to_json)
        kept = timedelta(days=settings.retention_days)
        queue = None if application.images is None else application.images.queue
        self._avatars = AvatarCleaning(database, application.objects, queue, kept)
        self._housekeeping = Housekeeping(
            database,
            application.objects,
            settings.persistent_dir,
            kept,
            record_kept=timedelta(days=settings.audit_retention_days) if settings.audit_retention_days else None,
        )

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for loop in (self.knowledge, self._housekeeping, self._stranded, self.uploads, self.erasing, LagMonitor()):
                group.create_task(loop.run())
            group.create_task(Loop("conversations").run(self._conversations.settle))
            group.create_task(Loop("archive").run(self._archive.file_finished))
            group.create_task(Loop("old_reports", _OLD_REPORTS_S).run(self._old_reports.read))
            group.create_task(Loop("avatars", _AVATARS_S).run(self._avatars.clean))
            group.create_task(Loop("transcripts", FILED_EVERY_S).run(self._filing.file))
