"""Words that several modules use: plural forms and units."""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun in the three forms that Russian numerals ask for: 1 отчёт, 2 отчёта, 5 отчётов."""

    one: str
    few: str
    many: str

    def form(self, count: int) -> str:
        """Return the form that follows ``count``."""
        last_two, last = abs(count) % 100, abs(count) % 10
        if 11 <= last_two <= 14:
            return self.many
        if last == 1:
            return self.one
        return self.few if 2 <= last <= 4 else self.many

    def counted(self, count: int) -> str:
        """Return ``count`` and the noun: «5 отчётов»."""
        return f"{count} {self.form(count)}"


REPORT = Noun("отчёт", "отчёта", "отчётов")
RECORDING = Noun("запись", "записи", "записей")
SPEAKER = Noun("говорящий", "говорящих", "говорящих")
WARNING = Noun("предупреждение", "предупреждения", "предупреждений")

SIZE_UNITS = ("Б", "КБ", "МБ", "ГБ", "ТБ")
HOURS = "ч"
MINUTES = "мин"
SECONDS = "с"
DECIMAL_SEPARATOR = ","

PAGE_OF = "стр. {page} из {pages}"

UNNAMED_FILE = "запись"
"""The name of a file whose own name has nothing that a file name may have."""
