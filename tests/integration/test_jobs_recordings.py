"""A recording's step beside a person who wants something else meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import recordings_store
import speech_corpus
import transcripts_store
from audio import find_ffmpeg, opus
from datamodels import EngineInfo, PartTranscript, Recording, RecordingId, ScenarioId, Segment, Stage, Transcript, Word
from db import Connection, Database
from default_pack import PACK
from errors import DiskFull, NoSpeech
from errors_of_operation import LimitReached
from jobs.context import Engines, JobContext
from jobs.queue import Jobs, queue_of
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from limits import store
from limits.values import Resource, this_month
from object_files import FolderObjectStore
from object_store import key_for_transcript
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from product import MODELS
from recording_files import call, encode, silence, speech, truncated
from recordings.originals import Originals
from recordings_factory import add_recording
from speech_to_text.openai import OpenAISpeechToText
from speech_to_text.port import OnHeard, PartLimits, SpeechToText, tell_nobody
from transcription.editing.service import TranscriptEditing
from transcription.glossary.service import Glossary
from voices.encoder import VoiceEncoder
from weights.installer import ensure_weights


class Objects(FolderObjectStore):
    """An object store during whose upload something else may happen."""

    meanwhile: Callable[[], Awaitable[None]] | None = None
    fills_the_disk = False
    """Whether what is fetched takes the last of the space."""

    async def get_file(self, key: str, path: Path) -> None:
        await super().get_file(key, path)
        if self.fills_the_disk:
            raise DiskFull(path=path)

    async def put_bytes(self, key: str, data: bytes) -> None:
        await super().put_bytes(key, data)
        if self.meanwhile is not None:
            await self.meanwhile()


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


@pytest.fixture
def context(shared_database: Database, objects: Objects, tmp_path: Path) -> JobContext:
    """Work without engines; what tests put in their place is made by ``replace``."""
    spool = tmp_path / "spool"
    return JobContext(
        shared_database,
        objects,
        Originals(shared_database, objects, spool),
        PACK,
        cast("Engines", None),
        find_ffmpeg(None),
        spool,
    )


@pytest.fixture
def steps(context: JobContext) -> RecordingSteps:
    return RecordingSteps(context)


@pytest.fixture
async def audit(shared_database: Database) -> Recording:
    """An audit that is transcribed: its speaker and its transcript's object are to come, and need no engine."""
    segments = (Segment(start=0, end=5, text="Начнём с лобби.", role="Клиент"),)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=5, speakers=0, segments=segments)
    async with shared_database.transaction() as connection:
        recording = await add_recording(connection)
        request = recording.request.model_copy(update={"scenario": ScenarioId("design")})
        recording = await recordings_store.update_request(connection, recording.id, request, restart=False)
        await recordings_store.set_stage(connection, recording, Stage.TRANSCRIBED, 1)
        await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
    return recording


class Queue(list[RecordingId]):
    async def add(self, connection: Connection, recording: RecordingId) -> None:  # noqa: ARG002
        self.append(recording)


@pytest.fixture
def queue() -> Queue:
    return Queue()


async def stored(context: JobContext, sound: Path) -> Recording:
    """A recording of somebody's whose original is ``sound``."""
    async with context.database.transaction() as connection:
        recording = await add_recording(connection)
    digest = sha256(await asyncio.to_thread(sound.read_bytes)).hexdigest()
    await context.objects.put_file(recording.object_key, sound, sha256=digest, file_name=sound.name)
    return recording


async def now(database: Database, recording: Recording) -> Recording:
    async with database.transaction() as connection:
        return await recordings_store.get_recording_for_job(connection, recording.id)


_LONG_S = 15.0


