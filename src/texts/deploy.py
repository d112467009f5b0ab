"""What ``scripts/deploy``, ``scripts/rollback`` and ``scripts/cleanup_images`` say."""

from texts.units import Noun

HELP_DEPLOY = (
    "Обновить VoxPersona на этом сервере: резервная копия, git pull, сборка, проверки, замена, наблюдение. "
    "При любой неудаче остаётся или возвращается прежняя версия."
)
HELP_WITHOUT_BACKUP = "не делать резервную копию перед обновлением"
HELP_FORCE = "собрать и поставить, даже если эта версия уже работает"
HELP_COMMIT = "поставить только эту версию; если на ветке уже другая, ничего не делать"
HELP_ROLLBACK = "Вернуть прежнюю версию VoxPersona, образ которой остался на сервере. База данных не меняется."
HELP_IMAGES = "Удалить старые образы VoxPersona: остаются работающий, предыдущий и те, что заняты контейнерами."
HELP_LOGS = (
    "Удалить старые журналы из persistent_data: отложенные при ротации и журналы обновлений. "
    "Текущие журналы и отчёты об обновлениях остаются."
)
HELP_DAYS = "сколько дней хранить (по умолчанию 30)"
USAGE_HEAD = "Запуск: "
USAGE_OPTIONS = "параметры"
USAGE_HELP = "показать эту подсказку"
USAGE_WRONG = "Не понимаю параметры: {wrong}. Подсказка: {program} --help"

STEPS = {
    "preflight": "Проверяю сервер",
    "backup": "Делаю резервную копию",
    "pull": "Получаю новую версию",
    "build": "Собираю образ",
    "services": "Смотрю, работают ли база и хранилище",
    "check": "Проверяю новый образ и настройки",
    "migrate": "Обновляю базу данных",
    "canary": "Пробую новую версию рядом с прежней",
    "switch": "Заменяю прежнюю версию",
    "ready": "Жду готовности",
    "smoke": "Проверяю, что отвечает новая версия",
    "watch": "Наблюдаю {seconds} с",
    "tidy": "Убираю старые образы",
    "rollback": "Возвращаю прежнюю версию",
}
STEP_LINE = "• {step}…"
REPORT_LINE = "Отчёт: {path}"
LOG_LINE = "Подробности: {path}"

RESULTS = {
    "done": "Версия {target} работает.",
    "nothing_new": "Обновлять нечего: версия {target} уже работает.",
    "stopped": "Обновление остановлено, прежняя версия работает как раньше.",
    "rolled_back": "Новая версия не подошла, прежняя возвращена и работает.",
    "rollback_failed": "Новая версия не подошла, и прежняя тоже не готова. Нужно вмешательство.",
    "rollback_undone": "Откат не удался, работает версия, которая была до него.",
    "undo_failed": "Откат не удался, и версия, которая была до него, тоже не готова. Нужно вмешательство.",
    "interrupted": "Это обновление оборвалось на полпути.",
}
STOPPED = "Обновление остановлено: {why} Подробности смотрите в отчёте об обновлении."
UNFIT = "Эта версия не годится: {what}. Исправьте причину и повторите обновление."
COMMAND_FAILED = "Программа завершилась с кодом {status}: {reason}. Исправьте причину и повторите команду."
UNSETTLED = (
    "Обновление остановлено. Прошлое оборвалось на замене, и какая версия работает, сейчас не узнать: "
    "устраните причину и повторите scripts/deploy, или верните прежнюю версию: scripts/rollback."
)
NOTHING_TOUCHED = "Обновление остановлено, на сервере ничего не изменилось."
STOPPED_WITHOUT_FORMER = "Обновление остановлено. Прежней версии на сервере нет."
DOWN = "! VoxPersona не работает, и прежняя версия {why}. Продолжаю обновление."
STOPPED_IN_TROUBLE = "Обновление остановлено, ничего не заменено. Прежняя версия {what}"
UNKNOWN_STATE = "работает или нет, узнать не удалось: docker compose ps"
RUNS_NOT = "не запущена. Запустите её: docker compose up -d --wait"
CRASHES = "перезапускается или завершилась: docker compose logs --tail=20 {service}"
NOT_READY_NOW = "не готова ({parts}): scripts/health_check"
REPORT_TITLE = "Обновление {id}: {result}"
REPORT_WHY = "Причина: {why}"
REPORT_FROM = "Было: {commit}"
REPORT_TO = "Стало: {commit}"
REPORT_WANTED = "Стало бы: {commit}"
REPORT_STEP = "{mark} {step}: {seconds} с"
REPORT_DOWN = "Перерыв в работе: {seconds} с"
REPORT_WITHOUT_BACKUP = "Без резервной копии."
UNKNOWN_COMMIT = "неизвестная версия"

