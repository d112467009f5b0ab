"""The part of a passage that is shown or cited, with its own times and speakers."""

from collections.abc import Iterable, Sequence

from datamodels_chats import Passage, PassageLine

EXCERPT_CHARACTERS = 700


def around(texts_in_order: Sequence[str], hit: int, characters: int) -> tuple[int, int]:
    """Return the first and last place around a hit: one after it, one before it and so on, while there is room."""
    first = last = hit
    room = characters - len(texts_in_order[hit])
    goes = {True, False}
    while goes:
        for forward in sorted(goes, reverse=True):
            place = last + 1 if forward else first - 1
            if not 0 <= place < len(texts_in_order) or len(texts_in_order[place]) > room:
                goes.discard(forward)
                continue
            room -= len(texts_in_order[place])
            first, last = min(first, place), max(last, place)
    return first, last


def excerpt(passage: Passage) -> Passage:
    """Return the passage with as many lines around its best one as are shown."""
    first, last = around([line.text for line in passage.lines], passage.best, EXCERPT_CHARACTERS)
    return part(passage, first, last)


def part(passage: Passage, first: int, last: int) -> Passage:
    """Return the lines of a passage from the first to the last place, with their times and all who speak in them."""
    lines = passage.lines[first : last + 1]
    source = passage.source
    if source.section is None:
        start = passage.lines[first].start if first else source.start
        end = passage.lines[last + 1].start if last + 1 < len(passage.lines) else source.end
        source = source.model_copy(update={"start": start, "end": end, "speakers": speakers_of(lines)})
    return Passage(source=source, lines=lines, best=min(max(passage.best - first, 0), last - first))


def speakers_of(lines: Iterable[PassageLine]) -> tuple[str, ...]:
    """Return everybody who speaks in the lines, in the order in which they begin."""
    return tuple(dict.fromkeys(line.speaker for line in lines if line.speaker))