class SaysWhere:
    """An engine that hears in each part its own number, and English in the second. It stands where the port is.

    In a long part it hears two words with their times.
    """

    info = EngineInfo(name="double", model="double", fingerprint="1")
    limits = PartLimits(target_s=300, longest_s=420)
    concurrency = 1

    def __init__(self) -> None:
        self.parts = 0

    async def speech_to_text(self) -> "SaysWhere":
        return self

    async def voice_encoder(self) -> VoiceEncoder:
        return VoiceEncoder(await ensure_weights("voice-encoder", MODELS))

    async def transcribe(
        self,
        pcm: Path,  # noqa: ARG002
        start_s: float,
        end_s: float,
        language: str | None,  # noqa: ARG002
        hints: Sequence[str] = (),  # noqa: ARG002
        on_heard: OnHeard = tell_nobody,  # noqa: ARG002
    ) -> PartTranscript:
        self.parts += 1
        if end_s - start_s > _LONG_S:
            words = tuple(Word(start=at, end=at + 1, text=text) for at, text in ((1.0, "раз"), (16.0, "два")))
            return PartTranscript(language="ru", segments=(Segment(start=0, end=19, text="раз два", words=words),))
        said = Segment(start=0, end=end_s - start_s - 0.1 * self.parts, text=f"часть {self.parts}")
        return PartTranscript(language="ru" if self.parts == 1 else "en", segments=(said,))


async def test_each_side_of_a_call_is_a_speaker_and_another_language_is_told(
    context: JobContext, queue: Queue, tmp_path: Path
) -> None:
    recording = await stored(context, await asyncio.to_thread(call, tmp_path / "call.mp3", 9.0))
    steps = RecordingSteps(replace(context, engines=cast("Engines", SaysWhere())))

    for _ in (Stage.PREPARED, Stage.TRANSCRIBED, Stage.SPEAKERS_KNOWN):
        await steps.advance(recording.id, queue.add)

    async with context.database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, recording.id)
    assert transcript is not None
    assert (transcript.language, transcript.speakers) == ("ru", 2)
    assert transcript.duration_s == pytest.approx(9.0, abs=0.2)
    told = [(segment.text, segment.speaker, segment.language) for segment in transcript.segments]
    assert told == [("часть 1", "S1", None), ("часть 2", "S2", "en")]
    assert all(0 <= segment.start < segment.end <= 9.2 for segment in transcript.segments)
    (warning,) = (await now(context.database, recording)).warnings
    assert warning.startswith("В записи звучит и другой язык, английский: 00:00–00:0")


@pytest.mark.weights
async def test_two_people_at_one_table_are_speakers_and_people_are_told_where_both_speak(
    context: JobContext, queue: Queue, tmp_path: Path
) -> None:
    russian = speech_corpus.at_loudness(speech_corpus.russian_prompt("demo-instruct").samples)
    english = speech_corpus.at_loudness(np.concatenate([clip.samples for clip in speech_corpus.librivox()]))
    second = speech_corpus.SAMPLE_RATE
    table = np.concatenate([russian[: 10 * second], english[: 10 * second]])
    table[6 * second : 10 * second] += english[12 * second : 16 * second]
    recording = await stored(context, speech_corpus.write_wav(tmp_path / "table.wav", table))
    engines = SaysWhere()
    steps = RecordingSteps(replace(context, engines=cast("Engines", engines)))
    for _ in (Stage.PREPARED, Stage.TRANSCRIBED, Stage.SPEAKERS_KNOWN):
        await steps.advance(recording.id, queue.add)

    async with context.database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, recording.id)
    assert transcript is not None
    assert [(word.speaker, word.text) for word in transcript.segments] == [("S1", "раз"), ("S2", "два")]
    told = (await now(context.database, recording)).warnings
    assert [warning for warning in told if warning.startswith("Говорят одновременно: 00:0")]


async def test_the_sides_of_a_call_stay_speakers_whatever_the_scenario(
    context: JobContext, queue: Queue, tmp_path: Path
) -> None:
    recording = await stored(context, await asyncio.to_thread(call, tmp_path / "call.mp3", 9.0))
    steps = RecordingSteps(replace(context, engines=cast("Engines", SaysWhere())))
    for _ in (Stage.PREPARED, Stage.TRANSCRIBED):
        await steps.advance(recording.id, queue.add)

    for scenario in ("design", "none", "design", "none"):
        async with context.database.transaction() as connection:
            chosen = (recording.id, ScenarioId(scenario), None, Stage.TRANSCRIBED)
            await recordings_store.choose_scenario(connection, *chosen)
        for _ in (Stage.SPEAKERS_KNOWN, Stage.DONE):  # the end clears the prepared audio away
            await steps.advance(recording.id, queue.add)
        assert (await now(context.database, recording)).stage is Stage.DONE
        async with context.database.transaction() as connection:
            transcript = await transcripts_store.load_transcript(connection, recording.id)
        assert transcript is not None
        assert [(each.text, each.speaker) for each in transcript.segments] == [("часть 1", "S1"), ("часть 2", "S2")]
        assert transcript.speakers == 2


