"""A command that is killed at any moment and given again: nothing is lost, and nothing that was paid for is paid again.

What is paid for is counted at the engine: a loopback endpoint that outlives the product and sees every question.
"""

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

import texts.cli
import texts.errors
from config import ROOT
from installations import AT_ONCE, Ground, Installation, Undisturbed, arguments, artefacts
from interruptions import Border, held_at, wait_until
from leftovers import incomplete_results, processes_of
from openai_faults import CHAT, Fault, Kind

pytestmark = [pytest.mark.weights, pytest.mark.timeout(900)]

BORDERS = (
    Border("the recording is uploaded, not accepted", "INSERT", "recordings"),
    Border("the samples are prepared, not noted", "UPDATE", "recordings", "NEW.stage = 'prepared'"),
    Border("a part is answered, not stored", "UPDATE", "recording_parts", "NEW.result IS NOT NULL"),
    Border("the transcript is joined, not stored", "INSERT", "transcripts"),
    Border("the parts are transcribed, not noted", "UPDATE", "recordings", "NEW.stage = 'transcribed'"),
    Border("the speakers are told apart, not noted", "UPDATE", "recordings", "NEW.stage = 'speakers_known'"),
    Border("the roles are answered, not stored", "INSERT", "report_passes"),
    Border("the transcript is an object, not noted", "UPDATE", "recordings", "NEW.stage = 'done'"),
    Border("a report is ordered, not queued", "INSERT", "report_runs"),
    Border("a pass is answered, not stored", "INSERT", "report_passes"),
    Border("a report is a file, not noted", "UPDATE", "report_runs", "NEW.status = 'done'"),
)
STOP_LIMIT_S = 30.0
"""Generous, for a busy machine; it takes a second."""
STANDSTILL_S = 3.0
"""Beyond the moment at which it is noticed, after up to two seconds."""
REPORTS = 2
ANSWERED_NOT_STORED = 2 * AT_ONCE + 1
"""Of these borders: two parts, two passes, the roles."""


def kill(command: subprocess.Popen[str]) -> None:
    command.kill()
    command.communicate()
    assert command.returncode == -signal.SIGKILL


def is_stored(installation: Installation, answers: int) -> bool:
    return installation.stored() == answers


def assert_as_undisturbed(installation: Installation, undisturbed: Undisturbed) -> None:
    """The command was given for the last time: all is there, once, and nothing is left over."""
    assert artefacts(installation.out) == undisturbed.artefacts
    assert set(installation.asked()) == set(undisturbed.asked)
    assert installation.value("SELECT count(*) FROM recordings") == 1
    assert installation.value("SELECT last_recording_number FROM users") == 1
    assert installation.value("SELECT array_agg(number ORDER BY number) FROM report_runs") == [1, 2]
    assert len(list((installation.product.state / "reports").glob("*/*.md"))) == REPORTS
    assert installation.leftovers() == []
    assert installation.errors_in_log() == []


def test_killed_after_each_answer(installation: Installation, undisturbed: Undisturbed) -> None:
    for number in range(len(undisturbed.asked)):
        installation.tap.answer(1)
        command = installation.start()
        wait_until(partial(is_stored, installation, number + 1), command)
        kill(command)
        assert installation.tap.hanging <= AT_ONCE
    installation.tap.answer(None)
    before = len(installation.asked())

    assert installation.run().status == 0

    assert len(installation.asked()) == before, "everything was answered and stored before"
    answered = [question.sha256 for question in installation.questions() if question.status == 200]
    assert sorted(answered) == undisturbed.asked
    assert_as_undisturbed(installation, undisturbed)


def test_killed_at_each_border(installation: Installation, undisturbed: Undisturbed) -> None:
    for border in BORDERS:
        with held_at(installation.database, border) as held:
            command = installation.start()
            wait_until(held, command)
            kill(command)
    before, stored = len(installation.asked()), installation.stored()

    assert installation.run().status == 0

    assert len(installation.asked()) == before + len(undisturbed.asked) - stored
    assert len(installation.asked()) <= len(undisturbed.asked) + ANSWERED_NOT_STORED
    assert_as_undisturbed(installation, undisturbed)


