"""What people read about voice notes, and about what they have set for themselves; the texts are HTML."""

ASKED = (
    "🎤 <b>Голосовое</b> · {duration}\nЭто запись или вопрос?\n"
    "Запись расшифрую, на вопрос отвечу. Короткие голосовые буду потом понимать так же; изменить это можно в "
    "«⚙️ Системная» → «🙋 Мои настройки»."
)
IS_RECORDING = "🎙 Запись"
IS_QUESTION = "❓ Вопрос"
CHOSEN = {
    "recording": (
        "Короткие голосовые без подписи — записи. Если это вопрос, на карточке есть «❓ Это вопрос»; "
        "изменить: «⚙️ Системная» → «🙋 Мои настройки»"
    ),
    "words": (
        "Короткие голосовые без подписи — вопросы. Если это запись, под услышанным есть «🎙 Это запись»; "
        "изменить: «⚙️ Системная» → «🙋 Мои настройки»"
    ),
}
DECIDED = "Это голосовое уже принято"
LISTENING = "🎤 Слушаю…"
LISTENING_RETRY = "🎤 Слушаю…\n⚠ {reason} Повторю в {time}."
SAID = "🎤 Вы сказали: «{words}»"
NOT_HEARD = "✖ <b>Не разобрал голосовое</b>\n{reason}\nСкажите ещё раз или напишите словами."
NOT_LISTENED = "✖ <b>Голосовое не слушал</b>\n{reason}\n{go_on}"
ANSWER_BY_TYPING = "Вопрос, на который вы отвечали, открыт: напишите ответ словами, без голосовых."
ASK_BY_TYPING = "Вопрос можно задать и сейчас: напишите его словами."
NOTHING_SAID = "В нём не слышно слов."
CANCELLED = "✖ Голосовое отменено."
MAKE_RECORDING = "🎙 Это запись"
MADE_RECORDING = "Принимаю как запись"
MAKE_QUESTION = "❓ Это вопрос"
MADE_QUESTION = "Слушаю как вопрос; записью оно больше не будет"
NO_QUESTION = "Не получится: это голосовое уже слушали как вопрос или по записи заказаны отчёты. Спросите словами"
TOO_LATE = (
    "Пока я слушал, вопрос, на который вы ответили, сняли или на него уже ответили. Из голосового ничего не записано: "
    "если ответ нужен, откройте вопрос снова."
)

BUTTON = "🙋 Мои настройки"
TITLE = (
    "🙋 <b>Мои настройки</b>\n\n"
    "🕒 Время: <b>{zone}</b>, сейчас {now}\n"
    "🔔 Уведомления: <b>{quiet}</b>\n"
    "🌐 Язык записей: <b>{language}</b>\n"
    "🎤 Короткие голосовые: <b>{voice_notes}</b>"
)
PROFILE = "👤 Роль: <b>{role}</b>, здесь с {since}"
ZONE_BUTTON = "🕒 Время"
QUIET_BUTTON = "🔔 Уведомления"
LANGUAGE_BUTTON = "🌐 Язык записей"
VOICE_BUTTON = "🎤 Голосовые"
OF_INSTALLATION = "как на сервере"
DETECTED = "определять по записи"
VOICE_NOTES = {None: "спрашивать", "recording": "записи", "words": "вопросы"}
QUIET = {None: "со звуком", "night": "ночью без звука", "always": "без звука"}
QUIET_BUTTONS = {"sound": "🔔 Со звуком", "night": "🌙 Ночью без звука", "always": "🔕 Без звука"}
QUIET_QUESTION = (
    "🔔 <b>Уведомления</b>\nКак присылать то, что приходит само: расшифровки, отчёты, ответы, картинки, сообщения о "
    "неполадках? Приходит всё и сразу; без звука — значит без сигнала. Ночь — с 22 до 8 по вашему времени."
)
ZONE_QUESTION = (
    "🕒 <b>Ваше время</b>\nПо нему я показываю часы и даты. Где вы? Города нет среди кнопок — напишите его или "
    "разницу: «Хабаровск», «UTC+10», «МСК+7»."
)
ZONE_UNKNOWN = "Не знаю такого времени: «{value}». Напишите город («Хабаровск») или разницу («UTC+10», «МСК+7»)."
ZONE_UNDERSTOOD = "🕒 Понял «{value}» так: {zone}."
LANGUAGE_QUESTION = (
    "🌐 <b>Язык записей</b>\nПо умолчанию я определяю язык сам. Если почти все ваши записи на одном языке, "
    "назовите его: шум и паузы не собьют распознавание. Язык одной записи меняется на её карточке."
)
RECORDING_LANGUAGE_QUESTION = (
    "🌐 <b>Язык записи №{number}</b>\n{file_name}\nСейчас: {language}. С другим языком запись распознаётся заново; "
    "готовые отчёты останутся."
)
LANGUAGE_SET = "Язык: {language}. Распознаю заново"
LANGUAGE_SAME = "Этот язык уже выбран"
LANGUAGE_READY = "Готовая расшифровка не распознаётся: язык менять незачем"
RECORDING_LANGUAGE_BUTTON = "🌐 Язык: {language}"
VOICE_QUESTION = "🎤 <b>Короткие голосовые</b> (до минуты, без подписи)\nЧем их считать?"
VOICE_BUTTONS = {"ask": "Спрашивать", "recording": "Записи", "words": "Вопросы"}