BUSY = "Обновление или откат уже идёт (процесс {pid}). Дождитесь его конца: второе сразу начать нельзя."
WAITS_FOR_KILLED = "Прошлое обновление прервали, его программы ещё заканчивают. Жду их."
AT_WORK = "scripts/{name} (процесс {pid})"
OTHER_AT_WORK = "В этой папке уже работает {holder}. Ничего не сделано: дождитесь конца и повторите."
OTHER_WAS_KILLED = (
    "В этой папке ещё работают программы, которые запустила команда {holder}: её саму прервали. "
    "Ничего не сделано: подождите минуту-другую и повторите."
)
LOCK_CLOSED = "Не могу открыть файл {path}: запускайте команду от имени того, кому принадлежит папка, или через sudo."
NO_FOLDER = (
    "В папку {path} нельзя писать. Запустите команду с sudo или отдайте папку себе: "
    "sudo install -d -m 700 -o $(id -u) -g $(id -g) '{path}'"
)
UNFINISHED = (
    "Прошлое обновление ({id}) оборвалось на шаге «{step}». Начинаю заново; прежней версией считается {former}."
)
GOES_ON = "Сейчас идёт обновление или откат (процесс {pid}). Дождитесь его конца."
LEFT_OPEN = (
    "⚠ Обновление {id} не доведено до конца (шаг «{step}»): {what}. Начать его заново: scripts/deploy. "
    "Вернуть прежнюю версию: scripts/rollback."
)
LEFT_OPEN_AT_FIRST = (
    "⚠ Обновление {id} не доведено до конца (шаг «{step}»): {what}. Прежней версии нет. Начать заново: scripts/deploy."
)
UNPROVEN_RUNS = "то, что работает, не проверено"
NOTHING_PROVEN = "VoxPersona не запущена, а docker compose up запустил бы непроверенную версию"
DEPLOYS_CLOSED = (
    "⚠ Не оборвалось ли последнее обновление, узнать нельзя: {path} открывает только {owner}. "
    "Спросите от имени этого пользователя или с sudo: sudo scripts/health_check"
)
NO_PROGRAM = "Не найдена программа {program}. Установите её: {package}."
ENGINE_SILENT = "Docker не отвечает: {reason}. Проверьте: systemctl status docker, и что вы в группе docker."
ENGINE_OLD = "Docker {found} слишком старый, нужен {needed} или новее. Обновите пакет Docker."
COMPOSE_OLD = "Docker Compose {found} слишком старый, нужен {needed} или новее. Обновите docker-compose-plugin."
NO_COMPOSE = "Docker Compose не найден. Установите пакет docker-compose-plugin."
NO_BUILDER = (
    "Docker не может собрать образ: нет дополнения buildx. Установите его (пакет docker-buildx-plugin, "
    "в самих Debian и Ubuntu: docker-buildx) и повторите."
)
COMPOSE_REFUSES = "Docker Compose не понимает docker-compose.yml с этим .env: {reason}. Поправьте .env."
ENV_NOT_UTF8 = "Файл .env не в кодировке UTF-8 (строка {line}). Сохраните его в UTF-8 и повторите."
NO_ENV = "Нет файла .env. Создайте его: install -m 600 .env.example .env, впишите настройки и повторите."
ENV_OPEN = "⚠ Файл .env могут читать другие пользователи этой машины: chmod 600 .env"
COMMIT_HIDDEN = (
    "В .env есть строка BUILD_COMMIT=. С ней новая версия не назовёт себя, и обновление пришлось бы откатить. "
    "Удалите эту строку (sed -i '/^ *BUILD_COMMIT *=/d' .env) и повторите."
)
LOW_SPACE = (
    "Мало места на диске: в {path} свободно {free} МБ, а нужно {needed} МБ. Освободите место ({cure}) и повторите."
)
FREE_OF_IMAGES = "scripts/cleanup_images, docker builder prune"
FREE_OTHERWISE = "образы лежат на другом диске; что здесь велико, скажет: du -xhd2 '{path}' | sort -h | tail"
NO_SPACE = (
    "на диске кончилось место, освободите его (scripts/cleanup_images, docker builder prune, scripts/cleanup_logs) "
    "и повторите"
)
FILES_DIFFER = (
    "Система запущена и с файлом {lost}, а scripts/deploy о нём не знает, и без него другие машины или хранилище "
    "отпали бы. Впишите в .env: COMPOSE_FILE={needed} и повторите. "
    "Если он больше не нужен, сначала выполните: docker compose up -d --wait"
)
OTHER_FOLDER = (
    "VoxPersona на этой машине работает из папки {folder}, и отсюда её не обновить: повторите команду там. "
    "Если та система больше не нужна, сначала выполните в той папке: docker compose down"
)
WORKERS_ALONE = (
    "На этой машине только помощники бота: scripts/deploy для машины с ботом. "
    "Обновите её так: git pull --ff-only && docker compose build voxpersona && "
    "docker compose up -d --wait prepare worker"
)
PORT_TAKEN = (
    "Порт {port} на адресе {host} занят другой программой. Освободите его или укажите в .env другой "
    "(HTTP_PORT, для Grafana GRAFANA_PORT)."
)
NUMBER_WRONG = "{name} должно быть целым числом от {least}. Исправьте значение."
OPTIONS_WRONG = "DEPLOY_BUILD_OPTIONS: кавычки не закрыты. Исправьте значение."

