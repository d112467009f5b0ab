"""The state of dialogs, durable per person and typed: a step is an enum, its data a model.

Each piece of state has a key of its own, so that a handler can neither overwrite nor lose another's piece. Reading
locks the piece until the transaction ends. ``now`` is the database's clock unless it is given.
"""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, TypeVar
from weakref import WeakValueDictionary

import structlog
from psycopg.types.json import Jsonb
from pydantic import ConfigDict, ValidationError

from datamodels import RecordingId, ScenarioId, UserId, Value
from db import Connection

log = structlog.get_logger(__name__)

_SELECT = """
    SELECT value, expires_at <= coalesce(%(now)s, now()) AS expired FROM user_states
    WHERE user_id = %(user_id)s AND key = %(key)s
    FOR UPDATE
"""
_INSERT = """
    INSERT INTO user_states (user_id, key, value, expires_at, updated_at)
    VALUES (
        %(user_id)s, %(key)s, %(value)s, coalesce(%(now)s, now()) + %(ttl)s::interval, coalesce(%(now)s, now())
    )
    ON CONFLICT (user_id, key)
"""
_INSERT_NEW = f"{_INSERT} DO NOTHING"
_UPSERT = f"""{_INSERT} DO UPDATE SET
    value = EXCLUDED.value, expires_at = EXCLUDED.expires_at, updated_at = EXCLUDED.updated_at
"""
_DELETE = "DELETE FROM user_states WHERE user_id = %(user_id)s AND key = %(key)s"


class Step(StrEnum):
    """A step of a dialog: what the next message of the person answers."""

    ASK_AUDIO_NUMBER = "ask_audio_number"
    ASK_DATE = "ask_date"
    ASK_EMPLOYEE = "ask_employee"
    ASK_CLIENT = "ask_client"
    ASK_PLACE_NAME = "ask_place_name"
    ASK_BUILDING_TYPE = "ask_building_type"
    ASK_ZONE = "ask_zone"
    ASK_CITY = "ask_city"
    CONFIRM_DATA = "confirm_data"
    EDIT_AUDIO_NUMBER = "edit_audio_number"
    EDIT_DATE = "edit_date"
    EDIT_EMPLOYEE = "edit_employee"
    EDIT_CLIENT = "edit_client"
    EDIT_PLACE_NAME = "edit_place_name"
    EDIT_BUILDING_TYPE = "edit_building_type"
    EDIT_ZONE = "edit_zone"
    EDIT_CITY = "edit_city"
    REPORT_VIEW_ASK_NUMBER = "report_view_ask_number"
    REPORT_RENAME_ASK_NUMBER = "report_rename_ask_number"
    REPORT_RENAME_ASK_NEW_NAME = "report_rename_ask_new_name"
    REPORT_DELETE_ASK_NUMBER = "report_delete_ask_number"
    REPORT_FILTER_ASK_DATES = "report_filter_ask_dates"
    REPORT_FILTER_ASK_TITLE = "report_filter_ask_title"
    CHAT_RENAME_ASK_TITLE = "chat_rename_ask_title"


REPORT_STEPS = frozenset(step for step in Step if step.startswith("report_"))
"""The steps of ``ReportDialog``."""
CHAT_STEPS = frozenset(step for step in Step if step.startswith("chat_"))
"""The steps of ``ChatDialog``; all others are of ``Dialog``."""


class State(Value):
    """A piece of state; ``KEY`` names it in the database."""

    KEY: ClassVar[str]

    @classmethod
    def is_of_another_kind(cls, stored: object) -> bool:  # noqa: ARG003  # most keys have one model
        """Tell whether the stored value is valid for another model with the same key."""
        return False


class OpenDialog(State):
    """A dialog that waits for a message. All kinds have one key: a person is in one dialog at a time."""

    KEY = "dialog"
    STEPS: ClassVar[frozenset[Step]] = frozenset(Step)
    model_config = ConfigDict(extra="ignore")
    step: Step

    @classmethod
    def is_of_another_kind(cls, stored: object) -> bool:
        return isinstance(stored, dict) and stored.get("step") in frozenset(Step) - cls.STEPS


