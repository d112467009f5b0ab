"""Conversations while the database is away and when it is back: nothing lost or doubled, figures said to be partial."""

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Never

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import chat_history
import conversations_store
from chats_world import Asker, ChatsBot
from conversations.hybrid import HybridStorage
from conversations.journal import JournalStorage
from conversations.ratings import Ratings
from conversations_factory import T0, answered, ask, vector
from datamodels import Completion, PromptMessage, UserId
from datamodels_chats import AnswerId, Rating, StorageBackend
from db import Database
from errors import DatabaseFull, DatabaseUnavailable, DiskFull, NotFound, OutOfResources
from recordings_factory import add_user
from scripted_model import ScriptedModel
from tcp_proxy import TcpProxy


@dataclass
class World:
    """A storage whose way to the database can be cut, and a way around it."""

    database: Database
    around: Database
    proxy: TcpProxy
    folder: Path
    storage: HybridStorage
    owner: UserId

    def restart(self) -> None:
        """Forget all that is not on the disk, as a process that was killed does."""
        self.storage = HybridStorage(self.database, self.folder)

    async def cut(self) -> None:
        await self.proxy.go_away()

    async def mend(self) -> None:
        self.proxy.come_back()
        await self.database.patient().check()

    async def asked(self) -> AnswerId:
        async with self.around.transaction() as connection:
            return await ask(connection, self.owner)

    async def add(self, answer_id: AnswerId, text: str = "Хвалят [1].") -> bool:
        return await self.storage.add_conversation(answered(self.owner, answer_id, text=text, embedding=vector(1, 0)))

    async def rate(self, answer_id: AnswerId, stars: int, minute: int = 0) -> bool:
        rating = Rating(stars=stars, at=T0 + timedelta(minutes=minute))
        return await self.storage.update_rating(self.owner, answer_id, rating)

    async def stored(self) -> dict[AnswerId, tuple[str, int | None]]:
        """The answers in the database, with their stars."""
        query = """
            SELECT chat_answers.id, chat_answers.text, rating
            FROM chat_answers LEFT JOIN conversations ON answer_id = chat_answers.id WHERE status = 'done'
        """
        async with self.around.transaction() as connection:
            rows = await (await connection.execute(query)).fetchall()
        return {row["id"]: (row["text"], row["rating"]) for row in rows}


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    address = conninfo_to_dict(database_url)
    around = await Database.open(database_url)
    async with TcpProxy(str(address["host"]), int(str(address["port"]))) as proxy:
        database = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=proxy.port))
        async with around.transaction() as connection:
            owner = await add_user(connection)
        yield World(database, around, proxy, tmp_path, HybridStorage(database, tmp_path), owner)
        await database.close()
    await around.close()


async def test_what_is_said_while_the_database_is_away_is_there_afterwards(world: World) -> None:
    before, during = await world.asked(), await world.asked()
    assert await world.add(before)
    assert await world.rate(before, 2)
    await world.cut()
    assert await world.add(during)
    assert await world.rate(before, 4, minute=1)
    assert await world.rate(during, 5, minute=2)
    assert await world.rate(during, 3, minute=3)
    world.restart()
    await world.rate(during, 1, minute=4)
    assert await world.stored() == {before: ("Хвалят [1].", 2)}
    await world.mend()
    world.restart()
    await world.storage.settle()
    assert await world.stored() == {before: ("Хвалят [1].", 4), during: ("Хвалят [1].", 1)}
    assert world.storage.state.backlog == 0
    assert list(world.folder.iterdir()) == []
    async with world.around.transaction() as connection:
        found = await conversations_store.find(connection, world.owner, during)
    assert found is not None
    assert found.embedding == vector(1, 0)


async def test_a_move_that_is_cut_off_is_done_again(world: World) -> None:
    answers = [await world.asked() for _ in range(3)]
    await world.cut()
    for answer_id in answers:
        await world.add(answer_id)
        await world.rate(answer_id, 4)
    await world.mend()
    kept = {path: path.read_bytes() for path in world.folder.iterdir()}
    await world.storage.settle()
    # As if it had been killed before the journal was removed.
    for path, content in kept.items():
        path.write_bytes(content)
    world.restart()
    await world.storage.settle()
    assert await world.stored() == dict.fromkeys(answers, ("Хвалят [1].", 4))
    stats = await world.storage.get_stats(None)
    assert (stats.conversations, stats.ratings, stats.partial) == (3, 3, False)


