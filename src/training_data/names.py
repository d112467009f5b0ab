"""Names of people in Russian text: found by the dictionary, by the words around them, and as names that we know.

Names in Latin letters are found only when they are known. A name that is also a common word («Вера», «Роман») counts
where its capital tells it apart, or where somebody does what only people do («Вера сказала»). Places, dishes and what
stands in quotes after a thing («отель «Мария»») keep their names.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from training_data.vocabulary import DEEDS, INTRODUCTIONS, MONTHS, PEOPLE, PLACES, SAYINGS, THINGS, WHERE
from training_data.words import LONGEST_WORD, Likelihood, Reading, reading_of

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_TOKEN = re.compile(rf"\[[А-Яа-яЁё ]{{1,20}}\]|{_WORD.pattern}")
"""A word, or a placeholder."""
_QUOTED = re.compile(r"[«\"“„]([^«»\"“”„.!?,:;\n]{1,60})[»\"”]")
_SENTENCE_ENDS = frozenset(".!?…")
_SKIPPED = ' \t\u00a0\n«"“„([–—-•*#>'
"""What may stand between the end of a sentence and the next word."""
_OPENING = frozenset('«"“„')
_LOOK_BACK = 40
_LOOK_AHEAD = 3
_MOST_PARTS = 4
_MOST_INITIALS = 2
_SHORTEST_TYPED_SMALL = 3


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    word: str

    @cached_property
    def reading(self) -> Reading:
        return reading_of(self.word)

    @property
    def is_capitalised(self) -> bool:
        return self.word[0].isupper()


class Names:
    """Finds names of people. ``known`` names are found in every grammatical case, and without a capital, too."""

    def __init__(self, known: Iterable[str]) -> None:
        words = {word for name in known for word in _WORD.findall(name) if 1 < len(word) <= LONGEST_WORD}
        readings = {word.casefold(): reading_of(word) for word in words if not word.islower()}
        # «Администратор Вера» is the name of one person; others are administrators, too.
        parts = {word: each for word, each in readings.items() if not each.lemmas & (PEOPLE | THINGS)}
        # Of «Мира» the dictionary knows only that it is of the world: then the cases are not found, and «мир» stays.
        named = (each.names for each in parts.values() if each.given or each.surname or each.adjectival)
        self._known = frozenset(parts).union(*named)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each name in the text, in order. Parts that belong together are one name."""
        tokens = [
            _Token(match.start(), match.end(), match[0])
            for match in _TOKEN.finditer(text)
            if len(match[0]) <= LONGEST_WORD
        ]
        return _Passage(text, tokens, self._is_known).spans()

    def _is_known(self, token: _Token) -> bool:
        return token.word.casefold() in self._known or bool(token.reading.names & self._known)


