"""How near two spellings sound in Russian. A key has one letter for all letters that are hard to tell apart by ear."""

import re

_LATIN = {
    "sch": "ш", "sh": "ш", "ch": "ч", "ck": "к", "ph": "ф", "th": "т", "oo": "у", "ee": "и", "ou": "у", "qu": "кв",
    "ce": "се", "ci": "си", "cy": "си", "ya": "я", "yu": "ю",
    "a": "а", "b": "б", "c": "к", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "х", "i": "и", "j": "дж", "k": "к",
    "l": "л", "m": "м", "n": "н", "o": "о", "p": "п", "q": "к", "r": "р", "s": "с", "t": "т", "u": "у", "v": "в",
    "w": "в", "x": "кс", "y": "и", "z": "з",
}  # fmt: skip
_LATIN_SOUND = re.compile("|".join(sorted(_LATIN, key=len, reverse=True)))
_ALIKE = {
    "о": "а", "я": "а", "ё": "и", "е": "и", "э": "и", "ы": "и", "й": "и", "ю": "у",
    "б": "п", "в": "ф", "г": "к", "д": "т", "ж": "ш", "щ": "ш", "з": "с", "ь": "", "ъ": "",
}  # fmt: skip
_TWICE = re.compile(r"(.)\1+")


def key(text: str) -> str:
    """Return how a text sounds, without blanks and signs: «Мариотт» and «Marriott» are one."""
    letters = "".join(letter for letter in text.lower() if letter.isalnum())
    russian = _LATIN_SOUND.sub(lambda match: _LATIN[match[0]], letters)
    sounds = "".join(_ALIKE.get(letter, letter) for letter in russian).replace("тс", "ц")
    return _TWICE.sub(r"\1", sounds)


def distance(one: str, other: str, most: int) -> int:
    """Return how many letters have to be put in, left out or changed; ``most + 1`` for more than ``most``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        former, row[0] = row[0], place
        for at, wanted in enumerate(other, start=1):
            former, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, former + (letter != wanted))
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