async def test_an_answer_that_was_found_is_not_overwritten_by_another(world: World) -> None:
    answer_id = await world.asked()
    await world.cut()
    await world.add(answer_id)
    await world.mend()
    async with world.around.transaction() as connection:
        outcome = answered(world.owner, answer_id, text="Первый [1].").outcome
        assert await chat_history.finish_answer(connection, world.owner, answer_id, outcome)
    await world.storage.settle()
    assert await world.stored() == {answer_id: ("Первый [1].", None)}


async def test_an_answer_whose_chat_was_deleted_meanwhile_holds_up_nothing(world: World) -> None:
    gone, there = await world.asked(), await world.asked()
    await world.cut()
    await world.add(gone)
    await world.rate(gone, 5)
    await world.add(there)
    async with world.around.transaction() as connection:
        await connection.execute("DELETE FROM chats WHERE number = 1")
    await world.mend()
    await world.storage.settle()
    assert list(await world.stored()) == [there]
    assert world.storage.state.backlog == 0


async def test_ratings_of_others_answers_do_not_count_when_they_move(world: World) -> None:
    answer_id = await world.asked()
    await world.add(answer_id)
    async with world.around.transaction() as connection:
        other = await add_user(connection)
    await world.cut()
    await world.storage.update_rating(other, answer_id, Rating(stars=1, at=T0))
    await world.mend()
    await world.storage.settle()
    assert await world.stored() == {answer_id: ("Хвалят [1].", None)}


async def test_figures_meanwhile_are_those_known_and_those_new_and_marked(world: World) -> None:
    before, during = await world.asked(), await world.asked()
    await world.add(before)
    await world.rate(before, 5)
    assert not (await world.storage.get_stats(world.owner)).partial
    await world.cut()
    await world.add(during)
    await world.rate(during, 1)
    stats = await world.storage.get_stats(world.owner)
    assert (stats.conversations, stats.by_stars, stats.partial) == (2, (1, 0, 0, 0, 1), True)
    world.restart()
    nothing_known = await world.storage.get_stats(None)
    assert (nothing_known.ratings, nothing_known.partial) == (1, True)
    await world.mend()
    # Back, and not yet moved.
    stats = await world.storage.get_stats(world.owner)
    assert (stats.by_stars, stats.partial) == ((0, 0, 0, 0, 1), True)
    await world.storage.settle()
    stats = await world.storage.get_stats(world.owner)
    assert (stats.by_stars, stats.partial) == ((1, 0, 0, 0, 1), False)


async def test_which_backend_is_in_use_since_when_and_why(world: World) -> None:
    first = world.storage.state
    assert (first.backend, first.reason, first.backlog) == (StorageBackend.DATABASE, None, 0)
    answer_id = await world.asked()
    await world.cut()
    await world.add(answer_id)
    await world.rate(answer_id, 3)
    away = world.storage.state
    assert (away.backend, away.backlog) == (StorageBackend.JOURNAL, 2)
    assert away.since > first.since
    assert away.reason
    await world.rate(answer_id, 4)
    assert world.storage.state.since == away.since
    await world.mend()
    await world.storage.settle()
    assert (world.storage.state.backend, world.storage.state.backlog) == (StorageBackend.DATABASE, 0)


async def test_a_line_that_a_crash_cut_off_costs_no_other(world: World) -> None:
    first, second = await world.asked(), await world.asked()
    await world.cut()
    await world.add(first)
    with (world.folder / "conversations.journal").open("ab") as file:
        file.write(b'{"owner_id": "')
    with next(world.folder.glob("*.vectors")).open("ab") as file:
        file.write(b"\0\0\0")
    world.restart()
    await world.add(second)
    await world.mend()
    await world.storage.settle()
    assert set(await world.stored()) == {first, second}
    async with world.around.transaction() as connection:
        found = await conversations_store.find(connection, world.owner, second)
    assert found is not None
    assert found.embedding == vector(1, 0)


async def test_the_journal_is_nobody_else_s_to_read(world: World) -> None:
    answer_id = await world.asked()
    await world.cut()
    await world.add(answer_id)
    assert {path.stat().st_mode & 0o077 for path in world.folder.iterdir()} == {0}


