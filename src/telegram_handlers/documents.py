"""The documents that questions are answered from: listed, opened, deleted. Their files come in as recordings do."""

import texts.documents
from access import Permission
from datamodels_telegram import MessageKind
from knowledge.documents import Documents
from markups.callback_data import Action, Press
from markups.documents import DOCUMENTS_ON_PAGE, document_card, document_delete_question, documents_page
from message_tracker import MessageTracker
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


class DocumentHandlers:
    """Shows and deletes documents."""

    def __init__(self, messages: MessageTracker, documents: Documents) -> None:
        self._messages = messages
        self._documents = documents

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.DOCUMENTS: (Permission.CURATE, self._list),
                Action.DOCUMENT: (Permission.CURATE, self._card),
                Action.DOCUMENT_DELETE: (Permission.CURATE, self._ask_to_delete),
                Action.DOCUMENT_DELETE_CONFIRM: (Permission.CURATE, self._delete),
            }
        )

    async def _list(self, context: Context, press: Press) -> None:
        await self._show_list(context, press.number)

    async def _show_list(self, context: Context, number: int) -> None:
        page = await self._documents.page(number, DOCUMENTS_ON_PAGE)
        await show(self._messages, context, MessageKind.MENU, documents_page(page))

    async def _card(self, context: Context, press: Press) -> None:
        screen = document_card(await self._documents.find(press.number))
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _ask_to_delete(self, context: Context, press: Press) -> None:
        screen = document_delete_question(await self._documents.find(press.number))
        await show(self._messages, context, MessageKind.CONFIRMATION, screen)

    async def _delete(self, context: Context, press: Press) -> None:
        deleted = await self._documents.delete(press.number)
        text = texts.documents.GONE if deleted is None else texts.documents.DELETED.format(number=press.number)
        await context.answer(text)
        await self._show_list(context, 1)
