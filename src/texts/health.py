"""What the owner reads when a part of the machine is in trouble, and when that is over. The texts are HTML."""

DATABASE_DOWN = (
    "⚠ <b>База данных не отвечает</b> с {since}. Сообщения складываю на диск и отвечу, когда она вернётся. "
    "Проверьте сервер PostgreSQL, сеть и DATABASE_URL; подробности — в журнале."
)
DATABASE_FULL = (
    "⚠ <b>На диске базы данных кончилось место</b> с {since}. Сообщения и готовое складываю и отвечу, когда место "
    "появится. Освободите место на диске, где PostgreSQL держит данные (встроенный — в PERSISTENT_DIR/postgres)."
)
OBJECTS_DOWN = (
    "⚠ <b>Хранилище записей не отвечает</b> с {since}. Новые записи ждут на диске и будут приняты, когда оно вернётся. "
    "Проверьте сервер S3 (или папку objects) и настройки MINIO_*."
)
OBJECTS_KEY = (
    "⚠ <b>Хранилище записей не принимает ключ</b> с {since}. Новые записи не принимаются. "
    "Проверьте MINIO_ACCESS_KEY и MINIO_SECRET_KEY и перезапустите программу."
)
TELEGRAM_BACK = "✅ Telegram снова отвечает. Пока его не было, сообщения копились; отправляю их сейчас."
JOBS_DOWN = (
    "⚠ <b>Очередь задач стоит</b> с {since}: записи принимаются, но не обрабатываются. "
    "Перезапустите программу; если не поможет, причина — в журнале."
)
DISK_DOWN = (
    "⚠ <b>На диск нельзя писать</b> с {since}. Новые записи не сохранить. "
    "Проверьте диск сервера и права на PERSISTENT_DIR."
)
DISK_FULL = (
    "⚠ <b>На диске сервера нет места</b> с {since}: свободно меньше 256 МБ. Новые записи не принимаются и ждут. "
    "Освободите место или увеличьте диск."
)
DISK_LOW = (
    "⚠ <b>На диске осталось меньше 10 % места.</b> Освободите место или увеличьте диск: "
    "когда останется меньше 256 МБ, новые записи приниматься не будут."
)
ASR_KEY = (
    "⚠ <b>Провайдер распознавания речи не принимает ключ</b> с {since}. Записи принимаются и ждут. "
    "Проверьте ASR_API_KEY (или OPENAI_API_KEY) и перезапустите программу."
)
ASR_FUNDS = (
    "⚠ <b>У провайдера распознавания речи кончились деньги</b> ({since}). Записи принимаются и ждут. "
    "Пополните счёт, затем повторите неудавшееся в «⚙️ Системная»."
)
LLM_KEY = (
    "⚠ <b>Провайдер языковой модели не принимает ключ</b> с {since}. Отчётов и ответов не будет. "
    "Проверьте LLM_API_KEY (или OPENAI_API_KEY) и перезапустите программу."
)
LLM_FUNDS = (
    "⚠ <b>У провайдера языковой модели кончились деньги</b> ({since}). Отчётов и ответов не будет. "
    "Пополните счёт, затем повторите неудавшееся в «⚙️ Системная»."
)
IMAGES_KEY = (
    "⚠ <b>Сервис картинок не принимает ключ</b> (с {since}). Аватары не обучаются и не рисуют. "
    "Проверьте FAL_API_KEY и перезапустите программу."
)
IMAGES_FUNDS = (
    "⚠ <b>У сервиса картинок кончились деньги</b> (с {since}). Аватары не обучаются и не рисуют. "
    "Пополните счёт у fal.ai."
)
DEAD_LETTERS = (
    "⚠ <b>Что-то не доделано и само не повторится.</b> "
    "Посмотрите «⚙️ Системная» → «📮 Не доставлено»: там видно, что и почему, и можно повторить."
)
BACKUP_FAILS = (
    "⚠ <b>Резервная копия не сделана</b> ({since}). Прежние копии целы, но новых нет. Запустите на сервере "
    "scripts/backup и прочтите, что он скажет."
)
BACKUP_OVERDUE = (
    "⚠ <b>Больше суток нет новой резервной копии</b> (с {since}). Проверьте расписание на сервере "
    "(systemctl list-timers) и запустите scripts/backup."
)
BACKUP_DAMAGED = (
    "⚠ <b>Резервная копия повреждена или не восстанавливается</b> ({since}). Проверьте диск и хранилище копий и "
    "сделайте новую; как — в docs/backups.md."
)
BACKUP_OBJECTS_LOST = (
    "⚠ <b>В хранилище нет части записей</b>: это нашла резервная копия {since}. Какие — скажет на сервере "
    "scripts/backup; что делать — в docs/backups.md."
)
BACKUP_DRILL_STOPPED = (
    "⚠ <b>Учебное восстановление прервалось</b> ({since}), и о копиях оно ничего не говорит. Запустите на сервере "
    "scripts/restore-drill и прочтите, что он скажет."
)
BACKUP_BACK = "✅ Резервные копии снова в порядке."
DATABASE_BACK = "✅ База данных снова отвечает. Отвечаю на то, что накопилось."
DATABASE_FULL_BACK = "✅ На диске базы данных снова есть место. Отвечаю на то, что накопилось."
OBJECTS_BACK = "✅ Хранилище записей снова работает. Записи, которые ждали, принимаются."
JOBS_BACK = "✅ Очередь задач снова работает."
IMAGES_BACK = "✅ Сервис картинок больше не отказывает."
DISK_BACK = "✅ Места на диске снова достаточно."
ASR_BACK = "✅ Распознавание речи снова работает."
LLM_BACK = "✅ Языковая модель снова работает."

