"""Whether what differs between a quote and the recording changes what was said.

A recogniser misspells words and a model tidies them, so a quote need not be the recording letter by letter. Negations,
numbers, names and other words of the dictionary may not differ: their forms may, and so may words that sound the same.
What the words mean together is not understood: who did what to whom can change with the endings.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from chats.amounts import joined
from chats.tokens import Part, reading_of, tokens_of
from chats.vocabulary import DEGREES, TURNS
from chats.wording import Term, wording_of
from morphology import parses

_ALIKE = 0.7
_SHORTEST_SOUND = 5
"""Letters. Shorter words that sound the same are mostly different ones."""
_DENYING = frozenset("не ни нет без нету нельзя никогда нигде никто ничего ничто вряд едва".split())  # noqa: SIM905
_TURNING = _DENYING | frozenset("если бы якобы будто только лишь почти чуть кроме разве но или либо ли".split())  # noqa: SIM905
"""Function words that turn, doubt or limit what stands beside them: none may be left out."""
_FILLERS = frozenset(
    """
    ну вот типа значит короче э эм мм ммм м ага угу там это то же ведь да и а вообщем просто собственно допустим скажем
    знаете понимаете слушайте
    """.split()  # noqa: SIM905
)
_PHRASES = re.compile(r"\b(?:как бы|так сказать|это самое|в общем|то есть|потому что)\b")
"""Phrases that say nothing, and one whose «что» reports nothing."""
_CONDITIONS = frozenset("если бы вряд едва якобы будто кабы".split())  # noqa: SIM905
_PREFIXES = ("не", "ни", "без", "бес", "анти", "недо")
_REPORTED = frozenset(["что", "чтобы", "чтоб", "будто"])
_NEAR = 4
_WORD = re.compile(r"\w+")
_CLAUSE = re.compile(r"[.,!?;:…—–]")
_SOUNDS = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[ъь]", ""),
        (r"тс[яа]$|тц[ао]$", "ца"),
        (r"[оа]го$", "ава"),
        (r"его$", "ива"),
        (r"[сз]тн|здн", "сн"),
        (r"[сз]ч", "щ"),
        (r"о", "а"),
        (r"[еяэы]", "и"),
        (r"ий$|ии$", "и"),
        (r"б(?=[пфктшсхцчщ]|$)", "п"),
        (r"в(?=[пфктшсхцчщ]|$)", "ф"),
        (r"г(?=[пфктшсхцчщ]|$)", "к"),
        (r"д(?=[пфктшсхцчщ]|$)", "т"),
        (r"ж(?=[пфктшсхцчщ]|$)", "ш"),
        (r"з(?=[пфктшсхцчщ]|$)", "с"),
        (r"(.)\1+", r"\1"),
    )
]
"""Russian spellings that sound the same: unstressed vowels, voiced consonants at the end of a word, double letters."""


def same_meaning(said: Sequence[str], quoted: Sequence[str], names: Sequence[bool]) -> bool:
    """Tell whether a quote says what was said; both are words in lower case with «е» for «ё». Blocking.

    ``names`` has for each word that was said whether it is written like a name.
    """
    for tag, begin, end, other, other_end in SequenceMatcher(None, said, quoted, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        out, into = said[begin:end], quoted[other:other_end]
        if "".join(out) == "".join(into) or _same_numbers(out, into):
            continue
        kept = [place for place in range(begin, end) if not _can_go(said, place)]
        added = [word for place, word in enumerate(into, start=other) if not _can_come(quoted, place)]
        if "".join(said[place] for place in kept) == "".join(added):
            continue
        if len(kept) != len(added):
            kept, added = list(range(begin, end)), list(into)
        if len(kept) != len(added) or not all(
            _same_word(said[place], word, is_name=names[place]) for place, word in zip(kept, added, strict=True)
        ):
            return False
    return True


def cut_changes(before: str, said: str, after: str) -> bool:
    """Tell whether ``said`` says something else without what its speaker said around it. Blocking.

    «Понравилась тишина» is no quote of «не понравилась тишина», nor of «не скажу, что понравилась тишина».
    """
    *earlier, clause = _CLAUSE.split(_PHRASES.sub("", before.lower()))
    rest = _CLAUSE.split(after.lower())[0]
    words, first = _WORD.findall(clause), _WORD.findall(said.lower())[:1]
    if _CONDITIONS & {*words} or _DENYING & {*words[-1:], *_WORD.findall(rest)[:1]}:
        return True
    if _REPORTED & {*(words[-1:] or first)}:
        told = words[:-1] or _WORD.findall(earlier[-1] if earlier else "")
        if _DENYING & {*told[-_NEAR:]}:
            return True
    whole = wording_of(f"{clause} {said} {rest}").terms[len(wording_of(clause).terms) :]
    return any(_turned(alone, within) for alone, within in zip(wording_of(said).terms, whole, strict=False))


def leaving_out_changes(between: str) -> bool:
    """Tell whether what stands between the parts of a quote, in one sentence, turns what they say together."""
    return not (_DENYING | TURNS).isdisjoint(_WORD.findall(between.lower()))


def _turned(alone: Term, within: Term) -> bool:
    return bool(alone.lemmas & within.lemmas) and alone.denied is False and within.denied is True


def _can_go(words: Sequence[str], place: int) -> bool:
    """Tell whether a word that was said may be left out: a filler, a degree, a repetition, a function word."""
    word, near = words[place], words[max(0, place - 1) : place + 2]
    if word in _FILLERS or near.count(word) > 1:
        return True
    if any(word in phrase.split() for phrase in _PHRASES.findall(" ".join(near))):
        return True
    reading = reading_of(word)
    if _TURNING & {word, *reading.lemmas}:
        return False
    is_function = reading.part is Part.FUNCTION and "который" not in reading.lemmas
    return is_function or bool(reading.lemmas & DEGREES)


def _can_come(words: Sequence[str], place: int) -> bool:
    return words[place] in _FILLERS


@lru_cache(16_384)
def _same_word(said: str, quoted: str, *, is_name: bool) -> bool:
    if said == quoted or {said, quoted} & _TURNING:
        return said == quoted
    one, other = reading_of(said), reading_of(quoted)
    if Part.NUMBER in (one.part, other.part):
        return one.part is other.part and bool(one.lemmas & other.lemmas)
    if one.denies != other.denies or _negated(said, quoted):
        return False
    if one.lemmas & other.lemmas:
        tenses, others = _tenses(said), _tenses(quoted)
        return not (tenses and others) or bool(tenses & others)
    return _sounds_same(said, quoted) or not (
        is_name
        or (_is_known(said) and _is_known(quoted))
        or (said[:1] != quoted[:1] and _sound(said)[:1] != _sound(quoted)[:1])
        or SequenceMatcher(None, said, quoted, autojunk=False).ratio() < _ALIKE
    )


def _sounds_same(said: str, quoted: str) -> bool:
    return min(len(said), len(quoted)) >= _SHORTEST_SOUND and _sound(said) == _sound(quoted)


def _tenses(word: str) -> frozenset[str]:
    return frozenset(str(each.tag.tense) for each in parses(word) if each.tag.POS == "VERB" and each.tag.tense)


def _is_known(word: str) -> bool:
    return bool(parses(word)[0].is_known)


def _negated(said: str, quoted: str) -> bool:
    """Tell whether one word is the other with a denying prefix, whatever the dictionary makes of it."""
    return any(
        longer.startswith(prefix) and not shorter.startswith(prefix) and longer[len(prefix) :][:3] == shorter[:3]
        for longer, shorter in ((said, quoted), (quoted, said))
        for prefix in _PREFIXES
    )


def _same_numbers(said: Sequence[str], quoted: Sequence[str]) -> bool:
    """Tell whether both are the same number, in words or in digits: «две тысячи», «2000»."""
    one, other = ([(each.part, each.value) for each in joined(tokens_of(" ".join(words)))] for words in (said, quoted))
    return bool(one) and one == other and all(part is Part.NUMBER for part, _ in one)


def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word
