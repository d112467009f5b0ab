"""What the commands of operators say: settings, migrations, health."""

import texts.errors
from texts.units import Noun

HELP_VALIDATE = (
    "Проверить настройки: назвать неверные, недостающие и оставленные по умолчанию, и папки, в которые нельзя писать. "
    "Значения не печатаются. "
    "При PRODUCTION=true пароли по умолчанию и пробные режимы — ошибка. Код завершения 2, если есть ошибки."
)
HELP_VALIDATE_WORKER = "Проверить для рабочего процесса (worker), а не для бота."
HELP_FETCH_WEIGHTS = (
    "Запуск: scripts/fetch-weights ПАПКА МОДЕЛЬ…\n\nСкачать веса моделей в папку, если их там ещё нет. "
    "Названия моделей — в resources/weights.yaml.\n\n  --help               показать эту подсказку"
)
FETCH_WEIGHTS_WRONG = "Не понимаю параметры: нужны папка и модели. Подсказка: scripts/fetch-weights --help"
HELP_MIGRATE = "Обновить базу данных до этой версии программы и сказать, что сделано."
HELP_HEALTH = (
    "Спросить бота или рабочий процесс на этой машине, как он (HTTP_HOST, HTTP_PORT). "
    "Код завершения 1, если он не готов или не отвечает."
)

