"""A deleted recording is gone: every row of every table and every file is looked through for what was said in it."""

import asyncio
import json
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg import sql

import chat_history
import outbox_store
import reports_store
import texts.erasures
import updates_store
from access import Team
from avatars.cleaning import AvatarCleaning
from avatars_world import Died, MortalDatabase
from chats import asking_store
from config import ROOT
from datamodels import Recording, Role, Segment, UserId
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Occasion, Source
from datamodels_telegram import (
    ChatId,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    SeenUpdate,
    TelegramPerson,
    UpdateKind,
)
from db import Database
from default_pack import PACK
from embeddings.openai import OpenAIEmbeddings
from erasure_world import MARKS, NAME, PERSONAL, RECORDED, come, erasing_of, give_everything
from handlers_world import Bot, Person
from jobs import erasures_rows
from knowledge_world import KnowledgeWorld
from markups.erasures import erase_question, last_question
from object_store import ObjectStore, key_for_transcript
from openai_server import OpenAIServer
from reports.takeout.service import Takeout
from research_world import QUESTION, add_interview, answered, worked
from screens import drawn
from scripted_model import ScriptedModel
from sign_in import people_store
from sign_in.departures import end_all
from sign_in.erasures import EndedErasures, Erasures
from sign_in.erasures_store import Erasure
from telegram_handlers.erasures import ErasureNotices

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
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        # JSON may have Cyrillic letters as numbers.
        content = path.read_bytes().decode(errors="ignore").lower()
        spelled = {each: (each.lower(), json.dumps(each.lower())[1:-1]) for each in traces}
        found += [f"{path}: {each}" for each, spellings in spelled.items() if any(map(content.__contains__, spellings))]
    return found


