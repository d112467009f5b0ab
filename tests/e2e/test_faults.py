"""Telegram and the providers fail in every way they have: people get everything, once, and are told what to expect."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import promises
from bot import Bot
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind, status
from openai_server import OpenAIServer
from steps import (
    CONFIRMATION,
    INTERVIEW_CAPTION,
    LONG_S,
    MENU,
    Questions,
    gets_transcript,
    live,
    no_transcript_twice,
    recording,
    times_sent,
)
from telegram_events import Happening, Message
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

MEBIBYTE = 2**20
QUIET_S = 2.0
"""After so long nothing of an earlier test is on its way."""
RESTS_S = 10
"""How long a chat is watched in which nothing may happen."""
NEVER_SILENT_LONGER_S = 15.0
SLOW_S = 35.0


@pytest.fixture(scope="module")
async def troubled() -> AsyncIterator[TelegramServer]:
    """A Telegram in which much goes wrong."""
    async with TelegramServer() as server:
        yield server


@pytest.fixture(scope="module")
async def bot(troubled: TelegramServer, ground: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    bot = Bot(ground.product(tmp_path_factory.mktemp("troubled"), {}), troubled)
    await bot.start()
    try:
        yield bot
        promises.nothing_is_logged_as_an_error(bot)
        promises.cards_change_at_most_once_a_second(troubled)
    finally:
        await bot.kill()


@pytest.fixture
async def boris(
    troubled: TelegramServer, bot: Bot, people: Any, shared_telegram: TelegramServer
) -> AsyncIterator[ScriptedUser]:
    """A person of the troubled Telegram, with nobody else at work, so that faults meet whom they are meant for."""
    await promises.all_cards_end(shared_telegram)
    await promises.all_cards_end(troubled)
    while time.monotonic() - troubled.calls[-1][0] < QUIET_S:  # noqa: ASYNC110  # nothing tells that nothing will come
        await asyncio.sleep(QUIET_S / 4)
    yield people.join(troubled)
    troubled.network.restore()
    assert not troubled.faults.pending, "a fault was not met"


async def whole_job(user: ScriptedUser, path: Path) -> None:
    """Go from a recording to a report, and check that everything came once."""
    await user.send_file(path, kind="audio", caption=INTERVIEW_CAPTION)
    await gets_transcript(user, path.name)
    await user.sees(CONFIRMATION, timeout=LONG_S)
    await user.press("Подтвердить")
    await user.press("2) Отчет о связках", timeout=LONG_S)
    await user.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
    assert_once(user)


def assert_once(user: ScriptedUser) -> None:
    story = user.chat.storyboard(whole=True)
    assert times_sent(user, "📥 Получаю") == 1, story
    assert times_sent(user, "📄 Расшифровка · №1") == 2, story
    assert times_sent(user, CONFIRMATION) == 1, story
    assert times_sent(user, "📊 Готовлю отчёты") == 1, story
    assert times_sent(user, "· Отчет о связках · запись №1") == 1, story
    assert times_sent(user, "Ещё отчёт") == 1, story


async def test_a_flood_of_three_seconds_delays_and_loses_nothing(
    boris: ScriptedUser, troubled: TelegramServer, bot: Bot, tmp_path: Path
) -> None:
    troubled.faults.flood_wait("messages.SendMessage", 3, after=1)
    troubled.faults.flood_wait("messages.EditMessage", 3)
    troubled.faults.flood_wait("messages.SendMedia", 3)
    troubled.faults.flood_wait("upload.GetFile", 3)

    await whole_job(boris, await recording(tmp_path / "Беседа.ogg"))
    waited = {line["call"]: line["seconds"] for line in bot.log() if line["event"] == "telegram_flood_wait"}
    assert [waited[f"functions.messages.{call}"] for call in ("SendMessage", "EditMessage", "SendMedia")] == [3] * 3


async def test_a_reference_that_expires_and_a_short_answer_do_not_shorten_a_file(
    boris: ScriptedUser, troubled: TelegramServer, tmp_path: Path
) -> None:
    path = await recording(tmp_path / "Беседа.wav")
    with path.open("ab") as file:
        file.write(bytes(6 * MEBIBYTE))
    troubled.faults.expire_file_reference(after=2)
    troubled.faults.short_chunk(after=4)
    before = troubled.times_called("upload.GetFile")

    await boris.send_file(path, kind="audio")

    await gets_transcript(boris, "Беседа.wav")
    assert troubled.times_called("upload.GetFile") - before <= 7 + 6, "the download began anew"
    await boris.press("Открыть")
    await boris.press("Прослушать")
    original = await boris.sees("▶ Запись №1", timeout=LONG_S)
    assert await boris.downloads(original) == path.read_bytes()


async def test_a_dropped_connection_brings_updates_twice_and_nothing_happens_twice(
    boris: ScriptedUser, troubled: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    questions = Questions(endpoint)
    await boris.send("/start")
    await boris.sees(MENU)
    troubled.drop_connections(deliver_again=1)
    await boris.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio", caption=INTERVIEW_CAPTION)
    await boris.sees("Получаю", timeout=LONG_S)
    troubled.drop_connections(deliver_again=2)
    await gets_transcript(boris, "Беседа.ogg")
    await boris.sees(CONFIRMATION, timeout=LONG_S)
    await boris.press("Подтвердить")
    await boris.press("2) Отчет о связках", timeout=LONG_S)
    troubled.drop_connections(deliver_again=5)
    await boris.sees("Ещё отчёт по записи №1?", timeout=LONG_S)

    await boris.sees("Отчёты готовы", timeout=LONG_S)
    said = await boris.send("/status")
    await boris.sees("Сейчас в работе: 0", after=said, timeout=LONG_S)
    assert_once(boris)
    assert times_sent(boris, MENU) == 1, boris.chat.storyboard(whole=True)
    questions.none_was_paid_twice()


@pytest.mark.parametrize("how", ["lost", "cut off"])
async def test_a_lost_reply_to_a_message_does_not_send_it_again(
    boris: ScriptedUser, troubled: TelegramServer, tmp_path: Path, how: str
) -> None:
    for call, after in (
        ("messages.SendMessage", 1),  # the transcript
        ("messages.SendMedia", 0),  # its file
        ("messages.SendMessage", 2),  # the report
    ):
        if how == "lost":
            troubled.faults.lose_reply(call, after=after)
        else:
            troubled.faults.drop_connection(call, processed=True, after=after)

    await whole_job(boris, await recording(tmp_path / "Беседа.ogg"))


async def test_a_bad_network_slows_the_job_and_changes_nothing(
    boris: ScriptedUser, troubled: TelegramServer, tmp_path: Path
) -> None:
    troubled.network.degrade(delay_seconds=0.3, loss=0.07)
    await whole_job(boris, await recording(tmp_path / "Беседа.ogg"))


async def test_a_person_who_blocks_the_bot_stops_nobody_and_finds_the_work_done(
    boris: ScriptedUser, troubled: TelegramServer, people: Any, tmp_path: Path
) -> None:
    vera = people.join(troubled)
    await boris.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio", caption=INTERVIEW_CAPTION)
    boris.blocked = True
    await vera.send_file(await recording(tmp_path / "Другая.ogg"), kind="audio")
    await gets_transcript(vera, "Другая.ogg")

    boris.blocked = False
    said = await boris.send("/start")
    await boris.sees(MENU, after=said)
    await boris.press("Хранилище")
    await boris.press("ИНТЕРВЬЮ")
    await boris.press("№1")
    card = await boris.sees("🎙 Запись №1")
    await boris.chat.until(lambda: card.contains("✅ Готова"), 1, "a recording that is done")


async def test_a_provider_that_stumbles_is_asked_again_at_once(
    boris: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    questions = Questions(endpoint)
    endpoint.faults.add(
        status(429, path=TRANSCRIPTIONS, retry_after="1"),
        status(500, path=TRANSCRIPTIONS),
        Fault(Kind.INVALID_JSON, path=CHAT),
    )

    await whole_job(boris, await recording(tmp_path / "Беседа.ogg"))

    assert [each.status for each in questions.asked()] == [429, 500, 200]
    questions.none_was_paid_twice()


async def test_a_refused_key_is_told_and_the_work_goes_on_when_it_is_mended(
    boris: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    endpoint.faults.add(status(401, path=TRANSCRIPTIONS, code="invalid_api_key"))
    await boris.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio")
    card = await boris.sees("✖ Не получилось: Беседа.ogg · №1", timeout=LONG_S)
    assert "не принял ключ доступа" in card.text
    assert "Запись сохранена." in card.text

    await boris.press("Повторить", message=card)

    await gets_transcript(boris, "Беседа.ogg")
    await no_transcript_twice(boris)


async def test_while_a_provider_is_slow_or_down_the_cards_say_so_and_the_work_goes_on_by_itself(
    boris: ScriptedUser, troubled: TelegramServer, people: Any, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    vera, gleb = people.join(troubled), people.join(troubled)
    await gleb.send_file(await recording(tmp_path / "Глеб.ogg"), kind="audio", caption=INTERVIEW_CAPTION)
    await gets_transcript(gleb, "Глеб.ogg")
    await gleb.press("Подтвердить", timeout=LONG_S)
    questions, heard_before = Questions(endpoint), len(endpoint.asked(TRANSCRIPTIONS))
    endpoint.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, seconds=SLOW_S))
    endpoint.faults.add(status(503, path=TRANSCRIPTIONS, times=3), status(500, path=CHAT, times=3))

    async def slow() -> None:
        await boris.send_file(await recording(tmp_path / "Борис.ogg"), kind="audio")
        card = await boris.sees("Получаю")
        await gets_transcript(boris, "Борис.ogg")
        silences = [later - earlier for earlier, later in pairwise(card.changed_at)]
        assert max(silences) <= NEVER_SILENT_LONGER_S, silences

    async def down() -> None:
        path = await recording(tmp_path / "Вера.ogg")
        await endpoint.until_asked(TRANSCRIPTIONS, heard_before + 1)
        await vera.send_file(path, kind="audio")
        card = await vera.sees("⚠ Сервис распознавания не отвечает. Повторим в", timeout=LONG_S)
        assert_soon(card)
        await gets_transcript(vera, "Вера.ogg")

    async def no_reports() -> None:
        await gleb.press("2) Отчет о связках")
        assert_soon(await gleb.sees("⚠ 2) Отчет о связках: повторим в", timeout=LONG_S))
        await gleb.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
        assert_once(gleb)

    await asyncio.gather(slow(), down(), no_reports())

    for user in (boris, vera):
        await no_transcript_twice(user)
    questions.none_was_paid_twice()


def assert_soon(card: Message) -> None:
    """Check that a card names a time within the next minutes."""
    found = re.search(r"овторим в (\d\d):(\d\d)", card.text)
    assert found, card.text
    now = datetime.now().astimezone()
    minutes = (int(found[1]) * 60 + int(found[2]) - now.hour * 60 - now.minute) % (24 * 60)
    assert 0 <= minutes <= 2, card.text


async def test_a_flood_of_five_minutes_is_obeyed_in_its_chat_and_nobody_else_waits(
    boris: ScriptedUser, troubled: TelegramServer, people: Any, tmp_path: Path
) -> None:
    vera = people.join(troubled)
    troubled.faults.flood_wait("messages.SendMessage", 300)
    before = troubled.times_called("messages.SendMessage")
    await boris.send("/start")
    await troubled.calls_come("messages.SendMessage", before + 1)
    await boris.send_file(await recording(tmp_path / "Борис.ogg"), kind="audio")
    await vera.send_file(await recording(tmp_path / "Вера.ogg"), kind="audio")

    await gets_transcript(vera, "Вера.ogg")
    await asyncio.sleep(RESTS_S)

    assert not boris.chat.events(Happening.SENT, Happening.EDITED), boris.chat.storyboard(whole=True)
    assert len(live(vera, "✔ Готово")) == 1
