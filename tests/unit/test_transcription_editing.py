"""What an edit makes of a transcript, and the screens that offer it."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from datamodels import (
    ProcessingRequest,
    Recording,
    RecordingId,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    UserId,
    Word,
)
from errors import BadText, NotFound
from markups import editing
from screens import NASTY, check
from text_cleaning import one_line
from transcript_formats import to_srt, to_txt
from transcription.editing import changes
from transcription.editing.cutting import Shift, joined, moved_by, split
from transcription.editing.values import NEW_SPEAKER, Edited, Found, OpenTranscript, Revision, Search, Turn
from transcription.editing.words import with_text
from transcription.glossary.store import Term


def said(start: float, text: str, speaker: str | None = "S1", role: str | None = None) -> Segment:
    return Segment(start=start, end=start + 2, text=text, speaker=speaker, role=role)


def transcript(*segments: Segment, names: dict[str, str] | None = None) -> Transcript:
    return Transcript(
        language="ru",
        engine="whisper",
        model="base",
        duration_s=60,
        speakers=len({each.speaker for each in segments}),
        segments=segments,
        names=names or {},
    )


TALK = transcript(
    said(0, "Как вам завтрак?", "S1", "Сотрудник"),
    said(2, "Всё понравилось,", "S2", "Клиент"),
    said(4, "ёлка и чай.", "S2", "Клиент"),
    said(6, "А номер?", "S1", "Сотрудник"),
    said(20, "Чисто.", "S3"),
)


def spoken(*words: tuple[float, float, str]) -> Segment:
    timed = tuple(Word(start=start, end=end, text=text, probability=0.5) for start, end, text in words)
    return Segment(
        start=words[0][0], end=words[-1][1], text=" ".join(each[2] for each in words), speaker="S1", words=timed
    )


HEARD = spoken((0.0, 0.5, "Мы"), (0.5, 1.0, "были"), (1.0, 2.0, "в"), (2.0, 3.0, "заре."), (3.5, 4.0, "Вот."))


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # Only the spelling: every time stays.
        ("Мы были в «Заре». Вот.", [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.5, 4.0)]),
        # One word for another has its time.
        ("Мы жили в заре. Вот.", [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.5, 4.0)]),
        ("Мы жили у зари. Вот.", [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.5, 4.0)]),
        # Two words for one share its time by their letters.
        ("Мы были в зале здесь. Вот.", [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 2.4), (2.4, 3.0), (3.5, 4.0)]),
        # Words that are gone leave the others where they were.
        ("Мы были. Вот.", [(0.0, 0.5), (0.5, 1.0), (3.5, 4.0)]),
        # A new word stands in the pause, or shares the time of the word before.
        ("Мы были в заре. Да. Вот.", [(0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 3.5), (3.5, 4.0)]),
        ("Мы не были в заре. Вот.", [(0.0, 0.25), (0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.5, 4.0)]),
        ("", []),
    ],
)
def test_words_that_stay_keep_their_times(text: str, times: list[tuple[float, float]]) -> None:
    corrected = with_text(HEARD, text)
    assert (corrected.text, corrected.start, corrected.end) == (text, HEARD.start, HEARD.end)
    assert " ".join(word.text for word in corrected.words or ()) == text
    assert [(word.start, word.end) for word in corrected.words or ()] == [pytest.approx(each) for each in times]


def test_a_word_that_was_typed_has_no_probability_of_the_engine() -> None:
    words = with_text(HEARD, "Мы жили в Заре. Вот.").words or ()
    assert [word.probability for word in words] == [0.5, None, 0.5, 0.5, 0.5]


def test_a_segment_without_times_of_words_gets_none() -> None:
    assert with_text(said(0, "раз"), "два").words is None


WORDS = spoken((0, 1, "Да,"), (1, 2, "завтрак"), (3, 4, "хороший"))


@pytest.mark.parametrize(
    ("segment", "first", "parts"),
    [
        (WORDS, " Да,", [("Да,", 0, 1), ("завтрак хороший", 1, 4)]),
        (WORDS, "Да, завтрак ", [("Да, завтрак", 0, 2), ("хороший", 3, 4)]),
        (WORDS, "Да, завтрак хор", [("Да, завтрак хор", 0, 3 + 3 / 7), ("оший", 3 + 3 / 7, 4)]),
        (said(2, "Всё понравилось"), "Всё", [("Всё", 2, 2.4), ("понравилось", 2.4, 4)]),
    ],
)
def test_an_utterance_is_split_where_its_words_are(
    segment: Segment, first: str, parts: list[tuple[str, float, float]]
) -> None:
    made = split(segment, first)
    assert [each.text for each in made] == [text for text, *_ in parts]
    times = [time for each in made for time in (each.start, each.end)]
    assert times == pytest.approx([time for _, *part in parts for time in part])
    if segment.words is not None:
        assert [" ".join(word.text for word in each.words or ()) for each in made] == [text for text, *_ in parts]


@pytest.mark.parametrize("first", ["", "  ", "Да, завтрак хороший", "завтрак", "Да, завтрак хороший и"])
def test_nothing_is_split_off_nothing(first: str) -> None:
    with pytest.raises(BadText):
        split(WORDS, first)


def test_two_utterances_are_joined_as_the_first_ones() -> None:
    both = joined(*split(WORDS, "Да,"))
    assert both == WORDS
    assert joined(said(0, "Да."), said(2, "Нет.", "S2")) == said(0, "Да. Нет.").model_copy(update={"end": 4})
    with pytest.raises(BadText):
        joined(said(0, "щ" * 3000), said(2, "щ" * 3000))


@pytest.mark.parametrize(
    ("shifts", "places"),
    [
        ([Shift(1, 1, 2)], [0, 1, 3, 4]),
        ([Shift(1, 2, 1)], [0, 1, 1, 2]),
        ([Shift(1, 1, 2), Shift(0, 2, 1)], [0, 0, 2, 3]),
    ],
)
def test_positions_follow_what_was_split_and_joined(shifts: list[Shift], places: list[int]) -> None:
    assert [moved_by(shifts, position) for position in range(4)] == places


def test_a_name_stands_in_the_files_beside_the_role_and_alone_without_one() -> None:
    named = TALK.model_copy(update={"names": changes.named(TALK, "S2", "Мария").names})
    named = named.model_copy(update={"names": changes.named(named, "S3", " Пётр\n").names})
    text = to_txt(named).decode()
    assert named.names == {"S2": "Мария", "S3": "Пётр"}
    assert "Спикеры: Сотрудник, Клиент — Мария, Пётр" in text
    assert "[00:02] [Клиент — Мария:] Всё понравилось, ёлка и чай." in text
    assert "[00:20] [Пётр:] Чисто." in text
    assert "Клиент — Мария: Всё понравилось," in to_srt(named).decode()


@pytest.mark.parametrize(("speaker", "is_reported"), [("S2", False), ("S3", True)])
def test_reports_use_a_name_only_where_there_is_no_role(speaker: str, is_reported: bool) -> None:
    assert changes.named(TALK, speaker, "Мария").is_reported is is_reported


def test_a_merged_speaker_takes_over_the_role_and_gives_a_name() -> None:
    revision = changes.merged(TALK.model_copy(update={"names": {"S3": "Пётр"}}), "S3", "S2")
    assert {position: (each.speaker, each.role) for position, each in revision.segments.items()} == {
        4: ("S2", "Клиент")
    }
    assert revision.names == {"S2": "Пётр"}


@pytest.mark.parametrize(("to", "expected"), [("S1", ("S1", "Сотрудник")), (NEW_SPEAKER, ("S4", None))])
def test_a_turn_is_moved_with_the_other_speakers_role(to: str, expected: tuple[str, str | None]) -> None:
    revision = changes.moved(TALK, [1, 2], to)
    assert [(each.speaker, each.role) for each in revision.segments.values()] == [expected, expected]


def test_a_role_is_that_of_all_that_somebody_says() -> None:
    revision = changes.with_role(TALK, "S2", "Сотрудник", ["Сотрудник", "Клиент"])
    assert {position: each.role for position, each in revision.segments.items()} == {1: "Сотрудник", 2: "Сотрудник"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda: changes.named(TALK, "S9", "Мария"), NotFound),
        (lambda: changes.named(TALK, "S1", "я" * 61), BadText),
        (lambda: changes.named(TALK.model_copy(update={"names": {"S2": "Мария"}}), "S1", "мария"), BadText),
        (lambda: changes.with_role(TALK, "S1", "Гость", ["Клиент"]), NotFound),
        (lambda: changes.merged(TALK, "S1", "S1"), NotFound),
        (lambda: changes.merged(TALK, "S1", "S9"), NotFound),
        (lambda: changes.moved(TALK, [5], "S1"), NotFound),
        (lambda: changes.moved(TALK, [-1], "S1"), NotFound),
        (lambda: changes.moved(TALK, [0], "S9"), NotFound),
        (lambda: changes.with_texts(TALK, {-1: "а"}), NotFound),
        (lambda: changes.with_texts(TALK, {0: "я" * 5001}), BadText),
        (lambda: changes.with_turn(TALK, 1, 2, "Да.", changes.mark_of("Всё понравилось, ёлка и чай")), BadText),
    ],
)
def test_what_is_not_there_or_too_long_is_refused(change: Callable[[], Revision], error: type[Exception]) -> None:
    with pytest.raises(error):
        change()


def test_a_turn_of_several_segments_is_known_by_its_mark() -> None:
    known = changes.mark_of("Всё понравилось, ёлка и чай.")
    assert changes.with_turn(TALK, 1, 2, "Всё понравилось, ёлка и чай!", known).segments.keys() == {2}


def test_several_roles_of_one_voice_are_speakers_of_their_own() -> None:
    said_by = ["Сотрудник", "Клиент", None, "Клиент"]
    one_voice = transcript(*(said(2.0 * place, "М", role=role) for place, role in enumerate(said_by)))
    parted = changes.by_speaker(one_voice)
    assert [each.speaker for each in parted.segments] == ["S1", "S2", "S3", "S2"]
    assert changes.by_speaker(parted) == parted
    assert changes.by_speaker(TALK) is TALK


def test_speakers_are_told_with_what_they_say() -> None:
    told = [(each.id, each.role, each.seconds, each.turns, each.longest) for each in changes.speakers_of(TALK)]
    assert told == [("S1", "Сотрудник", 4, 2, 0), ("S2", "Клиент", 4, 1, 1), ("S3", None, 2, 1, 4)]


RECORDING = Recording(
    id=RecordingId(UUID(int=12)),
    owner_id=UserId(UUID(int=1)),
    number=12,
    sha256="0" * 64,
    size_bytes=1,
    file_name=NASTY[0],
    extension="ogg",
    object_key="k",
    container="ogg",
    codec="opus",
    duration_s=60.0,
    request=ProcessingRequest(scenario=ScenarioId("interview")),
    stage=Stage.DONE,
    error_code=None,
    error_text=None,
    warnings=(),
    stage_seconds={},
    created_at=datetime(2026, 11, 3, 12, tzinfo=UTC),
)
NASTY_NAMES = {f"S{number}": one_line(nasty)[:60] or "x" for number, nasty in enumerate(NASTY * 3, start=1)}


@pytest.mark.parametrize("nasty", NASTY)
def test_screens_bear_any_name_and_text(nasty: str) -> None:
    name = one_line(nasty)[:60] or "x"
    many = [said(3.0 * number, nasty or "x", f"S{number}", name) for number in range(1, 31)]
    opened = OpenTranscript(RECORDING, transcript(*many, names=NASTY_NAMES), 7, can_undo=True)
    speakers = changes.speakers_of(opened.transcript)
    found = [Found(position=3, start=1.0, text=nasty or "x", places=((0, 1),))] * 30
    terms = [Term(id=number, term=name, is_team=number % 2 == 0) for number in range(1, 500)]
    [turn, *_] = changes.turns_of(opened.transcript) or [Turn(first=0, last=0, speaker="S1", start=0, end=1, text="x")]
    screens = [
        editing.speakers_screen(opened, speakers, "<b>Готово</b>"),
        editing.places_screen(opened, found, nasty, nasty),
        editing.ask_text(opened, turn, nasty),
        editing.turn_screen(opened, turn, speakers),
        editing.glossary_screen(terms, curates=True),
        editing.remove_term_screen(terms, curates=True),
        editing.corrected_screen(RECORDING, Edited(8, True, None, {}), "Готово", name),
    ]
    for each in speakers[:1]:
        known = {"employee": name, "client": "y"}
        screens.append(editing.speaker_screen(opened, each, ["Клиент", name], known, others=True))
        screens.append(editing.merge_screen(RECORDING, each, speakers))
        screens.append(editing.ask_name(RECORDING, each, nasty))
    for screen in screens:
        check(screen)


def test_turns_are_what_people_read_as_one() -> None:
    turns = changes.turns_of(transcript(said(0, "а"), said(2, "б"), said(9, "в"), said(11, ""), said(13, "г", "S2")))
    assert [(each.first, each.last, each.text) for each in turns] == [(0, 1, "а б"), (2, 2, "в"), (4, 4, "г")]


@pytest.mark.parametrize(
    ("search", "places"),
    [
        (Search(wanted="Елка"), [(2, (0, 4))]),
        (Search(wanted="елка", match_case=True), [(2, (0, 4))]),
        (Search(wanted="Елка", match_case=True), []),
        (Search(wanted="ЧАЙ"), [(2, (7, 10))]),
        (Search(wanted="ча"), []),
        (Search(wanted="чa"), []),
        (Search(wanted="ча", whole_words=False), [(2, (7, 9))]),
        (Search(wanted=" как   вам "), [(0, (0, 7))]),
        (Search(wanted="завтрак?"), [(0, (8, 16))]),
        (Search(wanted="."), []),
        (Search(wanted=" "), []),
    ],
)
def test_words_are_found_whole_and_in_any_case_unless_asked_otherwise(
    search: Search, places: list[tuple[int, tuple[int, int]]]
) -> None:
    hits = changes.found(TALK, search)
    assert [(each.position, place) for each in hits for place in each.places] == places


@pytest.mark.parametrize(
    ("typed", "correction"),
    [
        ("чай -> кофе", ("чай", "кофе")),
        ("нет такого → кофе", ("нет такого", "кофе")),
        ("чай — кофе", ("чай", "кофе")),
        ("чай - кофе", ("чай", "кофе")),
        ("чай = кофе", ("чай", "кофе")),
        ("чай>кофе", ("чай", "кофе")),
        ("Чай на кофе на воде", ("Чай", "кофе на воде")),
        ("нет такого — кофе", None),
        ("кое-что", None),
        ("чай", None),
        ("на чай", None),
    ],
)
def test_a_correction_is_parted_by_what_people_type(typed: str, correction: tuple[str, str] | None) -> None:
    assert changes.correction_in(TALK, typed) == correction


def test_what_is_found_is_replaced_everywhere_or_where_one_says() -> None:
    many = transcript(said(0, "В заре и в Заре."), said(2, "Заре рады."), said(4, "Зарево."))
    everywhere = changes.replaced(many, Search(wanted="заре"), "«Заре» \\1")
    one = changes.replaced(many, Search(wanted="заре"), "Ялте", [1])
    assert {position: each.text for position, each in everywhere.segments.items()} == {
        0: "В «Заре» \\1 и в «Заре» \\1.",
        1: "«Заре» \\1 рады.",
    }
    assert {position: each.text for position, each in one.segments.items()} == {1: "Ялте рады."}
