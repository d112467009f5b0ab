"""What people read when something went wrong: what is wrong, and what to do."""

UNKNOWN = "Что-то пошло не так. Повторите команду; если не поможет, посмотрите журнал."
UNREADABLE_FILE = "Файл «{file_name}» не читается: {reason}. Проверьте путь и права доступа."
EMPTY_FILE = "Файл «{file_name}» пустой (0 байт). Отправьте запись ещё раз."
NOT_A_RECORDING = "Файл «{file_name}» не похож на аудио или видео. Подойдут ogg, mp3, m4a, wav, mp4 и другие записи."
NO_SOUND_TRACK = "В файле «{file_name}» нет звуковой дорожки. Отправьте запись со звуком."
BROKEN_RECORDING = (
    "Запись «{file_name}» повреждена или обрезана, прочитать её нельзя. Скопируйте её с диктофона ещё раз."
)
RECORDING_TOO_SHORT = "Запись «{file_name}» слишком короткая ({duration_s} с). Нужна хотя бы {minimum_s} с."
RECORDING_TOO_LONG = "Запись «{file_name}» длится {duration}, а предел — {maximum}. Разделите её на части."
RECORDING_TOO_LARGE = "Файл «{file_name}» занимает {size}, а предел — {maximum}. Сожмите запись или разделите её."
NO_SPEECH = "В записи «{file_name}» не слышно речи. Проверьте, тот ли это файл и включён ли был микрофон."
UNKNOWN_CHOICE = "Не знаю «{value}». Можно выбрать: {allowed}."
BUILDING_NEEDED = "Отчёты «{labels}» зависят от типа заведения. Добавьте --building hotel, restaurant или spa."
BAD_CAPTION = "В подписи не разобрать поле «{field}»: {reason}. Исправьте его и повторите."
BAD_SETTINGS = "Неверные настройки: {names}. Поправьте их в .env (пояснения — в .env.example)."
BAD_REPORT_PACK = (
    "Набор отчётов в папке prompts повреждён: {reason}. Исправьте файл или восстановите его из репозитория."
)
CONTEXT_TOO_SMALL = (
    "Контекст языковой модели мал для этого отчёта: не хватает {missing_tokens} токенов. "
    "Увеличьте LLM_CONTEXT_TOKENS или возьмите другую модель; готовое сохранено."
)
NO_LANGUAGE_MODEL = "Языковая модель отключена (LLM_ENGINE=none), поэтому отчётов нет. Включите её в .env."
MISSING_PROGRAM = "Не найдена программа {program}. Установите её или укажите путь в настройках."
WEIGHTS_REFUSED = "Веса модели {name} не приняты: {reason}. Удалите их папку и запустите снова, чтобы скачать заново."
DISK_FULL = "На диске кончилось место, не удалось записать {path}. Освободите место и повторите: готовое не пропадёт."
PROVIDER_FAILED = "Сервис {provider} ответил ошибкой. Готовое сохранено: повторите команду позже."
PROVIDER_UNAVAILABLE = "Сервис {provider} не отвечает. Готовое сохранено: проверьте адрес и сеть и повторите команду."
PROVIDER_RATE_LIMITED = "Сервис {provider} ограничил частоту запросов. Готовое сохранено: повторите команду позже."
PROVIDER_INVALID_ANSWER = "Сервис {provider} прислал непонятный ответ. Готовое сохранено: повторите или смените модель."
PROVIDER_REFUSED_KEY = "Сервис {provider} не принял ключ доступа. Проверьте ключ в .env и повторите: готовое сохранено."
PROVIDER_REJECTED_REQUEST = "Сервис {provider} отклонил запрос: {reason}. Проверьте название модели и её ограничения."
DATABASE_UNAVAILABLE = (
    "База данных не отвечает. Проверьте DATABASE_URL и сервер; запись не потеряна, повторите команду."
)
OBJECT_STORE_UNAVAILABLE = "Хранилище файлов не отвечает. Проверьте настройки MINIO_* и повторите команду."
OBJECT_STORE_REFUSED_KEY = (
    "Хранилище файлов не приняло ключ доступа. Проверьте MINIO_ACCESS_KEY и MINIO_SECRET_KEY и повторите команду."
)
REPORT_INDEX_BROKEN = (
    "Список отчётов повреждён: {path}. Сами отчёты целы: перезапустите программу, и список будет восстановлен."
)
ENGINE_FAILED = "Встроенный движок {engine} не запустился. Подробности — в persistent_data/logs; повторите команду."
NOT_FOUND = "Не найдено: {what}."
WORDS_CHANGED = "При разметке спикеров изменился бы текст, поэтому она отменена. Расшифровка цела: повторите команду."
INTERRUPTED = "Остановлено. Готовое сохранено: повторите ту же команду, и работа продолжится."
REASON_NO_FUNDS = "закончились средства или исчерпана квота"
REASON_CONTEXT_TOO_LONG = "запрос длиннее контекста модели"
REASON_TOO_LARGE = "запрос слишком большой"
REASON_REGION = "сервис недоступен в вашей стране"
REASON_UNKNOWN_MODEL = "нет такой модели ({model})"
REASON_STATUS = "ответ HTTP {status} ({detail})"
WEIGHTS_DO_NOT_LOAD = "движок не смог их открыть"
MODEL_FILE_UNREADABLE = "файл {file} не читается"
REASON_RUSSIAN_ONLY = "эта модель знает только русский язык"
WEIGHTS_NOT_LISTED = "в {file} нет верного описания этих весов"
WEIGHTS_WRONG_SUM = "контрольная сумма файла {file} не совпала с опубликованной"
WEIGHTS_BAD_PACKAGE = "в пакете {package} нет ожидаемых данных"
WEIGHTS_BAD_CHECKPOINT = "файл {file} не удалось прочитать"
WEIGHTS_PROVIDER = "загрузки моделей"
