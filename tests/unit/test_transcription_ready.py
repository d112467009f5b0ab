"""Ready transcripts as they come out of recorders, meetings, editors and our own deliveries."""

import zipfile
from pathlib import Path

import pytest
from docx import Document

from datamodels import MissingInterval, Segment, Transcript
from errors import VoxPersonaError
from errors_of_operation import DocumentTooLarge, TranscriptBroken, TranscriptWithoutWords
from transcript_formats import TRANSCRIPT_FORMATS, header
from transcription.ready.reading import Ready, read_ready

RECKONED = "В файле нет времени реплик"


def read(folder: Path, name: str, content: str | bytes) -> Ready:
    path = folder / "sent"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_ready(path, name)


def drawn(ready: Ready) -> list[str]:
    """Every segment as «5–9 Клиент: слова»."""
    return [
        f"{round(each.start)}–{round(each.end)} {each.role or each.speaker}: {each.text}"
        for each in ready.transcript.segments
    ]


SRT = """1
00:00:01,000 --> 00:00:04,000
<i>Клиент: Нам понравилась</i>
тишина в номере

2
00:00:03,500 --> 00:00:06,000
и вид из окна

3
00:00:07,000 --> 00:00:09,000
Сотрудник: А завтрак?
"""
SRT_SAID = ["1–4 Клиент: Нам понравилась тишина в номере", "4–6 Клиент: и вид из окна", "7–9 Сотрудник: А завтрак?"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.srt", SRT, SRT_SAID),
        ("a.SRT", SRT.replace("\n", "\r\n").encode("cp1251"), SRT_SAID),
        ("a.srt", b"\xef\xbb\xbf" + SRT.encode(), SRT_SAID),
        ("a.srt", SRT.encode("utf-16"), SRT_SAID),
        ("a.txt", SRT, SRT_SAID),
        (
            "a.vtt",
            "WEBVTT - запись\n\nNOTE заметка\nещё строка\n\nSTYLE\n::cue {}\n\nпервая\n"
            "00:01.000 --> 00:04.000 align:start\n"
            "<v.loud Мария>Доброе<00:02.000><c> утро</c></v>\n\n"
            "00:04.000 --> 00:06.000\n<v Пётр>Цена &lt;5 тысяч&gt; &amp; завтрак\n<v Мария>Да</v>\n",
            ["1–4 Мария: Доброе утро", "4–6 Пётр: Цена <5 тысяч> & завтрак", "4–6 Мария: Да"],
        ),
        (
            "youtube.vtt",
            "WEBVTT\n\n00:01.000 --> 00:03.000\nдобрый день\n\n00:03.000 --> 00:05.000\nдобрый день\nэто второе\n",
            ["1–3 S1: добрый день", "3–5 S1: это второе"],
        ),
        (
            "a.txt",
            "[00:05] [Сотрудник:] Здравствуйте!\n[00:09] [Клиент:] Добрый день. Скажу так: хорошо\nи тихо.\n",
            ["5–9 Сотрудник: Здравствуйте!", "9–12 Клиент: Добрый день. Скажу так: хорошо и тихо."],
        ),
        (
            "zoom.txt",
            "Мария Иванова  0:03\nДобрый день.\n\nПётр  1:00:10\nНачнём.\nСразу.\n",
            ["3–3610 Мария Иванова: Добрый день.", "3610–3611 Пётр: Начнём. Сразу."],
        ),
        (
            "a.txt",
            "00:01 Спикер 1: Раз\n00:02 Speaker 2: Два\n00:04 Спикер 1: Например: три\n",
            ["1–2 S1: Раз", "2–4 S2: Два", "4–5 S1: Например: три"],
        ),
        (
            "back.txt",
            "[00:10] А: раз\n[00:05] Б: два\n[00:20] А: три",
            ["10–11 А: раз", "10–20 Б: два", "20–21 А: три"],
        ),
        ("a.txt", "три слова вот", ["0–1 S1: три слова вот"]),
        (
            "a.txt",
            "Клиент: Первое предложение здесь.\nСотрудник: И ещё одно такое.",
            ["0–2 Клиент: Первое предложение здесь.", "2–3 Сотрудник: И ещё одно такое."],
        ),
        (
            "whisper.json",
            '{"text": "Да", "segments": [{"id": 0, "start": 1.0, "end": 2.5, "text": " Да ", "tokens": [1]}]}',
            ["1–2 S1: Да"],
        ),
    ],
)
def test_speakers_and_times_are_those_of_the_file(
    tmp_path: Path, name: str, content: str | bytes, said: list[str]
) -> None:
    assert drawn(read(tmp_path, name, content)) == said


