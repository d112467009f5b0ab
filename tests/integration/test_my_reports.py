"""«Мои отчеты» as a person uses them: the cases of the original plan by name, and bad input of every kind."""

import asyncio
import gc
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

import dialogs
import user_states
from datamodels import RecordingId, UserId
from db import Database
from dialogs import Dialog, Step
from messenger import MessengerUnavailable
from metrics import REPORT_ACTIONS, REPORT_LOCK_WAITS
from my_reports_world import LASTS, NOON, TEXT, Owner, ReportsBot
from report_folder.index import ReportIndex, read_stored, write_index
from reports.archive import ReportArchive
from reports.archive_filters import ReportSnapshot
from reviewed_storyboards import is_as_reviewed

STALE = "❌ <b>Список отчетов устарел</b> (прошло &gt;5 минут). Запросите заново через кнопку «Мои отчеты»."
OUTDATED = "Эта кнопка устарела"
BAD_NUMBERS = {
    "три": "«три» — не номер",
    "0": "Номера отчетов начинаются с 1, а вы ввели 0",
    "000": "Номера отчетов начинаются с 1",
    "-1": "Номера отчетов начинаются с 1, а вы ввели -1",
    "999": "Отчета №999 нет: самый большой номер в списке — 2",
    "1e9": "«1e9» — не номер",
    "5-й": "«5-й» — не номер",
    "1.0": "не номер",
    "٣": "«٣» — не номер",
    "１": "не номер",
    " \n ": "Номер не введён",
    "": "Номер не введён",
    "9" * 4000: "самый большой номер в списке — 2",
    "1; DROP TABLE": "не номер",
    "../../1": "не номер",
    "<b>1</b>": "«&lt;b&gt;1&lt;/b&gt;» — не номер",
}
DEEDS = {
    "report_view": Step.REPORT_VIEW_ASK_NUMBER,
    "report_rename": Step.REPORT_RENAME_ASK_NUMBER,
    "report_delete": Step.REPORT_DELETE_ASK_NUMBER,
}


@pytest.fixture
def bot(shared_database: Database, tmp_path: Path) -> ReportsBot:
    return ReportsBot(shared_database, tmp_path)


@pytest.fixture
async def anna(bot: ReportsBot) -> Owner:
    """Has two reports and no list yet."""
    owner = await Owner.come(bot)
    await owner.has_report()
    await owner.has_report(recording="Интервью 18.ogg", day=NOON - timedelta(days=1))
    return owner


def counted(action: str, outcome: str) -> float:
    return float(REPORT_ACTIONS.labels(action, outcome)._value.get())


def observed(name: str) -> tuple[float, float]:
    """How often something was measured, and the sum."""
    count, total = (REGISTRY.get_sample_value(f"voxpersona_{name}_{what}") for what in ("count", "sum"))
    return count or 0.0, total or 0.0


async def asked_to(owner: Owner, action: str, number: int) -> None:
    """As far as the confirmation."""
    await owner.opens_the_list()
    await owner.press_data(action)
    await owner.type(str(number))
    if action == "report_rename":
        await owner.type("Новое имя")


async def test_how_large_lists_are_and_how_long_steps_take_is_measured(bot: ReportsBot, anna: Owner) -> None:
    lists, reports = observed("report_list_reports")
    files, size = observed("report_list_bytes")
    steps, seconds = observed("report_step_seconds")
    await anna.opens_the_list()
    assert observed("report_list_reports") == (lists + 1, reports + 2)
    assert observed("report_list_bytes") == (files + 1, size + len(bot.telegram.files[0].content))
    assert observed("report_step_seconds")[0] == steps + 1
    assert observed("report_step_seconds")[1] > seconds


# --- none, with reports, size limit --------------------------------------------------------------------------------


async def test_none(bot: ReportsBot) -> None:
    newcomer = await Owner.come(bot)
    await newcomer.command("reports")
    assert newcomer.sees == "📁 <b>Ваши отчеты:</b> У вас пока нет сохраненных отчетов.\n[« Назад]"
    assert bot.telegram.files == []