class _Passage:
    """Finds the names in one text. A position is the index of a word, or placeholder, in ``tokens``."""

    def __init__(self, text: str, tokens: Sequence[_Token], is_known: Callable[[_Token], bool]) -> None:
        self._text = text
        self._tokens = tokens
        self._is_known = is_known
        self._ends = [token.end for token in tokens]
        self._things = [match.span() for match in _QUOTED.finditer(text) if self._names_a_thing(match.start())]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each name in the text."""
        position = 0
        while position < len(self._tokens):
            after = self._after_name(position)
            if after > position and not self._is_of_a_place(position, after):
                yield self._tokens[position].start, self._end(after)
            position = max(after, position + 1)

    def _after_name(self, first: int) -> int:
        """Return the position after the name that begins at ``first``; ``first`` when no name begins there."""
        if initials := self._initials(first):
            surname = first + initials
            if self._is_beside_initials(surname, initials) and self._gap(surname).strip() in {"", "."}:
                return self._after_parts(surname + 1)
            return first
        initials = self._initials(first + 1)
        if initials and self._joined(first + 1) and self._is_beside_initials(first, initials):
            return first + 1 + initials
        if self._begins(first) or (self._may_precede(first) and self._joined(first + 1) and self._begins(first + 1)):
            return self._after_parts(first + 1)
        return first

    def _after_parts(self, position: int) -> int:
        """Return the position after further parts of a name (patronymic, surname, initials) that begin at ``position``.

        Returns ``position`` when there are none.
        """
        last = min(position + _MOST_PARTS, len(self._tokens))
        while position < last and self._joined(position) and self._continues(position):
            position += 1
        initials = self._initials(position)
        return position + initials if initials and self._joined(position) else position

    def _begins(self, position: int) -> bool:
        """Tell whether the word at ``position`` is a name even when no other part of a name is beside it."""
        if not self._is_somewhere(position):
            return False
        token = self._tokens[position]
        reading, known = token.reading, self._is_known(token)
        if reading.adjectival and (self._names_a_place(position) or (self._is_where(position) and not known)):
            return False
        sure = reading.likelihood is Likelihood.ALWAYS
        if not token.is_capitalised or (token.word.isupper() and not known):
            typed_small = (known and reading.unknown) or (sure and reading.given)
            return typed_small and len(token.word) >= _SHORTEST_TYPED_SMALL
        if (
            reading.lemmas & MONTHS
            and self._text[max(0, token.start - _LOOK_BACK) : token.start].rstrip()[-1:].isdecimal()
        ):
            return False
        could_be = reading.unknown or reading.surname or reading.given
        acts = reading.unknown and reading.surname and self._acts(position + 1)
        if sure or known or acts or (could_be and self._follows_a_role(position)):
            return True
        return reading.likelihood is Likelihood.INSIDE_A_SENTENCE and (
            not self._starts_a_sentence(token)
            or self._acts(position + 1)
            or self._text.startswith(",", token.end)  # «Вера, подскажите»
        )

    def _continues(self, position: int) -> bool:
        """Tell whether the word at ``position``, which follows a part of a name, belongs to the same name."""
        token, before = self._tokens[position], self._tokens[position - 1]
        if not token.is_capitalised:
            return self._begins(position) or self._is_part(position)
        if token.reading.function:
            return False
        return token.reading.likelihood is not Likelihood.NEVER or (before.reading.given and not token.reading.place)

    def _is_part(self, position: int) -> bool:
        """Tell whether the word at ``position`` counts as part of a name when another part is beside it."""
        token = self._tokens[position]
        reading = token.reading
        sure = token.is_capitalised or reading.likelihood is Likelihood.ALWAYS
        personal = reading.given or (reading.surname and not reading.unknown)
        return sure and personal and not reading.preposition and self._is_somewhere(position)

    def _may_precede(self, position: int) -> bool:
        """Tell whether the word at ``position`` belongs to a name that is sure to begin at the next word.

        That is so for a part of a name, and for a word that the dictionary lacks before a patronymic: «Хуршед
        Тохирович».
        """
        if self._is_part(position):
            return True
        token = self._tokens[position]
        if position + 1 == len(self._tokens) or not (token.is_capitalised and token.reading.unknown):
            return False
        return self._tokens[position + 1].reading.patronymic and self._is_somewhere(position)

    def _is_where(self, position: int) -> bool:
        """Tell whether the word at ``position`` stands after «на» and the like: «на Маяковской» is a street."""
        return self._joined(position) and bool(self._tokens[position - 1].reading.lemmas & WHERE)

    def _names_a_place(self, position: int) -> bool:
        """Tell whether the word after the one at ``position`` is a word for a place: «Курский вокзал»."""
        return self._joined(position + 1) and bool(self._tokens[position + 1].reading.lemmas & PLACES)

    def _is_beside_initials(self, position: int, initials: int) -> bool:
        """Tell whether the word at ``position`` is a surname, given so many ``initials`` beside it.

        With a single initial, which may be the letter of a house or a hall, the word has to be read as a name.
        """
        if not self._is_somewhere(position):
            return False
        token = self._tokens[position]
        guessed = token.reading.unknown and token.reading.surname
        if not token.is_capitalised or len(token.word) == 1 or (token.reading.function and not guessed):
            return False
        return initials > 1 or token.reading.surname or token.reading.given

    def _is_somewhere(self, position: int) -> bool:
        """Tell whether there is a word at ``position``, and not inside the quoted name of a thing."""
        if position >= len(self._tokens):
            return False
        start = self._tokens[position].start
        thing = bisect_right(self._things, (start, len(self._text))) - 1
        return thing < 0 or start >= self._things[thing][1]

    def _initials(self, position: int) -> int:
        """Return how many initials, at most two, begin at the position."""
        count = 0
        while count < _MOST_INITIALS and position + count < len(self._tokens):
            token = self._tokens[position + count]
            is_initial = len(token.word) == 1 and token.is_capitalised and self._text.startswith(".", token.end)
            if not is_initial or (count and self._gap(position + count).strip() != "."):
                break
            count += 1
        return count

    def _is_of_a_place(self, first: int, after: int) -> bool:
        """Tell whether the name from ``first`` up to ``after`` is that of a place or a thing: «отель Мария»."""
        if first == 0 or not self._joined(first):
            return False
        noun = self._tokens[first - 1].reading
        if not noun.lemmas & (PLACES | THINGS) or (self._tokens[first].reading.nominative and self._acts(after)):
            return False
        if noun.lemmas & PLACES:
            return True
        # «Директор отеля Мария» is a person.
        of_somebody = first > 1 and self._joined(first - 1) and self._tokens[first - 2].reading.animate
        return after - first == 1 and not of_somebody

    def _follows_a_role(self, position: int) -> bool:
        if position == 0 or not self._joined(position):
            return False
        return bool(self._tokens[position - 1].reading.lemmas & (PEOPLE | INTRODUCTIONS))

    def _acts(self, position: int) -> bool:
        """Tell whether one of the three words from ``position`` on is something that only people do: «сказала»."""
        for ahead in range(position, min(position + _LOOK_AHEAD, len(self._tokens))):
            if not self._joined(ahead):
                return False
            if self._tokens[ahead].reading.lemmas & DEEDS:
                return True
        return False

    def _starts_a_sentence(self, token: _Token) -> bool:
        before = self._text[max(0, token.start - _LOOK_BACK) : token.start]
        signs = before[len(before.rstrip(_SKIPPED)) :]
        rest = before.rstrip(_SKIPPED)
        return bool(_OPENING & set(signs)) or "\n" in signs or not rest or rest[-1] in _SENTENCE_ENDS

    def _names_a_thing(self, quote: int) -> bool:
        """Tell whether the quotation mark at ``quote`` opens a thing's name: it follows a thing or a preposition."""
        before = bisect_right(self._ends, quote) - 1
        if before < 0 or self._text[self._ends[before] : quote].strip():
            return False
        reading = self._tokens[before].reading
        return (reading.inanimate or reading.preposition) and not reading.lemmas & SAYINGS

    def _joined(self, position: int) -> bool:
        """Tell whether there is a word before the one at ``position``, with nothing but blanks between the two."""
        return 0 < position < len(self._tokens) and not self._gap(position).strip(" \u00a0\t")

    def _gap(self, position: int) -> str:
        """Return the text between the word at ``position`` and the one before; nothing for the first word."""
        return self._text[self._tokens[position - 1].end : self._tokens[position].start] if position else ""

    def _end(self, after: int) -> int:
        """Return where the name before the position ``after`` ends in the text, a last initial's full stop included."""
        last = self._tokens[after - 1]
        return last.end + (len(last.word) == 1 and self._text.startswith(".", last.end))
