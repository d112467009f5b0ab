"""What people read in Telegram about their recordings: list, card, deletion, transcripts, the choice of reports.

Values in braces are escaped before they are put in; the texts are HTML.
"""

NO_SCENARIO = "Только расшифровка"
KIND_ASKED = "ещё не выбран"
WHICH_SCENARIO = "Что на записи №{number}?\n{file_name}"
WHICH_SCENARIO_FOR_REPORTS = "Отчёты зависят от вида записи. Что на записи №{number}?\n{file_name}"
SCENARIO_CHOSEN = "Запись №{number}: {scenario}."
INCOMING_SCENARIO_CHOSEN = "Выбрано: {scenario}"

LIST_TITLE = "📦 <b>Мои записи: {kind}</b>"
LIST_ALL = "все"
LIST_NO_KIND = "без вида"
LIST_COUNT = "{recordings}."
LIST_PAGE = "{recordings}. Страница {page} из {pages}."
LIST_EMPTY_GUEST = "Здесь пока пусто."
LIST_EMPTY = "Здесь пока пусто. Пришлите голосовое, аудио, видео или файл с записью — она появится в этом списке."
LIST_LINE = "{icon} №{number} · {name} · {date} · {duration}"
PREVIOUS = "◀"
NEXT = "▶"

ICON_DONE = "✅"
ICON_WORKING = "⏳"
ICON_FAILED = "❌"
ICON_CANCELLED = "✖"

ORIGIN_HIDDEN = "автор скрыт"
ORIGIN = "↪ Переслано: {origin}"
CARD = (
    "🎙 <b>Запись №{number}</b>\n{file_name}\n{duration} · {size} · {date}\nВид: {scenario}\n"
    "Кто найдёт: {found_by}\n{status}"
)
STATUS = {
    "stored": "⏳ Подготовка звука",
    "prepared": "⏳ Расшифровка",
    "transcribed": "⏳ Определение спикеров",
    "speakers_known": "⏳ Роли спикеров",
    "done": "✅ Готова",
}
STATUS_PARTS = "⏳ Расшифровка {done}/{total}"
STATUS_FAILED = "❌ Не обработана: {reason}"
STATUS_RETRY = "⏳ Повторим сами: {reason}"
STATUS_CANCELLED = "✖ Обработка отменена, запись сохранена"
REPORTS_READY = "Готово: {reports}"
WRITTEN = "📁 Готовые отчёты"
WRITTEN_TITLE = "📁 <b>Готовые отчёты по записи №{number}</b>\n{file_name}\n\nКакой прислать?"
WRITTEN_LINE = "№{number} · {label}"
WRITTEN_FROM_FORMER = "\n\n⚠ Написаны по прежней расшифровке, до исправлений: {numbers}."
NUMBERED = "№{number}"
WRITE_ANEW = "🔁 Написать заново"
NOTHING_WRITTEN = "📁 По записи №{number} готовых отчётов нет."
PLAY = "▶ Прослушать"
TRANSCRIPT = "📄 Расшифровка"
REPORTS = "📊 Отчёты"
METADATA = "🏷 Данные"
KIND = "🔀 Вид"
KIND_QUESTION = (
    "🔀 Что на самом деле на записи №{number}?\n{file_name}\n\n"
    "От вида зависят данные и отчёты. Отчёты, которые уже написаны, останутся."
)
DELETE = "🗑 Удалить"
FOUND_BY = {"team": "вся команда", "private": "🔒 только вы"}
SWITCH_VISIBILITY = {"team": "👥 Всей команде", "private": "🔒 Только мне"}
VISIBILITY_SET = {
    "team": "Теперь по записи №{number} отвечаю всей команде",
    "private": "Теперь по записи №{number} отвечаю только вам",
}
AGAIN = "🔁 Обработать ещё раз"
OPEN = "📦 Открыть запись"

DELETE_QUESTION = "🗑 Удалить запись №{number} «{file_name}»?\nВместе с ней исчезнут {lost}. Вернуть их нельзя."
LOST = "расшифровка и данные"
LOST_REPORTS = "расшифровка, данные и {reports}"
DELETE_CONFIRM = "🗑 Да, удалить"
DELETED = "🗑 Запись №{number} «{file_name}» удалена."

NOT_READY = "Запись ещё обрабатывается. Расшифровка придёт сюда сама, как только будет готова."
NOT_READY_FAILED = "Расшифровки нет: обработка не удалась. Нажмите «🔁 Обработать ещё раз»."
SENDING = "Отправляю файл…"
ALREADY_SENT = "Этот файл уже отправлен: он выше или вот-вот придёт. Ещё раз — через 10 секунд."
SOUND_TITLE = "№{number} · {name}"
PLAYED = "▶ Запись №{number} · {file_name}"
TRANSCRIPT_CAPTION = "📄 Расшифровка записи №{number} · {file_name}"
AGAIN_STARTED = "Запись №{number} обрабатывается заново."
AGAIN_RUNNING = "Запись уже обрабатывается"
CANCELLING = "Отменяю…"
TOO_LATE_TO_CANCEL = "Отменять уже нечего"

CHOOSE_REPORTS = "📊 <b>Отчёты по записи №{number}</b>\n{file_name}\n\nКакой отчёт подготовить?"
REPORTS_TAKE = "Все отчёты сразу: {expected}."
REPORTS_ALL = "Все отчёты сразу"
TRANSCRIPT_ONLY = "Только расшифровка"
CHOOSE_BUILDING = "Выберите тип заведения:"
NO_LANGUAGE_MODEL = (
    "Отчёты сейчас недоступны: языковая модель отключена. Расшифровка готова и сохранена; "
    "когда модель включат, отчёты можно будет заказать здесь же."
)
DEMO_MODEL = (
    "ℹ️ Отчёты пишет встроенная демонстрационная модель: они показывают формат, глубины от них не ждите. "
    "Полноценные отчёты появятся, когда подключат внешнюю языковую модель."
)
ORDERED = "📊 Заказано по записи №{number}: {reports}. Готовое придёт сюда само."
ORDERED_AGAIN = {
    "all": "📊 По записи №{number} уже есть: {reports}. С тех пор ничего не изменилось, присылаю ещё раз.",
    "some": "📊 Заказано по записи №{number}: {reports}. Готовое придёт сюда само; уже есть и придёт ещё раз: {ready}.",
}
"""What is said of a report that was wanted by its name and is written already."""
ORDERED_ONCE = {
    "all": "📊 По записи №{number} уже готовы: {reports}. Заказывать нечего; они в «📁 Готовые отчёты».",
    "some": "📊 Заказано по записи №{number}: {reports}. Готовое придёт сюда само; уже готовы: {ready}.",
}
"""The same of all reports."""
ORDERED_ALREADY = "Этот отчёт уже заказан"
ORDERED_FOR_BUILDING = "Уже заказано, тип заведения: {building}. Другой укажите в «🏷 Данные» записи."
MORE_REPORTS = "📊 Ещё отчёт"
TRANSCRIPT_ONLY_CHOSEN = "Хорошо, только расшифровка. Отчёты по записи №{number} можно заказать позже в хранилище."
