"""Ratings of answers: a button under an answer, a comment, and everybody's figures for those who oversee."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from access import Permission, may
from conversations.ratings import Ratings, parsed_comment
from datamodels_chats import BAD, RatedConversation
from datamodels_telegram import IncomingMessage, MessageId, MessageKind, OutgoingMessage
from dialogs import Dialogs, RatingDialog, Step, get_user_lock
from errors import BadText, NotFound, OutdatedButton
from markups.callback_data import Action, Press, answer_of
from markups.ratings import all_ratings, ask_comment, comment_cancelled, comment_kept, exported, rated
from message_tracker import MessageTracker
from random_ids import new_name
from system.local_time import local
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show
from texts.chats import QUESTIONS_LEFT
from texts.ratings import (
    ANSWER_GONE,
    BAD_THANKS,
    EXPORT_FILE,
    EXPORT_NONE,
    GONE,
    THANKS,
)
from texts.training_data import SYSTEM
from training_data.export import Examples, write


@dataclass(frozen=True)
class RatingWork:
    """The parts that the handlers use.

    ``examples`` collects everybody's good answers, files are made in ``spool``. With ``speaks`` there is a button that
    has an answer said.
    """

    ratings: Ratings
    examples: Callable[[], Awaitable[Examples]]
    spool: Path
    speaks: bool = False


class RatingHandlers:
    """Takes ratings and comments."""

    def __init__(self, dialogs: Dialogs, messages: MessageTracker, work: RatingWork) -> None:
        self._dialogs = dialogs
        self._messages = messages
        self._ratings = work.ratings
        self._examples = work.examples
        self._speaks = work.speaks
        self._folder = work.spool / "outgoing"

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.RATE_ANSWER: (Permission.ASK, self._rate),
                Action.COMMENT_ANSWER: (Permission.ASK, self._ask_comment),
                Action.CANCEL_COMMENT: (Permission.ASK, self._cancel),
                Action.ALL_RATINGS: (Permission.OVERSEE, self._all),
                Action.EXPORT_ANSWERS: (Permission.OVERSEE, self._export),
            },
            answers={Step.RATING_ASK_COMMENT: (Permission.ASK, self._comment_typed)},
            again={Step.RATING_ASK_COMMENT: self._comment_again},
        )

    async def _rate(self, context: Context, press: Press) -> None:
        answer_id, stars = answer_of(press), press.number
        if not 1 <= stars <= 5:
            raise OutdatedButton(data=press.action)
        try:
            await self._ratings.rate(context.user.id, answer_id, stars)
        except NotFound:
            await context.answer(GONE)
            return
        await context.answer((BAD_THANKS if stars <= BAD else THANKS).format(stars=stars))
        await self._show_rating(context, await self._ratings.find(context.user.id, answer_id), context.pressed)

    async def _show_rating(self, context: Context, conversation: RatedConversation, message: MessageId | None) -> None:
        """Show the rating under the answer, whose last message is ``message``."""
        if message is not None:
            researches = may(context.user.role, Permission.RECORD)
            screen = rated(conversation, speaks=self._speaks, researches=researches)
            await self._messages.edit(context.chat, message, screen)

    async def _ask_comment(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            try:
                conversation = await self._ratings.find(owner, answer_of(press))
            except NotFound:
                await context.answer(GONE)
                return
            dialog = RatingDialog(
                step=Step.RATING_ASK_COMMENT, answer_id=conversation.answer_id, message_id=context.pressed
            )
            interrupted = await self._dialogs.begin(owner, dialog)
            note = QUESTIONS_LEFT if interrupted else ""
            # Beneath the answer, which stays.
            await self._messages.send(context.chat, MessageKind.INPUT_REQUEST, ask_comment(conversation, note))

    async def _comment_again(self, context: Context) -> OutgoingMessage:
        dialog = await self._dialogs.find(context.user.id, RatingDialog)
        if dialog is None:
            raise OutdatedButton(data=RatingDialog.KEY)
        conversation = await self._ratings.find(context.user.id, dialog.answer_id)
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=ask_comment(conversation, ""))

    async def _comment_typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            dialog = await self._dialogs.find(owner, RatingDialog)
            if dialog is None:
                raise OutdatedButton(data=RatingDialog.KEY)
            try:
                conversation = await self._ratings.find(owner, dialog.answer_id)
                try:
                    comment = parsed_comment(message.text)
                except BadText as exc:
                    screen = ask_comment(conversation, f"❌ {exc.user_text}")
                    await self._messages.send(context.chat, MessageKind.INPUT_REQUEST, screen)
                    return
                await self._ratings.comment(owner, dialog.answer_id, comment)
            except NotFound:
                await self._leave(context)
                raise BadText(reason=ANSWER_GONE) from None
            conversation = conversation.model_copy(update={"comment": comment})
            await self._messages.send(context.chat, MessageKind.INFO_MESSAGE, comment_kept(conversation))
            await self._show_rating(context, conversation, dialog.message_id)
            # The dialog ends last, so that a message that is handled again after a crash says the same again.
            await self._leave(context)

    async def _leave(self, context: Context) -> None:
        """End the dialog and remove its question."""
        await self._dialogs.end(context.user.id, RatingDialog)
        await self._messages.remove(context.chat, [MessageKind.INPUT_REQUEST])

    async def _cancel(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            if await self._dialogs.find(owner, RatingDialog) is None:
                raise OutdatedButton(data=press.action)
            await self._dialogs.end(owner, RatingDialog)
            await show(self._messages, context, MessageKind.STATUS_MESSAGE, comment_cancelled())

    async def _all(self, context: Context, press: Press) -> None:
        page = press.number if press.numbers else 1
        stats, models, comments = (
            await self._ratings.stats(None),
            await self._ratings.models(),
            await self._ratings.comments(),
        )
        await show(self._messages, context, MessageKind.MENU, all_ratings(stats, models, comments, page))

    async def _export(self, context: Context, press: Press) -> None:
        button = press.model_dump_json()
        if not await self._dialogs.first_tap(context.user.id, context.pressed, button, context.update):
            return
        examples = await self._examples()
        if not examples:
            await context.answer(EXPORT_NONE)
            return
        path = self._folder / new_name()
        try:
            await asyncio.to_thread(write, examples, SYSTEM, path)
            name = EXPORT_FILE.format(day=f"{local(datetime.now(UTC)):%Y-%m-%d}")
            caption = exported(examples.counts.written)
            await self._messages.send_file(context.chat, MessageKind.RESULT, path, name, caption)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
