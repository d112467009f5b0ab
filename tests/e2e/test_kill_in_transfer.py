"""A bot that is killed while something is on its way to or from Telegram."""

from collections.abc import Callable
from pathlib import Path

from constants import FILE_PART_BYTES
from interrupted_bot import LIMIT_S, Interruptible
from interrupted_people import times_sent
from recording_files import speech
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

LATER_ID = 5_000_000
"""Messages of a bot that has been talking for years."""


async def test_a_download_goes_on_where_it_was_and_what_was_sent_unheard_is_not_sent_again(
    interruptible: Interruptible, telegram: TelegramServer, newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    recording = speech(tmp_path / "Большая беседа.wav", 30, "-ar", "48000", "-ac", "2")
    size = recording.stat().st_size
    chunks = -(-size // FILE_PART_BYTES)
    assert chunks > 4
    telegram.world.start_ids_at(LATER_ID)
    bot = await interruptible()
    anna = newcomer()
    await anna.send("/start")
    await anna.sees("Главное меню")

    async def send() -> None:
        await anna.send_file(recording, kind="audio")

    await bot.killed_unheard({"upload.GetFile": 3}, send)
    await anna.press("Интервью", timeout=LIMIT_S)
    unheard = ("messages.EditMessage", "messages.SendMessage", "messages.SendMedia")
    await bot.killed_unheard(dict.fromkeys(unheard, 0))
    await anna.sees("Номер файла", timeout=LIMIT_S)
    await anna.sees("Готово: ", timeout=LIMIT_S)

    # The lost one is asked for again, and one that had come and was not on the disk yet.
    assert telegram.times_called("upload.GetFile") <= chunks + 2
    parts = ("Получаю: ", "📄 Расшифровка", "Расшифровка 1", "номер файла")
    assert [times_sent(anna, part) for part in parts] == [1, 2, 1, 1]
    # An answer that a kill met between its coming and its storing is asked for again, and no other.
    assert bot.asked_again() <= len(unheard)
