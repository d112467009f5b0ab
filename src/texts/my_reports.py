"""What people read in «Мои отчеты». Values in braces are escaped before they are put in; screens are HTML, files not.

«Отчет» is spelled without ё, as in the product's definition of these sentences.
"""

from texts.units import Noun

REPORT = Noun("отчет", "отчета", "отчетов")
MINUTES_GENITIVE = Noun("минуты", "минут", "минут")
TRY = Noun("попытка", "попытки", "попыток")
LEFT = Noun("Осталась", "Осталось", "Осталось")

# --- the list ------------------------------------------------------------------------------------------------------
NONE = "📁 <b>Ваши отчеты:</b> У вас пока нет сохраненных отчетов."
STALE = "❌ <b>Список отчетов устарел</b> (прошло &gt;{minutes}). Запросите заново через кнопку «Мои отчеты»."
MENU = "📁 <b>Мои отчеты:</b> {reports}. Номера — в файле со списком; они действуют {minutes}."
MENU_PLAIN = "📁 <b>Мои отчеты</b>"
LIST_MINUTES = Noun("минуту", "минуты", "минут")
LIST_CAPTION = "📋 Список отчетов: {reports}"
LIST_FILE = "Список отчетов {date}.txt"
TOO_LARGE = (
    "📁 <b>Мои отчеты:</b> {reports}. Список занимает {size}, а отправляется не больше {limit}. "
    "Откройте его по страницам, сузьте фильтрами или удалите ненужные отчеты."
)
OPEN = "📁 Мои отчеты"
VIEW = "👁️ Посмотреть"
RENAME = "✏️ Переименовать"
DELETE = "🗑️ Удалить"
PAGES = "📑 По страницам"
FILTERS = "🔎 Фильтры"
EXPORT = "📤 Экспорт"
CHARTS = "📈 Графики"

FILE_TITLE = "СПИСОК ОТЧЕТОВ"
FILE_EXPORTED = "Дата экспорта: {time}"
FILE_COUNT = "Всего: {reports}"
FILE_RECORDING = "Запись:     №{number}, {file_name}"
FILE_RESEARCH = "Вопрос:     {question}"
FILE_ENTRY = (
    "№{number}\n"
    "  Дата:       {date}\n"
    "  Название:   {title}\n"
    "  {about}\n"
    "  Тип отчета: {label}\n"
    "  Размер:     {size}\n"
    "  Токенов:    {tokens}\n"
)

# --- numbers -------------------------------------------------------------------------------------------------------
ASK_NUMBER = {
    "report_view_ask_number": "👁️ Введите номер отчета, который нужно посмотреть (цифрами, например 5):",
    "report_rename_ask_number": "✏️ Введите номер отчета, который нужно переименовать (цифрами, например 5):",
    "report_delete_ask_number": "🗑️ Введите номер отчета, который нужно удалить (цифрами, например 5):",
}
NUMBER_BLANK = "Номер не введён. Отправьте номер отчета цифрами, например 5."
NUMBER_NOT_DIGITS = "«{text}» — не номер. Отправьте номер из списка, например 5 или №5."
NUMBER_NOT_POSITIVE = "Номера отчетов начинаются с 1, а вы ввели {text}."
NUMBER_TOO_LARGE = "Отчета №{text} нет: самый большой номер в списке — {largest}."
NUMBER_NOT_IN_LIST = "Отчета №{text} в списке нет. Проверьте номер в файле со списком."
GONE = "Отчета №{number} больше нет: его удалили, пока список был открыт."
GONE_BEFORE = "Отчета №{number} нет: возможно, он удален."
TRIES_LEFT = "{left} {tries}."
NO_TRIES = "Три неудачные попытки, действие отменено. Проверьте номер в файле со списком и начните заново."

# --- view, rename, delete -------------------------------------------------------------------------------------------
NAMED = "№{number} «{title}»\n{label} · {about}{date} · {size}"
NAMED_RECORDING = "запись №{number} · "
VIEW_QUESTION = "👁️ Открыть этот отчет?\n\n{report}"
VIEW_CONFIRM = "👁️ Да, открыть"
VIEW_CAPTION = "📄 Отчет №{number} «{title}»"
VIEW_FILE = "№{number} {title}.md"
VIEWED = "✅ Отчет №{number} отправлен."
FILE_GONE = "❌ Файл отчета №{number} не найден на диске. Закажите отчет ещё раз по записи №{recording}."
RESEARCH_GONE = "❌ Файл исследования №{number} не найден на диске. Закажите его ещё раз кнопкой под ответом на вопрос."
ASK_NAME = "✏️ Введите новое название, до {longest} символов, для отчета\n\n{report}"
NAME_BLANK = "Название пустое. Отправьте новое название текстом."
NAME_TOO_LONG = "В названии {length}, а можно не больше {longest}. Отправьте название короче."
NAME_SAME = "Отчет уже так называется. Отправьте другое название."
RENAME_QUESTION = "✏️ Переименовать отчет №{number}?\n\nБыло: {old}\nСтанет: {new}"
RENAME_CONFIRM = "✏️ Да, переименовать"
RENAMED = "✅ Отчет №{number} теперь называется «{title}»."
DELETE_QUESTION = "🗑️ Удалить этот отчет?\n\n{report}\n\nВернуть его нельзя. Номера остальных отчетов не изменятся."
DELETE_CONFIRM = "🗑️ Да, удалить"
DELETED = "🗑️ Отчет №{number} «{title}» удален."
CANCELLED = "Отменено."
QUESTIONS_LEFT = "Данные записи отложены, введённое сохранено. Вернуться к ним: /status."

