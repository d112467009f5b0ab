"""What scripts/backup, scripts/restore and scripts/restore-drill say."""

from texts.units import Noun

STEP_DATABASE = "• Выгружаю базу данных…"
STEP_REPOSITORY = "• Открываю хранилище копий…"
STEP_OBJECTS = "• Забираю записи из хранилища…"
STEP_FILES = "• Забираю отчёты и настройки…"
STEP_SAVE = "• Сохраняю…"
STEP_VERIFY = "• Читаю сохранённое обратно и сверяю…"
STEP_KEEP = "• Убираю копии старше семи дней и четырёх недель…"
STEP_CHECK_ALL = "• Читаю все данные всех копий…"
STEP_FIND_DAMAGE = "• Нашлось повреждение. Смотрю, каких копий и файлов оно касается…"
STEP_READ_SET = "• Читаю копию {snapshot} от {at}…"
STEP_SET_OF = "• Её сделала {origin}…"
STEP_PUT_OBJECTS = "• Возвращаю записи в хранилище…"
STEP_COMPARE = "• Сверяю базу, записи, отчёты и поиск с описью…"
READ_WHOLE = "✔ Все данные прочитаны обратно и целы."
READ_IN_PART = (
    "✔ Прочитаны обратно и целы опись, база и седьмая часть остального: за неделю читается всё, сразу — "
    "scripts/backup --check."
)
MADE = "✔ Резервная копия {snapshot} готова: {size}, за {duration}. Все копии вместе занимают {repository}."
CHECKED = "✔ Все копии целы."
FILES_UNREADABLE = "✖ Копия {snapshot} от {at}: не читаются файлы: {names}"
SET_WITHOUT_LIST = "✖ Копия {snapshot} от {at}: не читается перечень её файлов, восстановить её нельзя"
SET_UNREADABLE = "✖ Копия {snapshot}: не читается совсем, восстановить её нельзя"
AND_MORE = " и ещё {count}"
SETS_WHOLE = "• Целы копии: {names}"
INDEX_DAMAGED = "✖ Не читается оглавление хранилища, общее для всех копий; сами данные могут быть целы"
SET_LINE = "{snapshot}  {at}  {origin}"
ORIGIN = "версия {version}, коммит {commit}"
COMMIT_UNKNOWN = "неизвестен"
ORIGIN_UNREADABLE = "опись не читается: scripts/backup --check"
NO_SETS = "Проверенных копий пока нет. Сделайте первую: scripts/backup"
KEEP_ELSEWHERE = (
    "! Пароль от копий — в persistent_data/secrets/backup/password. Сохраните его в другом месте: без него копии не "
    "прочесть, и восстановить пароль нельзя."
)
SAME_DISK = (
    "! Копии лежат на том же диске, что и данные. Укажите BACKUP_REPOSITORY и ключи в файле "
    "persistent_data/secrets/backup/env (docs/backups.md)."
)
OBJECT_LOST = "! Записи {key} в хранилище нет, или она повреждена, и в копию она не попала."
OBJECT_KEPT = "! Записи {key} в хранилище нет, или она повреждена. В копию вошла та, что сохранена раньше."
LOST = "! Хранилище потеряло записей: {lost}; из них нет и в копии: {absent}. Что делать — docs/backups.md."
OBJECTS_MISSING = (
    "в хранилище нет записей, которые знает база: {missing} из {named}. То ли это хранилище (MINIO_ENDPOINT, "
    "MINIO_BUCKET)? Верните их туда или удалите эти записи в боте"
)
DUMP_BROKEN = "выгрузка базы оборвалась (запущена ли служба postgres? docker compose ps)"
READ_BACK_DIFFERS = "{name} читается из копии не таким, каким был сохранён"
SET_NOT_MARKED = "новая копия не отмечена как проверенная"
SET_GONE = (
    "новой копии в хранилище нет: её вытеснили копии с датой в будущем (scripts/backup --list). Проверьте часы; что "
    "делать — docs/backups.md"
)
OF_THE_FUTURE = "! Пропускаю копии с датой в будущем, их можно назвать прямо: {names}"
SET_DIFFERS = "в копии не то, что в её описи: {names}"
SERVER_ELSEWHERE = "база данных — на другом сервере (DATABASE_URL), её копирует тот, кто ведёт этот сервер"
KEYS_IN_ENV = (
    "! Ключи от хранилища копий стоят в .env, и их знает бот: кто завладеет им, удалит и копии. Перенесите их в "
    "persistent_data/secrets/backup/env (docs/backups.md)."
)
SECRETS_LOST = (
    "паролей нет: {files}. Верните эти файлы из прежней копии (docs/backups.md, «A secret is lost») или сделайте "
    "новые: scripts/renew-secrets"
)
DAMAGED_BEFORE = (
    "! Эта копия прочитана и цела, но раньше найдено повреждение, и оно не снято: другие копии или диск под ними могут "
    "быть испорчены. Проверьте: scripts/backup --check && scripts/restore-drill (docs/backups.md, «A set is damaged»)."
)
DAMAGED_AMONG = (
    "! После того как копии были сделаны и проверены, найдено повреждение, и оно не снято. Какие целы, скажет "
    "scripts/restore-drill КОПИЯ (docs/backups.md, «A set is damaged»)."
)
SURPLUS = "! В хранилище есть и другие записи, которых нет в копии: {count}. Они оставлены."
SCHEDULE = (
    "! Новых копий пока никто не делает. Включите расписание (docs/backups.md): "
    "sudo systemctl enable --now voxpersona-backup.timer voxpersona-restore-drill.timer"
)
SET_DIFFERS_AND_MORE = (
    "не читаются файлы: {count}. Всё остальное на пустой машине вернёт scripts/restore --partial {snapshot}, а другая "
    "копия (scripts/backup --list) может быть цела"
)
DUMP_DAMAGED = (
    "не читается база данных ({name}), без неё эту копию не вернуть и частью. Возьмите другую: scripts/backup --list"
)
LEFT_OUT = "! Не читается: {kind} {name}"
LEFT_OUT_MORE = "! Не читается ещё файлов: {count}"
KINDS = {
    "objects": "файл записи",
    "reports": "файл отчётов",
    "settings": "файл настроек",
    "settings/secrets": "файл с паролем",
}
RESTORED_IN_PART = (
    "! Восстановлено и сверено не всё, а то, что читается: {tables}, {objects}, {reports}. Чего нет, названо выше. "
    "Запустите: docker compose up -d --wait"
)
RESTORED = "✔ Восстановлено и сверено: {tables}, {objects}, {reports}. Запустите: docker compose up -d --wait"
DRILL_PASSED = "✔ Учебное восстановление удалось: сверено {tables}, {objects}, {reports}."
DRILL_FAILED = "✖ УЧЕБНОЕ ВОССТАНОВЛЕНИЕ НЕ УДАЛОСЬ. Копия не годится: сделайте новую и смотрите docs/backups.md."
DIFFERS_TABLE = "✖ Таблица {name}: не те же строки (в копии {saved}, восстановлено {found})"
DIFFERS_MIGRATIONS = "✖ Версия базы другая"
DIFFERS_OBJECT = "✖ Запись {name} отсутствует, лишняя или другая"
DIFFERS_REPORT = "✖ Отчёт {name} отсутствует, лишний или другой"
DIFFERS_SEARCH = "✖ Поиск не находит фразу из записи"
TABLES = Noun("таблица", "таблицы", "таблиц")
OBJECTS = Noun("файл записей", "файла записей", "файлов записей")
REPORTS = Noun("файл отчётов", "файла отчётов", "файлов отчётов")