async def test_an_answer_that_was_paid_for_is_not_paid_for_again(world: World, tmp_path: Path) -> None:
    """The database goes away while the model answers, and the process dies before it is back."""

    class Paid(ScriptedModel):
        async def complete(self, messages: Sequence[PromptMessage], **options: Any) -> Completion:
            completion = await super().complete(messages, **options)
            await world.cut()
            return completion

    llm = Paid(lambda _: "Не хватало горячих блюд [1].")
    bot = ChatsBot(world.database, tmp_path / "bot")
    bot.engines.model = llm
    anna = await Asker.come(bot)
    await anna.has_recording(("Клиент", "На завтраке не хватало горячих блюд."))
    await anna.writes("Что говорят о завтраке?")
    await bot.steps.answer(bot.queued[0])
    await world.mend()
    again = ChatsBot(world.database, tmp_path / "bot", bot.telegram)
    again.engines.model = llm
    await again.steps.answer(bot.queued[0])
    await again.deliver()
    assert len(llm.calls) == 1
    assert "Не хватало горячих блюд [1]." in anna.last
    assert await world.stored() == {bot.queued[0]: ("Не хватало горячих блюд [1].", None)}


async def test_an_answer_of_another_person_is_not_ended_by_a_line_of_the_journal(world: World) -> None:
    answer_id = await world.asked()
    async with world.around.transaction() as connection:
        other = await add_user(connection)
    await world.cut()
    await world.storage.add_conversation(answered(other, answer_id, text="Подделка [1]."))
    await world.storage.update_rating(world.owner, answer_id, Rating(stars=5, at=T0))
    assert await world.storage.get_rated_conversations(world.owner, 1, 10) == []
    await world.mend()
    await world.storage.settle()
    assert await world.stored() == {}


async def test_a_line_that_the_database_could_not_store_holds_up_no_other(world: World) -> None:
    bad, good = await world.asked(), await world.asked()
    await world.cut()
    await world.add(bad, "нуль\0")
    await world.add(good)
    await world.mend()
    world.restart()
    await world.storage.settle()
    assert list(await world.stored()) == [good]
    assert world.storage.state.backlog == 0


async def test_of_a_journal_that_grew_too_long_the_newest_are_kept(world: World) -> None:
    answers = [await world.asked() for _ in range(7)]
    await world.cut()
    for answer_id in answers:
        await world.add(answer_id)
    shorter = JournalStorage(world.folder, most=3)
    assert [entry.answer_id for entry in await shorter.entries()][-1] == answers[-1]
    assert (await shorter.get_stats(None)).conversations == 3


async def test_an_answer_that_the_disk_has_no_space_for_waits_for_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_id = await world.asked()
    world.storage = HybridStorage(world.database.patient(), world.folder)
    await world.storage.settle()
    await world.cut()

    def full(path: Path, _: bytes) -> None:
        raise DiskFull(path=path)

    monkeypatch.setattr("conversations.journal.append_durably", full)
    with pytest.raises(DatabaseUnavailable):  # so that the press waits, and is not refused
        await world.rate(answer_id, 4)
    adding = asyncio.create_task(world.add(answer_id))
    done, _ = await asyncio.wait([adding], timeout=0.5)
    assert not done
    await world.mend()
    assert await adding
    assert await world.stored() == {answer_id: ("Хвалят [1].", None)}


