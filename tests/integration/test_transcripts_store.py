"""Parts and transcripts as they are stored, and corrected by their people."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import recordings_store
import reports_store
import transcripts_store
from datamodels import (
    MissingInterval,
    NewReportRun,
    PartPlan,
    PartTranscript,
    Recording,
    RecordingId,
    ReportId,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    UserId,
    Word,
)
from db import Connection, Database
from default_pack import PACK
from errors import BadText, NotFound
from errors_of_operation import TranscriptChanged, TranscriptUnfinished
from object_store import ObjectStore, key_for_transcript
from recordings_factory import add_recording, add_user
from transcript_formats import to_json
from transcription.editing import store
from transcription.editing.changes import mark_of
from transcription.editing.filing import TranscriptFiling
from transcription.editing.service import TranscriptEditing
from transcription.editing.values import NEW_SPEAKER, ChangeKind, Edited, Search

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
    for share in (0.25, 0.5):
        await transcripts_store.store_part_heard(connection, recording.id, "a", share)
        [progress] = await recordings_store.load_progress(connection, [recording.id])
        assert progress.parts_heard == share
    await transcripts_store.store_part_failure(connection, recording.id, "a", "provider_unavailable")
    [progress] = await recordings_store.load_progress(connection, [recording.id])
    assert progress.parts_heard == 0
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


TALK = TRANSCRIPT.model_copy(
    update={
        "segments": (
            Segment(start=0.0, end=2.0, text="Как вам заря?", speaker="S1", role="Сотрудник"),
            Segment(
                start=2.0,
                end=4.0,
                text="В заре тихо.",
                speaker="S2",
                role="Клиент",
                words=(Word(start=2.0, end=3.0, text="В"), Word(start=3.0, end=4.0, text="заре тихо.")),
            ),
            Segment(start=4.0, end=6.0, text="И чисто.", speaker="S3"),
        ),
        "speakers": 3,
    }
)


@pytest.fixture
def editing(shared_database: Database) -> TranscriptEditing:
    return TranscriptEditing(shared_database, PACK)


@pytest.fixture
async def talk(shared_database: Database) -> Recording:
    """A recording of a person of its own, with a transcript as the engine made it."""
    async with shared_database.transaction() as connection:
        recording = await add_recording(connection)
        await transcripts_store.save_transcript(connection, recording.id, TALK, "engine")
        await recordings_store.set_stage(connection, recording, Stage.DONE, 1)
    return recording


async def stored(database: Database, recording: Recording) -> Transcript:
    async with database.transaction() as connection:
        found = await transcripts_store.load_transcript(connection, recording.id)
    assert found is not None
    return found


async def content_hash(database: Database, recording: Recording) -> str | None:
    async with database.transaction() as connection:
        return await store.find_content_hash(connection, recording.id)


async def edited_thrice(editing: TranscriptEditing, recording: Recording) -> None:
    """Words corrected, a speaker named, two speakers merged: versions 2, 3 and 4."""
    owner, number = recording.owner_id, recording.number
    await editing.replace_all(owner, number, 1, Search(wanted="заре"), "Заре")
    await editing.name_speaker(owner, number, 2, "S3", "Мария")
    await editing.merge(owner, number, 3, "S3", "S2")


async def test_edits_are_stored_and_undone_one_after_another(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    owner, number = talk.owner_id, talk.number
    states = [(await stored(shared_database, talk), await content_hash(shared_database, talk))]
    await editing.replace_texts(owner, number, 1, {1: "В Заре очень тихо.", 2: ""})
    states.append((await stored(shared_database, talk), await content_hash(shared_database, talk)))
    await editing.name_speaker(owner, number, 2, "S3", "Мария")
    states.append((await stored(shared_database, talk), await content_hash(shared_database, talk)))
    done = await editing.merge(owner, number, 3, "S3", "S2")
    merged = {2: states[1][0].segments[2].model_copy(update={"speaker": "S2", "role": "Клиент"})}
    assert done == Edited(4, True, merged, {"S2": "Мария"}, 4)
    states.append((await stored(shared_database, talk), await content_hash(shared_database, talk)))
    assert [each.names for each, _ in states] == [{}, {}, {"S3": "Мария"}, {"S2": "Мария"}]
    assert (await stored(shared_database, talk)).speakers == 2
    turned = list[Edited]()
    for expected in [*states[2::-1], *states[1:], states[2]]:
        turn = editing.redo if 3 <= len(turned) < 6 else editing.undo
        turned.append(await turn(owner, number, None))
        assert (await stored(shared_database, talk), await content_hash(shared_database, talk)) == expected
        if len(turned) in (3, 6):
            with pytest.raises(BadText):
                await turn(owner, number, None)
    ends = [(each.version, each.undoes, each.redoes) for each in turned]
    assert ends == [(5, 3, 4), (6, 2, 3), (7, None, 2), (8, 2, 3), (9, 3, 4), (10, 4, None), (11, 3, 4)]
    last = (await editing.open(owner, number)).last
    assert last is not None
    assert (last.version, last.change, last.position) == (3, ChangeKind.NAMED, None)
    await editing.replace_texts(owner, number, 11, {0: "Иначе."})
    with pytest.raises(BadText):
        await editing.redo(owner, number, 12)
    assert len({known for _, known in states}) == 4
    assert [each.change for each in await editing.history(owner, number)] == [
        *[ChangeKind.WORDS, ChangeKind.UNDONE],
        *[ChangeKind.REDONE] * 3,
        *[ChangeKind.UNDONE] * 3,
        ChangeKind.MERGED,
        ChangeKind.NAMED,
        ChangeKind.WORDS,
    ]


async def test_an_undoing_can_be_followed_by_another_edit_and_undone_with_it(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    await edited_thrice(editing, talk)
    await editing.undo(talk.owner_id, talk.number, 4)
    await editing.move(talk.owner_id, talk.number, 5, [2], NEW_SPEAKER)
    assert [each.speaker for each in (await stored(shared_database, talk)).segments] == ["S1", "S2", "S4"]
    for version, names in ((6, {"S3": "Мария"}), (7, {}), (8, {})):
        undone = await editing.undo(talk.owner_id, talk.number, version)
        assert undone.names == names
    assert await stored(shared_database, talk) == TALK


async def test_splitting_and_joining_move_what_follows(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    owner, number, mark = talk.owner_id, talk.number, mark_of("И чисто.")

    async def said() -> list[str]:
        return [each.text for each in (await stored(shared_database, talk)).segments]

    made = await editing.split(owner, number, 1, 1, "В заре")
    assert (made.version, made.segments) == (2, None)
    assert await said() == ["Как вам заря?", "В заре", "тихо.", "И чисто."]
    # A window that does not know of it yet goes on typing.
    made = await editing.replace_texts(owner, number, 1, {2: "И сухо."}, marks={2: mark})
    assert (made.version, made.segments, (await said())[3]) == (3, None, "И сухо.")
    await editing.join(owner, number, 3, 1)
    joined = await said()
    assert joined == ["Как вам заря? В заре", "тихо.", "И сухо."]
    for turn in (*[editing.undo] * 3, *[editing.redo] * 3):
        await turn(owner, number, None)
    assert await said() == joined
    assert await editing.place_of(owner, number, 1, 2) == 2
    for _ in range(3):
        await editing.undo(owner, number, None)
    assert await stored(shared_database, talk) == TALK
    # What was joined is no more told apart.
    assert [await editing.place_of(owner, number, 1, place) for place in range(3)] == [0, 0, 2]
    last = await editing.split(owner, number, None, 0, "Как")
    assert (await editing.open(owner, number)).moved == last.version
    with pytest.raises(TranscriptChanged):
        await editing.replace_texts(owner, number, 1, {0: "Моё"}, marks={0: mark_of("Как вам заря?")})


Edit = Callable[[TranscriptEditing, Recording, int], Awaitable[Edited]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda editing, talk, version: editing.name_speaker(talk.owner_id, talk.number, version, "S1", "Пётр", "u1"),
        lambda editing, talk, version: editing.choose_role(talk.owner_id, talk.number, version, "S3", "Клиент", "u1"),
        lambda editing, talk, version: editing.merge(talk.owner_id, talk.number, version, "S1", "S2", "u1"),
        lambda editing, talk, version: editing.move(talk.owner_id, talk.number, version, [0], "S2", "u1"),
        lambda editing, talk, version: editing.split(talk.owner_id, talk.number, version, 0, "Как", "u1"),
        lambda editing, talk, version: editing.join(talk.owner_id, talk.number, version, 1, "u1"),
        lambda editing, talk, version: editing.replace_texts(talk.owner_id, talk.number, version, {0: "Да."}, "u1"),
        lambda editing, talk, version: editing.replace_all(
            talk.owner_id, talk.number, version, Search(wanted="чисто"), "сухо", asked_by="u1"
        ),
        lambda editing, talk, version: editing.undo(talk.owner_id, talk.number, version, "u1"),
    ],
)
async def test_an_edit_of_an_older_version_is_refused_and_one_that_is_handled_again_is_done_once(
    shared_database: Database, editing: TranscriptEditing, talk: Recording, edit: Edit
) -> None:
    await editing.name_speaker(talk.owner_id, talk.number, 1, "S2", "Анна")
    before = await stored(shared_database, talk)
    with pytest.raises(TranscriptChanged) as refused:
        await edit(editing, talk, 1)
    assert (refused.value.details["version"], await stored(shared_database, talk)) == (2, before)
    first = await edit(editing, talk, 2)
    after = await stored(shared_database, talk)
    again = await edit(editing, talk, 2)
    assert (first.version, again.version, again.segments) == (3, 3, None)
    assert after != before
    assert await stored(shared_database, talk) == after
    stranger = talk.model_copy(update={"owner_id": await a_stranger(shared_database)})
    with pytest.raises(NotFound):
        await edit(editing, stranger, 3)


async def a_stranger(database: Database) -> UserId:
    async with database.transaction() as connection:
        return await add_user(connection)


async def test_an_edit_that_changes_nothing_makes_no_version(editing: TranscriptEditing, talk: Recording) -> None:
    owner, number = talk.owner_id, talk.number
    for edit in (
        editing.replace_texts(owner, number, 1, {0: " Как вам  заря?"}),
        editing.replace_all(owner, number, 1, Search(wanted="нет такого"), "а"),
        editing.name_speaker(owner, number, 1, "S1", ""),
        editing.move(owner, number, 1, [0], "S1"),
    ):
        assert await edit == Edited(1, False, {}, {})


async def test_a_transcript_is_corrected_once_it_is_done(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    async with shared_database.transaction() as connection:
        await recordings_store.set_stage(
            connection, talk.model_copy(update={"stage": Stage.DONE}), Stage.TRANSCRIBED, 1
        )
    with pytest.raises(TranscriptUnfinished):
        await editing.open(talk.owner_id, talk.number)
    with pytest.raises(TranscriptUnfinished):
        await editing.merge(talk.owner_id, talk.number, 1, "S1", "S2")


async def test_what_people_corrected_is_kept_when_the_product_makes_the_transcript_anew(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    await edited_thrice(editing, talk)
    corrected, known = await stored(shared_database, talk), await content_hash(shared_database, talk)
    for _ in range(3):  # words, speakers, roles
        async with shared_database.transaction() as connection:
            await store.keep_former(connection, talk.id)
            await transcripts_store.save_transcript(connection, talk.id, TALK, "engine")
    opened = await editing.open(talk.owner_id, talk.number)
    assert (opened.version, opened.can_undo, await stored(shared_database, talk)) == (7, True, TALK)
    undone = await editing.undo(talk.owner_id, talk.number, 7)
    assert (undone.version, undone.segments) == (8, None)
    assert (await stored(shared_database, talk), await content_hash(shared_database, talk)) == (corrected, known)
    for version in (8, 9, 10):
        await editing.undo(talk.owner_id, talk.number, version)
    assert await stored(shared_database, talk) == TALK


async def test_the_file_in_the_object_store_follows(
    shared_database: Database, objects: ObjectStore, editing: TranscriptEditing, talk: Recording, tmp_path: Path
) -> None:
    key, filing = key_for_transcript(talk.owner_id, talk.id), TranscriptFiling(shared_database, objects, to_json)
    await filing.file()
    assert not await objects.exists(key)
    await edited_thrice(editing, talk)
    await filing.file()
    await objects.get_file(key, tmp_path / "filed.json")
    assert (tmp_path / "filed.json").read_bytes() == to_json(await stored(shared_database, talk))
    await objects.delete(key)
    await filing.file()
    assert not await objects.exists(key)


async def test_a_report_is_outdated_while_the_transcript_is_another(
    shared_database: Database, editing: TranscriptEditing, talk: Recording
) -> None:
    owner, number = talk.owner_id, talk.number
    new = NewReportRun(
        recording_id=talk.id,
        owner_id=owner,
        scenario=ScenarioId("interview"),
        report_id=ReportId("report_int_links"),
        building=None,
        input_hash="a",
        prompt_hash="b",
        model="qwen",
        passes_total=1,
    )
    async with shared_database.transaction() as connection:
        run = await reports_store.queue_run(connection, new)
        await reports_store.start_run(connection, run.id, await store.find_content_hash(connection, talk.id))

    async def is_outdated() -> bool:
        async with shared_database.transaction() as connection:
            return (await reports_store.get_run(connection, run.id)).is_outdated

    told = [await is_outdated()]
    # The role stands in a report, not the name.
    await editing.name_speaker(owner, number, 1, "S2", "Мария")
    told.append(await is_outdated())
    await editing.name_speaker(owner, number, 2, "S3", "Пётр")
    told.append(await is_outdated())
    await editing.undo(owner, number, 3)
    told.append(await is_outdated())
    assert told == [False, False, True, False]
