"""The evaluation set of the archive says what it claims: places exist, classes are full, splits do not touch."""

import re
from collections import Counter
from datetime import date
from functools import cache
from itertools import pairwise

import pytest

from archive_set import ArchivedRecording, Filters, QuestionClass, Split, load_archive_set
from chain_world import span_of_characters
from datamodels import RecordingMetadata
from metadata import fields
from morphology import parses
from retrieval_scores import covers
from utils import count_tokens

ARCHIVE = load_archive_set()
QUESTIONS = ARCHIVE.questions
ATTRIBUTES = {
    fields.Field.DATE: "recorded_on",
    fields.Field.PLACE_NAME: "place",
    fields.Field.BUILDING_TYPE: "building",
    fields.Field.ZONE: "zones",
}
LEAST = {
    QuestionClass.PARAPHRASE: 50,
    QuestionClass.NAMES_AND_NUMBERS: 40,
    QuestionClass.FILTERS: 20,
    QuestionClass.FOLLOW_UP: 20,
    QuestionClass.MULTI_HOP: 10,
    QuestionClass.MISLEADING: 10,
    QuestionClass.UNANSWERABLE: 20,
}
CHUNK_TOKENS = 300
MOST_SHARED_LEMMAS = 1
FUNCTION_WORDS = frozenset(["PREP", "CONJ", "PRCL", "NPRO", "INTJ", "PRED"])


def test_metadata_are_what_the_form_would_have_kept() -> None:
    assert [each.source for each in ARCHIVE.recordings if fields.missing(each.scenario, each.metadata)] == []
    assert [each.source for each in ARCHIVE.recordings if each.metadata.audio_number != each.number] == []
    others = [
        (recording.source, field)
        for recording in ARCHIVE.recordings
        for field in fields.fields_of(recording.scenario)
        if not is_kept(field, recording.metadata)
    ]
    assert others == []


def is_kept(field: fields.Field, metadata: RecordingMetadata) -> bool:
    """Tell whether the form reads the field's value, as it is shown, as the same value."""
    shown = fields.shown(field, metadata)
    assert shown is not None
    name = ATTRIBUTES.get(field, field.value)
    parsed = fields.parse(field, shown, RecordingMetadata(), date(2026, 11, 29))
    return bool(getattr(parsed, name) == getattr(metadata, name))


def test_segments_follow_each_other() -> None:
    for recording in ARCHIVE.recordings:
        assert all(each.start < each.end and each.text.strip() for each in recording.segments), recording.source
        assert all(before.end <= after.start for before, after in pairwise(recording.segments)), recording.source
        assert set(recording.injections) <= set(range(1, len(recording.segments) + 1)), recording.source


def test_segments_have_the_speakers_of_their_scenario() -> None:
    speakers = {"interview": {("S1", "Сотрудник"), ("S2", "Клиент")}, "design": {(None, None)}}
    for recording in ARCHIVE.recordings:
        found = {(each.speaker, each.role) for each in recording.segments}
        assert found == speakers[recording.scenario], recording.source


def test_the_archive_is_large_and_has_what_models_are_led_astray_by() -> None:
    assert len(ARCHIVE.recordings) >= 60
    assert sum(len(each.sections) for each in ARCHIVE.reports) >= 30
    assert len(ARCHIVE.documents) >= 5
    assert sum(bool(each.injections) for each in ARCHIVE.recordings) >= 10
    assert sum(len(chunks(texts)) for texts in ARCHIVE.texts.values()) >= 300


def chunks(texts: tuple[str, ...]) -> list[int]:
    """Return the tokens of the chunks of whole parts that have at most ``CHUNK_TOKENS``, without an overlap."""
    sizes = [0]
    for text in texts:
        tokens = count_tokens(text)
        if sizes[-1] and sizes[-1] + tokens > CHUNK_TOKENS:
            sizes.append(0)
        sizes[-1] += tokens
    return sizes


def test_every_source_has_a_name_of_its_own() -> None:
    sources = [each.source for each in ARCHIVE.recordings]
    sources += [each.id for each in ARCHIVE.writings]
    assert len(set(sources)) == len(sources)
    numbers = {each.number for each in ARCHIVE.recordings}
    assert {each.recording for each in ARCHIVE.reports} <= numbers


def test_the_city_of_every_place_can_be_read_off_an_audit() -> None:
    audited = {
        (each.metadata.place, each.metadata.building): each.metadata.city
        for each in ARCHIVE.recordings
        if each.scenario == "design"
    }
    assert audited == {(each.name, each.building): each.city for each in ARCHIVE.places}
    assert len(audited) == len(ARCHIVE.places)
    assert {ARCHIVE.city_of(each) for each in ARCHIVE.recordings} == {each.city for each in ARCHIVE.places}


