"""The follower of avatars: it keeps their cards true and tells of orders that have ended."""

from typing import Never

from avatars.models import AvatarCard, OrderKind
from avatars.service import Avatars
from avatars.telling import Telling
from datamodels_telegram import ChatId, MessageId, MessageKind, Screen
from dialogs import get_user_lock
from followers import Loop
from markups.avatars import avatar_card, card_kind, delayed_message, ended_message
from message_tracker import MessageTracker
from messenger import AlreadySent, ChatClosed
from system.local_time import ZoneOf, in_zone


class AvatarCards:
    """Edits cards that show an earlier version, sends those that were asked for anew."""

    def __init__(self, avatars: Avatars, telling: Telling, messages: MessageTracker, zone_of: ZoneOf) -> None:
        self._avatars = avatars
        self._telling = telling
        self._messages = messages
        self._zone_of = zone_of
        self._loop = Loop("avatar_cards")

    def wake(self) -> None:
        """Look at once."""
        self._loop.wake()

    async def run(self) -> Never:
        """Work until cancelled; after a crash the rows say what is left to do."""
        await self._loop.run(self.step)

    async def step(self) -> None:
        """Look once."""
        await self._telling.tell(ended_message)
        await self._telling.tell_delays(delayed_message)
        for avatar in await self._telling.unshown():
            async with get_user_lock(avatar.owner_id):
                # A screen that its person has gone on to meanwhile is not written over.
                card = await self._telling.card(avatar)
                if card is not None:
                    await self._show(card)

    async def _show(self, card: AvatarCard) -> None:
        avatar = card.avatar
        assert avatar.chat_id is not None  # noqa: S101  # the others are not listed
        with in_zone(await self._zone_of(avatar.owner_id)):
            left = await self._avatars.left(avatar.owner_id, OrderKind.TRAINING)
            screen = avatar_card(card, self._avatars.rules, left)
        message, kind = avatar.card_id, card_kind(avatar)
        try:
            if avatar.card_wanted:
                message = await self._messages.send(avatar.chat_id, kind, screen, random_id=avatar.card_random_id)
            elif message is not None and not await self._edit(avatar.chat_id, message, kind, screen):
                message = None
        except (AlreadySent, ChatClosed):
            # Its person has removed it, or is away: the card comes when it is opened.
            message = None
        await self._telling.note_shown(avatar, message)

    async def _edit(self, chat: ChatId, message: MessageId, kind: MessageKind, screen: Screen) -> bool:
        """Draw a card anew where it stands; return False when it is gone."""
        if kind is MessageKind.MENU:
            # What its person has opened below since remains.
            return await self._messages.edit(chat, message, screen)
        return await self._messages.turn_into(chat, message, kind, screen)
