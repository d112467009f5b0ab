"""Where a command is interrupted: at a request that is not answered, or at a row that is not written."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Faults, Kind

_LIMIT_S = 120.0
_POLL_S = 0.02
_LOCK = 0x686F6C64
"""Key of the advisory lock at which a held statement waits; "hold"."""

_FUNCTION = f"""
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({_LOCK}, TG_ARGV[0]::integer);
        RETURN NEW;
    END $$;
"""
_TRIGGER = """
    CREATE TRIGGER hold_{number} BEFORE {statement} ON {table} FOR EACH ROW WHEN ({condition})
    EXECUTE FUNCTION hold({number});
"""
_HELD = """
    SELECT count(DISTINCT objid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objid < %s AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Interrupted(Exception):
    """The command ended before it came to where it was to be interrupted."""


def wait_until(there: Callable[[], bool], command: subprocess.Popen[str] | None = None) -> None:
    """Wait for something that another process does.

    Raises:
        Interrupted: ``command`` ended before.
    """
    deadline = time.monotonic() + _LIMIT_S
    while not there():
        if command is not None and command.poll() is not None:
            raise Interrupted(f"exit status {command.returncode}: {command.communicate()[1]}")
        if time.monotonic() > deadline:
            raise TimeoutError(there)
        time.sleep(_POLL_S)


class Tap(Faults):
    """Answers as many questions as it is told to and lets all later ones hang; models are listed to everybody."""

    def __init__(self) -> None:
        super().__init__()
        self._left: int | None = None
        self._guard = threading.Lock()
        self.hanging = 0

    def answer(self, questions: int | None) -> None:
        """Answer so many from now on, all when None."""
        with self._guard:
            self._left = questions
            self.hanging = 0

    def take(self, path: str) -> Fault | None:
        if path.endswith((CHAT, TRANSCRIPTIONS)):
            with self._guard:
                if self._left == 0:
                    self.hanging += 1
                    return Fault(Kind.HANG)
                if self._left is not None:
                    self._left -= 1
        return super().take(path)


@dataclass(frozen=True)
class Border:
    """A moment between two steps: a row that is about to be written. ``condition`` is SQL over OLD and NEW."""

    name: str
    statement: str
    table: str
    condition: str = "true"

    def __str__(self) -> str:
        return self.name


@contextmanager
def held_at(
    connection: psycopg.Connection[tuple[int]], *borders: Border, also: Sequence[Border] = ()
) -> Iterator[Callable[[], bool]]:
    """Let every command wait at the borders during the block; yields what tells whether one is waiting at each of them.

    Whether one waits at those of ``also`` does not matter. ``connection`` commits every statement.
    """
    numbered = list(enumerate([*borders, *also]))
    for number, _ in numbered:
        connection.execute(f"SELECT pg_advisory_lock({_LOCK}, {number})")
    connection.execute(_FUNCTION)
    for number, border in numbered:
        trigger = _TRIGGER.format(
            number=number, statement=border.statement, table=border.table, condition=border.condition
        )
        connection.execute(trigger.encode())

    def held() -> bool:
        row = connection.execute(_HELD, [_LOCK, len(borders)]).fetchone()
        return row is not None and row[0] == len(borders)

    try:
        yield held
    finally:
        # The statement of a killed command is still waiting and would keep the trigger from being dropped.
        for number, _ in numbered:
            connection.execute(f"SELECT pg_advisory_unlock({_LOCK}, {number})")
        # One by one: with all their tables locked it would wait for such a statement that waits for one of them.
        for number, border in numbered:
            connection.execute(f"DROP TRIGGER hold_{number} ON {border.table}".encode())
        connection.execute("DROP FUNCTION hold")
