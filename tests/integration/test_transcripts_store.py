import recordings_store
import transcripts_store
from datamodels import MissingInterval, PartPlan, PartTranscript, RecordingId, Segment, Transcript, Word
from db import Connection
from recordings_factory import add_recording

HEARD = PartTranscript(
    language="ru",
    segments=(
        Segment(
            start=0.1,
            end=2.7,
            text="Добрый день! 100 % «ёлка» \\ 'кавычки'",
            confidence=0.93,
            words=(Word(start=0.1, end=0.4, text="Добрый", probability=0.99), Word(start=0.4, end=0.9, text=" день!")),
        ),
    ),
)
TRANSCRIPT = Transcript(
    language="ru",
    engine="whisper",
    model="base",
    duration_s=2530.4,
    speakers=2,
    segments=(
        *HEARD.segments,
        Segment(start=2.7, end=5.0, text="Что\tпонравилось?\nЗавтрак \\.", speaker="S1", role="Сотрудник"),
        Segment(start=5.0, end=7.123456789, text="", speaker="S2", role="Клиент", words=()),
    ),
    missing=(MissingInterval(start=7.5, end=9.0, reason="движок не ответил"),),
)


def plan(*input_hashes: str) -> dict[str, PartPlan]:
    return {
        input_hash: PartPlan(position=position, start=position * 10.0, end=position * 10.0 + 10)
        for position, input_hash in enumerate(input_hashes)
    }


async def parts_of(connection: Connection, recording_id: RecordingId) -> tuple[int, int]:
    [progress] = await recordings_store.load_progress(connection, [recording_id])
    return progress.parts_done, progress.parts_total


async def test_planned_parts_are_there_without_results(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    parts = await transcripts_store.get_parts(connection, recording.id, ["b", "a", "unknown"])
    assert [(part.input_hash, part.start_s, part.end_s, part.result) for part in parts] == [
        ("a", 0.0, 10.0, None),
        ("b", 10.0, 20.0, None),
    ]
    assert await parts_of(connection, recording.id) == (0, 2)


async def test_a_part_is_as_the_engine_heard_it(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a"))
    await transcripts_store.store_part_failure(connection, recording.id, "a", "provider_unavailable")
    [failed] = await transcripts_store.get_parts(connection, recording.id, ["a"])
    await transcripts_store.store_part_result(connection, recording.id, "a", HEARD, 3.5)
    [heard] = await transcripts_store.get_parts(connection, recording.id, ["a"])
    assert (failed.result, failed.error_code) == (None, "provider_unavailable")
    assert (heard.result, heard.error_code, heard.engine_s) == (HEARD, None, 3.5)


async def test_a_late_failure_does_not_undo_a_result(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a"))
    await transcripts_store.store_part_result(connection, recording.id, "a", HEARD, 3.5)
    await transcripts_store.store_part_failure(connection, recording.id, "a", "provider_unavailable")
    [part] = await transcripts_store.get_parts(connection, recording.id, ["a"])
    assert (part.result, part.error_code) == (HEARD, None)


async def test_the_same_plan_again_keeps_what_was_heard(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    await transcripts_store.store_part_result(connection, recording.id, "a", HEARD, 3.5)
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    assert await parts_of(connection, recording.id) == (1, 2)


async def test_another_plan_counts_its_own_parts_and_going_back_finds_the_results(
    connection: Connection,
) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    await transcripts_store.store_part_result(connection, recording.id, "a", HEARD, 3.5)
    await transcripts_store.plan_parts(connection, recording.id, plan("x", "y", "z"))
    other = await parts_of(connection, recording.id)
    left = await transcripts_store.get_parts(connection, recording.id, ["a", "b"])
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    assert other == (0, 3)
    assert [part.input_hash for part in left] == ["a"]
    assert await parts_of(connection, recording.id) == (1, 2)


async def test_engine_seconds_are_those_of_the_plan(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.plan_parts(connection, recording.id, plan("a", "b"))
    await transcripts_store.store_part_result(connection, recording.id, "a", HEARD, 3.5)
    await transcripts_store.plan_parts(connection, recording.id, plan("x", "y"))
    await transcripts_store.store_part_result(connection, recording.id, "x", HEARD, 1.5)
    await transcripts_store.store_part_result(connection, recording.id, "y", HEARD, 2.25)
    assert await transcripts_store.engine_seconds(connection, recording.id) == 3.75


async def test_there_is_no_transcript_before_one_is_saved(connection: Connection) -> None:
    recording = await add_recording(connection)
    assert await transcripts_store.load_transcript(connection, recording.id) is None
    assert await transcripts_store.find_engine(connection, recording.id) is None


async def test_a_transcript_comes_back_as_it_was_saved(connection: Connection) -> None:
    recording = await add_recording(connection)
    await transcripts_store.save_transcript(connection, recording.id, TRANSCRIPT, "hash")
    assert await transcripts_store.load_transcript(connection, recording.id) == TRANSCRIPT
    assert await transcripts_store.find_engine(connection, recording.id) == ("whisper", "base")


async def test_a_transcript_takes_the_place_of_the_earlier_one(connection: Connection) -> None:
    recording = await add_recording(connection)
    shorter = TRANSCRIPT.model_copy(update={"segments": TRANSCRIPT.segments[:1], "missing": ()})
    await transcripts_store.save_transcript(connection, recording.id, TRANSCRIPT, "hash")
    await transcripts_store.save_transcript(connection, recording.id, shorter, "other hash")
    assert await transcripts_store.load_transcript(connection, recording.id) == shorter


async def test_eight_hours_keep_their_order(connection: Connection) -> None:
    recording = await add_recording(connection)
    segments = tuple(
        Segment(
            start=i * 2.88,
            end=i * 2.88 + 2.5,
            text=f"Реплика {i}",
            words=tuple(Word(start=i * 2.88, end=i * 2.88 + 0.3, text=f"слово{j}", probability=0.5) for j in range(7)),
        )
        for i in range(10_000)
    )
    long = TRANSCRIPT.model_copy(update={"segments": segments, "duration_s": 28_800.0})
    await transcripts_store.save_transcript(connection, recording.id, long, "hash")
    assert await transcripts_store.load_transcript(connection, recording.id) == long
