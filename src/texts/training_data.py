"""What stands in training data: placeholders of personal data, the system message; what people read about its files."""

from texts.units import Noun

# --- placeholders ----------------------------------------------------------------------------------------------------
NAME = "[имя]"
PHONE = "[телефон]"
MAIL = "[почта]"
CARD = "[карта]"
ACCOUNT = "[счёт]"
PASSPORT = "[паспорт]"
SNILS = "[СНИЛС]"
INN = "[ИНН]"
HANDLE = "[ник]"
ADDRESS = "[адрес]"
CAR = "[номер машины]"

# --- the file --------------------------------------------------------------------------------------------------------
SYSTEM = (
    "Ты отвечаешь на вопросы исследовательской группы по её аудиозаписям: интервью с гостями и устным аудитам отелей, "
    "ресторанов и центров здоровья. Отвечай по-русски, просто и по делу; имён, чисел и причин не придумывай."
)
"""The system message of every example. The passages are not in the examples, so it does not mention them."""

# --- problems of a file ----------------------------------------------------------------------------------------------
NOT_UTF8 = "не UTF-8"
NOT_JSON = "не JSON"
NO_MESSAGES = "нужен объект с единственным полем messages"
ROLES = "нужны три сообщения по порядку: system, user, assistant"
MESSAGE = "в сообщении должны быть только role и content, и content — текст"
EMPTY = "пустой текст сообщения {role}"
LONG_LINE = "строка длиннее {size}"
LONG_EXAMPLE = "пример длиннее {length}"
PERSONAL = "остались личные данные: {what}"
SAME_LINE = "такой же пример, как в строке {line}"
SAME_QUESTION = "тот же вопрос, что в строке {line}"
FEW = "в файле {count}, а для обучения нужно хотя бы {least}"

EXAMPLE = Noun("пример", "примера", "примеров")
CHARACTER = Noun("символа", "символов", "символов")
