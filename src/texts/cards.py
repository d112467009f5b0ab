"""What people read on progress cards and beside results.

Values in braces are escaped before they are put in; the texts are HTML.
"""

RECEIVING = "📥 Получаю: <b>{file_name}</b> · {size}"
AGAIN_OPENING = "🎙 Обрабатываю: <b>{file_name}</b> · №{number}"
ACCEPTED = "🎙 Принято: <b>{file_name}</b> · {about}"
NUMBER = "№{number}"
DONE = "✔ Готово: <b>{file_name}</b> · {about}"
TOOK = "Заняло {time}."
FAILED = "✖ Не получилось: <b>{file_name}</b> · №{number}\n{reason}"
KEPT = "Запись сохранена."
REFUSED = "✖ Не принято: <b>{file_name}</b>\n{reason}"
CANCELLED = "✖ Отменено: <b>{file_name}</b> · №{number}\nЗапись сохранена."
CANCELLED_INCOMING = "✖ Отменено: <b>{file_name}</b>\nЕсли файл всё же нужен, пришлите его ещё раз."
KNOWN = "Эта запись уже есть: №{number}\n{file_name}"
DELETED = "🗑 Запись удалена: <b>{file_name}</b>"
DELETED_BEFORE = "🗑 Запись удалена."
REPORTS_DELETED = "🗑 Запись, по которой заказаны отчёты, удалена."

STAGES = ("Загрузка", "Сохранение", "Подготовка", "Расшифровка", "Спикеры", "Роли", "Готово")
STAGE_DONE = "✔ {stage}"
STAGE_NOW = "⏳ {stage}"
STAGE_LATER = "{stage}"
STAGE_PARTS = "{stage} {done}/{total}"
STAGES_BETWEEN = " → "
BAR_DONE = "▓"
BAR_LEFT = "░"
BAR = "{bar} {percent} %"
TIMES = "Прошло {elapsed} · до конца этапа {remaining}"
ABOUT = "≈ {time}"
UNKNOWN = "—"
IN_LINE = "Ждёт своей очереди: впереди {recordings}."
QUEUED = "Загрузка начнётся, как только закончатся предыдущие."
WAITS_FOR_LIMIT = "⚠ {reason}"
RETRY = "⚠ {reason} Повторим в {time}."
WHICH_SCENARIO = "Что это за запись?"
WHICH_PURPOSE = (
    "Что в этом файле?\n"
    "• <b>Готовая расшифровка разговора</b> — выберите её вид: станет записью, по ней будут отчёты.\n"
    "• <b>Документ</b> (стандарты, меню, правила) — по нему я буду отвечать всей команде, отчётов не будет."
)
DOCUMENT_CHOSEN = "Загружаю как документ"
NO_DOCUMENT = "Этот файл уже принят как расшифровка"
IS_DOCUMENT = "📚 Документ для ответов"

RETRY_REASONS = {
    "provider_unavailable": "Сервис обработки не отвечает.",
    "provider_rate_limited": "Сервис обработки ограничил частоту запросов.",
    "provider_invalid_answer": "Сервис обработки прислал непонятный ответ.",
    "database_unavailable": "База данных не отвечает.",
    "database_full": "На диске сервера не хватает места: сообщите администратору.",
    "object_store_unavailable": "Хранилище файлов не отвечает.",
    "object_damaged": "Файл в хранилище повреждён.",
    "object_folder_unavailable": "Диск сервера не отвечает: сообщите администратору.",
    "object_store_refused_key": "Хранилище файлов не приняло ключ доступа: сообщите администратору.",
    "messenger_unavailable": "Telegram не отдаёт файл.",
    "disk_full": "На диске сервера не хватает места: сообщите администратору.",
}
RETRY_TRANSCRIPTION = {
    "provider_unavailable": "Сервис распознавания не отвечает.",
    "provider_rate_limited": "Сервис распознавания ограничил частоту запросов.",
    "provider_invalid_answer": "Сервис распознавания прислал непонятный ответ.",
}

CANCEL = "✖ Отменить"
RETRY_BUTTON = "🔁 Повторить"
OPEN = "📦 Открыть"
AGAIN = "🔁 Обработать ещё раз"

REPORTS = "📊 <b>Готовлю отчёты</b> · №{number} · {file_name}"
RESEARCH = "🔬 <b>Глубокое исследование</b>\n{question}"
REPORTS_DONE = "📊 <b>Отчёты готовы</b> · №{number} · {file_name}"
REPORTS_PARTLY = "📊 <b>Готово: {done} из {total}</b> · №{number} · {file_name}"
REPORTS_NONE = "✖ <b>Отчёты не написаны</b> · №{number} · {file_name}"
SPENT = "Потрачено: {spent}."
EXPECTED = "Ожидалось: {expected}."
RUN_QUEUED = "▫ {label}"
RUN_RUNNING = "⏳ {label} {done}/{total}"
RUN_RETRY = "⚠ {label}: повторим в {time}"
RUN_DONE = "✔ {label}"
RUN_FAILED = "✖ {label}: {reason}"
RUN_CANCELLED = "✖ {label}: отменён"

TRANSCRIPT = "📄 <b>Расшифровка</b> · №{number} · {file_name}"
NOTHING_SAID = "Речь не распознана."
MISSING = "⚠ Не распознано: {intervals} ({reason})."
INTERVAL = "{start}–{end}"
MORE_INTERVALS = "и ещё {count}"
WARNING = "⚠ {warning}"
TRANSCRIPT_FILE_NAME = "Расшифровка {number} {stem}.{extension}"

REPORT = "📊 <b>№{report} · {label}</b> · запись №{number} · {file_name}"
REPORT_UNNUMBERED = "📊 <b>{label}</b> · запись №{number} · {file_name}"
REPORT_IN_FILE = "Отчёт целиком — в файле."
RESEARCH_FAILED = "✖ <b>Глубокое исследование</b>\n{question}\n{reason}"
REPORT_FAILED = "✖ <b>{label}</b> · №{number} · {file_name}\n{reason}"
REPORT_FILE_NAME = "№{report} {title}.{extension}"
REPORT_FILE_UNNUMBERED = "{title}.{extension}"
MORE_LINES = "…"
NO_INDICES = "Показатели: {reason}."
MORE_REPORTS = "Ещё отчёт по записи №{number}?"
CHOOSE_REPORTS = "📊 Выбрать отчёт"