async def test_with_reports(bot: ReportsBot, anna: Owner) -> None:
    with capture_logs() as logs:
        text = await anna.opens_the_list()
    assert bot.telegram.files[0].name == "Список отчетов 21.11.2026 12-00.txt"
    assert text == (
        "СПИСОК ОТЧЕТОВ\n"
        "Дата экспорта: 21.11.2026 12:00\n"
        "Всего: 2 отчета\n"
        "============================================================\n"
        "\n"
        "№2\n"
        "  Дата:       20.11.2026 12:00\n"
        "  Название:   Отчет о связках — Интервью 18\n"
        "  Запись:     №2, Интервью 18.ogg\n"
        "  Тип отчета: Отчет о связках\n"
        "  Размер:     79 Б\n"
        "  Токенов:    14\n"
        "\n"
        "№1\n"
        "  Дата:       03.11.2026 12:00\n"
        "  Название:   Отчет о связках — Интервью 17\n"
        "  Запись:     №1, Интервью 17.ogg\n"
        "  Тип отчета: Отчет о связках\n"
        "  Размер:     79 Б\n"
        "  Токенов:    14\n"
    )
    assert anna.last == (
        "📁 <b>Мои отчеты:</b> 2 отчета. Номера — в файле со списком; они действуют 5 минут.\n"
        "[👁️ Посмотреть]\n[✏️ Переименовать]\n[🗑️ Удалить]\n"
        "[📑 По страницам] [🔎 Фильтры]\n[📤 Экспорт] [📈 Графики]\n[« Назад]"
    )
    [line] = [line for line in logs if line["event"] == "report_list_opened"]
    assert (line["log_level"], line["reports"], line["bytes"]) == ("info", 2, len(bot.telegram.files[0].content))


async def test_a_new_list_takes_the_place_of_the_former_one(bot: ReportsBot, anna: Owner) -> None:
    for _ in range(2):
        await anna.opens_the_list()
    assert sum("📋 Список отчетов" in text for text in bot.telegram.shown(anna.chat)) == 1
    assert len(bot.telegram.files) == 2


async def test_size_limit(bot: ReportsBot, anna: Owner) -> None:
    [first, second] = await bot.files.list(anna.id)
    huge = second.model_copy(update={"title": "Я" * (5 * 1024 * 1024)})
    dated = first.model_copy(update={"title": "Отчет о связках — 03.11.2026"})
    write_index(anna.folder, ReportIndex(next_number=3, reports=[dated, huge]))
    refused = counted("open", "too_large")
    await anna.opens_the_list()
    assert bot.telegram.files == []
    assert anna.last.startswith(
        "📁 <b>Мои отчеты:</b> 2 отчета. Список занимает 10 МБ, а отправляется не больше 10 МБ. "
        "Откройте его по страницам, сузьте фильтрами или удалите ненужные отчеты."
    )
    assert counted("open", "too_large") == refused + 1
    await anna.press("📑 По страницам")
    assert "[№1 · 03.11.26 · Отчет о связках]" in anna.last


# --- the snapshot ---------------------------------------------------------------------------------------------------


async def test_snapshot_race(bot: ReportsBot, anna: Owner) -> None:
    """A report that is written, and one that is deleted in another window, while the list is open."""
    await anna.opens_the_list()
    assert await anna.has_report(recording="Новое.ogg") == 3
    await anna.press_data("report_view")
    await anna.type("3")
    assert "Отчета №3 нет: самый большой номер в списке — 2." in anna.last
    await bot.archive.delete(anna.id, 1)
    await anna.type("1")
    assert "❌ Отчета №1 больше нет: его удалили, пока список был открыт." in anna.last
    await anna.type("2")
    assert "👁️ Открыть этот отчет?\n\n№2 «Отчет о связках — Интервью 18»" in anna.last


@pytest.mark.parametrize("action", DEEDS)
@pytest.mark.parametrize("at", ["request", "input", "confirm"])
async def test_snapshot_timeout(bot: ReportsBot, anna: Owner, action: str, at: str) -> None:
    timeouts = counted(action.removeprefix("report_"), "stale")
    if at == "confirm":
        await asked_to(anna, action, 1)
    else:
        await anna.opens_the_list()
        if at == "input":
            await anna.press_data(action)
    files = len(bot.telegram.files)
    bot.now += LASTS + timedelta(seconds=1)
    await (anna.type("1") if at == "input" else anna.press_data(action if at == "request" else f"{action}_confirm||1"))
    assert anna.last == f"{STALE}\n[📁 Мои отчеты]\n[« Назад]"
    assert await anna.step() is None
    async with bot.database.transaction() as connection:
        assert await user_states.get(connection, anna.id, ReportSnapshot) is None
    assert (await anna.numbers(), len(bot.telegram.files)) == ([1, 2], files)
    assert counted(action.removeprefix("report_"), "stale") == timeouts + 1


