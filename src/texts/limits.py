"""What people read about limits: what is left, what is used up and until when, who has used how much.

Values in braces are escaped before they are put in; titles are HTML.
"""

from texts.units import Noun

QUESTION = Noun("вопрос", "вопроса", "вопросов")
MINUTES = "{amount} мин"
THOUSANDS = "{amount} тыс. токенов"
MONEY = "${amount}"

_ASK = "попросите администратора поднять предел"
REFUSED = {
    "sound": "Минуты записей на этот месяц заканчиваются: израсходовано {used} из {limit}, а нужно ещё {wanted}. ",
    "tokens": (
        "Работа языковой модели на этот месяц исчерпана: израсходовано {used} из {limit}, а нужно ещё {wanted}. "
    ),
    "money": "Деньги на этот месяц исчерпаны: израсходовано {used} из {limit}, а нужно ещё {wanted}. ",
    "questions": "Вопросы на этот месяц закончились: задано {used} из {limit}. ",
    "storage": (
        "Места для ваших файлов не хватает: занято {used} из {limit}, а нужно ещё {wanted}. "
        f"Удалите ненужные записи или {_ASK}."
    ),
}
UNTIL = f"Снова можно будет {{day}}; если нужно раньше, {_ASK}."
WAITS = (
    "Запись сохранена, но минуты или деньги на этот месяц закончились. "
    "Продолжу {day} или когда администратор поднимет предел."
)
MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
DAY = "{day} {month}"

LEFT = {
    "sound": "⏳ Осталось {left} из {limit} на этот месяц.",
    "tokens": "⏳ Осталось {left} языковой модели из {limit} на этот месяц.",
    "money": "⏳ Осталось {left} из {limit} на этот месяц.",
    "questions": "⏳ Осталось {left} из {limit} на этот месяц.",
    "storage": "⏳ Осталось места для файлов: {left} из {limit}.",
}

BUTTON = "⚖️ Ограничения"
USES_BUTTON = "📊 Расход"
NAMES = {
    "sound": "Минуты записей",
    "tokens": "Языковая модель",
    "money": "Деньги",
    "questions": "Вопросы",
    "storage": "Место",
}
PERSON_TITLE = "⚖️ <b>Ограничения: {name}</b>\nЗа этот месяц, место — всего:"
ROLE_TITLE = "⚖️ <b>Ограничения роли: {role}</b>\nДействуют, пока у человека нет своих. На месяц, место — всего:"
LINE = "{name}: {used} из {limit}{source}"
LINE_FREE = "{name}: {used}, без предела{source}"
ROLE_LINE = "{name}: {limit}"
NO_LIMIT = "без предела"
SOURCE_OWN = " (свой предел)"
AS_ROLE = "Как у роли"
CHOOSE_PERSON = "⚖️ <b>{resource}: {name}</b>\nКакой предел поставить?"
CHOOSE_ROLE = "⚖️ <b>{resource}, роль: {role}</b>\nКакой предел поставить?"
SET = "Предел изменён"
USES_TITLE = "📊 <b>Расход: {resource}</b>\n{when}. Людей: {total}."
USES_MONTH = "За этот месяц"
USES_NOW = "Сейчас"
USES_NONE = "Пока никто ничего не израсходовал."
USE_LINE = "{name} · {used}"
