"""What people read when something went wrong: what is wrong, and what to do."""

UNKNOWN = "Что-то пошло не так. Попробуйте ещё раз; если не поможет, подробности есть в журнале."
FILE_PROBLEM = "система не даёт с ним работать"
FILE_PROBLEMS = {
    "ENOENT": "такого файла нет",
    "EACCES": "нет прав на чтение",
    "EPERM": "нет прав на чтение",
    "ENAMETOOLONG": "слишком длинное имя",
    "ENOTDIR": "часть пути — не папка",
    "ELOOP": "ссылки ведут по кругу",
    "EIO": "диск отвечает ошибкой",
}
FOLDER_PROBLEMS = {
    "ENOTDIR": "часть пути — не папка",
    "EEXIST": "там стоит файл",
    "EACCES": "нет прав на запись",
    "EPERM": "нет прав на запись",
    "EROFS": "диск только для чтения",
    "ENAMETOOLONG": "слишком длинное имя",
    "ELOOP": "ссылки ведут по кругу",
    "EIO": "диск отвечает ошибкой",
}
IS_A_FOLDER = "это папка"
IS_NO_FILE = "это не файл"
UNREADABLE_FILE = "Файл «{file_name}» не читается: {reason}. Проверьте путь и права доступа."
EMPTY_FILE = "Файл «{file_name}» пустой (0 байт). Отправьте запись ещё раз."
NOT_A_RECORDING = (
    "Файл «{file_name}» не похож на аудио или видео, либо у него незнакомое расширение. "
    "Отправьте запись в формате ogg, mp3, m4a, wav, mp4 или другом обычном."
)
NO_SOUND_TRACK = "В файле «{file_name}» нет звуковой дорожки. Отправьте запись со звуком."
BROKEN_RECORDING = (
    "Запись «{file_name}» повреждена или обрезана, прочитать её нельзя. Скопируйте её с диктофона ещё раз."
)
ORIGINAL_GONE = (
    "Исходный файл записи «{file_name}» потерян. Отправьте эту запись ещё раз: всё готовое по ней сохранено."
)
ORIGINAL_AWAITED = (
    "Хранилище потеряло исходный файл записи «{file_name}». Бот получает его заново из чата. "
    "Подождите: работа продолжится сама."
)
RECORDING_TOO_SHORT = (
    "Запись «{file_name}» слишком короткая ({duration_s} с), нужна хотя бы {minimum_s} с. Проверьте, тот ли это файл."
)
RECORDING_TOO_LONG = "Запись «{file_name}» длится {duration}, а предел — {maximum}. Разделите её на части."
A_DAY = "24 ч"
OVER_A_DAY = "больше 24 ч"
RECORDING_TOO_LARGE = "Файл «{file_name}» занимает {size}, а предел — {maximum}. Сожмите запись или разделите её."
NO_SPEECH = "В записи «{file_name}» не слышно речи. Проверьте, тот ли это файл и включён ли был микрофон."
UNWRITABLE_FOLDER = "В папку «{path}» нельзя записать результаты: {reason}. Укажите другую папку параметром --out."
UNKNOWN_CHOICE = "Не знаю «{value}». Можно выбрать: {allowed}."
BUILDING_NEEDED = "Отчёты «{labels}» зависят от типа заведения. Добавьте --building hotel, restaurant или spa."
BAD_SETTINGS = "Неверные настройки: {names}. Поправьте их в .env (пояснения — в .env.example)."
PORT_TAKEN = "HTTP_PORT (порт {port} занят другой программой)"
NOT_INSTALLED = "{settings} (без них {need}: pip install -r {file})"
DOCUMENT_UNKNOWN = "Документ {file_name} такого вида не читается: возьмите .txt, .md, .docx и .pdf."
DOCUMENT_BROKEN = (
    "Документ {file_name} не читается: он повреждён или закрыт паролем. Сохраните его заново без пароля и повторите."
)
DOCUMENT_TOO_LARGE = "Документ {file_name} слишком велик, можно до {pages} страниц и {size}. Разделите его на части."
DOCUMENT_WITHOUT_TEXT = (
    "В файле {file_name} нет текста: он пуст, или в нём снимки страниц. Распознайте текст (OCR) и загрузите снова."
)
NO_PGVECTOR = "VECTOR_INDEX (на сервере PostgreSQL нет расширения vector: установите pgvector или выберите memory)"
NEEDS_DATABASE = "нужна встроенная база данных, а она не установлена"
NEEDS_LANGUAGE_MODEL = "нужна встроенная языковая модель, а она не установлена"
NEEDS_SPEECH = "нужно распознавание речи на этой машине, а оно не установлено"
NEEDS_EMBEDDINGS = "нужен поиск по смыслу на этой машине, а он не установлен"
BAD_REPORT_PACK = (
    "Набор отчётов в папке prompts повреждён: {reason}. Исправьте файл или восстановите его из репозитория."
)
CONTEXT_TOO_SMALL = (
    "Контекст языковой модели мал для этого отчёта: не хватает {missing_tokens} токенов. "
    "Увеличьте LLM_CONTEXT_TOKENS или возьмите другую модель; готовое сохранено."
)
NO_LANGUAGE_MODEL = "Языковая модель отключена (LLM_ENGINE=none), поэтому отчётов нет. Включите её в .env."
MISSING_PROGRAM = "Не найдена программа {program}. Установите её или укажите верный путь в .env."
UNWRITABLE_MODELS = (
    "Веса моделей не записать в папку {path}: {reason}. Дайте на неё права пользователю, под которым идёт программа "
    "(в контейнере это 10001), и повторите."
)
WEIGHTS_REFUSED = (
    "Веса модели «{name}» не приняты: {reason}. Если их скачала программа, удалите папку persistent_data/models/{name} "
    "и повторите: они скачаются заново. Если путь к ним указан в .env, проверьте его."
)
OUT_OF_RESOURCES = (
    "Системе не хватило {what}. Проверьте пределы (ulimit -n, ulimit -u) и свободную память и повторите: "
    "готовое не пропадёт."
)
OPEN_FILES = "открытых файлов"
MEMORY = "памяти"
PROCESSES = "процессов или потоков"
DISK_FULL = "На диске не хватило места для {path}. Освободите место и повторите: готовое не пропадёт."
PROVIDER_FAILED = "Сервис {provider} ответил ошибкой. Готовое сохранено: повторите позже."
PROVIDER_UNAVAILABLE = (
    "Сервис {provider} не отвечает или отвечает сбоем. "
    "Готовое сохранено: проверьте адрес и сеть или подождите и повторите."
)
BAD_TEXT = "{reason}"
PROVIDER_RATE_LIMITED = "Сервис {provider} ограничил частоту запросов. Готовое сохранено: повторите позже."
PROVIDER_INVALID_ANSWER = "Сервис {provider} прислал непонятный ответ. Готовое сохранено: повторите или смените модель."
PROVIDER_REFUSED_KEY = "Сервис {provider} не принял ключ доступа. Проверьте ключ в .env и повторите: готовое сохранено."
PROVIDER_REJECTED_REQUEST = "Сервис {provider} отклонил запрос: {reason}. Готовое сохранено."
DATABASE_UNAVAILABLE = (
    "База данных не отвечает или не приняла имя, пароль или название базы. "
    "Проверьте DATABASE_URL и сервер и повторите: готовое не пропадёт."
)
DATABASE_FULL = (
    "На диске базы данных ({path}) кончилось место. Освободите место на этом диске и повторите: готовое не пропадёт."
)
DATABASE_SERVER = "сервер из DATABASE_URL"
DATABASE_MISCONFIGURED = (
    "База данных отвечает, но работать с ней нельзя: {why}. "
    "Исправьте это на сервере или укажите другую в DATABASE_URL: готовое не пропадёт."
)
DATABASE_NO_RIGHTS = "у пользователя нет прав создавать таблицы и писать в них"
DATABASE_READ_ONLY = "она открыта только для чтения"
DATABASE_FROM_FUTURE = (
    "её уже обновила более новая версия программы (здесь не знают: {migrations}); запустите эту версию "
    "или восстановите базу из копии"
)
DATABASE_ENCODING = "её кодировка {encoding}, нужна UTF8 (CREATE DATABASE … ENCODING 'UTF8')"
EMBEDDED_DATABASE_AWAY = (
    "Встроенная база данных остановилась и запускается снова. Подождите минуту и повторите: готовое не пропадёт."
)
OBJECT_STORE_UNAVAILABLE = "Хранилище файлов не отвечает. Проверьте настройки MINIO_* и повторите."
OBJECT_DAMAGED = "Файл записи в хранилище повреждён. Отправьте запись ещё раз: готовое по ней не пропадёт."
OBJECT_FOLDER_UNAVAILABLE = (
    "Папка с записями {path} недоступна: {reason}. Проверьте диск и права на неё и повторите: готовое не пропадёт."
)
OBJECT_STORE_REFUSED_KEY = (
    "Хранилище файлов не приняло ключ доступа. Проверьте MINIO_ACCESS_KEY и MINIO_SECRET_KEY и повторите."
)
REPORT_INDEX_BROKEN = (
    "Список отчётов повреждён: {path}. Сами отчёты целы: перезапустите программу, и список будет восстановлен."
)
ENGINE_FAILED = "Встроенный движок {engine} не сработал. Подробности — в persistent_data/logs; повторите."
NOT_FOUND = "Нужных данных не нашлось: возможно, их удалили. Обновите список или обработайте запись ещё раз."
REPORT_FILE_GONE = "Файл отчета №{number} не найден на диске. Закажите отчет ещё раз по той же записи."
WORDS_CHANGED = "При разметке спикеров изменился бы текст, поэтому она отменена. Расшифровка цела: повторите."
CANCELLED = "Обработка отменена. Запись и всё готовое сохранены: работу можно продолжить с того же места."
INTERRUPTED = "Остановлено. Готовое сохранено: повторите ту же команду, и работа продолжится."
REASON_NO_FUNDS = "закончились средства или исчерпана квота. Пополните счёт и повторите"
REASON_CONTEXT_TOO_LONG = (
    "запрос длиннее контекста модели. Укажите её контекст в LLM_CONTEXT_TOKENS или возьмите другую модель"
)
REASON_TOO_LARGE = "запрос слишком большой. Возьмите другую модель или другой сервис"
REASON_REGION = "сервис недоступен в вашей стране. Укажите в .env адрес другого сервиса"
REASON_UNKNOWN_MODEL = "нет такой модели ({model}). Исправьте название модели в .env"
REASON_STATUS = "ответ HTTP {status} ({detail}). Проверьте в .env адрес и название модели"
WEIGHTS_DO_NOT_LOAD = "движок не смог их открыть"
MODEL_FILE_UNREADABLE = "файл {file} не читается"
REASON_RUSSIAN_ONLY = "эта модель знает только русский язык. Добавьте --language ru или возьмите другую модель"
WEIGHTS_NOT_LISTED = "в {file} нет верного описания этих весов"
WEIGHTS_WRONG_SUM = "контрольная сумма файла {file} не совпала с опубликованной"
WEIGHTS_BAD_PACKAGE = "в пакете {package} нет ожидаемых данных"
WEIGHTS_BAD_CHECKPOINT = "файл {file} не удалось прочитать"
WEIGHTS_PROVIDER = "загрузки моделей"
MESSENGER_FAILED = "{messenger} отклонил запрос. Попробуйте ещё раз; если не поможет, сообщите администратору."
MESSENGER_UNAVAILABLE = "{messenger} не отвечает. Проверьте {connection}; бот продолжит, когда связь вернётся."
MESSENGER_REFUSED_SECRETS = "{messenger} не принял {secrets}. Проверьте их: {source}."
TELEGRAM_CONNECTION = "сеть или прокси (TELEGRAM_PROXY)"
TELEGRAM_SECRETS = "TELEGRAM_BOT_TOKEN, TELEGRAM_API_ID или TELEGRAM_API_HASH"
TELEGRAM_SECRETS_SOURCE = "токен даёт @BotFather, id и hash — my.telegram.org"
ALREADY_SENT = "Это сообщение уже приходило, и его удалили. Если оно ещё нужно, повторите запрос."
CHAT_CLOSED = "Чат закрыт: человек остановил бота. Попросите его снова нажать «Старт»."
FILE_GONE = "{messenger} больше не отдаёт файл «{file_name}»: возможно, сообщение удалили. Отправьте файл ещё раз."
ACCESS_DENIED = "На это нужно больше прав. Попросите администратора."
OUTDATED_BUTTON = "Эта кнопка устарела"
BOT_NOT_CONFIGURED = (
    "Бот не настроен: впишите в .env TELEGRAM_BOT_TOKEN, TELEGRAM_API_ID и TELEGRAM_API_HASH (сейчас нет: {names}).\n"
    "Токен даёт @BotFather по команде /newbot, id и hash — https://my.telegram.org, раздел API development tools.\n"
    "Без бота записи обрабатывает команда scripts/run process ФАЙЛ; подскажет scripts/run --help."
)
WORKER_ALONE = (
    "Рабочему процессу не с кем работать: база и хранилище записей должны быть общими с ботом. "
    "Укажите в .env {names}, те же, что у бота, или запустите бота на этой машине с той же папкой ({folder})."
)
BACKUPS_LOCKED = (
    "Пароль из {path} не подходит к хранилищу резервных копий, или файла нет. Положите туда пароль, который сохранили "
    "при первом запуске, и повторите."
)
BACKUP_FAILED = (
    "Резервная копия не сделана: {reason}. Прежние копии целы. Устраните причину и повторите scripts/backup."
)
BACKUP_UNAVAILABLE = (
    "Хранилище резервных копий недоступно: {reason}. Проверьте BACKUP_REPOSITORY, его ключи и сеть и повторите."
)
BACKUP_DAMAGED = (
    "Резервная копия повреждена: {reason}. Проверьте диск, отложите это хранилище и сделайте копию в новом: "
    "docs/backups.md, «A set is damaged»."
)
BACKUP_NOT_FOUND = (
    "Проверенной резервной копии нет ({name}). Список показывает scripts/backup --list; проверьте и BACKUP_REPOSITORY."
)
RESTORE_REFUSED = (
    "Здесь уже есть данные ({found}), а восстанавливают только на пустое место. Остановите программу и уберите их: "
    "docker compose down && mv persistent_data persistent_data.before. Затем верните persistent_data/backups и "
    "persistent_data/secrets/backup и повторите."
)
STORE_IN_USE = (
    "В хранилище {endpoint} (корзина {bucket}) уже есть записи: возможно, с ним работает другая установка. Туда ничего "
    "не положено. Укажите другое в MINIO_ENDPOINT или MINIO_BUCKET; если нужно именно это, "
    "scripts/restore --into-used-bucket добавит в него то, чего там нет. Перед повтором остановите программу "
    "(docker compose down) и уберите из persistent_data всё, кроме backups и secrets/backup."
)
BOT_RUNS_ALREADY = (
    "Бот уже запущен с этой папкой ({folder}). Остановите его или укажите другую в PERSISTENT_DIR; у бота один процесс."
)