def test_a_word_file_is_read_with_its_table(tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph("[00:01] Клиент: Да")
    row = document.add_table(rows=1, cols=3).rows[0].cells
    row[0].text, row[1].text, row[2].text = "00:05", "Сотрудник", "Почему?"
    document.save(str(tmp_path / "a.docx"))
    said = read(tmp_path, "a.docx", (tmp_path / "a.docx").read_bytes())
    assert drawn(said) == ["1–5 Клиент: Да", "5–6 Сотрудник: Почему?"]


@pytest.mark.parametrize("form", ["txt", "docx", "srt", "vtt", "json"])
def test_what_we_deliver_comes_back_as_it_was(tmp_path: Path, form: str) -> None:
    transcript = Transcript(
        language="ru",
        engine="faster-whisper",
        model="whisper-base",
        duration_s=30.0,
        speakers=2,
        segments=(
            Segment(start=1.0, end=4.0, text="Расскажите о завтраке.", speaker="S1", role="Сотрудник"),
            Segment(start=5.0, end=9.0, text="Завтрак: каша, сыр. Нам понравилось!", speaker="S2", role="Клиент"),
            Segment(start=20.0, end=30.0, text="Спасибо.", speaker="S1", role="Сотрудник"),
        ),
        missing=(MissingInterval(start=10.0, end=19.0, reason="сервис не ответил"),),
    )
    back = read(tmp_path, f"a.{form}", TRANSCRIPT_FORMATS[form].write(transcript, "Интервью 17.ogg"))
    said = [(round(each.start), each.role, each.text) for each in back.transcript.segments]
    assert said == [(each.start, each.role, each.text) for each in transcript.segments]
    assert back.transcript.missing == transcript.missing
    assert (back.transcript.speakers, back.transcript.language, back.warnings) == (2, "ru", ())


def test_our_json_keeps_the_language_of_each_segment(tmp_path: Path) -> None:
    told = ("ru", "en", None)
    segments = tuple(
        Segment(start=float(at), end=at + 1.0, text="Слово. " * 100, speaker="S1", language=language)
        for at, language in enumerate(told)
    )
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=3, speakers=1, segments=segments)
    back = read(tmp_path, "a.json", TRANSCRIPT_FORMATS["json"].write(transcript, "a")).transcript
    assert [each.language for each in back.segments if each.start in {0, 1, 2}] == [None, "en", None]
    assert {each.language for each in back.segments if 1 <= each.start < 2} == {"en"}
    assert dict(header(back))["Язык"] == "русский, английский"


def test_what_no_database_stores_is_not_in_what_was_read(tmp_path: Path) -> None:
    content = (
        r'{"language": "r\u0000u", "missing": [{"start": 1, "end": 2, "reason": "н\ud800ет\u0000"}], "segments": '
        r'[{"start": 0, "end": 1, "text": "да\u0000", "words": [{"start": 0, "end": 1, "text": "да\u0000"}]}]}'
    )
    transcript = read(tmp_path, "a.json", content).transcript
    assert (transcript.language, transcript.missing[0].reason) == ("ru", "н?ет")
    [said] = transcript.segments
    assert said.words is not None
    assert (said.text, said.words[0].text) == ("да", "да")