@pytest.mark.parametrize(
    ("age", "good"),
    [
        (timedelta(), True),
        (timedelta(minutes=4, seconds=59), True),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, seconds=1), False),
        (timedelta(days=400), False),
        (timedelta(seconds=-1), False),
        (timedelta(hours=-1), False),
    ],
)
async def test_a_list_is_good_for_five_minutes_and_a_clock_set_back_ends_it(
    bot: ReportsBot, anna: Owner, age: timedelta, good: bool
) -> None:
    await anna.opens_the_list()
    bot.now += age
    await anna.press_data("report_view")
    assert (await anna.step() is Step.REPORT_VIEW_ASK_NUMBER) == good
    assert (STALE in anna.sees) != good


async def test_without_a_list_there_are_no_numbers(anna: Owner) -> None:
    await anna.press_data("report_delete")
    assert STALE in anna.last


async def test_a_list_survives_a_restart(bot: ReportsBot, anna: Owner, tmp_path: Path) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_view")
    again = ReportsBot(bot.database, tmp_path)
    restarted = Owner(again, anna.user)
    await restarted.type("2", message_id=900)
    await restarted.press_data("report_view_confirm||2")
    assert again.telegram.files[-1].text == TEXT


# --- index validation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage", [b"", b'{"next_number": 3, "rep', b"\x00\xff", b'{"next_number":3,"version":7}', None]
)
async def test_index_validation(bot: ReportsBot, anna: Owner, damage: bytes | None) -> None:
    before = await anna.opens_the_list()
    index = anna.folder / "index.json"
    index.unlink() if damage is None else index.write_bytes(damage)
    assert await anna.opens_the_list() == before
    assert await anna.numbers() == [1, 2]


async def test_an_index_without_its_copy_is_made_of_files_and_rows(bot: ReportsBot, anna: Owner) -> None:
    before = await anna.numbers()
    for name in ("index.json", "index.copy.json"):
        (anna.folder / name).write_bytes(b"")
    assert "Всего: 2 отчета" in await anna.opens_the_list()
    assert await anna.numbers() == before


# --- view -----------------------------------------------------------------------------------------------------------


