"""Invitations: listed, made, shown as a link with its picture, taken back."""

import asyncio
import io
from collections.abc import Callable

import segno

import texts.access
from access import Permission, below
from datamodels import Role
from datamodels_telegram import MessageKind, Picture
from errors import NotFound, OutdatedButton
from markups.callback_data import Action, Press
from markups.invitations import invitation_card, invitation_message, invitations_menu, role_question, uses_question
from message_tracker import MessageTracker
from sign_in.invitations import Invitations
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


class InvitationHandlers:
    """Shows and makes invitations; ``bot_name`` returns what links to this bot name it by."""

    def __init__(self, messages: MessageTracker, invitations: Invitations, bot_name: Callable[[], str]) -> None:
        self._messages = messages
        self._invitations = invitations
        self._bot_name = bot_name

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.ACCESS_INVITATIONS_MENU: (Permission.INVITE, self._list),
                Action.INVITE: (Permission.INVITE, self._invite),
                Action.INVITATION: (Permission.INVITE, self._card),
                Action.INVITATION_REVOKE: (Permission.INVITE, self._revoke),
            }
        )

    async def _list(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        screen = invitations_menu(await self._invitations.open())
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _invite(self, context: Context, press: Press) -> None:
        """Ask for the role, then for the number of people, then make the invitation."""
        roles = below(context.user.role)
        if not press.words:
            await show(self._messages, context, MessageKind.MENU, role_question(roles))
            return
        if press.word not in roles:
            raise OutdatedButton(data=press.action)
        role = Role(press.word)
        if not press.numbers:
            await show(self._messages, context, MessageKind.MENU, uses_question(role))
            return
        made, code = await self._invitations.make(context.user.id, role, press.number)
        link = texts.access.LINK.format(bot=self._bot_name(), code=code)
        picture = await asyncio.to_thread(_picture, link)
        name, screen = texts.access.QR_FILE.format(number=made.number), invitation_message(made, link)
        await self._messages.send_file(context.chat, MessageKind.INFO_MESSAGE, picture, name, screen, shown=Picture())
        await self._messages.send(context.chat, MessageKind.MENU, invitations_menu(await self._invitations.open()))

    async def _card(self, context: Context, press: Press) -> None:
        try:
            screen = invitation_card(await self._invitations.find(press.number))
        except NotFound:
            await context.answer(texts.access.GONE)
            screen = invitations_menu(await self._invitations.open())
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _revoke(self, context: Context, press: Press) -> None:
        try:
            await self._invitations.revoke(context.user.id, press.number)
            await context.answer(texts.access.REVOKED.format(number=press.number))
        except NotFound:
            await context.answer(texts.access.GONE)
        await self._list(context, press)


def _picture(link: str) -> bytes:
    """Return a QR code as PNG."""
    content = io.BytesIO()
    segno.make(link, micro=False).save(content, kind="png", scale=8, border=4)
    return content.getvalue()
