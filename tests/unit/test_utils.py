import errno
import fcntl
import hashlib
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import texts.units
from config import ROOT
from errors import DiskFull
from utils import (
    alone_in,
    append_durably,
    count_tokens,
    decimal,
    disk_full_mapped,
    file_problem,
    folder_problem,
    human_duration,
    human_size,
    opened_atomically,
    readable_name,
    sha256_of_file,
    write_atomically,
)


def test_a_written_file_has_the_data_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "отчёт.md"
    write_atomically(path, "старый")
    write_atomically(path, "новый")
    assert path.read_text(encoding="utf-8") == "новый"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_with_the_longest_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("я" * 125 + ".ogg")
    write_atomically(path, b"data")
    assert path.read_bytes() == b"data"


def test_what_fails_in_the_middle_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    write_atomically(path, b"old")

    def fail_in_the_middle() -> None:
        with opened_atomically(path) as file:
            file.write(b"half of the new")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_in_the_middle()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [tmp_path / "notes.tmp", tmp_path / ".notes.tmp"]
    for path in kept:
        path.touch()
    write_and_die = (
        "import os, signal, sys; from pathlib import Path; from utils import opened_atomically\n"
        "with opened_atomically(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", write_and_die, tmp_path / "report.md"], cwd=ROOT / "src", check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == len(kept) + 1
    with alone_in(tmp_path):
        assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_one_process_at_a_time_is_alone_in_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        other = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_full_disk_is_named_with_the_path() -> None:
    path = Path("/dev/full")
    with pytest.raises(DiskFull) as raised, disk_full_mapped(path), path.open("wb", buffering=0) as file:
        file.write(b"data")
    assert "/dev/full" in raised.value.user_text


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "file", b"data")


async def test_a_file_is_hashed_piece_by_piece(tmp_path: Path) -> None:
    data = os.urandom(2_500_000)
    path = tmp_path / "recording.ogg"
    path.write_bytes(data)
    assert await sha256_of_file(path) == hashlib.sha256(data).hexdigest()


def test_tokens_of_a_text_longer_than_the_counter_takes_at_once_are_counted() -> None:
    sentence = "Гость доволен завтраком. "
    single = count_tokens(sentence * 100) / 100
    assert count_tokens(sentence * 20_000) == pytest.approx(single * 20_000, rel=0.01)


def test_no_text_has_no_tokens() -> None:
    assert count_tokens("") == 0


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 Б"),
        (1, "1 Б"),
        (1023, "1023 Б"),
        (1024, "1 КБ"),
        (1536, "1,5 КБ"),
        (38 * 1024**2, "38 МБ"),
        (1024**2 - 1, "1 МБ"),
        (2 * 1024**3, "2 ГБ"),
        (int(9.96 * 1024**3), "10 ГБ"),
        (5000 * 1024**4, "5000 ТБ"),
    ],
)
def test_sizes_read_as_people_say_them(size: int, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 с"),
        (0.2, "0 с"),
        (45, "45 с"),
        (59.7, "1 мин"),
        (2530, "42 мин 10 с"),
        (8 * 3600, "8 ч"),
        (3902, "1 ч 5 мин 2 с"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 отчётов"),
        (1, "1 отчёт"),
        (2, "2 отчёта"),
        (4, "4 отчёта"),
        (5, "5 отчётов"),
        (11, "11 отчётов"),
        (14, "14 отчётов"),
        (21, "21 отчёт"),
        (22, "22 отчёта"),
        (111, "111 отчётов"),
        (1002, "1002 отчёта"),
    ],
)
def test_nouns_follow_their_numeral(count: int, text: str) -> None:
    assert texts.units.REPORT.counted(count) == text


@given(count=st.integers(min_value=0, max_value=10**9))
def test_the_form_depends_on_the_last_two_digits_alone(count: int) -> None:
    assert texts.units.REPORT.form(count) == texts.units.REPORT.form(count % 100)


@pytest.mark.parametrize(("number", "text"), [(0.2, "0,2"), (0.25, "0,2"), (7.0, "7"), (12.96, "13")])
def test_a_decimal_has_a_comma_and_no_empty_tenth(number: float, text: str) -> None:
    assert decimal(number) == text


def test_a_name_that_is_no_utf8_can_be_shown_and_stored() -> None:
    path = Path(os.fsdecode(b"/tmp/\xf0\xd2\xc9.ogg"))
    assert readable_name(path).encode().endswith(b".ogg")
    assert readable_name(Path("Встреча.ogg")) == "Встреча.ogg"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENAMETOOLONG, errno.ENODEV, None])
def test_what_the_system_refuses_is_told_in_russian(number: int | None) -> None:
    exc = OSError(number, "No such thing")
    assert re.fullmatch(r"[а-яё —]+", file_problem(exc))
    assert re.fullmatch(r"[а-яё —]+", folder_problem(exc))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_space_that_ran_out_is_one_error_whatever_ran_out(number: int, tmp_path: Path) -> None:
    with pytest.raises(DiskFull), disk_full_mapped(tmp_path):
        raise OSError(number, "out of it")


def test_what_is_appended_is_on_the_disk_with_its_name_before_the_call_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def noting(sync: Callable[[int], None]) -> Callable[[int], None]:
        def noted(descriptor: int) -> None:
            sync(descriptor)
            synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

        return noted

    monkeypatch.setattr(os, "fsync", noting(os.fsync))
    monkeypatch.setattr(os, "fdatasync", noting(os.fdatasync))
    for line in (b"1\n", b"2\n"):
        append_durably(tmp_path / "journal", line)
    assert synced == ["journal", tmp_path.name] * 2
    assert (tmp_path / "journal").read_bytes() == b"1\n2\n"
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o600
