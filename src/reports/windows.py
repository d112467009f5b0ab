"""A transcript as labelled lines, and its windows: stretches of a long transcript that fit into a model's context.

Windows are cut between lines; a line that is longer than a window is cut between words. Every line is in at least one
window. A window begins with the last lines of the one before if these are short and there is room, so that an answer
is read with its question; the halves of a window that was too large do not overlap.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate

from datamodels import Transcript
from errors import ContextTooSmall
from text_cleaning import as_data
from texts.transcript import speaker_label
from utils import clock

SMALLEST_WINDOW_TOKENS = 128
"""The smallest useful window, in tokens; a smaller one does not hold an answer together with its question."""

_OVERLAP = 0.08
"""The largest share of a window that the next one repeats: enough for the last question, and a twelfth more tokens."""

_UTTERANCE_CHARACTERS = 600
_SAFETY = 0.95
"""A margin, as a stretch may have more tokens per character than the whole."""

_LABEL = re.compile(r"^(?:\[[\d:]+\] (?:[^:\n]{1,60}: )?)?")

Count = Callable[[str], Awaitable[int]]


def transcript_lines(transcript: Transcript) -> list[str]:
    """Return a line per utterance: ``[12:41] Клиент: Нам понравилась тишина.``

    Neighbouring segments of one speaker share a line of up to 600 characters, because labels cost tokens, too.
    """
    lines: list[str] = []
    last: str | None = None
    room = 0
    for segment in transcript.segments:
        text = as_data(segment.text)
        if not text:
            continue
        label = speaker_label(segment.role, segment.speaker, transcript.names.get(segment.speaker or ""))
        if lines and label == last and len(text) < room:
            lines[-1] += f" {text}"
            room -= len(text) + 1
            continue
        said_by = f"{as_data(label)}: " if label else ""
        lines.append(f"[{clock(segment.start)}] {said_by}{text}")
        last, room = label, _UTTERANCE_CHARACTERS - len(text)
    return lines


def split(lines: Sequence[str], limit: int) -> list[str]:
    """Split the lines into windows of at most ``limit`` characters.

    A window begins with the last lines of the one before, as far as these are short.
    """
    pieces = [piece for line in lines for piece in _pieces(line, limit)]
    windows: list[str] = []
    start = 0
    while start < len(pieces):
        end, size = start, 0
        while end < len(pieces) and size + len(pieces[end]) + (end > start) <= limit:
            size += len(pieces[end]) + (end > start)
            end += 1
        windows.append("\n".join(pieces[start:end]))
        start = end if end == len(pieces) else _overlapping(pieces, start, end, limit)
    return windows


async def fit(lines: Sequence[str], budget: int, count: Count) -> list[str]:
    """Split the lines into windows of at most ``budget`` tokens; into one when all fit.

    Tokens are counted once for the whole, and once for each window that is tried: one that is too large is halved.

    Raises:
        ContextTooSmall: the lines do not fit, and the budget is below ``SMALLEST_WINDOW_TOKENS``.
    """
    whole = "\n".join(lines)
    tokens = await count(whole)
    if tokens <= budget:
        return [whole]
    if budget < SMALLEST_WINDOW_TOKENS:
        raise ContextTooSmall(missing_tokens=SMALLEST_WINDOW_TOKENS - budget)
    limit = max(1, int(len(whole) / tokens * budget * _SAFETY))
    fitting: list[str] = []
    waiting = split(lines, limit)[::-1]
    while waiting:
        window = waiting.pop()
        if await count(window) <= budget or len(window) <= 1:
            fitting.append(window)
        else:
            waiting.extend(halves(window)[::-1])
    return fitting


def halves(window: str) -> list[str]:
    """Cut a window in two without overlap: near its middle between lines, or between the words of a single line."""
    lines = window.split("\n")
    if len(lines) == 1:
        return _line_halves(window)
    ends = list(accumulate(len(line) + 1 for line in lines))[:-1]
    middle = 1 + min(range(len(ends)), key=lambda index: abs(ends[index] - len(window) / 2))
    return ["\n".join(lines[:middle]), "\n".join(lines[middle:])]


def _line_halves(line: str) -> list[str]:
    found = _LABEL.match(line)
    label = found[0] if found and len(found[0]) * 2 < len(line) else ""
    said = line[len(label) :]
    spaces = [index for index, character in enumerate(said) if character == " "]
    middle = min(spaces, key=lambda index: abs(index - len(said) / 2), default=len(said) // 2)
    return [half for half in (label + said[:middle], label + said[middle:].lstrip(" ")) if half != label]


def _overlapping(pieces: Sequence[str], start: int, end: int, limit: int) -> int:
    """Return the index of the piece that begins the next window, always after ``start``.

    The window repeats the last pieces before ``end``, up to ``_OVERLAP`` of ``limit`` characters; none of them when the
    piece at ``end`` would not fit behind them.
    """
    room = int(limit * _OVERLAP)
    first = end
    while first - 1 > start and len(pieces[first - 1]) + 1 <= room:
        room -= len(pieces[first - 1]) + 1
        first -= 1
    return first if sum(len(piece) + 1 for piece in pieces[first : end + 1]) - 1 <= limit else end


def _pieces(line: str, limit: int) -> list[str]:
    """Return the line in pieces of at most ``limit`` characters, cut between words; a word that is longer is cut, too.

    Each piece has the line's time and speaker where there is room for them.
    """
    if len(line) <= limit:
        return [line]
    found = _LABEL.match(line)
    label = found[0] if found else ""
    if len(label) * 2 > limit:
        label = ""
    room = limit - len(label)
    pieces: list[str] = []
    current = ""
    for word in line[len(label) :].split(" "):
        for part in [word[at : at + room] for at in range(0, len(word), room)] or [""]:
            if current and len(current) + 1 + len(part) > room:
                pieces.append(label + current)
                current = part
            else:
                current = f"{current} {part}" if current else part
    return [*pieces, label + current] if current else pieces
