"""People send recordings in every way that Telegram has, one or many; each is taken in once, whatever they press."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from bot import Bot
from constants import RECORDING_EXTENSIONS
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from steps import (
    INTERVIEW_CAPTION,
    LONG_S,
    WHICH_SCENARIO,
    Questions,
    gets_transcript,
    live,
    no_transcript_twice,
    recording,
    shown,
    times_sent,
)
from telegram_events import Happening
from telegram_server import TelegramServer
from telegram_user import AlbumFile, ScriptedUser

OWNER = 1000
MEBIBYTE = 2**20


async def test_every_kind_of_message_with_sound_becomes_a_transcript(
    crowd: Sequence[ScriptedUser], tmp_path: Path
) -> None:
    kinds = [("voice", "a.ogg"), ("video_note", "b.mp4"), ("audio", "c.mp3"), ("video", "d.mp4"), ("document", "e.wav")]

    async def scenario(user: ScriptedUser, kind: str, name: str) -> None:
        await user.send_file(await recording(tmp_path / name), kind=kind)
        await user.sees("✔ Готово", timeout=LONG_S)
        await user.sees("Расшифровка 1", timeout=LONG_S)
        assert len(live(user, "✔ Готово")) == 1
        await no_transcript_twice(user)

    await asyncio.gather(*(scenario(user, *kind) for user, kind in zip(crowd, kinds, strict=False)))


async def test_documents_are_taken_with_every_extension_that_the_help_names(
    crowd: Sequence[ScriptedUser], tmp_path: Path
) -> None:
    names = [f"Запись.{extension}" for extension in sorted(RECORDING_EXTENSIONS)]

    async def scenario(user: ScriptedUser, own: Sequence[str]) -> None:
        for name in own:
            await user.send_file(await recording(tmp_path / str(user.id) / name))
        for name in own:
            await gets_transcript(user, name)

    shares = [names[start :: len(crowd)] for start in range(len(crowd))]
    await asyncio.gather(*(scenario(user, share) for user, share in zip(crowd, shares, strict=True)))


async def test_the_owner_loads_a_document_once_and_removes_it(
    shared_bot: Bot, shared_telegram: TelegramServer, tmp_path: Path
) -> None:
    owner = shared_telegram.world.user("Ольга", id=OWNER)
    path = tmp_path / "Стандарты сети.md"
    path.write_text("# Завтрак\nКашу подают горячей, с семи до одиннадцати.", encoding="utf-8")
    await owner.send_file(path)
    card = await owner.sees("📥 Получаю: Стандарты сети.md")
    await owner.chat.until(lambda: card.contains("📚 Документ №1 загружен: Стандарты сети.md"), LONG_S, "it is loaded")
    again = await owner.send_file(path)
    known = await owner.sees("📥 Получаю: Стандарты сети.md", after=again)
    await owner.chat.until(lambda: known.contains("📚 Этот документ уже загружен: №1"), LONG_S, "it is known")
    await owner.press("Открыть", message=card)
    await owner.sees("Загружен")
    await owner.press("🗑 Удалить")
    await owner.press("🗑 Да, удалить")
    await owner.sees("Пока ни одного.")
    await owner.press("Назад")
    assert "📚 Документы" in [button.text for button in (await owner.sees("📦 Хранилище")).all_buttons]


async def test_an_invited_person_works_until_the_owner_blocks_them(
    shared_bot: Bot, shared_telegram: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    owner, zoya = shared_telegram.world.user("Ольга", id=OWNER), shared_telegram.world.user("Зоя", id=OWNER + 900)
    await owner.send("/start")
    for label in ("Системная", "👥 Доступ", "✉️", "➕", "Исследователь", "Один"):
        await owner.press(label)
    link = re.search(r"t\.me/(\w+)\?start=([\w-]+)", (await owner.sees("t.me/")).text)
    assert link
    assert link[1] == shared_telegram.world.bot_username
    await zoya.send(f"/start {link[2]}")
    await zoya.sees("Ваша роль: исследователь")
    await zoya.sees("Здравствуйте, Зоя!")

    endpoint.faults.add(Fault(Kind.SLOW, path=TRANSCRIPTIONS, seconds=6))
    await zoya.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio")
    await zoya.sees("⏳ Расшифровка", timeout=LONG_S)
    menu = await owner.send("/start")
    await owner.sees("Главное меню", after=menu)
    for label in ("Системная", "👥 Доступ", "👤 Люди", "🔎 Найти"):
        await owner.press(label)
    await owner.sees("Напишите")
    await owner.send("Зоя")
    for label in ("Зоя · исследователь", "🚫 Заблокировать", "🚫 Да"):
        await owner.press(label)
    await owner.sees("заблокирован")
    await zoya.sees("✖ Отменено: Беседа.ogg", timeout=LONG_S)
    said = await zoya.send("/status")
    await zoya.sees("по приглашению", after=said)
    await owner.press("✅ Разблокировать")
    await owner.sees("Роль: исследователь")
    said = await zoya.send("/start")
    await zoya.sees("Здравствуйте, Зоя!", after=said)
    assert not times_sent(zoya, "Расшифровка 1")


async def test_an_album_of_three_is_three_recordings(anna: ScriptedUser, tmp_path: Path) -> None:
    names = ["первая.ogg", "вторая.ogg", "третья.ogg"]
    captions = ["", "", INTERVIEW_CAPTION]  # where a phone's client puts it under files
    files = zip(names, captions, strict=True)
    await anna.send_album(*[AlbumFile(await recording(tmp_path / name), caption=said) for name, said in files])

    for name in names:
        await gets_transcript(anna, name)
    cards = [card.text for card in live(anna, "✔ Готово")]
    assert sorted(number for card in cards for number in ("№1", "№2", "№3") if number in card) == ["№1", "№2", "№3"]
    assert not times_sent(anna, WHICH_SCENARIO), "the caption says it of all three"
    await no_transcript_twice(anna)


async def test_a_forwarded_series_is_taken_in_file_by_file(anna: ScriptedUser, tmp_path: Path) -> None:
    for position in (1, 2, 3):
        path = await recording(tmp_path / f"диктофон {position}.m4a")
        await anna.send_file(path, kind="audio", forwarded_from="Борис")

    for position in (1, 2, 3):
        await gets_transcript(anna, f"диктофон {position}.m4a")
    await anna.press("📦 Открыть")
    await anna.sees("↪ Переслано: Борис")
    await no_transcript_twice(anna)


async def test_ten_people_at_once_each_get_their_own(
    crowd: Sequence[ScriptedUser], endpoint: OpenAIServer, tmp_path: Path
) -> None:
    questions = Questions(endpoint)

    async def scenario(user: ScriptedUser) -> None:
        name = f"запись {user.id}.ogg"
        await user.send_file(await recording(tmp_path / name), kind="audio")
        await gets_transcript(user, name)

    await asyncio.gather(*(scenario(user) for user in crowd))

    for user in crowd:
        others = [other for other in crowd if other is not user]
        assert not any(times_sent(user, str(other.id)) for other in others), user.chat.storyboard()
        await no_transcript_twice(user)
    questions.none_was_paid_twice()


async def test_the_same_file_again_is_recognised(anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path) -> None:
    questions = Questions(endpoint)
    path = await recording(tmp_path / "Беседа.ogg")
    await anna.send_file(path, kind="audio")
    await gets_transcript(anna, "Беседа.ogg")

    await anna.send_file(path, kind="document", file_name="Копия.ogg")
    known = await anna.sees("Эта запись уже есть: №1", timeout=LONG_S)
    await no_transcript_twice(anna)

    await anna.press("Открыть", message=known)
    await anna.sees("🎙 Запись №1")

    await anna.press("Обработать ещё раз", message=known)
    again = await anna.sees("🎙 Обрабатываю: Беседа.ogg · №1")
    await anna.chat.until(lambda: again.contains("✔ Готово"), LONG_S, "the end of another processing")
    await anna.chat.until(lambda: times_sent(anna, "📄 Расшифровка · №1") == 4, LONG_S, "the transcript once more")
    questions.none_was_paid_twice()


async def test_a_file_of_25_megabytes_comes_in_whole_and_goes_back_the_same(anna: ScriptedUser, tmp_path: Path) -> None:
    path = await recording(tmp_path / "Длинная беседа.wav", seconds=30)
    with path.open("ab") as file:  # what stands behind the last chunk is no sound
        file.write(bytes(25 * MEBIBYTE - path.stat().st_size))
    await anna.send_file(path, kind="audio")

    await anna.sees("Получаю: Длинная беседа.wav · 25 МБ")
    await gets_transcript(anna, "Длинная беседа.wav")
    await anna.press("Открыть")
    await anna.press("Прослушать")
    original = await anna.chat.until(
        lambda: next((each for each in anna.chat.from_bot if each.file and each.file.name == path.name), None),
        LONG_S,
        "the original",
    )
    assert await anna.downloads(original) == path.read_bytes()


async def test_work_that_is_cancelled_in_the_middle_goes_on_where_it_was(
    alone: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    anna, questions = alone, Questions(endpoint)
    path = await recording(tmp_path / "Беседа.ogg")
    heard_before = len(endpoint.asked(TRANSCRIPTIONS))
    endpoint.faults.add(Fault(Kind.HANG, path=TRANSCRIPTIONS))
    await anna.send_file(path, kind="audio")
    card = await anna.sees("⏳ Расшифровка", timeout=LONG_S)
    await endpoint.until_asked(TRANSCRIPTIONS, heard_before + 1)

    await anna.press("Отменить", message=card)
    await anna.chat.until(lambda: card.contains("✖ Отменено: Беседа.ogg"), LONG_S, "the end of the card")
    assert card.contains("Запись сохранена.")
    assert not times_sent(anna, "📄 Расшифровка")

    await anna.press("Повторить", message=card)
    await gets_transcript(anna, "Беседа.ogg")
    assert card.contains("✖ Отменено"), "a card that has ended changed"
    await no_transcript_twice(anna)
    questions.none_was_paid_twice()


async def test_a_download_that_is_cancelled_leaves_nothing_and_can_be_sent_again(
    anna: ScriptedUser, shared_bot: Bot, shared_telegram: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    questions = Questions(endpoint)
    path = await recording(tmp_path / "Беседа.wav")
    with path.open("ab") as file:
        file.write(bytes(8 * MEBIBYTE))
    shared_telegram.faults.flood_wait("upload.GetFile", 5, after=2)  # a pause in the middle of the download
    await anna.send_file(path, kind="audio")
    card = await anna.sees("Получаю: Беседа.wav")

    await anna.press("Отменить", message=card)
    await anna.chat.until(lambda: card.contains("✖ Отменено: Беседа.wav"), LONG_S, "the end of the card")
    assert not card.buttons
    shared_telegram.faults.pending.clear()

    await anna.send_file(path, kind="audio")
    await gets_transcript(anna, "Беседа.wav")
    assert not any((shared_bot.product.state / "spool" / "incoming").iterdir()), "a part was left behind"
    assert not any(shown(event, "уже есть") for event in anna.chat.events(Happening.EDITED))
    questions.none_was_paid_twice()
