"""The commands about good answers, in processes of their own over a real database."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

import chat_history
import conversations_store
import metadata_store
from application.training_data import RatedAnswers
from conversations.postgres import PostgresStorage
from datamodels import RecordingMetadata
from datamodels_chats import AnswerOutcome, Basis, Occasion, Rating
from db import Connection, Database
from product import Outcome, Product
from recordings_factory import add_recording, add_user


async def rated(connection: Connection, question: str, answer: str, stars: int | None, note: str = "") -> None:
    """Somebody's answer in a chat of their own."""
    owner = await add_user(connection)
    chat = await chat_history.create_chat(connection, owner)
    asked = Occasion(door="test", key=str(uuid4()))
    answer_id = await chat_history.add_question(connection, chat, asked, question, question, None)
    outcome = AnswerOutcome(basis=Basis.MODEL, text=answer, note=note, model="model-1", prompt_version="v1")
    await chat_history.finish_answer(connection, owner, answer_id, outcome)
    if stars is not None:
        assert await conversations_store.rate(connection, owner, answer_id, Rating(stars=stars, at=datetime.now(UTC)))


async def test_answers_of_all_people_are_taken_as_they_were_read_with_the_note_first(database: Database) -> None:
    async with database.transaction() as connection:
        for rating in (None, 1, 3, 4):
            await rated(connection, f"Оценка {rating}?", "Да.", rating)
        await rated(connection, "Как завтрак?", "Хороший [1].", 5, "Ответ не поместился.")
    [taken] = [batch async for batch in RatedAnswers(PostgresStorage(database)).good(4)]
    assert [(each.question, each.answer, each.rating) for each in taken] == [
        ("Как завтрак?", "Ответ не поместился.\nХороший [1].", 5),
        ("Оценка 4?", "Да.", 4),
    ]
    assert {(each.model, each.prompt_version) for each in taken} == {("model-1", "v1")}


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
