"""Who may come in, and who is of the team: the services and their handlers."""

from access import Team
from application.parts import Application
from dialogs import Dialogs
from message_tracker import MessageTracker
from messenger import Messenger
from sign_in.audit import AuditLog
from sign_in.invitations import Invitations
from sign_in.people import People
from telegram_handlers.context import Routes
from telegram_handlers.invitations import InvitationHandlers
from telegram_handlers.people import PeopleHandlers
from telegram_handlers.strangers import Strangers


class TeamParts:
    """What the bot needs to let people in and to change what they may do."""

    def __init__(self, application: Application, team: Team, telegram: Messenger, messages: MessageTracker) -> None:
        database = application.database
        self.people = People(database, team, application.jobs.end_work_of)
        invitations = Invitations(database, team)
        self.strangers = Strangers(messages, invitations, has_owner=team.owner is not None)
        self._invitations = InvitationHandlers(messages, invitations, lambda: telegram.username)
        self._people = PeopleHandlers(messages, self.people, invitations, AuditLog(database), Dialogs(database))

    def routes(self) -> list[Routes]:
        return [self._people.routes(), self._invitations.routes()]