class Mishears(SaysWhere):
    """Hears a name that no dictionary has, and notes what it was told before."""

    async def transcribe(
        self,
        pcm: Path,  # noqa: ARG002
        start_s: float,
        end_s: float,
        language: str | None,  # noqa: ARG002
        hints: Sequence[str] = (),
        on_heard: OnHeard = tell_nobody,  # noqa: ARG002
    ) -> PartTranscript:
        self.hints = tuple(hints)
        said = Segment(start=0, end=end_s - start_s, text="Мы жили в хилтане.")
        return PartTranscript(language="ru", segments=(said,))


async def test_the_glossary_helps_and_speakers_that_a_person_put_right_stay(
    context: JobContext, queue: Queue, tmp_path: Path
) -> None:
    recording, engine = await stored(context, await asyncio.to_thread(call, tmp_path / "call.mp3", 9.0)), Mishears()
    owner, number = recording.owner_id, recording.number
    await Glossary(context.database).add(owner, "Хилтон")
    steps = RecordingSteps(replace(context, engines=cast("Engines", engine)))
    chosen = (recording.id, ScenarioId("none"), None, Stage.STORED)
    async with context.database.transaction() as connection:
        await recordings_store.choose_scenario(connection, *chosen)
    for _ in range(4):
        await steps.advance(recording.id, queue.add)
    editing = TranscriptEditing(context.database, context.pack)
    opened = await editing.open(owner, number)
    assert engine.hints == ("Хилтон",)
    assert {each.text for each in opened.transcript.segments} == {"Мы жили в Хилтоне."}
    await editing.move(owner, number, opened.version, [0], "S2")

    async with context.database.transaction() as connection:
        await recordings_store.choose_scenario(connection, recording.id, ScenarioId("design"), None, Stage.TRANSCRIBED)
    for _ in range(2):
        await steps.advance(recording.id, queue.add)
    assert {each.speaker for each in (await editing.open(owner, number)).transcript.segments} == {"S2"}


async def test_steps_follow_one_another_and_take_away_roles_of_another_scenario(
    shared_database: Database, steps: RecordingSteps, objects: Objects, audit: Recording, queue: Queue
) -> None:
    await steps.advance(audit.id, queue.add)
    assert (await now(shared_database, audit)).stage is Stage.SPEAKERS_KNOWN
    await steps.advance(audit.id, queue.add)
    assert (await now(shared_database, audit)).stage is Stage.DONE
    assert queue == [audit.id]
    assert await objects.exists(key_for_transcript(audit.owner_id, audit.id))
    async with shared_database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, audit.id)
    assert transcript is not None
    assert [(segment.speaker, segment.role) for segment in transcript.segments] == [("S1", None)]


async def test_a_scenario_chosen_meanwhile_is_not_lost(
    shared_database: Database, steps: RecordingSteps, objects: Objects, audit: Recording, queue: Queue
) -> None:
    await steps.advance(audit.id, queue.add)

    async def choose() -> None:
        async with shared_database.transaction() as connection:
            await recordings_store.choose_scenario(
                connection, audit.id, ScenarioId("interview"), None, Stage.TRANSCRIBED
            )

    objects.meanwhile = choose
    await steps.advance(audit.id, queue.add)
    assert ((await now(shared_database, audit)).stage, queue) == (Stage.TRANSCRIBED, [audit.id, audit.id])


async def test_a_recording_cancelled_meanwhile_stays_cancelled_and_is_not_begun_again(
    shared_database: Database, steps: RecordingSteps, objects: Objects, audit: Recording, queue: Queue
) -> None:
    await steps.advance(audit.id, queue.add)

    async def cancel() -> None:
        async with shared_database.transaction() as connection:
            assert await recordings_store.cancel(connection, audit.id)

    objects.meanwhile = cancel
    await steps.advance(audit.id, queue.add)
    objects.meanwhile = None
    await steps.advance(audit.id, queue.add)
    cancelled = await now(shared_database, audit)
    assert (cancelled.stage, cancelled.error_code) == (Stage.SPEAKERS_KNOWN, "cancelled")

    async with shared_database.transaction() as connection:
        await recordings_store.go_on(connection, audit.id)
    await steps.advance(audit.id, queue.add)
    done = await now(shared_database, audit)
    assert (done.stage, done.error_code) == (Stage.DONE, None)


