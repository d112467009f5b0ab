"""How far the work on recordings is: stages, failures, cancellation, and what the work has to say.

What was cancelled stays so until somebody asks for the work again.
"""

from collections.abc import Sequence
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

import recordings_store
from datamodels import BuildingType, Recording, RecordingId, ScenarioId, Stage
from errors import Cancelled

_CHOOSE_SCENARIO = """
    UPDATE recordings SET
        scenario = %(scenario)s, building = %(building)s, stage = %(stage)s,
        warnings = CASE WHEN stage = %(stage)s THEN warnings ELSE '[]' END,
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s
"""
_SET_STAGE = """
    UPDATE recordings SET
        stage = %(stage)s, stage_seconds = stage_seconds || %(seconds)s, error_code = NULL, error_text = NULL,
        retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s AND error_code IS DISTINCT FROM %(cancelled)s AND stage = %(before)s
        AND scenario = %(scenario)s
        AND language_requested IS NOT DISTINCT FROM %(language)s
        AND speakers_requested IS NOT DISTINCT FROM %(speakers)s
    RETURNING id
"""
_BEGIN_TRY = """
    UPDATE recordings SET
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s AND retry_at IS NOT NULL
"""
_GO_ON = """
    UPDATE recordings SET
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s
"""
_RECORD_FAILURE = """
    UPDATE recordings SET
        error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s, updated_at = now()
    WHERE id = %(id)s AND error_code IS DISTINCT FROM %(cancelled)s
"""
_CANCEL = """
    UPDATE recordings SET
        error_code = %(error_code)s, error_text = %(error_text)s, retry_at = NULL, updated_at = now()
    WHERE id = %(id)s AND stage <> %(last)s AND (error_code IS NULL OR retry_at IS NOT NULL)
    RETURNING id
"""
# A step that runs again says the same again.
_ADD_WARNINGS = """
    UPDATE recordings SET
        warnings = warnings || (
            SELECT coalesce(jsonb_agg(warning ORDER BY position), '[]')
            FROM unnest(%(warnings)s::text[]) WITH ORDINALITY AS new (warning, position)
            WHERE NOT recordings.warnings ? warning
        ),
        updated_at = now()
    WHERE id = %(id)s
"""


async def choose_scenario(
    connection: AsyncConnection[DictRow],
    recording_id: RecordingId,
    scenario: ScenarioId,
    building: BuildingType | None,
    stage: Stage,
) -> Recording:
    """Note what the recording is, and ``stage`` as its last one; an earlier failure is over with that.

    Warnings go when the stage changes: they are of steps that will be done again.

    Raises:
        NotFound: the recording was deleted.
    """
    parameters = {"id": recording_id, "scenario": scenario, "building": building, "stage": stage}
    await connection.execute(_CHOOSE_SCENARIO, parameters)
    return await recordings_store.get_recording_for_job(connection, recording_id)


async def set_stage(connection: AsyncConnection[DictRow], worked_on: Recording, stage: Stage, seconds: float) -> bool:
    """Note that ``stage`` is done and took ``seconds``; an earlier failure is over with that.

    Returns False, noting nothing, when something else is wanted by now: the recording was cancelled, or is not at the
    stage or has not the request that were ``worked_on``.
    """
    parameters = {
        "cancelled": Cancelled.code_of_class(),
        **worked_on.request.model_dump(),
        "id": worked_on.id,
        "before": worked_on.stage,
        "stage": stage,
        "seconds": Jsonb({stage: seconds}),
    }
    return await (await connection.execute(_SET_STAGE, parameters)).fetchone() is not None


async def go_on(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> None:
    """Note that work is asked for: an earlier failure or cancellation is over, the time of the stage begins anew."""
    await connection.execute(_GO_ON, {"id": recording_id})


async def begin_try(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> Recording:
    """Load a recording that is worked on; a failure that was to be tried again is over with that.

    Raises:
        NotFound: it was deleted.
    """
    await connection.execute(_BEGIN_TRY, {"id": recording_id})
    return await recordings_store.get_recording_for_job(connection, recording_id)


async def record_failure(
    connection: AsyncConnection[DictRow],
    recording_id: RecordingId,
    error_code: str,
    error_text: str,
    retry_at: datetime | None = None,
) -> None:
    """Note why work stopped, and when it will be tried again by itself. The stage stays: it is where work goes on.

    What was cancelled stays so.
    """
    await connection.execute(
        _RECORD_FAILURE,
        {
            "id": recording_id,
            "error_code": error_code,
            "error_text": error_text,
            "retry_at": retry_at,
            "cancelled": Cancelled.code_of_class(),
        },
    )


async def cancel(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> bool:
    """Note that a person stopped the work; False when there is none to stop: it is done, or has failed for good."""
    cancelled = Cancelled()
    parameters = {
        "id": recording_id,
        "error_code": cancelled.code,
        "error_text": cancelled.user_text,
        "last": Stage.DONE,
    }
    return await (await connection.execute(_CANCEL, parameters)).fetchone() is not None


async def add_warnings(
    connection: AsyncConnection[DictRow], recording_id: RecordingId, warnings: Sequence[str]
) -> None:
    """Add those warnings that the recording has not."""
    await connection.execute(_ADD_WARNINGS, {"id": recording_id, "warnings": list(dict.fromkeys(warnings))})
