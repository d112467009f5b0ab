"""The bot's followers: loops that look at the database and do what its rows ask for."""

import asyncio
from functools import partial

from application.avatars import avatars_of
from application.background import Background
from application.parts import Application
from audio import find_ffmpeg
from avatars.intake import AvatarPhotos
from avatars.pictures import PictureFiles
from avatars.telling import Telling
from chat_deliveries import ChatDeliveries
from downloads import Downloads
from followers import Loop
from inbox import Inbox
from jobs.words import WORDS_QUEUE
from lost_originals import LostOriginals
from message_tracker import MessageTracker
from messenger import Messenger
from outbox import Outbox, OutboxFiles
from progress import ProgressCards
from recording_wizard import RecordingWizards
from recordings.preferences import Preferences
from recordings.spoken import SpokenWords
from reports.takeout.orders import TakeoutOrders
from reports.takeout.service import Takeout
from sign_in.erasures import EndedErasures
from speeches.waiting import WaitingChats
from system.local_time import today
from telegram_handlers.avatar_cards import AvatarCards
from telegram_handlers.erasures import ErasureNotices
from telegram_handlers.speech_deliveries import SpeechDeliveries
from telegram_handlers.takeout import TakeoutMaker

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
        self.spoken = SpokenWords(database, partial(jobs.enqueue_other, WORDS_QUEUE), settings.voice_hourly_limit)
        self.downloads = Downloads(
            database,
            telegram,
            application.intake,
            spool,
            settings.max_parallel_downloads,
            kept_s=settings.spool_keep_s if settings.minio_endpoint else 0.0,
            hear=self.spoken.hear,
            check_photo=AvatarPhotos(database, application.objects).check,
        )
        self.cards = ProgressCards(database, telegram, application.pack, zone_of=preferences.zone_of)
        ffmpeg = find_ffmpeg(settings.ffmpeg)
        pictures = PictureFiles(database, application.objects)
        files = OutboxFiles(database, application.originals, application.pack, spool, ffmpeg, pictures)
        self.outbox = Outbox(database, messages, files, zone_of=preferences.zone_of, is_quiet=preferences.is_quiet)
        self.takeout_orders = TakeoutOrders(database)
        self.takeouts = TakeoutMaker(
            self.takeout_orders, partial(Takeout, database, application.pack), messages, spool, preferences.zone_of
        )
        self.speeches = SpeechDeliveries(WaitingChats(database), messages, self.outbox.wake)
        self.answers = ChatDeliveries(database, messages, self.outbox.wake, speaks=application.engines.has_voice)
        self.wizards = RecordingWizards(
            database, application.pack, application.jobs.enqueue_proposal, self.outbox.wake, today, preferences.zone_of
        )
        self._erasures = ErasureNotices(EndedErasures(database), telegram)
        self.originals = LostOriginals(database, application.originals, jobs.enqueue_recording)
        avatars = avatars_of(application)
        cards = AvatarCards(avatars, Telling(database), messages, preferences.zone_of) if avatars else None
        self.avatars, self._avatar_cards = avatars, cards
        self._inbox = inbox
        self.background = Background(application)

    def wake_deliveries(self) -> None:
        """Have cards, questions and messages looked at at once."""
        self.cards.wake()
        self.wizards.wake()
        self.outbox.wake()
        if self._avatar_cards is not None:
            self._avatar_cards.wake()

    def wake_all(self) -> None:
        """Have files fetched at once, too."""
        self.downloads.wake()
        self.wake_deliveries()

    async def run(self) -> None:
        """Run those that need the messenger."""
        async with asyncio.TaskGroup() as group:
            for loop in (
                self.downloads,
                self.cards,
                self.outbox,
                self.wizards,
                self.answers,
                self.speeches,
                self.originals,
                self.takeouts,
                self._erasures,
            ):
                group.create_task(loop.run())
            if self._avatar_cards is not None:
                group.create_task(self._avatar_cards.run())
            group.create_task(Loop("updates", _SETTLE_S).run(self._inbox.settle))
