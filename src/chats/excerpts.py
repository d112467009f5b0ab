"""The part of a passage that is shown: what answers, with what stands around it."""

from collections.abc import Sequence

from datamodels_chats import Passage

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
    """Return the passage with as many lines around its best one as are shown, and with their times."""
    first, last = around([line.text for line in passage.lines], passage.best, EXCERPT_CHARACTERS)
    source = passage.source
    if source.section is None:  # the times are those of the lines that are left
        start = passage.lines[first].start if first else source.start
        end = passage.lines[last + 1].start if last + 1 < len(passage.lines) else source.end
        source = source.model_copy(update={"start": start, "end": end})
    return Passage(source=source, lines=passage.lines[first : last + 1], best=passage.best - first)
