"""What both storages of conversations, the database and the journal, do alike."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conversations.journal import JournalStorage
from conversations.port import StorageAdapter
from conversations.postgres import PostgresStorage
from conversations_factory import T0, answered, ask, vector
from datamodels import UserId
from datamodels_chats import AnswerId, Period, Rating
from db import Database
from recordings_factory import add_user

MOST = 5


@dataclass(frozen=True)
class World:
    """A storage with room for ``MOST`` conversations, and the rows that every answer has."""

    database: Database
    storage: StorageAdapter
    reopened: StorageAdapter
    """The same storage after a restart; to be used when the first is not any more."""

    async def person(self) -> UserId:
        async with self.database.transaction() as connection:
            return await add_user(connection)

    async def answer(self, owner: UserId) -> AnswerId:
        async with self.database.transaction() as connection:
            return await ask(connection, owner)

    async def added(self, owner: UserId, minute: int = 0) -> AnswerId:
        answer_id = await self.answer(owner)
        assert await self.storage.add_conversation(answered(owner, answer_id, minute=minute))
        return answer_id

    async def rate(self, owner: UserId, answer_id: AnswerId, stars: int | None, minute: int = 0) -> bool:
        rating = Rating(stars=stars, at=T0 + timedelta(minutes=minute))
        return await self.storage.update_rating(owner, answer_id, rating)

    async def rated(self, owner: UserId | None, at_least: int = 1) -> list[tuple[AnswerId, int | None]]:
        found = await self.storage.get_rated_conversations(owner, at_least, 100)
        return [(each.answer_id, each.stars) for each in found]


@pytest.fixture(params=["database", "journal"])
async def world(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    database = await Database.open(database_url)
    storages: list[StorageAdapter] = [
        PostgresStorage(database, MOST) if request.param == "database" else JournalStorage(tmp_path, MOST)
        for _ in range(2)
    ]
    yield World(database, *storages)
    await database.close()


async def test_a_conversation_is_kept_whole(world: World) -> None:
    owner = await world.person()
    answer_id = await world.answer(owner)
    conversation = answered(owner, answer_id, embedding=vector(0.6, 0.8))
    assert await world.storage.add_conversation(conversation)
    assert await world.rate(owner, answer_id, 5)
    await world.storage.update_rating(owner, answer_id, Rating(comment="Коротко и ясно", at=T0 + timedelta(minutes=1)))
    [found] = await world.reopened.get_rated_conversations(owner, 1, 10)
    assert found.model_dump(exclude={"created_at", "stars", "comment"}) == conversation.model_dump(
        exclude={"created_at"}
    )
    assert (found.stars, found.comment) == (5, "Коротко и ясно")


async def test_what_is_done_twice_is_done_once(world: World) -> None:
    owner = await world.person()
    answer_id = await world.added(owner)
    assert not await world.storage.add_conversation(answered(owner, answer_id, text="Другой ответ [1]."))
    for _ in range(2):
        assert await world.rate(owner, answer_id, 4)
    stats = await world.storage.get_stats(owner)
    assert (stats.conversations, stats.by_stars) == (1, (0, 0, 0, 1, 0))
    [found] = await world.storage.get_rated_conversations(owner, 1, 10)
    assert found.outcome.text == "Хвалят [1]."


async def test_what_a_person_says_last_counts_whatever_the_clock_does(world: World) -> None:
    owner = await world.person()
    answer_id = await world.added(owner)
    for stars, minute in ((2, 5), (5, 3), (3, 6)):
        await world.rate(owner, answer_id, stars, minute=minute)
        assert await world.rated(owner) == [(answer_id, stars)]


@pytest.mark.parametrize("minutes", [(1, 2, 3), (3, 2, 1)])
async def test_a_comment_alone_keeps_the_stars(world: World, minutes: tuple[int, int, int]) -> None:
    owner = await world.person()
    answer_id = await world.added(owner)
    await world.rate(owner, answer_id, 4, minute=minutes[0])
    await world.storage.update_rating(owner, answer_id, Rating(comment="Мало", at=T0 + timedelta(minutes=minutes[1])))
    await world.rate(owner, answer_id, 2, minute=minutes[2])
    [found] = await world.storage.get_rated_conversations(owner, 1, 10)
    assert (found.stars, found.comment) == (2, "Мало")


async def test_nobody_rates_the_answers_of_others(world: World) -> None:
    owner, other = await world.person(), await world.person()
    answer_id = await world.added(owner)
    assert not await world.rate(other, answer_id, 1)
    assert await world.rate(owner, answer_id, 5)
    assert await world.rated(other) == []
    assert await world.rated(owner) == [(answer_id, 5)]
    assert (await world.storage.get_stats(other)).ratings == 0


async def test_figures_of_one_and_of_all(world: World) -> None:
    owner, other = await world.person(), await world.person()
    for stars in (5, 4, 1):
        await world.rate(owner, await world.added(owner), stars)
    await world.rate(other, await world.added(other), 2)
    one, everybody = await world.storage.get_stats(owner), await world.storage.get_stats(None)
    assert (one.conversations, one.ratings, one.average) == (3, 3, 10 / 3)
    assert (one.good_share, one.bad_share) == (2 / 3, 1 / 3)
    assert (everybody.conversations, everybody.by_stars) == (4, (1, 1, 0, 1, 1))
    assert not one.partial


async def test_the_trend_is_of_thirty_days_and_the_thirty_before(world: World) -> None:
    owner = await world.person()
    now = datetime.now(UTC)
    for days, stars in ((1, 5), (29, 4), (31, 2), (59, 1), (61, 3)):
        rating = Rating(stars=stars, at=now - timedelta(days=days))
        await world.storage.update_rating(owner, await world.added(owner), rating)
    stats = await world.storage.get_stats(owner)
    assert (stats.recent, stats.earlier) == (Period(ratings=2, stars=9), Period(ratings=2, stars=3))


async def test_the_latest_rated_come_first_and_bad_ones_do_not(world: World) -> None:
    owner = await world.person()
    first, second, third = [await world.added(owner, minute) for minute in range(3)]
    for answer_id, stars, minute in ((first, 4, 9), (second, 5, 8), (third, 3, 7)):
        await world.rate(owner, answer_id, stars, minute)
    assert await world.rated(owner, at_least=4) == [(first, 4), (second, 5)]
    [found] = await world.storage.get_rated_conversations(owner, 1, 1)
    assert found.answer_id == first


async def test_the_oldest_without_a_rating_leaves_first(world: World) -> None:
    owner = await world.person()
    ids = [await world.added(owner, minute) for minute in range(MOST)]
    await world.rate(owner, ids[0], 4)
    await world.added(owner, MOST)
    assert (await world.storage.get_stats(owner)).conversations == MOST
    assert await world.rated(owner) == [(ids[0], 4)]


async def test_when_all_are_rated_the_oldest_leaves(world: World) -> None:
    owner = await world.person()
    ids = [await world.added(owner, minute) for minute in range(MOST + 1)]
    for answer_id in ids[1:]:
        await world.rate(owner, answer_id, 4)
    newest = await world.added(owner, MOST + 1)
    await world.rate(owner, newest, 4)
    newer = await world.added(owner, MOST + 2)
    kept = {answer_id for answer_id, _ in await world.rated(owner)}
    assert len(kept | {newer}) == MOST
    assert newest in kept
    assert ids[1] not in kept


async def test_many_at_once_are_all_kept(world: World) -> None:
    owner = await world.person()
    ids = [await world.answer(owner) for _ in range(MOST)]
    await asyncio.gather(*(world.storage.add_conversation(answered(owner, each)) for each in ids))
    await asyncio.gather(*(world.rate(owner, each, 5) for each in ids))
    assert {answer_id for answer_id, _ in await world.rated(owner)} == set(ids)
