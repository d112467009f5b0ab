from hypothesis import given
from hypothesis import strategies as st

from datamodels import Word
from speech_to_text.local import utterances


def word(start: float, end: float, text: str, probability: float | None = 0.9) -> Word:
    return Word(start=start, end=end, text=f" {text}", probability=probability)


def texts(words: list[Word]) -> list[str]:
    return [segment.text for segment in utterances(words)]


def test_a_sentence_is_an_utterance() -> None:
    words = [word(0.0, 0.6, "Добрый"), word(0.6, 1.2, "день."), word(1.3, 1.8, "Слушаю"), word(1.8, 2.2, "вас.")]
    assert texts(words) == ["Добрый день.", "Слушаю вас."]


def test_a_pause_ends_an_utterance() -> None:
    words = [word(0.0, 0.3, "Да"), word(1.0, 1.5, "конечно")]
    assert texts(words) == ["Да", "конечно"]


def test_a_numeral_with_a_full_stop_stays_with_what_follows() -> None:
    words = [word(0.0, 0.3, "3."), word(0.6, 1.0, "Для"), word(1.0, 1.8, "удаления")]
    assert texts(words) == ["3. Для удаления"]


def test_a_long_sentence_is_cut_at_its_longest_pause() -> None:
    words = [word(second, second + 0.9, "слово") for second in range(10)]
    words += [word(second + 0.4, second + 1.3, "слово") for second in range(10, 16)]
    assert [len(segment.words or ()) for segment in utterances(words)] == [10, 6]


def test_confidence_is_the_geometric_mean_of_the_words() -> None:
    (segment,) = utterances([word(0.0, 0.3, "раз", 0.4), word(0.3, 0.6, "два", 0.9)])
    assert segment.confidence is not None
    assert abs(segment.confidence - 0.6) < 1e-9


def test_no_probabilities_no_confidence() -> None:
    (segment,) = utterances([word(0.0, 0.3, "раз", None)])
    assert segment.confidence is None


def test_no_words_no_utterances() -> None:
    assert utterances([]) == ()


@st.composite
def spoken(draw: st.DrawFn) -> list[Word]:
    now = 0.0
    words = []
    for _ in range(draw(st.integers(1, 60))):
        start = now + draw(st.floats(0.0, 2.0))
        now = start + draw(st.floats(0.0, 1.5))
        text = draw(st.text("абвг", min_size=1, max_size=8)) + draw(st.sampled_from(["", "", "", ",", ".", "?", "…"]))
        words.append(word(start, now, text, draw(st.floats(0.0, 1.0))))
    return words


@given(spoken())
def test_no_word_is_lost_moved_or_changed(words: list[Word]) -> None:
    kept = [piece for segment in utterances(words) for piece in segment.words or ()]
    assert [(piece.start, piece.end, piece.text) for piece in kept] == [
        (piece.start, piece.end, piece.text.strip()) for piece in words
    ]


@given(spoken())
def test_utterances_are_short_and_span_their_words(words: list[Word]) -> None:
    for segment in utterances(words):
        assert segment.words
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        assert segment.end - segment.start <= 12 or len(segment.words) == 1
        assert segment.text == " ".join(piece.text for piece in segment.words)
        assert segment.confidence is not None
        assert 0.0 < segment.confidence <= 1.0
