"""The way to the messenger at the start: tried again and again while the messenger is out of reach."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog

from messenger import Messenger, MessengerUnavailable, OnMessage, OnPress, OnReturn
from system.ending import end_tasks

_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""

log = structlog.get_logger(__name__)


class Connecting:
    """A connection that is being made."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    @property
    def is_done(self) -> bool:
        return self._task.done()

    async def done(self) -> None:
        """Wait until the messenger is connected.

        Raises:
            VoxPersonaError: it cannot be, and trying again does not help.
        """
        await self._task


@asynccontextmanager
async def connected(
    messenger: Messenger,
    on_message: OnMessage,
    on_press: OnPress,
    commands: Sequence[tuple[str, str]],
    *,
    on_return: OnReturn | None = None,
    patience_s: float = 10.0,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[Connecting]:
    """Start ``messenger``, which usually is there in a second.

    When it does not answer within ``patience_s`` the block begins while this goes on trying.

    Raises:
        MessengerRefusedSecrets: it does not accept the secrets.
        BadSettings, DiskFull, MessengerError: as ``Messenger.start``.
    """
    start = partial(messenger.start, on_message, on_press, on_return)
    task = asyncio.create_task(_connect(start, messenger, commands, sleep))
    try:
        ended, _ = await asyncio.wait([task], timeout=patience_s)
        if ended:
            task.result()
        yield Connecting(task)
    finally:
        await end_tasks([task])


async def _connect(
    start: Callable[[], Awaitable[None]], messenger: Messenger, commands: Sequence[tuple[str, str]], sleep: Sleep
) -> None:
    pause_s, started = _PAUSE_S, False
    while True:
        try:
            if not started:
                await start()
            started = True
            await messenger.set_commands(commands)
        except MessengerUnavailable as exc:
            log.warning("messenger_out_of_reach", reason=str(exc), again_in_s=pause_s)
            await sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            return