class Dialog(OpenDialog):
    """A dialog that waits for a message about a recording. ``skipped`` are fields that are not to be asked again."""

    STEPS = frozenset(Step) - REPORT_STEPS - CHAT_STEPS
    model_config = ConfigDict(extra="forbid")
    recording_id: RecordingId
    skipped: tuple[str, ...] = ()
    tries: int = 0
    answered: int = 0
    """The latest message that was taken for an answer; handled again after a crash, it answers nothing else."""


class ReportDialog(OpenDialog):
    """A dialog that waits for a message about the person's reports.

    ``number`` is the report that a confirmation has been asked for, ``title`` its new name when it is to be renamed.
    """

    STEPS = REPORT_STEPS
    model_config = ConfigDict(extra="forbid")
    number: int | None = None
    title: str | None = None
    tries: int = 0
    answered: int = 0
    """As of ``Dialog``."""


class ChatDialog(OpenDialog):
    """A dialog that waits for a message about the chat of that ``number``."""

    STEPS = CHAT_STEPS
    model_config = ConfigDict(extra="forbid")
    number: int


class Mode(State):
    """The scenario that the next recordings belong to, chosen in the storage menu."""

    KEY = "mode"
    scenario: ScenarioId


S = TypeVar("S", bound=State)


async def get(connection: Connection, user_id: UserId, model: type[S], *, now: datetime | None = None) -> S | None:
    """Load a piece of state; None when there is none, when it has expired, or when it is of an earlier version.

    A state of another kind under the same key counts as none, and stays.
    """
    parameters = {"user_id": user_id, "key": model.KEY, "now": now}
    row = await (await connection.execute(_SELECT, parameters)).fetchone()
    if row is None or (not row["expired"] and model.is_of_another_kind(row["value"])):
        return None
    value = None if row["expired"] else _readable(model, row["value"])
    if value is None:
        await connection.execute(_DELETE, parameters)
    return value


async def put(
    connection: Connection,
    user_id: UserId,
    value: State,
    *,
    ttl: timedelta | None = None,
    now: datetime | None = None,
) -> None:
    """Replace the piece of state of this key; it expires after ``ttl``."""
    await connection.execute(_UPSERT, _row(user_id, value, ttl, now))


async def drop(connection: Connection, user_id: UserId, model: type[State]) -> None:
    """Remove a piece of state; no error when there is none."""
    await connection.execute(_DELETE, {"user_id": user_id, "key": model.KEY})


async def advance(
    connection: Connection,
    user_id: UserId,
    before: State | None,
    after: State,
    *,
    ttl: timedelta | None = None,
    now: datetime | None = None,
) -> bool:
    """Replace ``before`` by ``after``; None stands for no state.

    Returns False, changing nothing, when the state is not ``before`` any more.

    Raises:
        ValueError: the two are of different keys.
    """
    if before is not None and before.KEY != after.KEY:
        raise ValueError(f"{before.KEY} and {after.KEY} are different pieces of state")
    if await get(connection, user_id, type(after if before is None else before), now=now) != before:
        return False
    if before is not None:
        await connection.execute(_UPSERT, _row(user_id, after, ttl, now))
        return True
    # Where there is no row there is no lock: another may have put its own there since the look.
    return (await connection.execute(_INSERT_NEW, _row(user_id, after, ttl, now))).rowcount == 1


def _row(user_id: UserId, value: State, ttl: timedelta | None, now: datetime | None) -> dict[str, object]:
    return {
        "user_id": user_id,
        "key": value.KEY,
        "value": Jsonb(value.model_dump(mode="json")),
        "ttl": ttl,
        "now": now,
    }


def _readable(model: type[S], stored: object) -> S | None:
    try:
        return model.model_validate(stored)
    except ValidationError as exc:
        # Not the error's own text: it repeats what a person may have typed.
        log.warning("state_unreadable", key=model.KEY, fields=[".".join(map(str, e["loc"])) for e in exc.errors()])
        return None


_LOCKS: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()


def get_user_lock(user_id: UserId) -> asyncio.Lock:
    """Return the lock under which a person's state is changed; unused locks are freed."""
    return _LOCKS.setdefault(user_id, asyncio.Lock())
