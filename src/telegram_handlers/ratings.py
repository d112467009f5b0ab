"""Ratings of answers: a button under an answer, a comment, and everybody's figures for those who oversee."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from access import Permission
from conversations.ratings import COMMENT_CHARACTERS, Ratings
from datamodels_chats import BAD
from datamodels_telegram import IncomingMessage, MessageKind
from dialogs import Dialogs, RatingDialog, Step, get_user_lock
from errors import BadText, NotFound, OutdatedButton
from markups.callback_data import Action, Press, answer_of
from markups.ratings import all_ratings, ask_comment, comment_cancelled, comment_kept, exported, rated
from message_tracker import MessageTracker
from random_ids import new_name
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show
from texts.chats import CHARACTER, QUESTIONS_LEFT
from texts.ratings import (
    ANSWER_GONE,
    BAD_THANKS,
    COMMENT_BLANK,
    COMMENT_TOO_LONG,
    EXPORT_FILE,
    EXPORT_NONE,
    THANKS,
)
from texts.training_data import SYSTEM
from training_data.export import Examples, write


@dataclass(frozen=True)
class RatingWork:
    """The parts that the handlers use. ``examples`` collects everybody's good answers; files are made in ``spool``."""

    ratings: Ratings
    examples: Callable[[], Awaitable[Examples]]
    spool: Path


class RatingHandlers:
    """Takes ratings and comments."""

    def __init__(self, dialogs: Dialogs, messages: MessageTracker, work: RatingWork) -> None:
        self._dialogs = dialogs
        self._messages = messages
        self._ratings = work.ratings
        self._examples = work.examples
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
        )

    async def _rate(self, context: Context, press: Press) -> None:
        answer_id, stars = answer_of(press), press.number
        if not 1 <= stars <= 5:
            raise OutdatedButton(data=press.action)
        await self._ratings.rate(context.user.id, answer_id, stars)
        await context.answer((BAD_THANKS if stars <= BAD else THANKS).format(stars=stars))
        if context.pressed is not None:
            conversation = await self._ratings.find(context.user.id, answer_id)
            await self._messages.edit(context.chat, context.pressed, rated(conversation))

    async def _ask_comment(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            conversation = await self._ratings.find(owner, answer_of(press))
            dialog = RatingDialog(step=Step.RATING_ASK_COMMENT, answer_id=conversation.answer_id)
            interrupted = await self._dialogs.begin(owner, dialog)
            note = QUESTIONS_LEFT if interrupted else ""
            # Beneath the answer, which stays.
            await self._messages.send(context.chat, MessageKind.INPUT_REQUEST, ask_comment(conversation, note))

    async def _comment_typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        async with get_user_lock(owner):
            dialog = await self._dialogs.find(owner, RatingDialog)
            if dialog is None:
                raise OutdatedButton(data=RatingDialog.KEY)
            try:
                conversation = await self._ratings.find(owner, dialog.answer_id)
                try:
                    comment = _parsed(message.text)
                except BadText as exc:
                    again = ask_comment(conversation, f"❌ {exc.user_text}")
                    await self._messages.send(context.chat, MessageKind.INPUT_REQUEST, again)
                    return
                await self._ratings.comment(owner, dialog.answer_id, comment)
            except NotFound:
                await self._dialogs.end(owner, RatingDialog)
                raise BadText(reason=ANSWER_GONE) from None
            await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, comment_kept())
            # The dialog ends last, so that a message that is handled again after a crash says the same again.
            await self._dialogs.end(owner, RatingDialog)

    async def _cancel(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        async with get_user_lock(context.user.id):
            await self._dialogs.end(context.user.id, RatingDialog)
            await show(self._messages, context, MessageKind.STATUS_MESSAGE, comment_cancelled())

    async def _all(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        stats, models = await self._ratings.stats(None), await self._ratings.models()
        await show(self._messages, context, MessageKind.MENU, all_ratings(stats, models))

    async def _export(self, context: Context, press: Press) -> None:
        if not await self._dialogs.first_tap(context.user.id, context.pressed, press.model_dump_json()):
            return
        examples = await self._examples()
        if not examples:
            await context.answer(EXPORT_NONE)
            return
        path = self._folder / new_name()
        try:
            await asyncio.to_thread(write, examples, SYSTEM, path)
            name = EXPORT_FILE.format(day=f"{datetime.now(UTC).astimezone():%Y-%m-%d}")
            caption = exported(examples.counts.written)
            await self._messages.send_file(context.chat, MessageKind.RESULT, path, name, caption)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _parsed(text: str) -> str:
    """Return a comment without blanks around it and without NUL, which cannot be stored.

    Raises:
        BadText: the comment is empty or too long.
    """
    comment = text.replace("\0", "").strip()
    if not comment:
        raise BadText(reason=COMMENT_BLANK)
    if len(comment) > COMMENT_CHARACTERS:
        length = CHARACTER.counted(len(comment))
        raise BadText(reason=COMMENT_TOO_LONG.format(length=length, longest=COMMENT_CHARACTERS))
    return comment
