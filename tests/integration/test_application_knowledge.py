"""The knowledge base as the bot opens it: what is stored is found within a minute, and gone within five seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import recordings_store
from application.knowledge import Knowledge
from application.parts import Application, open_application
from cli.display import Display
from cli.documents import add, list_all, remove
from config import Settings, VectorIndexKind
from default_pack import PACK
from errors import BadSettings
from knowledge import pgvector_index
from knowledge.values import SourceId
from knowledge_world import KnowledgeWorld
from openai_server import OpenAIServer

FOUND_S, GONE_S = 60.0, 5.0
SAID = ("Клиент", "Каша остыла, кофе пришлось ждать.")
EVERYTHING = [SourceId(each) for each in range(1, 1000)]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Application]:
    async with open_application(settings, PACK, lambda *_: None) as application:
        yield application


async def until(asked: Callable[[], Awaitable[bool]], limit_s: float) -> None:
    """Ask until the answer is yes."""
    async with asyncio.timeout(limit_s):
        while not await asked():  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", list(VectorIndexKind))
async def test_what_is_stored_is_found_and_what_is_deleted_is_gone(
    kind: VectorIndexKind, database_url: str, server: OpenAIServer, tmp_path: Path
) -> None:
    settings = Settings(
        _env_file=None,
        database_url=database_url,
        persistent_dir=tmp_path,
        embeddings_base_url=server.base_url,
        embeddings_api_key=server.api_key,
        embeddings_model="one",
        vector_index=kind,
    )
    async with opened(settings) as application:
        world = KnowledgeWorld(application.database, tmp_path, None)
        recording = await world.has_recording(await world.new_person(), SAID)
        knowledge = Knowledge(application)
        await knowledge.check()
        running = asyncio.create_task(knowledge.run())

        async def is_found() -> bool:
            return len(await knowledge.index.nearest("кофе", EVERYTHING, 3)) == 1

        async def is_gone() -> bool:
            return not await is_found()

        await until(is_found, FOUND_S)
        async with application.database.transaction() as connection:
            await recordings_store.delete_recording(connection, recording.id)
        await until(is_gone, GONE_S)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_worker_follows_what_a_bot_without_jobs_indexes_and_that_bot_holds_no_vectors(
    database_url: str, server: OpenAIServer, tmp_path: Path
) -> None:
    settings = Settings(
        _env_file=None,
        database_url=database_url,
        persistent_dir=tmp_path,
        embeddings_base_url=server.base_url,
        embeddings_api_key=server.api_key,
        embeddings_model="one",
        bot_takes_jobs=False,
    )
    async with opened(settings) as application, opened(settings) as another:
        world = KnowledgeWorld(application.database, tmp_path, None)
        await world.has_recording(await world.new_person(), SAID)
        bot, worker = Knowledge(application), Knowledge(another)
        running = [asyncio.create_task(each) for each in (bot.run(), worker.follow())]

        async def is_found() -> bool:
            return len(await worker.index.nearest("кофе", EVERYTHING, 3)) == 1

        await until(is_found, FOUND_S)
        assert (bot.index.model, bot.index.followed_at) == (None, None)
        assert worker.index.followed_at is not None
        for each in running:
            each.cancel()
        await asyncio.wait(running)


async def test_a_server_without_pgvector_is_told_before_anything_starts(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        _env_file=None, database_url=database_url, persistent_dir=tmp_path, vector_index=VectorIndexKind.PGVECTOR
    )
    monkeypatch.setattr(pgvector_index, "_CREATE", ("CREATE EXTENSION no_such_extension",))
    async with opened(settings) as application:
        with pytest.raises(BadSettings) as caught:
            await Knowledge(application).check()
    assert "VECTOR_INDEX" in caught.value.user_text


async def test_documents_are_loaded_listed_and_removed_at_the_command_line(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, database_url=database_url, persistent_dir=tmp_path)
    good, empty, gone = (tmp_path / name for name in ("Стандарты.md", "пусто.txt", "нет.pdf"))
    good.write_text("Завтрак подают с семи до одиннадцати.", encoding="utf-8")
    empty.touch()
    with Display() as display:
        assert await add(settings, [empty, gone, good, good], display) == 2
    said = capsys.readouterr().err
    for sentence in (
        "Файл «пусто.txt» пустой",
        "Файл «нет.pdf» не читается: такого файла нет",
        "Загружен документ №1: Стандарты.md",
        "Этот документ уже загружен: №1",
    ):
        assert sentence in said
    assert await list_all(settings) == 0
    assert [await remove(settings, number) for number in (2, 1, 1)] == [2, 0, 2]
    assert await list_all(settings) == 0
    told = capsys.readouterr().out
    assert told.startswith("Всего: 1.\n№1 · Стандарты.md · ")
    assert told.endswith(
        "Документ №1 удалён\nДокумента №1 нет. Номера покажет scripts/run documents list.\nВсего: 0.\n"
    )
