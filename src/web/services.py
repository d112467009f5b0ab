"""The services that pages and the JSON interface call: the same that the bot calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from avatars.drops import PhotoDrops
from avatars.gallery import Gallery
from avatars.photo_set import PhotoSet
from avatars.service import Avatars
from avatars.webhook import ImageWebhook
from chats.reading import ChatReading
from chats.threads import Chats
from conversations.ratings import Ratings
from dead_letters import DeadLetters
from health.operation import Operation
from limits.own import OwnLimits
from metadata.waiting import WaitingRecordings
from prompt_pack.models import ReportPack
from recordings.cancellations import Cancellations
from recordings.changes import RecordingChanges
from recordings.descriptions import Descriptions
from recordings.intake import Intake, IntakeLimits
from recordings.listening import Listening
from recordings.lookup import Recordings
from recordings.preferences import Preferences
from recordings.spoken_questions import SpokenQuestions
from recordings.transcript_pages import TranscriptPages
from recordings.uploads import Uploads
from reports.archive import ReportArchive
from reports.estimate import Estimates
from reports.made_files import MadeFiles
from reports.orders import ReportOrders
from sign_in.audit import AuditLog
from sign_in.invitations import Invitations
from sign_in.people import People
from sign_in.sessions import Sessions
from speeches.service import Speeches
from training_data.export import Examples
from transcription.editing.service import TranscriptEditing
from transcription.glossary.service import Glossary


@dataclass(frozen=True)
class Administration:
    """What administrators see. ``bot_name`` returns what links to the bot name it by, "" where there is none."""

    people: People
    invitations: Invitations
    audit: AuditLog
    letters: DeadLetters
    operation: Operation
    bot_name: Callable[[], str]


@dataclass(frozen=True)
class AvatarServices:
    """What avatars are made with, where there are any."""

    avatars: Avatars
    drops: PhotoDrops
    gallery: Gallery
    photo_set: PhotoSet


@dataclass(frozen=True)
class Services:
    """``has_demo_model`` tells whether the model for demonstration writes reports, ``has_voice`` whether we speak.

    ``avatars`` are made, and ``webhook`` takes those of the image service, where there is one.
    """

    sessions: Sessions
    pack: ReportPack
    limits: IntakeLimits
    recordings: Recordings
    uploads: Uploads
    intake: Intake
    changes: RecordingChanges
    cancellations: Cancellations
    descriptions: Descriptions
    transcripts: TranscriptPages
    editing: TranscriptEditing
    glossary: Glossary
    listening: Listening
    waiting: WaitingRecordings
    orders: ReportOrders
    estimates: Estimates
    archive: ReportArchive
    files: MadeFiles
    chats: Chats
    reading: ChatReading
    ratings: Ratings
    preferences: Preferences
    own_limits: OwnLimits
    examples: Callable[[], Awaitable[Examples]]
    spoken: SpokenQuestions
    speeches: Speeches
    has_voice: Callable[[], bool]
    has_demo_model: Callable[[], bool]
    administration: Administration
    avatars: AvatarServices | None = None
    webhook: ImageWebhook | None = None
