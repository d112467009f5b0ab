"""What people read about metadata: names of fields, what is wrong with a value, how a known value is shown."""

AUDIO_NUMBER = "номер файла"
DATE = "дата"
EMPLOYEE = "ФИО сотрудника"
CLIENT = "ФИО клиента"
PLACE = "заведение"
BUILDING = "тип заведения"
ZONE = "зона"
CITY = "город"

BUILDINGS = {"hotel": "Отель", "restaurant": "Ресторан", "spa": "Центр здоровья"}

LINE = "{field}: {value}"

NO_NUMBER = "нет числа; напишите номер цифрами, например 17"
NUMBER_NEGATIVE = "номер не бывает отрицательным; напишите его без минуса, например 17"
NUMBER_TOO_LARGE = "число слишком большое; номер — не больше {largest}"
DATE_FORMAT = "«{value}» не похоже на дату; напишите её как 03.11.2026, 3 ноября или вчера"
NO_SUCH_DATE = "даты {value} нет в календаре"
DATE_IN_FUTURE = "дата {value} ещё не наступила"
EMPTY = "строка пустая"
NO_LETTERS = "в «{value}» нет букв"
TOO_LONG = "больше {largest} знаков"
UNKNOWN_BUILDING = "не понятно, что такое «{value}»; подойдут: отель, ресторан, центр здоровья"
NO_LINE = "строки с этим полем нет: в подписи строк {found}, а нужно {wanted}"
EXTRA_LINES = "лишние строки: в подписи их {found}, а нужно {wanted}"
IN_ONE_LINE = "не всё из неё понял: «{value}»; каждое поле пишется с новой строки"
CAPTION = "подпись"
WANTED_AUDIT = "7 (без зоны — 6)"
WANTED_INTERVIEW = "6"

QUESTIONS = {
    "audio_number": "Номер файла? Например 17",
    "date": "Дата записи? Например 03.11.2026",
    "employee": "Как зовут сотрудника? Например Иванова Мария Петровна",
    "place_name": "Какое заведение? Например Гранд Отель «Заря»",
    "building_type": "Тип заведения? Отель, ресторан или центр здоровья",
    "zone": "Какие зоны? Например лобби, номер; если никаких — напишите «-»",
    "client": "Как зовут клиента? Например Петров Иван",
    "city": "Какой город? Например Нижний Новгород",
}
"""The question that asks for each field, by field."""
