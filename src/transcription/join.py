"""The joining of parts into one transcript: times are shifted, and where parts overlap each word is taken once.

Where two parts overlap, the engine heard the same seconds twice, slightly differently, and badly at the very borders.
The seam is put in the middle of the longest run of words that both agree on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from datamodels import PartPlan, PartTranscript, Segment
from transcription.words import Token, keep_tokens, tokens_of

_HEARD_DIFFERENCE_S = 1.0
_ESTIMATED_DIFFERENCE_S = 6.0
"""How far apart two parts may place the same word, with times from the engine and with times estimated from the text.
Engines place words within some 0.3 s. Estimated times are seconds off where a segment has pauses."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token and the segment that it belongs to."""

    token: Token
    segment: int


@dataclass(slots=True)
class _Part:
    plan: PartPlan
    segments: list[Segment]
    tokens: list[tuple[Token, ...]]
    pieces: list[_Piece]


def join_parts(parts: Sequence[tuple[PartPlan, PartTranscript]]) -> tuple[Segment, ...]:
    """Join transcripts of parts, which are ordered by position, into segments with the times of the whole recording.

    Parts may be missing. Words and segments of the result are in order and do not overlap.
    """
    opened = [_open(plan, transcript) for plan, transcript in parts]
    for before, after in pairwise(opened):
        if after.plan.overlap_s and after.plan.position == before.plan.position + 1:
            before.pieces, after.pieces = _seam(before, after)
    return _ordered([segment for part in opened for segment in _close(part)])


def _open(plan: PartPlan, transcript: PartTranscript) -> _Part:
    segments = [_shifted(segment, plan) for segment in transcript.segments]
    tokens = [tokens_of(segment) for segment in segments]
    pieces = [_Piece(token, number) for number, of_segment in enumerate(tokens) for token in of_segment]
    return _Part(plan, segments, tokens, pieces)


def _shifted(segment: Segment, plan: PartPlan) -> Segment:
    def moved(time: float) -> float:
        return min(max(plan.start + time, plan.start), plan.end)

    words = segment.words and tuple(
        word.model_copy(update={"start": moved(word.start), "end": moved(word.end)}) for word in segment.words
    )
    return segment.model_copy(
        update={"start": moved(segment.start), "end": moved(segment.end), "text": segment.text.strip(), "words": words}
    )


def _close(part: _Part) -> list[Segment]:
    kept: dict[int, list[Token]] = {}
    for piece in part.pieces:
        kept.setdefault(piece.segment, []).append(piece.token)
    return [keep_tokens(part.segments[number], part.tokens[number], tokens) for number, tokens in kept.items()]


def _seam(before: _Part, after: _Part) -> tuple[list[_Piece], list[_Piece]]:
    """Return the pieces to keep of ``before`` and of ``after``, which overlap, so that every word is there once."""
    timed = all(piece.token.timed for piece in (*before.pieces, *after.pieces))
    difference_s = _HEARD_DIFFERENCE_S if timed else _ESTIMATED_DIFFERENCE_S
    left_from = next(
        (number for number, piece in enumerate(before.pieces) if piece.token.end > after.plan.start - difference_s),
        len(before.pieces),
    )
    right_to = next(
        (number for number, piece in enumerate(after.pieces) if piece.token.start > before.plan.end + difference_s),
        len(after.pieces),
    )
    left = [piece.token for piece in before.pieces[left_from:]]
    right = [piece.token for piece in after.pieces[:right_to]]
    if not left or not right:
        return before.pieces, after.pieces
    run = _longest_common_run(left, right, difference_s)
    if run is None:
        cut = _cut_by_time(left, right, after.plan.start, before.plan.end)
        return (
            [piece for piece in before.pieces if piece.token.middle < cut],
            [piece for piece in after.pieces if piece.token.middle >= cut],
        )
    first_left, first_right, length = run
    agreed = length // 2
    return before.pieces[: left_from + first_left + agreed + 1], after.pieces[first_right + agreed + 1 :]


def _cut_by_time(left: Sequence[Token], right: Sequence[Token], start: float, end: float) -> float:
    """Return the time of the seam when the sides agree on no word: the middle of the overlap, ``start`` to ``end``.

    When one side heard nothing in the overlap, the other side's words there all stay.
    """
    if not any(start <= token.middle <= end for token in left):
        return start
    if not any(start <= token.middle <= end for token in right):
        return end
    return (start + end) / 2


def _longest_common_run(
    left: Sequence[Token], right: Sequence[Token], difference_s: float
) -> tuple[int, int, int] | None:
    """Return where the best common run of words begins, in ``left`` and in ``right``, and its length in words, or None.

    Longer runs are better. A run counts less, the further apart the two sides place it on average, because the same
    words may be said several times within seconds. In a true match, the differences of single words cancel out; where
    one repetition is taken for another, the differences add up.
    """
    best: tuple[float, tuple[int, int, int]] | None = None
    for shift in range(1 - len(left), len(right)):
        begin = None
        for at in range(max(0, -shift), min(len(left), len(right) - shift) + 1):
            if at < min(len(left), len(right) - shift) and _same(left[at], right[at + shift], difference_s):
                begin = at if begin is None else begin
                continue
            if begin is not None:
                apart = sum(right[n + shift].start - left[n].start for n in range(begin, at)) / (at - begin)
                score = (at - begin) * (1 - abs(apart) / (2 * difference_s))
                if best is None or score > best[0]:
                    best = score, (begin, begin + shift, at - begin)
                begin = None
    return best and best[1]


def _same(left: Token, right: Token, difference_s: float) -> bool:
    return left.normalised == right.normalised != "" and abs(left.start - right.start) <= difference_s


def _ordered(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments with times that never run backwards and never overlap.

    A segment with words reaches from its first word to its last.
    """
    spans = [(item.start, item.end) for segment in segments for item in segment.words or (segment,)]
    starts: list[float] = []
    for start, _ in spans:
        starts.append(max(start, starts[-1]) if starts else start)
    limits = (*starts, float("inf"))[1:]
    ends = [max(start, min(end, limit)) for start, (_, end), limit in zip(starts, spans, limits, strict=True)]
    times = iter(zip(starts, ends, strict=True))
    result: list[Segment] = []
    for segment in segments:
        if not segment.words:
            start, end = next(times)
            result.append(segment.model_copy(update={"start": start, "end": end}))
            continue
        words = []
        for word in segment.words:
            start, end = next(times)
            words.append(word.model_copy(update={"start": start, "end": end}))
        update = {"start": words[0].start, "end": words[-1].end, "words": tuple(words)}
        result.append(segment.model_copy(update=update))
    return tuple(result)
