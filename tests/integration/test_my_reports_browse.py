"""Pages, cards, filters, export and charts of «Мои отчеты» as a person uses them."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

import metadata_store
import recordings_store
from datamodels import RecordingMetadata
from db import Database
from dialogs import Step
from my_reports_world import NOON, Owner, ReportsBot, index
from report_folder.index import ReportIndex, read_stored, write_index

OUTDATED = "Эта кнопка устарела"


@pytest.fixture
def bot(shared_database: Database, tmp_path: Path) -> ReportsBot:
    return ReportsBot(shared_database, tmp_path)


@pytest.fixture
async def anna(bot: ReportsBot) -> Owner:
    """Has an interview's links and a design audit."""
    owner = await Owner.come(bot)
    await owner.has_report(indices=(index("связки", 7), index("вывод", "хорошо")))
    await owner.has_report(report_id="report_design_compliance", recording="Аудит.ogg", day=NOON - timedelta(days=1))
    return owner


async def grown(owner: Owner, count: int) -> None:
    """As many reports, all like the first."""
    [first, *_] = read_stored(owner.folder).index.reports
    lines = [first.model_copy(update={"number": number, "title": f"Отчет {number}"}) for number in range(1, count + 1)]
    write_index(owner.folder, ReportIndex(next_number=count + 1, reports=lines))


async def test_pages_are_turned_and_above_a_hundred_reports_ten_at_a_time(anna: Owner) -> None:
    await grown(anna, 250)
    await anna.press_data("report_list||1")
    assert anna.last.startswith("📑 <b>Мои отчеты:</b> 250 отчетов. Страница 1 из 25.\n[№250 ·")
    assert "[▶] [⏩]\n" in anna.last
    await anna.press("⏩")
    assert "Страница 11 из 25." in anna.last
    assert "[⏪] [◀] [▶] [⏩]\n" in anna.last
    await anna.press("◀")
    assert "Страница 10 из 25." in anna.last
    await anna.press_data("report_list||999")
    assert "Страница 25 из 25." in anna.last


async def test_up_to_a_hundred_reports_need_no_leaps(anna: Owner) -> None:
    await grown(anna, 100)
    await anna.press_data("report_list||5")
    assert "[◀] [▶]\n" in anna.last


async def test_without_reports_there_are_no_pages(bot: ReportsBot) -> None:
    newcomer = await Owner.come(bot)
    await newcomer.press_data("report_list||1")
    assert "У вас пока нет сохраненных отчетов" in newcomer.last


async def test_from_a_card_a_report_is_opened_with_a_confirmation(bot: ReportsBot, anna: Owner) -> None:
    await anna.press_data("report_list||1")
    await anna.press("№2 · 20.11.26 · Соответствие программе аудита — А…")
    assert anna.last.startswith("📄 <b>Отчет №2</b>\nСоответствие программе аудита — Аудит\n\n")
    await anna.press("👁️ Посмотреть")
    assert anna.last.startswith("👁️ Открыть этот отчет?")
    await anna.press("👁️ Да, открыть")
    assert bot.telegram.files[-1].name == "№2 Соответствие программе аудита — Аудит.md"


@pytest.mark.parametrize("action", ["report_view", "report_rename", "report_delete"])
async def test_the_number_on_a_button_does_not_grow_stale(bot: ReportsBot, anna: Owner, action: str) -> None:
    bot.now += timedelta(days=3)
    await anna.press_data("report_card||2")
    await anna.press_data(f"{action}||2")
    bot.now += timedelta(hours=1)
    if action == "report_rename":
        await anna.type("Веранда")
    await anna.press_data(f"{action}_confirm||2")
    assert "устарел" not in anna.sees
    assert await anna.step() is None
    done = {
        "report_view": len(bot.telegram.files) == 1,
        "report_rename": "теперь называется «Веранда»" in anna.last,
        "report_delete": await anna.numbers() == [1],
    }
    assert done[action]


async def test_a_card_of_a_deleted_report_says_so(bot: ReportsBot, anna: Owner) -> None:
    await bot.archive.delete(anna.id, 2)
    await anna.press_data("report_card||2")
    assert anna.last.startswith("❌ Отчета №2 больше нет")


async def test_filters_add_up_and_are_taken_away(anna: Owner) -> None:
    await anna.press_data("report_filters")
    await anna.press("📄 Тип отчета")
    assert "[2) Отчет о связках]" in anna.last
    await anna.press("2) Отчет о связках")
    assert "• 2) Отчет о связках\n\nПодходит: 1 отчет." in anna.last
    await anna.press("🎬 Сценарий")
    await anna.press("Дизайн")
    assert "Подходит: 0 отчетов." in anna.last
    await anna.press("📑 По страницам")
    nothing = "📑 <b>Мои отчеты</b>\nПод фильтр не подходит ни один отчет.\nФильтр: 2) Отчет о связках; Дизайн"
    assert anna.last.startswith(nothing)
    await anna.press("📤 Экспорт")
    assert anna.heard == ["Под фильтр не подходит ни один отчет"]
    await anna.press("🔎 Фильтры")
    await anna.press("📄 Тип отчета")
    await anna.press("Любой")
    assert "• Дизайн\n\nПодходит: 1 отчет." in anna.last
    await anna.press("🧹 Сбросить")
    assert "Не заданы.\n\nПодходит: 2 отчета." in anna.last


