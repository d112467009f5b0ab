"""Followers: loops that look at the database again and again and do what its rows ask for, until they are cancelled.

Every failure ends here, as it does in the router and in the job runner: what goes wrong with one message, card or file
is logged and tried again, and ends neither the loop nor the process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import ClassVar, Generic, Never, TypeVar
from weakref import WeakSet

import structlog

from errors import VoxPersonaError

Key = TypeVar("Key", bound=Hashable)

log = structlog.get_logger(__name__)

PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 60.0


def delay_s(tries: int) -> float:
    """Return the pause in seconds after a failure that came after ``tries`` earlier ones: 2, 4, 8, …, at most 60."""
    return float(min(_FIRST_DELAY_S * 2 ** min(tries, 10), LONGEST_DELAY_S))


class Loop:
    """A follower's loop: it takes a step every ``pause_s`` seconds, and at once when it is woken."""

    _all: ClassVar[WeakSet["Loop"]] = WeakSet()

    def __init__(self, name: str, pause_s: float = PAUSE_S) -> None:
        self._name = name
        self._pause_s = pause_s
        self._longest_pause_s = max(pause_s, _LONGEST_PAUSE_S)
        self._woken = asyncio.Event()
        self._worth_a_try = asyncio.Event()
        Loop._all.add(self)

    @classmethod
    def try_again(cls) -> None:
        """Make every loop whose last step failed take its next step now: the cause is gone."""
        for loop in cls._all:
            loop._worth_a_try.set()

    def wake(self) -> None:
        """Take the next step now, unless the last one failed: then the pause goes on."""
        self._woken.set()

    async def run(self, step: Callable[[], Awaitable[None]]) -> Never:
        """Repeat ``step`` for ever; the pause grows while steps fail. A step finds all it needs in the database."""
        failures = 0
        while True:
            self._woken.clear()
            self._worth_a_try.clear()
            failures = 0 if await ended_well(step(), loop=self._name) else failures + 1
            try:
                async with asyncio.timeout(min(self._pause_s * 2 ** min(failures, 10), self._longest_pause_s)):
                    await (self._worth_a_try if failures else self._woken).wait()
            except TimeoutError:
                continue


class KeyedTasks(Generic[Key]):
    """Tasks by key, one at a time for each. What a failed task left undone is done by a later step of the loop."""

    def __init__(self, name: str, group: asyncio.TaskGroup, done: Callable[[], None]) -> None:
        """``done`` is called after each task that ended well."""
        self._name = name
        self._group = group
        self._done = done
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._failures: dict[Key, tuple[int, float]] = {}

    @property
    def busy(self) -> frozenset[Key]:
        """The keys that have a task, or whose task failed and whose pause (``delay_s``) is not over.

        Read this before the database is asked what is to be done. In the other order a task can end in between, and its
        key would be served again from rows that are out of date.
        """
        now = asyncio.get_running_loop().time()
        return frozenset([*self._tasks, *(key for key, (_, until) in self._failures.items() if now < until)])

    def start(self, key: Key, work: Coroutine[None, None, None]) -> None:
        """Start ``work`` as the task of ``key``, which must have none."""
        assert key not in self._tasks  # noqa: S101  # two at a time would do everything twice
        self._tasks[key] = self._group.create_task(self._run(key, work))

    def cancel(self, key: Key) -> None:
        """Cancel the task of ``key``, and forget earlier failures. The key stays busy until the task has ended."""
        self._failures.pop(key, None)
        if key in self._tasks:
            self._tasks[key].cancel()

    async def _run(self, key: Key, work: Coroutine[None, None, None]) -> None:
        try:
            if await ended_well(work, task=self._name, key=str(key)):
                self._failures.pop(key, None)
                self._done()
            else:
                tries = self._failures.get(key, (0, 0.0))[0]
                self._failures[key] = tries + 1, asyncio.get_running_loop().time() + delay_s(tries)
        finally:
            del self._tasks[key]


async def ended_well(work: Awaitable[object], **about: str) -> bool:
    """Wait for ``work``; log its failure with what it is ``about``, and return whether it had none."""
    try:
        await work
    except VoxPersonaError as exc:
        log.warning("follower_failed", error=exc.code, reason=str(exc), **about)
        return False
    except Exception:
        log.exception("follower_failed", **about)
        return False
    return True
