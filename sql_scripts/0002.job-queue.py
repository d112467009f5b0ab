"""The job queue's own tables, functions and triggers, as procrastinate ships them.

``get_schema`` is the schema of the installed version. Whoever raises the pinned version freezes the text of this step's
version here, and adds the new version's migration files as steps of their own.
"""

from procrastinate.schema import SchemaManager
from psycopg import Connection
from psycopg.rows import TupleRow
from yoyo import step

__depends__ = {"0001.recordings-and-reports"}


def create_job_queue(connection: Connection[TupleRow]) -> None:
    # Without parameters psycopg neither reads the % of PL/pgSQL's RAISE as a placeholder nor minds many statements.
    connection.execute(SchemaManager.get_schema())


steps = [step(create_job_queue)]