async def taken_along(bot: Bot, owner: UserId, folder: Path) -> str:
    """The names of all files in a person's archive, and everything in it that is text."""
    path = folder / f"{uuid4().hex}.zip"
    await Takeout(bot.database, PACK).write(owner, "zip", path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        texts = [archive.read(each).decode() for each in names if not each.endswith(".docx")]
    path.unlink()
    return "\n".join([*names, *texts])


async def cites(
    bot: Bot, asker: UserId, recording: Recording, text: str, *, ends: bool = True, owner: str = ""
) -> AnswerId:
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
        owner=owner,
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
    async with bot.database.transaction() as connection:
        for kind, answer, research in (("answer", his, None), ("report", None, run_id)):
            await connection.execute(
                "INSERT INTO speeches "
                "(id, owner_id, kind, answer_id, run_id, title, text, is_whole, voice, key, pieces) VALUES "
                "(gen_random_uuid(), %(me)s, %(kind)s, %(answer)s, %(run)s, 't', %(said)s, true, 'v', %(kind)s, 1)",
                {"me": boris.user.id, "kind": kind, "answer": answer, "run": research, "said": SAID},
            )
    for person in (anna, boris):
        assert SAID in await taken_along(bot, person.user.id, tmp_path), "the archive has what is looked for"
    assert "Исследования/№1 Исследование — Что гости" in await taken_along(bot, boris.user.id, tmp_path)
    before = await left_of(bot.database, tmp_path, SAID)
    tables = "transcript_segments chunks chat_answers speeches outbox report_passes research_runs report_runs"
    tables += " research_answers"
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


# --- a person -----------------------------------------------------------------------------------------------------


async def tables_of_people(database: Database) -> dict[str, str]:
    """Each table that refers to a person, and the column by which it does."""
    query = """
        SELECT conrelid::regclass::text AS name, attname AS column FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = 'users'::regclass AND conrelid <> 'erasures'::regclass
    """
    async with database.transaction() as connection:
        return {row["name"]: row["column"] async for row in await connection.execute(query)}


async def rows_of(database: Database, table: str, column: str, person: UserId) -> int:
    query = sql.SQL("SELECT count(*) AS rows FROM {} WHERE {} = %s")
    async with database.transaction() as connection:
        cursor = await connection.execute(query.format(sql.Identifier(table), sql.Identifier(column)), (person,))
        row = await cursor.fetchone()
    return int(row["rows"]) if row else 0


async def inherited(database: Database, heir: UserId) -> list[str]:
    """What an heir is told of what they have got."""
    query = "SELECT message #>> '{screen,text}' AS text FROM outbox WHERE owner_id = %s AND key LIKE 'inherited:%%'"
    async with database.transaction() as connection:
        return [row["text"] async for row in await connection.execute(query, (heir,))]


async def has_the_bytes_of(database: Database, person: UserId, recording: Recording) -> Recording:
    """A recording of somebody else's with the same bytes."""
    async with database.transaction() as connection:
        own = await add_interview(connection, person, 1, "Астория")
        await connection.execute("UPDATE recordings SET sha256 = %s WHERE id = %s", (recording.sha256, own.id))
    return own


async def is_told_what_would_go(erasures: Erasures, heir: UserId, counted: str) -> None:
    doomed = await erasures.look_at(heir, heir)
    assert doomed.has.recordings == 2, "one is the heir's own"
    question, last = erase_question(doomed, own=True), last_question(doomed, None, own=True)
    assert f"досталось от людей, которых удалили раньше: {counted}" in question.text
    assert f"исчезнет доставшееся от людей, которых удалили раньше: {counted}" in last.text
    assert not any(mark in drawn(each) for each in (question, last) for mark in PERSONAL.values())


@pytest.mark.parametrize("gives", [False, True], ids=["erases", "gives"])
async def test_nothing_of_an_erased_person_is_left_but_what_was_given_away(
    bot: Bot, knowledge: KnowledgeWorld, tmp_path: Path, gives: bool
) -> None:
    anna, boris, vera = await come(bot), await Person.come(bot, "Борис"), await Person.come(bot, "Вера")
    async with bot.database.transaction() as connection:
        kept = await add_interview(connection, boris.user.id, 1, "Астория")
    recording = await give_everything(bot, anna.user.id, boris.user.id, kept, tmp_path)
    await knowledge.catch_up()
    await bot.research.order(boris.user.id, QUESTION)
    run_id = await worked(bot)
    cited = await cites(bot, boris.user.id, recording, "на завтраке", owner=NAME)
    for table, column in (await tables_of_people(bot.database)).items():
        assert await rows_of(bot.database, table, column, anna.user.id), f"give the person a row of {table}"
    hers = await has_the_bytes_of(bot.database, vera.user.id, recording)
    before = await left_of(bot.database, tmp_path, *MARKS.values())
    missing = [name for name, mark in MARKS.items() if not any(each.endswith(f": {mark}") for each in before)]
    assert not missing, "these are looked for and stand nowhere"

    erasures, told = (
        Erasures(bot.database, Team(1, frozenset([vera.user.telegram_id or 0]))),
        EndedErasures(bot.database),
    )
    heir = vera.user.telegram_id if gives else None
    await erasures.order(anna.user.id, anna.user.id, heir, anna.chat)
    erasing, cleaning = erasing_of(bot, tmp_path), AvatarCleaning(bot.database, bot.objects, None, timedelta(days=30))
    await erasing.look()
    assert await told.untold() == [], "the photographs are not gone yet"
    await cleaning.clean()
    await erasing.look()
    await ErasureNotices(told, bot.telegram).look()
    await ErasureNotices(told, bot.telegram).look()
    await knowledge.catch_up()

    told_heir = "записи с расшифровками — 1, отчёты — 1, документы — 1."
    assert [told_heir in text for text in await inherited(bot.database, vera.user.id)] == ([True] if gives else [])
    looked_for = [*PERSONAL.values(), *([] if gives else [*RECORDED.values(), str(anna.user.id), str(recording.id)])]
    left = await left_of(bot.database, tmp_path, *looked_for)
    assert [each for each in left if not each.startswith(("audit_log", "erased_people"))] == []
    assert [each for each in left if each.startswith("erased_people")] == [f"erased_people: {PERSONAL['telegram']}"]
    assert {each for each in left if each.startswith("audit_log")} <= {f"audit_log: {anna.user.id}"}
    assert bot.telegram.shown(anna.chat) == [texts.erasures.GIVEN if gives else texts.erasures.ERASED]
    async with bot.database.transaction() as connection:
        run = await reports_store.get_run(connection, run_id)
        row = await (
            await connection.execute("SELECT text, sources FROM chat_answers WHERE id = %s", (cited,))
        ).fetchone()
    assert run.text is not None
    assert row is not None
    if not gives:
        assert "Ответ убран" in row["text"]
        return
    assert [(source["owner"], source["recording_number"]) for source in row["sources"]] == [("Вера", 2)]
    mine, own = sorted(
        (await bot.work.recordings.page(vera.user.id, None, 1, 10)).recordings, key=lambda each: each.id == hers.id
    )
    assert own.id == hers.id, "the same bytes are kept beside what is given"
    assert (mine.id, mine.number, mine.file_name) == (recording.id, 2, RECORDED["file name"])
    [report] = await bot.archive.list(vera.user.id)
    assert (report.title, report.recording_number) == (RECORDED["title"], 2)
    assert (await bot.archive.read(vera.user.id, report.number))[1] == RECORDED["report"]
    assert await bot.objects.exists(mine.object_key)
    assert await bot.objects.exists(key_for_transcript(vera.user.id, mine.id))
    await is_told_what_would_go(erasures, vera.user.id, told_heir)
    assert not (await erasures.look_at(boris.user.id, boris.user.id)).inherited.can_be_given


@pytest.mark.parametrize("at_once", [True, False], ids=["on its way", "has come"])
async def test_what_an_heir_was_left_goes_on_to_the_heirs_heir_who_is_told_of_all_once(
    bot: Bot, tmp_path: Path, at_once: bool
) -> None:
    anna, boris, vera = await come(bot), await Person.come(bot, "Борис"), await Person.come(bot, "Вера")
    async with bot.database.transaction() as connection:
        kept = await add_interview(connection, boris.user.id, 1, "Астория")
    recording = await give_everything(bot, anna.user.id, boris.user.id, kept, tmp_path)
    heirs = frozenset(person.user.telegram_id or 0 for person in (boris, vera))
    erasures, told = Erasures(bot.database, Team(1, heirs)), EndedErasures(bot.database)
    cleaning = AvatarCleaning(bot.database, bot.objects, None, timedelta(days=30))

    async def passes() -> None:
        for _ in range(4):
            await erasing_of(bot, tmp_path).look()
            await cleaning.clean()

    await erasures.order(anna.user.id, anna.user.id, boris.user.telegram_id, anna.chat)
    if not at_once:
        # Telegram is away: nobody has been told of the end.
        await passes()
    doomed = await erasures.look_at(boris.user.id, boris.user.id)
    assert (doomed.has.recordings, doomed.inherited.recordings) == (2, 1)
    await erasures.order(boris.user.id, boris.user.id, vera.user.telegram_id, boris.chat)
    coming = (await erasures.look_at(vera.user.id, vera.user.id)).inherited
    assert (coming.recordings, coming.reports, coming.documents) == (2, 1, 1), "so much was promised to the last one"
    await passes()
    for _ in range(2):
        await ErasureNotices(told, bot.telegram).look()

    [text] = await inherited(bot.database, vera.user.id)
    assert "записи с расшифровками — 2, отчёты — 1, документы — 1." in text
    for person in (anna, boris):
        assert bot.telegram.shown(person.chat) == [texts.erasures.GIVEN]
    found = (await bot.work.recordings.page(vera.user.id, None, 1, 10)).recordings
    assert {each.id for each in found} == {recording.id, kept.id}
    [report] = await bot.archive.list(vera.user.id)
    assert (await bot.archive.read(vera.user.id, report.number))[1] == RECORDED["report"]
    assert await bot.objects.exists(key_for_transcript(vera.user.id, recording.id))
    async with bot.database.transaction() as connection:
        left = "SELECT FROM users WHERE id = ANY(%s) UNION ALL SELECT FROM erasures"
        assert (await connection.execute(left, ([anna.user.id, boris.user.id],))).rowcount == 0


@pytest.mark.parametrize("told", [False, True], ids=["before it is told", "while it is told"])
async def test_an_heir_who_is_blocked_reads_what_they_got_once_they_are_back(
    bot: Bot, tmp_path: Path, told: bool
) -> None:
    anna, vera = await come(bot), await Person.come(bot, "Вера")
    async with bot.database.transaction() as connection:
        await add_interview(connection, anna.user.id, 1, "Астория")
    erasures = Erasures(bot.database, Team(1, frozenset([vera.user.telegram_id or 0])))
    notices = ErasureNotices(EndedErasures(bot.database), bot.telegram)

    async def due() -> list[str]:
        async with bot.database.transaction() as connection:
            return [each.key for each in await outbox_store.list_next(connection) if each.chat_id == vera.chat]

    await erasures.order(anna.user.id, anna.user.id, vera.user.telegram_id, anna.chat)
    await erasing_of(bot, tmp_path).look()
    if told:
        await notices.look()
        assert await due() == [f"inherited:{anna.user.id}"]
    async with bot.database.transaction() as connection:
        await people_store.block(connection, vera.user.id)
        await end_all(connection, vera.user.id)
    for _ in range(2):
        await notices.look()
    assert await due() == [], "nobody who is not of the team is written to"
    async with bot.database.transaction() as connection:
        await people_store.unblock(connection, vera.user.id)
        await people_store.come_back(connection, vera.user.id, Role.USER)
        await outbox_store.bring_back(connection, vera.user.id)
    assert await due() == [f"inherited:{anna.user.id}"]


async def test_nothing_that_an_erased_person_sent_before_is_handled_anew(bot: Bot) -> None:
    """A messenger gives it all once more at the next start."""

    def sent(chat: ChatId, message: int, kind: UpdateKind = UpdateKind.MESSAGE) -> SeenUpdate:
        person = TelegramPerson(id=chat, name="Анна")
        at = MessageId(message)
        return SeenUpdate(kind=kind, chat_id=chat, update_id=message, message_id=at, person=person, data=None, tries=0)

    anna, boris = await Person.come(bot, "Анна"), await Person.come(bot, "Борис")
    async with bot.database.transaction() as connection:
        await updates_store.remember(connection, sent(anna.chat, 7), done=True)
        await erasures_rows.erase(connection, anna.user.id)
        again = [sent(anna.chat, 5), sent(anna.chat, 7), sent(anna.chat, 7, UpdateKind.BUTTON)]
        later, others = sent(anna.chat, 8), sent(boris.chat, 5)
        assert await updates_store.unknown(connection, [*again, later, others]) == {later, others}
        # As of the journal, while the database is away.
        assert [await updates_store.count_try(connection, each) for each in again] == [None] * 3
        for each in again:
            await updates_store.mark_done(connection, each)
        taken = [await updates_store.remember(connection, each) for each in [*again, later, others]]
        query = "SELECT count(*) AS rows FROM seen_updates WHERE chat_id = %s"
        row = await (await connection.execute(query, (anna.chat,))).fetchone()
    assert taken == [False, False, False, True, True]
    assert row is not None
    assert row["rows"] == 1


async def test_an_erasure_that_dies_at_any_moment_is_finished_by_the_next_start(bot: Bot, tmp_path: Path) -> None:
    boris, vera = await Person.come(bot, "Борис"), await Person.come(bot, "Вера")
    async with bot.database.transaction() as connection:
        kept = await add_interview(connection, boris.user.id, 1, "Астория")
    erasures, cleaning = (
        Erasures(bot.database, Team(1, frozenset([vera.user.telegram_id or 0]))),
        AvatarCleaning(bot.database, bot.objects, None, timedelta(days=30)),
    )
    deaths = 0
    for at in count(1, step=7):
        anna = await come(bot)
        recording = await give_everything(bot, anna.user.id, boris.user.id, kept, tmp_path)
        heir = vera.user.telegram_id if at % 2 else None
        await erasures.order(anna.user.id, anna.user.id, heir, anna.chat)
        await cleaning.clean()
        mortal = MortalDatabase(bot.database, at)
        dying = erasing_of(bot, tmp_path, mortal)
        with suppress(Died):
            await dying.erase(Erasure(person_id=anna.user.id, heir_id=vera.user.id if heir else None))
        deaths += mortal.moments_left <= 0
        for _ in range(2):
            await erasing_of(bot, tmp_path).look()
            await cleaning.clean()
        await EndedErasures(bot.database).note_told(anna.user.id)
        if heir:
            await bot.work.changes.delete(vera.user.id, recording.id)
            await _forget(bot.database)
        left = await left_of(bot.database, tmp_path, *MARKS.values())
        assert left == [f"erased_people: {PERSONAL['telegram']}"], at
        if mortal.moments_left > 0:
            break
    assert deaths > 2


async def _forget(database: Database) -> None:
    """Remove the document that was given away, and the name of the recording that was deleted last."""
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM documents")
        await connection.execute("DELETE FROM user_states")


async def test_the_page_on_data_protection_names_every_table_once(followed: Database) -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8").partition("Beside the database")[0]
    named = [name for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    async with followed.transaction() as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [row["tablename"] async for row in await connection.execute(query)]
    assert sorted(named) == sorted(tables), "say what is kept in it, and for how long"