async def test_view(bot: ReportsBot, anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press("👁️ Посмотреть")
    assert anna.last == "👁️ Введите номер отчета, который нужно посмотреть (цифрами, например 5):\n[❌ Отмена]"
    await anna.type(" 2 ")
    assert anna.last == (
        "👁️ Открыть этот отчет?\n\n"
        "№2 «Отчет о связках — Интервью 18»\n"
        "Отчет о связках · запись №2 · 20.11.2026 · 79 Б\n"
        "[👁️ Да, открыть]\n[❌ Отмена]"
    )
    await anna.press("👁️ Да, открыть")
    sent = bot.telegram.files[-1]
    assert (sent.name, sent.text) == ("№2 Отчет о связках — Интервью 18.md", TEXT)
    assert "📄 Отчет №2 «Отчет о связках — Интервью 18»\n[docx] [pdf] [json]" in anna.sees
    assert anna.last.startswith("✅ Отчет №2 отправлен.\n\n📁 <b>Мои отчеты</b>\n[👁️ Посмотреть]")
    assert await anna.step() is None


async def test_a_file_that_could_not_be_sent_can_be_asked_for_again(bot: ReportsBot, anna: Owner) -> None:
    await asked_to(anna, "report_view", 1)
    bot.telegram.failures["send"] = [MessengerUnavailable(reason="test")]
    with pytest.raises(MessengerUnavailable):
        await anna.press("👁️ Да, открыть")
    await anna.press("👁️ Да, открыть")
    assert bot.telegram.files[-1].text == TEXT


async def test_file_not_found(bot: ReportsBot, anna: Owner) -> None:
    run = await anna.run_of(1)
    await asked_to(anna, "report_view", 1)
    async with bot.database.transaction() as connection:
        await connection.execute("UPDATE report_runs SET text = NULL WHERE id = %s", (run,))
    (anna.folder / f"{run}.md").unlink()
    await anna.press("👁️ Да, открыть")
    assert anna.last.startswith("❌ Файл отчета №1 не найден на диске. Закажите отчет ещё раз по записи №1.")
    assert await anna.numbers() == [1, 2]


async def test_a_lost_file_comes_back_from_the_database(bot: ReportsBot, anna: Owner) -> None:
    lost = anna.folder / f"{await anna.run_of(1)}.md"
    await bot.files.rename(anna.id, 1, "Своё имя")
    lost.unlink()
    await asked_to(anna, "report_view", 1)
    await anna.press("👁️ Да, открыть")
    assert bot.telegram.files[-1].text == lost.read_text(encoding="utf-8") == TEXT
    assert bot.telegram.files[-1].name == "№1 Своё имя.md"


# --- rename ---------------------------------------------------------------------------------------------------------


async def test_rename(bot: ReportsBot, anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press("✏️ Переименовать")
    await anna.type("1")
    assert anna.last == (
        "✏️ Введите новое название, до 200 символов, для отчета\n\n"
        "№1 «Отчет о связках — Интервью 17»\n"
        "Отчет о связках · запись №1 · 03.11.2026 · 79 Б\n[❌ Отмена]"
    )
    assert await anna.step() is Step.REPORT_RENAME_ASK_NEW_NAME
    await anna.type("Отель «Заря», связки")
    assert anna.last == (
        "✏️ Переименовать отчет №1?\n\n"
        "Было: Отчет о связках — Интервью 17\nСтанет: Отель «Заря», связки\n"
        "[✏️ Да, переименовать]\n[❌ Отмена]"
    )
    assert (await bot.files.list(anna.id))[0].title.startswith("Отчет")
    await anna.press("✏️ Да, переименовать")
    assert anna.last.startswith("✅ Отчет №1 теперь называется «Отель «Заря», связки».")
    assert "Название:   Отель «Заря», связки" in await anna.opens_the_list()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Отель\nЗаря\r\n2026", "Отель Заря 2026"),
        ("**жирный** _курсив_ `код` [x](http://y)", "**жирный** _курсив_ `код` [x](http://y)"),
        ("<b>&lt; & \"'", "<b>&lt; & \"'"),
        ("\u202eгроб.exe\u200b", "гроб.exe"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("я" * 200, "я" * 200),
    ],
)
async def test_any_title_is_kept_as_typed_on_one_line(bot: ReportsBot, anna: Owner, typed: str, kept: str) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_rename")
    await anna.type("1")
    await anna.type(typed)
    await anna.press("✏️ Да, переименовать")
    [first, _] = await bot.files.list(anna.id)
    assert first.title == kept
    await asked_to(anna, "report_view", 1)
    await anna.press("👁️ Да, открыть")
    assert "/" not in bot.telegram.files[-1].name
    assert sorted(path.name for path in bot.root.iterdir()) == [anna.folder.name]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("я" * 300, "В названии 300 символов, а можно не больше 200"),
        (" \n\u200b ", "Название пустое"),
        ("Отчет о связках — Интервью 17", "Отчет уже так называется"),
    ],
)
async def test_a_bad_title_is_explained_and_asked_for_again(anna: Owner, typed: str, reason: str) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_rename")
    await anna.type("1")
    await anna.type(typed)
    assert reason in anna.last
    assert "Осталось 2 попытки." in anna.last
    assert "✏️ Введите новое название, до 200 символов, для отчета\n\n№1 «" in anna.last
    await anna.type("Хорошее имя")
    assert "Станет: Хорошее имя" in anna.last


async def test_another_title_takes_the_place_of_the_one_to_be_confirmed(bot: ReportsBot, anna: Owner) -> None:
    await asked_to(anna, "report_rename", 1)
    await anna.type("Ещё лучше")
    await anna.press("✏️ Да, переименовать")
    assert (await bot.files.list(anna.id))[0].title == "Ещё лучше"


