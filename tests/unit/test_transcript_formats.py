"""What people get of a transcript: nothing is left out, nothing breaks the file's format."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pysubs2
import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from datamodels import MissingInterval, Segment, Transcript, Word
from text_cleaning import one_line
from transcript_formats import (
    FIRST_FORMAT,
    OTHER_FORMATS,
    TRANSCRIPT_FORMATS,
    TranscriptFormat,
    header,
    paragraphs,
    to_docx,
    to_json,
    to_pdf,
    to_srt,
    to_txt,
    to_vtt,
)

QUESTION = "Как вы выбирали отель?"
ANSWER = (
    "Искала тишину, завтраки и место рядом с парком, потому что мы приехали с детьми и хотели гулять по утрам, "
    "а ещё мне важно, чтобы встретили по-человечески."
)


def talk(*segments: Segment, **known: Any) -> Transcript:
    fields = {"language": "ru", "engine": "faster-whisper", "model": "base", "duration_s": 3725.0, "speakers": 2}
    return Transcript(**{**fields, **known}, segments=segments)


TALK = talk(
    Segment(start=61, end=63, text=QUESTION, speaker="S1", role="Сотрудник"),
    Segment(start=64, end=70, text=ANSWER, speaker="S2", role="Клиент", confidence=0.81234),
    Segment(start=71, end=72, text="Да.", speaker="S2", role="Клиент"),
    Segment(start=3700, end=3702, text="Уборка!", speaker="S3"),
    missing=(MissingInterval(start=720, end=750, reason="сервис не ответил"),),
)

texts = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    segments = [
        Segment(
            start=5 * number,
            end=5 * number + draw(st.sampled_from([4, 8])),  # two people at once
            text=text,
            speaker=draw(st.sampled_from(["S1", "S2", None])),
        )
        for number, text in enumerate(draw(st.lists(texts, max_size=5)))
    ]
    return talk(*segments)


# --- text ------------------------------------------------------------------------------------------------------------


def test_the_text_names_times_roles_and_what_is_missing() -> None:
    assert to_txt(TALK).decode() == (
        "Расшифровка\n"
        "Длительность: 1 ч 2 мин 5 с\n"
        "Язык: русский\n"
        "Спикеры: Сотрудник, Клиент, Спикер 3\n"
        "Распознавание: faster-whisper, base\n"
        "\n"
        f"[01:01] [Сотрудник:] {QUESTION}\n"
        "\n"
        f"[01:04] [Клиент:] {ANSWER} Да.\n"
        "\n"
        "[12:00–12:30: не распознано — сервис не ответил]\n"
        "\n"
        "[1:01:40] [Спикер 3:] Уборка!\n"
    )


def test_a_monologue_needs_no_labels() -> None:
    monologue = talk(Segment(start=0, end=4, text="В холле тихо.", speaker="S1"), speakers=1)
    assert "[00:00] В холле тихо.\n" in to_txt(monologue).decode()


def test_after_a_long_pause_a_paragraph_tells_the_time() -> None:
    said = talk(
        Segment(start=0, end=9, text="Благодарим за звонок."),
        Segment(start=11, end=12, text="Ждите."),
        Segment(start=709, end=721, text="Вы первый."),
        speakers=1,
    )
    assert to_txt(said).decode().endswith("[00:00] Благодарим за звонок. Ждите.\n\n[11:49] Вы первый.\n")


def test_every_language_is_named_and_told_of_its_segments() -> None:
    said = talk(Segment(start=0, end=9, text="Hello.", language="en"), Segment(start=9, end=10, text="Да."))
    assert "Язык: русский, английский\n" in to_txt(said).decode()
    assert [one.get("language") for one in json.loads(to_json(said))["segments"]] == ["en", None]


def test_an_empty_transcript_says_so() -> None:
    assert "Речь не распознана." in to_txt(talk()).decode()


@given(transcripts())
def test_every_word_stands_in_the_text(transcript: Transcript) -> None:
    shown = " ".join(one.text for one in paragraphs(transcript)).split()
    said = " ".join(segment.text for segment in transcript.segments)
    assert shown == one_line(said).split()


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_the_json_tells_everything_and_words_only_where_they_are_known() -> None:
    word = Word(start=0.12345, end=1, text="Да", probability=0.5)
    known = json.loads(to_json(talk(Segment(start=0, end=1, text="Да", words=(word,)), *TALK.segments)))
    assert {"language", "engine", "model", "duration_s", "speakers", "segments", "missing"} == set(known)
    assert known["segments"][0]["words"] == [{"start": 0.123, "end": 1.0, "text": "Да", "probability": 0.5}]
    assert known["segments"][2] == {
        "start": 64.0,
        "end": 70.0,
        "text": ANSWER,
        "speaker": "S2",
        "role": "Клиент",
        "confidence": 0.812,
    }


@given(transcripts())
def test_any_text_comes_back_from_the_json(transcript: Transcript) -> None:
    known = json.loads(to_json(transcript))
    said = [segment.text.encode(errors="replace").decode() for segment in transcript.segments]
    assert [segment["text"] for segment in known["segments"]] == said


# --- subtitles -------------------------------------------------------------------------------------------------------


def cues(subtitles: bytes, kind: str) -> pysubs2.SSAFile:
    return pysubs2.SSAFile.from_string(subtitles.decode(), kind)


def test_subtitles_name_the_speaker_when_another_begins() -> None:
    shown = to_srt(TALK).decode()
    assert shown.startswith(f"1\n00:01:01,000 --> 00:01:03,000\nСотрудник: {QUESTION}\n")
    assert shown.count("Клиент: ") == 1
    assert "сервис не\nответил]" in shown


def test_webvtt_carries_the_speaker_as_a_voice() -> None:
    shown = to_vtt(TALK).decode()
    assert shown.startswith("WEBVTT\n")
    assert f"<v Сотрудник>{QUESTION}" in shown


def test_a_long_segment_is_cut_at_the_times_of_its_words() -> None:
    spoken = ANSWER.split()
    words = tuple(Word(start=64 + number, end=64.9 + number, text=word) for number, word in enumerate(spoken))
    events = cues(to_srt(talk(Segment(start=64, end=70, text=ANSWER, words=words))), "srt").events
    first = events[0].plaintext.split()
    assert events[0].end == 1000 * (64 + len(first)) - 100
    assert events[1].start == 1000 * (64 + len(first))


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    tricky = talk(Segment(start=0, end=9, text="<i>a</i> --> {\\an8} & <v Клиент>", speaker="S1"))
    assert "-->" not in to_srt(tricky).decode().replace("00:00:00,000 --> ", "")
    assert "&lt;i&gt;a&lt;/i&gt; --&gt;" in to_vtt(tricky).decode()
    assert "{" in to_srt(tricky).decode()


@settings(max_examples=60)
@given(transcripts(), st.sampled_from([(to_srt, "srt"), (to_vtt, "vtt")]))
def test_subtitles_are_two_short_lines_in_order(transcript: Transcript, form: tuple[Any, str]) -> None:
    write, kind = form
    events = cues(write(transcript), kind).events
    assert all(before.end <= after.start for before, after in pairwise(events))
    for event in events:
        assert event.end > event.start
        lines = event.plaintext.split("\n")
        assert len(lines) <= 2 or max(map(len, event.plaintext.split())) >= 42
        if kind == "srt":
            assert max(map(len, lines)) <= 42


# --- Word ------------------------------------------------------------------------------------------------------------


def test_the_word_file_has_title_table_and_bold_roles() -> None:
    document = Document(io.BytesIO(to_docx(TALK, "интервью_17.ogg")))
    assert document.core_properties.title == "Расшифровка: интервью_17.ogg"
    assert [cell.text for cell in document.tables[0].columns[1].cells][1] == "русский"
    said = next(paragraph for paragraph in document.paragraphs if QUESTION in paragraph.text)
    assert said.text == f"[01:01] Сотрудник: {QUESTION}"
    assert [run.text for run in said.runs if run.bold] == ["Сотрудник: "]
    assert any("не распознано" in paragraph.text for paragraph in document.paragraphs)


@pytest.mark.parametrize("title", [None, "\x00имя\x1f", "я" * 300])
def test_the_word_file_says_that_it_is_russian(title: str | None) -> None:
    with zipfile.ZipFile(io.BytesIO(to_docx(TALK, title))) as archive:
        assert 'w:val="ru-RU"' in archive.read("word/styles.xml").decode()


@settings(max_examples=15, deadline=None)
@given(transcripts())
def test_any_text_makes_a_word_file_that_opens(transcript: Transcript) -> None:
    document = Document(io.BytesIO(to_docx(transcript)))
    shown = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert all(one.text in shown for one in paragraphs(transcript))


# --- PDF -------------------------------------------------------------------------------------------------------------


def pdf_text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_the_pdf_has_title_facts_and_what_was_said() -> None:
    content = to_pdf(TALK, "интервью_17.ogg")
    metadata = PdfReader(io.BytesIO(content)).metadata
    assert metadata is not None
    assert metadata.title == "Расшифровка: интервью_17.ogg"
    text = " ".join(pdf_text(content).split())
    assert "Язык русский" in text
    assert f"[01:01] Сотрудник: {QUESTION}" in text
    assert "не распознано" in text
    assert "стр. 1 из 1" in text


@settings(max_examples=15, deadline=None)
@given(transcripts())
def test_any_text_makes_a_pdf_that_opens(transcript: Transcript) -> None:
    assert len(PdfReader(io.BytesIO(to_pdf(transcript, "запись"))).pages) >= 1


def test_one_endless_utterance_fills_pages_and_keeps_its_words() -> None:
    words = " ".join(f"слово{number}" for number in range(3000))
    endless = TALK.model_copy(update={"segments": (Segment(start=0, end=9, text=words),), "missing": ()})
    content = to_pdf(endless, "запись")
    shown = pdf_text(content)
    assert all(f"слово{number}" in shown for number in (0, 511, 1777, 2999))
    assert "стр. 2 из" in shown


def test_pdfs_are_written_in_several_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: to_pdf(TALK, f"запись {number}"), range(8)))
    assert [f"запись {number}" in pdf_text(each) for number, each in enumerate(made)] == [True] * 8


# --- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", TRANSCRIPT_FORMATS.values(), ids=TRANSCRIPT_FORMATS)
def test_every_form_of_the_list_is_written_of_any_transcript(form: TranscriptFormat) -> None:
    assert form.write(TALK, "a.ogg")
    assert form.label == form.extension.upper()
    assert form is FIRST_FORMAT or form in OTHER_FORMATS


def test_of_very_many_speakers_the_first_are_named_and_a_page_holds_them() -> None:
    segments = tuple(Segment(start=at, end=at + 1, text="Да.", role=f"Имя {at}") for at in range(32))
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=32, speakers=32, segments=segments)
    assert dict(header(transcript))["Спикеры"].endswith(", Имя 29 и ещё 2")
    assert dict(header(transcript.model_copy(update={"segments": segments[:30]})))["Спикеры"].endswith(", Имя 29")
