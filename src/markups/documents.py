"""Screens of the documents that are loaded to be asked about: the list, a document, its deletion."""

import texts.documents
import texts.telegram
from constants import DOCUMENT_EXTENSIONS
from datamodels_telegram import Screen
from knowledge.documents import DocumentsPage, StoredDocument
from markups.callback_data import Action, button
from markups.text import escaped, plain
from system.local_time import local

DOCUMENTS_ON_PAGE = 10
_LONGEST_LISTED_NAME = 30
"""Characters that fit on a button on a phone beside number and date."""


def documents_page(page: DocumentsPage) -> Screen:
    """Show one page of the documents."""
    pages = max(1, -(-page.total // DOCUMENTS_ON_PAGE))
    if page.total:
        text = texts.documents.COUNT if pages == 1 else texts.documents.COUNT_PAGES
        count = text.format(total=page.total, page=page.page, pages=pages)
    else:
        count = texts.documents.EMPTY
    about = texts.documents.ABOUT.format(extensions=", ".join(f".{each}" for each in sorted(DOCUMENT_EXTENSIONS)))
    turns = [(texts.documents.PREVIOUS, page.page - 1), (texts.documents.NEXT, page.page + 1)]
    turn = tuple(button(sign, Action.DOCUMENTS, to) for sign, to in turns if 1 <= to <= pages)
    return Screen(
        text=f"{texts.documents.TITLE}\n{count}\n\n{about}",
        keyboard=(
            *((button(_listed(each), Action.DOCUMENT, each.number),) for each in page.documents),
            *([turn] if turn else []),
            (button(texts.telegram.BACK, Action.MENU_STORAGE),),
        ),
    )


def document_card(document: StoredDocument) -> Screen:
    """Show a document with its deletion."""
    text = texts.documents.CARD.format(
        number=document.number,
        name=escaped(document.name),
        date=f"{local(document.created_at):%d.%m.%Y}",
        person=texts.documents.COMMAND_LINE if document.loaded_by is None else escaped(document.loaded_by),
        characters=document.characters,
        state=texts.documents.SEARCHABLE if document.searchable else texts.documents.PREPARED,
    )
    return Screen(
        text=text,
        keyboard=(
            (button(texts.documents.DELETE, Action.DOCUMENT_DELETE, document.number),),
            (button(texts.telegram.BACK, Action.DOCUMENTS, 1),),
        ),
    )


def document_delete_question(document: StoredDocument) -> Screen:
    """Ask before a document is deleted."""
    number = document.number
    return Screen(
        text=texts.documents.DELETE_QUESTION.format(number=number, name=escaped(document.name)),
        keyboard=(
            (
                button(texts.documents.DELETE_CONFIRM, Action.DOCUMENT_DELETE_CONFIRM, number),
                button(texts.telegram.CANCEL, Action.DOCUMENT, number),
            ),
        ),
    )


def _listed(document: StoredDocument) -> str:
    return texts.documents.LINE.format(
        number=document.number,
        name=plain(document.name, _LONGEST_LISTED_NAME),
        date=f"{local(document.created_at):%d.%m.%y}",
    )
