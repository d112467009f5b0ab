"""What people get: transcripts in every form, short and long, and the reports they choose."""

import io
import json
import re
from pathlib import Path
from typing import Any

import docx
import pytest
from pypdf import PdfReader

from openai_server import OpenAIServer
from steps import (
    CONFIRMATION,
    LONG_S,
    MENU,
    SENTENCE,
    gets_transcript,
    live,
    recording,
    says,
    says_what_it_is,
    times_sent,
    writes,
)
from telegram_events import Message
from telegram_user import ScriptedUser

INLINE = 1200
PREVIEW = 300


async def file_named(user: ScriptedUser, part: str, after: Message | None = None) -> Message:
    """Wait for a file from the bot."""
    return await user.chat.until(
        lambda: next(
            (
                each
                for each in user.chat.from_bot
                if each.file and part in each.file.name and (after is None or each.id > after.id)
            ),
            None,
        ),
        LONG_S,
        f"file {part}",
    )


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


async def test_a_transcript_comes_in_every_form_that_is_asked_for(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()
    shown = await boris.sees("📄 Расшифровка · №1")
    text = next(each for each in live(boris, "📄 Расшифровка · №1") if each.file is None)
    said = words(text.text.split("\n\n")[1])
    files = {"txt": await boris.downloads(await file_named(boris, ".txt"))}
    for extension in ("docx", "pdf", "srt", "vtt", "json"):
        await boris.press(extension.upper(), message=text)
        files[extension] = await boris.downloads(await file_named(boris, f".{extension}", after=shown))

    spoken = {
        "txt": files["txt"].decode("utf-8-sig"),
        "docx": "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(files["docx"])).paragraphs),
        "pdf": " ".join(page.extract_text() for page in PdfReader(io.BytesIO(files["pdf"])).pages),
        "srt": files["srt"].decode("utf-8-sig"),
        "vtt": files["vtt"].decode("utf-8"),
        "json": " ".join(segment["text"] for segment in json.loads(files["json"])["segments"]),
    }
    for extension, content in spoken.items():
        assert " ".join(said[-5:]) in " ".join(words(content)), (extension, content)
    assert re.match(r"1\r?\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\r?\n", spoken["srt"])
    assert spoken["vtt"].startswith("WEBVTT")
    assert "00:00:0" in spoken["vtt"]
    assert len(live(boris, "📄 Расшифровка")) == 7, boris.chat.storyboard()


@pytest.mark.parametrize(("sentences", "whole"), [(3, True), (60, False)])
async def test_a_long_transcript_is_a_preview_and_a_file_a_short_one_is_shown_whole(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path, sentences: int, whole: bool
) -> None:
    with says(endpoint, sentences):
        await anna.send_file(await recording(tmp_path / "Беседа.ogg", 6), kind="audio")
        message = await gets_transcript(anna, "Беседа.ogg")

    file = (await anna.downloads(await file_named(anna, ".txt"))).decode("utf-8-sig")
    assert words(file).count("завтрак") == sentences
    shown = message.text.split("\n\n")[1]
    if whole:
        assert words(shown).count("завтрак") == sentences
        assert not shown.endswith("…")
    else:
        assert len(shown) <= PREVIEW
        assert shown.endswith("…")
        assert words(shown)[-1] in words(SENTENCE) or words(shown)[-1].isdigit(), "cut inside a word"


async def test_one_report_then_another(heard: Any, endpoint: OpenAIServer) -> None:
    boris: ScriptedUser = await heard.described()
    await boris.press("Подтвердить")
    menu = await boris.sees("Какой отчёт подготовить?")

    with writes(endpoint, f"{SENTENCE} " * 30, also_in_fields=True):
        await boris.press("5) Анализ работы сотрудника", message=menu)
        # A press is answered after a quarter of a second, whether its screen is there by then or not.
        assert await boris.sees("Заказано по записи №1: 5) Анализ работы сотрудника") is menu
        await boris.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
    [report] = [each for each in live(boris, "· Анализ работы сотрудника · запись №1") if not each.file]
    body = report.text.split("\n\n")
    assert "Отчёт целиком — в файле." in body
    assert len("\n\n".join(body[1 : body.index("Отчёт целиком — в файле.")])) <= PREVIEW
    assert "Качество вопросов" in report.text
    whole = docx.Document(io.BytesIO(await boris.downloads(await file_named(boris, "Анализ работы сотрудника"))))
    assert "\n".join(paragraph.text for paragraph in whole.paragraphs).count(SENTENCE) >= 30

    await boris.press("Выбрать отчёт")
    await boris.sees("Какой отчёт подготовить?")
    await boris.press("2) Отчет о связках")
    await boris.chat.until(lambda: times_sent(boris, "Ещё отчёт по записи №1?") == 2, LONG_S, "the second report")
    [short] = live(boris, "· Отчет о связках · запись №1")
    assert "Выявлено связок" in short.text
    assert len(live(boris, "Ещё отчёт по записи №1?")) == 1
    assert times_sent(boris, "· Анализ работы сотрудника · запись №1") == 2, "a report came twice"

    before = await boris.sees("Ещё отчёт по записи №1?")
    await boris.press("DOCX", message=short)
    await file_named(boris, "Отчет о связках", after=before)


async def test_a_report_that_depends_on_the_building_asks_for_it_once(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()
    await says_what_it_is(boris)
    await boris.sees(CONFIRMATION, timeout=LONG_S)
    await boris.press("Подтвердить")
    menu = await boris.sees("Какой отчёт подготовить?")

    await boris.press("3) Общие факторы", message=menu)
    assert await boris.sees("Выберите тип заведения:") is menu
    await boris.press("Назад", message=menu)
    assert await boris.sees("Какой отчёт подготовить?") is menu
    await boris.press("3) Общие факторы", message=menu)
    await boris.press("Ресторан", message=menu)
    await boris.sees("Ещё отчёт по записи №1?", timeout=LONG_S)

    await boris.press("Выбрать отчёт")
    await boris.press("4) Факторы в этом заведении")
    await boris.chat.until(lambda: times_sent(boris, "Ещё отчёт по записи №1?") == 2, LONG_S, "the second report")
    for label in ("Общие факторы", "Факторы в этом заведении"):
        assert len([each for each in live(boris, f"· {label} · запись №1") if not each.file]) == 1


async def test_only_the_transcript_can_be_wanted(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()

    await says_what_it_is(boris, "Только расшифровка")
    question = await boris.sees("Запись №1: Только расшифровка.")
    assert not question.buttons

    await boris.send("/start")
    await boris.sees(MENU)
    assert not any(times_sent(boris, part) for part in ("🏷", CONFIRMATION, "Какой отчёт")), boris.chat.storyboard()


async def test_reports_can_be_declined_and_ordered_later(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    await boris.press("Подтвердить")
    await boris.press("Только расшифровка")
    await boris.sees("Хорошо, только расшифровка. Отчёты по записи №1 можно заказать позже")

    await boris.press("Открыть запись")
    await boris.press("Отчёты")
    await boris.press("1) Оценка методологии интервью")
    await boris.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
    assert len([each for each in live(boris, "· Оценка методологии интервью · запись №1") if not each.file]) == 1
