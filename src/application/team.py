"""Who may come in, and who is of the team: the services and their handlers."""

from access import Team
from application.parts import Application
from application.web import address_of
from dialogs import Dialogs
from message_tracker import MessageTracker
from messenger import Messenger
from recordings.sharing import Sharing
from sign_in.allowances import LimitSettings
from sign_in.audit import AuditLog
from sign_in.erasures import Erasures
from sign_in.invitations import Invitations
from sign_in.people import People
from sign_in.sessions import Sessions
from telegram_handlers.browser import BrowserHandlers
from telegram_handlers.context import Routes
from telegram_handlers.invitations import InvitationHandlers
from telegram_handlers.limits import LimitHandlers
from telegram_handlers.people import PeopleHandlers
from telegram_handlers.sharing import SharingHandlers
from telegram_handlers.strangers import Strangers


class TeamParts:
    """What the bot needs to let people in and to change what they may do.

    ``sessions`` is None where browsers are not served.
    """

    def __init__(
        self,
        application: Application,
        team: Team,
        telegram: Messenger,
        messages: MessageTracker,
        sessions: Sessions | None,
    ) -> None:
        database = application.database
        invitations = Invitations(database, team)
        self.people = People(database, team, application.jobs.end_work_of)
        self.erasures = Erasures(database, team)
        self.strangers = Strangers(messages, invitations, has_owner=team.owner is not None)
        self._handlers = (
            PeopleHandlers(messages, self.people, invitations, AuditLog(database), Dialogs(database)),
            LimitHandlers(messages, LimitSettings(database, team, application.jobs.enqueue_recording)),
            InvitationHandlers(messages, invitations, lambda: telegram.username),
            SharingHandlers(messages, Sharing(database, team)),
            BrowserHandlers(messages, sessions, address_of(application.settings)),
        )

    def routes(self) -> list[Routes]:
        return [each.routes() for each in self._handlers]