async def test_an_answer_and_a_rating_go_into_the_journal_while_the_database_has_no_space(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_id = await world.asked()

    async def full(*_: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file")

    with monkeypatch.context() as patched:
        patched.setattr("conversations_store.trim", full)
        assert await world.add(answer_id)
        assert await world.rate(answer_id, 4)
        assert world.storage.state.backend is StorageBackend.JOURNAL
        with pytest.raises(DatabaseFull):
            await world.storage.settle()
    assert await world.stored() == {}
    await world.storage.settle()
    assert await world.stored() == {answer_id: ("Хвалят [1].", 4)}


async def test_a_rating_that_the_database_has_no_space_for_is_shown_under_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_id = await world.asked()
    assert await world.add(answer_id)
    ratings = Ratings(world.database, world.storage)

    async def full(*_: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file")

    with monkeypatch.context() as patched:
        patched.setattr("conversations_store.rate", full)
        await ratings.rate(world.owner, answer_id, 5)
        assert (await ratings.find(world.owner, answer_id)).stars == 5
        await ratings.comment(world.owner, answer_id, "коротко")
        found = await ratings.find(world.owner, answer_id)
        assert (found.stars, found.comment) == (5, "коротко")
    async with world.around.transaction() as connection:
        somebody = await add_user(connection)
    with pytest.raises(NotFound):
        await ratings.find(somebody, answer_id)


async def test_an_answer_that_nothing_has_space_for_waits_until_something_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_id = await world.asked()
    world.storage = HybridStorage(world.database.patient(), world.folder)
    tries = 0

    async def full(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise psycopg.errors.DiskFull("could not extend file")

    def no_space(path: Path, _: bytes) -> None:
        raise DiskFull(path=path)

    with monkeypatch.context() as patched:
        patched.setattr("conversations_store.trim", full)
        patched.setattr("conversations.journal.append_durably", no_space)
        adding = asyncio.create_task(world.add(answer_id))
        async with asyncio.timeout(20):
            while tries < 3:  # noqa: ASYNC110  # it is tried in another task
                await asyncio.sleep(0.05)
        assert not adding.done()
    assert await adding
    await world.storage.settle()  # whichever of the two had space first has taken it
    assert await world.stored() == {answer_id: ("Хвалят [1].", None)}


async def test_a_journal_that_could_not_be_read_is_not_taken_for_an_empty_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.cut()
    answer_id = await world.asked()
    await world.add(answer_id)
    world.restart()

    def fails(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fails)
        with pytest.raises(OutOfResources):
            await world.storage.settle()
    await world.mend()
    await world.storage.settle()
    assert await world.stored() == {answer_id: ("Хвалят [1].", None)}


@pytest.mark.parametrize(("text", "is_stored"), [(r"Хвалят \u0000 [1].", True), ("Хвалят \0 [1].", False)])
async def test_only_a_real_nul_keeps_a_line_out_of_the_database(world: World, text: str, is_stored: bool) -> None:
    answer_id = await world.asked()
    await world.cut()
    await world.add(answer_id, text)
    world.restart()
    await world.mend()
    await world.storage.settle()
    assert await world.stored() == ({answer_id: (text, None)} if is_stored else {})


async def test_what_another_process_adds_meanwhile_is_moved_too_and_never_removed_unmoved(world: World) -> None:
    """As by a second worker on the same folder."""
    await world.cut()
    mine, others, late = [await world.asked() for _ in range(3)]
    await world.add(mine)
    another = JournalStorage(world.folder)

    async def added_there(answer_id: AnswerId) -> None:
        assert await another.add_conversation(answered(world.owner, answer_id, embedding=vector(1, 0)))

    await added_there(others)
    moving = JournalStorage(world.folder)
    assert [entry.answer_id for entry in await moving.entries()] == [mine, others]
    await added_there(late)
    await moving.clear()
    [left] = await JournalStorage(world.folder).entries()
    assert (left.answer_id, left.conversation and left.conversation.embedding) == (late, vector(1, 0))
    assert another.backlog == 3
    await another.open()
    assert another.backlog == 1
    await added_there(mine)
    await world.mend()
    await world.storage.settle()
    assert set(await world.stored()) == {mine, late}
    assert list(world.folder.glob("*.*")) == []


async def test_of_two_processes_that_move_the_same_the_slower_removes_nothing_new(world: World) -> None:
    await world.cut()
    both, new = [await world.asked() for _ in range(2)]
    await world.add(both)
    slower, faster = JournalStorage(world.folder), JournalStorage(world.folder)
    await slower.entries()
    await faster.entries()
    await faster.clear()
    await faster.add_conversation(answered(world.owner, new, embedding=vector(1, 0)))
    await slower.clear()
    assert [entry.answer_id for entry in await JournalStorage(world.folder).entries()] == [new]


@pytest.mark.parametrize(
    "failure", [RuntimeError("can't start new thread"), OSError(errno.EIO, "Input/output error")], ids=["thread", "io"]
)
async def test_an_answer_waits_while_nothing_can_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """It was paid for."""
    answer_id = await world.asked()
    await world.cut()
    patient = HybridStorage(world.database.patient(30), world.folder)

    def fails(*_: object) -> Never:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr("conversations.journal.append_durably", fails)
        adding = asyncio.create_task(patient.add_conversation(answered(world.owner, answer_id)))
        await asyncio.sleep(1)
        assert not adding.done()
    assert await adding


@pytest.mark.parametrize("minutes", [(0, 10), (10, 0)])
async def test_stars_and_a_comment_are_kept_together_however_the_clock_is_set(
    world: World, minutes: tuple[int, int]
) -> None:
    """One comes through the journal, the other directly."""
    answer_id = await world.asked()
    await world.add(answer_id)
    await world.rate(answer_id, 4, minutes[0])
    await world.cut()
    comment = Rating(comment="Мало", at=T0 + timedelta(minutes=minutes[1]))
    assert await world.storage.update_rating(world.owner, answer_id, comment)
    await world.mend()
    await world.storage.settle()
    [found] = await world.storage.get_rated_conversations(world.owner, 1, 10)
    assert (found.stars, found.comment) == (4, "Мало")
