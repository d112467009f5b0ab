"""What people read in a transcript and about its speakers: labels, headers, warnings, reasons for missing text."""

import re

SPEAKER = "Спикер {number}"
LABELLED = "[{label}:] {text}"
_LABEL = re.compile(r"\[[^\n]{1,250}?:\] ")


def speaker_label(role: str | None, speaker: str | None) -> str | None:
    """Return the role, else «Спикер 2» for S2, else None."""
    if role:
        return role
    return SPEAKER.format(number=speaker.removeprefix("S")) if speaker else None


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
LANGUAGES = {"ru": "русский", "en": "английский", "de": "немецкий", "fr": "французский", "es": "испанский"}
HEADER_LINE = "{name}: {value}"
ENGINE_VALUE = "{engine}, {model}"
PARAGRAPH = "[{time}] {text}"
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