SETTING = Noun("настройку", "настройки", "настроек")
SETTING_WRONG = "✖ {name}: неверное значение{allowed}"
ALLOWED = ", нужно {form}"
SETTING_MISSING = "✖ {name}: не указано"
SETTING_UNSAFE = "✖ {name}: {why}, при PRODUCTION=true так нельзя"
LEFT_AS_IT_COMES = "пароль или ключ по умолчанию"
TEST_MODES = {
    "LLM_ENGINE": "включена встроенная пробная модель (нужны LLM_BASE_URL и LLM_MODEL или LLM_ENGINE=none)",
    "FAL_TRAINING_TEST_MODE": "включён двойник сервиса аватаров, который рисует заглушки",
    "LOG_LEVEL": "включён подробный журнал DEBUG",
}
SETTING_UNKNOWN = "• {name}: есть в .env, но программа такой настройки не знает"
SETTING_REPEATED = "⚠ {name}: в .env не одна такая строка, действует последняя. Оставьте одну"
_BASE_URL = "адрес вида https://host/v1"
_KEY = "ключ без пробелов и русских букв"
_TELEGRAM_IDS = "номера Telegram через запятую"
_PATH = "путь: полный, от папки программы или от ~"
_MEMORY = "число с единицей вида 4g или 512m"
_COUNT = "целое число от 1"
FORMS = {
    "ASR_API_KEY": _KEY,
    "ASR_BASE_URL": _BASE_URL,
    "ASR_MODEL_DIR": _PATH,
    "BACKUP_REPOSITORY": "адрес вида s3:https://host/bucket или полный путь к папке",
    "BACKUP_MEMORY": _MEMORY,
    "BUILD_COMMIT": "номер версии: от 7 до 40 знаков 0-9 и a-f",
    "DATABASE_URL": "адрес вида postgresql://user:password@host/database",
    "DEPLOY_ERRORS": "целое число от 0",
    "DEPLOY_NEEDED_MB": "целое число от 0",
    "DEPLOY_READY_S": _COUNT,
    "DEPLOY_WATCH_S": "целое число от 0",
    "EMBEDDINGS_API_KEY": _KEY,
    "EMBEDDINGS_BASE_URL": _BASE_URL,
    "FAL_API_KEY": _KEY,
    "FAL_DEFAULT_TRAINER": "одно из: portrait, turbo, flux2",
    "FAL_WEBHOOK_URL": "адрес вида https://vox.example.org/webhook/fal/status",
    "GRAFANA_PORT": "номер порта от 1 до 65535",
    "GUEST_TELEGRAM_IDS": _TELEGRAM_IDS,
    "HTTP_HOST": "адрес или имя этой машины, например 127.0.0.1, без http:// и порта",
    "HTTP_TOKEN": "не короче 16 знаков, без пробелов и русских букв",
    "LLM_API_KEY": _KEY,
    "LLM_BASE_URL": _BASE_URL,
    "LLM_MODEL_FILE": _PATH,
    "LLM_EXTRA_BODY": 'объект JSON, например {"reasoning_effort": "low"}',
    "LOG_LEVEL": "одно из: DEBUG, INFO, WARNING, ERROR",
    "TTS_BASE_URL": _BASE_URL,
    "TTS_ENGINE": "одно из: auto, openai, folder, festival, off",
    "MODEL_HUB": "off или адрес хранилища вида https://host",
    "MINIO_ACCESS_KEY": _KEY,
    "MINIO_BUCKET": "от 3 до 63 знаков a-z, 0-9, точка и дефис, по краям буква или цифра",
    "MINIO_ENDPOINT": "host:port, без https:// (его включает MINIO_SECURE=true)",
    "MINIO_REGION": "название региона вида us-east-1",
    "MINIO_SECRET_KEY": _KEY,
    "OBJECTS_MEMORY": _MEMORY,
    "OLLAMA_CONTEXT_LENGTH": _COUNT,
    "OLLAMA_MEMORY": _MEMORY,
    "OPENAI_API_KEY": _KEY,
    "OPENAI_BASE_URL": _BASE_URL,
    "PERSISTENT_DIR": _PATH,
    "POSTGRES_MEMORY": _MEMORY,
    "RERANKER_API_KEY": _KEY,
    "RERANKER_BASE_URL": _BASE_URL,
    "SHARED_ADDRESS": "адрес этой машины в закрытой сети, без порта",
    "TEAM_TELEGRAM_IDS": _TELEGRAM_IDS,
    "TELEGRAM_API_HASH": "32 знака 0-9 и a-f, как на https://my.telegram.org",
    "TELEGRAM_BOT_TOKEN": "токен от @BotFather вида 123456789:AAE…",
    "TELEGRAM_PROXY": "адрес вида socks5://user:password@host:port (или http://, socks4://) либо ссылка tg://proxy?…",
    "TIME_ZONE": "зона вида Europe/Moscow",
    "TTS_API_KEY": _KEY,
    "TTS_MODEL_DIR": _PATH,
    "VOXPERSONA_MEMORY": _MEMORY,
    "VOXPERSONA_TARGET": "full или lite",
    "WEBHOOK_DOMAIN": "имя вида vox.example.org, без https://",
    "WHISPER_MODEL": "одно из: base, small, large-v3-turbo, large-v3",
    "WEB_ADDRESS": "адрес вида https://vox.example.org, без пути",
    "WORKERS": "целое число от 0 до 999",
}
"""What a setting has to be, where its type does not tell."""
FORM_BOOLEAN = "true или false"
FORM_CHOICE = "одно из: {choices}"
FORM_FILE = "путь к файлу, который можно прочесть"
FORM_INTEGER = "целое число"
FORM_NUMBER = "число"
FORM_LEAST = " от {least}"
FORM_ABOVE = " больше {least}"
FORM_MOST = " до {most}"
ENV_OPEN = "⚠ Файл .env могут читать другие пользователи этой машины: chmod 600 .env"
ENV_OPEN_REFUSED = (
    "✖ Файл .env могут читать другие пользователи этой машины, при PRODUCTION=true так нельзя: chmod 600 .env"
)
FOLDER = Noun("папку", "папки", "папок")
FOLDER_CLOSED = "✖ {why}{owners}"
FOLDER_OWNERS = " Сейчас её владелец — {owner}, а программу запускает {user}."
FOLDER_NOT_MADE = "✖ Папки {folder} нет, и создать её нельзя: в папку {parent} нельзя писать.{owners}"
FOLDER_IS_NONE = "✖ {folder}: здесь нужна папка, а стоит файл или ссылка в никуда. Уберите их."
FOLDER_FULL = "✖ Диск с папкой {folder} заполнен: свободно {free}. Освободите место: нужно хотя бы {needed}."
FOLDER_LOW = "⚠ На диске с папкой {folder} свободно {free}: новых записей программа не возьмёт, пока не будет {needed}."
FOLDER_OF_OTHERS = "⚠ Папка {folder} — чужая.{owners} Файлы одного другому могут быть закрыты."
FOLDERS_BAD = "Нужно поправить {count}."
NOTHING_STARTED = (
    "• Здесь ещё ничего не запускали: папки и пароли сделает первый запуск, docker compose up -d --build --wait."
)
SETTINGS_DEFAULT = "• По умолчанию: {names}."
SETTINGS_BAD = "Нужно поправить {count}. Пояснения — в .env.example."
SETTINGS_GOOD = "Настройки в порядке."

MODULE = Noun("модуль", "модуля", "модулей")
MODULE_BROKEN = "✖ {name}{others}: {reason}"
MODULE_OTHERS = " (и ещё {count})"
MODULES_BROKEN = "Не загружается {count}: программа собрана не полностью или с ошибкой. Соберите образ заново."

