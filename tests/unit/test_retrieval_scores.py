"""The scores of retrieval, against figures that were computed by hand."""

import pytest

from retrieval_scores import Span, covers, estimate, score, summarize


def span(source: str, start: float, end: float) -> Span:
    return Span(source=source, start=start, end=end)


A = span("recording-1", 10, 20)
B = span("recording-2", 0, 8)
C = span("report-1", 2, 3)
OTHER = [span("recording-9", each, each + 1) for each in range(30)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 20, True),
        (0, 60, True),  # the place lies within the chunk
        (12, 14, True),  # the chunk lies within the place
        (15, 40, True),  # half of the place
        (16, 40, False),  # less than half of either
        (18, 22, True),  # half of the chunk
        (19, 22, False),
        (20, 30, False),  # half-open: they only touch
        (0, 10, False),
    ],
)
def test_a_span_covers_a_gold_place_with_half_of_the_shorter_of_both(start: float, end: float, expected: bool) -> None:
    assert covers(span("recording-1", start, end), A) is expected


def test_equal_times_of_another_source_cover_nothing() -> None:
    assert not covers(span("recording-10", 10, 20), A)


def test_one_place_at_the_third_rank() -> None:
    scores = score([OTHER[0], OTHER[1], A, B], [A])
    assert scores.recall == (0.0, 1.0, 1.0)
    assert scores.reciprocal_rank == pytest.approx(1 / 3)
    assert scores.ndcg == pytest.approx(0.5)  # 1 / log2(4)


def test_recall_is_of_as_many_places_as_the_cut_has_room_for() -> None:
    scores = score([A, *OTHER[:5], B], [A, B, C])
    # Of three places one is among the first, one among five, two among twenty.
    assert scores.recall == pytest.approx((1.0, 1 / 3, 2 / 3))
    assert scores.reciprocal_rank == 1.0
    # Gains at ranks 1 and 7, 1 + 1/log2(8) = 1.3333; the ideal is 1 + 0.6309 + 0.5 = 2.1309.
    assert scores.ndcg == pytest.approx(0.6257, abs=1e-4)


def test_a_place_that_is_found_twice_counts_once() -> None:
    halves = [span("recording-1", 10, 15), span("recording-1", 15, 20)]
    scores = score([*halves, OTHER[0]], [A, B])
    assert scores.recall == (1.0, 0.5, 0.5)
    # One gain at rank 1; the ideal of two places is 1.6309.
    assert scores.ndcg == pytest.approx(0.6131, abs=1e-4)


def test_a_chunk_over_two_places_finds_both() -> None:
    neighbour = span("recording-1", 20, 30)
    scores = score([span("recording-1", 8, 32)], [A, neighbour])
    assert scores.recall == (1.0, 1.0, 1.0)
    assert scores.ndcg == 1.0


def test_what_stands_too_deep_is_not_found() -> None:
    scores = score([*OTHER[:10], A], [A])
    assert scores.recall == (0.0, 0.0, 1.0)
    assert scores.reciprocal_rank == pytest.approx(1 / 11)
    assert scores.ndcg == 0.0


def test_nothing_retrieved_scores_nothing() -> None:
    scores = score([], [A])
    assert (scores.recall, scores.reciprocal_rank, scores.ndcg) == ((0.0, 0.0, 0.0), 0.0, 0.0)


def test_a_question_without_an_answer_has_no_scores() -> None:
    with pytest.raises(ValueError, match="no gold place"):
        score([A], [])


def test_the_interval_of_a_mean_is_the_bootstraps_and_the_same_at_every_call() -> None:
    values = [0.0] * 20 + [1.0] * 80
    found = estimate(values)
    assert found.mean == pytest.approx(0.8)
    # The mean of 100 draws has a standard deviation of 0.04; the interval is about 1.96 of them on either side.
    assert found.low == pytest.approx(0.72, abs=0.015)
    assert found.high == pytest.approx(0.88, abs=0.015)
    assert estimate(values) == found


def test_a_class_is_the_mean_of_its_questions() -> None:
    summary = summarize([score([A], [A]), score([OTHER[0], B], [B])])
    assert summary.questions == 2
    assert [each.mean for each in summary.recall] == [0.5, 1.0, 1.0]
    assert summary.mrr.mean == 0.75
    assert summary.ndcg.mean == pytest.approx((1 + 0.6309) / 2, abs=1e-4)
    assert summary.recall[1].low == summary.recall[1].high == 1.0
