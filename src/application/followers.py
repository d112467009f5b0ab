"""The bot's followers: loops that look at the database and do what its rows ask for."""

import asyncio
from datetime import timedelta
from functools import partial

from application.knowledge import Knowledge
from application.parts import Application
from audio import find_ffmpeg
from chat_deliveries import ChatDeliveries
from downloads import Downloads
from followers import Loop
from housekeeping import Housekeeping
from inbox import Inbox
from jobs.stranded import StrandedWork
from jobs.words import WORDS_QUEUE
from lost_originals import LostOriginals
from message_tracker import MessageTracker
from messenger import Messenger
from metrics import LagMonitor
from outbox import Outbox, OutboxFiles
from progress import ProgressCards
from recording_wizard import RecordingWizards
from recordings.preferences import Preferences
from recordings.spoken import SpokenWords
from reports.across.old_reports import OldReports
from reports.takeout.orders import TakeoutOrders
from reports.takeout.service import Takeout
from system.local_time import today
from telegram_handlers.takeout import TakeoutMaker
from transcript_formats import to_json
from transcription.editing.filing import FILED_EVERY_S, TranscriptFiling

_OLD_REPORTS_S = 3600.0
"""Between two looks for reports without items, which workers of an earlier version may still write."""
_SETTLE_S = 60.0
"""Between two looks for updates that the journal took in an absence too short for anybody to wait for its end."""


class Followers:
    """The background loops of the bot: downloads, cards, outbox and others. They run until cancelled."""

    def __init__(
        self,
        application: Application,
        telegram: Messenger,
        messages: MessageTracker,
        inbox: Inbox,
        preferences: Preferences,
    ) -> None:
        settings, database = application.settings, application.database
        spool = settings.persistent_dir / "spool"
        jobs = application.jobs
        enqueue_words = partial(jobs.enqueue_other, WORDS_QUEUE)
        self.spoken = SpokenWords(database, enqueue_words)
        self.downloads = Downloads(
            database,
            telegram,
            application.intake,
            spool,
            settings.max_parallel_downloads,
            kept_s=settings.spool_keep_s if settings.minio_endpoint else 0.0,
            hear=self.spoken.hear,
        )
        self.cards = ProgressCards(database, telegram, application.pack, zone_of=preferences.zone_of)
        ffmpeg = find_ffmpeg(settings.ffmpeg)
        files = OutboxFiles(database, application.originals, application.pack, spool, ffmpeg)
        self.outbox = Outbox(database, messages, files, zone_of=preferences.zone_of)
        self.takeout_orders = TakeoutOrders(database)
        self.takeouts = TakeoutMaker(
            self.takeout_orders, partial(Takeout, database, application.pack), messages, spool, preferences.zone_of
        )
        self.answers = ChatDeliveries(database, messages, self.outbox.wake)
        self.wizards = RecordingWizards(
            database, application.pack, application.jobs.enqueue_proposal, self.outbox.wake, today, preferences.zone_of
        )
        enqueue = jobs.enqueue_recording, jobs.enqueue_report, jobs.enqueue_answer, enqueue_words
        self._stranded = StrandedWork(database, *enqueue)
        self.originals = LostOriginals(database, application.originals, jobs.enqueue_recording)
        self._archive, self._conversations, self._inbox = application.archive, application.conversations, inbox
        kept = timedelta(days=settings.retention_days)
        self.knowledge = Knowledge(application)
        self._old_reports = OldReports(database, application.pack)
        self._filing = TranscriptFiling(database, application.objects, to_json)
        self.housekeeping = Housekeeping(database, application.objects, settings.persistent_dir, kept)

    async def run(self) -> None:
        """Run those that need the messenger."""
        async with asyncio.TaskGroup() as group:
            for loop in (
                self.downloads,
                self.cards,
                self.outbox,
                self.wizards,
                self.answers,
                self.originals,
                self.takeouts,
            ):
                group.create_task(loop.run())
            group.create_task(Loop("updates", _SETTLE_S).run(self._inbox.settle))

    async def run_without_messenger(self) -> None:
        """Run the others."""
        async with asyncio.TaskGroup() as group:
            for loop in (self.knowledge, self.housekeeping, self._stranded, LagMonitor()):
                group.create_task(loop.run())
            group.create_task(Loop("conversations").run(self._conversations.settle))
            group.create_task(Loop("archive").run(self._archive.file_finished))
            group.create_task(Loop("old_reports", _OLD_REPORTS_S).run(self._old_reports.read))
            group.create_task(Loop("transcripts", FILED_EVERY_S).run(self._filing.file))