MIGRATED = "✔ {name}"
MIGRATIONS_DONE = "База данных обновлена."
MIGRATIONS_NONE = "База данных уже обновлена."

BUCKET_READY = "Хранилище «{bucket}» настроено."
BUCKET_UNCHANGED = "Хранилище «{bucket}» уже настроено, менять нечего."
BUCKET_CHANGES = {
    "created": "✔ создано",
    "closed": "✔ закрыто для посторонних",
    "uploads_expire": "✔ части незавершённых загрузок удаляются через {days} дней",
    "server_expires": "• сервер такого правила не хранит: незавершённые загрузки он удаляет сам (MinIO — через сутки)",
}
NO_BUCKET = "Записи хранятся файлами в persistent_data/objects: настраивать нечего (MINIO_ENDPOINT не указан)."

HTTP_OFF = "HTTP выключен (HTTP_PORT=0), спросить некого. Укажите порт."
NO_ANSWER = "По адресу {address} никто не отвечает. Проверьте, запущена ли программа, и HTTP_HOST с HTTP_PORT."
NO_TELEGRAM = "Telegram: выключен, нет TELEGRAM_BOT_TOKEN"
READY = "Готов к работе."
STATUSES = {"not_ready": "Не готов к работе.", "stopping": "Останавливается."}
PART = "{part}: {state}"
PART_BECAUSE = "{line} — {why} (с {since})"
PARTS = {
    "database": "База данных",
    "objects": "Хранилище записей",
    "asr": "Распознавание речи",
    "llm": "Языковая модель",
    "telegram": "Telegram",
    "jobs": "Очередь задач",
    "disk": "Диск",
    "backup": "Резервные копии",
    "index": "Поиск по смыслу",
    "images": "Картинки",
}
LEVELS = {"ok": "работает", "degraded": "работает с трудом", "down": "не работает"}
REASONS = {
    "starting": "запускается",
    "not_checked": "давно не проверялось",
    "off": "выключено в настройках",
    "no_answer": "не отвечает",
    "slow": "отвечает медленно",
    "refuses_connections": "не принимает соединения",
    "starts_or_stops": "сервер запускается или останавливается",
    "fails": "отвечает ошибкой",
    "busy": "все соединения заняты",
    "read_only": "открыто только для чтения",
    "key_refused": "не принимает ключ",
    "no_funds": "закончились средства",
    "region_refused": "недоступно в этой стране",
    "rate_limited": "ограничивает частоту запросов",
    "unavailable": "недоступно",
    "errors": "отвечает, но запросы не удаются",
    "bad_answers": "присылает непонятные ответы",
    "engine_died": "встроенный движок остановился",
    "weights_not_fetched": "веса модели ещё не скачаны",
    "worker_stopped": "задачи никто не берёт",
    "worker_reopens": "рабочий процесс подключается к базе данных заново",
    "no_heartbeat": "рабочие процессы не подают признаков жизни",
    "database_away": "нет базы данных",
    "low_space": "осталось мало места",
    "full": "не хватает места: освободите диск или увеличьте его",
    "not_writable": "нельзя писать",
    "never_made": "ни одной ещё не сделано",
    "overdue": "давно не делались",
    "damaged": "повреждены или не восстанавливаются",
    "objects_lost": "в хранилище нет части записей",
    "drill_stopped": "учебное восстановление прервалось",
    "behind": "не всё сказанное уже находится",
}
EMBEDDED_STATE = (
    "В persistent_data лежат база и записи, которые вёл scripts/run: службам Docker Compose они не подходят.\n"
    "Возьмите для Compose другую копию проекта или уберите эту папку: mv persistent_data persistent_data.scripts-run"
)
PREPARED = "✔ Папки и пароли на месте."
SECRETS_LOST = (
    "✖ В persistent_data есть данные, а паролей к ним нет: {files}. Нового ничего не сделано.\n"
    "Верните эти файлы из резервной копии (docs/backups.md, «A secret is lost») или сделайте новые: "
    "scripts/renew-secrets"
)
BACKUPS_UNREADABLE = (
    "! Пароля от резервных копий нет (persistent_data/secrets/backup/password), и новый не сделан: прежних копий он не "
    "открыл бы. Положите туда сохранённый; если его больше нет — docs/backups.md, «A secret is lost»."
)
FILE_UNREAD = f"• {texts.errors.SECRETS_UNREAD}"
