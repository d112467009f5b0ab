"""«Мои отчеты» over the real bot: list, view, rename, delete, and a way out of every step."""

from collections.abc import Callable
from pathlib import Path

from steps import gets_all_reports
from telegram_user import ScriptedUser

LONG_S = 90
"""Enough for the slowest of stages on a machine that does other things too."""


async def has_reports(person: ScriptedUser, recording: Path) -> None:
    """Get all reports of an interview the way people do."""
    await person.send_file(recording, kind="audio")
    await person.sees("Интервью", timeout=LONG_S)
    await person.press("Интервью")
    await person.sees("Проверка введённых данных", timeout=LONG_S)
    await person.press("Подтвердить")
    await person.sees("Какой отчёт подготовить?")
    await person.press("Все отчёты сразу")
    await person.sees("Выберите тип заведения")
    await person.press("Отель")
    await gets_all_reports(person)
    while "Всего: 6 отчетов" not in await the_list(person):
        pass


async def the_list(person: ScriptedUser) -> str:
    """Ask for the list; returns its text."""
    asked = await person.send("/reports")
    await person.sees("они действуют 5 минут", after=asked, timeout=LONG_S)
    return (await person.downloads(await person.sees("📋 Список отчетов", after=asked))).decode()


async def test_reports_are_listed_viewed_renamed_and_deleted_and_every_step_can_be_left(
    anna: ScriptedUser, spoken: Callable[[str], Path]
) -> None:
    await anna.send("/reports")
    await anna.sees("У вас пока нет сохраненных отчетов")
    await has_reports(anna, spoken("Мои отчеты.ogg"))

    for label, answers in (("👁️ Посмотреть", 1), ("✏️ Переименовать", 2), ("🗑️ Удалить", 1)):
        for given in range(answers + 1):
            await anna.press(label)
            await anna.sees("Введите номер отчета")
            for answer in ("2", "Новое имя")[:given]:
                await anna.sees("№2", after=await anna.send(answer))
            if given == 2:
                await anna.sees("Станет: Новое имя")
            await anna.press("❌ Отмена")
            await anna.sees("Отменено.")

    await anna.press("👁️ Посмотреть")
    await anna.sees("Введите номер отчета")
    await anna.send("пятый")
    await anna.sees("«пятый» — не номер")
    await anna.send("2")
    await anna.sees("Открыть этот отчет?")
    await anna.press("👁️ Да, открыть")
    await anna.sees("Отчет №2 отправлен")
    assert len(await anna.downloads(await anna.sees("📄 Отчет №2"))) > 0

    await anna.press("✏️ Переименовать")
    await anna.sees("Введите номер отчета")
    await anna.send("2")
    await anna.sees("Введите новое название")
    await anna.send("Отель «Заря», **связки**")
    await anna.sees("Станет: Отель «Заря», **связки**")
    await anna.press("✏️ Да, переименовать")
    await anna.sees("теперь называется «Отель «Заря», **связки**»")

    await anna.press("🗑️ Удалить")
    await anna.sees("Введите номер отчета")
    await anna.send("3")
    await anna.sees("Удалить этот отчет?")
    question = await anna.sees("Удалить этот отчет?")
    await anna.press("🗑️ Да, удалить")
    await anna.sees("удален.")
    forged = await anna.press_data(question.id, b"report_delete_confirm||4")
    assert forged.text == "Эта кнопка устарела"

    text = await the_list(anna)
    assert "Всего: 5 отчетов" in text
    assert "Отель «Заря», **связки**" in text
    assert "№3" not in text


async def test_pages_filters_tables_and_charts_come_over_telegram(
    anna: ScriptedUser, spoken: Callable[[str], Path]
) -> None:
    await has_reports(anna, spoken("Графики.ogg"))
    await anna.press("🔎 Фильтры")
    await anna.sees("Подходит: 6 отчетов")
    await anna.press("🔤 Название")
    await anna.sees("часть названия")
    await anna.send("СВЯЗКАХ")
    await anna.sees("Подходит: 1 отчет")
    await anna.press("📑 По страницам")
    await anna.sees("Фильтр: в названии «СВЯЗКАХ»")
    await anna.press("📤 Экспорт")
    await anna.sees("В каком виде сохранить список?")
    await anna.press("XLSX")
    await anna.sees("Файл отправлен")
    assert (await anna.downloads(await anna.sees("📤 1 отчет"))).startswith(b"PK")
    await anna.press("📈 Графики")
    await anna.sees("Какой график построить?")
    await anna.press("📊 Отчеты по месяцам")
    shown = await anna.chat.until(
        lambda: next((each for each in anna.chat.from_bot if each.file and each.file.kind == "photo"), None),
        LONG_S,
        "a picture to look at",
    )
    assert "Отчеты по месяцам" in shown.text
    picture = await anna.downloads(shown)
    assert picture.startswith(b"\x89PNG")
