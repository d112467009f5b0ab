"""Answers while they are written, from an endpoint's stream to the message that a person sees."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import texts.chats
from chats_world import Asker, ChatsBot
from datamodels_telegram import Doing, MessageKind, Screen
from db import Database
from followers_world import look
from jobs.chats import AnswerSteps
from language_model.openai import OpenAILanguageModel
from message_tracker import MessageTracker
from messenger import MessengerError
from openai_faults import CHAT, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time

BREAKFAST = "Что говорят о завтраках?"
ANSWER = "На завтраке не хватало горячих блюд [1]. Зато кофе был хороший [1]."
BEGUN = "На завтраке не хватало"


@pytest.fixture
async def anna(followed: Database, tmp_path: Path, server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Asker]:
    """Somebody with an interview, whose questions a model at the endpoint answers."""
    bot = ChatsBot(followed, tmp_path)
    server.chat = lambda _messages, _schema: ANSWER
    bot.engines.model = OpenAILanguageModel(
        server.base_url, server.api_key, "loopback-chat", "loopback", 8192, 512, 2, 20.0, time=Time(sleep=pauses.sleep)
    )
    anna = await Asker.come(bot)
    await anna.has_recording(("Клиент", "На завтраке не хватало горячих блюд, зато кофе был хороший."))
    yield anna
    server.goes_on.set()
    await bot.engines.model.close()


async def begun(anna: Asker, server: OpenAIServer, seen: str = BEGUN) -> "asyncio.Task[None]":
    """Ask, and let the answer be written up to its middle, where it stands still; returns the work on it."""
    server.goes_on.clear()
    await anna.writes(BREAKFAST)
    task = asyncio.create_task(anna.bot.steps.answer(anna.bot.waiting.pop(0)))
    while seen not in anna.sees:
        await look(anna.bot.deliveries)
        await asyncio.sleep(0.01)
    return task


async def test_an_answer_grows_in_one_message(anna: Asker, server: OpenAIServer) -> None:
    task = await begun(anna, server)
    assert anna.last.endswith("…")
    assert "хороший [1]" not in anna.last, "nothing is shown as cited before it is whole and checked"
    server.goes_on.set()
    await task
    await anna.bot.deliver()
    assert "Зато кофе был хороший [1]." in anna.last
    assert anna.sees.count(f"❓ {BREAKFAST}") == 1
    assert "---" not in anna.sees


async def test_while_an_answer_is_written_its_chat_says_so(anna: Asker, server: OpenAIServer) -> None:
    task = await begun(anna, server)
    showing = asyncio.create_task(anna.bot.deliveries.run())
    for _ in range(2000):
        await asyncio.sleep(0 if anna.bot.telegram.doing else 0.01)
    showing.cancel()
    assert set(anna.bot.telegram.doing) == {(anna.chat, Doing.WRITING)}
    server.goes_on.set()
    await task


@pytest.mark.parametrize("kind", [Kind.STREAM_CUT, Kind.STREAM_ENDS, Kind.STREAM_ERROR])
async def test_a_provider_that_dies_in_mid_stream_leaves_the_quotes_and_says_so(
    anna: Asker, server: OpenAIServer, kind: Kind
) -> None:
    server.faults.add(Fault(kind, path=CHAT, times=3))
    task = await begun(anna, server)
    server.goes_on.set()
    await task
    await anna.bot.deliver()
    assert texts.chats.NOTE_MODEL_FAILED in anna.last
    assert "«Клиент: На завтраке не хватало горячих блюд" in anna.last
    assert "…" not in anna.last
    assert "---" not in anna.sees


async def test_a_provider_that_stands_still_in_mid_stream_is_given_up_and_the_quotes_say_so(
    anna: Asker, server: OpenAIServer
) -> None:
    server.faults.add(Fault(Kind.STREAM_HANGS, path=CHAT, times=3))
    bot = anna.bot
    bot.steps = AnswerSteps(bot.context, bot.search, bot.storage, bot.learning, 2000, longest_s=1.0)
    assert texts.chats.NOTE_MODEL_FAILED in await anna.asks(BREAKFAST)
    assert "«Клиент: На завтраке не хватало горячих блюд" in anna.last
    assert "…" not in anna.last


@pytest.mark.parametrize(
    ("written", "told", "asked"),
    [
        (ANSWER, f"горячих блюд [1].\n\nℹ️ {texts.chats.NOTE_BROKEN_OFF}", 1),
        ("На завтраке не хватало горячих блюд, зато кофе был хороший [1].", "зато кофе был хороший [1].", 2),
    ],
    ids=["a whole sentence", "none"],
)
async def test_whole_sentences_of_a_killed_writer_are_the_answer_and_without_any_it_is_asked_again(
    anna: Asker, server: OpenAIServer, written: str, told: str, asked: int
) -> None:
    server.chat = lambda _messages, _schema: written
    task = await begun(anna, server, "горячих блюд [1]." if asked == 1 else BEGUN)
    task.cancel()
    await asyncio.wait([task])
    server.goes_on.set()
    await anna.bot.steps.answer(anna.bot.queued[0])
    await anna.bot.deliver()
    assert told in anna.last
    assert texts.chats.SOURCES_HEAD in anna.last
    assert "…" not in anna.last
    assert "---" not in anna.sees
    assert len(server.asked(CHAT)) == asked


async def test_a_menu_takes_the_draft_away_and_the_answer_comes_below(anna: Asker, server: OpenAIServer) -> None:
    task = await begun(anna, server)
    await anna.command("/chats")
    assert BEGUN not in anna.sees
    server.goes_on.set()
    await task
    await anna.bot.deliver()
    assert "Зато кофе был хороший [1]." in anna.last
    assert anna.sees.count(f"❓ {BREAKFAST}") == 1


async def test_where_the_message_cannot_be_edited_the_answer_takes_its_place_all_the_same(
    anna: Asker, server: OpenAIServer
) -> None:
    await anna.writes(BREAKFAST)
    await anna.bot.steps.answer(anna.bot.waiting.pop(0))
    anna.bot.telegram.failures["edit"] = [MessengerError(messenger="Double", call="edit", reason="no")]
    await anna.bot.deliver()
    assert "Зато кофе был хороший [1]." in anna.last
    assert "---" not in anna.sees
    assert server.goes_on.is_set()


async def test_an_answer_that_took_a_place_is_no_message_that_a_menu_removes(anna: Asker, followed: Database) -> None:
    await anna.asks(BREAKFAST)
    messages = MessageTracker(followed, anna.bot.telegram)
    await messages.send(anna.chat, MessageKind.MENU, Screen(text="меню"))
    assert "Зато кофе был хороший [1]." in anna.sees