NO_REPOSITORY = "Это не копия репозитория git: {reason}. Запускайте scripts/deploy из клона."
LOCAL_CHANGES = (
    "В копии репозитория есть свои изменения: {files}. Уберите их (git stash или git checkout -- ФАЙЛ) и повторите."
)
HALF_MOVED = (
    "Прошлое обновление оборвалось, пока git менял файлы: {files}. "
    "Верните их: rm -f .git/index.lock && git stash, и повторите."
)
NO_BRANCH = (
    "Ветка не связана с удалённой: {reason}. "
    "Выполните: git switch main, а если ветка своя: git branch --set-upstream-to=origin/main"
)
OTHER_COMMIT = (
    "На ветке уже версия {found}, а ставить велено {wanted}. Ничего не сделано: повторите для новой версии, "
    "когда её проверки пройдут."
)
COMMIT_WRONG = "--commit должно быть полным номером версии: 40 знаков 0-9 и a-f. Исправьте значение."
FETCH_FAILED = "Новую версию не получить: {reason}. Проверьте сеть и доступ к репозиторию."
DIVERGED = (
    "История этой копии разошлась с удалённой: здесь есть свои коммиты ({count}). "
    "Сохраните их в ветке (git branch мои-изменения) и выполните: git reset --keep @{{upstream}}"
)
PULL_FAILED = "git не смог перейти на новую версию: {reason}. Уберите то, что мешает, и повторите."

