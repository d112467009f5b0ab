"""Documents that people load to be asked about."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from datamodels import UserId, Value, Visibility
from db import Connection, Database
from knowledge.document_text import document_text
from knowledge.values import DocumentId
from random_ids import new_id
from text_cleaning import safe_file_name

_INSERT = """
    INSERT INTO documents (id, owner_id, visibility, name, sha256, text)
    VALUES (%(id)s, %(owner)s, %(visibility)s, %(name)s, %(sha256)s, %(text)s)
    ON CONFLICT (owner_id, sha256) DO UPDATE SET name = EXCLUDED.name, visibility = EXCLUDED.visibility
    RETURNING id
"""
_SELECT = """
    SELECT id, name, length(text) AS characters, created_at FROM documents WHERE owner_id = %(owner)s
    ORDER BY created_at, id
"""
_DELETE = "DELETE FROM documents WHERE id = %(id)s AND owner_id = %(owner)s RETURNING id"


class StoredDocument(Value):
    """A document as its owner sees it in a list."""

    id: DocumentId
    name: str
    characters: int
    created_at: datetime


class Documents:
    """Loads, lists and deletes the documents of a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, owner: UserId, data: bytes, file_name: str, visibility: Visibility) -> DocumentId:
        """Store the text of a document; the same bytes again are the same document, under the new name.

        Raises:
            BadInput: no text could be taken out of it.
        """
        text = await asyncio.to_thread(document_text, data, file_name)
        parameters = {
            "id": new_id(),
            "owner": owner,
            "visibility": visibility,
            "name": safe_file_name(file_name),
            "sha256": sha256(data).hexdigest(),
            "text": text,
        }
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_INSERT, parameters)).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert
        return DocumentId(row["id"])

    async def list(self, owner: UserId) -> Sequence[StoredDocument]:
        """Load the owner's documents, the oldest first."""
        async with self._database.transaction() as connection:
            return await _listed(connection, owner)

    async def delete(self, owner: UserId, document: DocumentId) -> bool:
        """Delete the owner's document with its chunks and vectors; False when the owner has no such document."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_DELETE, {"id": document, "owner": owner})
            return await cursor.fetchone() is not None


async def _listed(connection: Connection, owner: UserId) -> list[StoredDocument]:
    return [StoredDocument.model_validate(row) async for row in await connection.execute(_SELECT, {"owner": owner})]