def test_times_that_are_reckoned_or_go_back_are_told(tmp_path: Path) -> None:
    assert read(tmp_path, "a.txt", "Клиент: Раз.\nСотрудник: Два.").warnings[0].startswith(RECKONED)
    assert "идёт назад (мест: 1)" in read(tmp_path, "a.txt", "[00:10] А: раз\n[00:05] Б: два").warnings[0]
    above = read(tmp_path, "a.txt", "Интервью 12\nОтель\n[00:01] А: раз\n[00:05] Б: два")
    assert above.warnings == ("Строки до первой реплики не вошли в расшифровку: 2.",)


def test_six_hours_without_a_line_break_keep_every_word_in_pieces(tmp_path: Path) -> None:
    said = "Слово за слово и ещё немного слов. " * 8640
    transcript = read(tmp_path, "a.txt", said).transcript
    assert " ".join(each.text for each in transcript.segments) == said.strip()
    assert max(len(each.text) for each in transcript.segments) <= 600
    assert transcript.duration_s == pytest.approx(6 * 3600, rel=0.01)


def test_ten_thousand_cues_are_ten_thousand_segments(tmp_path: Path) -> None:
    times = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in range(10_000)]
    cues = "\n\n".join(f"{at}\n{time},000 --> {time},900\nреплика {at}" for at, time in enumerate(times))
    assert len(read(tmp_path, "a.srt", cues).transcript.segments) == 10_000


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.txt", " \n\n", TranscriptWithoutWords),
        ("a.srt", "", TranscriptWithoutWords),
        ("a.srt", "просто слова без времени", TranscriptWithoutWords),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<i></i>\n", TranscriptWithoutWords),
        ("a.json", '{"segments": []}', TranscriptWithoutWords),
        ("a.json", "{}", TranscriptBroken),
        ("a.json", '{"segments": [{"start": -1, "end": 2, "text": "а"}]}', TranscriptBroken),
        ("a.json", '{"segments": [{"start": NaN, "end": 2, "text": "а"}]}', TranscriptBroken),
        (
            "a.json",
            '{"segments": [{"start": 0, "end": 1, "text": "да", "words": [{"start": 0, "end": 1e999, "text": "да"}]}]}',
            TranscriptBroken,
        ),
        ("a.json", "[" * 100_000, TranscriptBroken),
        ("a.txt", bytes(range(32)) * 40, TranscriptBroken),
        ("a.docx", b"PK\x03\x04 no archive", TranscriptBroken),
    ],
)
def test_what_is_no_transcript_is_refused_in_words(
    tmp_path: Path, name: str, content: str | bytes, error: type[VoxPersonaError]
) -> None:
    with pytest.raises(error) as caught:
        read(tmp_path, name, content)
    assert f"«{name}»" in caught.value.user_text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "слово " * 1_000_000),
        ("a.txt", "а\n" * 200_002),
        ("a.json", " " * 21_000_000 + '{"segments": []}'),
        ("a.json", '{"segments": [' + ",".join(['{"start":0,"end":1,"text":"а"}'] * 100_001) + "]}"),
    ],
    ids=["characters", "lines", "bytes", "segments"],
)
def test_what_no_conversation_can_have_is_refused(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(DocumentTooLarge):
        read(tmp_path, name, content)


@pytest.mark.parametrize("content", ["а" + " " * 2_000_000 + "б", "\n" * 190_000 + "да", "да:" + ": " * 900_000])
def test_hostile_blanks_are_read_at_once(tmp_path: Path, content: str) -> None:
    # The forms of a line go back at most as far as a name is long; else this would take days.
    assert read(tmp_path, "a.txt", content).transcript.segments


def test_a_word_file_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("word/document.xml", b"<" + b" " * 40_000_000)
    with pytest.raises(DocumentTooLarge):
        read_ready(path, "a.docx")
