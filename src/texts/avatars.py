"""Texts of avatars: the dialog that makes one, its card, and the pictures."""

BUTTON = "👤 Аватары"
TITLE = "👤 <b>Аватары</b>"
NONE = (
    "Аватар — модель, которая рисует одного человека. Её обучает внешний сервис по 10–20 фотографиям; "
    "потом можно получать картинки с этим человеком по описанию."
)
NEW = "➕ Новый аватар"
BACK = "‹ Назад"
TEST = "🧪 <b>Тестовый режим</b>: сервис не настоящий, ничего не оплачивается, картинки — заглушки."
LINE = "{icon} {name} — {status}"
ITEM = "{icon} {number}. {name}"

ASK_NAME = "👤 Как назвать аватар? Напишите имя, от 2 до 50 знаков."
BAD_NAME = "Имя должно быть от 2 до 50 знаков, а у вас {count}. Напишите ещё раз."
ASK_GENDER = "👤 <b>{name}</b>\n\nКто на фотографиях? Это помогает рисовать узнаваемо."
GENDERS = {"female": "Женщина", "male": "Мужчина"}
ASK_CONSENT = (
    "👤 <b>{name}</b>\n\n"
    "Фотографии уйдут на обучение внешнему сервису fal.ai (США), готовая модель и картинки хранятся у нас и видны "
    "только вам. Снимки для обучения удаляются у нас после него, у сервиса — самое позднее через сутки.\n\n"
    "Нужно согласие того, кто на фотографиях."
)
CONSENT = "✔ Согласие есть"

CONSENT_BY_BUTTON = "Согласие подтверждает кнопка «✔ Согласие есть» под сообщением об аватаре: нажмите её."

PHOTOS = "📷 Снимки ({count})"
PHOTOS_TITLE = "📷 <b>{name}</b>\n\nСнимков: {count}. Нажмите номер, чтобы увидеть снимок и убрать его, если он лишний."
PHOTO_CAPTION = "📷 {name}, снимок {place}"
PHOTO_REMOVE = "🗑 Убрать этот снимок"
PHOTO_REMOVED = "Снимок убран"
PHOTO_NOT_TAKEN = "Фотография никуда не добавлена. Если она для аватара, откройте его и пришлите её ещё раз."
PHOTOS_ARE_FOR_AVATARS = (
    "Фотография никуда не добавлена: здесь они нужны только для аватаров. Чтобы завести аватар, нажмите «👤 Аватары»."
)

