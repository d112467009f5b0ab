"""Menus, commands and what is kept: lists, a recording's card, the original, deletion."""

import asyncio
import re
from pathlib import Path
from typing import Any

from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from steps import CONFIRMATION, LONG_S, MENU, gets_transcript, live, recording, says_what_it_is, times_sent
from telegram_events import Message
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

RECORDINGS = 12


def listed(page: Message) -> list[str]:
    """The numbers of the recordings on a page, as they stand there."""
    return [found[0] for button in page.all_buttons if (found := re.search(r"№\d+", button.text))]


async def test_twelve_recordings_are_listed_in_two_pages(anna: ScriptedUser, tmp_path: Path) -> None:
    await anna.send("/start")
    await anna.press("Хранилище")
    await anna.press("Без вида")
    empty = await anna.sees("Здесь пока пусто")
    await anna.press("Назад", message=empty)
    await anna.sees("Какие записи показать?")
    await anna.press("Назад", message=empty)
    await anna.sees(MENU)
    paths = await asyncio.gather(*(recording(tmp_path / f"аудит {n}.ogg", 1.5) for n in range(1, RECORDINGS + 1)))
    for path in paths:
        await anna.send_file(path, kind="audio")
    await anna.chat.until(lambda: len(live(anna, "✔ Готово")) == RECORDINGS, LONG_S, "twelve recordings")
    await anna.send("/start")
    await anna.press("Хранилище")
    await anna.press("Без вида")
    page = await anna.sees("12 записей. Страница 1 из 2.")
    assert listed(page) == [f"№{number}" for number in range(RECORDINGS, 2, -1)]
    for label, title in (
        ("▶", "Страница 2 из 2"),
        ("◀", "Страница 1 из 2"),
        ("▶", "Страница 2 из 2"),
        ("№1 ", "🎙 Запись №1"),
        ("Назад", "Страница 1 из 2"),
        ("Назад", "📦 Хранилище"),
        ("ИНТЕРВЬЮ", "Здесь пока пусто"),
    ):
        await anna.press(label, message=page)
        await anna.sees(title)
        if title == "Страница 2 из 2":
            assert listed(page) == ["№2", "№1"]


async def test_a_recording_is_played_back_and_deleted_after_a_question(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    [sent] = [message for message in boris.chat.messages if not message.from_bot]
    await boris.press("Открыть")
    card = await boris.sees("🎙 Запись №1")
    for part in ("Беседа.ogg", "00:04", "Вид: Интервью", "✅ Готова", "Петров Иван"):
        assert part in card.text

    await boris.press("Прослушать", message=card)
    played = await boris.sees("▶ Запись №1 · Беседа.ogg", timeout=LONG_S)
    assert await boris.downloads(played) == await boris.downloads(sent)

    await boris.press("Удалить", message=card)
    question = await boris.sees("🗑 Удалить запись №1 «Беседа.ogg»?")
    assert "расшифровка и данные" in question.text
    await boris.press("Отмена", message=question)
    card = await boris.sees("🎙 Запись №1")

    await boris.press("Удалить", message=card)
    question = await boris.sees("🗑 Удалить запись №1 «Беседа.ogg»?")
    await boris.press("Да, удалить", message=question)
    await boris.sees("🗑 Запись №1 «Беседа.ogg» удалена.")
    await boris.press_data(card.id, b"recording||1")
    await boris.sees(MENU)
    await boris.send("/start")
    await boris.press("Хранилище")
    await boris.press("ИНТЕРВЬЮ")
    await boris.sees("Здесь пока пусто")


async def test_what_was_deleted_can_be_sent_again_and_is_new(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()
    [sent] = [message for message in boris.chat.messages if not message.from_bot]
    assert sent.file
    await says_what_it_is(boris)
    await boris.sees(CONFIRMATION, timeout=LONG_S)
    await boris.press("Открыть")
    await boris.press("Удалить")
    await boris.press("Да, удалить")
    await boris.sees("удалена")

    await boris.send_file(sent.file.path, kind="audio")
    again = await boris.sees("📥 Получаю")
    await boris.chat.until(lambda: again.contains("№2"), LONG_S, "another recording")
    await boris.sees("📄 Расшифровка · №2", timeout=LONG_S)
    await says_what_it_is(boris)
    await boris.sees(CONFIRMATION, timeout=LONG_S)


async def test_the_commands_tell_what_there_is(
    alone: ScriptedUser, shared_telegram: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    anna = alone
    menu = {command for command, _ in shared_telegram.world.command_menu()}
    await anna.send("/status")
    await anna.sees("Сейчас в работе: 0")
    await anna.send("/help")
    text = (await anna.sees("❓ Помощь")).text
    assert set(re.findall(r"^/(\w+)", text, re.MULTILINE)) == menu
    for command in menu:
        said = await anna.send(f"/{command}")
        await anna.sees("", after=said)
    assert not times_sent(anna, "Такой команды нет")

    endpoint.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, seconds=6))
    await anna.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio")
    await anna.sees("⏳ Расшифровка", timeout=LONG_S)
    said = await anna.send("/status")
    status = await anna.sees("Сейчас в работе: 1", after=said)
    assert "Беседа.ogg — Расшифровка" in status.text
    await gets_transcript(anna, "Беседа.ogg")
    said = await anna.send("/status")
    await anna.sees("№1 · Беседа.ogg — сказать, что на записи", after=said)


async def test_one_menu_stays_and_results_stay_for_ever(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    for _ in range(3):
        said = await boris.send("/start")
        await boris.sees(MENU, after=said)

    await boris.chat.until(lambda: len(live(boris, MENU)) == 1, LONG_S, "one menu")
    assert len(live(boris, "📄 Расшифровка")) == 2
    assert len(live(boris, "✔ Готово")) == 1
    for label, title in (("Хранилище", "📦 Хранилище"), ("Системная", "⚙️ Системная"), ("Помощь", "❓ Помощь")):
        await boris.press(label)
        await boris.sees(title)
        await boris.press("Назад")
        await boris.sees(MENU)
    assert len(live(boris, MENU)) == 1
