"""What reports are written from. A run that has waited is written from what is there when work on it begins."""

import asyncio
import json
from hashlib import sha256
from typing import NamedTuple

import cards_store
import metadata_store
import recordings_store
import reports_store
import transcripts_store
from datamodels import BuildingType, NewReportRun, Recording, RecordingMetadata, ReportRun, RunStatus, Transcript
from db import Connection
from errors import NotFound
from language_model.port import LanguageModel
from metadata.parsing import metadata_lines
from prompt_pack.models import ReportPlan, ReportType
from recordings.descriptions import building_of
from transcription.editing import store as editing

_ENDED_WITHOUT_REPORT = frozenset([RunStatus.FAILED, RunStatus.CANCELLED])


class Inputs(NamedTuple):
    """What the reports of a recording are written from. ``content_hash`` is that of the transcript, or an older one."""

    recording: Recording
    transcript: Transcript
    metadata: RecordingMetadata
    content_hash: str | None = None


async def load_inputs(connection: Connection, recording: Recording) -> Inputs:
    """Load what reports of a recording are written from.

    Raises:
        NotFound: the recording has no transcript.
    """
    # Before the transcript: if somebody corrects it in between, the report says needlessly that it is old.
    content_hash = await editing.find_content_hash(connection, recording.id)
    transcript = await transcripts_store.load_transcript(connection, recording.id)
    if transcript is None:
        raise NotFound(what=f"transcript of {recording.id}")
    return Inputs(recording, transcript, await metadata_store.load_metadata(connection, recording.id), content_hash)


async def new_run(
    inputs: Inputs, report: ReportType, building: BuildingType | None, llm: LanguageModel
) -> NewReportRun:
    """Return the run that writes a report from these inputs; ``building`` counts for a report that depends on it.

    Raises:
        UnknownChoice: the report needs a building type.
    """
    needed = building if report.per_building else None
    plan = report.plan(needed)
    return NewReportRun(
        recording_id=inputs.recording.id,
        owner_id=inputs.recording.owner_id,
        scenario=report.scenario,
        report_id=report.id,
        building=needed,
        input_hash=await asyncio.to_thread(_hash, inputs, plan, needed, llm),
        prompt_hash=plan.prompt_hash,
        model=llm.info.model,
        passes_total=plan.steps,
    )


async def bring_up_to_date(
    connection: Connection, run: ReportRun, report: ReportType, llm: LanguageModel
) -> tuple[ReportRun, Inputs] | None:
    """Give the present inputs to a run that has not begun; return the run and the inputs.

    Transcript, metadata, model and prompts may have changed since the order. If one has, the recording's building type
    counts, if it has one, else the run's. When another run of the present inputs is done or on its way, it takes the
    place of this run on the cards, this run is deleted, and None is returned.

    Raises:
        NotFound: the recording or its transcript is gone, or the transcript is of another scenario now.
    """
    assert run.recording_id is not None  # noqa: S101 - a research is written elsewhere
    recording = await recordings_store.get_recording_for_job(connection, run.recording_id)
    if recording.request.scenario != run.scenario:
        raise NotFound(what=f"transcript of {run.scenario}")
    inputs = await load_inputs(connection, recording)
    if (await new_run(inputs, report, run.building, llm)).input_hash == run.input_hash:
        return run, inputs
    # Orders hold the same lock: no run of these inputs is added meanwhile.
    recording = await recordings_store.lock_recording(connection, run.owner_id, run.recording_id)
    inputs = await load_inputs(connection, recording)
    new = await new_run(inputs, report, building_of(recording, inputs.metadata) or run.building, llm)
    same = await reports_store.find_same(connection, new)
    if same is not None and same.id != run.id:
        if same.status not in _ENDED_WITHOUT_REPORT:
            await cards_store.put_in_place(connection, run.id, same.id)
            await reports_store.delete_run(connection, run.owner_id, run.id)
            return None
        # The other run stays with its outcome, which a card may still have to tell.
        await reports_store.step_aside(connection, same.id)
    return await reports_store.renew_run(connection, run.id, new), inputs


def _hash(inputs: Inputs, plan: ReportPlan, building: BuildingType | None, llm: LanguageModel) -> str:
    """Return the sha256 of all that a report depends on. Takes a while for hours of speech: call it in a thread."""
    hashed = [
        _text_of(inputs.transcript),
        metadata_lines(inputs.metadata),
        plan.prompt_hash,
        llm.info.fingerprint,
        building,
    ]
    return sha256(json.dumps(hashed, ensure_ascii=False).encode()).hexdigest()


def _text_of(transcript: Transcript) -> str:
    """Return the transcript as reports see it: where a speaker has a role, without the name."""
    nameless = {each.speaker for each in transcript.segments if not each.role}
    names = {speaker: name for speaker, name in transcript.names.items() if speaker in nameless}
    seen = transcript.model_copy(update={"names": names})
    return seen.model_dump_json(exclude=None if names else {"names"})
