"""Personal data that are known by their form: addresses, numbers, handles.

Every repetition is bounded, so that the time grows in proportion to the length of any text. Numbers that are written
in words are not found.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import texts.training_data as placeholders

_DIGIT = re.compile(r"\d")
_GAP = r"[ \t\u00a0\u202f().\-–—]{0,3}"
"""What people put between the digits of a number."""
_EXTENSION = r"(?:,?\s{0,2}(?:доб(?:авочный)?|внутр|ext)\b\.?\s{0,2}\d{1,6})?"
_WORD = r"[А-ЯЁ][а-яё\-]{1,40}"
_STREET = (
    r"(?:улиц[аеуы]|ул\b\.?|проспект[аеу]?|просп\.|пр-т|пр\.|переул(?:ок|ка|ке|ку)|пер\.|бульвар[аеу]?|б-р|шоссе|ш\.|"
    r"набережн(?:ая|ой|ую)|наб\.|проезд[аеу]?|площад[ьи]|пл\.|тупик[аеу]?|туп\.|алле[яеию]|тракт[аеу]?|"
    r"микрорайон[аеу]?|мкр\b\.?)"
)
_STREET_NAME = (
    rf"(?:\d{{1,3}}(?:-[а-я]{{1,2}})?\s(?:лет\s)?)?(?:[А-ЯЁ]\.\s?){{0,2}}(?:реки\s)?{_WORD}(?:\s{_WORD}){{0,2}}"
)
"""«Баумана», «8 Марта», «40 лет Победы», «К. Маркса», «Карла Маркса»."""
_HOUSE_WORD = r"(?:(?:в\s)?(?:д\.?|дом[аеу]?|вл\.)\s{0,2}№?\s?)"
_HOUSE_NUMBER = r"\d{1,4}(?:[а-яА-Я](?![а-яё]))?(?:\s?[кс/\-]\s?\d{1,4}[а-яА-Я]?){0,2}(?!\d|%|[:.]\d)"
"""«5», «7А», «12к3», «15/2», «5-12»."""
_FLAT = r"(?:,?\s{0,2}(?:кв\.?|квартир[аеуы])\s{0,2}№?\d{1,4})"
_HOUSE = (
    rf"(?:,\s{{0,2}}|\s{{1,2}}){_HOUSE_WORD}?{_HOUSE_NUMBER}"
    rf"(?:,?\s{{0,2}}(?:к|корп|корпус|стр|строение|под|подъезд|эт|этаж|оф|офис)\.?\s{{0,2}}\d{{1,4}}[а-яА-Я]?|{_FLAT}){{0,4}}"
)
_NOT_A_HOUSE = (
    r"(?!\s{1,2}(?:минут|метр|час|шаг|руб|год|звёзд|звезд|раз|сут|ноч|дн|чел|январ|феврал|март|апрел|ма[йя]|июн|июл|"
    r"август|сентябр|октябр|ноябр|декабр|лет|градус|мет|км|окон|окна|номер|этаж|комнат|тыс|млн|процент|кв\.?\s?м))"
)


_PLAIN = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2212\ufe63\uff0d"), "-"),
    **dict.fromkeys([*range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x00A0], " "),
    **dict.fromkeys([0x00AD, 0x0301, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]),
    **{0xFF10 + digit: str(digit) for digit in range(10)},
}
_CYRILLIC = str.maketrans("AaBCcEeHKMOoPpTXxy", "АаВСсЕеНКМОоРрТХху")
_MIXED_WORD = re.compile(r"\b(?=\w{0,40}[А-Яа-яёЁ])(?=\w{0,40}[A-Za-z])\w{2,40}\b")
_TEMPLATE_TOKEN = re.compile(r"<\|[\w ]{1,40}\|>|</?s>|\[/?INST\]")


@dataclass(frozen=True)
class _Kind:
    """A kind of personal data, known by its pattern. ``is_one`` confirms what the pattern has matched.

    The placeholder replaces the group ``data`` where the pattern has it, else the whole match.
    """

    placeholder: str
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] = bool
    needs: str = ""
    """A string that is in every match, so that texts without it need no search; empty when every match has a digit."""

    def may_be_in(self, text: str) -> bool:
        return self.needs in text.lower() if self.needs else _DIGIT.search(text) is not None


def plain(text: str) -> str:
    """Return the text without what hides a number or a name, and without the tokens of chat templates.

    Odd dashes, blanks and digits become the usual ones, and Latin look-alikes inside Cyrillic words become Cyrillic.
    Stress marks and invisible signs are removed.
    """
    text = _TEMPLATE_TOKEN.sub(" ", text.translate(_PLAIN))
    return _MIXED_WORD.sub(lambda match: match[0].translate(_CYRILLIC), text)


def masked(text: str) -> str:
    """Return the text with placeholders in the place of personal data that are known by their form."""
    for kind in _KINDS:
        if kind.may_be_in(text):
            text = kind.pattern.sub(partial(_replaced, kind), text)
    return text


def kinds_in(text: str) -> Iterator[str]:
    """Yield the placeholders that ``masked`` would put into the text, each once."""
    seen = set()
    for kind in _KINDS:
        if kind.placeholder in seen or not kind.may_be_in(text):
            continue
        if any(kind.is_one(match[0]) for match in kind.pattern.finditer(text)):
            seen.add(kind.placeholder)
            yield kind.placeholder


def _replaced(kind: _Kind, match: re.Match[str]) -> str:
    if not kind.is_one(match[0]):
        return match[0]
    if "data" not in kind.pattern.groupindex:
        return kind.placeholder
    start, end = (position - match.start() for position in match.span("data"))
    return match[0][:start] + kind.placeholder + match[0][end:]


def _is_card(text: str) -> bool:
    """Tell whether the digits pass Luhn's check for card numbers, and are not all zero."""
    digits = [int(sign) for sign in text if sign.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return any(digits) and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _is_iban(text: str) -> bool:
    """Tell whether the signs pass the check of ISO 13616: modulo 97, with letters as numbers from 10 on."""
    signs = "".join(text.split()).upper()
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def _is_snils(text: str) -> bool:
    """Tell whether the last two of eleven digits are the sum that the first nine have by the rule for SNILS."""
    digits = [int(sign) for sign in text if sign.isdecimal()]
    total = sum(digit * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True))
    return total > 0 and total % 101 % 100 == digits[9] * 10 + digits[10]


