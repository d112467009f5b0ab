"""Answers in chats after what they cite was deleted or given away: the bot's messages say what is left of them."""

from pathlib import Path

import pytest

from chats.forgetting import forget_source, pass_on_source
from chats_world import Asker, ChatsBot, ChatsDouble
from datamodels_telegram import ChatId, MessageId, MessageKind, OutgoingMessage, Screen
from db import Database
from outbox_store import put
from texts.chats import PART_GONE, SOURCE_DELETED

BREAKFAST, POOL = "На завтраке не хватало горячих блюд.", "Дети замёрзли в бассейне."


@pytest.fixture
async def bot(followed: Database, tmp_path: Path) -> ChatsBot:
    return ChatsBot(followed, tmp_path)


@pytest.fixture
async def anna(bot: ChatsBot) -> Asker:
    return await Asker.come(bot)


async def parts_of_last_answer(bot: ChatsBot) -> list[MessageId]:
    async with bot.database.transaction() as connection:
        rows = await connection.execute("SELECT shown_as FROM chat_answers ORDER BY finished_at DESC LIMIT 1")
        row = await rows.fetchone()
    assert row is not None
    return [MessageId(each) for each in row["shown_as"]]


async def test_messages_lose_what_was_deleted_and_others_stay_as_they_are(bot: ChatsBot, anna: Asker) -> None:
    gone, boris = await anna.has_recording(BREAKFAST), await Asker.come(bot)
    await anna.has_recording(POOL)
    await boris.has_recording(BREAKFAST)
    for asker, question in ((anna, "Завтрак?"), (anna, "Бассейн?"), (boris, "Завтрак?")):
        await asker.asks(question)
    seen, of_boris = anna.sees, boris.sees
    assert "горячих" in seen
    async with bot.database.transaction() as connection:
        await forget_source(connection, gone)
    await bot.deliver()
    assert SOURCE_DELETED in anna.sees
    assert "горячих" not in anna.sees
    assert "замёрзли" in anna.sees
    assert (boris.sees, len(anna.sees.split("\n---\n"))) == (of_boris, len(seen.split("\n---\n")))
    # Once more, as when the deletion is repeated after a crash, it is as it was.
    seen = anna.sees
    async with bot.database.transaction() as connection:
        await forget_source(connection, gone)
    await bot.deliver()
    assert anna.sees == seen


async def test_each_further_message_of_an_answer_loses_its_text(bot: ChatsBot, anna: Asker) -> None:
    gone = await anna.has_recording(BREAKFAST)
    await anna.asks("Завтрак?")
    [first] = await parts_of_last_answer(bot)
    async with bot.database.transaction() as connection:
        [answer] = bot.queued
        further = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="…и горячих напитков"))
        await put(connection, f"answer:{answer}:further", anna.id, anna.chat, further)
        form = OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=Screen(text="Кто на записи?"))
        await put(connection, f"answer:{answer}:form", anna.id, anna.chat, form)
    await bot.deliver()
    parts = await parts_of_last_answer(bot)
    assert (parts[0], len(parts)) == (first, 2)
    async with bot.database.transaction() as connection:
        await forget_source(connection, gone)
    await bot.deliver()
    shown = bot.telegram.chats[anna.chat]
    assert [SOURCE_DELETED in shown[parts[0]].text, shown[parts[1]].text] == [True, PART_GONE]
    assert "Кто на записи?" in anna.sees
    assert await parts_of_last_answer(bot) == parts


async def test_what_the_person_removed_does_not_come_back(bot: ChatsBot, anna: Asker) -> None:
    gone = await anna.has_recording(BREAKFAST)
    await anna.asks("Завтрак?")
    [shown] = await parts_of_last_answer(bot)
    del bot.telegram.chats[anna.chat][shown]
    seen = anna.sees
    async with bot.database.transaction() as connection:
        await forget_source(connection, gone)
    await bot.deliver()
    assert anna.sees == seen


async def test_who_inherited_is_named_where_the_former_owner_was(bot: ChatsBot, anna: Asker) -> None:
    given, heir = await anna.has_recording(BREAKFAST), await Asker.come(bot)
    await anna.asks("Завтрак?")
    parts = await parts_of_last_answer(bot)
    assert "Наследник" not in anna.sees
    async with bot.database.transaction() as connection:
        await pass_on_source(connection, given, heir.id, "Наследник", 7)
    await bot.deliver()
    assert "Наследник" in anna.sees
    assert "горячих" in anna.sees
    assert await parts_of_last_answer(bot) == parts


async def test_new_answers_do_not_wait_for_former_ones(bot: ChatsBot, anna: Asker) -> None:
    gone = await anna.has_recording(BREAKFAST)
    await anna.has_recording(POOL)
    await anna.asks("Завтрак?")
    async with bot.database.transaction() as connection:
        await forget_source(connection, gone)
    await anna.writes("Бассейн?")
    bot.telegram.story.clear()
    await bot.work()
    story = "\n".join(bot.telegram.story)
    assert 0 < story.index("замёрзли") < story.index("Ответ убран")


class Deleting(ChatsDouble):
    """Has a message's cause deleted while the message is on its way."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        sent = await super().send(chat, screen, random_id=random_id, may_differ=may_differ)
        async with self.database.transaction() as connection:
            await connection.execute("DELETE FROM outbox WHERE random_id = %s", (random_id,))
        return sent


async def test_what_is_deleted_while_it_is_sent_goes_out_of_the_chat(followed: Database, tmp_path: Path) -> None:
    bot = ChatsBot(followed, tmp_path, Deleting(followed))
    anna = await Asker.come(bot)
    async with followed.transaction() as connection:
        said = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=BREAKFAST))
        await put(connection, "report:x:y", anna.id, anna.chat, said)
    await bot.deliver()
    assert bot.telegram.deletions
    assert "горячих" not in anna.sees
