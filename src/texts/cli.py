"""What the command line says."""

from texts.units import Noun

HELP = (
    "VoxPersona: запись разговора — в расшифровку со спикерами и отчёты. "
    "Без команды запускается бот Telegram; его настройки — в .env."
)
HELP_PROCESS = "Обработать записи: расшифровка, спикеры и роли, отчёты сценария."
HELP_DEMO = (
    "Показать всё на примерах из папки samples: отчёты по интервью с гостем отеля, расшифровку короткой записи. "
    "Меньше минуты, когда веса скачаны."
)
HELP_LIVE = "Отчёты пишет подключённая или встроенная модель, а не записанные заранее ответы."
HELP_DOCTOR = "Сказать, какие движки используются и работает ли каждый."
HELP_WORKER = (
    "Обрабатывать записи вместе с ботом, без Telegram: на этой или другой машине, сколько угодно таких процессов. "
    "База и хранилище записей — те же, что у бота."
)
HELP_IDLE = "Не брать задач: так новая версия пробуется рядом с прежней."
HELP_SCENARIO = "Сценарий: interview, design, meeting или none (только расшифровка). По умолчанию interview."
HELP_BUILDING = "Тип заведения: hotel, restaurant или spa."
HELP_REPORT = "Отчёты: all, none или имена через запятую. По умолчанию all."
HELP_LANGUAGE = "Язык записи: ru, en, uk, de и другие коды ISO 639-1, или auto. По умолчанию auto."
HELP_SPEAKERS = "Сколько человек говорит; без этого считаем сами."
HELP_CAPTION = "Подпись к записи построчно, как в чате: номер, дата, сотрудник…"
HELP_OUT = "Папка для результатов. По умолчанию out."
HELP_OUT_DEMO = "Папка для результатов. По умолчанию out/demo."
HELP_ESTIMATE = "Только сказать, сколько запросов, токенов, денег и времени займут отчёты: ничего не начинать."
ESTIMATE_ROW = "  {label}: {expected}"
ESTIMATE_TOTAL = "{file_name} · {duration} · {model}\n{rows}  Все отчёты: {expected}"
ESTIMATE_SOUND = "  Расшифровки ещё нет: посчитано по длительности."
ESTIMATE_NONE = "Отчётов не будет: не выбраны или языковая модель отключена."
WILL_TAKE = "Отчёты займут: {expected}."
SPENT = "  Потрачено: {spent}."
HELP_JSON = "Напечатать итог в JSON."
HELP_HELP = "Показать эту справку."
HELP_VERSION = "Показать версию."
HELP_USAGE = "Как вызвать: "
HELP_SECTIONS = {"Options": "Параметры", "Commands": "Команды"}
METAVAR_COMMAND = "КОМАНДА [ПАРАМЕТРЫ]"
METAVAR_OPTIONS = "[ПАРАМЕТРЫ]"
METAVAR_FILES = "ФАЙЛ…"
METAVAR_NAME = "ИМЯ"
METAVAR_NAMES = "ИМЕНА"
METAVAR_NUMBER = "ЧИСЛО"
METAVAR_TEXT = "ТЕКСТ"
METAVAR_FOLDER = "ПАПКА"
METAVAR_FROM = "ОТКУДА"
METAVAR_TO = "КУДА"
HELP_OBJECTS = "Хранилище записей."
HELP_OBJECTS_CHECK = (
    "Сверить хранилище с базой: найти файлы, которых не называет ни одна запись, и записи без исходного файла. "
    "Ничего не удаляет без --delete."
)
HELP_OBJECTS_DELETE = "Удалить лишние файлы старше суток, если их ровно столько: число назовёт сверка без --delete."
HELP_OBJECTS_COPY = (
    "Скопировать записи в другое хранилище. Вместо ОТКУДА и КУДА пишут files (папка persistent_data/objects) "
    "и s3 (хранилище из настроек MINIO_*) в нужном порядке. "
    "Каждый файл сверяется; прерванное копирование продолжит та же команда. Бота на это время остановите."
)
HELP_ANSWERS = "Оценённые ответы чатов — данные для обучения модели."
HELP_ANSWERS_EXPORT = (
    "Записать в ФАЙЛ хорошие ответы (оценка 4 и 5) в формате JSONL, без личных данных и повторов. Имена, телефоны, "
    "почта и номера документов заменяются пометками вроде [имя]. "
    "Редкое имя программа может не узнать: просмотрите файл."
)
HELP_ANSWERS_CHECK = "Проверить ФАЙЛ с примерами: формат, повторы, личные данные. Код завершения 1, если есть ошибки."
HELP_FORCE = "Заменить файл, если он уже есть."
METAVAR_FILE = "ФАЙЛ"
HELP_RESEARCH = (
    "Глубокое исследование: прочитать все подходящие расшифровки и ответить на ВОПРОС с цитатами и счётом интервью. "
    "Без --yes только скажет, сколько это займёт и будет стоить. Прерванное продолжит та же команда."
)
HELP_RESEARCH_SCENARIO = "Только записи этого сценария: interview, design или meeting."
HELP_PLACE = "Только об этом заведении."
HELP_CITY = "Только в этом городе."
HELP_EMPLOYEE = "Только записи этого сотрудника."
HELP_SINCE = "Не раньше этого дня: 2026-11-03."
HELP_UNTIL = "Не позже этого дня."
HELP_YES = "Начать: цену я видел."
HELP_CANCEL = "Отменить начатое исследование. Прочитанное сохранится."
METAVAR_QUESTION = "ВОПРОС"
METAVAR_DAY = "ДЕНЬ"
NO_QUESTION = "не указан вопрос"
USAGE_NOT_A_DAY = "«{value}» — не день, нужен вид 2026-11-03"
RESEARCH_GO = "Начать: та же команда с --yes."
RESEARCH_STAGE = "Исследование"
RESEARCH_FILE = "Исследование {number} {question}"
RESEARCH_WRITTEN = "✔ {path}"
RESEARCH_CANCELLED = "Исследование отменено. Прочитанное сохранено: снова за него платить не придётся."
RESEARCH_NONE = "Начатого исследования нет."

