"""What a recording is: from its caption, or asked field by field, confirmed and changed on a card."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from bot import Bot
from openai_server import OpenAIServer
from steps import (
    AUDIT_CAPTION,
    CONFIRMATION,
    FIRST_QUESTION,
    LONG_S,
    MENU,
    WHICH_SCENARIO,
    gets_transcript,
    live,
    recording,
    says,
    says_what_it_is,
    times_sent,
)
from telegram_user import ScriptedUser

QUESTIONS = (
    FIRST_QUESTION,
    "Дата записи?",
    "Как зовут сотрудника?",
    "Какое заведение?",
    "Тип заведения?",
    "Как зовут клиента?",
)
REPORTS_MENU = "Какой отчёт подготовить?"


async def test_a_caption_of_six_lines_leaves_nothing_to_ask_about_an_interview(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()

    card = await boris.sees(CONFIRMATION)
    for line in (
        "номер файла: 17",
        "дата: 03.11.2025",
        "ФИО сотрудника: Иванова Мария",
        "заведение: Гранд Отель Заря",
        "тип заведения: Отель",
        "зона: лобби",
        "ФИО клиента: Петров Иван",
    ):
        assert line in card.text
    assert not any(times_sent(boris, question) for question in (*QUESTIONS, WHICH_SCENARIO))

    await boris.press("Подтвердить")
    menu = await boris.sees(REPORTS_MENU)
    assert "Данные записи №1 сохранены" in menu.text


async def test_a_caption_of_seven_lines_leaves_nothing_to_ask_about_an_audit(
    anna: ScriptedUser, tmp_path: Path
) -> None:
    await anna.send_file(await recording(tmp_path / "Аудит.ogg"), kind="audio", caption=AUDIT_CAPTION)
    await gets_transcript(anna, "Аудит.ogg")

    card = await anna.sees(CONFIRMATION, timeout=LONG_S)
    for line in ("номер файла: 18", "заведение: Ресторан Волга", "тип заведения: Ресторан", "город: Нижний Новгород"):
        assert line in card.text
    assert "зал, веранда" in card.text
    assert not any(times_sent(anna, question) for question in (*QUESTIONS, WHICH_SCENARIO))


async def test_of_a_caption_what_is_missing_or_wrong_is_asked_and_the_rest_is_kept(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    caption = "17\n31.02.2026\nиванова мария"
    await anna.send_file(await recording(tmp_path / "Беседа.ogg"), kind="audio", caption=caption)
    await says_what_it_is(anna)

    await anna.press("По порядку", timeout=LONG_S)
    question = await anna.sees("Дата записи?")
    answers = (
        ("31.02.2026", "даты 31.02.2026 нет в календаре", "Дата записи?"),
        ("03.11.2099", "дата 03.11.2099 ещё не наступила", "Дата записи?"),
        ("утром", "«утром» не похоже на дату", "Дата записи?"),
        ("03.11.2025", "", "Какое заведение?"),
        ("об отеле «Заря»", "", "Тип заведения?"),
        ("гостиный двор", "не понятно, что такое «гостиный двор»", "Тип заведения?"),
    )
    for said, problem, asked in answers:
        await anna.send(said)
        question = await anna.sees(asked, after=question)
        assert problem in question.text
        assert len([each for each in anna.chat.from_bot if "🏷" in each.text]) <= 2
    await anna.press("Центр здоровья")
    await anna.sees("Как зовут клиента?")
    with says(endpoint, "Петров Иван."):
        await anna.send_file(await recording(tmp_path / "Имя.ogg", 2), kind="voice", duration=2)
        await anna.sees("🎤 Вы сказали: «Петров Иван.»", timeout=LONG_S)

    card = await anna.sees(CONFIRMATION)
    for line in ("номер файла: 17", "дата: 03.11.2025", "сотрудника: Иванова Мария", "тип заведения: Центр здоровья"):
        assert line in card.text
    assert "заведение: Отель «Заря»" in card.text
    assert "клиента: Петров Иван" in card.text
    assert not times_sent(anna, FIRST_QUESTION)
    await anna.chat.until(lambda: not live(anna, "🏷"), LONG_S, "the end of the questions")


async def test_any_field_is_changed_from_the_card_and_back_leads_back(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()

    await boris.press("Изменить")
    await boris.press("Назад")
    await boris.sees(CONFIRMATION)

    await boris.press("Изменить")
    await boris.press("Дата")
    question = await boris.sees("Дата записи?")
    assert "Сейчас: 03.11.2025" in question.text
    await boris.press("Назад")
    assert "дата: 03.11.2025" in (await boris.sees(CONFIRMATION)).text

    changes = (
        ("Номер файла", "номер 21, кажется", "номер файла: 21"),
        ("Дата", "2025-11-04", "дата: 04.11.2025"),
        ("ФИО сотрудника", "сидорова анна-мария", "ФИО сотрудника: Сидорова Анна-Мария"),
        ("Заведение", "про ресторан волга", "заведение: Ресторан Волга"),
        ("Тип заведения", "спа при ресторане", "тип заведения: Ресторан"),
        ("Зона", "-", "зона: —"),
        ("ФИО клиента", "смирнов олег", "ФИО клиента: Смирнов Олег"),
    )
    for label, said, line in changes:
        await boris.press("Изменить")
        await boris.press(label)
        question = await boris.sees("Сейчас:")
        await boris.send(said)
        card = await boris.sees(CONFIRMATION, after=question)
        assert line in card.text
    await boris.press("Изменить")
    await boris.press("Тип заведения")
    await boris.press("Отель")
    await boris.sees("тип заведения: Отель")

    await boris.press("Подтвердить")
    await boris.sees(REPORTS_MENU)
    assert len(live(boris, CONFIRMATION)) == 0


async def test_who_has_used_an_hour_of_voice_notes_up_in_the_middle_of_a_form_goes_on_by_typing(
    heard: Any, shared_bot: Bot, tmp_path: Path
) -> None:
    boris: ScriptedUser = await heard.described()
    with psycopg.connect(shared_bot.product.settings["DATABASE_URL"], autocommit=True) as connection:
        used = (
            "INSERT INTO hourly_uses (feature, owner_id) SELECT 'recognition', id FROM users, generate_series(1, 20) "
        )
        connection.execute(f"{used} WHERE telegram_id = %s", (boris.id,))
    await boris.press("Изменить")
    await boris.press("ФИО клиента")
    question = await boris.sees("Сейчас:")
    await boris.send_file(await recording(tmp_path / "Имя.ogg", 2), kind="voice", duration=2)
    told = await boris.sees("Голосовое не слушал", timeout=LONG_S)
    assert "не больше 20 раз" in told.text
    assert "Вопрос, на который вы отвечали, открыт: напишите ответ словами" in told.text
    assert question in live(boris, "Сейчас:"), "the step is still open"
    await boris.send("смирнов олег")
    assert "ФИО клиента: Смирнов Олег" in (await boris.sees(CONFIRMATION, after=question)).text


async def test_text_where_a_button_is_expected_gets_a_hint_and_loses_nothing(heard: Any) -> None:
    boris: ScriptedUser = await heard.described()
    first = await boris.sees(CONFIRMATION)

    await boris.send("всё верно")

    card = await boris.sees(CONFIRMATION, after=first)
    assert "Здесь нужна кнопка, а не текст" in card.text
    assert "номер файла: 17" in card.text
    await boris.sees_no_more(first)
    await boris.press("Подтвердить")
    await boris.sees(REPORTS_MENU)

    await boris.send("первый отчёт, пожалуйста")
    await boris.sees("❓ первый отчёт, пожалуйста")


async def test_cancel_leaves_every_question_and_the_next_recording_has_its_turn(
    crowd: Sequence[ScriptedUser], tmp_path: Path
) -> None:
    async def scenario(user: ScriptedUser, places: Sequence[int]) -> None:
        await user.send("/cancel")
        await user.sees("Отменять нечего.")
        for place in places:
            # A person who has cancelled is not asked about other recordings until the next is sent.
            await user.send_file(await recording(tmp_path / f"{user.id} {place}.ogg", 2), kind="audio")
            await user.press("Интервью", timeout=LONG_S)
            await user.press("По порядку", timeout=LONG_S)
            question = await user.sees(FIRST_QUESTION)
            for later in (each for each in QUESTIONS[1 : place + 1] if each != "Дата записи?"):
                await user.press("Пропустить", message=question)
                await user.sees(later)
            assert len(live(user, "🏷 Запись №")) == 1, "two recordings were asked about at once"
            said = await user.send("/cancel")
            await user.sees("Вопросы отменены, введённое сохранено", after=said)
            await user.sees_no_more(question)
        await user.send("17")
        await user.sees("❓ 17")

    # A chat takes about a message a second.
    shares = [range(start, len(QUESTIONS), 3) for start in range(3)]
    await asyncio.gather(*(scenario(user, share) for user, share in zip(crowd, shares, strict=False)))


async def test_cancel_leaves_a_change_from_the_card_and_keeps_the_data(heard: Any) -> None:
    async def scenario(labels: Sequence[str]) -> None:
        user: ScriptedUser = await heard.described()
        await user.press("Подтвердить")
        await user.sees(REPORTS_MENU)
        for label in labels:
            await user.press("Открыть", message=live(user, "✔ Готово")[0])
            await user.press("Данные")
            await user.press("Изменить")
            await user.press(label)
            await user.sees("Сейчас:")
            said = await user.send("/cancel")
            menu = await user.sees(MENU, after=said)
            assert "введённое сохранено" in menu.text
        await user.press("Открыть", message=live(user, "✔ Готово")[0])
        assert "Петров Иван" in (await user.sees("🎙 Запись №1")).text

    labels = ("Номер файла", "Дата", "ФИО сотрудника", "Заведение", "Тип заведения", "Зона", "ФИО клиента")
    await asyncio.gather(*(scenario(labels[start::3]) for start in range(3)))


async def test_two_recordings_at_once_are_asked_about_one_after_the_other(anna: ScriptedUser, tmp_path: Path) -> None:
    first, second = await asyncio.gather(*(recording(tmp_path / name) for name in ("раз.ogg", "два.ogg")))
    await anna.send_file(first, kind="audio")
    await anna.send_file(second, kind="audio")
    for name in ("раз.ogg", "два.ogg"):
        card = await anna.sees(name)
        await anna.press("Интервью", message=card)
    await gets_transcript(anna, "раз.ogg")
    await gets_transcript(anna, "два.ogg")

    asked = []
    for _ in range(2):
        card = await anna.sees(CONFIRMATION, timeout=LONG_S)
        assert len(live(anna, CONFIRMATION)) == 1
        asked.append(card.text.split()[4])
        await anna.press("Подтвердить", message=card)
        await anna.sees(f"Данные записи {asked[-1]} сохранены")
    assert set(asked) == {"№1", "№2"}
