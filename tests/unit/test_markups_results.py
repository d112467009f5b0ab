"""What is delivered fits into messages, whatever was said, and reads as it should."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from datamodels import (
    IndexValue,
    MissingInterval,
    ProcessingRequest,
    Recording,
    RecordingId,
    ReportId,
    ReportRun,
    ReportRunId,
    RunStatus,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    Usage,
    UserId,
)
from markups.reports import (
    is_long,
    more_reports,
    report_failed,
    report_file_caption,
    report_file_name,
    report_messages,
    transcript_file_caption,
    transcript_file_name,
    transcript_message,
)
from reports.titles import report_title
from screens import check, drawn, nasty_text, read

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
LABEL = "2) Отчет о связках"


def recording(file_name: str = "interview_17.ogg", warnings: tuple[str, ...] = ()) -> Recording:
    return Recording(
        id=RecordingId(UUID(int=2)),
        owner_id=UserId(UUID(int=1)),
        number=12,
        sha256="0" * 64,
        size_bytes=38,
        file_name=file_name,
        extension="ogg",
        object_key="key",
        container="ogg",
        codec="opus",
        duration_s=2530.0,
        request=ProcessingRequest(scenario=ScenarioId("interview")),
        stage=Stage.DONE,
        error_code=None,
        error_text=None,
        warnings=warnings,
        stage_seconds={},
        created_at=NOW,
    )


def transcript(*texts: str, missing: tuple[MissingInterval, ...] = ()) -> Transcript:
    roles = ("Сотрудник", "Клиент")
    segments = tuple(
        Segment(start=10.0 * place, end=10.0 * place + 9, text=text, speaker=f"S{place % 2 + 1}", role=roles[place % 2])
        for place, text in enumerate(texts)
    )
    return Transcript(
        language="ru", engine="e", model="m", duration_s=2530.0, speakers=2, segments=segments, missing=missing
    )


def run(text: str, **fields: object) -> ReportRun:
    known: dict[str, object] = {
        "id": ReportRunId(UUID(int=3)),
        "recording_id": RecordingId(UUID(int=2)),
        "owner_id": UserId(UUID(int=1)),
        "number": 4,
        "scenario": ScenarioId("interview"),
        "report_id": ReportId("report_int_links"),
        "building": None,
        "input_hash": "i",
        "prompt_hash": "p",
        "model": "m",
        "status": RunStatus.DONE,
        "passes_done": 1,
        "passes_total": 1,
        "text": text,
        "indices": None,
        "indices_error": None,
        "warnings": (),
        "usage": Usage(),
        "cost_usd": None,
        "duration_s": 1.0,
        "error_code": None,
        "error_text": None,
        "created_at": NOW,
        "finished_at": NOW,
    }
    return ReportRun.model_validate(known | fields)


def test_a_short_transcript_is_shown_whole_with_who_said_what() -> None:
    shown = transcript_message(recording(), transcript("Как вам <номер>?", "Тихо & светло."))
    assert drawn(shown) == (
        "📄 <b>Расшифровка</b> · №12 · interview_17.ogg\n\n"
        "[Сотрудник:] Как вам &lt;номер&gt;?\n[Клиент:] Тихо &amp; светло.\n"
        "[DOCX] [PDF] [SRT] [VTT] [JSON]"
    )


def test_of_a_long_transcript_the_beginning_is_shown() -> None:
    shown = read(transcript_message(recording(), transcript(*["Очень тихий номер, светлый."] * 60)))
    body = shown.split("\n\n")[1]
    assert body.startswith("[Сотрудник:] Очень тихий номер")
    assert body.endswith("…")
    assert len(body) <= 300


def test_what_is_missing_in_a_transcript_is_told() -> None:
    lost = tuple(MissingInterval(start=60.0 * each, end=60.0 * each + 30, reason="сбой сервиса") for each in range(7))
    shown = read(transcript_message(recording(warnings=("Роли проверьте.",)), transcript("Да.", missing=lost)))
    assert "⚠ Не распознано: 00:00–00:30, 01:00–01:30" in shown
    assert "и ещё 2 (сбой сервиса)" in shown
    assert "⚠ Роли проверьте." in shown


def test_a_short_report_is_shown_whole_with_its_indices() -> None:
    indices = (IndexValue(name="links", label="Связок", value=7), IndexValue(name="z", label="Итог", value=None))
    shown = report_messages(
        recording(), run("## Связки\n\n- **Тишина** — «спал & спал»\n> да", indices=indices, warnings=("Мало.",)), LABEL
    )
    assert len(shown) == 1
    assert drawn(shown[0]) == (
        "📊 <b>№4 · Отчет о связках</b> · запись №12 · interview_17.ogg\n\n"
        "<b>Связки</b>\n\n• <b>Тишина</b> — «спал &amp; спал»\nда\n\n"
        "<pre>Связок                                       7\nИтог                                нет данных</pre>\n\n"
        "⚠ Мало.\n[DOCX] [PDF]"
    )


def test_of_a_long_report_the_beginning_is_shown_and_the_file_named() -> None:
    long = run("# Отчёт\n\n" + "**Слово** " * 300)
    [shown] = report_messages(recording(), long, LABEL)
    assert is_long(long)
    assert "Отчёт\n\nСлово Слово" in read(shown)
    assert "**" not in shown.text
    assert "Отчёт целиком — в файле." in shown.text
    assert len(read(shown)) < 450


def test_indices_that_were_not_calculated_say_why() -> None:
    [shown] = report_messages(recording(), run("Текст.", indices_error="не рассчитано: ответ не по схеме"), LABEL)
    assert "Показатели: не рассчитано: ответ не по схеме." in shown.text


def test_a_table_that_does_not_fit_is_a_message_of_its_own() -> None:
    indices = tuple(IndexValue(name=f"n{place}", label=f"Показатель {place}", value=place) for place in range(400))
    shown = report_messages(recording(), run("Текст. " * 100, indices=indices), LABEL)
    assert ["<pre>" in each.text for each in shown] == [False, True]
    for each in shown:
        check(each)


def test_a_report_that_failed_says_why_and_can_be_ordered_again() -> None:
    failed = report_failed(recording(), run("", status=RunStatus.FAILED, error_text="Сервис не отвечает."), LABEL)
    assert drawn(failed) == (
        "✖ <b>2) Отчет о связках</b> · №12 · interview_17.ogg\nСервис не отвечает.\n[🔁 Повторить]"
    )


def test_the_reason_of_a_report_that_failed_is_no_markup() -> None:
    # A code that has no sentence of its own for people in chats.
    failed = run("", status=RunStatus.FAILED, error_code="no_speech", error_text="Отказ <b> & только.")
    assert "\nОтказ &lt;b&gt; &amp; только.\n" in drawn(report_failed(recording(), failed, LABEL))


def test_files_are_called_so_that_people_find_them() -> None:
    assert transcript_file_name(recording(), "txt") == "Расшифровка 12 interview_17.txt"
    title = report_title(LABEL, "Заря", date(2026, 11, 3), "interview_17.ogg")
    assert report_file_name(5, title, "docx") == "№5 Отчет о связках — Заря, 03.11.2026.docx"
    assert report_file_name(None, title, "md") == "Отчет о связках — Заря, 03.11.2026.md"
    assert transcript_file_name(recording("a/b\\c: «Заря».ogg"), "srt") == "Расшифровка 12 b_c_ «Заря».srt"


_INDICES = st.lists(
    st.builds(IndexValue, name=st.just("n"), label=nasty_text, value=st.none() | st.integers() | nasty_text),
    max_size=60,
)


@given(nasty_text, nasty_text, st.lists(nasty_text, max_size=20))
def test_whatever_was_said_a_transcript_is_a_message(name: str, said: str, warnings: list[str]) -> None:
    lost = tuple(MissingInterval(start=0, end=1, reason=each) for each in warnings)
    check(transcript_message(recording(name, tuple(warnings)), transcript(said, said, missing=lost)))
    check(transcript_file_caption(recording(name)))
    assert len(transcript_file_name(recording(name), "docx").encode()) <= 255


@given(nasty_text, nasty_text | st.text("#*_-> \nаб<&", max_size=1500), _INDICES, st.lists(nasty_text, max_size=20))
def test_whatever_a_report_says_it_is_messages(
    name: str, text: str, indices: list[IndexValue], warnings: list[str]
) -> None:
    written = run(text, indices=tuple(indices), warnings=tuple(warnings), indices_error=name)
    about = recording(name)
    for each in report_messages(about, written, name):
        check(each)
    for each in (report_failed(about, written, name), report_file_caption(about, written, name), more_reports(about)):
        check(each)
    assert len(report_file_name(1, name, "docx").encode()) <= 255