CARD = "👤 <b>{name}</b>"
CARD_PHOTOS = "Фотографий: <b>{accepted}</b> из {most}"
CARD_WAITING = ", проверяю ещё {waiting}"
CARD_NEEDED = (
    "Пришлите от {fewest} до {most} снимков одного человека, можно альбомами: jpg, png или webp до 20 МБ, от 512 "
    "пикселей. Лучше разные ракурсы, свет и одежда, без других людей."
)
CARD_READY = "Можно обучать. Добавить снимков можно, пока их меньше {most}."
CARD_REFUSED = "Не подошли: {reasons}"
REFUSED_ITEM = "{reason} ({count})"
CARD_PRICE = "Обучение: {steps} шагов, около {price} $. Осталось обучений в этом месяце: {left}."
START = "🚀 Обучить за {price} $"
START_AGAIN = "🚀 Обучить ещё раз за {price} $"
START_UNCERTAIN = "🚀 Всё равно обучить за {price} $"
STARTED = "Обучение началось"
STARTED_ALREADY = "Обучение уже идёт"
CANCEL = "✖ Отменить обучение"
CANCELLING = "Отменяю обучение"
TOO_LATE = "Обучение уже закончено"
STAGES = {
    None: "⏳ Готовлю фотографии",
    "sending": "⏳ Отправляю заказ",
    "sent": "⏳ Заказ принят сервисом",
    "queued": "⏳ В очереди у сервиса",
    "running": "🏃 Идёт обучение",
}
STAGE_CANCELLING = "✖ Отменяю: жду ответа сервиса"
SINCE = "{stage}, с {time}"
TROUBLE = "⚠ {reason}. Жду и спрашиваю снова: заказ не потеряется."
_ODD_ANSWER = "Сервис картинок отвечает ошибкой"
TROUBLES = {
    "provider_unavailable": "Сервис картинок не отвечает",
    "provider_rate_limited": "Сервис картинок просит подождать",
    "provider_refused_key": "Сервис картинок не принимает ключ доступа, владелец бота об этом знает",
    "provider_invalid_answer": _ODD_ANSWER,
    "provider_rejected_request": _ODD_ANSWER,
    "object_store_unavailable": "Хранилище файлов не отвечает",
    "object_folder_unavailable": "Хранилище файлов не отвечает",
    "disk_full": "На диске бота не хватает места",
    "out_of_resources": "Сервер бота перегружен",
}
OTHER_TROUBLE = "У бота неполадка"
"""Why an order does not go on now, by the code of the error: nobody has to do anything."""
NOT_ALLOWED = "Обучать и рисовать вам теперь нельзя; отменить и удалить можно всё. Доступ даёт администратор."
STATUS_TRAINING = "👤 {name}: {stage}"
STATUS_PICTURE = "🎨 {name}: рисую «{prompt}»"
STATUS_WAITS = " — {reason}, пробую снова"
DELAYED = (
    "⚠ {reason}, и картинка «{prompt}» задерживается. Пробую снова и напишу, чем кончится; сервис жду не дольше двух "
    "часов."
)
DELAYED_OTHER = "Ждать необязательно: можно заказать другую картинку, она оплачивается отдельно."
CARD_COMPLETED = "✔ Обучен. Картинок: {pictures}"
CARD_ERROR = "✖ {reason}"
CARD_UNCERTAIN = "⚠ {reason}"
CARD_CANCELLED = "✖ Обучение отменено. Фотографии сохранены: можно начать снова."
PAINT = "🎨 Нарисовать"
GALLERY = "🖼 Картинки ({count})"
DELETE = "🗑 Удалить аватар"
DELETE_QUESTION = "🗑 Удалить аватар <b>{name}</b> вместе с фотографиями, моделью и картинками? Вернуть их будет нельзя."
DELETE_YES = "Да, удалить"
DELETED = "🗑 Аватар удалён."
STATUSES = {
    "draft": "не закончен",
    "photos_uploading": "ждёт фотографий",
    "ready_for_training": "можно обучать",
    "training": "обучается",
    "completed": "готов",
    "error": "ошибка",
    "cancelled": "обучение отменено",
}
ICONS = {
    "draft": "✏",
    "photos_uploading": "📷",
    "ready_for_training": "📷",
    "training": "⏳",
    "completed": "👤",
    "error": "✖",
    "cancelled": "✖",
}

ASK_ASPECT = (
    "🎨 <b>{name}</b>\n\nКакой формы будет картинка? Одна стоит около {price} $. "
    "Осталось картинок в этом месяце: {left}."
)
ASPECTS = {"square": "1:1", "portrait": "3:4", "tall": "9:16", "wide": "16:9"}
ASK_PROMPT = "🎨 <b>{name}</b>, {aspect}\n\nЧто нарисовать? Напишите, например: «в очках, у окна кофейни, тёплый свет»."
BAD_PROMPT = "Описание должно быть от 3 до 1000 знаков, а у вас {count}. Напишите ещё раз."
PAINTING = "🎨 Рисую: «{prompt}». Пришлю сюда, как только будет готово."
NO_PICTURES = "🖼 <b>{name}</b>\n\nКартинок пока нет."
PICTURES = "🖼 <b>{name}</b>\n\nКартинок: {total}. Выберите, какую прислать."
PICTURE_ITEM = "{number}. {prompt}"
PICTURE_CAPTION = "🎨 {number}. {prompt}"
PICTURE_NAME = "{name} {number}"
SENDING = "Отправляю картинку"
PICTURE_DELETE = "🗑 Удалить картинку"
PICTURE_DELETED = "Картинка {number} удалена; сообщение с ней удалите сами."

