"""The check of quotes against the recording, and of the items of a pass, which rest on quotes.

A quote is at least four words of one person, or a whole utterance. It may differ from the transcript in case, ё,
punctuation, fillers and misspelt words: it matches a stretch when ``difflib`` rates their letters at least 0.7 alike,
and what differs, and what stands around the stretch, leaves its meaning (``reports.meaning``). A quote of fewer than
four or more than 120 words must be there as it is.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import texts.reports
from datamodels import Segment, Transcript
from reports.meaning import cut_changes, leaving_out_changes, same_meaning
from text_cleaning import folded
from texts.transcript import speaker_label
from utils import clock

ENOUGH_ALIKE = 0.7
CHECKED_WORDS = 4
"""The fewest words of a quote, but for whole utterances. In a text shorter phrases in «…» are names and terms."""

_MOST_CANDIDATES = 20
_FEWEST_SEEDS = 6
_SHARED_SHARE = 4
"""At the place where a quote was said, at least one in this many words is the same; the rest may differ in endings."""
_FEWEST_BESIDE_GAP = 3
"""Words on each side of a gap: with fewer, anything can be put together."""
_LONGEST_GAP = 60
"""Words that a gap may leave out."""
_LONGEST_QUOTE_WORDS = 120
_SLACK_WORDS = 2
_FILLED_SHARE = 4
"""Where a quote was said, one more word for this many can be a filler that the quote lacks."""
_AROUND_WORDS = 12
"""Words on each side of a quote that can change what it says."""
_SENTENCE_END = re.compile(r"[.!?…]")

_WORD = re.compile(r"\w+")
_GAP = re.compile(r"\[?\s*(?:…|\.{3,})\s*\]?")
_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
_QUOTED = re.compile(
    r"«(?P<quote>[^«»]{1,2000})»"
    r"(?:(?P<bracket>[ \u00a0]?[(\[][^()\[\]\n]{0,60}\d:\d\d[^()\[\]\n]{0,20}[)\]])"
    r"|(?P<dash>[ \u00a0]?[—–-] ?(?:[^()\[\]«».\n]{1,60}, ?)?\[?(?:\d+:)?\d{1,2}:\d\d\]?))?"
)
"""A quote, and the speaker and time that the model put after it: «…» (Клиент, 12:41) or «…» — Клиент, 12:41."""


@dataclass(frozen=True)
class Quote:
    """Words of the recording. ``speaker`` is None when the transcript names none; ``start`` is in seconds."""

    text: str
    speaker: str | None
    start: float

    @property
    def time(self) -> str:
        return clock(self.start)

    @property
    def source(self) -> str:
        return texts.reports.QUOTE_SOURCE.format(speaker=self.speaker, time=self.time) if self.speaker else self.time


@dataclass(frozen=True)
class CheckedText:
    """A checked text: ``quotes`` are those that got speaker and time, as they stand in it.

    ``not_found`` counts those that are not in the recording.
    """

    text: str
    quotes: tuple[str, ...]
    not_found: int


@dataclass(frozen=True)
class _Origin:
    """Where a word stands: its segment, its turn (what one person says in a row), and its place in the whole text."""

    segment: int
    turn: int
    begin: int
    end: int


@dataclass(frozen=True)
class _Wanted:
    """What a part of a quote has to be besides alike: near a time in seconds, said in one of the roles if any, long.

    The role None is that of whose role is not known.
    """

    near: float | None
    roles: frozenset[str | None]
    fewest_words: int


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    ratio: float


class Evidence:
    """The words of a transcript, ready to be searched. Building and searching take CPU time: use a thread."""

    def __init__(self, transcript: Transcript) -> None:
        self._segments, self._names = transcript.segments, transcript.names
        self._roles = frozenset(segment.role for segment in self._segments)
        self._text = "\n".join(segment.text for segment in self._segments)
        self._words: list[str] = []
        self._origins: list[_Origin] = []
        turn, label, begin = 0, None, 0
        for number, segment in enumerate(self._segments):
            said_by = self._label(segment)
            turn, label = turn + (said_by != label), said_by
            for match in _WORD.finditer(segment.text):
                self._words.append(folded(match[0]))
                self._origins.append(_Origin(number, turn, begin + match.start(), begin + match.end()))
            begin += len(segment.text) + 1
        self._positions: dict[str, list[int]] = {}
        for position, word in enumerate(self._words):
            self._positions.setdefault(word, []).append(position)

    def _label(self, segment: Segment) -> str | None:
        return speaker_label(segment.role, segment.speaker, self._names.get(segment.speaker or ""))

    def names(self, roles: Collection[str]) -> bool:
        """Tell whether anybody in the transcript has one of the roles."""
        return not self._roles.isdisjoint(roles)

    def find(self, text: str, time: str | None = None, by: Collection[str] = ()) -> Quote | None:
        """Find the words of the recording that ``text`` quotes; None when nobody said them.

        ``by`` are the roles whose words count; () for anybody's. When nobody has one of them, the words count of those
        whose role is not known.
        Of several exact matches the one nearest to ``time`` (12:41) is taken, without a time the first. The parts
        around a gap (``…``) must all be there, in their order, in one turn of one person.
        """
        parts = [words for part in _GAP.split(text) if (words := normal_words(part))]
        if not parts or (len(parts) > 1 and min(map(len, parts)) < _FEWEST_BESIDE_GAP):
            return None
        wanted = _Wanted(
            near=seconds(time),
            roles=frozenset(by if not by or self.names(by) else (None,)),
            fewest_words=CHECKED_WORDS if len(parts) == 1 else _FEWEST_BESIDE_GAP,
        )
        spans: list[_Span] = []
        for words in parts:
            span = self._span(words, wanted, spans[-1] if spans else None)
            if span is None:
                return None
            spans.append(span)
        segment = self._segments[self._origins[spans[0].start].segment]
        said = " … ".join(self._said(span) for span in spans)
        return Quote(said, self._label(segment), segment.start)

    def checked(self, markdown: str, prompt: str) -> CheckedText:
        """Return ``markdown`` with speaker and time after each quote, and a mark after quotes that nobody said.

        A quote that differs from the recording is replaced by what was said. Phrases in «…» stay as they are when
        ``prompt`` has them, too, or when they have fewer than ``CHECKED_WORDS`` words: they are no quotes.
        """
        asked = f" {' '.join(normal_words(prompt))} "
        found: list[str] = []
        not_found = 0

        def with_source(match: re.Match[str]) -> str:
            nonlocal not_found
            words = normal_words(match["quote"])
            if len(words) < CHECKED_WORDS or f" {' '.join(words)} " in asked:
                return match[0]
            stated = _TIME.search(match["bracket"] or match["dash"] or "")
            quote = self.find(match["quote"], stated[0] if stated else None)
            if quote is None:
                not_found += 1
                return f"«{match['quote']}» {texts.reports.QUOTE_NOT_FOUND}"
            said = match["quote"] if normal_words(quote.text) == words else quote.text
            found.append(f"«{said}» — {quote.source}" if match["dash"] else f"«{said}» ({quote.source})")
            return found[-1]

        text = _QUOTED.sub(with_source, markdown)
        return CheckedText(text, tuple(found), not_found)

    def _span(self, words: Sequence[str], wanted: _Wanted, last: _Span | None) -> _Span | None:
        """Return where the words were said; behind ``last``, the part of the quote before a gap, if there is one."""
        exact = [_Span(start, start + len(words), 1.0) for start in self._candidates_exact(words)]
        exact = [span for span in exact if self._is_said(span, wanted, last)]
        if exact and wanted.near is not None:
            near = wanted.near
            return min(exact, key=lambda each: abs(self._start_of(each.start) - near))
        if exact:
            return exact[0]
        if not wanted.fewest_words <= len(words) <= _LONGEST_QUOTE_WORDS:
            return None
        alike = [span for start in self._candidates_alike(words) if (span := self._refined(words, start))]
        said = [span for span in alike if self._is_said(span, wanted, last)]
        return max(said, key=lambda span: span.ratio, default=None)

    def _is_said(self, span: _Span, wanted: _Wanted, last: _Span | None) -> bool:
        """Tell whether one person says the span, in a role that is wanted, and says just that."""
        first, final = self._origins[span.start], self._origins[span.end - 1]
        if first.turn != final.turn or (wanted.roles and self._segments[first.segment].role not in wanted.roles):
            return False
        if span.end - span.start < wanted.fewest_words and not self._is_whole(span):
            return False
        if last is not None:
            ended = self._origins[last.end - 1]
            if not last.end <= span.start <= last.end + _LONGEST_GAP or ended.turn != first.turn:
                return False
            between = self._text[ended.end : first.begin]
            if not _SENTENCE_END.search(between) and leaving_out_changes(between):
                return False
        near = self._origins[max(0, span.start - _AROUND_WORDS) : span.end + _AROUND_WORDS]
        turn = [origin for origin in near if origin.turn == first.turn]
        before = _SENTENCE_END.split(self._text[turn[0].begin : first.begin])[-1]
        after = _SENTENCE_END.split(self._text[final.end : turn[-1].end])[0]
        return not cut_changes(before, self._text[first.begin : final.end], after)

    def _is_whole(self, span: _Span) -> bool:
        """Tell whether the span is one or more whole segments."""
        before, after = self._origins[: span.start][-1:], self._origins[span.end : span.end + 1]
        first, final = self._origins[span.start].segment, self._origins[span.end - 1].segment
        return all(each.segment != first for each in before) and all(each.segment != final for each in after)

    def _candidates_exact(self, words: Sequence[str]) -> list[int]:
        rarest = min(range(len(words)), key=lambda index: len(self._positions.get(words[index], ())))
        starts = (position - rarest for position in self._positions.get(words[rarest], ()))
        return [start for start in starts if start >= 0 and self._words[start : start + len(words)] == list(words)]

    def _candidates_alike(self, words: Sequence[str]) -> list[int]:
        """Return the positions, in order, at which a similar quote may begin.

        At least one in ``_SHARED_SHARE`` of the quote's words is found after such a position, each at most
        ``_SLACK_WORDS`` words away from where the quote has it.
        """
        seeds = sorted(range(len(words)), key=lambda index: len(self._positions.get(words[index], ())))
        votes: Counter[int] = Counter()
        for index in seeds[: max(_FEWEST_SEEDS, len(words) // 2)]:
            for position in self._positions.get(words[index], ()):
                votes[position - index] += 1
        shared: Counter[int] = Counter()
        for start, count in votes.items():
            for shift in range(-_SLACK_WORDS, _SLACK_WORDS + 1):
                shared[start + shift] += count
        likely = [start for start, count in shared.most_common(_MOST_CANDIDATES) if count * _SHARED_SHARE >= len(words)]
        return sorted({min(max(0, start), len(self._words) - 1) for start in likely})

    def _refined(self, words: Sequence[str], start: int) -> _Span | None:
        """Return the stretch from ``start`` that is most like the words and means the same."""
        best: _Span | None = None
        longest = len(words) + _SLACK_WORDS + len(words) // _FILLED_SHARE
        for length in range(max(1, len(words) - _SLACK_WORDS), longest + 1):
            window = self._words[start : start + length]
            if len(window) < length:
                break
            ratio = _alike(window, words)
            if ratio < (best.ratio if best else ENOUGH_ALIKE):
                continue
            if same_meaning(window, words, [self._is_name(each) for each in range(start, start + length)]):
                best = _Span(start, start + length, ratio)
        return best

    def _is_name(self, word: int) -> bool:
        """Tell whether a word is written like a name: with a capital letter inside a sentence."""
        origin = self._origins[word]
        if not self._text[origin.begin].isupper() or not word or self._origins[word - 1].segment != origin.segment:
            return False
        return not _SENTENCE_END.search(self._text, self._origins[word - 1].end, origin.begin)

    def _start_of(self, word: int) -> float:
        return self._segments[self._origins[word].segment].start

    def _said(self, span: _Span) -> str:
        return " ".join(self._text[self._origins[span.start].begin : self._origins[span.end - 1].end].split())


def normal_words(text: str) -> list[str]:
    """Return the words of ``text`` without punctuation, in lower case and with е for ё."""
    return [folded(word) for word in _WORD.findall(text)]


def _alike(window: Sequence[str], words: Sequence[str]) -> float:
    """Return ``difflib``'s ratio of the letters, 0 to 1.

    Letters are compared only where the words differ, which is far faster.
    """
    same = 0
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, window, words, autojunk=False).get_opcodes():
        said, quoted = " ".join(window[begin:end]), " ".join(words[other_begin:other_end])
        if tag == "equal":
            same += len(said) + 1
        elif tag == "replace":
            blocks = SequenceMatcher(None, said, quoted, autojunk=False).get_matching_blocks()
            same += sum(block.size for block in blocks)
    return 2 * same / (sum(map(len, window)) + sum(map(len, words)) + len(window) + len(words))


def seconds(time: str | None) -> float | None:
    """Return the seconds of the first time (12:41 or 1:02:41) in a text; None without one."""
    match = _TIME.search(time or "")
    return int(match[1] or 0) * 3600.0 + int(match[2]) * 60 + int(match[3]) if match else None
