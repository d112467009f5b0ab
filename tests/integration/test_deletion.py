"""A deleted recording is gone: every row of every table and every file is looked through for what was said in it."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg import sql

import chat_history
import outbox_store
import reports_store
from chats import asking_store
from datamodels import Recording, Segment, UserId
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Occasion, Source
from datamodels_telegram import ChatId, MessageKind, OutgoingMessage, Screen
from db import Database
from default_pack import PACK
from embeddings.openai import OpenAIEmbeddings
from handlers_world import Bot, Person
from knowledge_world import KnowledgeWorld
from object_store import ObjectStore, key_for_transcript
from openai_server import OpenAIServer
from reports.takeout.service import Takeout
from research_world import QUESTION, add_interview, answered, worked
from scripted_model import ScriptedModel

SAID = "кофе на завтраке хороший"
"""What the guest of the deleted recording alone said."""
GUEST = (
    Segment(start=0.0, end=7, text="Что скажете о завтраке?", speaker="Сотрудник", role="Сотрудник"),
    Segment(start=8.0, end=15, text="На завтраке не хватало горячих блюд.", speaker="Клиент", role="Клиент"),
    Segment(start=16.0, end=23, text=f"Зато {SAID}, спасибо.", speaker="Клиент", role="Клиент"),
)


@pytest.fixture
async def knowledge(followed: Database, server: OpenAIServer, tmp_path: Path) -> AsyncIterator[KnowledgeWorld]:
    engine = OpenAIEmbeddings(server.base_url, server.api_key, "one", "loopback", 2, 60.0)
    yield KnowledgeWorld(followed, tmp_path / "rag", engine)
    await engine.close()


@pytest.fixture
def bot(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    made = Bot(followed, tmp_path, objects)
    made.engines.model = ScriptedModel(answered)
    return made


async def left_of(database: Database, folder: Path, *traces: str) -> list[str]:
    """Where any of the traces still is."""
    found = []
    async with database.transaction() as connection:
        tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for name in [row["tablename"] async for row in tables]:
            query = sql.SQL("SELECT row_to_json({0}.*)::text AS row FROM {0}").format(sql.Identifier(name))
            async for row in await connection.execute(query):
                found += [f"{name}: {trace}" for trace in traces if trace.lower() in row["row"].lower()]
    return found + await asyncio.to_thread(_files_with, folder, traces)


def _files_with(folder: Path, traces: Sequence[str]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        f"{path}: {each}" for path in files for each in traces if each.lower().encode() in path.read_bytes().lower()
    ]


async def taken_along(bot: Bot, owner: UserId, folder: Path) -> str:
    """The names of all files in a person's archive, and everything in it that is text."""
    path = folder / f"{uuid4().hex}.zip"
    await Takeout(bot.database, PACK).write(owner, "zip", path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        texts = [archive.read(each).decode() for each in names if not each.endswith(".docx")]
    path.unlink()
    return "\n".join([*names, *texts])


async def cites(bot: Bot, asker: UserId, recording: Recording, text: str, *, ends: bool = True) -> AnswerId:
    """An answer that cites the recording, with the message that it is in."""
    source = Source(
        number=1,
        recording_id=recording.id,
        recording_number=recording.number,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=("Клиент",),
        start=0,
        end=9,
    )
    async with bot.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, asker)
        occasion = Occasion(door="telegram", key=uuid4().hex)
        answer = await chat_history.add_question(connection, chat, occasion, QUESTION, "", {"chat_id": 1})
        if not ends:
            await asking_store.set_draft(connection, answer, text)
            return answer
        outcome = AnswerOutcome(basis=Basis.QUOTES, text=text, note=text, sources=(source,))
        await chat_history.finish_answer(connection, asker, answer, outcome)
        await chat_history.mark_delivered(connection, answer)
        message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=text))
        await outbox_store.put(connection, f"answer:{answer}:x", asker, ChatId(1), message)
    return answer


