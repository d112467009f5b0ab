"""How transcripts and reports are cut: nothing is lost, no word is cut, sizes are kept, cuts are where people pause."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import Segment, Transcript, Word
from knowledge.chunker import report_pieces, text_pieces, transcript_pieces
from knowledge.values import Piece
from utils import count_tokens

MOST, LEAST, MOST_REPEATED = 400, 200, 80
SHORT_WORDS = 6


def transcript(*said: tuple[str, str], words: bool = False) -> Transcript:
    """Utterances with their roles, ten seconds each; with ``words`` each word takes half a second."""
    segments = tuple(
        Segment(
            start=10.0 * at,
            end=10.0 * at + 9,
            text=text,
            role=role or None,
            words=tuple(
                Word(start=10.0 * at + each / 2, end=10.0 * at + each / 2 + 0.5, text=f" {word}")
                for each, word in enumerate(text.split())
            )
            if words
            else None,
        )
        for at, (role, text) in enumerate(said)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=10.0 * len(said), speakers=2, segments=segments)


def numbers_in(piece: Piece) -> list[int]:
    """The numbered words of a piece; a word that was cut, or anything else, is no such word."""
    said = " ".join(line.split(": ", 1)[-1] for line in piece.text.splitlines())
    matches = [re.fullmatch(r"слово(\d+)[.!?…]?", word) for word in said.split()]
    assert None not in matches
    return [int(match[1]) for match in matches if match]


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Transcript, int]:
    """Turns of any length with or without full stops; every word has its number."""
    turns = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["Сотрудник", "Клиент", ""]),
                st.lists(st.integers(1, 60), min_size=1, max_size=12),
                st.sampled_from([".", "?", "…", ""]),
            ),
            min_size=1,
            max_size=25,
        )
    )
    count, said = 0, []
    for role, sentences, end in turns:
        words = []
        for length in sentences:
            words += [f"слово{count + each}" for each in range(length)]
            words[-1] += end
            count += length
        said.append((role, " ".join(words)))
    return transcript(*said), count


@given(conversations())
def test_pieces_have_every_word_whole_and_in_order_and_keep_their_sizes(given: tuple[Transcript, int]) -> None:
    whole, count = given
    pieces = transcript_pieces(whole)
    ranges = [numbers_in(piece) for piece in pieces]
    assert all(each == list(range(each[0], each[-1] + 1)) for each in ranges)
    assert (ranges[0][0], ranges[-1][-1]) == (0, count - 1)
    for before, after in pairwise(ranges):
        assert before[0] < after[0] <= before[-1] + 1
        assert after[-1] > before[-1]
        assert count_tokens(" ".join(f"слово{each}" for each in range(after[0], before[-1] + 1))) <= MOST_REPEATED
    for piece in pieces:
        assert count_tokens(piece.text) <= MOST
    for piece in pieces[:-1]:
        assert count_tokens(piece.text) >= LEAST - SHORT_WORDS


@given(conversations())
def test_a_piece_has_the_times_of_its_words(given: tuple[Transcript, int]) -> None:
    whole, _ = given
    bounds = [(piece.start or 0.0, piece.end or 0.0) for piece in transcript_pieces(whole)]
    assert all(start < end for start, end in bounds)
    assert all(before[0] < after[0] and before[1] < after[1] for before, after in pairwise(bounds))
    assert bounds[0][0] == 0.0
    assert bounds[-1][1] == pytest.approx(whole.segments[-1].end)


def test_times_inside_a_segment_are_those_of_its_words() -> None:
    sentence = "Завтрак был вкусным и горячим, но кофе пришлось ждать очень долго. "
    [first, *_] = transcript_pieces(transcript(("Клиент", sentence * 40), words=True))
    count = len(first.text.removeprefix("Клиент: ").split())
    assert count % len(sentence.split()) == 0
    assert first.end == count / 2


def test_an_endless_turn_is_cut_at_its_sentences() -> None:
    story = " ".join(f"Предложение номер {number} говорит о завтраке в отеле." for number in range(100))
    pieces = transcript_pieces(transcript(("Клиент", story)))
    assert len(pieces) > 3
    for piece in pieces:
        assert re.fullmatch(r"Клиент: (Предложение номер \d+ говорит о завтраке в отеле\. ?)+", piece.text)
    assert pieces[1].text.split(".")[0].removeprefix("Клиент: ") in pieces[0].text  # what was said last is said again


def test_a_turn_that_does_not_fit_begins_the_next_piece_after_the_last_short_turn() -> None:
    question, answer = "А что вы скажете о номере?", "Номер был светлым, тихим и чистым. " * 25
    pieces = transcript_pieces(transcript(("Клиент", answer), ("Сотрудник", question), ("Клиент", answer)))
    assert pieces[0].text.endswith(f"Сотрудник: {question}")
    assert pieces[1].text.startswith(f"Сотрудник: {question}\nКлиент: Номер")
    assert pieces[0].roles == ("Клиент", "Сотрудник")


def test_a_word_that_fits_nowhere_stays_whole() -> None:
    endless = "ы" * 5000
    texts = [piece.text for piece in transcript_pieces(transcript(("Клиент", f"До. {endless} после.")))]
    assert sum(endless in text for text in texts) == 1
    assert [word for text in texts for word in text.split() if "ы" in word] == [endless]


def test_what_nobody_said_has_no_pieces() -> None:
    assert transcript_pieces(transcript(("Клиент", " "), ("", ""))) == []
    assert transcript_pieces(transcript()) == []
    assert text_pieces("\n \n") == []


def paragraph(word: str, count: int) -> str:
    return " ".join(f"{word} номер {each}." for each in range(count))


def test_a_report_is_cut_by_its_sections() -> None:
    report = "\n\n".join(
        [
            "# Общие факторы",
            "## Изученные факторы",
            "### Локация",
            paragraph("Парк", 50),
            "### Сервис",
            paragraph("Завтрак", 50),
            "## Неизученные факторы",
            "### Локация",
            paragraph("Пляж", 50),
        ]
    )
    pieces = text_pieces(report)
    assert [piece.section for piece in pieces] == [
        "Общие факторы",
        "Общие факторы / Изученные факторы / Сервис",
        "Общие факторы / Неизученные факторы",
    ]
    for piece, word in zip(pieces, ("Парк", "Завтрак", "Пляж"), strict=True):
        assert paragraph(word, 50) in piece.text
        assert piece.start is piece.end is None
    assert [word for piece in pieces for word in piece.text.split()] == report.split()


def test_what_a_report_says_nobody_spoke_of_is_not_found() -> None:
    report = """## Изученные факторы