async def test_a_failure_that_is_tried_again_is_over_when_the_try_begins(
    shared_database: Database, steps: RecordingSteps, objects: Objects, audit: Recording, queue: Queue
) -> None:
    await steps.advance(audit.id, queue.add)
    async with shared_database.transaction() as connection:
        later = datetime.now(UTC) + timedelta(hours=1)
        await recordings_store.record_failure(connection, audit.id, "provider_unavailable", "Не отвечает.", later)
    assert (await now(shared_database, audit)).retry_at == later
    during: list[Recording] = []

    async def look() -> None:
        during.append(await now(shared_database, audit))

    objects.meanwhile = look
    await steps.advance(audit.id, queue.add)
    assert [(each.error_code, each.retry_at) for each in during] == [(None, None)]


class OneEndpoint:
    """Engines of which only speech to text is there: an endpoint."""

    def __init__(self, server: OpenAIServer) -> None:
        encode = partial(opus, ffmpeg=find_ffmpeg(None))
        self.engine = OpenAISpeechToText(server.base_url, server.api_key, "loopback-asr", "loopback", 2, 600.0, encode)

    async def speech_to_text(self) -> SpeechToText:
        return self.engine


async def test_a_call_to_an_engine_that_does_not_answer_is_given_up_and_the_audio_stays(
    context: JobContext, shared_database: Database, objects: Objects, tmp_path: Path
) -> None:
    recording = await stored(context, await asyncio.to_thread(speech, tmp_path / "interview.ogg", 20.0))
    async with OpenAIServer() as server:
        server.faults.add(Fault(Kind.HANG, path=TRANSCRIPTIONS, times=100))
        endpoint = OneEndpoint(server)
        steps = RecordingSteps(replace(context, engines=cast("Engines", endpoint)))
        jobs = Jobs(shared_database, steps, cast("ReportSteps", None), concurrency=1)
        async with shared_database.transaction() as connection:
            await jobs.enqueue_recording(connection, recording.id)
        worker = asyncio.create_task(jobs.run_worker([queue_of(recording.id)]))
        await server.until_asked(TRANSCRIPTIONS, 1)
        async with asyncio.timeout(5):
            assert await jobs.cancel_recording(recording.id)
            # Held by the job until it has ended.
            async with shared_database.locks.held(f"subject:{recording.id}"):
                cancelled = await now(shared_database, recording)
        worker.cancel()
        await asyncio.wait([worker])
        await endpoint.engine.close()
    assert (cancelled.stage, cancelled.error_code) == (Stage.PREPARED, "cancelled")
    async with shared_database.transaction() as connection:
        used = await store.used(connection, recording.owner_id, this_month())
    assert float(used[Resource.SOUND]) == pytest.approx(20, abs=0.1), "the endpoint has it, and is paid"
    assert await objects.exists(recording.object_key)
    assert not list(context.spool.iterdir())


@pytest.mark.parametrize("is_late", [False, True])
async def test_what_a_process_that_hung_brings_late_replaces_nothing(
    context: JobContext, shared_database: Database, tmp_path: Path, queue: Queue, is_late: bool
) -> None:
    """As after a standstill, in which another process has done all the rest."""
    recording = await stored(context, await asyncio.to_thread(speech, tmp_path / "interview.ogg", 20.0))
    segments = (Segment(start=0, end=5, text="Завтрак был хорош.", speaker="1", role="Гость"),)
    of_another = Transcript(language="ru", engine="e", model="m", duration_s=20, speakers=1, segments=segments)
    async with OpenAIServer() as server:
        endpoint = OneEndpoint(server)
        steps = RecordingSteps(replace(context, engines=cast("Engines", endpoint)))
        await steps.advance(recording.id, queue.add)
        prepared = await now(shared_database, recording)
        server.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, seconds=1.0))
        hanging = asyncio.create_task(steps.advance(recording.id, queue.add))
        await server.until_asked(TRANSCRIPTIONS, 1)
        async with shared_database.transaction() as connection:
            if is_late:
                await recordings_store.set_stage(connection, prepared, Stage.DONE, 1.0)
            await transcripts_store.save_transcript(connection, recording.id, of_another, "hash")
        await hanging
        await endpoint.engine.close()
    async with shared_database.transaction() as connection:
        assert (await transcripts_store.load_transcript(connection, recording.id) == of_another) is is_late
    assert (await now(shared_database, recording)).stage is (Stage.DONE if is_late else Stage.TRANSCRIBED)


