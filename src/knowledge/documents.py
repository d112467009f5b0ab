"""Documents that are loaded to be asked about. They are the team's: whoever may load them sees and removes all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from audio import check_readable
from chats.forgetting import forget_source
from constants import LARGEST_DOCUMENT_BYTES, MOST_DOCUMENT_PAGES
from datamodels import UserId, Value
from db import Connection, Database
from errors import NotFound
from errors_of_operation import DocumentBroken, DocumentTooLarge
from random_ids import new_id
from text_cleaning import safe_file_name
from utils import human_size, sha256_of_file

_SELECT_KNOWN = "SELECT number FROM documents WHERE sha256 = %(sha256)s"
_INSERT = """
    INSERT INTO documents (id, owner_id, name, sha256, text)
    VALUES (%(id)s, %(owner)s, %(name)s, %(sha256)s, %(text)s)
    ON CONFLICT (sha256) DO NOTHING
    RETURNING number
"""
_COUNT = "SELECT count(*) AS documents FROM documents"
_SELECT = """
    SELECT
        number, documents.name, length(text) AS characters, documents.created_at,
        CASE WHEN telegram_id IS NOT NULL THEN users.name END AS loaded_by,
        sources.id IS NOT NULL AND sources.changed_at IS NULL AND NOT EXISTS (
            SELECT FROM chunks JOIN chunk_vectors ON chunk_id = chunks.id
            WHERE source_id = sources.id AND vector IS NULL
        ) AS searchable
    FROM documents
    JOIN users ON users.id = owner_id
    LEFT JOIN chunk_sources AS sources ON document_id = documents.id
    WHERE %(number)s::integer IS NULL OR number = %(number)s
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_DELETE = "DELETE FROM documents WHERE number = %(number)s RETURNING id, name"
_LONGEST_S = 180.0
"""After this many seconds reading is given up, should the reader's own limit not end it: one page may take for ever."""
_LARGEST_NUMBER = 2**31 - 1


class StoredDocument(Value):
    """A document as it is listed; ``searchable`` once all of its text can be found.

    ``loaded_by`` is None when it was loaded at the command line.
    """

    number: int
    name: str
    characters: int
    loaded_by: str | None
    created_at: datetime
    searchable: bool


class Loaded(NamedTuple):
    """``known`` tells that the same bytes had been loaded before."""

    number: int
    known: bool


class DocumentsPage(NamedTuple):
    """A page of the documents, of which there are ``total``. ``page`` counts from 1."""

    documents: Sequence[StoredDocument]
    page: int
    total: int


WithDocument = Callable[[Connection, Loaded], Awaitable[None]]
"""Does something more in the transaction that stores a document."""


class Documents:
    """Loads, lists and deletes documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(
        self, owner: UserId, path: Path, file_name: str, with_document: WithDocument | None = None
    ) -> Loaded:
        """Store the text of the file at ``path``, whose name for people is ``file_name``. Takes up to three minutes.

        The same bytes again are the document that is there, whoever loaded it.

        Raises:
            BadInput: no text could be taken out of it.
            DatabaseUnavailable: nothing was stored.
        """
        name = safe_file_name(file_name)
        await asyncio.to_thread(_require_loadable, path, name)
        sha256 = await sha256_of_file(path)
        async with self._database.transaction() as connection:
            number = await _number(connection, _SELECT_KNOWN, {"sha256": sha256})
        text = await _text_of(path, name) if number is None else ""
        parameters = {"id": new_id(), "owner": owner, "name": name, "sha256": sha256, "text": text}
        async with self._database.transaction() as connection:
            inserted = await _number(connection, _INSERT, parameters) if number is None else None
            # Else somebody else has loaded it while it was read.
            number = inserted or number or await _number(connection, _SELECT_KNOWN, parameters)
            if number is None:
                raise NotFound(what="a document that was just loaded")
            loaded = Loaded(number, known=inserted is None)
            if with_document is not None:
                await with_document(connection, loaded)
        return loaded

    async def page(self, page: int, size: int) -> DocumentsPage:
        """Load a page of the documents, the latest first; beyond the last page, load that one."""
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_COUNT)).fetchone()
            total = row["documents"] if row else 0
            page = min(page, max(1, -(-total // size)))
            return DocumentsPage(await _listed(connection, None, size, (page - 1) * size), page, total)

    async def find(self, number: int) -> StoredDocument:
        """Load a document.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._database.transaction() as connection:
            found = await _listed(connection, number, 1, 0) if number <= _LARGEST_NUMBER else []
        if not found:
            raise NotFound(what=f"document {number}")
        return found[0]

    async def delete(self, number: int) -> str | None:
        """Delete a document, and what answers quote of it; return its name, None when there is none of that number."""
        if number > _LARGEST_NUMBER:
            return None
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_DELETE, {"number": number})).fetchone()
            if row is not None:
                await forget_source(connection, row["id"])
        return None if row is None else str(row["name"])


def _require_loadable(path: Path, name: str) -> None:
    check_readable(path, name)
    if path.stat().st_size > LARGEST_DOCUMENT_BYTES:
        raise DocumentTooLarge(file_name=name, pages=MOST_DOCUMENT_PAGES, size=human_size(LARGEST_DOCUMENT_BYTES))


async def _text_of(path: Path, name: str) -> str:
    def read() -> str:
        # Only here: what reads PDF takes half a second to import, and few processes ever read one.
        from knowledge.document_text import document_text  # noqa: PLC0415

        return document_text(path.read_bytes(), name)

    try:
        async with asyncio.timeout(_LONGEST_S):
            return await asyncio.to_thread(read)
    except TimeoutError as exc:
        raise DocumentBroken(file_name=name, reason="it takes too long") from exc


async def _number(connection: Connection, query: str, parameters: dict[str, object]) -> int | None:
    row = await (await connection.execute(query, parameters)).fetchone()
    return None if row is None else int(row["number"])


async def _listed(connection: Connection, number: int | None, limit: int, offset: int) -> list[StoredDocument]:
    cursor = await connection.execute(_SELECT, {"number": number, "limit": limit, "offset": offset})
    return [StoredDocument.model_validate(row) async for row in cursor]
