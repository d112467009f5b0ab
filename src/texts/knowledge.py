"""The words of the context lines: what is said of a chunk before its text, and is searched with it."""

import re

RECORDING = "{scenario} №{number}"
OTHER_RECORDING = "Запись"
REPORT = "Отчёт «{report}»: {recording}"
AUDIO_NUMBER = "файл №{number}"
DAY = "{day} {month} {year} года"
MONTHS = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
BUILDINGS = {"hotel": "отель", "restaurant": "ресторан", "spa": "центр здоровья"}
PLACE = "«{place}»"
CITY = "город {city}"
EMPLOYEE = "сотрудник {name}"
CLIENT = "клиент {name}"
DOCUMENT = "Документ «{name}»"
SECTION = "раздел «{section}»"
SECTION_SEPARATOR = " / "
SEPARATOR = ", "
END = "."
NOT_SPOKEN_OF = frozenset(["неизученные факторы", "полный список неизученных факторов", "возможно, упомянуто"])
"""Headings of reports, in small letters, below which stands what nobody spoke of."""
NO_EVIDENCE = re.compile(r"^\W*балл\W*(?:\d|нет данных)|^\W*нет данных\W*$", re.IGNORECASE)
"""Lines of reports that tell of nothing that was said."""