async def test_what_a_cut_off_file_does_not_hold_is_missing_in_the_transcript(
    context: JobContext, shared_database: Database, tmp_path: Path, queue: Queue
) -> None:
    sound = await asyncio.to_thread(lambda: truncated(speech(tmp_path / "interview.wav", 20.0), 0.6))
    recording = await stored(context, sound)
    async with OpenAIServer() as server:
        endpoint = OneEndpoint(server)
        steps = RecordingSteps(replace(context, engines=cast("Engines", endpoint)))
        for _ in range(2):
            await steps.advance(recording.id, queue.add)
        await endpoint.engine.close()
    async with shared_database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, recording.id)
    assert transcript is not None
    [tail] = [each for each in transcript.missing if each.reason == "Файл обрезан: этой части записи в нём нет."]
    assert tail.start == pytest.approx(12, abs=0.15)
    assert tail.end == pytest.approx(20, abs=0.15)


async def test_what_holds_no_speech_leaves_no_samples(
    context: JobContext, steps: RecordingSteps, tmp_path: Path, queue: Queue
) -> None:
    recording = await stored(context, await asyncio.to_thread(encode, tmp_path / "quiet.ogg", silence(5.0)))
    with pytest.raises(NoSpeech):
        await steps.advance(recording.id, queue.add)
    assert not list(context.spool.iterdir())


async def test_a_full_disk_gets_back_what_the_recording_took(
    context: JobContext, steps: RecordingSteps, objects: Objects, tmp_path: Path, queue: Queue
) -> None:
    recording = await stored(context, await asyncio.to_thread(encode, tmp_path / "quiet.ogg", silence(5.0)))
    objects.fills_the_disk = True
    with pytest.raises(DiskFull):
        await steps.advance(recording.id, queue.add)
    assert not list(context.spool.iterdir())


async def test_a_header_that_lies_and_a_limit_that_is_reached_pay_no_engine(
    context: JobContext, shared_database: Database, tmp_path: Path, queue: Queue
) -> None:
    recording = await stored(context, await asyncio.to_thread(speech, tmp_path / "interview.ogg", 8.0))
    async with OpenAIServer() as server:
        endpoint = OneEndpoint(server)
        steps = RecordingSteps(replace(context, engines=cast("Engines", endpoint)))
        for probed_s, limit_s, fits in ((2500.0, 60, False), (2.0, 5, False), (2.0, 10, True)):
            async with shared_database.transaction() as connection:
                query = "UPDATE recordings SET duration_s = %s WHERE id = %s"
                await connection.execute(query, (probed_s, recording.id))
                await store.set_for_person(connection, recording.owner_id, Resource.SOUND, Decimal(limit_s), own=True)
            with nullcontext() if fits else pytest.raises(LimitReached) as refused:
                await steps.advance(recording.id, queue.add)
            if refused is not None:
                assert "Запись сохранена, но больше всего месячного предела" in refused.value.user_text
                assert not list(context.spool.glob("*/*.pcm")), "samples of what waits take space for weeks"
        await steps.advance(recording.id, queue.add)
        await endpoint.engine.close()
    async with shared_database.transaction() as connection:
        used = await store.used(connection, recording.owner_id, this_month())
    assert float(used[Resource.SOUND]) == pytest.approx(8, abs=0.1)


async def test_sound_waits_for_a_free_processor(
    context: JobContext, shared_database: Database, tmp_path: Path, queue: Queue
) -> None:
    recording = await stored(context, await asyncio.to_thread(speech, tmp_path / "interview.ogg", 5.0))
    processors = asyncio.Semaphore(1)
    steps = RecordingSteps(replace(context, processors=processors))
    async with processors:
        preparing = asyncio.create_task(steps.advance(recording.id, queue.add))
        done, _ = await asyncio.wait([preparing], timeout=2)
        assert not done
        assert not list(context.spool.rglob("*.pcm"))
    await preparing
    assert (await now(shared_database, recording)).stage is Stage.PREPARED
