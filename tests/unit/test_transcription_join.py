"""Whatever the cuts, the joined transcript has every word once and in order."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import Interval, PartPlan, PartTranscript, Segment, Word
from speech_to_text.port import PartLimits
from transcription.join import join_parts
from transcription.plan import plan_parts

SYLLABLES = ("ба", "ве", "го", "ду", "жи", "зо", "ка", "лю", "мя", "но", "пу", "ра", "сё", "те", "фи", "ха")


@dataclass(frozen=True)
class Heard:
    """What is said in a recording: words in order."""

    words: tuple[Word, ...]

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.words]

    @property
    def duration_s(self) -> float:
        return self.words[-1].end + 1 if self.words else 1.0

    @property
    def speech(self) -> tuple[Interval, ...]:
        """Words less than half a second apart are one interval, as voice activity gives them."""
        intervals: list[Interval] = []
        for word in self.words:
            if intervals and word.start - intervals[-1].end < 0.5:
                intervals[-1] = Interval(start=intervals[-1].start, end=word.end)
            else:
                intervals.append(Interval(start=word.start, end=word.end))
        return tuple(intervals)


def unlike(number: int) -> str:
    """A word like no other of a recording."""
    return "".join(SYLLABLES[number // 16**place % 16] for place in range(3))


chances = st.randoms(use_true_random=True)
"""Seeds of whole timelines: hypothesis would refuse examples of hundreds of drawn numbers."""


@st.composite
def recordings(draw: st.DrawFn, repeating: bool = False) -> Heard:
    """Words of 0.15 to 0.8 s; most follow at once, some after a pause, few after a long silence."""
    chance = draw(chances)
    pause = draw(st.sampled_from([0.0, 0.02, 0.2]))
    at = chance.uniform(0, 3)
    words = []
    for number in range(draw(st.integers(1, 250))):
        length = chance.uniform(0.15, 0.8)
        text = chance.choice(["да", "нет", "ну", "номер", "ужин", "и", "был"]) if repeating else unlike(number)
        words.append(Word(start=at, end=at + length, text=text))
        gap = chance.uniform(0, 0.3)
        if chance.random() < pause:
            gap = chance.choice([chance.uniform(0.5, 3), chance.uniform(10.5, 60)])
        at += length + gap
    return Heard(tuple(words))


limits = st.builds(
    lambda target, more: PartLimits(target_s=target, longest_s=target * more), st.floats(20, 120), st.floats(1, 1.5)
)


@dataclass(frozen=True)
class Engine:
    """A double of an engine that hears well inside a part and badly at its borders."""

    jitter_s: float = 0.0
    misspells_borders: bool = False
    gives_words: bool = True
    chance: Random = field(default_factory=Random)

    def transcribe(self, heard: Heard, part: PartPlan) -> PartTranscript:
        words = []
        for word in heard.words:
            whole = part.start <= word.start and word.end <= part.end
            cut = not whole and word.start < part.end and part.start < word.end
            # Without borders inside words a perfect engine hears exactly what is whole.
            if not whole and not (cut and self.misspells_borders):
                continue
            moved = word.start - part.start + self.chance.uniform(-self.jitter_s, self.jitter_s)
            text = word.text[:1] + "…" if cut else word.text
            words.append(Word(start=moved, end=moved + word.end - word.start, text=text))
        return PartTranscript(language="ru", segments=tuple(self._segments(words)))

    def _segments(self, words: list[Word]) -> list[Segment]:
        segments = []
        for first in range(0, len(words), 9):
            some = words[first : first + 9]
            segments.append(
                Segment(
                    start=some[0].start,
                    end=some[-1].end,
                    text=" " + " ".join(word.text for word in some),
                    words=tuple(some) if self.gives_words else None,
                )
            )
        return segments


def transcribed(heard: Heard, part_limits: PartLimits, engine: Engine) -> tuple[Segment, ...]:
    plan = plan_parts(heard.speech, heard.duration_s, part_limits)
    return join_parts([(part, engine.transcribe(heard, part)) for part in plan])


def texts(segments: tuple[Segment, ...]) -> list[str]:
    return [text for segment in segments for text in segment.text.split()]


@given(recordings(), limits)
def test_a_perfect_engine_gives_exactly_the_words_that_were_said(heard: Heard, part_limits: PartLimits) -> None:
    assert texts(transcribed(heard, part_limits, Engine())) == heard.texts


@given(recordings(), limits, chances)
def test_unlike_words_survive_times_that_are_wrong_by_a_third_of_a_second_and_misspelt_borders(
    heard: Heard, part_limits: PartLimits, chance: Random
) -> None:
    engine = Engine(jitter_s=0.3, misspells_borders=True, chance=chance)

    assert texts(transcribed(heard, part_limits, engine)) == heard.texts


@given(recordings(repeating=True), limits, chances)
def test_repeated_words_survive_misspelt_borders(heard: Heard, part_limits: PartLimits, chance: Random) -> None:
    engine = Engine(jitter_s=0.02, misspells_borders=True, chance=chance)

    assert texts(transcribed(heard, part_limits, engine)) == heard.texts


@given(recordings(), limits, chances)
def test_text_without_word_times_is_joined_by_its_words(heard: Heard, part_limits: PartLimits, chance: Random) -> None:
    engine = Engine(jitter_s=0.3, misspells_borders=True, gives_words=False, chance=chance)

    assert texts(transcribed(heard, part_limits, engine)) == heard.texts


@given(recordings(), limits, chances, st.booleans())
def test_times_run_forward_and_stay_near_the_truth(
    heard: Heard, part_limits: PartLimits, chance: Random, gives_words: bool
) -> None:
    engine = Engine(jitter_s=0.3, misspells_borders=True, gives_words=gives_words, chance=chance)

    segments = transcribed(heard, part_limits, engine)

    now = 0.0
    for segment in segments:
        assert now <= segment.start <= segment.end
        now = segment.end
        inside = segment.start
        for word in segment.words or ():
            assert inside <= word.start <= word.end <= segment.end
            inside = word.end
    if gives_words:
        found = [word for segment in segments for word in segment.words or ()]
        assert all(abs(word.start - said.start) <= 0.9 for word, said in zip(found, heard.words, strict=True))


@given(recordings(), limits, st.data())
def test_a_missing_part_takes_no_word_of_its_neighbours(
    heard: Heard, part_limits: PartLimits, data: st.DataObject
) -> None:
    plan = plan_parts(heard.speech, heard.duration_s, part_limits)
    lost = data.draw(st.integers(0, len(plan) - 1))
    kept = [part for part in plan if part.position != lost]

    joined = texts(join_parts([(part, Engine().transcribe(heard, part)) for part in kept]))

    expected = [
        word.text for word in heard.words if any(part.start <= word.start and word.end <= part.end for part in kept)
    ]
    assert joined == expected


def overlapping(first: list[Segment], second: list[Segment]) -> str:
    """Join two parts that share the seconds from 20 to 28."""
    parts = [
        (PartPlan(position=0, start=0, end=28), PartTranscript(language="ru", segments=tuple(first))),
        (PartPlan(position=1, start=20, end=40, overlap_s=8), PartTranscript(language="ru", segments=tuple(second))),
    ]
    return " ".join(texts(join_parts(parts)))


def test_a_part_that_heard_nothing_in_the_overlap_leaves_it_to_the_other() -> None:
    deaf_end = [Segment(start=0, end=10, text="в начале тишина")]
    whole = [Segment(start=0, end=15, text="а потом разговор до самого конца")]
    to_the_end = [Segment(start=0, end=28, text="разговор почти до конца")]
    deaf_start = [Segment(start=12, end=20, text="ещё немного")]

    assert overlapping(deaf_end, whole) == "в начале тишина а потом разговор до самого конца"
    assert overlapping(to_the_end, deaf_start) == "разговор почти до конца ещё немного"


def test_parts_that_agree_on_no_word_are_cut_in_the_middle_of_the_overlap() -> None:
    first = [Segment(start=20 + n, end=21 + n, text=text) for n, text in enumerate("абвгдежз")]
    second = [Segment(start=n, end=1 + n, text=text) for n, text in enumerate("123456789")]

    assert overlapping(first, second) == "а б в г 5 6 7 8 9"


@pytest.mark.parametrize(("seconds_apart", "are_the_same"), [(0, True), (4, True), (5.9, True), (6.1, False)])
def test_words_without_times_are_the_same_up_to_six_seconds_apart(seconds_apart: float, are_the_same: bool) -> None:
    first = [Segment(start=20, end=21, text="слово")]
    second = [Segment(start=seconds_apart, end=1 + seconds_apart, text="слово")]

    assert overlapping(first, second) == ("слово" if are_the_same else "слово слово")


def test_of_a_word_said_twice_the_one_at_the_same_time_is_the_same() -> None:
    def heard(*words: tuple[float, str]) -> list[Segment]:
        timed = tuple(Word(start=start, end=start + 0.3, text=text) for start, text in words)
        return [Segment(start=timed[0].start, end=timed[-1].end, text=" ".join(text for _, text in words), words=timed)]

    assert overlapping(heard((22.0, "да"), (22.8, "да")), heard((2.0, "да"), (2.8, "то"))) == "да то"


def test_a_segment_cut_by_the_seam_keeps_its_punctuation() -> None:
    first = [Segment(start=18, end=28, text="Номер был чистый, светлый, но шумный: окна во двор, а там")]
    second = [Segment(start=0, end=12, text="был чистый, светлый, но шумный: окна во двор, а там стройка.")]

    assert overlapping(first, second) == "Номер был чистый, светлый, но шумный: окна во двор, а там стройка."


def test_no_parts_make_no_transcript() -> None:
    assert join_parts([]) == ()