ZONES = {
    "kaliningrad": ("Europe/Kaliningrad", "Калининград"),
    "moscow": ("Europe/Moscow", "Москва"),
    "samara": ("Europe/Samara", "Самара"),
    "yekaterinburg": ("Asia/Yekaterinburg", "Екатеринбург"),
    "omsk": ("Asia/Omsk", "Омск"),
    "novosibirsk": ("Asia/Novosibirsk", "Новосибирск"),
    "krasnoyarsk": ("Asia/Krasnoyarsk", "Красноярск"),
    "irkutsk": ("Asia/Irkutsk", "Иркутск"),
    "yakutsk": ("Asia/Yakutsk", "Якутск"),
    "vladivostok": ("Asia/Vladivostok", "Владивосток"),
    "magadan": ("Asia/Magadan", "Магадан"),
    "kamchatka": ("Asia/Kamchatka", "Камчатка"),
    "minsk": ("Europe/Minsk", "Минск"),
    "tbilisi": ("Asia/Tbilisi", "Тбилиси"),
    "yerevan": ("Asia/Yerevan", "Ереван"),
    "baku": ("Asia/Baku", "Баку"),
    "almaty": ("Asia/Almaty", "Алматы"),
    "tashkent": ("Asia/Tashkent", "Ташкент"),
    "bishkek": ("Asia/Bishkek", "Бишкек"),
    "istanbul": ("Europe/Istanbul", "Стамбул"),
    "dubai": ("Asia/Dubai", "Дубай"),
    "berlin": ("Europe/Berlin", "Берлин"),
    "london": ("Europe/London", "Лондон"),
    "utc": ("UTC", "UTC"),
}
"""What a button's word stands for: the zone, and how people call it."""

CITIES = {
    "Europe/Moscow": "мск, msk, питер, петербург, санкт-петербург, спб, казань, сочи, краснодар, "
    "ростов-на-дону, ростов, нижний новгород, воронеж, волгоград, ярославль, тула, тверь, рязань, мурманск, "
    "архангельск, симферополь, севастополь, ставрополь, махачкала",
    "Europe/Samara": "ижевск, тольятти, саратов, ульяновск, астрахань",
    "Asia/Yekaterinburg": "екб, челябинск, пермь, уфа, тюмень, оренбург, сургут, курган, магнитогорск, ханты-мансийск",
    "Asia/Novosibirsk": "томск, барнаул, горно-алтайск",
    "Asia/Krasnoyarsk": "кемерово, новокузнецк, абакан, норильск",
    "Asia/Irkutsk": "улан-удэ, байкал",
    "Asia/Yakutsk": "чита, благовещенск",
    "Asia/Vladivostok": "хабаровск, находка, уссурийск",
    "Asia/Magadan": "сахалин, южно-сахалинск",
    "Asia/Kamchatka": "петропавловск-камчатский, анадырь, чукотка",
    "Asia/Almaty": "астана, шымкент, караганда",
    "Asia/Tashkent": "самарканд, бухара",
    "Asia/Dubai": "абу-даби, оаэ",
    "Europe/Istanbul": "анталья, анкара",
    "Asia/Tbilisi": "батуми",
}
"""Other places that people name, by the zone whose clock they have today."""