# --- pages, cards, filters ------------------------------------------------------------------------------------------
PAGE = "📑 <b>Мои отчеты:</b> {reports}. Страница {page} из {pages}."
PAGE_ONE = "📑 <b>Мои отчеты:</b> {reports}."
PAGE_FILTERED = "Фильтр: {filter}"
MENU_FILTERED = "Действует фильтр: {filter}. В файле все отчеты, по фильтру — страницы, выгрузка и графики."
PAGE_NOTHING = "📑 <b>Мои отчеты</b>\nПод фильтр не подходит ни один отчет."
PAGE_LINE = "№{number} · {date} · {title}"
PREVIOUS = "◀"
NEXT = "▶"
FAR_BACK = "⏪"
FAR_ON = "⏩"
CARD_RECORDING = "Запись №{number} · {file_name}"
CARD_RESEARCH = "Вопрос: {question}"
CARD = "📄 <b>Отчет №{number}</b>\n{title}\n\n{label}\n{about}\n{date} · {size} · токенов: {tokens}"
FILTERS_TITLE = "🔎 <b>Фильтры</b>\n{filter}\n\nПодходит: {reports}. Фильтры действуют на страницы, экспорт и графики."
FILTER_NONE = "Не заданы."
FILTER_FROM = "с {date}"
FILTER_TO = "по {date}"
FILTER_DAY = "{date}"
FILTER_TITLE = "в названии «{text}»"
FILTER_PLACE = "заведение: {name}"
FILTER_EMPLOYEE = "сотрудник: {name}"
FILTER_PLACE_BUTTON = "🏨 Заведение"
FILTER_EMPLOYEE_BUTTON = "👤 Сотрудник"
CHOOSE_PLACE = "🏨 Отчеты какого заведения показывать?"
CHOOSE_EMPLOYEE = "👤 Отчеты какого сотрудника показывать?"
FILTER_DATES_BUTTON = "📅 Даты"
FILTER_TITLE_BUTTON = "🔤 Название"
FILTER_TYPE_BUTTON = "📄 Тип отчета"
FILTER_SCENARIO_BUTTON = "🎬 Сценарий"
FILTER_RESET_BUTTON = "🧹 Сбросить"
FILTER_ANY = "Любой"
CHOOSE_TYPE = "📄 Отчеты какого типа показать?"
CHOOSE_SCENARIO = "🎬 Отчеты какого сценария показать?"
ASK_DATES = (
    "📅 Введите период: две даты («03.11.2026 – 30.11.2026»), один день («03.11.2026», «вчера»), "
    "границу («с 03.11.2026», «по 30.11.2026») или словами («эта неделя», «ноябрь»):"
)
ASK_TITLE = "🔤 Введите слово или часть названия:"
DATES_NONE = "Здесь нет даты. Напишите её так: 03.11.2026, «вчера», «эта неделя» или «ноябрь»."
DATES_TOO_MANY = "Здесь больше двух дат. Нужна одна или две."
DATES_SWAPPED = "Первая дата позже второй. Введите сначала раннюю."
TITLE_BLANK = "Искать нечего: отправьте слово из названия."
FILTER_TRIES = "Три неудачные попытки, фильтр не изменён."

# --- export and charts ----------------------------------------------------------------------------------------------
EXPORT_QUESTION = "📤 В каком виде сохранить список? Отчетов: {count}."
EXPORT_FILE = "Отчеты {date}.{extension}"
EXPORTED = "✅ Файл отправлен."
EXPORT_CAPTION = "📤 {reports}"
EXPORT_FILTERED = "\nФильтр: {filter}"
NOTHING_TO_EXPORT = "Под фильтр не подходит ни один отчет"
SHEET = "Отчеты"
COLUMNS = {
    "number": "Номер",
    "created_at": "Дата",
    "title": "Название",
    "recorded_on": "Дата записи",
    "place": "Заведение",
    "employee": "Сотрудник",
    "recording_number": "Номер записи",
    "recording_file_name": "Файл записи",
    "label": "Тип отчета",
    "kind": "Вид записи",
    "size_bytes": "Размер, байт",
    "tokens": "Токенов",
}
CHARTS_QUESTION = "📈 Какой график построить?"
CHART_MONTHS_BUTTON = "📊 Отчеты по месяцам"
TREND_BUTTONS = {"employee": "👤 Показатель по сотрудникам", "place": "🏨 Показатель по заведениям"}
TREND_TYPE_QUESTION = "📈 Показатель из какого отчета?"
TREND_INDEX_QUESTION = "📈 Какой показатель?\n{label}"
DRAWING = "📊 Рисую график…"
NO_POINTS = "Для такого графика пока нет данных"
CHART_MONTHS_FILE = "Отчеты по месяцам.png"
CHART_MONTHS_TITLE = "Отчеты по месяцам"
CHART_MONTHS_AXIS = "Количество отчетов"
TREND_FILE = "{index}.png"
TREND_TITLES = {"employee": "{index}: по сотрудникам", "place": "{index}: по заведениям"}
TREND_UNNAMED = "не указано"
TREND_SHOWN = "Показаны {shown} из {all}: те, у кого больше всего отчетов"
MONTHS = ("янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
