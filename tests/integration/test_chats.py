"""Chats as a person uses them: asking, going from one to another, renaming, deleting, history, statistics."""

import re
from datetime import date
from pathlib import Path

import pytest

from chats_world import Asker, ChatsBot
from db import Database
from scripted_model import ScriptedModel

INTERVIEW = (
    ("Сотрудник", "Расскажите, пожалуйста, что вам запомнилось из завтраков?"),
    ("Клиент", "На завтраке не хватало горячих блюд, зато кофе был хороший."),
    ("Сотрудник", "Понятно. А бассейн?"),
    ("Клиент", "В бассейне вода была прохладная, дети замёрзли."),
)


@pytest.fixture
async def chats_bot(followed: Database, tmp_path: Path) -> ChatsBot:
    return ChatsBot(followed, tmp_path)


@pytest.fixture
async def anna(chats_bot: ChatsBot) -> Asker:
    return await Asker.come(chats_bot)


def model(answer: str) -> ScriptedModel:
    return ScriptedModel(lambda _: answer)


async def test_without_a_model_the_answer_is_the_quotes_with_their_sources(anna: Asker) -> None:
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    answer = await anna.asks("Что говорят о завтраках?")
    assert "❓ Что говорят о завтраках?" in answer
    assert "Клиент: На завтраке не хватало горячих блюд" in answer
    assert re.search(r"\[1\] Интервью №1, 03\.11\.2026, .*Клиент, 00:00–00:\d\d", answer)
    assert "Ищу" not in anna.sees


async def test_with_a_model_its_answer_has_the_cited_sources(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    chats_bot.engines.model = llm = model("Горячих блюд **не хватало** [1], кофе хвалят [1, 7].")
    answer = await anna.asks("Что говорят о завтраке?")
    assert "Горячих блюд <b>не хватало</b> [1], кофе хвалят [1]." in answer
    assert "[1] Интервью №1" in answer
    [call] = llm.calls
    assert "<отрывки>\n[1] Интервью №1, 03.11.2026\n(00:00) Сотрудник: Расскажите" in call.last
    assert "<вопрос>\nЧто говорят о завтраке?\n</вопрос>" in call.last
