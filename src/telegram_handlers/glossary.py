"""The glossary: shown, added to, and what a correction taught is kept."""

import texts.editing
from access import Permission, may
from datamodels_telegram import IncomingMessage, MessageKind, OutgoingMessage
from dialogs import Dialogs, EditingDialog, Step, get_user_lock
from errors import AccessDenied, BadText, OutdatedButton
from markups.callback_data import Action, Press
from markups.editing import ask_term, glossary_screen, remove_term_screen
from markups.text import escaped
from message_tracker import MessageTracker
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show
from transcription.glossary.service import Glossary

_TEAM = "team"


class GlossaryHandlers:
    """Shows a person's terms and the team's. The team's are changed by who curates what everybody is answered from."""

    def __init__(self, messages: MessageTracker, glossary: Glossary, dialogs: Dialogs) -> None:
        self._messages = messages
        self._glossary = glossary
        self._dialogs = dialogs

    def routes(self) -> Routes:
        presses = {
            Action.GLOSSARY: self._list,
            Action.GLOSSARY_ADD: self._ask,
            Action.GLOSSARY_REMOVE: self._remove,
            Action.GLOSSARY_KEEP: self._keep,
        }
        return Routes(
            presses={action: (Permission.RECORD, handler) for action, handler in presses.items()},
            answers={Step.EDITING_ASK_TERM: (Permission.RECORD, self._typed)},
            again={Step.EDITING_ASK_TERM: self._again},
        )

    async def _list(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context)

    async def _show(self, context: Context, note: str = "") -> None:
        terms = await self._glossary.list(context.user.id)
        screen = glossary_screen(terms, curates=may(context.user.role, Permission.CURATE), note=note)
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _ask(self, context: Context, press: Press) -> None:
        for_team = press.words == (_TEAM,)
        _check_team(context, for_team=for_team)
        async with get_user_lock(context.user.id):
            dialog = EditingDialog(step=Step.EDITING_ASK_TERM, for_team=for_team)
            await self._dialogs.begin(context.user.id, dialog)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, ask_term(for_team=for_team))

    async def _again(self, context: Context) -> OutgoingMessage:
        dialog = await self._dialogs.find(context.user.id, EditingDialog)
        screen = ask_term(for_team=dialog is not None and dialog.for_team)
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=screen)

    async def _typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        dialog = await self._dialogs.find(owner, EditingDialog)
        if dialog is None:
            raise OutdatedButton(data=EditingDialog.KEY)
        _check_team(context, for_team=dialog.for_team)
        try:
            added = await self._glossary.add(owner, message.text, for_team=dialog.for_team)
        except BadText as exc:
            screen = ask_term(exc.user_text, for_team=dialog.for_team)
            await show(self._messages, context, MessageKind.INPUT_REQUEST, screen)
            return
        await self._dialogs.end(owner, EditingDialog)
        await self._show(context, texts.editing.GLOSSARY_ADDED.format(terms=escaped(", ".join(added))))

    async def _remove(self, context: Context, press: Press) -> None:
        """Ask which term to remove, or remove it."""
        curates = may(context.user.role, Permission.CURATE)
        if press.numbers:
            term = await self._glossary.remove(context.user.id, press.number, curates=curates)
            await context.answer(texts.editing.GLOSSARY_REMOVED.format(term=term))
            await self._show(context)
            return
        terms = await self._glossary.list(context.user.id)
        await show(self._messages, context, MessageKind.MENU, remove_term_screen(terms, curates=curates))

    async def _keep(self, context: Context, press: Press) -> None:
        """Keep what a correction put in; the button stands under the correction."""
        dialog = await self._dialogs.find(context.user.id, EditingDialog)
        if dialog is None or dialog.step is not Step.EDITING_ASK_WORDS or not dialog.replacement:
            raise OutdatedButton(data=press.action)
        terms = await self._glossary.add(context.user.id, dialog.replacement)
        await context.answer(texts.editing.GLOSSARY_KEPT.format(term=", ".join(terms)))


def _check_team(context: Context, *, for_team: bool) -> None:
    if for_team and not may(context.user.role, Permission.CURATE):
        raise AccessDenied(person=context.user.id, permission=Permission.CURATE)
