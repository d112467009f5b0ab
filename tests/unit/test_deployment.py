"""Deploys without an engine: the checkout, the lock, reports, what is refused, and what the server needs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import ROOT
from deployment.checkout import Checkout
from deployment.commands import Commands
from deployment.log_files import clean_logs
from deployment.preflight import _is_free, _require_space
from deployment.records import Record, Records, Step
from deployment.reports import report_text
from deployment.service import _is_bad, _message
from deployment.settings import DeploySettings
from errors_of_operation import CommandFailed, DeploymentStopped

WHO = {f"GIT_{role}_{what}": "author@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **WHO}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content, encoding="utf-8")
    git(folder, "add", name)
    git(folder, "commit", "--quiet", "--message=A change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """Who publishes: a clone of a bare repository beside the operator's."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    folder = tmp_path / "author"
    git(tmp_path, "clone", "--quiet", "origin.git", str(folder))
    git(folder, "checkout", "--quiet", "-B", "main")
    commit(folder, "Заметка.txt", "one")
    git(folder, "push", "--quiet", "origin", "main")
    return folder


@pytest.fixture
def clone(author: Path) -> Path:
    """What the operator has, in a folder with blanks and Cyrillic letters."""
    folder = author.parent / "Голоса гостей 2"
    git(author.parent, "clone", "--quiet", "origin.git", str(folder))
    return folder


def publish(author: Path, name: str = "Заметка.txt", content: str = "two") -> str:
    made = commit(author, name, content)
    git(author, "push", "--quiet", "origin", "main")
    return made


def checkout(folder: Path) -> Checkout:
    return Checkout(Commands(folder, ENVIRONMENT))


def test_the_checkout_moves_forward_and_back(author: Path, clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    new = publish(author)
    assert checkout(clone).fetch() == new
    assert git(clone, "rev-parse", "HEAD") == before
    checkout(clone).forward_to(new)
    assert (clone / "Заметка.txt").read_text() == "two"
    checkout(clone).go_to(before)
    assert ((clone / "Заметка.txt").read_text(), git(clone, "rev-parse", "HEAD")) == ("one", before)
    checkout(clone).require_clean()


def test_changes_of_the_operator_are_named_and_stay(clone: Path) -> None:
    (clone / "Заметка.txt").write_text("mine")
    (clone / "untracked.txt").write_text("mine, too")
    with pytest.raises(DeploymentStopped, match=r"свои изменения: Заметка\.txt\. Уберите"):
        checkout(clone).require_clean()
    assert (clone / "Заметка.txt").read_text() == "mine"


def test_a_branch_with_commits_of_its_own_is_not_moved(author: Path, clone: Path) -> None:
    publish(author)
    mine = commit(clone, "mine.txt", "mine")
    with pytest.raises(DeploymentStopped, match=r"разошлась.*коммиты \(1\)"):
        checkout(clone).fetch()
    assert git(clone, "rev-parse", "HEAD") == mine


def test_a_file_in_the_way_of_a_new_one_is_not_overwritten(author: Path, clone: Path) -> None:
    publish(author, "new.txt", "theirs")
    new = checkout(clone).fetch()
    (clone / "new.txt").write_text("mine")
    with pytest.raises(DeploymentStopped, match=r"не смог перейти.*new\.txt"):
        checkout(clone).forward_to(new)
    assert (clone / "new.txt").read_text() == "mine"


def test_a_remote_that_is_away_and_a_branch_without_one_are_told_apart(clone: Path) -> None:
    shutil.rmtree(clone.parent / "origin.git")
    with pytest.raises(DeploymentStopped, match="Новую версию не получить"):
        checkout(clone).fetch()
    git(clone, "checkout", "--quiet", "-b", "other")
    with pytest.raises(DeploymentStopped, match="Ветка не связана"):
        checkout(clone).fetch()


def test_a_folder_without_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeploymentStopped, match="не копия репозитория"):
        checkout(tmp_path).head()