Завтрак хвалят.
**Балл:** 29 — случаев: 2
**Балл:** нет данных
- нет данных
## Неизученные факторы
Спросите о хамаме.
### Полный список неизученных факторов
- Хамам
## Выводы
О парковке нет данных у половины гостей."""
    [piece] = report_pieces(report)
    assert piece.text.splitlines() == [
        "## Изученные факторы",
        "Завтрак хвалят.",
        "## Выводы",
        "О парковке нет данных у половины гостей.",
    ]


def test_short_sections_share_a_piece_and_a_long_one_is_cut() -> None:
    short = [f"## Раздел {number}\n{paragraph('Факт', 3)}" for number in range(4)]
    assert len(text_pieces("\n".join(short))) == 1
    long = text_pieces(f"## Раздел\n{paragraph('Факт', 300)}")
    assert len(long) > 2
    assert {piece.section for piece in long} == {"Раздел"}


@given(st.text(alphabet=st.sampled_from("аб1 .!?\n#*-|«»\t"), max_size=3000))
def test_any_text_keeps_its_words(text: str) -> None:
    pieces = text_pieces(text)
    assert [word for piece in pieces for word in piece.text.split()] == text.split()
    assert all(count_tokens(piece.text) <= MOST or len(piece.text.split()) == 1 for piece in pieces)
