"""What people read in a transcript and about its speakers: labels, headers, warnings, reasons for missing text."""

import re
from collections.abc import Sequence

SPEAKER = "Спикер {number}"
NAMED = "{role} — {name}"
LABELLED = "[{label}:] {text}"
_LABEL = re.compile(r"\[[^\n]{1,250}?:\] ")


def speaker_label(role: str | None, speaker: str | None, name: str | None = None) -> str | None:
    """Return the role, else the name, else «Спикер 2» for S2, else None: what models and reports call a speaker."""
    if role or name:
        return role or name
    return SPEAKER.format(number=speaker.removeprefix("S")) if speaker else None


def full_label(role: str | None, speaker: str | None, name: str | None) -> str | None:
    """Return «Клиент — Мария», or of role and name the one that there is, else «Спикер 2»: for files and lists.

    A name that is nothing but the role's word is not said twice.
    """
    if role and name and role.casefold() != name.strip().casefold():
        return NAMED.format(role=role, name=name)
    return speaker_label(role, speaker, name)


def labelled(label: str | None, text: str) -> str:
    """Put the label before the text: «[Клиент:] Нам понравилась тишина.»; without a label return the text."""
    return LABELLED.format(label=label, text=text) if label else text


def without_label(line: str) -> str:
    """Remove the label at the beginning of a line, and no second one: that would belong to the words."""
    match = _LABEL.match(line)
    return line[match.end() :] if match else line


TITLE = "Расшифровка"
TITLE_OF = "Расшифровка: {name}"
DURATION = "Длительность"
LANGUAGE = "Язык"
SPEAKERS = "Спикеры"
NO_SPEAKERS = "не определены"
ENGINE = "Распознавание"
LANGUAGES = {
    "ru": "русский",
    "en": "английский",
    "uk": "украинский",
    "be": "белорусский",
    "kk": "казахский",
    "de": "немецкий",
    "fr": "французский",
    "es": "испанский",
    "it": "итальянский",
    "pt": "португальский",
    "pl": "польский",
    "cs": "чешский",
    "sk": "словацкий",
    "sl": "словенский",
    "bg": "болгарский",
    "sr": "сербский",
    "hr": "хорватский",
    "mk": "македонский",
    "ro": "румынский",
    "hu": "венгерский",
    "el": "греческий",
    "tr": "турецкий",
    "he": "иврит",
    "ar": "арабский",
    "fa": "персидский",
    "nl": "нидерландский",
    "da": "датский",
    "sv": "шведский",
    "no": "норвежский",
    "fi": "финский",
    "et": "эстонский",
    "lv": "латышский",
    "lt": "литовский",
    "ka": "грузинский",
    "hy": "армянский",
    "az": "азербайджанский",
    "tg": "таджикский",
    "tk": "туркменский",
    "uz": "узбекский",
    "tt": "татарский",
    "ba": "башкирский",
    "mn": "монгольский",
    "zh": "китайский",
    "ja": "японский",
    "ko": "корейский",
    "hi": "хинди",
    "th": "тайский",
    "vi": "вьетнамский",
    "id": "индонезийский",
}
"""The languages that can be chosen, with their names."""
OTHER_LANGUAGE = "В записи звучит и другой язык, {language}: {intervals}. Эти места распознаны на нём: проверьте их."
INTERVAL = "{start}–{end}"
MORE = " и ещё {count}"
SPEAKERS_UNSURE = "Сколько человек говорит, слышно неясно: голосов найдено {count}. Проверьте, где чьи реплики."
OVERLAPS = "Говорят одновременно: {intervals}. Слова в этих местах могли достаться не тому: проверьте их."
HEADER_LINE = "{name}: {value}"
ENGINE_VALUE = "{engine}, {model}"
PARAGRAPH = "[{time}] {text}"
READY = "Источник"
READY_VALUE = "готовая расшифровка, .{form}"
MISSING = "[{start}–{end}: не распознано — {reason}]"
NOTHING_SAID = "Речь не распознана."

ROLES_BY_RULE = "Роли расставлены по правилу «кто задаёт вопросы», без языковой модели: проверьте их."
ROLES_MODEL_FAILED = (
    "Языковая модель не смогла назвать роли ({reason}). Роли расставлены по правилу «кто задаёт вопросы»: проверьте их."
)
ROLES_UNNAMED_ONE_VOICE = (
    "В записи слышен один голос, а ролей в сценарии несколько. Роли не расставлены: языковая модель не помогла"
    " понять, где чья реплика. Если говорили двое, их голоса слишком похожи или один почти не слышен."
)
ROLES_ONE_VOICE = "В записи различим один голос: роли расставлены по смыслу реплик, проверьте их."
ROLES_INCOMPLETE = "Часть расшифровки языковая модель не разметила ({failed} из {windows} фрагментов)."
REASON_PROVIDER = "сервис ответил ошибкой"
REASON_INVALID = "ответ не по форме"
REASON_SAME_ROLE = "всем досталась одна роль"
REASON_NO_ANSWER = "в ответе нет ролей"
REASON_NO_ROOM = "окно модели слишком мало"

TRANSCRIPT_AS_DATA = "<расшифровка>\n{lines}\n</расшифровка>"
SPEAKER_LINE = "{speaker}: {text}"
NUMBERED_LINE = "{number}. {text}"


CUT_OFF = "Файл обрезан: этой части записи в нём нет."
PART_FAILED = "Сервис распознавания не ответил. Повторите: готовое не пропадёт."
NOT_RECOGNISED = "Речь слышна, но распознать её не удалось."

TIMES_RECKONED = "В файле нет времени реплик: оно посчитано по длине текста и только примерное."
TIMES_BACK = "Время в файле идёт назад (мест: {count}): порядок реплик сохранён, время в этих местах примерное."
LINES_ABOVE = "Строки до первой реплики не вошли в расшифровку: {count}."

_HEADER = re.compile(rf"(?:{DURATION}|{LANGUAGE}|{SPEAKERS}|{ENGINE}|{READY})(?:: | \| )")


def without_header(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a transcript's file without the title and the facts that stand above what is said."""
    kept = 0
    for number, line in enumerate(lines):
        text = line.strip("\ufeff# ")
        if text.startswith(TITLE) or _HEADER.match(text):
            kept = number + 1
        elif text:
            break
    return lines[kept:]
