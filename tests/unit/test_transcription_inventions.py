"""What nobody said is removed; what somebody said stays."""

import pytest

from datamodels import Interval, Segment, Word
from transcription.inventions import load_inventions, without_inventions, without_loops
from transcription.plan import Speech

INVENTIONS = load_inventions()
TALK = Speech([Interval(start=0, end=100)])
SILENCE = Speech([])


def said(text: str, start: float = 0, confidence: float | None = None) -> Segment:
    return Segment(start=start, end=start + 2, text=text, confidence=confidence)


def texts(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text for segment in segments]


@pytest.mark.parametrize(
    "credit",
    [
        "Субтитры сделал DimaTorzok",
        " СУБТИТРЫ СДЕЛАЛ: DimaTorzok. ",
        "Субтитры создавал DimaTorzok",
        "Редактор субтитров А.Семкин Корректор А.Егорова",
        "Субтитры сделаны сообществом Amara.org",
        "Subtitles by the Amara.org community",
    ],
)
def test_credits_are_removed_even_in_the_middle_of_speech(credit: str) -> None:
    assert texts(without_inventions([said("Добрый день."), said(credit, 2, 0.99)], TALK, INVENTIONS)) == [
        "Добрый день."
    ]


@pytest.mark.parametrize("phrase", ["Продолжение следует...", "Спасибо за просмотр!", "Thanks for watching!"])
def test_a_phrase_outside_speech_is_removed(phrase: str) -> None:
    assert without_inventions([said(phrase, confidence=0.9)], SILENCE, INVENTIONS) == ()


def test_a_phrase_that_a_guest_clearly_says_stays() -> None:
    guest = [said("Спасибо за просмотр!", confidence=0.9)]

    assert texts(without_inventions(guest, TALK, INVENTIONS)) == ["Спасибо за просмотр!"]


def test_a_phrase_of_which_the_engine_is_unsure_is_removed() -> None:
    assert without_inventions([said("Спасибо за просмотр!", confidence=0.3)], TALK, INVENTIONS) == ()


def test_a_phrase_several_times_running_is_removed() -> None:
    repeated = [said("Спасибо за просмотр!", start) for start in (0, 2, 4)]

    assert texts(without_inventions([*repeated, said("До завтра", 6)], TALK, INVENTIONS)) == ["До завтра"]


def test_a_sentence_that_only_contains_a_phrase_stays() -> None:
    sentence = "Всем большое спасибо за внимание, и приезжайте к нам ещё"

    assert texts(without_inventions([said(sentence)], SILENCE, INVENTIONS)) == [sentence]


def test_words_outside_the_list_stay_even_outside_speech() -> None:
    assert texts(without_inventions([said("Номер был тёплый")], SILENCE, INVENTIONS)) == ["Номер был тёплый"]


def test_a_loop_of_a_word_is_reduced_to_one() -> None:
    words = tuple(Word(start=n, end=n + 0.5, text=" да") for n in range(20))
    loop = Segment(
        start=0, end=21, text="да " * 20 + "конечно", words=(*words, Word(start=20, end=21, text=" конечно"))
    )

    (segment,) = without_loops([loop])

    assert segment.text == "да конечно"
    assert segment.words is not None
    assert [word.start for word in segment.words] == [0, 20]


def test_a_loop_of_a_phrase_is_reduced_to_one() -> None:
    assert texts(without_loops([said("Ну вот, " + "и всё нормально, " * 5 + "да.")])) == [
        "Ну вот, и всё нормально, да."
    ]


def test_a_loop_over_segments_is_reduced_to_one() -> None:
    loop = [said("И мы пошли.", start) for start in range(0, 16, 2)]

    assert texts(without_loops([*loop, said("Вот.", 16)])) == ["И мы пошли.", "Вот."]


@pytest.mark.parametrize("text", ["да, да, да, да, да", "нет, нет, ну нет", "очень-очень вкусно, очень, очень, очень"])
def test_people_may_repeat_themselves(text: str) -> None:
    assert texts(without_loops([said(text)])) == [text]


def test_short_answers_may_follow_each_other() -> None:
    assert len(without_loops([said("Да.", start) for start in range(0, 12, 2)])) == 6