def test_a_change_is_not_overwritten_on_the_way_back(author: Path, clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    publish(author)
    checkout(clone).forward_to(checkout(clone).fetch())
    (clone / "Заметка.txt").write_text("mine")
    with pytest.raises(CommandFailed):
        checkout(clone).go_to(before)
    assert (clone / "Заметка.txt").read_text() == "mine"


def test_two_at_once_are_not_possible_and_the_first_one_s_number_is_told(tmp_path: Path) -> None:
    first, second = Records(tmp_path / "deploys"), Records(tmp_path / "deploys")
    first.prepare()
    with first.locked(), pytest.raises(DeploymentStopped, match=rf"процесс {os.getpid()}"), second.locked():
        pytest.fail("both have it")
    with second.locked():
        assert second.unfinished() is None


def test_a_deploy_that_was_killed_is_known_afterwards_and_a_finished_one_is_not(tmp_path: Path) -> None:
    records = Records(tmp_path / "deploys")
    records.prepare()
    record = records.new()
    record.step, record.former_commit, record.former_image = "switch", "a" * 40, "sha256:1"
    record.head, record.workers, record.switched = "b" * 40, 3, True
    record.steps.append(Step("switch"))
    records.save(record)
    killed = Records(tmp_path / "deploys").unfinished()
    assert killed == record
    again = records.new()
    again.go_on_from(killed)
    assert (again.former_commit, again.former_image) == ("a" * 40, "sha256:1")
    assert (again.head, again.workers) == ("b" * 40, 3)
    assert again.switched
    record.result = "rollback_failed"
    records.finish(record, report_text(record))
    assert records.unfinished() == record
    record.result, record.switched, record.step = "done", False, "tidy"
    path = records.finish(record, report_text(record))
    assert records.unfinished() is None
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["former_image"] == "sha256:1"
    assert "Было: aaaaaaaaaaaa" in path.read_text(encoding="utf-8")
    assert records.new().id > record.id
    modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "deploys").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "deploys").stat().st_mode & 0o777 == 0o700


