"""The steps of a recording: each does one stage, and can run again after a crash.

The metadata proposal is a step beside them. A person waits for its end, so it ends soon, with or without a proposal.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from time import monotonic

import structlog

import metadata_store
import recording_wizard_store
import recordings_store
import transcripts_store
from audio import missing_tail, probe
from constants import NO_SCENARIO
from datamodels import (
    Interval,
    MissingInterval,
    Recording,
    RecordingId,
    RecordingMetadata,
    Segment,
    Stage,
    Transcript,
    Value,
)
from db import Connection
from errors import (
    BadInput,
    Cancelled,
    DatabaseFull,
    DatabaseUnavailable,
    DiskFull,
    NoSpeech,
    NotFound,
    OutOfResources,
    VoxPersonaError,
)
from errors_of_operation import LimitReached
from jobs.context import JobContext, StoredParts
from jobs.ready import names_of_file, read_original, with_names_of_file, with_roles_of_file, with_speakers
from limits.reservations import reserve_recording
from limits.values import Amounts, Resource
from metadata.defaults import store_proposal
from metadata.proposal import filled, propose
from object_store import key_for_transcript
from prices import audio_cost_usd
from prompt_pack.models import PromptedModel, Scenario
from recordings.lookup import is_ready
from speakers.channels import Layout, prepare_channels
from speakers.diarization import diarize
from speakers.doubts import speaker_warnings
from speakers.labels import RoleNaming, assign_speakers, name_roles, speakers_in_order
from system.local_time import today
from system.shortages import shortages_mapped
from transcript_formats import to_json
from transcription.editing import store as editing
from transcription.glossary import store as glossary
from transcription.glossary.correction import corrected_by
from transcription.glossary.hints import hints
from transcription.languages import language_warnings
from transcription.ready.reading import Ready
from transcription.transcriber import Transcription
from utils import write_atomically

log = structlog.get_logger(__name__)

_LONGEST_S = 180.0
"""Seconds that a slow or overloaded model is given; after them the person is asked instead."""


class ProposalSteps:
    """Proposes the metadata of a recording; gives up after ``longest_s`` seconds."""

    def __init__(self, context: JobContext, longest_s: float = _LONGEST_S) -> None:
        self._context = context
        self._longest_s = longest_s

    async def propose(self, recording_id: RecordingId) -> None:
        """Fill empty metadata fields from the transcript; they stay empty when the model fails or takes too long.

        Raises:
            NotFound: the recording was deleted.
            DatabaseUnavailable, OutOfResources: no metadata was stored.
        """
        try:
            async with asyncio.timeout(self._longest_s):
                proposed = await self._proposed(recording_id)
        except TimeoutError:
            log.warning("metadata_not_proposed", recording=str(recording_id), error="timeout")
            proposed = RecordingMetadata()
        async with self._context.database.transaction() as connection:
            known = await metadata_store.lock_metadata(connection, recording_id)
            # Who has opened the form meanwhile fills it in without the proposal: it would be confirmed unseen.
            if await recording_wizard_store.waits_for_proposal(connection, recording_id):
                await store_proposal(connection, recording_id, known, filled(known, proposed))
            await metadata_store.set_proposed(connection, recording_id, proposed=True)

    async def _proposed(self, recording_id: RecordingId) -> RecordingMetadata:
        async with self._context.database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, recording_id)
            transcript = await transcripts_store.load_transcript(connection, recording_id)
        if transcript is None or recording.request.scenario == NO_SCENARIO:
            return RecordingMetadata()
        pack = self._context.pack
        try:
            with shortages_mapped():
                llm = await self._context.engines.language_model()
                if llm is None:
                    return RecordingMetadata()
                answers = self._context.model_answers(llm, recording_id)
                model = PromptedModel(llm, answers, pack.metadata_prompt, pack.metadata_schema)
                return await propose(transcript, pack.scenario(recording.request.scenario), model, today())
        except (DatabaseUnavailable, OutOfResources):
            raise
        except VoxPersonaError as exc:
            log.warning("metadata_not_proposed", recording=str(recording_id), error=exc.code, reason=str(exc))
            return RecordingMetadata()


_SLOWEST_DECODING = 2.0
"""Seconds of decoding per second of audio; even a loaded machine stays below this (measured: 0.002)."""


class PreparedAudio(Value):
    """Facts about the prepared audio: its layout, where speech is, what is missing. Stored beside the samples."""

    layout: Layout
    speech: tuple[Interval, ...]
    missing: tuple[MissingInterval, ...]


class RecordingSteps:
    """Takes a recording from stage to stage."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._steps: dict[Stage, tuple[Stage, Callable[[Recording], Awaitable[None]]]] = {
            Stage.STORED: (Stage.PREPARED, self._prepare_audio),
            Stage.PREPARED: (Stage.TRANSCRIBED, self._transcribe),
            Stage.TRANSCRIBED: (Stage.SPEAKERS_KNOWN, self._find_speakers),
            Stage.SPEAKERS_KNOWN: (Stage.DONE, self._name_roles),
        }
        self._proposals = ProposalSteps(context)

    async def advance(
        self,
        recording_id: RecordingId,
        enqueue_next: Callable[[Connection, RecordingId], Awaitable[None]],
    ) -> None:
        """Do the next stage and commit it together with the job of the stage that follows.

        When the recording was cancelled meanwhile, or other work on it was asked for, the stage is not committed; the
        job that is enqueued looks at the recording anew.

        Raises:
            VoxPersonaError: the recording stays at its stage.
        """
        async with self._context.database.transaction() as connection:
            recording = await recordings_store.begin_try(connection, recording_id)
        if recording.stage not in self._steps or recording.error_code == Cancelled.code:
            return
        next_stage, work = self._steps[recording.stage]
        started = monotonic()
        try:
            with shortages_mapped():
                await work(recording)
        except (BadInput, DiskFull, DatabaseFull, LimitReached):
            # Removes hours of samples, which no later start can use, or which take the space that it needs.
            await self.clear_spool(recording_id)
            raise
        if next_stage is Stage.DONE:
            # Cleared before the stage is noted: afterwards nobody would clear what a crash has left.
            await self.clear_spool(recording_id)
        async with self._context.database.transaction() as connection:
            noted = await recordings_store.set_stage(connection, recording, next_stage, monotonic() - started)
            if next_stage in self._steps or not noted:
                # The job of a recording that was cancelled meanwhile ends as soon as it has loaded the recording.
                await enqueue_next(connection, recording_id)

    async def propose(self, recording_id: RecordingId) -> None:
        """Propose metadata, as ``ProposalSteps.propose`` does."""
        await self._proposals.propose(recording_id)

    async def clear_spool(self, recording_id: RecordingId) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder(recording_id), ignore_errors=True)

    def _folder(self, recording_id: RecordingId) -> Path:
        return self._context.spool / str(recording_id)

    def _pcm(self, recording_id: RecordingId) -> Path:
        return self._folder(recording_id) / "audio.pcm"

    async def _prepare_audio(self, recording: Recording) -> None:
        if not is_ready(recording):
            await self._reserve(recording, {Resource.SOUND: Decimal(recording.duration_s)})
            # A header may lie: what was decoded counts, before an engine hears it.
            prepared = await self._prepared(recording)
            await self._reserve(recording, {Resource.SOUND: Decimal(prepared.layout.duration_s)})

    async def _reserve(self, recording: Recording, wanted: Amounts) -> None:
        """Reserve what the recognition takes.

        Raises:
            LimitReached: the owner has less left; the recording waits.
        """
        async with self._context.database.transaction() as connection:
            language = recording.request.language
            await reserve_recording(connection, recording.owner_id, recording.id, language, wanted)

    async def _prepared(self, recording: Recording) -> PreparedAudio:
        """Return the facts about the samples in the spool; make samples and facts again when one of them is gone."""
        found = self._folder(recording.id) / "layout.json"
        if await asyncio.to_thread(lambda: found.exists() and self._pcm(recording.id).exists()):
            return PreparedAudio.model_validate_json(await asyncio.to_thread(found.read_bytes))
        folder = self._folder(recording.id)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        original = folder / f"original.{recording.extension}"
        await self._context.originals.get(recording, original)
        info = await probe(original, recording.file_name)
        async with self._context.processors:
            layout, speech = await prepare_channels(
                original,
                self._pcm(recording.id),
                info,
                file_name=recording.file_name,
                ffmpeg=self._context.ffmpeg,
                time_limit_s=60 + _SLOWEST_DECODING * info.duration_s,
            )
        tail = missing_tail(info.declared_s, layout.duration_s)
        if not speech:
            raise NoSpeech(file_name=recording.file_name)
        prepared = PreparedAudio(layout=layout, speech=speech, missing=(tail,) if tail else ())
        await asyncio.to_thread(original.unlink)
        await asyncio.to_thread(write_atomically, found, prepared.model_dump_json().encode())
        return prepared

    async def _transcribe(self, recording: Recording) -> None:
        if is_ready(recording):
            ready = await self._ready(recording)
            await self._save(recording, ready.transcript, ready.warnings)
            return
        # Reserved already, unless the work was cancelled and goes on.
        await self._reserve(recording, {Resource.SOUND: Decimal(recording.duration_s)})
        prepared = await self._prepared(recording)
        engine = await self._context.engines.speech_to_text()
        seconds = prepared.layout.duration_s
        cost = audio_cost_usd(engine.info.model, seconds, engine=engine.info.name)
        await self._reserve(recording, {Resource.SOUND: Decimal(seconds), **({Resource.MONEY: cost} if cost else {})})
        parts = StoredParts(self._context.database, recording.id)
        async with self._context.database.transaction() as connection:
            terms = [each.term for each in await glossary.list_terms(connection, recording.owner_id)]
        draft = await Transcription(engine, parts, self._context.calls).run(
            recording.sha256,
            self._pcm(recording.id),
            prepared.speech,
            prepared.layout.whole_s,
            recording.request.language,
            hints(terms),
        )
        heard = prepared.layout.at_home(draft.segments)
        async with self._context.processors:
            segments = await asyncio.to_thread(corrected_by, terms, heard, draft.language)
        transcript = Transcript(
            language=draft.language,
            engine=engine.info.name,
            model=engine.info.model,
            duration_s=prepared.layout.duration_s,
            speakers=0,
            segments=segments,
            missing=(*prepared.layout.missing_at_home(draft.missing), *prepared.missing),
        )
        await self._save(recording, transcript, language_warnings(segments))

    async def _find_speakers(self, recording: Recording) -> None:
        scenario = self._scenario(recording)
        transcript = await self._load(recording)
        warnings: tuple[str, ...] = ()
        if is_ready(recording):
            # Anew from the file: an earlier scenario may have put roles in the place of its names.
            segments = with_speakers((await self._ready(recording)).transcript.segments, scenario)
        else:
            found, warnings = await self._speakers(recording, transcript, scenario)
            # Roles of another scenario are removed.
            segments = tuple(each.model_copy(update={"role": None}) if each.role else each for each in found)
        speakers = len({segment.speaker for segment in segments})
        told = transcript.model_copy(update={"segments": segments, "speakers": speakers})
        await self._save(recording, told, warnings)

    async def _speakers(
        self, recording: Recording, transcript: Transcript, scenario: Scenario | None
    ) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
        """Return the segments with their speakers, and warnings; those of channels and what people put right are facts.

        In a monologue everything else has one speaker.
        """
        segments = transcript.segments
        async with self._context.database.transaction() as connection:
            corrected = await editing.are_speakers_corrected(connection, recording.id)
        if corrected and all(each.speaker for each in segments):
            return segments, ()
        monologue = scenario is not None and not scenario.diarize
        if monologue and len({segment.speaker for segment in segments}) < 2:
            return assign_speakers(segments, ()), ()
        prepared = await self._prepared(recording)
        if prepared.layout.channels > 1:
            return speakers_in_order(segments), ()
        if monologue:
            return assign_speakers(segments, ()), ()
        encoder = await self._context.engines.voice_encoder()
        async with self._context.processors:
            found = await diarize(self._pcm(recording.id), prepared.speech, encoder, recording.request.speakers)
        return await asyncio.to_thread(assign_speakers, segments, found.turns), speaker_warnings(found)

    async def _name_roles(self, recording: Recording) -> None:
        scenario = self._scenario(recording)
        transcript = await self._load(recording)
        if scenario is not None and scenario.diarize:
            naming = await self._named(recording, transcript, scenario)
            names = transcript.names
            if is_ready(recording):
                names = {**names_of_file(transcript.segments, scenario.roles), **names}
            transcript = transcript.model_copy(update={"segments": naming.segments, "names": names})
            if not await self._save(recording, transcript, naming.warnings):
                return
        key = key_for_transcript(recording.owner_id, recording.id)
        content = await asyncio.to_thread(to_json, transcript)
        await self._context.objects.put_bytes(key, content)

    async def _named(self, recording: Recording, transcript: Transcript, scenario: Scenario) -> RoleNaming:
        segments = transcript.segments
        if is_ready(recording):
            told = with_roles_of_file(segments, scenario.roles)
            if told is not None:
                return RoleNaming(segments=told)
        naming = await name_roles(segments, scenario.roles, await self._role_model(recording))
        if not is_ready(recording):
            return naming
        return naming.model_copy(update={"segments": with_names_of_file(naming.segments, segments)})

    async def _ready(self, recording: Recording) -> Ready:
        return await read_original(self._context, recording, self._folder(recording.id))

    async def _role_model(self, recording: Recording) -> PromptedModel | None:
        llm = await self._context.engines.language_model()
        if llm is None:
            return None
        answers = self._context.model_answers(llm, recording.id)
        pack = self._context.pack
        return PromptedModel(llm, answers, pack.roles_prompt, pack.roles_schema)

    def _scenario(self, recording: Recording) -> Scenario | None:
        wanted = recording.request.scenario
        return None if wanted == NO_SCENARIO else self._context.pack.scenario(wanted)

    async def _load(self, recording: Recording) -> Transcript:
        async with self._context.database.transaction() as connection:
            transcript = await transcripts_store.load_transcript(connection, recording.id)
        if transcript is None:
            raise NotFound(what=f"transcript of {recording.id}")
        return transcript

    async def _save(self, recording: Recording, transcript: Transcript, warnings: Sequence[str] = ()) -> bool:
        """Store a transcript; False, storing nothing, when other work has brought the recording to a later stage."""
        content_hash = await asyncio.to_thread(lambda: sha256(transcript.model_dump_json().encode()).hexdigest())
        async with self._context.database.transaction() as connection:
            if not await recordings_store.lock_at_stage(connection, recording.id, recording.stage):
                log.warning("transcript_is_late", recording=str(recording.id), stage=recording.stage)
                return False
            await editing.keep_former(connection, recording.id)
            await transcripts_store.save_transcript(connection, recording.id, transcript, content_hash)
            await recordings_store.add_warnings(connection, recording.id, warnings)
            return True
