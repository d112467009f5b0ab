"""Databases of a test's own, copied on the server from one that is ready."""

import uuid

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo


async def copied_database(postgres_dsn: str, template: str, purpose: str) -> str:
    """Make a copy of the database ``template`` under a name of its own; return its address.

    The loop goes on meanwhile: the server waits for whoever is in the template, and that may be a connection
    that another test's pool is about to close.
    """
    name, statement = _copy(template, purpose)
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        await connection.execute(statement)
    return make_conninfo(postgres_dsn, dbname=name)


def copied_database_at_once(postgres_dsn: str, template: str, purpose: str) -> str:
    """As ``copied_database``, where no loop runs that could be inside ``template``."""
    name, statement = _copy(template, purpose)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(statement)
    return make_conninfo(postgres_dsn, dbname=name)


def _copy(template: str, purpose: str) -> tuple[str, sql.Composed]:
    name = f"{purpose}_{uuid.uuid4().hex}"
    return name, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
