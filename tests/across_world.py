"""Interviews with finished reports, made in the stores, for tests of «По всем интервью»."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import uuid4

import metadata_store
import recordings_store
import reports_store
from datamodels import (
    BuildingType,
    NewReportRun,
    Recording,
    RecordingMetadata,
    ReportId,
    ReportOutcome,
    ScenarioId,
    Usage,
    UserId,
    Visibility,
)
from db import Connection
from recordings_factory import new_recording

GENERAL = ReportId("report_int_general")
DAY = date(2026, 11, 3)
_LABELS = {"srv_breakfast": "Завтрак", "des_noise": "Звукоизоляция номера", "loc_center": "Близость к центру города"}


def quoted(text: str, time: str = "12:41") -> Mapping[str, str]:
    return {"text": text, "speaker": "Клиент", "time": time}


def items(*factors: str) -> Mapping[str, tuple[Mapping[str, object], ...]]:
    """The lists of a report on general factors that names these, with a quote each."""
    listed = [
        {
            "factor": each,
            "factor_label": _LABELS[each],
            "category": "x",
            "category_label": "Сервис",
            "importance": "важный",
            "summary": "…",
            "quotes": [quoted(f"слова гостя: {_LABELS[each]}")],
        }
        for each in factors
    ]
    return {"mentioned": tuple(listed)}


async def add_interview(
    connection: Connection,
    owner: UserId,
    factors: Sequence[str] = (),
    *,
    metadata: RecordingMetadata | None = None,
    visibility: Visibility = Visibility.TEAM,
    content: bytes | None = None,
) -> Recording:
    """A recording of the owner with a finished report that names ``factors``."""
    new = new_recording(owner, content).model_copy(update={"visibility": visibility})
    recording = await recordings_store.insert_recording(connection, new)
    await metadata_store.save_metadata(connection, recording.id, metadata or RecordingMetadata(recorded_on=DAY))
    await add_report(connection, recording, factors)
    return recording


async def add_report(connection: Connection, recording: Recording, factors: Sequence[str] = ()) -> None:
    """One more finished report on a recording."""
    run = await reports_store.queue_run(
        connection,
        NewReportRun(
            recording_id=recording.id,
            owner_id=recording.owner_id,
            scenario=ScenarioId("interview"),
            report_id=GENERAL,
            building=BuildingType.HOTEL,
            input_hash=uuid4().hex,
            prompt_hash="prompt",
            model="scripted-1",
            passes_total=1,
        ),
    )
    outcome = ReportOutcome(
        number=None,
        text="# Общие факторы",
        items=items(*factors),
        indices=None,
        indices_error=None,
        warnings=(),
        usage=Usage(),
        cost_usd=Decimal(0),
        duration_s=1.0,
    )
    await reports_store.finish_run(connection, run.id, outcome)
    # now() is the same all through a transaction.
    await connection.execute("UPDATE report_runs SET finished_at = clock_timestamp() WHERE id = %s", [run.id])