TROUBLES = {
    "database_down": DATABASE_DOWN,
    "database_full": DATABASE_FULL,
    "objects_down": OBJECTS_DOWN,
    "objects_key": OBJECTS_KEY,
    "jobs_down": JOBS_DOWN,
    "disk_down": DISK_DOWN,
    "disk_full": DISK_FULL,
    "disk_low": DISK_LOW,
    "asr_key_refused": ASR_KEY,
    "asr_no_funds": ASR_FUNDS,
    "llm_key_refused": LLM_KEY,
    "llm_no_funds": LLM_FUNDS,
    "images_key_refused": IMAGES_KEY,
    "images_no_funds": IMAGES_FUNDS,
    "backup_fails": BACKUP_FAILS,
    "backup_overdue": BACKUP_OVERDUE,
    "backup_damaged": BACKUP_DAMAGED,
    "backup_objects_lost": BACKUP_OBJECTS_LOST,
    "backup_drill_stopped": BACKUP_DRILL_STOPPED,
}
"""What the owner reads, by the name of the trouble. Telegram is not among them: without it nothing can be told."""
WELL = {
    "database_down": DATABASE_BACK,
    "database_full": DATABASE_FULL_BACK,
    "objects_down": OBJECTS_BACK,
    "objects_key": OBJECTS_BACK,
    "telegram_down": TELEGRAM_BACK,
    "jobs_down": JOBS_BACK,
    "disk_down": DISK_BACK,
    "disk_full": DISK_BACK,
    "disk_low": DISK_BACK,
    "asr_key_refused": ASR_BACK,
    "asr_no_funds": ASR_BACK,
    "llm_key_refused": LLM_BACK,
    "llm_no_funds": LLM_BACK,
    "images_key_refused": IMAGES_BACK,
    "images_no_funds": IMAGES_BACK,
    "backup_fails": BACKUP_BACK,
    "backup_overdue": BACKUP_BACK,
    "backup_damaged": BACKUP_BACK,
    "backup_objects_lost": BACKUP_BACK,
    "backup_drill_stopped": BACKUP_BACK,
}
"""What the owner reads when a trouble is over, by the name of the trouble."""
