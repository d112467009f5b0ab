"""Cards as people see them, at every moment of the work and with names that try to break them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import RecordingId, ReportId, ReportRunId, Role, RunStatus, ScenarioId, Stage, UserId
from datamodels_telegram import (
    AttachedFile,
    CardKind,
    CardProgress,
    ChatId,
    FileKind,
    FilePurpose,
    IncomingFile,
    IncomingState,
    MessageId,
    ProgressCard,
    RunProgress,
)
from default_pack import PACK
from errors import Cancelled, NoSpeech, ProviderUnavailable
from errors_of_operation import LimitReached
from markups.card_parts import Times
from markups.cards import card_view, measured, opening
from markups.voice_notes import voice_card
from screens import check, drawn, nasty_text

BEGUN = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
RETRY = BEGUN + timedelta(minutes=5)
RETRY_SHOWN = f"{RETRY.astimezone():%H:%M}"
INTERVIEW = ScenarioId("interview")
TIMES = Times(elapsed_s=192.0, remaining_s=241.0)


def incoming(state: IncomingState = IncomingState.DOWNLOADING, **fields: object) -> IncomingFile:
    known: dict[str, object] = {
        "id": 5,
        "owner_id": UserId(UUID(int=1)),
        "chat_id": ChatId(7),
        "message_id": MessageId(3),
        "file": AttachedFile(kind=FileKind.DOCUMENT, file_name="interview_17.ogg", size_bytes=38 * 1024**2),
        "caption": "",
        "scenario": INTERVIEW,
        "state": state,
        "bytes_done": 0,
        "recording_id": None,
        "known": False,
        "error_code": None,
        "error_text": None,
        "created_at": BEGUN,
        "finished_at": None,
    }
    return IncomingFile.model_validate(known | fields)


def card(kind: CardKind = CardKind.RECORDING, **fields: object) -> ProgressCard:
    known: dict[str, object] = {
        "id": 9,
        "kind": kind,
        "owner_id": UserId(UUID(int=1)),
        "chat_id": ChatId(7),
        "incoming_id": 5,
        "recording_id": None,
        "run_ids": (),
        "message_id": None,
        "random_id": 11,
        "shown_hash": "",
        "final": False,
        "created_at": BEGUN,
    }
    return ProgressCard.model_validate(known | fields)


def progress(**fields: object) -> CardProgress:
    known: dict[str, object] = {
        "card": card(),
        "incoming": incoming(),
        "recording_number": None,
        "scenario": INTERVIEW,
        "file_name": "interview_17.ogg",
        "size_bytes": 38 * 1024**2,
        "duration_s": None,
        "stage": None,
        "stage_since": None,
        "error_code": None,
        "error_text": None,
        "retry_at": None,
    }
    return CardProgress.model_validate(known | fields)


def recording(stage: Stage, **fields: object) -> CardProgress:
    stored = incoming(IncomingState.STORED, recording_id=RecordingId(UUID(int=2)))
    known = {
        "incoming": stored,
        "recording_number": 12,
        "duration_s": 2530.0,
        "stage": stage,
        "stage_since": BEGUN + timedelta(minutes=12),
    }
    return progress(**(known | fields))


def run(report: str, status: RunStatus, done: int = 0, **fields: object) -> RunProgress:
    known: dict[str, object] = {
        "id": ReportRunId(UUID(int=len(report))),
        "report_id": ReportId(report),
        "status": status,
        "passes_done": done,
        "passes_total": 2,
        "error_text": None,
        "retry_at": None,
    }
    return RunProgress.model_validate(known | fields)


def reports(*runs: RunProgress, delivered: bool = False) -> CardProgress:
    ids = tuple(each.id for each in runs)
    about = card(CardKind.REPORTS, incoming_id=None, run_ids=ids, delivered=ids if delivered else ())
    return recording(Stage.DONE, card=about, incoming=None, runs=runs)


def seen(of: CardProgress, times: Times = TIMES) -> str:
    return drawn(card_view(of, times, PACK).screen)


def test_a_file_that_comes_in() -> None:
    half = progress(incoming=incoming(bytes_done=19 * 1024**2))
    assert seen(half) == (
        "📥 Получаю: <b>interview_17.ogg</b> · 38 МБ\n"
        "⏳ Загрузка → Сохранение → Подготовка → Расшифровка → Спикеры → Роли → Готово\n"
        "▓░░░░░░░░░░░ 7 %\n"
        "Прошло 3 мин 12 с · до конца этапа ≈ 4 мин\n"
        "[✖ Отменить]"
    )


def test_a_file_that_nobody_has_named_the_scenario_of() -> None:
    asked = seen(progress(scenario=None))
    assert asked.endswith("\n\nЧто это за запись?\n[Интервью] [Дизайн] [Совещание]\n[Только расшифровка]\n[✖ Отменить]")


def test_a_recording_that_is_transcribed() -> None:
    assert seen(recording(Stage.PREPARED, parts_done=5, parts_total=18)) == (
        "🎙 Принято: <b>interview_17.ogg</b> · 42:10 · 38 МБ · №12\n"
        "✔ Загрузка → ✔ Сохранение → ✔ Подготовка → ⏳ Расшифровка 5/18 → Спикеры → Роли → Готово\n"
        "▓▓▓▓▓░░░░░░░ 41 %\n"
        "Прошло 3 мин 12 с · до конца этапа ≈ 4 мин\n"
        "[✖ Отменить]"
    )


def test_a_recording_of_one_part_moves_while_it_is_heard() -> None:
    shown = [seen(recording(Stage.PREPARED, parts_total=1, parts_heard=heard)) for heard in (0.0, 0.5, 1.0)]
    bars = [line for each in shown for line in each.splitlines() if "▓" in line]
    assert bars == ["▓▓▓░░░░░░░░░ 25 %", "▓▓▓▓▓▓▓░░░░░ 55 %", "▓▓▓▓▓▓▓▓▓▓░░ 85 %"]


def test_what_cannot_be_estimated_is_not_estimated() -> None:
    # A download that stands still was told to last 860 hours.
    for remaining_s in (None, 24 * 3600.0 + 1, 3_098_760.0, float("inf")):
        shown = seen(recording(Stage.TRANSCRIBED), Times(elapsed_s=4.0, remaining_s=remaining_s))
        assert "до конца этапа —" in shown
    assert "≈ 24 ч" in seen(recording(Stage.TRANSCRIBED), Times(elapsed_s=4.0, remaining_s=24 * 3600.0))


def test_a_provider_that_does_not_answer() -> None:
    failure = ProviderUnavailable(provider="asr", reason="timeout")
    waiting = recording(Stage.PREPARED, error_code=failure.code, error_text=failure.user_text, retry_at=RETRY)
    view = card_view(waiting, TIMES, PACK)
    assert f"⚠ Сервис распознавания не отвечает. Повторим в {RETRY_SHOWN}." in view.screen.text
    assert (view.final, view.working) == (False, False)


def test_a_recording_that_waits_for_its_owners_limit_says_until_when() -> None:
    reached = LimitReached(
        resource="sound",
        retry_after_s=9,
        reason="минуты записей в этом месяце, занято 300 мин из 300 мин, нужно ещё 42 мин",
        advice="Запись сохранена: продолжу 1 декабря, когда начнётся новый месяц,",
    )
    waiting = recording(Stage.STORED, error_code=reached.code, error_text=reached.user_text, retry_at=RETRY)
    view = card_view(waiting, TIMES, PACK)
    assert (
        "⚠ Предел исчерпан: минуты записей в этом месяце, занято 300 мин из 300 мин, нужно ещё 42 мин. "
        "Запись сохранена: продолжу 1 декабря, когда начнётся новый месяц, или попросите администратора поднять предел."
    ) in view.screen.text
    assert "Повторим" not in view.screen.text
    assert (view.final, view.working) == (False, False)


def test_a_recording_that_is_done() -> None:
    view = card_view(recording(Stage.DONE), TIMES, PACK)
    assert view.final
    assert drawn(view.screen) == (
        "✔ Готово: <b>interview_17.ogg</b> · 42:10 · 38 МБ · №12\nЗаняло 12 мин.\n[📦 Открыть]"
    )


def test_a_recording_that_failed_can_be_tried_again() -> None:
    failed = recording(Stage.PREPARED, error_code="provider_error", error_text="Хост h молчит.")
    view = card_view(failed, TIMES, PACK)
    assert view.final
    assert drawn(view.screen) == (
        "✖ Не получилось: <b>interview_17.ogg</b> · №12\n"
        "Сервис обработки ответил ошибкой. Готовое сохранено: повторите позже.\n"
        "Запись сохранена.\n[🔁 Повторить]"
    )


def test_a_recording_without_speech_is_not_offered_to_be_tried_again() -> None:
    failure = NoSpeech(file_name="interview_17.ogg")
    shown = seen(recording(Stage.STORED, error_code=failure.code, error_text=failure.user_text))
    assert "не слышно речи" in shown
    assert "Повторить" not in shown


def test_cancelled_work_keeps_the_recording() -> None:
    stopped = Cancelled()
    shown = seen(recording(Stage.STORED, error_code=stopped.code, error_text=stopped.user_text))
    assert shown == "✖ Отменено: <b>interview_17.ogg</b> · №12\nЗапись сохранена.\n[🔁 Повторить]"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (IncomingState.CANCELLED, "✖ Отменено: <b>interview_17.ogg</b>"),
        (IncomingState.REFUSED, "✖ Не принято: <b>interview_17.ogg</b>\nФайл пустой."),
        (IncomingState.STORED, "🗑 Запись удалена: <b>interview_17.ogg</b>"),
    ],
)
def test_a_file_that_is_no_recording_in_the_end(state: IncomingState, text: str) -> None:
    view = card_view(progress(incoming=incoming(state, error_text="Файл пустой.")), TIMES, PACK)
    assert view.final
    assert view.screen.text.startswith(text)


def document(**fields: object) -> CardProgress:
    file = AttachedFile(kind=FileKind.DOCUMENT, file_name="Стандарты.pdf", size_bytes=2 * 1024**2)
    sent = incoming(**{"file": file, "scenario": None} | fields)  # type: ignore[arg-type]
    number = 3 if sent.state is IncomingState.STORED else None
    about = {"file_name": "Стандарты.pdf", "size_bytes": 2 * 1024**2, "scenario": None, "document_number": number}
    return progress(incoming=sent, **about)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (
            document(bytes_done=1024**2),
            "📥 Получаю: <b>Стандарты.pdf</b> · 2 МБ\n⏳ Загрузка → Чтение\n▓▓▓▓░░░░░░░░ 37 %\n"
            "Прошло 3 мин 12 с · до конца этапа ≈ 4 мин\n[✖ Отменить]",
        ),
        (
            document(state=IncomingState.CHECKING),
            "📥 Получаю: <b>Стандарты.pdf</b> · 2 МБ\n✔ Загрузка → ⏳ Чтение\n▓▓▓▓▓▓▓▓▓░░░ 75 %\n"
            "Прошло 3 мин 12 с · до конца этапа ≈ 4 мин\n[✖ Отменить]",
        ),
        (
            document(state=IncomingState.STORED),
            "📚 Документ №3 загружен: <b>Стандарты.pdf</b>\n"
            "Он готовится к поиску, скоро по нему можно будет спрашивать.\n[📚 Открыть]",
        ),
        (
            document(state=IncomingState.STORED, known=True),
            "📚 Этот документ уже загружен: №3\nСтандарты.pdf\n[📚 Открыть]",
        ),
    ],
    ids=["loading", "reading", "loaded", "known"],
)
def test_a_document_that_comes_in(of: CardProgress, text: str) -> None:
    assert seen(of) == text


def test_a_recording_that_was_there_already() -> None:
    known = recording(Stage.PREPARED, incoming=incoming(IncomingState.STORED, known=True))
    view = card_view(known, TIMES, PACK)
    assert view.final
    assert drawn(view.screen) == "Эта запись уже есть: №12\ninterview_17.ogg\n[📦 Открыть] [🔁 Обработать ещё раз]"


def test_a_file_that_was_refused_at_once_is_refused_from_the_first_sight() -> None:
    refused = progress(incoming=incoming(IncomingState.REFUSED, error_text="Файл пустой.", finished_at=BEGUN))
    assert opening(refused, PACK) == card_view(refused, TIMES, PACK).screen


def test_the_text_of_a_card_that_is_sent_is_the_same_however_far_the_work_is() -> None:
    moments = [progress(), progress(incoming=incoming(bytes_done=5)), recording(Stage.PREPARED), recording(Stage.DONE)]
    assert {opening(each, PACK).text for each in moments} == {"📥 Получаю: <b>interview_17.ogg</b> · 38 МБ"}


def test_reports_that_are_written() -> None:
    shown = reports(
        run("report_int_methodology", RunStatus.DONE, 2),
        run("report_int_links", RunStatus.RUNNING, 1),
        run("report_int_general", RunStatus.QUEUED),
        run("report_int_employee", RunStatus.QUEUED, retry_at=RETRY),
    )
    assert seen(shown) == (
        "📊 <b>Готовлю отчёты</b> · №12 · interview_17.ogg\n"
        "✔ 1) Оценка методологии интервью\n"
        "⏳ 2) Отчет о связках 1/2\n"
        "▫ 3) Общие факторы\n"
        f"⚠ 5) Анализ работы сотрудника: повторим в {RETRY_SHOWN}\n"
        "▓▓▓▓░░░░░░░░ 37 %\n"
        "Прошло 3 мин 12 с · до конца этапа ≈ 4 мин\n"
        "[✖ Отменить]"
    )
    assert measured(shown).fraction == 3 / 8


def test_reports_are_final_when_they_are_on_their_way() -> None:
    runs = (run("report_int_links", RunStatus.DONE, 2), run("report_int_general", RunStatus.FAILED, error_text="Нет."))
    assert not card_view(reports(*runs), TIMES, PACK).final
    view = card_view(reports(*runs, delivered=True), TIMES, PACK)
    assert view.final
    assert drawn(view.screen) == (
        "📊 <b>Готово: 1 из 2</b> · №12 · interview_17.ogg\n✔ 2) Отчет о связках\n✖ 3) Общие факторы: Нет.\n"
        "[📁 Готовые отчёты]"
    )


def test_what_reports_took_stands_beside_what_was_expected() -> None:
    done = [run(name, RunStatus.DONE, 2) for name in ("report_int_links", "report_int_general")]
    took = {"prompt_tokens": 20_000, "completion_tokens": 1_234, "duration_s": 31.0}
    runs = [each.model_copy(update={**took, "cost_usd": Decimal("0.011")}) for each in done]
    ordered = reports(*runs, delivered=True)
    noted = ordered.card.model_copy(update={"expected": "≈ 9 запросов к модели, 45 000 токенов, 0,03 $, 1 мин"})
    shown = drawn(card_view(ordered.model_copy(update={"card": noted}), TIMES, PACK).screen)
    assert shown.endswith(
        "Потрачено: 42 468 токенов, 0,02 $, 1 мин.\nОжидалось: ≈ 9 запросов к модели, 45 000 токенов, 0,03 $, 1 мин.\n"
        "[📁 Готовые отчёты]"
    )
    unknown = ordered.model_copy(update={"runs": (runs[0], runs[1].model_copy(update={"cost_usd": None}))})
    assert "цена модели неизвестна" in drawn(card_view(unknown, TIMES, PACK).screen)


@pytest.mark.parametrize("name", ["стандарты.txt", "Стандарты.DOCX"])
def test_a_text_that_may_be_a_document_asks_once_what_it_is(name: str) -> None:
    file = AttachedFile(kind=FileKind.DOCUMENT, file_name=name, size_bytes=1000)
    sent = incoming(IncomingState.WAITING, file=file)
    asked = drawn(opening(progress(incoming=sent, scenario=None), PACK))
    assert "Готовая расшифровка разговора" in asked
    assert "[Интервью] [Дизайн] [Совещание]\n[Только расшифровка]\n[📚 Документ для ответов]" in asked
    assert drawn(card_view(progress(incoming=sent, scenario=None), TIMES, PACK).screen) == asked
    said = sent.model_copy(update={"purpose": FilePurpose.DOCUMENT})
    assert "Документ для ответов" not in drawn(card_view(progress(incoming=said, scenario=None), TIMES, PACK).screen)


_times = st.builds(
    Times,
    elapsed_s=st.floats(min_value=-5, max_value=1e7),
    remaining_s=st.none() | st.floats(min_value=0, max_value=1e7),
)
_moments = st.one_of(st.none(), st.just(RETRY))
_codes = st.sampled_from([None, "cancelled", "no_speech", "provider_unavailable", "of an earlier version"])


@st.composite
def _files(draw: st.DrawFn) -> CardProgress:
    name = draw(nasty_text)
    file = AttachedFile(kind=FileKind.DOCUMENT, file_name=name, size_bytes=draw(st.integers(0, 2**40)))
    sent = incoming(
        draw(st.sampled_from(IncomingState)),
        file=file,
        bytes_done=draw(st.integers(0, 2**41)),
        known=draw(st.booleans()),
        error_code=draw(_codes),
        error_text=draw(nasty_text),
        retry_at=draw(_moments),
    )
    stage = draw(st.none() | st.sampled_from(Stage))
    return progress(
        incoming=draw(st.none() | st.just(sent)),
        file_name=name,
        scenario=draw(st.none() | st.just(INTERVIEW)),
        recording_number=None if stage is None else draw(st.integers(1, 2**31 - 1)),
        duration_s=None if stage is None else draw(st.floats(0, 1e6)),
        stage=stage,
        stage_since=None if stage is None else BEGUN,
        error_code=draw(_codes),
        error_text=draw(nasty_text),
        retry_at=draw(_moments),
        parts_done=draw(st.integers(0, 500)),
        parts_total=draw(st.integers(0, 500)),
    )


@given(_files(), _times)
def test_a_card_is_a_message_that_telegram_takes(shown: CardProgress, times: Times) -> None:
    check(card_view(shown, times, PACK).screen)
    if shown.incoming is not None or shown.recording_number is not None:
        check(opening(shown, PACK))


_runs = st.lists(
    st.builds(
        run,
        st.sampled_from(["report_int_links", "report_int_general", "gone"]),
        st.sampled_from(RunStatus),
        st.integers(0, 2),
        error_text=nasty_text,
        retry_at=_moments,
    ),
    max_size=60,
)


@given(_runs, nasty_text, _times)
def test_a_card_of_reports_is_a_message_that_telegram_takes(runs: list[RunProgress], name: str, times: Times) -> None:
    shown = reports(*runs).model_copy(update={"file_name": name})
    check(card_view(shown, times, PACK).screen)
    check(opening(shown, PACK))


@pytest.mark.parametrize(("ahead", "told"), [(1, "впереди 1 запись."), (3, "впереди 3 записи.")])
def test_a_recording_that_waits_says_how_many_are_ahead(ahead: int, told: str) -> None:
    view = card_view(recording(Stage.STORED, ahead=ahead), TIMES, PACK)
    assert told in view.screen.text
    assert "впереди" not in card_view(recording(Stage.STORED), TIMES, PACK).screen.text


@pytest.mark.parametrize(("role", "offered"), [(Role.GUEST, False), (Role.USER, True)])
def test_who_may_not_record_is_not_offered_to_make_a_recording_of_what_was_heard(role: Role, offered: bool) -> None:
    heard = incoming(purpose=FilePurpose.WORDS, state=IncomingState.STORED)
    card = voice_card(progress(incoming=heard, words="Что о завтраке?", role=role))
    assert card is not None
    assert bool(card.screen.keyboard) is offered
