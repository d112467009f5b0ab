"""The main job as a person in Telegram lives it: a recording sent, followed, confirmed, turned into reports."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot import Bot
from product import Product
from steps import gets_all_reports, times_sent
from telegram_user import ScriptedUser

LONG_S = 60
"""Enough for the slowest of stages on a machine that does other things too."""


async def test_a_newcomer_gets_from_start_to_all_reports_in_five_taps(
    anna: ScriptedUser, spoken: Callable[[str], Path]
) -> None:
    await anna.send("/start")
    await anna.sees("Главное меню")
    await anna.send_file(spoken("Беседа с гостем.ogg"), kind="audio")
    taps = 0

    async def tap(label: str) -> None:
        nonlocal taps
        taps += 1
        await anna.press(label)

    # On the card while the recording is worked on, or under the question after it.
    await tap("Интервью")
    await anna.sees("Готово: Беседа с гостем.ogg", timeout=LONG_S)
    await anna.sees("Расшифровка", timeout=LONG_S)
    await anna.sees("Проверка введённых данных", timeout=LONG_S)
    await tap("Подтвердить")
    await anna.sees("Какой отчёт подготовить?")
    await tap("Все отчёты сразу")
    await anna.sees("Выберите тип заведения")
    await tap("Отель")
    await gets_all_reports(anna)
    assert times_sent(anna, "Ещё отчёт по записи") == 0, "there is none"

    assert taps <= 5


async def test_a_second_bot_on_the_same_folder_says_that_one_runs(shared_bot: Bot) -> None:
    product = shared_bot.product
    second = Product(product.state, {**product.settings, **shared_bot.telegram.environment()})
    outcome = await asyncio.to_thread(second.run)
    assert outcome.status == 2
    assert "Бот уже запущен" in outcome.said
