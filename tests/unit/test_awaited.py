"""A start waits for servers that restart, and not for what nobody mends by waiting."""

import asyncio
import math

import pytest

from application.awaited import StartPatience
from errors import (
    DatabaseFull,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    ObjectStoreRefusedKey,
    ObjectStoreUnavailable,
    VoxPersonaError,
)

SILENT = DatabaseUnavailable(reason="ConnectionTimeout: connection timeout expired")
NO_POOL = DatabaseUnavailable(reason="PoolTimeout: pool initialization incomplete after 10 sec")
STARTS = DatabaseUnavailable(reason="OperationalError: FATAL:  the database system is starting up")
REFUSED = DatabaseUnavailable(reason='OperationalError: connection to server at "127.0.0.1" failed: Connection refused')
NO_HOST = DatabaseUnavailable(reason="OperationalError: [Errno -2] Name or service not known")
WRONG_PASSWORD = DatabaseUnavailable(reason='OperationalError: FATAL:  password authentication failed for user "u"')
CROWDED = DatabaseUnavailable(reason="OperationalError: FATAL:  sorry, too many clients already")
NO_BUCKET = ObjectStoreUnavailable(reason="MaxRetryError: Connection refused")


@pytest.mark.parametrize(
    ("error", "by_command", "by_bot"),
    [
        (SILENT, True, True),
        (NO_POOL, True, True),
        (STARTS, True, True),
        (REFUSED, False, True),
        (NO_HOST, False, True),
        (CROWDED, False, True),
        (WRONG_PASSWORD, False, False),
        (DatabaseFull(path="/disk", reason=""), False, False),
        (DatabaseMisconfigured(reason="", why=""), False, False),
        (NO_BUCKET, False, True),
        (ObjectStoreRefusedKey(reason="AccessDenied"), False, False),
    ],
    ids=str,
)
async def test_who_waits_for_what(error: VoxPersonaError, by_command: bool, by_bot: bool) -> None:
    async def waits(patience: StartPatience) -> bool:
        raised = [error]

        async def open_() -> str:
            if raised:
                raise raised.pop()
            return "opened"

        told: list[int] = []
        waiting = asyncio.create_task(patience.until_there("Жду", open_, lambda _, done, __: told.append(done)))
        await asyncio.wait([waiting])
        waited = waiting.exception() is None
        assert told == ([0, 1] if waited else [])
        assert waited or waiting.exception() is error
        return waited

    command, bot = StartPatience(600, for_absent=False), StartPatience(math.inf, for_absent=True)
    assert tuple(await asyncio.gather(waits(command), waits(bot))) == (by_command, by_bot)


async def test_patience_ends() -> None:
    async def open_() -> None:
        raise SILENT

    with pytest.raises(DatabaseUnavailable):
        await StartPatience(0.1, for_absent=False).until_there("Жду", open_, lambda *_: None)
