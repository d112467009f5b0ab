"""What the command line says."""

HELP = "VoxPersona: запись разговора — в расшифровку со спикерами и отчёты."
HELP_PROCESS = "Обработать записи: расшифровка, спикеры и роли, отчёты сценария."
HELP_DEMO = "Показать всё на короткой записи из папки samples."
HELP_DOCTOR = "Сказать, какие движки используются и работает ли каждый."
HELP_FILES = "Аудио- или видеофайлы."
HELP_SCENARIO = "Сценарий: {scenarios} или none (только расшифровка)."
HELP_BUILDING = "Тип заведения: hotel, restaurant или spa."
HELP_REPORT = "Отчёты: all, none или id через запятую."
HELP_LANGUAGE = "Язык записи: ru, en или auto."
HELP_SPEAKERS = "Сколько человек говорит; без этого считаем сами."
HELP_CAPTION = "Подпись к записи построчно, как в чате: номер, дата, сотрудник…"
HELP_OUT = "Папка для результатов."
HELP_JSON = "Напечатать итог в JSON."

USAGE_ERROR = "Не понимаю команду: {reason}. Справка: scripts/run --help"
NO_FILES = "не указан ни один файл записи"
WRONG_SPEAKERS = "число собеседников — от 1 до 20"

STARTING = "Запускаю хранилище и движки…"
FETCHING = "Скачиваю веса: {name}"
ACCEPTED = "🎙 Принято: {file_name} · {duration} · {size} · №{number}"
KNOWN = "Эта запись уже есть: №{number} ({file_name} · {duration}). Готовое берём оттуда."
CAPTION_PROBLEM = "В подписи не разобрано поле «{field}»: {reason}."
DEMO_MODEL = (
    "Отчёты пишет встроенная демонстрационная модель: формат настоящий, глубины не ждите. "
    "Настоящую модель подключают через LLM_BASE_URL и LLM_API_KEY (см. README)."
)
NO_MODEL = "Языковая модель отключена (LLM_ENGINE=none): роли назначены по правилу, отчётов не будет."
BUILDING_NEEDED = "Отчёты «{labels}» зависят от типа заведения: добавьте --building hotel, restaurant или spa."

STAGE_LABELS = {
    "stored": "Подготовка",
    "prepared": "Расшифровка",
    "transcribed": "Спикеры",
    "speakers_known": "Роли",
    "done": "Готово",
}
REPORTS_STAGE = "Отчёты"
PARTS = "{stage} {done}/{total}"
ELAPSED = "прошло {elapsed}"
FAILED = "✖ {file_name}: {reason}"

DONE_HEAD = "✔ {file_name} · {duration} · {speakers} · язык {language}"
DONE_TRANSCRIPT = "  Расшифровка: {path} (.txt .docx .json .srt .vtt)"
DONE_REPORT = "  {label}: {path}"
DONE_INDEX = "      {label}: {value}"
DONE_WARNING = "  ⚠ {warning}"
NO_VALUE = "нет данных"
PREVIEW_MORE = "…"

DOCTOR_OK = "работает"
DOCTOR_EMBEDDED = "встроенный"
DOCTOR_CONFIGURED = "настроен"
DOCTOR_ROWS = {
    "database": "База данных",
    "objects": "Хранилище файлов",
    "speech": "Распознавание речи",
    "language": "Языковая модель",
    "speakers": "Голоса",
    "ffmpeg": "ffmpeg",
    "pack": "Набор отчётов",
    "disk": "Место на диске",
}
DOCTOR_COLUMNS = ("Что", "Чем", "Состояние")
DOCTOR_OFF = "отключена"
DOCTOR_SHUTDOWN = "модель отключат {date}"
DOCTOR_PACK = "сценариев: {scenarios}, отчётов: {reports}"
DOCTOR_DISK = "свободно {free}"