# --- delete ---------------------------------------------------------------------------------------------------------


async def test_delete(bot: ReportsBot, anna: Owner) -> None:
    run = await anna.run_of(1)
    await anna.opens_the_list()
    await anna.press("🗑️ Удалить")
    await anna.type("1")
    assert anna.last == (
        "🗑️ Удалить этот отчет?\n\n"
        "№1 «Отчет о связках — Интервью 17»\n"
        "Отчет о связках · запись №1 · 03.11.2026 · 79 Б\n\n"
        "Вернуть его нельзя. Номера остальных отчетов не изменятся.\n"
        "[🗑️ Да, удалить]\n[❌ Отмена]"
    )
    await anna.press("🗑️ Да, удалить")
    assert anna.last.startswith("🗑️ Отчет №1 «Отчет о связках — Интервью 17» удален.")
    assert await anna.numbers() == [2]
    assert await anna.run_of(1) is None
    assert not (anna.folder / f"{run}.md").exists()
    assert await anna.has_report() == 3


async def test_a_double_tap_on_delete_acts_once(bot: ReportsBot, anna: Owner) -> None:
    await asked_to(anna, "report_delete", 1)
    deleted = counted("delete", "ok")
    await asyncio.gather(*(anna.press_data("report_delete_confirm||1") for _ in range(5)))
    assert await anna.numbers() == [2]
    assert counted("delete", "ok") == deleted + 1
    assert anna.heard == [OUTDATED] * 4


@pytest.mark.parametrize(
    "data",
    ["report_delete_confirm||2", "report_delete_confirm||1||2", "report_delete_confirm", "report_rename_confirm||1"],
)
async def test_a_forged_confirmation_does_nothing(bot: ReportsBot, anna: Owner, data: str) -> None:
    """Neither for a report that was not asked about, nor for the number of another person's report."""
    other = await Owner.come(bot)
    await other.has_report()
    await other.has_report()
    await asked_to(anna, "report_delete", 1)
    await anna.press_data(data)
    assert anna.heard == [OUTDATED]
    assert (await anna.numbers(), await other.numbers()) == ([1, 2], [1, 2])


@pytest.mark.parametrize(
    "data", ["report_delete_confirm||../1", "report_delete_confirm||-1", "report_delete_confirm||"]
)
async def test_path_like_ids_are_no_buttons(anna: Owner, data: str) -> None:
    await asked_to(anna, "report_delete", 1)
    await anna.press_data(data)
    assert anna.heard == [OUTDATED]
    assert await anna.numbers() == [1, 2]


async def test_the_number_of_another_person_is_not_in_ones_list(bot: ReportsBot, anna: Owner) -> None:
    poor = await Owner.come(bot)
    await poor.has_report()
    await poor.opens_the_list()
    await poor.press_data("report_delete")
    await poor.type("2")
    assert "Отчета №2 нет: самый большой номер в списке — 1." in poor.last
    await poor.press_data("report_delete||2")
    assert "❌ Отчета №2 больше нет" in poor.last
    assert await anna.numbers() == [1, 2]


async def test_a_deletion_that_a_crash_interrupted_is_finished_at_the_start(bot: ReportsBot, anna: Owner) -> None:
    run = await anna.run_of(2)
    await bot.files.begin_delete(anna.id, 2)
    await bot.archive.reconcile_all()
    assert await anna.numbers() == [1]
    assert await anna.run_of(2) is None
    assert not (anna.folder / f"{run}.md").exists()
    assert read_stored(anna.folder).index.deleting == []


# --- invalid number, report not found -------------------------------------------------------------------------------


@pytest.mark.parametrize("action", DEEDS)
@pytest.mark.parametrize("typed", BAD_NUMBERS)
async def test_invalid_number(anna: Owner, action: str, typed: str) -> None:
    await anna.opens_the_list()
    await anna.press_data(action)
    await anna.type(typed)
    assert BAD_NUMBERS[typed] in anna.last
    assert "Осталось 2 попытки." in anna.last
    assert anna.last.endswith("[❌ Отмена]")
    assert await anna.step() is DEEDS[action]
    await anna.type("2")
    dialog = await anna.dialog()
    assert dialog is not None
    assert (dialog.number, dialog.tries) == (2, 0)


