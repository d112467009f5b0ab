"""Chats in the bot: what people can do with questions and answers."""

from collections.abc import Callable
from functools import partial

from application.parts import Application
from application.speeches import speeches_of
from application.training_data import collect_from
from chats.asking import Asking
from chats.export import write_history
from chats.threads import Chats
from conversations.ratings import Ratings
from dialogs import Dialogs
from message_tracker import MessageTracker
from system.local_time import today
from telegram_handlers.asking import AskingHandlers, AskingWork
from telegram_handlers.chats import ChatHandlers, ChatWork
from telegram_handlers.context import Routes
from telegram_handlers.ratings import RatingHandlers, RatingWork
from telegram_handlers.speeches import SpeechHandlers


def threads_of(application: Application) -> Chats:
    """Make the chats of every person."""
    most = application.settings.chat_hourly_limit
    return Chats(application.database, application.jobs.enqueue_answer, application.conversations.get_stats, most)


def chats_of(application: Application, messages: MessageTracker) -> ChatHandlers:
    """Make the handlers of chats and questions."""
    database = application.database
    work = ChatWork(
        chats=threads_of(application),
        write_history=partial(write_history, database),
        spool=application.settings.persistent_dir / "spool",
        today=today,
    )
    return ChatHandlers(Dialogs(database), messages, work)


def about_chats(
    application: Application, messages: MessageTracker, chats: ChatHandlers, wake_speeches: Callable[[], None]
) -> list[Routes]:
    """Return what people can do in chats and with the answers in them."""
    dialogs = Dialogs(application.database)
    return [
        chats.routes(),
        AskingHandlers(messages, _asking(application)).routes(),
        RatingHandlers(dialogs, messages, _ratings(application)).routes(),
        SpeechHandlers(messages, speeches_of(application), dialogs, wake_speeches).routes(),
    ]


def _asking(application: Application) -> AskingWork:
    most = application.settings.chat_hourly_limit
    asking = Asking(application.database, application.jobs.enqueue_answer, most)
    return AskingWork(threads_of(application), asking, application.pack)


def _ratings(application: Application) -> RatingWork:
    return RatingWork(
        ratings=Ratings(application.database, application.conversations),
        examples=partial(collect_from, application.database),
        spool=application.settings.persistent_dir / "spool",
        speaks=application.engines.has_voice,
    )
