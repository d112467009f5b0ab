"""Two people with five recordings each, who ask, turn away and come back while the bot is stopped and killed.

The recordings are ready transcripts: what is heard in sound matters elsewhere, and takes a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pyrogram import Client

from bot import Bot
from steps import CONFIRMATION, LONG_S, MENU, live
from telegram_events import Message
from telegram_user import ScriptedUser

pytestmark = pytest.mark.timeout(900)
QUESTION = "что гости говорят о завтраке?"
CLIENTS = {
    "Анна": ("Первый", "Второй", "Третий", "Четвёртый", "Пятый"),
    "Борис": ("Шестой", "Седьмой", "Восьмой", "Девятый", "Десятый"),
}


def caption(number: int, client: str) -> str:
    return f"{number}\n03.11.2025\nиванова мария\nгость {client}\nлобби при отель\nзаря"


async def sends_five(user: ScriptedUser, clients: tuple[str, ...], folder: Path) -> None:
    for number, client in enumerate(clients, 1):
        path, said = folder / f"{user.id} {number}.vtt", f"Завтрак {client} понравился, а ужин нет."
        await asyncio.to_thread(path.write_text, f"WEBVTT\n\n00:00.000 --> 00:04.000\n<v Гость>{said}\n")
        await user.send_file(path, caption=caption(number, client))


def has_button(message: Message, number: int) -> bool:
    return any(f"№{number} ·" in button.text for button in message.all_buttons)


async def goes_on_with(user: ScriptedUser, number: int, client: str) -> None:
    """From the menu, a recording that waits is two taps away, and has what its own caption said."""
    menu = await user.send("/start")
    await user.sees(MENU, after=menu, timeout=LONG_S)
    await user.press("📌 Ждут вас", timeout=LONG_S)
    waiting = await user.chat.until(
        lambda: next((each for each in live(user, "") if each.id > menu.id and has_button(each, number)), None),
        LONG_S,
        f"№{number} among what waits",
    )
    await user.press(f"№{number} ·", message=waiting, timeout=LONG_S)
    card = await user.chat.until(
        lambda: next((each for each in live(user, CONFIRMATION) if f"Гость {client}" in each.text), None),
        LONG_S,
        f"the card of {client}",
    )
    await user.press("Подтвердить", message=card, timeout=LONG_S)
    await user.sees(f"Данные записи №{number} сохранены", timeout=LONG_S)


async def test_no_step_is_lost_or_mixed_up_over_commands_questions_and_restarts(
    new_bot: Callable[..., Awaitable[Bot]], newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    bot = await new_bot()
    people = {newcomer(): clients for clients in CLIENTS.values()}
    await asyncio.gather(*(sends_five(user, clients, tmp_path) for user, clients in people.items()))
    for user in people:
        for said in ("/start", QUESTION, "/cancel"):
            await user.send(said)
    if not hasattr(Client, "recover_gaps"):  # Without it a bot that has stored nothing yet cannot ask what it missed.
        for user in people:
            await user.chat.until(lambda user=user: user.chat.from_bot, LONG_S, "a first word")  # type: ignore[misc]
    await bot.restart()
    for user in people:
        await user.chat.until(lambda user=user: len(live(user, "✔ Готово")) == 5, LONG_S, "five results")  # type: ignore[misc]
        await user.send(QUESTION)
    for number in range(1, 6):
        both = (goes_on_with(user, number, clients[number - 1]) for user, clients in people.items())
        await asyncio.gather(*both)
        if number == 2:
            await bot.restart()
        if number == 4:
            assert await bot.stop() == 0
            await bot.start()
    for user in people:
        status = await user.send("/status")
        screen = await user.sees("Ждут вас", after=status, timeout=LONG_S)
        assert all(has_button(screen, number) for number in range(1, 6))
        assert "завтраке" not in "".join(each.text for each in live(user, "ФИО сотрудника"))
