"""What people send by mistake or in spite: a sentence says what is wrong, nothing is lost, nothing is done twice."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from openai_answers import Heard as HeardPiece
from openai_answers import Messages, Samples, Schema, chat_answer, heard_sentence
from openai_server import OpenAIServer
from recording_files import encode, film, image, silence, truncated
from steps import (
    CONFIRMATION,
    FIRST_QUESTION,
    LONG_S,
    WHICH_SCENARIO,
    Questions,
    gets_transcript,
    in_fields,
    live,
    no_transcript_twice,
    recording,
    says_what_it_is,
    times_sent,
)
from telegram_events import Happening
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

GIBIBYTE = 2**30
HOSTILE = "<b>жирный</b> & [ссылка](tg://user?id=1) **x** `y` <script>"
LONG_NAME = "Оченьдлинное" * 400 + " имя"


async def refused(user: ScriptedUser, *reason: str) -> None:
    """Check that a file was refused with this sentence, once, and that nothing else came of it."""
    card = await user.sees("✖", timeout=LONG_S)
    await user.chat.until(lambda: card.contains(reason[0]), LONG_S, reason[0])
    for part in reason:
        assert part in card.text, card.text
    assert len(user.chat.from_bot) == 1, user.chat.storyboard()
    assert not [button for button in card.all_buttons if "Отменить" in button.text]


async def test_what_is_no_recording_is_refused_before_it_is_downloaded(
    crowd: Sequence[ScriptedUser], shared_telegram: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    text = tmp_path / "заметки.md"
    text.write_text("Это не запись.", encoding="utf-8")
    picture = await asyncio.to_thread(image, tmp_path / "фото.png")
    empty = tmp_path / "пустая.ogg"
    empty.touch()
    questions, downloads = Questions(endpoint), shared_telegram.times_called("upload.GetFile")
    document, photo, nothing, huge, nameless = crowd[:5]

    await document.send_file(text)
    await photo.send_file(picture, kind="document")
    await nothing.send_file(empty)
    await huge.send_file(None, kind="audio", file_name="сутки.mp3", claimed_size=3 * GIBIBYTE)
    await nameless.send_file(text, file_name="запись")

    await refused(document, "Не принято: заметки.md", "документ, а не запись", "Отправьте запись в формате")
    await refused(photo, "Не принято: фото.png", "не похож на аудио или видео")
    await refused(nothing, "Не принято: пустая.ogg", "пустой (0 байт)")
    await refused(huge, "Не принято: сутки.mp3", "занимает 3 ГБ, а предел — 2 ГБ", "разделите")
    await refused(nameless, "Не принято: запись", "не похож на аудио или видео")
    assert shared_telegram.times_called("upload.GetFile") == downloads
    assert not questions.asked()


async def test_what_only_looks_like_a_recording_is_refused_by_its_content(
    crowd: Sequence[ScriptedUser], endpoint: OpenAIServer, tmp_path: Path
) -> None:
    lie = tmp_path / "лекция.mp3"
    lie.write_text("MZ" + "это не звук " * 1000, encoding="utf-8")
    picture = await asyncio.to_thread(image, tmp_path / "картинка.mp4")
    mute = await asyncio.to_thread(film, tmp_path / "немое.mp4", 2, None)
    blip = await asyncio.to_thread(encode, tmp_path / "щелчок.wav", silence(0.2))
    cut = await recording(tmp_path / "обрыв.m4a")
    await asyncio.to_thread(truncated, cut, 0.5)  # what says how to read it stands at the end
    questions = Questions(endpoint)
    liar, painter, mime, clicker, cutter = crowd[:5]

    await liar.send_file(lie, kind="audio", mime="audio/mpeg")
    await painter.send_file(picture, kind="video", mime="video/mp4")
    await mime.send_file(mute, kind="video")
    await clicker.send_file(blip)
    await cutter.send_file(cut, kind="audio")

    await refused(liar, "Не принято: лекция.mp3", "не похож на аудио или видео")
    await refused(painter, "Не принято: картинка.mp4")
    await refused(mime, "Не принято: немое.mp4", "нет звуковой дорожки")
    await refused(clicker, "Не принято: щелчок.wav", "слишком короткая")
    await refused(cutter, "Не принято: обрыв.m4a", "повреждена или обрезана")
    assert not questions.asked()


async def test_a_recording_with_a_lying_mime_type_is_a_recording(anna: ScriptedUser, tmp_path: Path) -> None:
    await anna.send_file(await recording(tmp_path / "Беседа.ogg"), mime="application/x-msdownload")
    await gets_transcript(anna, "Беседа.ogg")


async def test_silence_and_half_a_recording_say_what_they_are(
    crowd: Sequence[ScriptedUser], endpoint: OpenAIServer, tmp_path: Path
) -> None:
    quiet, halved = crowd[:2]
    await quiet.send_file(await asyncio.to_thread(encode, tmp_path / "тишина.ogg", silence(5)), kind="audio")
    half = await recording(tmp_path / "половина.wav", 12)
    await halved.send_file(await asyncio.to_thread(truncated, half, 0.5), kind="audio")

    card = await quiet.sees("не слышно речи", timeout=LONG_S)
    assert "включён ли был микрофон" in card.text
    assert not times_sent(quiet, "📄 Расшифровка")
    await quiet.press("Открыть", message=card)
    await quiet.sees("🎙 Запись №1")

    await gets_transcript(halved, "половина.wav")
    await no_transcript_twice(halved)


@pytest.mark.parametrize("refusal", ["FILE_ID_INVALID", "FILE_REFERENCE_INVALID"])
async def test_a_forwarded_file_that_is_deleted_is_named(anna: ScriptedUser, tmp_path: Path, refusal: str) -> None:
    path = await recording(tmp_path / "удалённая.ogg")
    await anna.send_file(path, kind="audio", forwarded_from="Борис", refusal=refusal)

    await refused(anna, "Не принято: удалённая.ogg", "возможно, сообщение удалили", "Отправьте файл ещё раз")

    await anna.send_file(path, kind="audio")
    await gets_transcript(anna, "удалённая.ogg")


async def test_names_of_emoji_and_of_five_thousand_letters(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()
    await says_what_it_is(boris)
    await boris.press("По порядку", timeout=LONG_S)
    await boris.press("Пропустить", message=await boris.sees(FIRST_QUESTION))
    question = await boris.sees("Как зовут сотрудника?")
    for said, problem in (("👩‍👩‍👧‍👦🏳️‍🌈", "нет букв"), (LONG_NAME[:4096], "больше 200 знаков"), (" \u200b ", "")):
        await boris.send(said)
        question = await boris.sees("Как зовут сотрудника?", after=question)
        assert "Не получилось" in question.text
        assert problem in question.text
    assert "Пропустить" in question.text, "after three tries nobody was told how to go on"
    await boris.send(HOSTILE)
    question = await boris.sees("Какое заведение?", after=question)
    await boris.send("🏨 Заря")
    await boris.press("Отель")
    await boris.sees("Как зовут клиента?")
    await boris.press("Пропустить")

    card = await boris.sees(CONFIRMATION)
    assert "🏨 Заря" in card.text
    assert "[" in card.text
    assert "<" in card.text, "the markup swallowed what was typed"
    await boris.press("Подтвердить")
    await boris.sees("Какой отчёт подготовить?")


@contextmanager
def hostile(endpoint: OpenAIServer) -> Iterator[None]:
    """Let people say markup, and the model write it."""

    def transcriber(samples: Samples, _language: str | None) -> list[HeardPiece]:
        return [heard_sentence(0.0, len(samples) / 16000, HOSTILE)]

    def chat(messages: Messages, schema: Schema | None) -> str | object:
        return in_fields(chat_answer(messages, schema), f"{HOSTILE} </pre> &amp;") if schema else HOSTILE

    before = endpoint.transcriber, endpoint.chat
    endpoint.transcriber, endpoint.chat = transcriber, chat
    yield
    endpoint.transcriber, endpoint.chat = before


async def test_markup_in_names_captions_speech_and_reports_is_shown_as_it_is(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    path = await recording(tmp_path / "Беседа.ogg")
    name = "<b>Анна & «Ко»</b> {0} %s.ogg"
    caption = f"17\n03.11.2025\n{HOSTILE}\n{HOSTILE}\nлобби при отель\n{HOSTILE}"
    anna.name = HOSTILE
    with hostile(endpoint):
        await anna.send("/start")
        assert HOSTILE in (await anna.sees("Здравствуйте")).text
        await anna.send_file(path, kind="audio", file_name=name, caption=caption)
        await anna.sees("✔ Готово: _b_Анна & «Ко»__b_ {0} %s.ogg", timeout=LONG_S)
        transcript = await anna.sees(f"[Клиент:] {HOSTILE}", timeout=LONG_S)
        data = (await anna.sees(CONFIRMATION, timeout=LONG_S)).text
        await anna.press("Подтвердить")
        await anna.press("5) Анализ работы сотрудника")
        await anna.sees("Ещё отчёт по записи №1?", timeout=LONG_S)

    assert HOSTILE in transcript.text
    assert "<B>Жирный</B> & [Ссылка]" in data
    [report] = live(anna, "· Анализ работы сотрудника")
    assert "<b>жирный</b> &" in report.text
    assert "</pre>" in report.text
    assert not any(is_a_link(entity) for message in anna.chat.from_bot for entity in message.entities)


def is_a_link(entity: Any) -> bool:
    return "Url" in type(entity).__name__ or "Mention" in type(entity).__name__


async def test_a_file_name_of_emoji_or_without_end_is_shortened(crowd: Sequence[ScriptedUser], tmp_path: Path) -> None:
    names = ["🎙️👩‍👩‍👧‍👦🏳️‍🌈.ogg", "Я" * 5000 + ".ogg", "а/б\\в:г*?\u202egpj\n.ogg"]

    async def scenario(user: ScriptedUser, name: str) -> None:
        await user.send_file(await recording(tmp_path / f"{user.id}.ogg"), kind="audio", file_name=name)
        await user.sees("✔", timeout=LONG_S)
        await user.sees("Расшифровка 1", timeout=LONG_S)
        await user.press("Открыть")
        await user.sees("🎙 Запись №1")
        await user.press("Прослушать")
        await user.sees("▶ Запись №1", timeout=LONG_S)

    await asyncio.gather(*(scenario(user, name) for user, name in zip(crowd, names, strict=False)))


async def test_ten_taps_do_once_what_one_does(heard: Any, endpoint: OpenAIServer) -> None:
    boris: ScriptedUser = await heard.described()
    chat_before = len(boris.chat.events(Happening.SENT))

    async def tap_tenfold(label: str) -> None:
        message = await boris.sees(label)
        await asyncio.gather(*(boris.press(label, message=message) for _ in range(10)))

    await tap_tenfold("Подтвердить")
    await boris.sees("Какой отчёт подготовить?")
    questions = Questions(endpoint)
    await tap_tenfold("2) Отчет о связках")
    await boris.sees("Ещё отчёт по записи №1?", timeout=LONG_S)
    assert times_sent(boris, "· Отчет о связках · запись №1") == 1
    assert times_sent(boris, "📊 Готовлю отчёты") == 1
    assert times_sent(boris, "Ещё отчёт по записи №1?") == 1
    await tap_tenfold("DOCX")
    await boris.sees("Отчет о связках — ", timeout=LONG_S)
    await tap_tenfold("SRT")
    await boris.sees(".srt", timeout=LONG_S)

    await boris.send("/start")
    await boris.press("Хранилище")
    assert times_sent(boris, ".docx") == times_sent(boris, ".srt") == 1
    assert len(boris.chat.events(Happening.SENT)) == chat_before + 6, boris.chat.storyboard(whole=True)
    questions.none_was_paid_twice()


async def test_text_where_a_button_is_expected_is_answered(heard: Any) -> None:
    boris: ScriptedUser = await heard.undescribed()
    await boris.send("это интервью")
    await boris.sees("❓ это интервью")
    assert len(live(boris, WHICH_SCENARIO)) == 1, "the question was lost"
    await says_what_it_is(boris)
    await boris.sees(CONFIRMATION, timeout=LONG_S)


async def test_strangers_are_told_how_to_come_in(shared_telegram: TelegramServer, anna: ScriptedUser) -> None:
    stranger = shared_telegram.world.user("Чужой", id=66600)
    await anna.send("/start")
    menu = await anna.sees("Главное меню")

    await stranger.send("/start")
    told = await stranger.sees("по приглашению")
    assert "66600" in told.text
    await stranger.send_file(None, kind="audio", file_name="тайна.mp3", claimed_size=5)
    await stranger.press_data(menu.id, b"menu_storage")
    await stranger.press_data(menu.id, b"recording||1")
    assert stranger.chat.from_bot == [told]  # once an hour, whatever comes
    assert not told.buttons
