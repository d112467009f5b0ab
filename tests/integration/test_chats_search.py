"""Search over real transcripts in PostgreSQL: Russian word forms, what is found first, whose it is, how much."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import transcripts_store
from chats_world import Asker, ChatsBot
from datamodels_chats import Passage
from db import Database


@pytest.fixture
async def chats_bot(followed: Database, tmp_path: Path) -> ChatsBot:
    return ChatsBot(followed, tmp_path)


@pytest.fixture
async def anna(chats_bot: ChatsBot) -> Asker:
    return await Asker.come(chats_bot)


def text(passage: Passage) -> str:
    return " ".join(line.text for line in passage.lines)


async def found(anna: Asker, question: str) -> list[Passage]:
    return list((await anna.bot.search.find(anna.id, question)).passages)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("На завтраке не хватало горячих блюд.", "завтраки"),
        ("На завтраке не хватало горячих блюд.", "Кому не хватает горячего блюда?"),
        ("Дети замёрзли в бассейне.", "бассейны"),
        ("Дети замёрзли в бассейне.", "замерзли"),
        ("Дети замерзли в бассейне.", "замёрзли"),
        ("ПАРКОВКА маленькая", "парковку"),
        ("Wi-Fi в номере медленный", "wi-fi"),
        ("Мы заплатили 12500 рублей", "12500"),
    ],
)
async def test_words_are_found_in_any_form(anna: Asker, said: str, asked: str) -> None:
    await anna.has_recording(said)
    [passage] = await found(anna, asked)
    assert text(passage) == said


@pytest.mark.parametrize("asked", ["Сколько планет?", "и что как", "???", "", "а что говорят гости"])
async def test_what_is_not_there_is_not_found(anna: Asker, asked: str) -> None:
    await anna.has_recording("На завтраке не хватало горячих блюд.", "Дети замёрзли в бассейне.")
    assert not await found(anna, asked)


async def test_words_of_asking_count_when_there_are_no_others(anna: Asker) -> None:
    await anna.has_recording("Гости говорят о цене.")
    assert await found(anna, "О чём говорят гости?")


async def test_nothing_of_another_is_found(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording("На завтраке не хватало горячих блюд.")
    boris = await Asker.come(chats_bot)
    assert not await found(boris, "завтрак")
    assert await chats_bot.search.is_empty(boris.id)
    assert not await chats_bot.search.is_empty(anna.id)
    await boris.has_recording("Завтрак хвалю.")
    assert [text(passage) for passage in await found(boris, "завтрак")] == ["Завтрак хвалю."]
    assert [text(passage) for passage in await found(anna, "завтрак")] == ["На завтраке не хватало горячих блюд."]


async def test_what_others_say_does_not_change_how_much_a_word_counts(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording("Завтрак, терраса.", "Терраса.")
    boris = await Asker.come(chats_bot)
    await boris.has_recording(*(f"Терраса номер {number}." for number in range(20)))

    async def weights() -> list[dict[str, float]]:
        async with anna.bot.database.transaction() as connection:
            lexemes = await transcripts_store.lexemes_of(connection, "завтрак, терраса")
            return [dict(hit.weights) for hit in await transcripts_store.find_hits(connection, anna.id, lexemes, 10)]

    [first, second] = await weights()
    assert first == pytest.approx({"завтрак": 1.0986, "террас": 0.6931}, abs=0.001)
    assert second == pytest.approx({"террас": 0.6931}, abs=0.001)


async def test_the_recordings_of_passages_are_ones_own(anna: Asker, chats_bot: ChatsBot) -> None:
    own, boris = await anna.has_recording("Завтрак."), await Asker.come(chats_bot)
    others = await boris.has_recording("Завтрак.")
    async with anna.bot.database.transaction() as connection:
        assert list(await transcripts_store.recordings_of(connection, anna.id, [own, others])) == [own]


async def test_rare_words_and_several_of_them_come_first(anna: Asker) -> None:
    filler = [f"Посторонняя реплика номер {place}, {'слово ' * 100}" for place in range(6)]
    await anna.has_recording("Завтрак обычный.", *filler, "Завтрак подают на террасу.", *filler, "Завтрак был.")
    passages = await found(anna, "завтрак на террасе")
    assert "террасу" in text(passages[0])
    assert [passage.source.number for passage in passages] == list(range(1, len(passages) + 1))


@pytest.mark.parametrize(("said", "is_found"), [("Завтрак.", False), ("Терраса.", False), ("Завтрак и терраса.", True)])
async def test_what_shares_only_a_common_word_with_the_question_is_not_found(
    anna: Asker, said: str, is_found: bool
) -> None:
    await anna.has_recording("Завтрак, терраса, пианист.")
    for _ in range(4):
        await anna.has_recording("Завтрак.")
    await anna.has_recording(said)
    first, *others = await found(anna, "завтрак, терраса, пианист")
    assert text(first) == "Завтрак, терраса, пианист."
    assert [text(passage) for passage in others] == ([said] if is_found else [])


async def test_a_passage_has_what_was_said_around_and_when(anna: Asker) -> None:
    await anna.has_recording(
        ("Сотрудник", "Что скажете про завтрак?"), ("Клиент", "Он был бедный."), ("Клиент", "Кофе хвалю."),
        day=date(2026, 11, 3),
    )  # fmt: skip
    [passage] = await found(anna, "Завтраки")
    assert [(line.speaker, line.start) for line in passage.lines] == [("Сотрудник", 0), ("Клиент", 10), ("Клиент", 20)]
    source = passage.source
    assert (source.start, source.end, source.speakers) == (0, 29, ("Сотрудник", "Клиент"))
    assert (source.label, source.recording_number, source.day) == ("Интервью", 1, date(2026, 11, 3))


async def test_passages_are_short_and_few_and_do_not_repeat_each_other(anna: Asker) -> None:
    for _ in range(4):
        await anna.has_recording(*(f"Завтрак {place}. {'Слова о завтраке. ' * 15}" for place in range(30)))
    passages = await found(anna, "завтрак")
    assert len(passages) == 8
    places = [(passage.source.recording_id, line.start) for passage in passages for line in passage.lines]
    assert len(places) == len(set(places))
    assert all(len(text(passage)) <= 1000 for passage in passages)


async def test_an_utterance_longer_than_a_passage_is_found_whole(anna: Asker) -> None:
    said = "Завтрак. " + "Долгий рассказ. " * 200
    await anna.has_recording("До.", said, "После.")
    [passage] = await found(anna, "завтрак")
    assert text(passage) == said.strip()


async def test_a_recording_without_scenario_speakers_or_day_has_a_source_too(anna: Asker) -> None:
    await anna.has_recording("Завтрак бедный.", scenario="none")
    [passage] = await found(anna, "завтрак")
    assert passage.source.label == "Запись"
    assert passage.source.speakers == ()
    assert passage.source.day == date.today()  # noqa: DTZ011  # the server's


async def test_a_scenario_that_is_in_the_pack_no_more_is_a_recording(anna: Asker) -> None:
    await anna.has_recording("Завтрак бедный.", scenario="gone")
    [passage] = await found(anna, "завтрак")
    assert passage.source.label == "Запись"


async def test_the_index_is_used(anna: Asker) -> None:
    await anna.has_recording(*(f"Посторонняя реплика номер {place}." for place in range(500)))
    async with anna.bot.database.transaction() as connection:
        await connection.execute("ANALYZE transcript_segments")
        await connection.execute("SET LOCAL enable_seqscan = off")
        parameters = {"owner_id": anna.id, "lexemes": ["завтрак"], "query": "'завтрак'", "limit": 10}
        explained = f"EXPLAIN {transcripts_store._SELECT_HITS}"
        plan = [str(row) async for row in await connection.execute(explained, parameters)]
    assert "transcript_segments_words" in "".join(plan)
    # Weighed once, not once for each of the hits.
    assert "CTE weights" in "".join(plan)


@given(question=st.text(max_size=100))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_anything_can_be_looked_for(anna: Asker, question: str) -> None:
    assert await found(anna, question.replace("\0", "").encode(errors="replace").decode()) is not None