USAGE_ERROR = "Не понимаю команду: {reason}. Справка: scripts/run --help"
NO_FILES = "не указан ни один файл записи"
USAGE_NO_SUCH_OPTION = "нет параметра «{name}»"
USAGE_NO_SUCH_COMMAND = "нет команды «{name}»"
USAGE_GUESS = " (может быть, {names}?)"
USAGE_NEEDS_VALUE = "после {name} нужно значение"
USAGE_IS_FLAG = "{name} пишут без значения"
USAGE_BAD_VALUE = "{name}: {reason}"
USAGE_NOT_A_NUMBER = "«{value}» не подходит, нужно целое число от {smallest} до {largest}"
USAGE_MISSING = "не хватает слова на месте {name}"
USAGE_EXTRA = "лишнее слово «{value}»"

BOT_STARTING = "Запускаю бота…"
BOT_READY = "Бот @{username} работает. Остановить: Ctrl-C."
BOT_OUT_OF_REACH = (
    "Telegram не отвечает. Проверьте сеть или прокси (TELEGRAM_PROXY). Принятые записи обрабатываются, "
    "а бот сам продолжит, когда связь вернётся. Остановить: Ctrl-C."
)
BOT_STOPPED = "Остановлено. Начатая работа сохранена и продолжится при следующем запуске."

CONSOLE_STARTING = "Бот не настроен: работаю в браузере. Запускаю…"
CONSOLE_READY = (
    "Откройте в браузере этого компьютера:\n"
    "  {link}\n"
    "Это ключ: не показывайте его другим. Он действует, пока программа работает. Остановить: Ctrl-C."
)

NO_BOT = "Токен бота не задан: работаю без Telegram, записи принимает команда process."
WORKER_STARTING = "Запускаю рабочий процесс…"
WORKER_READY = "Рабочий процесс берёт задачи. Остановить: Ctrl-C."
WORKER_STOPPED = "Остановлено. Начатая работа сохранена: её продолжат другие процессы или следующий запуск."

