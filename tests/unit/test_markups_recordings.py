"""The screens of recordings as people see them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import markups.recordings
from datamodels import (
    BuildingType,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    RecordingProgress,
    RunStatus,
    ScenarioId,
    Stage,
    UserId,
    Visibility,
)
from default_pack import PACK
from markups.callback_data import Action
from prompt_pack.pack import ReportPack
from screens import NASTY, check, drawn, nasty_text

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
RECORDING = Recording(
    id=RecordingId(UUID(int=12)),
    owner_id=UserId(UUID(int=1)),
    number=12,
    sha256="0" * 64,
    size_bytes=38 * 1024 * 1024,
    file_name="interview_17.ogg",
    extension="ogg",
    object_key="k",
    container="ogg",
    codec="opus",
    duration_s=2530.0,
    request=ProcessingRequest(scenario=ScenarioId("interview")),
    stage=Stage.DONE,
    error_code=None,
    error_text=None,
    warnings=(),
    stage_seconds={},
    created_at=NOON,
)
PROGRESS = RecordingProgress(
    recording_id=RECORDING.id,
    stage=Stage.DONE,
    error_code=None,
    error_text=None,
    parts_done=18,
    parts_total=18,
    runs={},
    passes_done=0,
    passes_total=0,
)
METADATA = RecordingMetadata(audio_number=17, employee="Иванова Анна", place="Гранд", building=BuildingType.HOTEL)


@pytest.fixture(scope="module")
def pack() -> ReportPack:
    return PACK


def with_name(name: str) -> Recording:
    return RECORDING.model_copy(update={"file_name": name})


def test_an_empty_list_says_what_to_send(pack: ReportPack) -> None:
    screen = markups.recordings.recordings_page(Action.MODE_INTERVIEW, "Интервью", 1, 0, (), {})
    assert drawn(screen) == (
        "📦 <b>Мои записи: Интервью</b>\n\n"
        "Здесь пока пусто. Пришлите голосовое, аудио, видео или файл с записью — она появится в этом списке.\n"
        "[« Назад]"
    )


def test_a_list_names_place_or_file_and_how_it_stands(pack: ReportPack) -> None:
    working = RECORDING.model_copy(update={"id": RecordingId(UUID(int=13)), "number": 13, "stage": Stage.PREPARED})
    failed = RECORDING.model_copy(update={"id": RecordingId(UUID(int=14)), "number": 14, "error_code": "no_speech"})
    rows = (failed, working, RECORDING)
    screen = markups.recordings.recordings_page(
        Action.MODE_INTERVIEW, "Интервью", 1, 3, rows, {RECORDING.id: "Гранд Отель"}
    )
    assert drawn(screen) == (
        "📦 <b>Мои записи: Интервью</b>\n3 записи.\n"
        "[❌ №14 · interview_17.ogg · 03.11.26 · 42:10]\n"
        "[⏳ №13 · interview_17.ogg · 03.11.26 · 42:10]\n"
        "[✅ №12 · Гранд Отель · 03.11.26 · 42:10]\n"
        "[« Назад]"
    )


@pytest.mark.parametrize(
    ("page", "turning"), [(1, ["mode_design||2"]), (2, ["mode_design||1", "mode_design||3"]), (3, ["mode_design||2"])]
)
def test_a_long_list_is_turned_page_by_page(pack: ReportPack, page: int, turning: list[str]) -> None:
    screen = markups.recordings.recordings_page(Action.MODE_DESIGN, "Дизайн", page, 21, (RECORDING,), {})
    assert f"21 запись. Страница {page} из 3." in screen.text
    assert [button.data for button in screen.keyboard[-2]] == turning


def test_a_finished_recording_shows_all_about_it(pack: ReportPack) -> None:
    progress = PROGRESS.model_copy(update={"runs": {RunStatus.DONE: 2, RunStatus.FAILED: 1}})
    screen = markups.recordings.recording_card(RECORDING, progress, METADATA, pack.scenario("interview"))
    assert drawn(screen) == (
        "🎙 <b>Запись №12</b>\ninterview_17.ogg\n42:10 · 38 МБ · 03.11.2026\nВид: Интервью\n"
        "Кто найдёт: вся команда\n✅ Готова\n\n"
        "номер файла: 17\nФИО сотрудника: Иванова Анна\nзаведение: Гранд\nтип заведения: Отель\n\n"
        "Готово: 2 отчёта\n"
        "[▶ Прослушать] [📄 Расшифровка]\n[📊 Отчёты] [🏷 Данные] [🔀 Вид]\n"
        "[👥 Говорящие] [✏️ Исправить слова]\n[🌐 Язык: определять по записи]\n[📁 Готовые отчёты]\n"
        "[🔒 Только мне] [🗑 Удалить]\n[« Назад]"
    )


def test_a_private_recording_says_so_and_can_be_opened_to_the_team() -> None:
    private = RECORDING.model_copy(update={"visibility": Visibility.PRIVATE})
    screen = markups.recordings.recording_card(private, PROGRESS, RecordingMetadata(), None)
    assert "Кто найдёт: 🔒 только вы\n" in screen.text
    assert "[👥 Всей команде] [🗑 Удалить]" in drawn(screen)


def test_a_recording_at_work_shows_its_stage() -> None:
    progress = PROGRESS.model_copy(update={"parts_done": 5})
    working = RECORDING.model_copy(update={"stage": Stage.PREPARED})
    screen = markups.recordings.recording_card(working, progress, RecordingMetadata(), None)
    asked = markups.recordings.recording_card(working, progress, RecordingMetadata(), None, kind_is_asked=True)
    assert "Вид: ещё не выбран\n" in asked.text
    assert "Вид: Только расшифровка\nКто найдёт: вся команда\n⏳ Расшифровка 5/18" in screen.text


def test_a_failed_recording_says_why_and_can_be_processed_again() -> None:
    failed = RECORDING.model_copy(update={"error_code": "no_speech", "error_text": "Не слышно речи."})
    screen = markups.recordings.recording_card(failed, PROGRESS, RecordingMetadata(), None)
    assert "❌ Не обработана: Не слышно речи." in screen.text
    assert "[🔁 Обработать ещё раз]" in drawn(screen)


def test_a_recording_that_is_tried_again_by_itself_says_so() -> None:
    error = {"error_code": "provider_unavailable", "error_text": "Сервис не отвечает.", "retry_at": NOON}
    waiting = RECORDING.model_copy(update=error)
    screen = markups.recordings.recording_card(waiting, PROGRESS, RecordingMetadata(), None)
    assert "⏳ Повторим сами: Сервис обработки не отвечает." in screen.text


@pytest.mark.parametrize(
    ("reports", "lost"), [(0, "расшифровка и данные"), (1, "расшифровка, данные и 1 отчёт"), (5, "данные и 5 отчётов")]
)
def test_deletion_names_the_recording_and_what_goes_with_it(reports: int, lost: str) -> None:
    screen = markups.recordings.delete_question(RECORDING, reports)
    assert "Удалить запись №12 «interview_17.ogg»?" in screen.text
    assert f"{lost}. Вернуть их нельзя." in screen.text
    assert [button.data for button in screen.keyboard[0]] == ["recording_delete_confirm||12", "recording||12"]


def test_the_scenario_is_asked_with_the_packs_labels(pack: ReportPack) -> None:
    assert drawn(markups.recordings.which_scenario(RECORDING, pack.scenarios)) == (
        "Что на записи №12?\ninterview_17.ogg\n[Интервью] [Дизайн] [Совещание]\n[Только расшифровка]"
    )
    for_reports = markups.recordings.which_scenario(RECORDING, pack.scenarios, for_reports=True)
    assert [button.data for button in for_reports.keyboard[0]] == [
        "scenario||12||interview",
        "scenario||12||design",
        "scenario||12||meeting",
    ]
    assert len(for_reports.keyboard) == 1


def test_a_transcript_comes_with_its_other_forms() -> None:
    screen = markups.recordings.transcript_caption(12, "interview_17.ogg")
    assert drawn(screen) == "📄 Расшифровка записи №12 · interview_17.ogg\n[DOCX] [PDF] [SRT] [VTT] [JSON]"
    assert screen.keyboard[0][0].data == "transcript_file||12||docx"


def test_what_is_not_ready_says_so() -> None:
    assert drawn(markups.recordings.not_ready(RECORDING)).endswith("[📦 Открыть запись]")
    failed = RECORDING.model_copy(update={"error_code": "no_speech"})
    assert "[🔁 Обработать ещё раз]" in drawn(markups.recordings.not_ready(failed))


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_a_screen(pack: ReportPack, name: str) -> None:
    check_all(pack, name)


@given(name=nasty_text, number=st.integers(1, 2**31 - 1))
def test_any_name_and_number_fit(pack: ReportPack, name: str, number: int) -> None:
    check_all(pack, name, number)


def check_all(pack: ReportPack, name: str, number: int = 2**31 - 1) -> None:
    recording = with_name(name).model_copy(update={"number": number, "duration_s": 8 * 3600.0})
    failed = recording.model_copy(update={"error_code": "x", "error_text": name})
    metadata = RecordingMetadata(
        audio_number=2**31 - 1,
        employee=name,
        client=name,
        place=name,
        building=BuildingType.SPA,
        zones=(name,) * 20,
        city=name,
    )
    scenario = pack.scenario("design")
    for screen in (
        markups.recordings.recordings_page(
            Action.MODE_ALL, scenario.label, 3, 10**6, (recording,) * 10, {recording.id: name}
        ),
        markups.recordings.recordings_page(Action.MODE_ALL, scenario.label, 3, 10**6, (recording,) * 10, {}),
        markups.recordings.recording_card(failed, PROGRESS, metadata, scenario),
        markups.recordings.delete_question(recording, 100),
        markups.recordings.deleted(recording.number, recording.file_name),
        markups.recordings.which_scenario(recording, pack.scenarios),
        markups.recordings.scenario_chosen(number, scenario),
        markups.recordings.transcript_caption(number, name),
        markups.recordings.played_caption(recording),
        markups.recordings.not_ready(failed),
    ):
        check(screen)
