"""The commands about good answers, in processes of their own over a real database."""

import json
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import chat_history
import metadata_store
import training_data_store
from datamodels import RecordingMetadata
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Occasion
from db import Connection, Database
from product import Outcome, Product
from recordings_factory import add_recording, add_user

RATE = "UPDATE chat_answers SET rating = %s WHERE id = %s"


async def rated(
    connection: Connection, question: str, answer: str, rating: int | None, note: str = "", *, ended: bool = True
) -> AnswerId:
    """Somebody's answer in a chat of their own."""
    owner = await add_user(connection)
    chat = await chat_history.create_chat(connection, owner)
    asked = Occasion(door="test", key=str(uuid4()))
    answer_id = await chat_history.add_question(connection, chat, asked, question, question, None)
    if ended:
        outcome = AnswerOutcome(basis=Basis.MODEL, text=answer, note=note, model="model-1")
        await chat_history.finish_answer(connection, answer_id, outcome)
    await connection.execute(RATE, (rating, answer_id))
    return answer_id


async def pages(connection: Connection, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    after = UUID(int=0)
    while True:
        page, last = await training_data_store.list_rated(connection, 4, after=after, limit=limit)
        if last is None:
            return found
        found.append([answer.question for answer in page])
        after = last


async def test_answers_of_all_people_that_are_rated_well_are_loaded_page_by_page(connection: Connection) -> None:
    before = list(chain(*await pages(connection, 100)))
    for rating in (None, 1, 3, 4, 5, 5):
        await rated(connection, f"Оценка {rating}?", "Да.", rating)
    await rated(connection, "Ждёт?", "", 5, ended=False)
    loaded = await pages(connection, 2)
    assert all(len(page) == 2 for page in loaded[:-1])
    assert sorted(chain(*loaded)) == sorted([*before, "Оценка 4?", "Оценка 5?", "Оценка 5?"])


async def test_an_answer_is_loaded_as_it_was_read_with_its_note_first(connection: Connection) -> None:
    await rated(connection, "Как завтрак?", "Хороший [1].", 5, "Ответ не поместился.")
    (answer,) = [
        each
        for each in (await training_data_store.list_rated(connection, 5, after=UUID(int=0), limit=100))[0]
        if each.question == "Как завтрак?"
    ]
    assert (answer.answer, answer.rating) == ("Ответ не поместился.\nХороший [1].", 5)
    assert (answer.model, answer.prompt_version) == ("model-1", "")
    assert answer.at.tzinfo is not None


async def test_employees_and_clients_are_people(connection: Connection) -> None:
    recording = await add_recording(connection)
    metadata = RecordingMetadata(employee="Тагильцев Пётр", client="Зоя", place="Заря", city="Сочи")
    await metadata_store.save_metadata(connection, recording.id, metadata)
    people = await metadata_store.list_people(connection)
    assert {"Тагильцев Пётр", "Зоя"} <= set(people)
    assert not {"Заря", "Сочи"} & set(people)


@pytest.fixture
def product(database_url: str, tmp_path: Path) -> Product:
    return Product(tmp_path / "state", {"DATABASE_URL": database_url})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url)
    yield database
    await database.close()


def export(product: Product, *options: str, path: Path) -> Outcome:
    return product.run("answers", "export", path, *options)


async def test_good_answers_are_exported_and_the_file_passes_the_check(
    product: Product, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as connection:
        recording = await add_recording(connection)
        await metadata_store.save_metadata(connection, recording.id, RecordingMetadata(employee="Тагильцев Пётр"))
        await rated(connection, "Что сказала Тагильцева о завтраке?", "Вкусно [1], звоните 8 916 123-45-67 [2].", 5)
        await rated(connection, "что сказала Мария о завтраке", "Вкусно.", 4)
        await rated(connection, "Как ужин?", "Плохо.", 3)
        await rated(connection, "Как обед?", "В базе знаний нет ответа на этот вопрос.", 5)
        await rated(connection, "Как бар?", "[1]", 5)
    path = tmp_path / "примеры.jsonl"
    outcome = export(product, path=path)
    assert (outcome.status, outcome.out) == (0, "")
    for said in (f"Записано: 1 пример в {path}.", "Повторов: 1.", "Без текста: 1.", "без ответа в базе: 1."):
        assert said in outcome.said
    [line] = path.read_text(encoding="utf-8").splitlines()
    messages = json.loads(line)["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert messages[1]["content"] == "Что сказала [имя] о завтраке?"
    assert messages[2]["content"] == "Вкусно, звоните [телефон]."
    assert path.stat().st_mode & 0o777 == 0o600

    checked = product.run("answers", "check", path)
    assert checked.status == 0
    assert "⚠ в файле 1 пример, а для обучения нужно хотя бы 50" in checked.said
    assert f"{path}: ошибок нет." in checked.said


async def test_a_file_is_replaced_only_by_force(product: Product, database: Database, tmp_path: Path) -> None:
    async with database.transaction() as connection:
        await rated(connection, "Как завтрак?", "Вкусно.", 5)
    path = tmp_path / "examples.jsonl"
    path.write_text("моё", encoding="utf-8")
    refused = export(product, path=path)
    assert refused.status == 2
    assert "уже есть" in refused.said
    assert "--force" in refused.said
    assert path.read_text(encoding="utf-8") == "моё"
    assert export(product, "--force", path=path).status == 0
    assert "Вкусно." in path.read_text(encoding="utf-8")


async def test_without_good_answers_no_file_is_written(product: Product, tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    outcome = export(product, path=path)
    assert outcome.status == 1
    assert "Записывать нечего: подходящих ответов с оценкой 4 и выше нет." in outcome.said
    assert not path.exists()


async def test_a_place_that_cannot_be_written_to_is_told(product: Product, database: Database, tmp_path: Path) -> None:
    async with database.transaction() as connection:
        await rated(connection, "Как завтрак?", "Вкусно.", 5)
    (tmp_path / "file").touch()
    outcome = export(product, path=tmp_path / "file" / "examples.jsonl")
    assert outcome.status == 2
    assert "нельзя записать" in outcome.said


def test_an_unfit_file_is_told_line_by_line(tmp_path: Path) -> None:
    product = Product(tmp_path / "state")
    path = tmp_path / "examples.jsonl"
    path.write_text("{}\n" + "[\n" * 150, encoding="utf-8")
    outcome = product.run("answers", "check", path)
    assert outcome.status == 1
    assert "✖ Строка 1: нужен объект с единственным полем messages" in outcome.said
    assert "✖ Строка 100: не JSON" in outcome.said
    assert "✖ Строка 101:" not in outcome.said
    assert "151 ошибка. Для обучения файл не годится." in outcome.said
    absent = product.run("answers", "check", tmp_path / "absent")
    assert absent.status == 2
    assert "«absent» не читается: такого файла нет" in absent.said