async def test_a_filter_that_is_kept_is_told_when_the_list_is_opened_anew(anna: Owner) -> None:
    await anna.press_data("show_my_reports")
    assert "ильтр:" not in anna.last
    await anna.press_data("report_filter_type||report_int_links")
    await anna.press_data("show_my_reports")
    assert "Действует фильтр: 2) Отчет о связках." in anna.last
    await anna.press_data("report_filter_reset")
    await anna.press_data("show_my_reports")
    assert "ильтр:" not in anna.last


async def test_dates_and_titles_are_typed(bot: ReportsBot, anna: Owner) -> None:
    await anna.press_data("report_filter_dates")
    assert await anna.step() is Step.REPORT_FILTER_ASK_DATES
    await anna.type("20.11.2026")
    assert "• 20.11.2026\n\nПодходит: 1 отчет." in anna.last
    await anna.press("🔤 Название")
    await anna.type("Что с завтраком?")
    assert bot.asked == ["Что с завтраком?"]
    await anna.type("СВЯЗКАХ")
    assert "• в названии «СВЯЗКАХ»\n\nПодходит: 0 отчетов." in anna.last
    assert await anna.step() is None
    await anna.press_data("report_list||1")
    assert "Под фильтр не подходит" in anna.last


async def test_after_three_bad_dates_the_filter_stays(bot: ReportsBot, anna: Owner) -> None:
    await anna.press_data("report_filter_dates")
    first = await anna.type("утром")
    await anna.type("утром", message_id=first)
    await anna.type("31.02.2026")
    assert "Осталась 1 попытка." in anna.last
    await anna.type("что с завтраком?")
    assert bot.asked == ["что с завтраком?"]
    await anna.type("никогда")
    assert "Три неудачные попытки, фильтр не изменён." in anna.last
    assert await anna.step() is None


async def test_the_question_for_a_filter_can_be_left(anna: Owner) -> None:
    await anna.press_data("report_filter_title")
    await anna.press("❌ Отмена")
    assert await anna.step() is None
    await anna.press("🔎 Фильтры")
    await anna.press("« Назад")
    assert anna.last.startswith("📁 <b>Мои отчеты</b>\n[👁️ Посмотреть]")


@pytest.mark.parametrize("extension", ["csv", "json", "xlsx"])
async def test_the_list_is_saved_as_a_table(bot: ReportsBot, anna: Owner, extension: str) -> None:
    await anna.press_data("report_export")
    assert anna.last.startswith("📤 В каком виде сохранить список? Отчетов: 2.\n[CSV] [JSON] [XLSX]")
    await anna.press(extension.upper())
    sent = bot.telegram.files[-1]
    assert sent.name == f"Отчеты 21.11.2026.{extension}"
    if extension == "csv":
        assert [line.split(";")[0] for line in sent.text.splitlines()] == ["Номер", "2", "1"]
    elif extension == "json":
        assert [row["number"] for row in json.loads(sent.text)] == [2, 1]
    else:
        assert zipfile.ZipFile(io.BytesIO(sent.content)).testzip() is None
    assert anna.last.startswith("✅ Файл отправлен.")


async def test_charts_are_pictures(bot: ReportsBot, anna: Owner) -> None:
    await anna.press_data("report_charts")
    await anna.press("📊 Отчеты по месяцам")
    assert bot.telegram.files[-1].name == "Отчеты по месяцам.png"
    await anna.press("👤 Показатель по сотрудникам")
    await anna.press("2) Отчет о связках")
    assert anna.last == "📈 Какой показатель?\n2) Отчет о связках\n[Связки]\n[« Назад]"
    await anna.press("Связки")
    assert bot.telegram.files[-1].name == "Связки.png"
    assert all(sent.content.startswith(b"\x89PNG") for sent in bot.telegram.files)


async def test_an_index_is_drawn_by_who_was_recorded_and_where(bot: ReportsBot, anna: Owner) -> None:
    metadata = RecordingMetadata(recorded_on=(NOON - timedelta(days=40)).date(), employee="Анна Ли", place="Заря")
    async with bot.database.transaction() as connection:
        recording = await recordings_store.find_by_number(connection, anna.id, 1)
        assert recording is not None
        await metadata_store.save_metadata(connection, recording.id, metadata)
    [point] = await bot.archive.index_points(anna.id)
    assert (point.number, point.day, point.employee, point.place) == (1, metadata.recorded_on, "Анна Ли", "Заря")
    await bot.archive.delete(anna.id, 1)
    assert await bot.archive.index_points(anna.id) == []


async def test_without_data_there_is_nothing_to_draw(bot: ReportsBot) -> None:
    newcomer = await Owner.come(bot)
    for data in ("report_chart_months", "report_trend||employee"):
        await newcomer.press_data(data)
    assert newcomer.heard == ["Для такого графика пока нет данных"] * 2


@pytest.mark.parametrize(
    "data",
    [
        "report_trend",
        "report_trend||weather",
        "report_trend||employee||report_int_links||9",
        "report_trend||employee||report_gone||1",
        "report_trend||place||report_gone",
        "report_export||exe",
        "report_list",
    ],
)
async def test_forged_buttons_are_outdated(anna: Owner, data: str) -> None:
    await anna.press_data(data)
    assert anna.heard == [OUTDATED]
