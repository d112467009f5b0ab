"""Photographs for avatars: taken while a card asks for them, looked at one by one, taken out."""

import texts.avatars
import texts.chats
from access import Permission
from avatars.models import COLLECTING, AvatarStatus
from chats.questions import said_to_courtesy
from datamodels_telegram import IncomingMessage, MessageKind, Picture
from errors import OutdatedButton
from markups.avatars import consent_hint, photo_caption, photos_screen, where_photos_go
from markups.callback_data import Action, Press, id_of
from message_tracker import MessageTracker
from telegram_handlers.avatars import AvatarWork
from telegram_handlers.context import Context, MessageHandler, Routes
from telegram_handlers.shared import show
from text_cleaning import folded

_AGREED = "соглас"
_MOST_WORDS = 3


class AvatarPhotoHandlers:
    """Takes photographs. Without ``work`` there are no avatars here, and every button of one is outdated."""

    def __init__(self, messages: MessageTracker, work: AvatarWork | None) -> None:
        self._messages = messages
        self._given = work

    def routes(self) -> Routes:
        # Nobody has to be allowed to take out a photograph of themselves.
        return Routes(
            presses={
                Action.AVATAR_PHOTOS: (Permission.LOOK, self._list),
                Action.AVATAR_PHOTO: (Permission.LOOK, self._show),
                Action.AVATAR_PHOTO_REMOVE: (Permission.LOOK, self._remove),
            },
            pictures=None if self._given is None else self._photo,
        )

    def unless_agreed(self, otherwise: MessageHandler) -> MessageHandler:
        """Return a handler of typed text that tells of the button whoever agrees in words below the card that asks."""

        async def handle(context: Context, message: IncomingMessage) -> None:
            given = self._given
            if given is not None and _agrees(message) and await given.photos.asks_for_consent(context.user.id):
                await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, consent_hint())
            else:
                await otherwise(context, message)

        return handle

    @property
    def _work(self) -> AvatarWork:
        if self._given is None:
            raise OutdatedButton(data=Action.AVATARS)
        return self._given

    async def _photo(self, context: Context, message: IncomingMessage) -> bool:
        if await self._work.photos.take_in(context.user.id, message):
            self._work.wake()
            return True
        if message.picture is None:
            return False
        avatars = await self._work.avatars.all_of(context.user.id)
        waiting = [each for each in avatars if each.status in COLLECTING | {AvatarStatus.DRAFT}]
        if message.text and not waiting:
            return False
        await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, where_photos_go(waiting))
        return True

    async def _list(self, context: Context, press: Press) -> None:
        avatar, photos = await self._work.photo_set.listed(context.user.id, press.number)
        if context.pressed is not None:
            await self._work.telling.closed(context.user.id, context.pressed)
        await show(self._messages, context, MessageKind.MENU, photos_screen(avatar, photos))

    async def _show(self, context: Context, press: Press) -> None:
        number, photo = press.number, id_of(press)
        avatar, photos = await self._work.photo_set.listed(context.user.id, number)
        content = await self._work.photo_set.content(context.user.id, number, photo)
        place = [each.id for each in photos].index(photo) + 1
        await self._messages.send_file(
            context.chat,
            MessageKind.CONFIRMATION,
            content,
            f"{place}.jpg",
            photo_caption(avatar, photo, place),
            shown=Picture(),
        )

    async def _remove(self, context: Context, press: Press) -> None:
        await self._work.photo_set.remove(context.user.id, press.number, id_of(press))
        await context.answer(texts.avatars.PHOTO_REMOVED)
        avatar, photos = await self._work.photo_set.listed(context.user.id, press.number)
        await self._messages.send(context.chat, MessageKind.MENU, photos_screen(avatar, photos))


def _agrees(message: IncomingMessage) -> bool:
    words = folded(message.text).split()
    if not 0 < len(words) <= _MOST_WORDS:
        return False
    return words[0].startswith(_AGREED) or said_to_courtesy(message.text) == texts.chats.UNDERSTOOD