def _kind(placeholder: str, pattern: str, is_one: Callable[[str], bool] = bool, *, needs: str = "") -> _Kind:
    return _Kind(placeholder, re.compile(pattern, re.IGNORECASE), is_one, needs)


_DOMAIN = r"[\w\-]{1,63}(?:\.[\w\-]{2,63}){1,4}"
_KINDS = (
    _kind(placeholders.MAIL, rf"[\w.+\-]{{1,64}}@{_DOMAIN}", needs="@"),
    _kind(
        placeholders.MAIL,
        r"(?<![a-z0-9.+\-_])[a-z0-9.+\-_]{1,64}\s{1,2}собака\s{1,2}[\w\-]{1,63}\s{1,2}точка\s{1,2}(?:ру|рф|ком|нет|ru|com|net|org)\b",
        needs="собака",
    ),
    _kind(
        placeholders.MAIL,
        rf"(?<![\w.+\-])[\w.+\-]{{1,64}}\s?[\[(]\s?(?:at|собака|@)\s?[\])]\s?{_DOMAIN}",
        needs=".",
    ),
    _kind(
        placeholders.HANDLE,
        r"(?:https?://)?\b(?:t\.me|telegram\.(?:me|dog)|wa\.me|vk\.(?:com|ru)|ok\.ru|instagram\.com|facebook\.com|fb\.com)"
        r"/[\w+/.?=&%\-]{0,100}\w",
        needs="/",
    ),
    _kind(placeholders.HANDLE, r"tg://[\w+/.?=&%\-]{1,100}", needs="/"),
    _kind(placeholders.HANDLE, r"(?<![\w@])@[a-z0-9][\w.]{0,30}\w", needs="@"),
    _kind(
        placeholders.HANDLE,
        r"\b(?:ник|никнейм|телеграм[а-я]?|телега|telegram|тг|tg|инстаграм[а-я]?|whatsapp|скайп|skype)\s?:\s?"
        r"(?P<data>[a-z][\w.]{2,30}\w)",
        needs=":",
    ),
    _kind(
        placeholders.PASSPORT,
        r"паспорт[^\d\n]{0,40}(?P<data>\d{2}\s?\d{2}[\s№,]{0,3}(?:номер\s)?\d{6}|\d{2}[\s№]{0,3}\d{7})(?!\d)",
    ),
    _kind(placeholders.PASSPORT, r"сери[яией]{1,2}[^\d\n]{0,3}(?P<data>\d{2}\s?\d{2}[^\d\n]{0,12}\d{6})(?!\d)"),
    _kind(placeholders.SNILS, r"(?<![\d\-])\d{3}-\d{3}-\d{3}[ \-]\d{2}(?![\d\-])"),
    _kind(placeholders.SNILS, r"снилс[^\d\n]{0,15}(?P<data>\d(?:[ \-]?\d){10})(?!\d)"),
    _kind(placeholders.SNILS, r"(?<![\d\-.,])\d{3}([ \-])\d{3}\1\d{3}[ \-]\d{2}(?![\d\-])", _is_snils),
    _kind(placeholders.INN, r"\bинн\b[^\d\n]{0,15}(?P<data>\d(?:[ \-]?\d){11}|\d(?:[ \-]?\d){9})(?!\d)"),
    _kind(placeholders.ACCOUNT, r"\b[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?\b", _is_iban),
    _kind(placeholders.ACCOUNT, r"(?<!\d)[34]\d(?:[ \-.]?\d){18}(?!\d)"),
    _kind(
        placeholders.CARD,
        r"\b(?:карт(?:[аыеу]|ой|очк[а-я]{1,2})|visa|mastercard|maestro)[^\d\n]{0,20}"
        r"(?P<data>\d{4}(?:[ \-]?\d){9,15})(?!\d)",
    ),
    _kind(placeholders.CARD, r"(?<!\d)\d{4}([ \-\u00a0]?)\d{4}\1\d{4}\1\d{4}(?!\d)", _is_card),
    _kind(placeholders.CARD, r"(?<!\d)\d(?:[ \-\u00a0]?\d){12,18}(?!\d)", _is_card),
    # Area codes begin with 3, 4, 8 or 9; in Kazakhstan, which shares +7, with 7.
    _kind(
        placeholders.PHONE,
        rf"(?<![\d.,])(?:\+\s?7{_GAP}[3-9]|[78]{_GAP}[3489])(?:{_GAP}\d){{9}}(?!\d){_EXTENSION}",
    ),
    _kind(placeholders.PHONE, rf"\+\s?\d(?:{_GAP}\d){{9,14}}(?!\d){_EXTENSION}"),
    _kind(placeholders.PHONE, rf"(?<![\d.,:])(?:00|810)[ \-]?[1-9](?:[ \-]?\d){{9,12}}(?!\d){_EXTENSION}"),
    _kind(placeholders.PHONE, rf"(?<![\d.,])8/[3489]\d{{2}}/(?:{_GAP}\d){{7}}(?!\d){_EXTENSION}"),
    _kind(placeholders.PHONE, r"(?<![\d.,\-])9\d{2}[ \-]{0,2}\d{3}[ \-]?\d{2}[ \-]?\d{2}(?![\d\-])"),
    _kind(placeholders.PHONE, rf"\(\d{{3,5}}\)\s?\d{{1,3}}[ \-]\d{{2}}[ \-]\d{{2}}(?![\d\-]){_EXTENSION}"),
    _kind(placeholders.PHONE, rf"(?<![\d.,\-–])\d{{3}}-\d{{2}}-\d{{2}}(?![\d\-]){_EXTENSION}"),
    _kind(
        placeholders.PHONE,
        r"(?:\bтел\.|телефон[а-я]{0,3}|\bмоб\.|звони(?:те|ть)|ватсап[а-я]?|whats ?app)[^\d\n]{0,15}"
        rf"(?P<data>(?:\d{{2,3}}[ \-]\d{{2}}[ \-]\d{{2}}|\d{{6,7}})(?![\d\-.]\d|\d){_EXTENSION})",
    ),
    # Without a word beside them: four digits that are no year of this century, then six.
    _kind(placeholders.PASSPORT, r"(?<![\d.,+\-])(?!20[0-3]\d)\d{2}\s?\d{2}\s(?:№\s?)?\d{6}(?![\d\-])"),
    _Kind(
        placeholders.CAR,
        re.compile(r"(?<!\w)[АВЕКМНОРСТУХ]\s?\d{3}\s?[АВЕКМНОРСТУХ]{2}\s?\d{2,3}(?!\w)"),
    ),
    _Kind(placeholders.ADDRESS, re.compile(rf"\b{_STREET}\s{{0,2}}{_STREET_NAME}{_HOUSE}{_NOT_A_HOUSE}")),
    _Kind(
        placeholders.ADDRESS,
        re.compile(
            rf"\b(?:\d-[а-я]{{1,2}}\s)?[А-ЯЁ][а-яёА-ЯЁ\-]{{1,40}}(?:ая|ой|ую|ий|ый|ом|ем)\s{_STREET}{_HOUSE}{_NOT_A_HOUSE}"
        ),
    ),
    # As people type: «улица баумана дом 5».
    _kind(
        placeholders.ADDRESS,
        rf"\b{_STREET}\s{{0,2}}[а-яё\-]{{3,40}}(?:\s[а-яё\-]{{3,40}})?(?:,\s?|\s){_HOUSE_WORD}{_HOUSE_NUMBER}{_FLAT}?{_NOT_A_HOUSE}",
    ),
    # A street that is called neither street nor avenue: with a flat, or an adjective and nothing but the number.
    _Kind(placeholders.ADDRESS, re.compile(rf"\b{_WORD}(?:,\s?|\s){_HOUSE_WORD}?{_HOUSE_NUMBER}{_FLAT}")),
    _kind(placeholders.ADDRESS, rf"\b{_HOUSE_WORD}{_HOUSE_NUMBER}{_FLAT}"),
    _Kind(
        placeholders.ADDRESS,
        re.compile(rf"\b[А-ЯЁ][а-яё\-]{{1,40}}ск(?:ий|ом|ая|ой|ую),\s{_HOUSE_NUMBER}(?=\s*(?:[.;!?)\n]|,\s|\Z))"),
    ),
)
"""In the order of their search: numbers with a label come before those that could be of several kinds."""