def test_killed_twice_in_a_row_while_taking_the_recording_in(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    installation.database.execute("DELETE FROM users")
    for _ in range(2):
        command = installation.start(report="none")
        # The owner is added just before the first file is looked at.
        wait_until(lambda: installation.value("SELECT count(*) FROM users") == 1, command)
        kill(command)
        installation.database.execute("DELETE FROM users WHERE NOT EXISTS (SELECT FROM recordings)")

    assert installation.run().status == 0

    assert_as_undisturbed(installation, undisturbed)


def test_killed_while_writing_the_results(installation: Installation, undisturbed: Undisturbed) -> None:
    command = installation.start()
    wait_until(lambda: len(list(installation.out.rglob("reports/*.md"))) == REPORTS, command)
    kill(command)
    assert not list(installation.out.rglob("manifest.json")), "the manifest is written last"
    before = len(installation.asked())

    assert installation.run().status == 0

    assert len(installation.asked()) == before
    assert_as_undisturbed(installation, undisturbed)


def test_a_report_is_written_while_another_is_awaited(installation: Installation, undisturbed: Undisturbed) -> None:
    installation.tap.answer(len(undisturbed.asked) - 1)
    command = installation.start()
    wait_until(lambda: any(installation.out.rglob("reports/*.json")), command)
    assert not list(installation.out.rglob("manifest.json"))
    assert list(installation.out.rglob("transcript.txt"))
    kill(command)


def test_stopped_by_signals(installation: Installation, undisturbed: Undisturbed) -> None:
    for number, answers in ((signal.SIGINT, 1), (signal.SIGTERM, len(undisturbed.asked) - 2)):
        stored = installation.stored() + answers
        installation.tap.answer(answers)
        command = installation.start()
        wait_until(partial(is_stored, installation, stored), command)
        wait_until(lambda: installation.tap.hanging > 0, command)
        command.send_signal(number)
        started = time.monotonic()
        _, said = command.communicate(timeout=STOP_LIMIT_S)
        print(f"{number.name}: stopped after {time.monotonic() - started:.1f} s")
        assert command.returncode == 130
        assert said.rstrip().endswith(texts.errors.INTERRUPTED)
        assert "Traceback" not in said
    # The second came while reports were written.
    [folder] = installation.out.iterdir()
    forms = [".docx", ".json", ".pdf", ".srt", ".txt", ".vtt"]
    assert sorted(path.suffix for path in folder.glob("transcript.*")) == forms
    assert "".join((folder / "transcript.txt").read_text(encoding="utf-8").split())
    installation.tap.answer(None)

    assert installation.run().status == 0

    answered = [question.sha256 for question in installation.questions() if question.status == 200]
    assert sorted(answered) == undisturbed.asked
    assert_as_undisturbed(installation, undisturbed)


def test_stopped_at_once(installation: Installation) -> None:
    installation.product.warm = False  # it imports libraries when it is stopped
    command = installation.start()
    assert command.stderr is not None
    assert command.stderr.readline() == f"{texts.cli.STARTING}\n"
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=STOP_LIMIT_S)
    assert (command.returncode, said) == (130, f"{texts.errors.INTERRUPTED}\n")


def test_a_report_that_was_stopped_does_not_keep_another_waiting(installation: Installation) -> None:
    assert installation.run(report="none").status == 0
    installation.tap.answer(0)
    command = installation.start(report="report_int_methodology")
    wait_until(lambda: installation.tap.hanging > 0, command)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=STOP_LIMIT_S)
    installation.tap.answer(None)

    outcome = installation.run(report="report_int_general")

    assert outcome.status == 0
    assert [path.stem for path in installation.out.rglob("reports/*.md")] == ["report_int_general"]
    assert installation.leftovers() == []


