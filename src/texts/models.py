"""What people read about speech models: what there is, what each costs in space, and what is fetched or not."""

HELP = "Модели распознавания речи: что есть, что скачано, сколько места и ошибок."
HELP_LIST = "Показать модели: размер, языки, ошибки по публикациям, лицензия, скачана ли."
HELP_FETCH = "Скачать модель по имени и сверить с опубликованной суммой. Прерванное продолжит та же команда."
HELP_VERIFY = "Перечитать скачанные модели целиком и сверить с опубликованными суммами."
HELP_REMOVE = "Удалить скачанную модель. Нужная скачается снова сама."
METAVAR_MODEL = "МОДЕЛЬ"

COLUMNS = ("Имя", "Модель", "Размер", "Языки", "Ошибок на 100 русских слов", "Лицензия", "Состояние")
LANGUAGES = {"ru": "русский", "many": "99 языков"}
ERRORS = {
    "librispeech": "{value} (LibriSpeech)",
    "average": "{value} (в среднем по 10 наборам)",
    "ours": "{value} (наши замеры)",
}
UNKNOWN = "нет публикаций"
IN_USE = "в работе"
THERE = "скачана"
ABSENT = "—"
NOTE = (
    "Ошибки опубликованы для этих же моделей (без пунктуации и регистра): авторами GigaAM, для Whisper base — нами.\n"
    "GigaAM v3 слышит русскую речь, Whisper — остальные языки, обе в одной записи. Другой Whisper: WHISPER_MODEL."
)
ALREADY = "{title}: уже скачана и проверена."
FETCHED = "{title}: скачана, сумма совпала с опубликованной."
RIGHT = "{title}: совпадает с опубликованной."
INCOMPLETE = "{title}: скачана не вся или прежняя. Докачать: scripts/run models fetch {name}"
NONE_THERE = "Скачанных моделей нет."
REMOVED = "{title}: удалена."
NOT_THERE = "{title}: её здесь нет."
HUB_OFF = (
    "Хранилище моделей спрашивать запрещено (MODEL_HUB=off). Разрешите его в .env или положите файлы в папку {folder}."
)
HUB_FAILED = (
    "{title} не скачалась: {reason}. Скачанное сохранено. Проверьте сеть или укажите в MODEL_HUB другое хранилище "
    "и повторите."
)
NOT_FETCHED = (
    "{title} пока нет: хранилище моделей её не отдало. Распознаёт {used}. Через сутки попробуем снова; попробовать "
    "сейчас и узнать причину: scripts/run models fetch {name}"
)
NOT_USED = (
    "{title} не используется: её файлы повреждены. Распознаёт Whisper. Скачать заново: "
    "scripts/run models remove {name}, затем scripts/run models fetch {name}"
)
BETTER = "Лучше: {title} ({size}): scripts/run models fetch {name}"
