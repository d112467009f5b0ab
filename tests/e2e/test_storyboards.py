"""What a person sees in the main scenarios, from the first message to the last, as text to be read and compared.

After a change that is meant: ``STORYBOARDS=write pytest tests/e2e/test_storyboards.py``, then read the difference.
Times and sizes that differ from run to run are replaced; a progress card ends where it began, and a screen changes
where its button was pressed: what came between depends on the machine.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path

import pytest

import promises
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from recording_files import image
from reviewed_storyboards import is_as_reviewed
from steps import (
    AUDIT_CAPTION,
    CONFIRMATION,
    INTERVIEW_CAPTION,
    LONG_S,
    MENU,
    SENTENCE,
    gets_transcript,
    live,
    recording,
    says,
    says_what_it_is,
    writes,
)
from telegram_events import Event, Happening
from telegram_storyboard import everything
from telegram_user import ScriptedUser

_VARYING = (
    (r"\d+(,\d+)? (Б|КБ|МБ)\b", "<размер>"),
    (r"\d+(\.\d+)? (B|KiB|MiB)\b", "<size>"),
    (r"Заняло [^.]+\.", "Заняло <время>."),
    (r"voice_\d{4}-\d\d-\d\d_\d\d-\d\d", "voice_<сейчас>"),
    (r"Код для администратора: \w+", "Код для администратора: <код>"),
)

_LEFT_OUT = {Happening.TYPING, Happening.DELETED, Happening.ANSWERED}
"""What depends on the machine: what is replaced goes a moment later, a slow handler's word over a button is lost."""

Storyboard = Callable[[ScriptedUser, str], None]


def told(user: ScriptedUser) -> str:
    """Everything that happened in a chat, the same in every run."""
    events = [event for event in user.chat.history if event.kind not in _LEFT_OUT]
    cards = {card.id for card in promises.progress_cards(user.chat)}
    ends = {card: user.chat.events(Happening.EDITED, message=user.world.messages[card])[-1:] for card in cards}
    ranked: list[tuple[float, Event]] = []
    for place, event in enumerate(events):
        if event.kind is not Happening.EDITED:
            ranked.append((place, event))
        elif event.message_id not in cards:
            ranked.append((_last(events[:place], Happening.PRESSED, event.message_id) + 0.5, event))
        elif event in ends[event.message_id]:
            ranked.append((_last(events[:place], Happening.SENT, event.message_id) + 0.5, event))
    text = everything(user.name, [event for _, event in sorted(ranked, key=itemgetter(0))])
    text = text.replace(f"{datetime.now().astimezone():%d.%m.%Y}", "<сегодня>")
    for pattern, put in _VARYING:
        text = re.sub(pattern, put, text, flags=re.MULTILINE)
    return text + "\n"


def _last(before: Sequence[Event], kind: Happening, message_id: int) -> int:
    """Where a message was last pressed, or sent."""
    return max(place for place, event in enumerate(before) if (event.kind, event.message_id) == (kind, message_id))


@pytest.fixture(autouse=True)
def one_name(anna: ScriptedUser) -> None:
    """Whoever it is whose turn it is has the same name in every story."""
    anna.name = "Анна"


@pytest.fixture
def storyboard() -> Storyboard:
    def compare(user: ScriptedUser, name: str) -> None:
        is_as_reviewed(name, told(user))

    return compare


async def test_from_the_first_word_to_a_report(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path, storyboard: Storyboard
) -> None:
    await anna.send("/start")
    await anna.sees(MENU)
    with says(endpoint, 2), writes(endpoint, f"## Вывод\n\n**Важно:** {SENTENCE}"):
        await anna.send_file(await recording(tmp_path / "Беседа с гостем.ogg"), kind="audio")
        await gets_transcript(anna, "Беседа с гостем.ogg")
        await says_what_it_is(anna)
        await anna.press("Подтвердить", timeout=LONG_S)
        await anna.press("3) Общие факторы")
        await anna.press("Отель")
        await anna.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
        await anna.sees("Отчёты готовы", timeout=LONG_S)
    storyboard(anna, "first_report")