DONE_NOTICE = "✔ Аватар <b>{name}</b> обучен. Можно рисовать."
FAILED_NOTICE = "✖ Обучение аватара <b>{name}</b> не получилось: {reason}"
UNCERTAIN_NOTICE = "⚠ Обучение аватара <b>{name}</b>: неизвестно, принят ли заказ. {reason}"
PICTURE_FAILED_NOTICE = "✖ Картинка «{prompt}» не получилась: {reason}"
PICTURE_UNCERTAIN_NOTICE = "⚠ Картинка «{prompt}»: неизвестно, принят ли заказ. {reason}"
OPEN = "👤 Открыть аватар"
AGAIN = "🎨 Ещё одну"
ONCE_MORE = "🎨 Нарисовать снова"
ONE_MORE = "🎨 Нарисовать другую"

TOO_LARGE = "она больше {most}"
TOO_SMALL = "она {size} пикселей, а нужно от {least} по меньшей стороне"
TOO_MANY_PIXELS = "в ней слишком много пикселей"
NO_PHOTO = "это не jpg, png или webp"
BROKEN = "файл повреждён"
BLURRED = "она размыта"
ALIKE = "почти такая же уже есть"
KNOWN = "точно такая же уже есть"
TOO_MANY = "уже принято 20"
NOT_COLLECTING = "аватар больше не принимает снимков"

NOT_READY = "для обучения нужно от {fewest} до {most} подходящих фотографий, а принято {count}"
NO_TRAININGS_LEFT = "обучения на этот месяц закончились: их {most}. Новые будут с первого числа"
NO_PICTURES_LEFT = "картинки на этот месяц закончились: их {most}. Новые будут с первого числа"
NOT_TRAINED = "аватар ещё не обучен"
NOT_WEIGHTS = "прислал не модель"
NOT_PICTURE = "прислал не картинку"
NO_FILE = "не отдал файла"
CENSORED = "посчитал картинку недопустимой и закрыл её (измените описание)"
UNUSABLE = (
    "{reason}. Около {price} $ он за работу, возможно, возьмёт: в ваших расходах они учтены, и новый заказ будет "
    "стоить столько же"
)
_BREAKDOWN = "у него случился сбой"
_TIMEOUT = "он не уложился в своё время"
FAILURES = {
    "request_timeout": _TIMEOUT,
    "startup_timeout": _TIMEOUT,
    "runner_scheduling_failure": "у него не нашлось свободной машины",
    "runner_connection_timeout": _BREAKDOWN,
    "runner_connection_refused": _BREAKDOWN,
    "runner_connection_error": _BREAKDOWN,
    "runner_disconnected": _BREAKDOWN,
    "runner_incomplete_response": _BREAKDOWN,
    "runner_server_error": _BREAKDOWN,
    "internal_error": _BREAKDOWN,
    "client_disconnected": _BREAKDOWN,
    "client_cancelled": "заказ отменили на его стороне",
    "bad_request": "он не понял заказа",
}
"""Why the service did not manage an order, by its own words."""
NO_REASON = "причины он не назвал"

TRIGGER = {"female": "{word} woman", "male": "{word} man"}
"""What a training calls the person: the service reads English."""
PROMPT = "photo of {trigger}, {prompt}"

OFF_NO_KEY = "выключены: не задан FAL_API_KEY"
ON = "fal.ai, обучение: {trainer}, около {price} $"
ON_TEST = "тестовый режим (FAL_TRAINING_TEST_MODE): двойник сервиса на этой машине"
