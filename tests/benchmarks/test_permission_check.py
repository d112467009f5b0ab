"""How long it takes to know who may do what, with 10,000 people of whom each has a role and limits.

``pytest -s tests/benchmarks/test_permission_check.py`` prints the table. Nothing is cached: the role is read from the
person's row, so that a change counts at once, whichever process made it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median, quantiles
from time import perf_counter
from uuid import uuid4

import psycopg

import users_store
from access import Permission, Team, find_member, may
from datamodels import Role, UserId
from datamodels_chats import AnswerId
from datamodels_telegram import TelegramPerson
from db import Connection, Database, migrate
from limits.reservations import reserve_question
from sign_in.sessions import Sessions

PEOPLE = 10_000
TIMES = 1_000
ALLOWED_S = 0.001
"""For the check alone, on a connection that is there, as in the transaction that every update and request has."""
TEAM = Team(owner=1, members=frozenset())

_GROW = """
    INSERT INTO users (id, telegram_id, name, role, granted)
    SELECT gen_random_uuid(), number, 'Человек ' || number, role, role
    FROM generate_series(2, %(people)s + 1) AS number
    CROSS JOIN LATERAL (SELECT (ARRAY['guest', 'user', 'admin'])[1 + number %% 3] AS role) AS roles
"""
_USE = """
    INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, used, exact, state)
    SELECT gen_random_uuid(), 'questions', id, gen_random_uuid(), date_trunc('month', now()), 1, 1, true, 'done'
    FROM users CROSS JOIN generate_series(1, 20)
"""


async def test_a_permission_is_known_in_a_millisecond(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_GROW, {"people": PEOPLE})
        await connection.execute(_USE)
        await connection.execute("INSERT INTO role_limits VALUES ('user', 'questions', 1000)")
        await connection.execute("VACUUM ANALYZE users")
        await connection.execute("VACUUM ANALYZE limit_uses")
    database, other = await Database.open(database_url), await Database.open(database_url)
    try:
        measured = await _measured(database)
        await _seen_at_once(database, other)
    finally:
        await database.close()
        await other.close()
    print(f"\n{PEOPLE} people, {TIMES} times each")
    for name, seconds in measured.items():
        p95 = quantiles(seconds, n=20)[-1]
        print(f"{name:44} median {median(seconds) * 1000:6.3f} ms, p95 {p95 * 1000:6.3f} ms")
    assert quantiles(measured["role and permission"], n=20)[-1] <= ALLOWED_S


async def _measured(database: Database) -> dict[str, list[float]]:
    sessions = Sessions(database, TEAM)
    async with database.transaction() as connection:
        rows = await (await connection.execute("SELECT id FROM users WHERE role = 'user'")).fetchall()
    people = [UserId(row["id"]) for row in rows]
    tokens = [await sessions.begin(await sessions.new_link(person)) for person in people[:100]]

    async def in_a_transaction(place: int) -> None:
        async with database.transaction() as connection:
            await _check(connection, place)

    async def in_a_browser(place: int) -> None:
        user = await sessions.find(tokens[place % len(tokens)])
        assert user is not None
        assert may(user.role, Permission.RECORD)

    measured = {}
    async with database.transaction() as connection:

        async def checked(place: int) -> None:
            await _check(connection, place)

        async def reserved(place: int) -> None:
            await reserve_question(connection, people[place % len(people)], AnswerId(uuid4()), "?")

        measured["role and permission"] = await _times(checked)
        measured["a question reserved against its limit"] = await _times(reserved)
    measured["the same with a transaction of its own"] = await _times(in_a_transaction)
    measured["a browser's session, role and permission"] = await _times(in_a_browser)
    return measured


async def _times(work: Callable[[int], Awaitable[None]]) -> list[float]:
    taken = []
    for place in range(TIMES + 50):  # the first ones prepare statements and fill the server's memory
        started = perf_counter()
        await work(place)
        taken.append(perf_counter() - started)
    return taken[50:]


async def _check(connection: Connection, place: int) -> None:
    number = 2 + place * 7919 % PEOPLE
    user = await find_member(connection, TEAM, TelegramPerson(id=number, name=f"Человек {number}"))
    assert user is not None
    assert may(user.role, Permission.GOVERN) is False


async def _seen_at_once(database: Database, other: Database) -> None:
    """A change that another process commits counts for the very next check."""
    person = TelegramPerson(id=2, name="Человек 2")
    for role in (Role.ADMIN, Role.GUEST) * 50:
        async with other.transaction() as connection:
            known = await users_store.find_by_telegram_id(connection, person.id)
            assert known is not None
            await users_store.grant(connection, known.id, role)
        async with database.transaction() as connection:
            found = await find_member(connection, TEAM, person)
        assert found is not None
        assert found.role is role