def test_a_damaged_state_is_no_unfinished_deploy(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.prepare()
    (tmp_path / "state.json").write_text('{"id": "1", "step"')
    assert records.unfinished() is None


def test_a_hundred_reports_stay(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.prepare()
    for number in range(103):
        records.finish(Record(id=f"20260101-{number:06}", started="", result="done"), "text")
    assert len(list(tmp_path.glob("*.json"))) == 100
    assert not (tmp_path / "20260101-000002.txt").exists()
    assert (tmp_path / "20260101-000003.txt").exists()


def test_settings_come_from_the_environment_before_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# DEPLOY_ERRORS=9\nDEPLOY_WATCH_S='60'\nDEPLOY_READY_S=5\nLLM_ENGINE=none\n")
    settings = DeploySettings(tmp_path, {"DEPLOY_READY_S": "7", "DEPLOY_BUILD_OPTIONS": "--secret 'id=ca,src=/a b'"})
    assert (settings.limits.watch_s, settings.limits.ready_s, settings.limits.errors) == (60, 7, 5)
    assert settings.build_options == ["--secret", "id=ca,src=/a b"]
    assert settings.target == "full"


def test_settings_that_are_not_utf_8_are_refused_with_the_line_and_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"TELEGRAM_BOT_TOKEN=1:hush\n# \xea\n")
    with pytest.raises(DeploymentStopped) as stopped:
        DeploySettings(tmp_path, {})
    assert "не в кодировке UTF-8 (строка 2)" in stopped.value.user_text
    assert "hush" not in f"{stopped.value}{stopped.value.user_text}"


@pytest.mark.parametrize(
    ("name", "value"), [("DEPLOY_WATCH_S", "-1"), ("DEPLOY_READY_S", "0"), ("DEPLOY_ERRORS", "many")]
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(DeploymentStopped, match=name):
        DeploySettings(tmp_path, {name: value})


def test_options_of_the_build_with_an_open_quote_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentStopped, match="DEPLOY_BUILD_OPTIONS"):
        DeploySettings(tmp_path, {"DEPLOY_BUILD_OPTIONS": "'open"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_found_before_anything_is_done_with_what_frees_it(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", tmp_path], check=True)
    try:
        _require_space(tmp_path, 1, Path("/"))
        (tmp_path / "much").write_bytes(bytes(900_000))
        for images, cure in ((Path("/"), f"du -xhd2 '{tmp_path}'"), (tmp_path, "scripts/cleanup_images")):
            with pytest.raises(DeploymentStopped) as stopped:
                _require_space(tmp_path, 1, images)
            assert f"в {tmp_path} свободно 0 МБ, а нужно 1 МБ. " in stopped.value.why
            assert cure in stopped.value.why
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_port_that_another_program_has_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not _is_free("127.0.0.1", port)
    assert _is_free("127.0.0.1", port)


CRASHED = '{"level": "error", "event": "update_crashed", "exception": "Traceback\\nKeyError: 1"}'
FAILED = '{"level": "warning", "event": "job_failed", "error": "%s", "reason": "429"}'


@pytest.mark.parametrize(
    ("line", "bad", "message"),
    [
        (CRASHED, True, "update_crashed: KeyError: 1"),
        (FAILED % "unexpected_failure", True, "job_failed: unexpected_failure: 429"),
        (FAILED % "rate_limited", False, "job_failed: rate_limited: 429"),
        ('{"level": "info", "event": "http_served"}', False, "http_served"),
        ("Бот запущен.", False, "Бот запущен."),
        ("[1]", False, "[1]"),
    ],
)
def test_a_line_of_the_log_is_judged(line: str, bad: bool, message: str) -> None:
    assert (_is_bad(line), _message(line)) == (bad, message)


def run(
    script: str, *options: str, checkout: Path = ROOT, path: str = "/usr/bin:/bin"
) -> "subprocess.CompletedProcess[str]":
    command = [str(checkout / "scripts" / script), *options]
    environment = {"PATH": path, "PYTHON": sys.executable}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", ["deploy", "rollback", "cleanup_images", "cleanup_logs"])
def test_a_script_tells_what_it_does_and_refuses_what_it_does_not_know(script: str) -> None:
    told = run(script, "--help")
    assert told.returncode == 0
    assert f"scripts/{script}" in told.stdout
    wrong = run(script, "--without-backups")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Не понимаю параметры: --without-backups" in wrong.stderr


def test_old_logs_go_and_what_is_written_or_new_stays(tmp_path: Path) -> None:
    old = time.time() - 31 * 86_400
    names = ["logs/app.json.log", "logs/app.json.log.1", "logs/app.json.log.5", "logs/notes.txt", "deploys/1.log"]
    for name in [*names, "deploys/1.json"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (old, old))
    os.utime(tmp_path / "logs/app.json.log.1")
    assert clean_logs(tmp_path, 30) == (2, 2000)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert left == {"logs/app.json.log", "logs/app.json.log.1", "logs/notes.txt", "deploys/1.json"}
    assert clean_logs(tmp_path, 30) == (0, 0)


def test_the_commands_of_the_server_need_no_library() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import deployment.command_line, deployment.probe"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(ROOT / "src")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def served(clone: Path, author: Path) -> None:
    """Put into the repository what ``scripts/deploy`` consists of."""
    for name in ("scripts/environment", "scripts/deploy", "src/errors.py", "src/errors_of_operation.py"):
        (author / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, author / name)
    for name in ("src/deployment", "src/system", "src/texts"):
        shutil.copytree(ROOT / name, author / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(author, "add", "--all")
    git(author, "commit", "--quiet", "--message=The product")
    git(author, "push", "--quiet", "origin", "main")
    git(clone, "pull", "--quiet")


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        ("rm -f .env", "Нет файла .env. Создайте его: install -m 600 .env.example .env"),
        ("echo mine > Заметка.txt", "есть свои изменения: Заметка.txt"),
        ("true", "Не найдена программа docker"),
    ],
)
def test_what_is_refused_before_the_engine_is_asked(author: Path, clone: Path, break_it: str, told: str) -> None:
    served(clone, author)
    (clone / ".env").write_text("LLM_ENGINE=none\n")
    subprocess.run(["sh", "-c", break_it], cwd=clone, check=True)
    programs = clone.parent / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "git"):
        (programs / name).symlink_to(shutil.which(name) or pytest.fail(name))
    done = run("deploy", checkout=clone, path=str(programs))
    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout
    [report] = (clone / "persistent_data/deploys").glob("2*.json")
    assert json.loads(report.read_text(encoding="utf-8"))["step"] == "preflight"
    assert "Traceback" not in done.stderr
