"""Buttons that nobody gave to those who press them: no one sees or changes what is another's, and nothing breaks."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markups.callback_data import SEPARATOR, Action
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from steps import CONFIRMATION, LONG_S, gets_transcript, live, recording
from telegram_events import Button, Happening
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

OUTDATED = "Эта кнопка устарела"
NO_WORD_IN_TIME = ""
"""A press that is handled slowly is answered with nothing before its handler has a word for it."""


def button(user: ScriptedUser, label: str) -> Button:
    return next(each for message in user.chat.from_bot for each in message.all_buttons if label in each.text)


async def test_nobody_touches_the_work_of_another(
    alone: ScriptedUser, crowd: Sequence[ScriptedUser], endpoint: OpenAIServer, tmp_path: Path
) -> None:
    anna, mallory = alone, crowd[1]
    endpoint.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, seconds=8))
    path = await recording(tmp_path / "Тайная беседа.ogg")
    await anna.send_file(path, kind="audio")
    incoming = await anna.sees("Получаю")
    own = [each.data or b"" for each in incoming.all_buttons]
    card = await anna.sees("⏳ Расшифровка", timeout=LONG_S)
    own += [each.data or b"" for each in card.all_buttons]
    assert any(data.startswith(b"cancel_card") for data in own), own
    looks = card.text

    for data in dict.fromkeys(own):
        answer = await mallory.press_data(card.id, data)
        assert answer.text in {OUTDATED, NO_WORD_IN_TIME}, data

    await gets_transcript(anna, "Тайная беседа.ogg")
    assert "№1" in looks
    assert not anna.chat.events(Happening.PRESSED)
    assert not any("Тайная" in event.text for event in mallory.chat.history), mallory.chat.storyboard(whole=True)


async def test_a_number_means_only_ones_own_recording(anna: ScriptedUser, heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    await boris.press("Подтвердить")
    menu = await boris.sees("Какой отчёт подготовить?")
    before = [event for event in boris.chat.history if event.kind is not Happening.TYPING]
    await anna.send("/start")
    place = await anna.sees("Главное меню")

    about_one = [
        action
        for action in Action
        if action.startswith(
            ("recording", "edit_", "confirm", "back_to", "skip", "choose", "reports_all", "transcript")
        )
    ]
    arguments = {Action.TRANSCRIPT_FILE: ["1", "srt"], Action.SKIP_FIELD: ["1", "date"]}
    arguments |= {Action.RECORDING_VISIBILITY: ["1", "private"]}
    arguments |= {Action.CHOOSE_BUILDING: ["hotel", "1", "all"]}
    for action in about_one:
        data = SEPARATOR.join([action, *arguments.get(action, ["1"])]).encode()
        answer = await anna.press_data(place.id, data)
        assert answer.text in {OUTDATED, NO_WORD_IN_TIME}, data
    for data in (b"report_int_links||1", b"report_file||1||docx", b"set_building||hotel||1", b"scenario||1||design"):
        answer = await anna.press_data(menu.id, data)
        assert answer.text in {OUTDATED, NO_WORD_IN_TIME}, data

    assert [event for event in boris.chat.history if event.kind is not Happening.TYPING] == before
    assert not any(message.file for message in anna.chat.from_bot)
    assert len(live(anna, "Главное меню")) == 1
    assert "Беседа" not in anna.chat.storyboard(whole=True)


async def test_rubbish_is_an_outdated_button_and_nothing_else(anna: ScriptedUser) -> None:
    await anna.send("/start")
    menu = await anna.sees("Главное меню")
    rng = random.Random(64)  # noqa: S311 - the same rubbish in every run
    rubbish = [
        *(rng.randbytes(64) for _ in range(5)),
        b"\x00",
        b"||",
        b"||||||",
        b"recording",
        b"recording||",
        b"recording||0",
        b"recording||-1",
        b"recording||1||1",
        b"recording||999999999999999999",
        b"recording||1; DROP TABLE recordings",
        b"recording||../../etc/passwd",
        b"mode_interview",
        b"mode_interview||x",
        b"transcript_file||1||exe",
        b"scenario_incoming||1||gossip",
        b"choose_building||casino||1||all",
        b"skip_field||1||soul",
        b"report",
        b"report_",
        b"report_no_such_thing||1",
        b"confirm_data",
        b"handle_main_menu",
        b"menu_chats",
        "меню".encode(),
        "🏠".encode() * 16,
    ]

    for data in rubbish:
        answer = await anna.press_data(menu.id, data)
        assert answer.text in {OUTDATED, NO_WORD_IN_TIME}, data
    await anna.press_data(10**9, b"menu_main")  # of a message that never was

    await anna.chat.until(lambda: len(live(anna, "Главное меню")) == 1, LONG_S, "one menu")
    answer = await anna.press("Хранилище")
    assert answer.text == ""
    await anna.sees("📦 Хранилище")


async def test_old_buttons_answer_by_what_is_true_now(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    card = await boris.sees(CONFIRMATION)
    old = [(card.id, each.data or b"") for each in card.all_buttons]
    await boris.press("Подтвердить")
    menu = await boris.sees("Какой отчёт подготовить?")
    old += [(menu.id, each.data or b"") for each in menu.all_buttons if "Только расшифровка" in each.text]
    await boris.press("Открыть")
    await boris.sees("🎙 Запись №1")

    for message, data in [*old, (menu.id, b"skip_field||1||date"), (menu.id, b"fill_in||1")]:
        await boris.press_data(message, data)
    await boris.press_data(menu.id, b"back_to_confirm||1")
    card = await boris.sees(CONFIRMATION)
    assert "номер файла: 17" in card.text
    assert "дата: 03.11.2025" in card.text, "a field was skipped that has a value"


async def test_many_people_press_rubbish_at_once(crowd: list[ScriptedUser], shared_telegram: TelegramServer) -> None:
    async def scenario(user: ScriptedUser) -> None:
        await user.send("/start")
        menu = await user.sees("Главное меню")
        answers = await asyncio.gather(*(user.press_data(menu.id, f"junk{n}".encode()) for n in range(5)))
        assert {answer.text for answer in answers} <= {OUTDATED, ""}
        await user.chat.until(lambda: len(live(user, "Главное меню")) == 1, LONG_S, "one menu")

    await asyncio.gather(*(scenario(user) for user in crowd))
    assert not shared_telegram.unknown_calls