async def test_questions_field_by_field(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path, storyboard: Storyboard
) -> None:
    with says(endpoint, 1):
        await anna.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio", caption="17\n31.02.2026")
        await gets_transcript(anna, "Беседа.ogg")
        await says_what_it_is(anna)
        await anna.press("По порядку", timeout=LONG_S)
        question = await anna.sees("Дата записи?")
    for said, asked in (
        ("31.02.2026", "нет в календаре"),
        ("03.11.2099", "ещё не наступила"),
        ("03.11.2025", "Как зовут сотрудника?"),
        ("иванова мария", "Какое заведение?"),
        ("о заре", "Тип заведения?"),
    ):
        await anna.send(said)
        question = await anna.sees(asked, after=question)
    await anna.press("Отель")
    await anna.sees("Как зовут клиента?")
    await anna.press("⏭ Пропустить")
    await anna.sees(CONFIRMATION)
    await anna.press("Зона")
    question = await anna.sees("Какие зоны?")
    await anna.send("номера, лобби")
    await anna.sees(CONFIRMATION, after=question)
    await anna.press("Подтвердить")
    await anna.sees("Какой отчёт подготовить?")
    storyboard(anna, "questions")


async def test_an_audit_with_a_caption_and_the_same_file_again(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path, storyboard: Storyboard
) -> None:
    path = await recording(tmp_path / "Аудит.ogg")
    with says(endpoint, 1):
        await anna.send_file(path, kind="voice", caption=AUDIT_CAPTION)
        await anna.sees(CONFIRMATION, timeout=LONG_S)
        await anna.sees("✔ Готово", timeout=LONG_S)
    await anna.press("Подтвердить")
    await anna.press("Только расшифровка")
    await anna.send_file(path, kind="audio", file_name="Копия.ogg")
    await anna.sees("Эта запись уже есть: №1", timeout=LONG_S)
    await anna.press("Открыть", message=live(anna, "уже есть")[0])
    await anna.sees("🎙 Запись №1")
    await anna.press("Удалить")
    await anna.press("Да, удалить")
    await anna.sees("удалена")
    storyboard(anna, "audit")


async def test_what_cannot_be_done(
    alone: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path, storyboard: Storyboard
) -> None:
    anna = alone
    await anna.send("/start")
    menu = await anna.sees(MENU)
    await anna.send("/sleep")
    await anna.sees("Такой команды нет")
    await anna.press_data(menu.id, b"no_such_thing")
    await anna.sees(MENU, after=menu)
    await anna.send_file(await asyncio.to_thread(image, tmp_path / "фото.png"))
    await anna.sees("Не принято: фото.png")
    await anna.send_file(None, kind="audio", file_name="сутки.mp3", claimed_size=3 * 2**30)
    await anna.sees("Не принято: сутки.mp3")
    fake = tmp_path / "лекция.mp3"
    fake.write_text("это не звук " * 1000, encoding="utf-8")
    await anna.send_file(fake, kind="audio")
    await anna.sees("Не принято: лекция.mp3", timeout=LONG_S)
    heard_before = len(endpoint.asked(TRANSCRIPTIONS))
    endpoint.faults.add(Fault(Kind.HANG, path=TRANSCRIPTIONS))
    await anna.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio", caption=INTERVIEW_CAPTION)
    card = await anna.sees("⏳ Расшифровка", timeout=LONG_S)
    await endpoint.until_asked(TRANSCRIPTIONS, heard_before + 1)
    await anna.press("Отменить", message=card)
    await anna.sees("✖ Отменено: Беседа.ogg", timeout=LONG_S)
    await anna.send("/cancel")
    await anna.sees("Отменять нечего.")
    storyboard(anna, "refusals")