def test_a_report_is_not_written_from_the_transcript_of_another_scenario(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    installation.tap.answer(len(undisturbed.parts) + 1)
    command = installation.start()
    wait_until(lambda: installation.tap.hanging > 0, command)
    kill(command)

    # Nothing is asked for this; the reports that wait are still not answered.
    installation.tap.answer(0)
    assert installation.run(scenario="design", report="none").status == 0
    installation.tap.answer(None)
    assert installation.run().status == 0

    assert_as_undisturbed(installation, undisturbed)


@pytest.fixture
def state() -> Iterator[Path]:
    """For engines of the product's own.

    Not under pytest's own directory, which other sessions close to all users but root when they start.
    """
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory)
        for process in processes_of(Path(directory)):  # what a command left that did not come to its end
            process.kill()


def engine_process(state: Path, name: str) -> psutil.Process:
    return psutil.Process(json.loads((state / "run" / f"{name}.json").read_text())["pid"])


def test_engines_of_a_killed_command_are_taken_over_and_stopped_by_the_next(
    ground: Ground, undisturbed: Undisturbed, state: Path, tmp_path: Path
) -> None:
    product, tap = ground.product(state)
    given = arguments(ground.recording, tmp_path)
    tap.answer(1)
    with product.started(*given) as command:
        wait_until(lambda: tap.hanging > 0, command)
        kill(command)
    assert engine_process(state, "postgres").is_running()
    tap.answer(None)

    outcome = product.run(*given)

    assert outcome.status == 0, outcome.said
    assert artefacts(tmp_path) == undisturbed.artefacts
    assert processes_of(state) == []
    log = (state / "logs" / "app.json.log").read_text(encoding="utf-8")
    assert log.count('"engine_adopted"') == 1


def test_a_command_outlives_its_database(ground: Ground, undisturbed: Undisturbed, state: Path, tmp_path: Path) -> None:
    product, faults = ground.product(state)
    faults.add(Fault(Kind.SLOW, path=CHAT, seconds=5))
    with product.started(*arguments(ground.recording, tmp_path)) as command:
        wait_until(lambda: bool(ground.server.asked(CHAT)), command)
        killed = engine_process(state, "postgres")
        killed.kill()
        _, said = command.communicate(timeout=120)
    assert command.returncode == 0, said
    assert artefacts(tmp_path) == undisturbed.artefacts
    assert processes_of(state) == []


def test_a_database_that_stands_still_is_waited_for_and_told(ground: Ground, state: Path, tmp_path: Path) -> None:
    product, _ = ground.product(state)
    given = arguments(ROOT / "samples" / "interview.txt", tmp_path, report="report_int_methodology")
    said, still = "", list[psutil.Process]()
    with product.started(*given) as command:
        for line in command.stderr or ():
            said += line
            if "Принято" in line:
                server = engine_process(state, "postgres")
                still = [server, *server.children()]
                for process in still:
                    process.suspend()
            elif texts.cli.DATABASE_AWAY in line:
                time.sleep(STANDSTILL_S)
                for process in still:
                    process.resume()
        command.communicate()
    assert command.returncode == 0, said
    assert still
    assert texts.cli.DATABASE_BACK in said
    assert "✖" not in said
    assert [path.stem for path in tmp_path.rglob("reports/*.md")] == ["report_int_methodology"]
    assert incomplete_results(tmp_path) == []


def test_two_commands_on_the_same_recording_share_the_work(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    commands = [installation.start() for _ in range(2)]
    said = [command.communicate()[1] for command in commands]
    assert [command.returncode for command in commands] == [0, 0], said
    assert sorted(installation.asked()) == undisturbed.asked
    assert_as_undisturbed(installation, undisturbed)


def test_the_second_of_two_commands_goes_on_when_the_first_is_killed(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    installation.tap.answer(1)
    first = installation.start()
    wait_until(lambda: installation.tap.hanging > 0, first)
    second = installation.start()
    wait_until(lambda: installation.value("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'") == 1, second)
    kill(first)
    installation.tap.answer(None)

    _, said = second.communicate()

    assert second.returncode == 0, said
    answered = [question.sha256 for question in installation.questions() if question.status == 200]
    assert sorted(answered) == undisturbed.asked
    assert_as_undisturbed(installation, undisturbed)
