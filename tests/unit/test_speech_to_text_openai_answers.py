"""Whatever a server sends, a part's transcript is sound."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_to_text.openai import Transcription, language_code

seconds = st.floats(-10.0, 100.0)
words = st.fixed_dictionaries({"start": seconds, "end": seconds, "word": st.text(max_size=8)})
segments = st.fixed_dictionaries(
    {"start": seconds, "end": seconds, "text": st.text(max_size=20)},
    optional={"avg_logprob": st.floats(-5.0, 1.0), "words": st.none() | st.lists(words, max_size=4)},
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=60),
        "language": st.none() | st.text(max_size=10),
        "segments": st.none() | st.lists(segments, max_size=6),
        "words": st.none() | st.lists(words, max_size=8),
        "usage": st.just({"type": "duration", "seconds": 3}),
    },
)


@given(answers, st.floats(0.1, 60.0))
def test_times_are_inside_the_part_and_in_order(answer: dict[str, Any], length_s: float) -> None:
    part = Transcription.model_validate(answer).part(length_s, None)
    starts = [segment.start for segment in part.segments]
    assert starts == sorted(starts)
    for segment in part.segments:
        assert segment.text == segment.text.strip() != ""
        assert 0 <= segment.start < segment.end <= length_s
        for word in segment.words or ():
            assert 0 <= word.start < word.end <= length_s


@given(st.lists(st.sampled_from(["Да.", "Нам понравилось!", "А почему?", "Не знаю"]), min_size=1))
def test_no_word_of_a_text_without_times_is_lost(sentences: list[str]) -> None:
    text = " ".join(sentences)
    part = Transcription(text=text).part(20.0, "ru")
    assert " ".join(segment.text for segment in part.segments) == text
    assert part.segments[0].start == 0.0
    assert part.segments[-1].end == pytest.approx(20.0)


def test_text_far_behind_the_end_was_not_said() -> None:
    answer = {
        "segments": [
            {"start": 1.0, "end": 2.0, "text": "было"},
            {"start": 10.3, "end": 11.0, "text": "почти"},
            {"start": 14.0, "end": 15.0, "text": "не было"},
        ]
    }
    part = Transcription.model_validate(answer).part(10.0, "ru")
    assert [segment.text for segment in part.segments] == ["было", "почти"]


def test_words_inside_segments_stay_there() -> None:
    word = {"start": 1.0, "end": 1.5, "word": " было", "probability": 0.9}
    answer = {"segments": [{"start": 1.0, "end": 2.0, "text": " было", "words": [word]}]}
    part = Transcription.model_validate(answer).part(10.0, "ru")
    assert part.segments[0].words is not None
    assert part.segments[0].words[0].text == "было"
    assert part.segments[0].words[0].probability == 0.9


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("russian", "ru"),
        ("Russian", "ru"),
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("pt_BR", "pt"),
        ("haitian creole", "ht"),
        ("norwegian", "no"),
        ("", None),
        (None, None),
        ("unknown language", None),
    ],
)
def test_languages_come_by_name_or_code(name: str | None, code: str | None) -> None:
    assert language_code(name) == code


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Мы были в спа, очень понравилось.", "ru"),
        ("Wi-Fi был медленный.", "ru"),
        ("Ми були в готелі, їжа смачна.", ""),
        ("Қонақ үйі ұнады.", ""),
        ("We liked the room.", ""),
        ("Да.", ""),
        ("", ""),
    ],
)
def test_russian_is_known_by_its_letters_when_the_server_does_not_tell(text: str, language: str) -> None:
    assert Transcription(text=text).part(5.0, None).language == language


def test_no_text_holds_what_the_database_cannot_keep() -> None:
    segment = {
        "start": 0.0,
        "end": 2.0,
        "text": "До\x00брый день",
        "words": [{"start": 0, "end": 1, "word": "До\x00брый"}],
    }
    part = Transcription.model_validate({"text": "", "segments": [segment]}).part(5.0, "ru")
    assert "\x00" not in part.model_dump_json() + "".join(
        word.text for one in part.segments for word in one.words or ()
    )
    assert part.segments[0].text.startswith("Добрый")
