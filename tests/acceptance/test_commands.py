"""What the commands print, where they write, and what is asked for when they are given again with other options."""

import json
import shutil
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

import texts.cli
from embedded.ports import free_ports
from installations import REPORTS, Ground, Installation, Undisturbed, artefacts
from openai_faults import CHAT, TRANSCRIPTIONS
from product import Outcome, Product
from refi_qda_files import opened

FOLDER = "1 Гостиница, беседа 17"
TRANSCRIPT = {f"{FOLDER}/transcript.{suffix}" for suffix in ("txt", "json", "srt", "vtt", "docx", "pdf")}
ROWS = [part for name, part in texts.cli.DOCTOR_ROWS.items() if name != "order"]
"""Of parts that every installation has."""
MANIFEST = f"{FOLDER}/manifest.json"

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def done(ground: Ground, undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that has done the main job, for commands that take it from there."""
    with ground.installation(tmp_path_factory.mktemp("done")) as installation:
        assert installation.run().status == 0
        yield installation


@pytest.fixture
def again(done: Installation, tmp_path: Path) -> Installation:
    """The same, with nothing asked yet and another folder for what comes out."""
    done.server.requests.clear()
    return replace(done, out=tmp_path / "again")


def report_files(*reports: str) -> set[str]:
    return {f"{FOLDER}/reports/{report}.{suffix}" for report in reports for suffix in ("md", "docx", "pdf", "json")}


def asked(installation: Installation) -> tuple[int, int]:
    """How many questions went to the speech engine, and how many to the language model."""
    return len(installation.server.asked(TRANSCRIPTIONS)), len(installation.server.asked(CHAT))


def segments(installation: Installation) -> list[dict[str, object]]:
    content = json.loads((installation.out / FOLDER / "transcript.json").read_text(encoding="utf-8"))
    found: list[dict[str, object]] = content["segments"]
    return found


def manifest_of(outcome: Outcome) -> dict[str, object]:
    (manifest,) = outcome.manifests
    return manifest


def test_the_folder_of_a_recording_has_every_form_of_every_result(undisturbed: Undisturbed) -> None:
    assert set(undisturbed.artefacts) == TRANSCRIPT | report_files(*REPORTS.split(",")) | {MANIFEST}


def test_the_transcript_tells_who_said_what_when(undisturbed: Undisturbed) -> None:
    transcript = json.loads(undisturbed.artefacts[f"{FOLDER}/transcript.json"])
    assert transcript["language"] == "ru"
    assert transcript["model"] == "gpt-4o-transcribe"
    assert {segment["speaker"] for segment in transcript["segments"]} == {"S1", "S2"}
    assert all(0 <= segment["start"] < segment["end"] for segment in transcript["segments"])
    assert all(segment["text"] for segment in transcript["segments"])


def test_a_command_given_again_asks_nothing_and_writes_the_same(again: Installation, undisturbed: Undisturbed) -> None:
    outcome = again.run()
    assert outcome.status == 0
    assert "Эта запись уже есть: №1" in outcome.said
    assert "Готовое берём оттуда" in outcome.said
    assert asked(again) == (0, 0)
    assert artefacts(again.out) == undisturbed.artefacts


def test_results_are_printed_for_people_on_standard_error_alone(again: Installation) -> None:
    outcome = again.run()
    assert outcome.out == ""
    assert str(again.out / FOLDER / "transcript.docx") in outcome.said
    assert "Z. Итоговая оценка качества интервью" in outcome.said


def test_a_command_goes_on_when_nobody_reads_what_it_says(installation: Installation, undisturbed: Undisturbed) -> None:
    command = installation.start("--json")
    assert command.stderr is not None
    command.stderr.close()
    out, _ = command.communicate()
    assert command.returncode == 0
    assert [manifest["recording"] for manifest in json.loads(out)] == [1]
    assert artefacts(installation.out) == undisturbed.artefacts
    assert installation.leftovers() == []


def test_json_is_all_there_is_on_standard_output(again: Installation) -> None:
    outcome = again.run("--json")
    manifest = manifest_of(outcome)
    assert manifest == json.loads((again.out / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["recording"] == 1
    assert manifest["file_name"] == again.recording.name


def test_only_the_reports_that_are_new_are_asked_for(again: Installation) -> None:
    outcome = again.run("--json", report="report_int_employee,report_int_general")
    assert outcome.status == 0
    assert asked(again) == (0, 1)
    assert report_files("report_int_employee", "report_int_general") == {
        name for name in artefacts(again.out) if "/reports/" in name
    }


def test_reports_that_need_a_building_are_left_out_of_all_when_none_is_given(again: Installation) -> None:
    outcome = again.product.run("process", again.recording, "--language", "ru", "--out", again.out)
    assert outcome.status == 0
    assert texts.cli.BUILDING_NEEDED.partition("{labels}")[2] in outcome.said
    written = {name for name in artefacts(again.out) if "/reports/" in name}
    assert written == report_files(
        "report_int_methodology", "report_int_links", "report_int_employee", "report_int_stimulus"
    )


def test_without_reports_there_is_the_transcript(again: Installation) -> None:
    outcome = again.run("--json", report="none")
    assert set(artefacts(again.out)) == TRANSCRIPT | {MANIFEST}
    assert manifest_of(outcome)["reports"] == []
    assert asked(again) == (0, 0)


def test_the_same_recording_under_another_name_is_the_same_recording(
    again: Installation, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    copy = tmp_path / "копия.wav"
    shutil.copy(again.recording, copy)
    outcome = replace(again, recording=copy).run()
    assert outcome.status == 0
    assert f"Эта запись уже есть: №1 ({again.recording.name}" in outcome.said
    assert asked(again) == (0, 0)
    assert artefacts(again.out) == undisturbed.artefacts
    assert again.value("SELECT count(*) FROM recordings") == 1


def test_what_is_wrong_with_one_file_does_not_keep_the_others(again: Installation, tmp_path: Path) -> None:
    bad = tmp_path / "заметки.ogg"
    bad.write_text("Позвонить в гостиницу", encoding="utf-8")
    command, *options = again.command("--json")
    outcome = again.product.run(command, bad, *options)
    assert outcome.status == 2
    assert f"✖ {bad.name}: " in outcome.said
    assert manifest_of(outcome)["recording"] == 1
    assert (again.out / MANIFEST).exists()


def test_a_change_of_scenario_names_roles_anew_and_transcribes_nothing(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    assert installation.run(scenario="none", report="none").status == 0
    assert asked(installation) == (len(undisturbed.parts), 0)
    assert {segment["role"] for segment in segments(installation)} == {None}

    installation.server.requests.clear()
    assert installation.run().status == 0
    assert asked(installation) == (0, len(undisturbed.asked) - len(undisturbed.parts))
    assert artefacts(installation.out) == undisturbed.artefacts

    installation.server.requests.clear()
    anew = installation.run(scenario="design", report="none")
    assert anew.status == 0
    assert "Делаем то, чего для неё ещё нет" in anew.said
    assert "Готовое берём" not in anew.said
    assert texts.cli.REPORTS_STAGE not in anew.said, "earlier reports are not what was asked for"
    assert asked(installation) == (0, 0)
    assert {segment["speaker"] for segment in segments(installation)} == {"S1"}

    assert installation.run().status == 0
    assert asked(installation) == (0, 0), "what was answered for the scenario before is still there"
    assert artefacts(installation.out) == undisturbed.artefacts
    assert installation.leftovers() == []


@pytest.mark.parametrize(
    "options",
    [
        ("--scenario", "lecture"),
        ("--report", "report_int_methodology,report_int_mood"),
        ("--report", "report_int_general"),
        ("--language", "xx"),
        ("--building", "castle"),
        ("--speakers", "0"),
    ],
    ids=" ".join,
)
def test_nothing_is_started_for_what_is_not_known(options: tuple[str, ...], ground: Ground, tmp_path: Path) -> None:
    product = Product(tmp_path / "state")
    outcome = product.run("process", ground.recording, *options, "--out", tmp_path / "out")
    assert outcome.status == 2
    assert outcome.out == ""
    assert options[1].rpartition(",")[2] in outcome.said or "«3) Общие факторы»" in outcome.said
    assert "Traceback" not in outcome.said
    assert not (tmp_path / "out").exists()
    assert {path.name for path in product.state.iterdir()} <= {"models", "logs"}


def test_the_doctor_names_every_engine_and_what_works(done: Installation) -> None:
    outcome = done.product.run("doctor")
    assert outcome.status == 0, outcome.out
    for part in ROWS:
        assert part in outcome.out
    assert outcome.out.count(texts.cli.DOCTOR_OK) == len(ROWS)
    assert "gpt-4o-transcribe" in outcome.out
    assert "loopback-chat" in outcome.out
    assert "выключен, не указано" in outcome.out


def test_the_doctor_tells_what_does_not_work_and_goes_on(done: Installation) -> None:
    settings = {**done.product.settings, "LLM_BASE_URL": "http://127.0.0.1:9/v1"}
    outcome = Product(done.product.state, settings).run("doctor")
    assert outcome.status == 3
    assert outcome.out.count(texts.cli.DOCTOR_OK) == len(ROWS) - 1
    assert "Traceback" not in outcome.out + outcome.said


def test_factors_are_counted_over_all_that_was_done(done: Installation, tmp_path: Path) -> None:
    outcome = done.product.run("across", "--building", "hotel", "--json", "--out", tmp_path / "across")
    assert outcome.status == 0, outcome.said
    counted = json.loads(outcome.out)
    assert counted["interviews"] == 1
    assert counted["factors"]
    assert all(factor["interviews"] == 1 and factor["quotes"] for factor in counted["factors"])
    assert {path.name for path in (tmp_path / "across").iterdir()} == {
        f"across.{each}" for each in ("docx", "md", "json", "png")
    }
    refused = done.product.run("across", "--place", "Заря")
    assert refused.status == 2
    assert "Не знаю «Заря». Можно выбрать: ничего нет" in refused.said


def test_everything_is_taken_along(done: Installation, tmp_path: Path) -> None:
    outcome = done.product.run("export", "--out", tmp_path / "mine", "--sound")
    assert outcome.status == 0, outcome.said
    qdpx, archive = sorted((tmp_path / "mine").iterdir())
    assert (qdpx.suffix, archive.suffix) == (".qdpx", ".zip")
    project = opened(qdpx)
    assert project.codings
    assert list(project.cases) == [FOLDER]
    with zipfile.ZipFile(archive) as content:
        sound = next(name for name in content.namelist() if "/Звук." in name)
        assert content.read(sound) == done.recording.read_bytes()


def test_without_a_command_the_bot_says_in_three_lines_what_it_needs(tmp_path: Path) -> None:
    product = Product(tmp_path, {"TELEGRAM_BOT_TOKEN": "", "TELEGRAM_API_ID": "17", "TELEGRAM_API_HASH": ""})
    outcome = product.run()
    assert (outcome.status, outcome.out) == (2, "")
    first, second, third = outcome.said.splitlines()
    assert "(сейчас нет: TELEGRAM_BOT_TOKEN, TELEGRAM_API_HASH)" in first
    assert "@BotFather" in second
    assert "https://my.telegram.org" in second
    assert "scripts/run process" in third


def test_where_nothing_of_telegram_is_set_the_console_opens_until_a_signal(tmp_path: Path) -> None:
    product = Product(tmp_path, {"HTTP_PORT": str(free_ports(1)[0]), "LLM_ENGINE": "none"})
    with product.started() as process:
        assert process.stderr is not None
        told: list[str] = []
        for line in process.stderr:
            told.append(line.strip())
            if "/sign-in/" in line:
                break
        link = told[-1]
        assert link.startswith("http://127.0.0.1:"), told
        with urlopen(link, timeout=20) as page:  # noqa: S310  # our own address
            assert page.status == 200
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said.count("Остановлено.") == 1
    [key] = link.rsplit("/", 1)[1:]
    assert key not in (tmp_path / "logs" / "app.json.log").read_text(encoding="utf-8")


def test_the_demo_reports_on_the_interview_alone_and_says_whose_answers_these_are(
    done: Installation, tmp_path: Path
) -> None:
    done.server.requests.clear()
    outcome = done.product.run("demo", "--out", tmp_path)
    assert outcome.status == 0, outcome.said
    assert asked(done)[1] == 0, "no model is asked"
    [interview] = tmp_path.glob("* interview")
    [sound] = tmp_path.glob("* demo")
    reports = sorted((interview / "reports").glob("*.md"))
    assert len(reports) == 6
    assert all("записаны заранее" in report.read_text(encoding="utf-8") for report in reports)
    manifest = json.loads((interview / "manifest.json").read_text(encoding="utf-8"))
    assert all("записаны заранее" in report["notice"] for report in manifest["reports"])
    assert [report["error"] for report in manifest["reports"]] == [None] * 6
    assert "записаны заранее" in outcome.said
    assert (sound / "transcript.txt").exists()
    assert list((sound / "reports").iterdir()) == []


def test_an_estimate_is_told_and_nothing_is_begun(done: Installation, tmp_path: Path) -> None:
    done.server.requests.clear()
    transcript = tmp_path / "беседа.txt"
    transcript.write_text("[00:01] Сотрудник: Что важно?\n[00:05] Клиент: Тишина в номере.\n", encoding="utf-8")
    before = done.stored()
    outcome = done.product.run("process", transcript, "--building", "hotel", "--estimate", "--out", tmp_path / "out")
    assert outcome.status == 0
    assert "Все отчёты: ≈ 7 запросов к модели" in outcome.said
    assert asked(done) == (0, 0)
    assert done.stored() == before
    assert not (tmp_path / "out").exists()