async def test_after_three_tries_the_dialog_ends(anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_view")
    await anna.type("раз")
    await anna.type("два")
    assert "Осталась 1 попытка." in anna.last
    await anna.type("три")
    assert anna.last.startswith(
        "❌ «три» — не номер. Отправьте номер из списка, например 5 или №5.\nТри неудачные попытки, действие отменено."
    )
    assert await anna.step() is None


@pytest.mark.parametrize("action", DEEDS)
async def test_report_not_found(bot: ReportsBot, anna: Owner, action: str) -> None:
    """Deleted by the same person in another window, after the question and before the answer."""
    await asked_to(anna, action, 1)
    await bot.archive.delete(anna.id, 1)
    files = len(bot.telegram.files)
    await anna.press_data(f"{action}_confirm||1")
    assert anna.last.startswith("❌ Отчета №1 больше нет: его удалили, пока список был открыт.")
    assert await anna.step() is None
    assert len(bot.telegram.files) == files


async def test_a_report_deleted_while_its_new_name_is_typed_is_told(bot: ReportsBot, anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_rename")
    await anna.type("1")
    await bot.archive.delete(anna.id, 1)
    await anna.type("Имя")
    assert anna.last.startswith("❌ Отчета №1 больше нет")


# --- the dialog -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", DEEDS)
@pytest.mark.parametrize("answers", [(), ("1",), ("1", "Новое имя")])
async def test_cancel_works_at_every_step(anna: Owner, action: str, answers: tuple[str, ...]) -> None:
    await anna.opens_the_list()
    await anna.press_data(action)
    for answer in answers[: 2 if action == "report_rename" else 1]:
        await anna.type(answer)
    cancels = counted("cancel", "ok")
    await anna.press("❌ Отмена")
    assert counted("cancel", "ok") == cancels + 1
    assert anna.last.startswith("Отменено.\n\n📁 <b>Мои отчеты</b>")
    assert await anna.step() is None
    await anna.press_data(f"{action}_confirm||1")
    assert anna.heard == [OUTDATED]
    assert await anna.numbers() == [1, 2]


async def test_a_message_that_is_handled_again_costs_no_try_and_shows_the_same(anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_rename")
    bad = await anna.type("плохо")
    await anna.type("плохо", message_id=bad)
    dialog = await anna.dialog()
    assert dialog is not None
    assert dialog.tries == 1
    await anna.type("1")
    name = await anna.type("Имя")
    shown = anna.last
    await anna.type("Имя", message_id=name)
    assert anna.last == shown


async def test_a_number_that_is_handled_again_shows_its_confirmation(anna: Owner) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_delete")
    number = await anna.type("1")
    shown = anna.last
    await anna.type("1", message_id=number)
    assert anna.last == shown


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("report_delete", "🗑️ Отчет №1 «Отчет о связках — Интервью 17» удален."),
        ("report_rename", "✅ Отчет №1 теперь называется «Новое имя»."),
    ],
)
async def test_a_change_that_is_handled_again_after_a_crash_is_told_of_again(
    anna: Owner, action: str, told: str
) -> None:
    await asked_to(anna, action, 1)
    for _ in range(2):
        await anna.press_data(f"{action}_confirm||1", update="button:1:1")
        assert anna.last.startswith(told)
    await anna.press_data(f"{action}_confirm||1", update="button:1:2")
    assert anna.heard == [OUTDATED]


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_deletion_that_a_crash_cut_off_is_done_when_it_is_handled_again(
    anna: Owner, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    await asked_to(anna, "report_delete", 1)
    delete = ReportArchive.delete

    async def crash(archive: ReportArchive, owner: UserId, number: int) -> None:
        if deleted:
            await delete(archive, owner, number)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(ReportArchive, "delete", crash)
        with pytest.raises(RuntimeError):
            await anna.press_data("report_delete_confirm||1", update="button:1:1")
    await anna.press_data("report_delete_confirm||1", update="button:1:1")
    assert anna.last.startswith("🗑️ Отчет №1")
    assert 1 not in await anna.numbers()


async def test_starting_another_action_ends_the_first(anna: Owner) -> None:
    await asked_to(anna, "report_delete", 1)
    await anna.press_data("report_view")
    await anna.press_data("report_delete_confirm||1")
    assert anna.heard == [OUTDATED]
    assert await anna.step() is Step.REPORT_VIEW_ASK_NUMBER


async def test_the_questions_about_a_recording_end_when_a_report_is_asked_for(bot: ReportsBot, anna: Owner) -> None:
    await anna.opens_the_list()
    async with bot.database.transaction() as connection:
        await user_states.put(connection, anna.id, Dialog(step=Step.ASK_CITY, recording_id=RecordingId(uuid4())))
    await anna.press_data("report_view")
    assert anna.last.startswith("Данные записи отложены, введённое сохранено")
    assert await anna.step() is Step.REPORT_VIEW_ASK_NUMBER


async def test_opening_the_list_leaves_the_questions_about_a_recording_alone(bot: ReportsBot, anna: Owner) -> None:
    async with bot.database.transaction() as connection:
        await user_states.put(connection, anna.id, Dialog(step=Step.ASK_CITY, recording_id=RecordingId(uuid4())))
    await anna.opens_the_list()
    bot.now += timedelta(hours=1)
    await anna.press_data("report_view")
    assert await anna.step() is Step.ASK_CITY


@pytest.mark.parametrize("method", ["type", "confirm"])
async def test_an_answer_without_a_dialog_is_outdated(anna: Owner, method: str) -> None:
    await anna.opens_the_list()
    await anna.press_data("report_rename_confirm||1")
    assert anna.heard == [OUTDATED]
    await anna.press_data("report_rename||1")
    await anna.press_data("report_rename_confirm||1")
    assert anna.heard == [OUTDATED] * 2, "no name has been given"


# --- concurrent operations ------------------------------------------------------------------------------------------


async def test_concurrent_operations(bot: ReportsBot, anna: Owner) -> None:
    for _ in range(8):
        await anna.has_report()
    waits = REPORT_LOCK_WAITS._value.get()
    await anna.opens_the_list()

    async def delete(number: int) -> None:
        await anna.press_data(f"report_delete||{number}")
        await anna.press_data(f"report_delete_confirm||{number}")

    async def rename(number: int) -> None:
        await anna.press_data(f"report_rename||{number}")
        await anna.press_data(f"report_rename_confirm||{number}")

    await asyncio.gather(*(delete(number) for number in range(1, 6)), *(rename(number) for number in range(1, 11)))
    await anna.opens_the_list()
    await delete(10)
    left = await anna.numbers()
    assert set(range(6, 10)) <= set(left) < set(range(1, 11))
    for number in left:
        assert await bot.files.read(anna.id, number) == TEXT
    assert REPORT_LOCK_WAITS._value.get() > waits
    gc.collect()
    assert anna.id not in dialogs._LOCKS, "the lock of an idle person is kept"


# --- what a person sees ---------------------------------------------------------------------------------------------


async def test_the_storyboard_is_as_it_was_reviewed(bot: ReportsBot, anna: Owner) -> None:
    """Kept in ``tests/e2e/storyboards``; after a change that is meant: ``STORYBOARDS=write``, and review."""
    await anna.command("reports")
    await anna.press("👁️ Посмотреть")
    await anna.type("пятый")
    await anna.type("2")
    await anna.press("👁️ Да, открыть")
    await anna.press("✏️ Переименовать")
    await anna.type("1")
    await anna.type("Отель «Заря», связки")
    await anna.press("✏️ Да, переименовать")
    await anna.press("🗑️ Удалить")
    await anna.type("2")
    await anna.press("❌ Отмена")
    await anna.press("🗑️ Удалить")
    await anna.type("2")
    await anna.press("🗑️ Да, удалить")
    await anna.press("📑 По страницам")
    await anna.press("№1 · 03.11.26 · Отель «Заря», связки")
    await anna.press("« Назад")
    await anna.press("🔎 Фильтры")
    await anna.press("📅 Даты")
    await anna.type("утром")
    await anna.type("с 01.11.2026")
    await anna.press("« Назад")
    bot.now += LASTS + timedelta(minutes=1)
    await anna.press("👁️ Посмотреть")
    is_as_reviewed("my_reports", "\n".join(bot.telegram.story) + "\n")
