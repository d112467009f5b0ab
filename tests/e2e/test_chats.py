"""Chats over the loopback Telegram: questions, answers with their sources, and everything around them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot import Bot
from interrupted_bot import InterruptedBot, Interruptible, until
from openai_faults import CHAT, Fault, Kind
from openai_server import OpenAIServer
from steps import LONG_S, gets_transcript, live, recording, says, times_shown
from telegram_events import Happening, Message
from telegram_user import ScriptedUser

ASKED = "Что гости говорят о завтраках?"
ANSWERED = "В записях об этом сказано: «"
SEARCHING = "🔎 Ищу в записях…"
NO_ANSWER = "В базе знаний нет ответа на этот вопрос."
OUTDATED = "Эта кнопка устарела"
FIRST_REACTION_S = 2.0


async def has_recording(user: ScriptedUser, endpoint: OpenAIServer, folder: Path) -> None:
    """Let the person have a transcript in which breakfasts are spoken of."""
    with says(endpoint, 3):
        await user.send_file(await recording(folder / "Беседа.ogg", 6), kind="audio")
        await gets_transcript(user, "Беседа.ogg")


async def asks(user: ScriptedUser, question: str, answer: str = NO_ANSWER) -> Message:
    """Ask and wait for the answer."""
    asked = await user.send(question)
    found = await user.sees(answer, after=asked, timeout=LONG_S)
    await user.chat.until(lambda: not live(user, SEARCHING), LONG_S, "the end of the search")
    return found


async def test_a_question_is_answered_from_the_recordings_with_numbered_sources(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    await has_recording(anna, endpoint, tmp_path)
    asked = await anna.send(ASKED)
    noticed = await anna.sees(SEARCHING, after=asked)
    answer = await anna.sees("📎 Источники", after=asked, timeout=LONG_S)
    assert answer.id == noticed.id
    assert ANSWERED in answer.text
    assert f"❓ {ASKED}" in answer.text
    # The team has more recordings about it, which may come before.
    assert re.search(r"\[\d\] Запись №1, ", answer.text)
    [sent] = anna.chat.events(Happening.SENT, message=noticed)
    [came] = anna.chat.events(Happening.RECEIVED, message=asked)
    assert sent.at - came.at <= FIRST_REACTION_S
    assert NO_ANSWER in (await asks(anna, "Сколько планет в Солнечной системе?")).text


async def test_a_short_voice_note_is_asked_about_once_and_answered_as_typed(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    await has_recording(anna, endpoint, tmp_path)
    voice = await recording(tmp_path / "Вопрос.ogg", 2)
    with says(endpoint, ASKED):
        sent = await anna.send_file(voice, kind="voice", duration=2)
        await anna.sees("Это запись или вопрос?", after=sent, timeout=LONG_S)
        await anna.press("❓ Вопрос")
        assert ANSWERED in (await anna.sees("📎 Источники", after=sent, timeout=LONG_S)).text
        assert await anna.sees(f"🎤 Вы сказали: «{ASKED}»")
        again = await anna.send_file(await recording(tmp_path / "Ещё.ogg", 2), kind="voice", duration=2)
        assert ANSWERED in (await anna.sees("📎 Источники", after=again, timeout=LONG_S)).text
    assert times_shown(anna, "Это запись или вопрос?") == 1
    heard = await anna.sees("Вы сказали", after=again, timeout=LONG_S)
    await anna.press("🎙 Это запись", message=heard)
    await anna.sees("Готово: voice_", after=again, timeout=LONG_S)


async def test_what_is_private_no_other_hears(
    new_bot: Callable[..., Awaitable[Bot]],
    newcomer: Callable[[], ScriptedUser],
    endpoint: OpenAIServer,
    tmp_path: Path,
) -> None:
    await new_bot(RECORDING_VISIBILITY="private")
    anna, others = newcomer(), [newcomer() for _ in range(3)]
    await has_recording(anna, endpoint, tmp_path)
    await asyncio.gather(*(asks(each, ASKED) for each in others))
    await asks(anna, ASKED, ANSWERED)
    assert not any("завтрак показался" in each.chat.storyboard(whole=True) for each in others)


async def test_without_a_model_the_quotes_are_the_answer(
    new_bot: Callable[..., Awaitable[Bot]],
    newcomer: Callable[[], ScriptedUser],
    endpoint: OpenAIServer,
    tmp_path: Path,
) -> None:
    await new_bot(LLM_ENGINE="none")
    anna = newcomer()
    await has_recording(anna, endpoint, tmp_path)
    answer = await asks(anna, ASKED, "сами цитаты из записей")
    assert "завтрак показался бедным" in answer.text
    assert "📎 Источники\n[1] Запись №1" in answer.text


async def test_chats_are_begun_named_left_and_deleted(anna: ScriptedUser) -> None:
    await asks(anna, "О чём этот чат?")
    await anna.send("/start")
    await anna.press("💬 Чаты/Диалоги")
    await anna.sees("▶ №1 · О чём этот чат?")
    await anna.press("➕ Новый чат")
    await anna.sees("Чат №2")
    await asks(anna, "А этот о чём?")
    await anna.press("💬 К чатам")
    await anna.press("№1 · О чём этот чат?")
    await anna.press("💬 В чат")
    await anna.sees("Чат №1 «О чём этот чат?»")
    await anna.press("💬 К чатам")
    await anna.press("▶ №1 · О чём этот чат?")
    await anna.press("✏️ Переименовать")
    await anna.send("Завтраки <b>и</b>\nужины")
    await anna.sees("Чат №1 теперь называется «Завтраки <b>и</b> ужины»")
    await anna.press("🗑️ Удалить")
    await anna.press("🗑️ Да, удалить")
    await anna.sees("Чат №1 «Завтраки <b>и</b> ужины» удалён.")
    await anna.press("№2 · А этот о чём?")
    await anna.press("🗑️ Удалить")
    await anna.press("🗑️ Да, удалить")
    await anna.sees("▶ №3 · Новый чат")
    assert len(live(anna, "Чаты: 1")) == 1


@pytest.mark.parametrize("leave", ["/cancel", "❌ Отмена"])
@pytest.mark.parametrize(("open_it", "asked"), [("✏️ Переименовать", "новое название"), ("🗑️ Удалить", "Удалить чат №1")])
async def test_every_question_about_a_chat_can_be_cancelled(
    anna: ScriptedUser, open_it: str, asked: str, leave: str
) -> None:
    await asks(anna, "Что?")
    await anna.send("/chats")
    await anna.press("▶ №1 · Что?")
    await anna.press(open_it)
    question = await anna.sees(asked)
    if leave.startswith("/"):
        await anna.send(leave)
        await anna.sees("Главное меню")
        await anna.sees_no_more(question)
    else:
        await anna.press(leave)
        await anna.sees("Этот чат открыт")
    await asks(anna, "Кто?")
    await anna.send("/chats")
    await anna.sees("▶ №1 · Что?")


async def test_history_and_statistics(anna: ScriptedUser) -> None:
    await asks(anna, "Что?")
    await anna.send("/history")
    file = await anna.sees("Чат 1 Что_.txt")
    assert "ВОПРОС\nЧто?" in (await anna.downloads(file)).decode("utf-8-sig")
    await anna.press("MD", message=file)
    written = await anna.sees("Чат 1 Что_.md")
    assert "> Что?" in (await anna.downloads(written)).decode()
    for day, said in (("2020-11-03", "За 03.11.2020"), ("03.11.2020", "За 03.11.2020"), ("утром", "не похоже на дату")):
        sent = await anna.send(f"/history {day}")
        await anna.sees(said, after=sent)
    await anna.send("/stats")
    assert "Вопросов: 1\nОтветов: 1" in (await anna.sees("📊 Статистика\n")).text
    await anna.press("💬 К чатам")
    await anna.press("📊 Статистика")
    await anna.sees("За всё время")


async def test_the_chats_of_another_are_out_of_reach(anna: ScriptedUser, crowd: list[ScriptedUser]) -> None:
    await asks(anna, "Тайный вопрос?")
    mallory = crowd[1]
    await mallory.send("/start")
    place = await mallory.sees("Главное меню")
    for data in (
        *(f"{action}||1" for action in ("chat", "confirm_switch", "rename_chat", "delete_chat", "confirm_delete")),
        *("chat_history||1", "chat_history||1||txt", "chat_history||1||md||20261103", "confirm_delete||../1", "chat"),
    ):
        answer = await mallory.press_data(place.id, data.encode())
        assert answer.text == OUTDATED, data
    assert "Тайный" not in mallory.chat.storyboard(whole=True)
    await anna.send("/chats")
    await anna.sees("▶ №1 · Тайный вопрос?")


async def test_a_double_tap_on_delete_deletes_once(anna: ScriptedUser) -> None:
    for question in ("Сколько планет?", "Сколько комет?"):
        await asks(anna, question)
        listed = await anna.send("/chats")
        await anna.press("➕ Новый чат")
        await anna.sees("Напишите вопрос", after=listed)
    await anna.send("/chats")
    await anna.press("№2 · Сколько комет?")
    await anna.press("🗑️ Удалить")
    asked = await anna.sees("Удалить чат №2")
    await asyncio.gather(*(anna.press("Да, удалить", message=asked) for _ in range(3)))
    await anna.sees("Чат №2 «Сколько комет?» удалён.")
    assert len(live(anna, "Чаты: 2")) == 1


async def killed_while_answering(interrupted: InterruptedBot, ask: Callable[[], Awaitable[object]]) -> None:
    interrupted.tap.answer(0)
    await ask()
    await until(lambda: interrupted.tap.hanging > 0, "a question to the model")
    await interrupted.bot.kill()
    interrupted.tap.answer(None)
    await interrupted.bot.start()


async def test_an_answer_outlives_the_bot_that_was_writing_it(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    interrupted = await interruptible()
    anna = newcomer()
    await has_recording(anna, interrupted.endpoint, tmp_path)
    await killed_while_answering(interrupted, lambda: anna.send(ASKED))
    answer = await anna.sees(ANSWERED, timeout=LONG_S)
    assert f"❓ {ASKED}" in answer.text
    await anna.chat.until(lambda: not live(anna, SEARCHING), LONG_S, "the end of the search")
    assert times_shown(anna, ANSWERED) == 1
    await interrupted.bot.restart()
    await asks(anna, "Сколько планет?")
    assert times_shown(anna, ANSWERED) == 1
    await anna.send("/stats")
    assert "Вопросов: 2\nОтветов: 2" in (await anna.sees("📊 Статистика")).text


async def test_a_model_that_fails_leaves_the_quotes(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    interrupted = await interruptible()
    anna = newcomer()
    await has_recording(anna, interrupted.endpoint, tmp_path)
    interrupted.tap.add(Fault(Kind.STATUS, path=CHAT, status=401))
    answer = await asks(anna, ASKED, "Языковая модель не ответила")
    assert "завтрак показался бедным" in answer.text


async def test_the_active_chat_and_the_open_question_outlive_the_bot(
    new_bot: Callable[..., Awaitable[Bot]], newcomer: Callable[[], ScriptedUser]
) -> None:
    bot = await new_bot()
    anna = newcomer()
    await asks(anna, "Что?")
    await anna.send("/chats")
    await anna.press("▶ №1 · Что?")
    await anna.press("✏️ Переименовать")
    await anna.sees("новое название")
    await bot.restart()
    await anna.send("Ужины")
    await anna.sees("Чат №1 теперь называется «Ужины».")
    await bot.restart()
    await asks(anna, "Кто?")
    await anna.send("/chats")
    await anna.sees("▶ №1 · Ужины")