async def test_nothing_of_a_deleted_recording_is_left_anywhere(
    bot: Bot, knowledge: KnowledgeWorld, tmp_path: Path
) -> None:
    anna, boris = await Person.come(bot, "Анна"), await Person.come(bot, "Борис")
    async with bot.database.transaction() as connection:
        kept = await add_interview(connection, anna.user.id, 1, "Астория")
        gone = await add_interview(connection, anna.user.id, 1, "Астория", segments=GUEST)
    for key in (gone.object_key, key_for_transcript(anna.user.id, gone.id)):
        sound = tmp_path / "sound"
        sound.write_bytes(SAID.encode())
        await bot.objects.put_file(key, sound, sha256=sha256(SAID.encode()).hexdigest(), file_name="беседа.ogg")
        sound.unlink()
    await knowledge.catch_up()
    await bot.research.order(boris.user.id, QUESTION)
    run_id = await worked(bot)
    mine, his = await cites(bot, anna.user.id, gone, SAID), await cites(bot, boris.user.id, gone, SAID)
    other = await cites(bot, boris.user.id, kept, "не хватало")
    await cites(bot, boris.user.id, gone, SAID, ends=False)
    for person in (anna, boris):
        assert SAID in await taken_along(bot, person.user.id, tmp_path), "the archive has what is looked for"
    assert "Исследования/№1 Исследование — Что гости" in await taken_along(bot, boris.user.id, tmp_path)
    before = await left_of(bot.database, tmp_path, SAID)
    tables = "transcript_segments chunks chat_answers outbox report_passes research_runs report_runs research_answers"
    for store in (*tables.split(), str(tmp_path / "reports"), str(tmp_path / "objects")):
        assert any(each.startswith(store) for each in before), f"{store} is not looked through"

    await bot.work.changes.delete(anna.user.id, gone.id)
    await knowledge.catch_up()
    assert await left_of(bot.database, tmp_path, SAID, str(gone.id)) == []
    assert not list((tmp_path / "rag").glob("*"))
    for person in (anna, boris):
        assert SAID not in await taken_along(bot, person.user.id, tmp_path)
    async with bot.database.transaction() as connection:
        run = await reports_store.get_run(connection, run_id)
        answers = await connection.execute("SELECT id, text, delivered_at FROM chat_answers WHERE status = 'done'")
        texts = {row["id"]: (row["text"], row["delivered_at"]) async for row in answers}
    assert run.text is not None
    assert "Прочитаны все подходящие интервью: 1." in run.text
    assert "Не хватало горячих блюд — 1 из 1 интервью" in run.text
    assert "В бассейне" not in run.text
    assert "Записей, удалённых после исследования: 1. Их цитаты убраны, счёт пересчитан." in run.warnings
    [report] = await bot.archive.list(boris.user.id)
    assert (await bot.archive.read(boris.user.id, report.number))[1] == run.text
    assert texts[UUID(str(mine))] == texts[UUID(str(his))]
    assert "Ответ убран" in texts[UUID(str(his))][0]
    assert texts[UUID(str(his))][1] is None, "what was not sent yet is delivered as it is now"
    assert texts[UUID(str(other))][0] == "не хватало"


async def test_an_answer_that_is_written_while_its_recording_is_deleted_does_not_quote_it(
    bot: Bot, tmp_path: Path
) -> None:
    anna = await Person.come(bot, "Анна")
    async with bot.database.transaction() as connection:
        gone = await add_interview(connection, anna.user.id, 1, "Астория", segments=GUEST)
    await bot.work.changes.delete(anna.user.id, gone.id)
    answer = await cites(bot, anna.user.id, gone, SAID)
    async with bot.database.transaction() as connection:
        await connection.execute("DELETE FROM outbox")
        row = await (await connection.execute("SELECT text FROM chat_answers WHERE id = %s", (answer,))).fetchone()
    assert row is not None
    assert "Ответ убран" in row["text"]
    assert await left_of(bot.database, tmp_path, SAID, str(gone.id)) == []


async def test_research_of_an_earlier_version_loses_its_text(bot: Bot, tmp_path: Path) -> None:
    anna = await Person.come(bot, "Анна")
    async with bot.database.transaction() as connection:
        await add_interview(connection, anna.user.id, 1, "Астория")
        gone = await add_interview(connection, anna.user.id, 1, "Астория", segments=GUEST)
    await bot.research.order(anna.user.id, QUESTION)
    run_id = await worked(bot)
    async with bot.database.transaction() as connection:
        await connection.execute("UPDATE research_runs SET findings = NULL")
    await bot.work.changes.delete(anna.user.id, gone.id)
    assert await left_of(bot.database, tmp_path, SAID, str(gone.id)) == []
    async with bot.database.transaction() as connection:
        assert "его текст убран" in str((await reports_store.get_run(connection, run_id)).text)


async def test_what_is_deleted_while_a_research_reads_is_not_in_it(bot: Bot, tmp_path: Path) -> None:
    anna = await Person.come(bot, "Анна")
    async with bot.database.transaction() as connection:
        await add_interview(connection, anna.user.id, 1, "Астория")
        gone = await add_interview(connection, anna.user.id, 1, "Астория", segments=GUEST)

    class Meanwhile(ScriptedModel):
        async def complete(self, messages, **options):  # type: ignore[no-untyped-def]
            if "themes" in (options.get("schema") or {}).get("properties", {}):
                await bot.work.changes.delete(anna.user.id, gone.id)
            return await super().complete(messages, **options)

    bot.engines.model = Meanwhile(answered)
    await bot.research.order(anna.user.id, QUESTION)
    run_id = await worked(bot)
    assert await left_of(bot.database, tmp_path, SAID, str(gone.id)) == []
    async with bot.database.transaction() as connection:
        text = str((await reports_store.get_run(connection, run_id)).text)
    assert "1 из 1 интервью" in text
