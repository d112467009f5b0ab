from random import randrange

import users_store
from datamodels import Role
from datamodels_telegram import TelegramPerson
from db import Connection, Database


async def test_the_command_line_has_one_user_with_every_right(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        first = await users_store.ensure_local_user(connection)
    async with shared_database.transaction() as connection:
        assert await users_store.ensure_local_user(connection) == first
        row = await (await connection.execute("SELECT role FROM users WHERE id = %s", (first,))).fetchone()
    assert row == {"role": Role.SUPER_ADMIN}


def stranger() -> TelegramPerson:
    return TelegramPerson(id=randrange(2**40, 2**52), name="Мария Ёлкина")  # noqa: S311  # no secret


async def test_a_person_of_telegram_is_added_once_and_found_by_the_number(connection: Connection) -> None:
    person = stranger()
    assert await users_store.find_by_telegram_id(connection, person.id) is None
    user = await users_store.ensure_telegram_user(connection, person, Role.USER)
    assert (user.telegram_id, user.name, user.role) == (person.id, person.name, Role.USER)
    assert await users_store.ensure_telegram_user(connection, person, Role.USER) == user
    assert await users_store.find_by_telegram_id(connection, person.id) == user


async def test_name_and_role_of_a_person_are_kept_up_to_date(connection: Connection) -> None:
    person = stranger()
    user = await users_store.ensure_telegram_user(connection, person, Role.USER)
    renamed = person.model_copy(update={"name": "Мария\n\u202e \0Иванова"})
    now = await users_store.ensure_telegram_user(connection, renamed, Role.ADMIN)
    assert now == user.model_copy(update={"name": "Мария Иванова", "role": Role.ADMIN})
    assert await users_store.ensure_telegram_user(connection, renamed, Role.ADMIN) == now