NO_BACKUP_SCRIPT = (
    "Нет scripts/backup, резервную копию сделать нечем. "
    "Если копия уже есть или не нужна, повторите с параметром --without-backup."
)
BACKUP_FAILED = (
    "Резервная копия не получилась (код {status}): {reason}. Исправьте это; обойтись без копии: --without-backup."
)
BUILD_FAILED = "Образ не собрался: {reason}. Исправьте причину и повторите."
BUILD_NO_SPACE = (
    "При сборке кончилось место на диске. Освободите его (scripts/cleanup_images, docker builder prune) и повторите."
)
CHECK_FAILED = "Проверка нового образа, настроек и папок не прошла: {reason}. Исправьте это и повторите."
SERVICES_FAILED = "База данных или хранилище не запускаются: {reason}. Смотрите: docker compose logs postgres objects"
MIGRATION_FAILED = (
    "База данных не обновилась. {reason}. Она годится для прежней версии, как раньше. Полный ответ, если дело в базе: "
    "docker compose logs --tail=50 postgres"
)
CANARY_FAILED = "Новая версия не запускается рядом с прежней: {reason}"
SWITCH_FAILED = "не запускается: {reason}"
SWITCH_PORT_TAKEN = (
    "не запускается: порт {port} занят другой программой. Освободите его или укажите в .env другой "
    "(HTTP_PORT, для Grafana GRAFANA_PORT)"
)
NOT_READY = "не готова через {seconds} с ({parts})"
NOT_READY_IN_WATCH = "перестала быть готовой ({parts})"
NO_ANSWER = "на запрос о готовности не отвечает"
EXIT_CODE = ", код завершения {code}"
RESTARTS = "перезапускается или завершилась (контейнер {name}{code}). Последнее в журнале: {reason}"
MANY_ERRORS = "пишет в журнал ошибки: их {count}, допустимо {most}. Последняя: {reason}"
WRONG_COMMIT = "не та: отвечает {found}, а ставили {wanted}"
PORT_SILENT = "не отвечает на порту {host}:{port}"
STOPPED_BY_HAND = "обновление прервано человеком или системой"
TIMEOUT = "команда «{command}» не закончилась за {seconds} с"
UNEXPECTED = "непредвиденная ошибка {kind}"
NEW_VERSION = "Новая версия {what}."
FORMER_NOT_READY = "Прежняя версия тоже {what} — причина, видимо, не в новой версии: проверьте .env, базу, Telegram."
LOG_EMPTY = "журнал пуст"

NO_PREVIOUS = (
    "Предыдущего образа на сервере нет, возвращаться не к чему. Нужную версию соберите сами: git reset --keep ВЕРСИЯ "
    "&& docker compose up -d --build --no-deps voxpersona worker"
)
ROLLED_BACK = "Работает прежняя версия {commit}. Заняло {seconds} с."
FORMER_VERSION = "Прежняя версия {what}."
UNDO_FAILED = "Версия, которая была до отката, тоже не вернулась: {why}"
NOT_TIDIED = "Старые образы не убраны: {why} Версия при этом работает; уберите их: scripts/cleanup_images"
ROLLBACK_CHECKOUT = "Файлы в папке не переведены на {commit}: {reason}. Сделайте это сами: git reset --keep {commit}"
NOTHING_RUNS = (
    "VoxPersona не запущена, и откатывать нечего. Запустите её: docker compose up -d --no-build --wait, "
    "а если migrate пишет, что база новее: docker compose up -d --no-build --no-deps voxpersona worker"
)

IMAGE = Noun("образ", "образа", "образов")
IMAGES_REMOVED = "Удалено: {count}. Остались: {kept}."
IMAGES_NONE = "Удалять нечего. Остались: {kept}."

LOG_FILE = Noun("файл", "файла", "файлов")
LOGS_REMOVED = "Удалено: {count}, {megabytes} МБ."
LOGS_NONE = "Удалять нечего: журналов старше {days} дней нет."
LOGS_CLOSED = "Нет прав на {path}. Запустите команду с sudo."
