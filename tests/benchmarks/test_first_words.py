"""How long after a provider's first token somebody who asked reads the first words of the answer.

The bot is the real process over the loopback Telegram server, and the endpoint writes as fast as models on a processor
do. Run with ``scripts/benchmark -k first_words``.
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest

from bot import Bot
from openai_answers import Messages, Schema, chat_answer
from openai_server import OpenAIServer
from product import Product
from steps import LONG_S, gets_transcript, recording, says
from telegram_events import Happening
from telegram_server import TelegramServer

BAR_S = 1.0
QUESTIONS = 12
PIECE_S = 0.09
"""A piece of the loopback endpoint is about two tokens: 27 of them a second."""
FIRST_WORDS = "В записях"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


async def test_first_words(telegram: TelegramServer, database_url: str, tmp_path: Path) -> None:
    began: list[float] = []

    def chat(messages: Messages, schema: Schema | None) -> str | object:
        answer = chat_answer(messages, schema)
        began.append(time.monotonic() + 2 * PIECE_S)  # an empty piece comes first
        return answer

    async with OpenAIServer() as endpoint:
        product = Product(tmp_path / "bot", {"OWNER_TELEGRAM_ID": "1000", "DATABASE_URL": database_url})
        product.use(endpoint)
        bot, anna = Bot(product, telegram), telegram.world.user("Анна", id=1000)
        await bot.start()
        try:
            with says(endpoint, 3):
                await anna.send_file(await recording(tmp_path / "Беседа.ogg", 6), kind="audio")
                await gets_transcript(anna, "Беседа.ogg")
            endpoint.chat, endpoint.piece_s = chat, PIECE_S
            taken: list[float] = []
            for number in range(QUESTIONS):
                asked = await anna.send(f"Что гости говорят о завтраках? {number}")
                answer = await anna.sees("📎 Источники", after=asked, timeout=LONG_S)
                shown = anna.chat.events(Happening.SENT, Happening.EDITED, message=answer)
                taken.append(next(each.at for each in shown if FIRST_WORDS in each.text) - began[-1])
        finally:
            await bot.stop()
    print(f"\nfirst words after the first token: p50 {median(taken):.2f} s, worst of {len(taken)} {max(taken):.2f} s")
    assert max(taken) <= BAR_S