def test_all_questions_but_the_unanswerable_name_places_that_exist() -> None:
    for each in QUESTIONS:
        assert bool(each.gold) is (each.class_ is not QuestionClass.UNANSWERABLE), each.id
        assert all(gold.parts[1] <= len(ARCHIVE.texts[gold.source]) for gold in each.gold), each.id
        assert len(set(each.gold)) == len(each.gold), each.id


def test_only_follow_ups_have_a_dialog_and_a_full_form() -> None:
    for each in QUESTIONS:
        is_follow_up = each.class_ is QuestionClass.FOLLOW_UP
        assert len(each.history) in ({1, 2} if is_follow_up else {0}), each.id
        assert (each.full is not None) is is_follow_up, each.id


def test_gold_places_fit_the_filters() -> None:
    for question in QUESTIONS:
        assert (question.filters is not None) is (question.class_ is QuestionClass.FILTERS), question.id
        if question.filters is not None:
            recordings = [ARCHIVE.recording_of[gold.source] for gold in question.gold]
            assert [each.source for each in recordings if not fits(each, question.filters)] == [], question.id


def fits(recording: ArchivedRecording, filters: Filters) -> bool:
    metadata = recording.metadata
    values = {**metadata.model_dump(), "scenario": recording.scenario, "city": ARCHIVE.city_of(recording)}
    wanted = filters.model_dump(exclude={"first_day", "last_day"}, exclude_none=True)
    day = metadata.recorded_on
    assert day is not None
    is_in_time = (filters.first_day or day) <= day <= (filters.last_day or day)
    return is_in_time and all(values[name] == value for name, value in wanted.items())


@pytest.mark.parametrize("class_", QuestionClass)
def test_a_class_is_full_and_split_in_halves(class_: QuestionClass) -> None:
    dev, held_out = (len(ARCHIVE.of(class_, split)) for split in Split)
    assert dev + held_out >= LEAST[class_]
    assert abs(dev - held_out) <= 2


def test_no_question_stands_twice() -> None:
    ids = Counter(each.id for each in QUESTIONS)
    asked = Counter(" ".join(words(each.full or each.text)) for each in QUESTIONS)
    assert [each for each, count in (ids + asked).items() if count > 1] == []


def test_no_source_answers_questions_of_both_splits() -> None:
    sources = {
        split: {gold.source for each in QUESTIONS if each.split is split for gold in each.gold} for split in Split
    }
    assert sources[Split.DEV] & sources[Split.HELD_OUT] == set()


def test_paraphrases_share_hardly_a_word_with_their_answers() -> None:
    shared = [
        (sorted(lemmas(question.text) & lemmas(ARCHIVE.gold_text(gold))), question.text, gold.source)
        for question in ARCHIVE.of(QuestionClass.PARAPHRASE)
        for gold in question.gold
    ]
    shared.sort(key=lambda each: -len(each[0]))
    print("\nlemmas shared by question and answer, the worst:")
    for common, text, source in shared[:10]:
        print(f"{len(common)}  {', '.join(common) or '-':20}  {source:14}  {text}")
    assert len(shared[0][0]) <= MOST_SHARED_LEMMAS


def lemmas(text: str) -> set[str]:
    return {lemma for word in words(text) for lemma in content_lemmas(word)}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@cache
def content_lemmas(word: str) -> frozenset[str]:
    """Return the lemmas of a word in its likely readings; none for a word without content of its own."""
    readings = parses(word)
    if readings[0].tag.POS in FUNCTION_WORDS or "Apro" in readings[0].tag:
        return frozenset()
    likely = [each for each in readings if each.score >= readings[0].score / 2]
    return frozenset(each.normal_form.replace("ё", "е") for each in likely)


def test_characters_of_a_source_are_mapped_to_its_spans() -> None:
    source, parts = next(iter(ARCHIVE.texts.items()))
    spans = ARCHIVE.spans[source]
    whole = span_of_characters(ARCHIVE, source, -50, 50 + len("\n".join(parts)))
    assert (whole.start, round(whole.end)) == (spans[0].start, round(spans[-1].end))
    second = span_of_characters(ARCHIVE, source, len(parts[0]) + 1, len(parts[1]))
    assert covers(second, spans[1])
    assert (second.start, round(second.end)) == (spans[1].start, round(spans[1].end))
