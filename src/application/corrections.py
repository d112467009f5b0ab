"""The handlers of corrected transcripts and of the glossary, with their services."""

from collections.abc import Callable, Sequence

from db import Database
from dialogs import Dialogs
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack
from recordings.lookup import Recordings
from telegram_handlers.context import Routes
from telegram_handlers.editing import EditingHandlers, EditingWork
from telegram_handlers.glossary import GlossaryHandlers
from transcription.editing.service import TranscriptEditing
from transcription.glossary.service import Glossary


def corrections(
    database: Database, pack: ReportPack, messages: MessageTracker, wake: Callable[[], None]
) -> Sequence[Routes]:
    """Return the routes; ``wake`` has what is to be sent looked at at once."""
    dialogs = Dialogs(database)
    work = EditingWork(TranscriptEditing(database, pack), Recordings(database), dialogs, wake)
    return (
        EditingHandlers(messages, work).routes(),
        GlossaryHandlers(messages, Glossary(database), dialogs).routes(),
    )
