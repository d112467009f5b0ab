"""The people of the team and the record of changes: lists, cards, roles, blocks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import texts.access
import texts.erasures
from access import Permission, below, may
from datamodels import Role, UserId
from datamodels_telegram import IncomingMessage, MessageKind, OutgoingMessage, Screen
from dialogs import Dialogs, SettingsDialog, Step, get_user_lock
from errors import OutdatedButton
from markups.callback_data import Action, Press, id_of
from markups.invitations import access_menu
from markups.people import (
    ENTRIES_ON_PAGE,
    PEOPLE_ON_PAGE,
    AuditWords,
    audit_page,
    block_question,
    people_found,
    people_page,
    person_card,
    person_role_question,
    search_question,
    security_menu,
    verdict_screen,
)
from message_tracker import MessageTracker
from sign_in.audit import AuditFilter, AuditLog
from sign_in.invitations import Invitations
from sign_in.people import FILTERS, People, Person
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


@dataclass(frozen=True)
class PeopleHandlers:
    """Shows people and the record of changes, changes roles, blocks."""

    messages: MessageTracker
    people: People
    invitations: Invitations
    log: AuditLog
    dialogs: Dialogs

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.MENU_ACCESS: (Permission.INVITE, self._menu),
                Action.ACCESS_USERS_MENU: (Permission.INVITE, self._list),
                Action.PEOPLE_SEARCH: (Permission.INVITE, self._ask_for_name),
                Action.PERSON: (Permission.INVITE, self._card),
                Action.PERSON_ROLE: (Permission.GOVERN, self._role),
                Action.PERSON_BLOCK: (Permission.GOVERN, self._ask_to_block),
                Action.PERSON_BLOCK_CONFIRM: (Permission.GOVERN, self._block),
                Action.PERSON_UNBLOCK: (Permission.GOVERN, self._unblock),
                Action.ACCESS_SECURITY_MENU: (Permission.GOVERN, self._security),
                Action.AUDIT: (Permission.GOVERN, self._audit),
                Action.AUDIT_VERIFY: (Permission.GOVERN, self._verify),
                Action.AUDIT_EXPORT: (Permission.GOVERN, self._export),
            },
            answers={Step.SETTINGS_ASK_PERSON: (Permission.INVITE, self._search)},
            again={Step.SETTINGS_ASK_PERSON: self._name_again},
        )

    async def _menu(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        people, invitations = await self.people.count(), len(await self.invitations.open())
        governs = may(context.user.role, Permission.GOVERN)
        await self._show(context, access_menu(people, invitations, governs=governs))

    async def _list(self, context: Context, press: Press) -> None:
        if press.word not in FILTERS:
            raise OutdatedButton(data=press.action)
        await self.dialogs.end(context.user.id, SettingsDialog)
        page = await self.people.page(press.word, press.number, PEOPLE_ON_PAGE)
        await self._show(context, people_page(page, press.word))

    async def _ask_for_name(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        async with get_user_lock(context.user.id):
            await self.dialogs.begin(context.user.id, SettingsDialog(step=Step.SETTINGS_ASK_PERSON))
            await show(self.messages, context, MessageKind.INPUT_REQUEST, search_question())

    async def _name_again(self, context: Context) -> OutgoingMessage:  # noqa: ARG002  # it asks everybody the same
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=search_question())

    async def _search(self, context: Context, message: IncomingMessage) -> None:
        await self.dialogs.end(context.user.id, SettingsDialog)
        await self._show(context, people_found(await self.people.search(message.text, PEOPLE_ON_PAGE)))

    async def _card(self, context: Context, press: Press) -> None:
        await self._show_card(context, await self.people.find(_person_of(press)))

    async def _role(self, context: Context, press: Press) -> None:
        """Ask for the role; once it is chosen, give it."""
        id_, chosen = _person_of(press), press.words[1:]
        if not chosen:
            await self._show(context, person_role_question(await self.people.find(id_)))
            return
        if chosen[0] not in set(Role):
            raise OutdatedButton(data=press.action)
        await self.people.set_role(context.user.id, id_, Role(chosen[0]))
        await context.answer(texts.access.ROLE_CHANGED)
        await self._show_card(context, await self.people.find(id_))

    async def _ask_to_block(self, context: Context, press: Press) -> None:
        screen = block_question(await self.people.find(_person_of(press)))
        await show(self.messages, context, MessageKind.CONFIRMATION, screen)

    async def _block(self, context: Context, press: Press) -> None:
        id_ = _person_of(press)
        await self.people.block(context.user.id, id_)
        await context.answer(texts.access.BLOCKED)
        await self._show_card(context, await self.people.find(id_))

    async def _unblock(self, context: Context, press: Press) -> None:
        id_ = _person_of(press)
        await self.people.unblock(context.user.id, id_)
        person = await self.people.find(id_)
        await context.answer(texts.erasures.GOES_ON if person.is_blocked else texts.access.UNBLOCKED)
        await self._show_card(context, person)

    async def _security(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context, security_menu())

    async def _audit(self, context: Context, press: Press) -> None:
        words = _audit_words(press)
        person = id_of(press) if words.person else None
        wanted = AuditFilter(
            person=person,
            actions=list(texts.access.AUDIT_GROUPS[words.group][1]) if words.group else None,
            since=_days_ago(texts.access.AUDIT_SINCE[words.since][1]) if words.since else None,
        )
        page = await self.log.page(press.number, ENTRIES_ON_PAGE, wanted)
        name = None if person is None else (await self.people.find(UserId(person))).name
        await self._show(context, audit_page(page, words, name))

    async def _verify(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context, verdict_screen(await self.log.verify()))

    async def _export(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        caption = Screen(text=texts.access.EXPORTED)
        content = await self.log.export()
        await self.messages.send_file(context.chat, MessageKind.RESULT, content, texts.access.AUDIT_FILE, caption)

    async def _show_card(self, context: Context, person: Person) -> None:
        is_other = not person.is_owner and person.id != context.user.id
        governs = may(context.user.role, Permission.GOVERN)
        may_erase = is_other and (governs or person.role in below(context.user.role))
        await self._show(context, person_card(person, may_change=is_other and governs, may_erase=may_erase))

    async def _show(self, context: Context, screen: Screen) -> None:
        await show(self.messages, context, MessageKind.MENU, screen)


def _audit_words(press: Press) -> AuditWords:
    """Return the filters that a button of the record names, each at most once and in their order.

    Raises:
        OutdatedButton: the button names others.
    """
    group = next((word for word in press.words if word in texts.access.AUDIT_GROUPS), "")
    since = next((word for word in press.words if word in texts.access.AUDIT_SINCE), "")
    person = next((word for word in press.words[:1] if word not in {group, since}), "")
    words = AuditWords(person, group, since)
    if words.set != press.words:
        raise OutdatedButton(data=press.action)
    return words


def _days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _person_of(press: Press) -> UserId:
    return UserId(id_of(press))
