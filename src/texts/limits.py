"""What people read about limits: what is left, what is used up and until when, who has used how much.

Values in braces are escaped before they are put in; titles are HTML.
"""

from texts.units import Noun

QUESTION = Noun("вопрос", "вопроса", "вопросов")
MINUTES = "{amount} мин"
THOUSANDS = "{amount} тыс. токенов"
MONEY = "{amount} $"

ABOUT_QUESTION = "Вопрос «{name}» не задан."
ABOUT_REPORTS = "Отчёты по записи №{number} не заказаны."
ABOUT_RESEARCH = "Исследование «{name}» не заказано."
ABOUT_SPEECH = "Озвучка «{name}» не заказана."
ABOUT_TRAINING = "Обучение аватара «{name}» не начато."
ABOUT_PICTURE = "Картинка с аватаром «{name}» не заказана."
REFUSED = {
    "sound": "минуты записей в этом месяце, занято {used} из {limit}, нужно ещё {wanted}",
    "tokens": "языковая модель в этом месяце, занято {used} из {limit}, нужно ещё {wanted}",
    "money": "деньги в этом месяце, занято {used} из {limit}, нужно ещё {wanted}",
    "questions": "вопросы в этом месяце, задано {used} из {limit}",
    "storage": "место для ваших файлов, занято {used} из {limit}, нужно ещё {wanted}",
}
UNTIL = "Подождите до {day}"
TOO_MUCH = "Это больше всего месячного предела: закажите меньше"
WAITS = "Запись сохранена: продолжу {day}, когда начнётся новый месяц,"
TOO_LONG = "Запись сохранена, но больше всего месячного предела: пришлите её частями"
FREE = "Удалите ненужные записи"
MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
DAY = "{day} {month}"

BY_THE_HOUR = {
    "chat": "задать вопрос в чате",
    "recognition": "обратиться голосом",
    "speech": "озвучить новый текст",
}

LEFT = {
    "sound": "⏳ Осталось {left} из {limit} на этот месяц.",
    "tokens": "⏳ Осталось {left} языковой модели из {limit} на этот месяц.",
    "money": "⏳ Осталось {left} из {limit} на этот месяц.",
    "questions": "⏳ Осталось {left} из {limit} на этот месяц.",
    "storage": "⏳ Осталось места для файлов: {left} из {limit}.",
}

LEFT_HOURLY = "{left} из {limit} за час"
LEFT_MONTHLY = "{left} из {limit} за месяц"
LEFT_IN_ALL = "{left} из {limit}"
HOURLY_NAMES = {"chat": "Вопросы в чатах", "recognition": "Обращения голосом", "speech": "Новые озвучки"}

BUTTON = "⚖️ Ограничения"
ROLES_BUTTON = "⚖️ Ограничения ролей"
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
WHICH_ROLE = "⚖️ <b>Ограничения ролей</b>\nЧьи пределы показать?"
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
