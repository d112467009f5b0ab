"""An avatar from a name to a picture, with the bot as a process that is killed in each status of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from avatar_photos import photo
from bot import Bot
from fal_server import KEY, FalServer, Fault, fal_server
from steps import LONG_S, live
from telegram_user import AlbumFile, ScriptedUser

FOR_EVER = 1_000_000


@pytest.fixture
async def service() -> AsyncIterator[FalServer]:
    async with fal_server() as server:
        yield server


async def test_an_avatar_is_trained_once_though_the_bot_is_killed_in_each_status(
    new_bot: Callable[..., Awaitable[Bot]], newcomer: Callable[[], ScriptedUser], service: FalServer, tmp_path: Path
) -> None:
    bot = await new_bot(FAL_API_KEY=KEY, LOOPBACK_FAL=service.url, FAL_DEFAULT_TRAININGS="5")
    anna = newcomer()
    await anna.send("/start")
    await anna.press("👤 Аватары")
    await anna.press("➕ Новый аватар")
    await anna.sees("Как назвать аватар?")
    await anna.send("Анна")
    await anna.sees("Кто на фотографиях?")
    await bot.restart()  # a draft
    await anna.press("Женщина")
    await anna.press("✔ Согласие есть")
    paths = [tmp_path / f"{number}.jpg" for number in range(10)]
    for number, path in enumerate(paths):
        path.write_bytes(photo(number, "PNG" if number == 9 else "JPEG"))
    await anna.send_album(*(AlbumFile(path, kind="photo") for path in paths[:9]))
    await bot.restart()  # while photographs come
    await anna.send_file(paths[9], file_name="портрет.png")
    await anna.sees("Фотографий: 10 из 20", timeout=LONG_S)
    await bot.restart()  # ready for training
    service.faults["POST", "flux-lora-portrait-trainer"] = [Fault.REFUSED]
    await anna.press("🚀 Обучить за 6,00 $")
    await anna.sees("Обучение аватара Анна не получилось", timeout=LONG_S)
    await bot.restart()  # an error
    card = await anna.sees("🚀 Обучить ещё раз за 6,00 $", timeout=LONG_S)
    await asyncio.gather(
        *(anna.press("🚀 Обучить ещё раз за 6,00 $", message=card, timeout=LONG_S) for _ in range(100))
    )
    await anna.sees("Заказ принят сервисом", timeout=LONG_S)
    service.orders[0].looks = FOR_EVER
    await bot.restart()  # being trained
    await anna.press("✖ Отменить обучение")
    await anna.sees("Обучение отменено", timeout=LONG_S)
    await bot.restart()  # cancelled
    service.faults["GET", ".safetensors"] = [Fault.BUSY] * 4
    await anna.press("🚀 Обучить ещё раз за 6,00 $")
    await anna.sees("Сервис картинок не отвечает", timeout=LONG_S)
    await bot.restart()  # trained, and its model is not ours yet
    await anna.sees("обучен. Можно рисовать", timeout=LONG_S)
    await bot.restart()  # completed
    assert len(live(anna, "обучен. Можно рисовать")) == 1
    assert [order.cancelled for order in service.orders] == [True, False]
    await anna.press("👤 Открыть аватар", message=live(anna, "обучен. Можно рисовать")[0])
    await anna.press("🎨 Нарисовать")
    await anna.press("16:9")
    await anna.sees("Что нарисовать?")
    await anna.send("у моря")
    await anna.sees("🎨 1. у моря", timeout=LONG_S)
    [message] = [each for each in anna.chat.from_bot if each.file is not None]
    assert message.file is not None
    assert message.file.kind == "photo"
    assert Image.open(BytesIO(message.file.content())).size == (1280, 720)
    assert len(service.orders) == 3
    assert bot.log("error", "critical") == []
