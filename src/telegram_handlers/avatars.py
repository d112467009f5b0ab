"""Avatars: made in a dialog, shown on a card, trained, painted with."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.avatars
from access import Permission, may
from avatars.intake import AvatarPhotos
from avatars.models import Aspect, Avatar, Gender, OrderKind
from avatars.photo_set import PhotoSet
from avatars.service import Avatars
from avatars.telling import Telling
from datamodels_telegram import IncomingMessage, MessageId, MessageKind, OutgoingMessage, Screen
from dialogs import AvatarDialog, Dialogs, Step, get_user_lock
from errors import BadText, OutdatedButton
from errors_of_operation import AvatarRefused
from markups.avatars import (
    PICTURES_ON_PAGE,
    ask_aspect,
    ask_name,
    ask_prompt,
    avatar_card,
    avatars_screen,
    card_kind,
    delete_question,
    gallery,
    painting,
    picture_message,
)
from markups.callback_data import Action, Press
from message_tracker import MessageTracker
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import show


@dataclass(frozen=True)
class AvatarWork:
    """The parts that the handlers use. ``wake`` makes the followers look at the database at once."""

    avatars: Avatars
    photos: AvatarPhotos
    photo_set: PhotoSet
    telling: Telling
    dialogs: Dialogs
    wake: Callable[[], None]


_ALWAYS = frozenset(
    [
        Action.AVATARS,
        Action.AVATAR,
        Action.AVATAR_CANCEL,
        Action.AVATAR_DELETE,
        Action.AVATAR_DELETE_CONFIRM,
        Action.AVATAR_GALLERY,
        Action.PICTURE,
        Action.PICTURE_DELETE,
    ]
)
"""What everybody may do who has avatars: see them, end what costs, delete what shows a face."""


class AvatarHandlers:
    """Makes avatars and shows them. Without ``work`` there are none here, and every button of one is outdated."""

    def __init__(self, messages: MessageTracker, work: AvatarWork | None) -> None:
        self._messages = messages
        self._given = work

    def routes(self) -> Routes:
        presses: dict[Action, PressHandler] = {
            Action.AVATARS: self._list,
            Action.AVATAR_NEW: self._new,
            Action.AVATAR: self._open,
            Action.AVATAR_GENDER: self._gender,
            Action.AVATAR_CONSENT: self._consent,
            Action.AVATAR_START: self._start,
            Action.AVATAR_CANCEL: self._cancel,
            Action.AVATAR_DELETE: self._ask_to_delete,
            Action.AVATAR_DELETE_CONFIRM: self._delete,
            Action.AVATAR_PAINT: self._paint,
            Action.AVATAR_GALLERY: self._gallery,
            Action.PICTURE: self._picture,
            Action.PICTURE_DELETE: self._delete_picture,
        }
        return Routes(
            presses={
                action: (Permission.LOOK if action in _ALWAYS else Permission.RECORD, handler)
                for action, handler in presses.items()
            },
            answers={
                Step.AVATAR_ASK_NAME: (Permission.RECORD, self._name_typed),
                Step.AVATAR_ASK_PROMPT: (Permission.RECORD, self._prompt_typed),
            },
            again={Step.AVATAR_ASK_NAME: self._name_again, Step.AVATAR_ASK_PROMPT: self._prompt_again},
        )

    @property
    def _work(self) -> AvatarWork:
        if self._given is None:
            raise OutdatedButton(data=Action.AVATARS)
        return self._given

    async def _list(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._work.dialogs.end(context.user.id, AvatarDialog)
        await self._show_list(context)

    async def _show_list(self, context: Context, note: str = "") -> None:
        avatars = await self._work.avatars.all_of(context.user.id)
        may_order = may(context.user.role, Permission.RECORD)
        screen = avatars_screen(avatars, is_test=self._work.avatars.rules.is_test, may_order=may_order, note=note)
        await self._go_on(context, MessageKind.MENU, screen)

    async def _go_on(
        self, context: Context, kind: MessageKind, screen: Screen, dialog: AvatarDialog | None = None
    ) -> None:
        """Show a screen in the place of a card, which is not drawn there any more; begin its ``dialog``."""
        async with get_user_lock(context.user.id):
            if dialog is not None:
                await self._work.dialogs.begin(context.user.id, dialog)
            if context.pressed is not None:
                await self._work.telling.closed(context.user.id, context.pressed)
            await show(self._messages, context, kind, screen)

    async def _new(self, context: Context, press: Press) -> None:  # noqa: ARG002
        dialog = AvatarDialog(step=Step.AVATAR_ASK_NAME)
        await self._go_on(context, MessageKind.INPUT_REQUEST, ask_name(), dialog)

    async def _name_again(self, context: Context) -> OutgoingMessage:  # noqa: ARG002  # it asks everybody the same
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=ask_name())

    async def _name_typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        try:
            avatar = await self._work.avatars.create(owner, context.chat, message.text)
        except BadText as exc:
            await show(self._messages, context, MessageKind.INPUT_REQUEST, ask_name(exc.user_text))
            return
        await self._work.dialogs.end(owner, AvatarDialog)
        await self._show_card(context, avatar.number)

    async def _gender(self, context: Context, press: Press) -> None:
        number, word = press.number, press.word
        if word not in set(Gender):
            raise OutdatedButton(data=press.action)
        await self._work.avatars.set_gender(context.user.id, number, Gender(word))
        await self._show_card(context, number)

    async def _consent(self, context: Context, press: Press) -> None:
        await self._work.avatars.consent(context.user.id, press.number)
        await self._show_card(context, press.number)

    async def _open(self, context: Context, press: Press) -> None:
        await self._work.dialogs.end(context.user.id, AvatarDialog)
        await self._show_card(context, press.number)

    async def _show_card(self, context: Context, number: int) -> None:
        """Show an avatar; from then on this message is the one that follows what becomes of it, and the former goes."""
        owner, avatars = context.user.id, self._work.avatars
        async with get_user_lock(owner):
            card = await avatars.card(owner, number)
            screen = avatar_card(card, avatars.rules, await avatars.left(owner, OrderKind.TRAINING))
            message = await self._show_as_card(context, card.avatar, screen)
            await self._work.telling.opened(card.avatar, message)
            if card.avatar.card_id not in (None, message):
                await self._messages.remove_message(context.chat, card.avatar.card_id)

    async def _show_as_card(self, context: Context, avatar: Avatar, screen: Screen) -> MessageId:
        kind, pressed = card_kind(avatar), context.pressed
        if pressed is None:
            return await self._messages.send(context.chat, kind, screen)
        if pressed == avatar.card_id and await self._messages.turn_into(context.chat, pressed, kind, screen):
            return pressed
        return await self._messages.replace(context.chat, pressed, kind, screen)

    async def _start(self, context: Context, press: Press) -> None:
        try:
            started = await self._work.avatars.start(context.user.id, press.number, context.update)
        except AvatarRefused as exc:
            await context.answer(exc.user_text)
        else:
            await context.answer(texts.avatars.STARTED if started else texts.avatars.STARTED_ALREADY)
        await self._show_card(context, press.number)

    async def _cancel(self, context: Context, press: Press) -> None:
        cancelled = await self._work.avatars.cancel(context.user.id, press.number)
        await context.answer(texts.avatars.CANCELLING if cancelled else texts.avatars.TOO_LATE)
        await self._show_card(context, press.number)

    async def _ask_to_delete(self, context: Context, press: Press) -> None:
        card = await self._work.avatars.card(context.user.id, press.number)
        await self._go_on(context, MessageKind.CONFIRMATION, delete_question(card.avatar))

    async def _delete(self, context: Context, press: Press) -> None:
        card = (await self._work.avatars.card(context.user.id, press.number)).avatar.card_id
        await self._work.avatars.delete(context.user.id, press.number)
        await self._show_list(context, texts.avatars.DELETED)
        if card not in (None, context.pressed):
            await self._messages.remove_message(context.chat, card)
        self._work.wake()

    async def _paint(self, context: Context, press: Press) -> None:
        """Ask for the shape of a picture, or for what is in it."""
        number, owner = press.number, context.user.id
        avatars = self._work.avatars
        card = await avatars.card(owner, number)
        if not await avatars.left(owner, OrderKind.PICTURE):
            # Nobody shall describe a picture that cannot be ordered.
            await context.answer(avatars.no_pictures_left().user_text)
            return
        if not press.words:
            trainer = avatars.rules.trainer if card.order is None else card.order.trainer
            price = avatars.rules.picture_usd(trainer, Aspect.SQUARE)
            left = await avatars.left(owner, OrderKind.PICTURE)
            await self._go_on(context, MessageKind.MENU, ask_aspect(card.avatar, price, left))
            return
        if press.word not in set(Aspect):
            raise OutdatedButton(data=press.action)
        dialog = AvatarDialog(step=Step.AVATAR_ASK_PROMPT, number=number, aspect=press.word)
        await self._go_on(context, MessageKind.INPUT_REQUEST, ask_prompt(card.avatar, Aspect(press.word)), dialog)

    async def _prompt_dialog(self, context: Context) -> AvatarDialog:
        dialog = await self._work.dialogs.find(context.user.id, AvatarDialog)
        if dialog is None or not dialog.number:
            raise OutdatedButton(data=AvatarDialog.KEY)
        return dialog

    async def _prompt_again(self, context: Context) -> OutgoingMessage:
        dialog = await self._prompt_dialog(context)
        card = await self._work.avatars.card(context.user.id, dialog.number)
        screen = ask_prompt(card.avatar, Aspect(dialog.aspect))
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=screen)

    async def _prompt_typed(self, context: Context, message: IncomingMessage) -> None:
        owner, avatars = context.user.id, self._work.avatars
        dialog = await self._prompt_dialog(context)
        aspect, occasion = Aspect(dialog.aspect), f"{context.chat}:{message.message_id}"
        try:
            order = await avatars.paint(owner, dialog.number, aspect, message.text, occasion)
        except BadText as exc:
            card = await avatars.card(owner, dialog.number)
            screen = ask_prompt(card.avatar, aspect, exc.user_text)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)
            return
        await self._work.dialogs.end(owner, AvatarDialog)
        await show(self._messages, context, MessageKind.STATUS_MESSAGE, painting(order))

    async def _gallery(self, context: Context, press: Press) -> None:
        if len(press.numbers) != 2:
            raise OutdatedButton(data=press.action)
        number, page = press.numbers
        avatar, pictures, total = await self._work.avatars.gallery(context.user.id, number, page, PICTURES_ON_PAGE)
        await self._go_on(context, MessageKind.MENU, gallery(avatar, page, pictures, total))

    async def _picture(self, context: Context, press: Press) -> None:
        await self._work.telling.send_picture(context.user.id, press.number, context.update, picture_message)
        await context.answer(texts.avatars.SENDING)
        self._work.wake()

    async def _delete_picture(self, context: Context, press: Press) -> None:
        await self._work.avatars.delete_picture(context.user.id, press.number)
        await context.answer(texts.avatars.PICTURE_DELETED.format(number=press.number))
        self._work.wake()
