"""What the steps of a recording do with a ready transcript: speakers and times are the file's."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from datamodels import Recording, Segment
from jobs.context import JobContext
from prompt_pack.manifest import ScenarioRole
from prompt_pack.models import Scenario
from speakers.labels import assign_speakers
from transcription.ready.reading import Ready, read_ready
from utils import disk_full_mapped


async def read_original(context: JobContext, recording: Recording, folder: Path) -> Ready:
    """Read the ready transcript in a recording's original file, which is fetched into ``folder`` and removed again.

    Raises:
        BadInput: it cannot be read any more.
        OriginalGone, ObjectStoreUnavailable, DiskFull: the file could not be fetched.
    """
    original = folder / f"original.{recording.extension}"
    with disk_full_mapped(original):
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    await context.originals.get(recording, original)
    try:
        return await asyncio.to_thread(read_ready, original, recording.file_name, recording.request.language)
    finally:
        await asyncio.to_thread(original.unlink, missing_ok=True)


def with_speakers(segments: Sequence[Segment], scenario: Scenario | None) -> tuple[Segment, ...]:
    """Return the segments with the file's speakers and their names; a monologue has one speaker and no names."""
    if scenario is None or scenario.diarize:
        return tuple(segments)
    return assign_speakers([each.model_copy(update={"role": None}) for each in segments], ())


def with_roles_of_file(segments: Sequence[Segment], roles: Sequence[ScenarioRole]) -> tuple[Segment, ...] | None:
    """Return the segments with the scenario's labels when the file names nobody else; None when it does, or is silent.

    A scenario without roles keeps the names.
    """
    if not roles:
        return tuple(segments)
    labels = {role.label.casefold(): role.label for role in roles}
    named = {(each.role or "").casefold() for each in segments}
    if not named <= labels.keys():
        return None
    return tuple(each.model_copy(update={"role": labels[(each.role or "").casefold()]}) for each in segments)


def with_names_of_file(named: Sequence[Segment], before: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments with the file's name wherever nobody found a role."""
    return tuple(
        each if each.role else each.model_copy(update={"role": earlier.role})
        for each, earlier in zip(named, before, strict=True)
    )


def names_of_file(segments: Sequence[Segment], roles: Sequence[ScenarioRole]) -> dict[str, str]:
    """Return the file's names by speaker, for lists and files beside the roles that are found; no role is a name."""
    labels = {role.label.casefold() for role in roles}
    return {
        each.speaker: each.role
        for each in segments
        if each.speaker and each.role and each.role.casefold() not in labels
    }
