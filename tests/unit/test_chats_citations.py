"""Citations are found in every spelling of models and put aside; what is no citation stays in the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chats.citations import SIGN, marked, shown

THERE = {1, 2, 3}


@pytest.mark.parametrize(
    ("citation", "numbers"),
    [
        ("[1]", (1,)),
        ("[1; 2,3]", (1, 2, 3)),
        ("[1, 2, 3 ]", (1, 2, 3)),
        ("[ 1 ][2 ] [ 3]", (1, 2, 3)),
        ("[1], [2]", (1, 2)),
        ("[1] и [2]", (1, 2)),
        ("[1\u00a0,\u00a02, 3\u00a0]", (1, 2, 3)),
        ("[1 2 3]", (1, 2, 3)),
        ("[1, 2, 3,]", (1, 2, 3)),
        ("[1 и 2][3]", (1, 2, 3)),
        ("[1-3]", (1, 2, 3)),
        ("[1 – 3 ]", (1, 2, 3)),
        ("[1, 2—3]", (1, 2, 3)),
        ("[1-999]", (1, 2, 3)),
        ("[№1, № 2–3]", (1, 2, 3)),
        ("[отрывки 1–2, отрывок 3]", (1, 2, 3)),
        ("[отрывок 1]", (1,)),
        ("[Отрывок №2]", (2,)),
        ("[источник: 1]", (1,)),
        ("[Источники: 1, 2]", (1, 2)),
        ("[см. 1]", (1,)),
        ("[source 1]", (1,)),
        ("[passages 1 and 3]", (1, 3)),
        ("[^1]", (1,)),
        ("[1](https://example.org/1)", (1,)),
        ("【1】【2】【3】", (1, 2, 3)),
        ("【1, 2】【3†источник】", (1, 2, 3)),
        ("［1］［2］［3］", (1, 2, 3)),
        ("¹", (1,)),
        ("¹²", (1, 2)),
        ("¹,³", (1, 3)),
        ("¹⁻³", (1, 2, 3)),
        ("(1)", (1,)),
        ("(1, 2)", (1, 2)),
        ("(отрывок 2)", (2,)),
        ("(см. отрывок №2)", (2,)),
        ("в отрывке 1", (1,)),
        ("в отрывках 1 и 2", (1, 2)),
        ("согласно отрывку №3", (3,)),
        ("[1, 9]", (1,)),
        ("[9]", ()),
        ("[0]", ()),
    ],
)
def test_a_citation_counts_in_whichever_spelling(citation: str, numbers: tuple[int, ...]) -> None:
    found = marked(f"Хвалят кофе {citation}.", THERE)
    assert (found.text, found.cited) == (f"Хвалят кофе {SIGN}.", [numbers])
    spelled = "".join(f"[{number}]" for number in numbers)
    assert shown(found.text, iter(found.cited)) == f"Хвалят кофе {spelled}.".replace(" .", ".")


@pytest.mark.parametrize(
    "text",
    [
        "[2026]",
        "[12:41]",
        "[1.5]",
        "[имя 1]",
        "[1-2-3]",
        "[]",
        "[и]",
        "(9)",
        "(2026)",
        "(1 чашка)",
        "м²",
        "10²",
        "[-1]",
    ],
)
def test_what_is_no_citation_stays(text: str) -> None:
    assert marked(f"Номер 12 {text}", THERE) == (f"Номер 12 {text}", [])


def test_numbers_in_parentheses_are_no_citations_where_others_are_in_brackets() -> None:
    assert marked("Детей двое (2), кофе хороший [1].", THERE).cited == [(1,)]


def test_citations_of_two_places_keep_their_order() -> None:
    found = marked("Хвалят кофе¹, ругают чай [2], [3].", THERE)
    assert found.cited == [(1,), (2, 3)]
    assert shown(found.text, iter(found.cited)) == "Хвалят кофе [1], ругают чай [2][3]."


def test_the_sign_of_a_model_is_no_sign_of_ours() -> None:
    assert marked(f"Кофе {SIGN}{SIGN} [1]", THERE).cited == [(1,)]


@given(st.text(alphabet="[](){}【】［］¹²³123,-–и №отрывок:†^.\n", max_size=60))
def test_there_is_a_sign_for_each_citation_whatever_is_written(text: str) -> None:
    found = marked(text, THERE)
    assert found.text.count(SIGN) == len(found.cited)
    assert all(set(numbers) <= THERE for numbers in found.cited)
    assert SIGN not in shown(found.text, iter(found.cited))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[1",
        "[1, ",
        "[1 и ",
        "[1-",
        "[1]",
        "[1] и ",
        "(",
        "(1",
        "([",
        "[1](",
        "¹",
        "¹,",
        "【",
        "в отрывке 1, ",
        "[отрывок ",
    ],
)
def test_citations_without_an_end_are_read_at_once(piece: str) -> None:
    """As a small model writes them until its tokens end."""
    found = marked(piece * (100_000 // len(piece)), THERE)
    shown(found.text, iter(found.cited))
