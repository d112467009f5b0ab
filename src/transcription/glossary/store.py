"""Rows of ``glossary_terms``: a person's own, and the team's, which nobody owns."""

from collections.abc import Sequence

from datamodels import UserId, Value
from db import Connection

_SELECT = """
    SELECT id, term, owner_id IS NULL AS is_team FROM glossary_terms
    WHERE owner_id = %(owner)s OR owner_id IS NULL
    ORDER BY owner_id IS NULL, folded, id
"""
_INSERT = """
    INSERT INTO glossary_terms (owner_id, term, folded) VALUES (%(owner)s, %(term)s, %(folded)s)
    ON CONFLICT (owner_id, folded) DO UPDATE SET term = EXCLUDED.term
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('glossary_terms', 0))"
_COUNT = "SELECT count(*) AS terms FROM glossary_terms WHERE owner_id IS NOT DISTINCT FROM %(owner)s"
_DELETE = """
    DELETE FROM glossary_terms WHERE id = %(id)s AND owner_id IS NOT DISTINCT FROM %(owner)s RETURNING term
"""


class Term(Value):
    """A name or term, spelled as it should be; ``is_team`` tells that it counts for everybody."""

    id: int
    term: str
    is_team: bool


async def list_terms(connection: Connection, owner: UserId) -> list[Term]:
    """Load the terms that count for a person: own ones, then the team's."""
    return [Term.model_validate(row) async for row in await connection.execute(_SELECT, {"owner": owner})]


async def add_terms(connection: Connection, owner: UserId | None, terms: Sequence[tuple[str, str]]) -> int:
    """Add terms, each with its folded form, for a person, for the team with None; return how many there are then.

    A term that differs from another in nothing but case takes its place.
    """
    await connection.execute(_LOCK)
    async with connection.cursor() as cursor:
        rows = [{"owner": owner, "term": term, "folded": folded} for term, folded in terms]
        await cursor.executemany(_INSERT, rows)
    row = await (await connection.execute(_COUNT, {"owner": owner})).fetchone()
    return row["terms"] if row else 0


async def delete_term(connection: Connection, owner: UserId | None, term: int) -> str | None:
    """Remove a term of a person, of the team with None; return it, None when there is none."""
    row = await (await connection.execute(_DELETE, {"owner": owner, "id": term})).fetchone()
    return None if row is None else row["term"]