STARTING = "Запускаю хранилище и движки…"
FETCHING = "Скачиваю веса: {name}"
FETCHING_OLD_STORE = "Скачиваю программу прежнего хранилища: она нужна один раз"
BRINGING_OVER = "Переношу записи"
CHECKED = "Файлов в хранилище: {objects}, из них лишних: {orphans}. Потеряно исходных файлов: {lost}."
ORPHAN = "• Лишний: {key} (его не называет ни одна запись)."
ORPHAN_DELETED = "• Удалён лишний: {key}."
ORIGINAL_LOST = "✖ Исходного файла нет: {key}."
CHECK_FOREIGN = (
    "Ничего не удалено: база не знает ни одного файла этого хранилища или старше лишних файлов. Похоже, она от другой "
    "установки или из резервной копии: проверьте DATABASE_URL и MINIO_*."
)
CHECK_DELETES = (
    "Ничего не удалено. Самый новый из лишних файлов — от {newest}; файлы моложе суток лишними не считаются. "
    "Если база восстановлена из резервной копии или хранилищем пользуется другая установка, это чьи-то записи: "
    "удалять их нельзя. Если это не так, удалить лишние: objects check --delete {orphans}"
)
COPIED = "Перенесено файлов: {copied}, уже были на месте: {known}."
COPY_LOST = "✖ Файл {key} в исходном хранилище потерян или повреждён."
ANSWERS_READING = "Читаю оценённые ответы…"
ANSWERS_WRITTEN = "Записано: {examples} в {path}."
ANSWERS_NONE = "Записывать нечего: подходящих ответов с оценкой {rating} и выше нет."
ANSWERS_DUPLICATES = "Повторов: {count}."
ANSWERS_EMPTY = "Без текста: {count}."
ANSWERS_OURS = "С сообщением об ошибке или без ответа в базе: {count}."
ANSWERS_FILE_IS_THERE = "Файл {path} уже есть. Укажите другое имя или добавьте --force, чтобы его заменить."
ANSWERS_UNWRITABLE = "В {path} нельзя записать: {reason}. Укажите другой файл."
ANSWERS_PROBLEM = "✖ Строка {line}: {text}"
ANSWERS_WARNING = "⚠ {text}"
ANSWERS_UNFIT = "{path}: {problems}. Для обучения файл не годится."
ANSWERS_FIT = "{path}: ошибок нет."
PROBLEM = Noun("ошибка", "ошибки", "ошибок")
ACCEPTED = "🎙 Принято: {file_name} · {duration} · {size} · №{number}"
KNOWN = "Эта запись уже есть: №{number} ({file_name} · {duration}). Готовое берём оттуда."
KNOWN_UNDONE = "Эта запись уже есть: №{number} ({file_name} · {duration}). Делаем то, чего для неё ещё нет."
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
DATABASE = "База данных"
DATABASE_AWAY = "не отвечает, жду…"
DATABASE_SHUT = "на её диске нет места, жду, пока оно появится…"
DATABASE_BACK = "снова отвечает"
DATABASE_AWAITED = "База данных не отвечает, жду её"
OBJECTS_AWAITED = "Хранилище файлов не отвечает, жду его"
PARTS = "{stage} {done}/{total}"
FAILED = "✖ {file_name}: {reason}"

DONE_HEAD = "✔ {file_name} · {duration} · {speakers} · язык {language}"
DONE_TRANSCRIPT = "  Расшифровка: {path} ({forms})"
DONE_REPORT = "  {label}: {path}"
DONE_INDEX = "      {label}: {value}"
DONE_WARNING = "  ⚠ {warning}"

DOCTOR_OK = "работает"
DOCTOR_EMBEDDED = "встроенный"
DOCTOR_CONFIGURED = "настроен"
DOCTOR_ROWS = {
    "database": "База данных",
    "objects": "Хранилище файлов",
    "speech": "Распознавание речи",
    "language": "Языковая модель",
    "speakers": "Голоса",
    "meaning": "Поиск по смыслу",
    "voice": "Озвучка",
    "order": "Порядок найденного",
    "ffmpeg": "ffmpeg",
    "pack": "Набор отчётов",
    "disk": "Место на диске",
    "avatars": "Аватары",
}
DOCTOR_NO_TELEGRAM = "выключен, не указано: {names}"
DOCTOR_TELEGRAM = "отвечает ли, скажет scripts/health_check"
DOCTOR_SETTINGS = "Настройки"
DOCTOR_COLUMNS = ("Что", "Чем", "Состояние")
DOCTOR_OFF = "отключена"
DOCTOR_SEARCH_OFF = "отключён"
DOCTOR_NO_VOICE = "нет, кнопок «🔊 Озвучить» не будет: задайте TTS_MODEL или TTS_MODEL_DIR, либо установите festival"
DOCTOR_SHUTDOWN = "модель отключат {date}"
DOCTOR_PACK = "сценариев: {scenarios}, отчётов: {reports}"
DOCTOR_DISK = "свободно {free}"
