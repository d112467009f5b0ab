from uuid import uuid4

import pytest

import users_store
from datamodels import Role, UserId
from db import Database
from errors import NotFound


async def test_the_command_line_has_one_user_with_every_right(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        first = await users_store.ensure_local_user(connection)
    async with shared_database.transaction() as connection:
        assert await users_store.ensure_local_user(connection) == first
        assert (await users_store.get_user(connection, first)).role is Role.SUPER_ADMIN


async def test_an_unknown_user_is_not_found(shared_database: Database) -> None:
    with pytest.raises(NotFound):
        async with shared_database.transaction() as connection:
            await users_store.get_user(connection, UserId(uuid4()))
