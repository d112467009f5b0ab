"""What restic says, told apart: away, absent, damaged, killed. A script stands in for it, with its real sentences."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.restic import VERIFIED, Restic
from errors import DiskFull
from errors_of_operation import BackupDamaged, BackupFailed, BackupNotFound, BackupUnavailable

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
QUESTION = "\nIs there a repository at the following location?\ns3:http://host/bucket\n"
AWAY = 'Fatal: unable to open config file: Stat: Get "http://host/bucket/": dial tcp 10.9.0.1:443: i/o timeout'
NO_HOST = 'Fatal: unable to open config file: Stat: Get "http://host/bucket/": dial tcp: lookup host: no such host'
REFUSED = "Fatal: unable to open config file: Stat: The Access Key Id you provided does not exist in our records."
FORBIDDEN = "Fatal: unable to open config file: Stat: Access Denied."
DAMAGE = "error for tree 1d670e3f:\n  ciphertext verification failed\nFatal: repository contains errors"

Says = Callable[..., Restic]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Makes a repository whose restic does for each command what a line of shell says; others succeed."""

    def new(*, is_local: bool = False, **commands: str) -> Restic:
        cases = "".join(f"{name}) {line} ;;\n" for name, line in commands.items())
        (tmp_path / "restic").write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\n', encoding="utf-8")
        (tmp_path / "restic").chmod(0o700)
        (tmp_path / "password").write_text("password", encoding="utf-8")
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return Restic("s3:http://host/bucket", tmp_path / "password", tmp_path / "cache", is_local=is_local)

    return new


def fails(said: str) -> str:
    return f"printf %s {shlex.quote(said)} >&2; exit 1"


@pytest.mark.parametrize("said", [AWAY, NO_HOST, REFUSED, FORBIDDEN])
async def test_a_repository_that_cannot_be_asked_is_not_one_that_is_absent(says: Says, said: str) -> None:
    with pytest.raises(BackupUnavailable) as failed:
        await says(cat=fails(said + QUESTION)).open(make=True)
    assert said.removeprefix("Fatal: ").rstrip(".")[:20] in str(failed.value)


@pytest.mark.parametrize(
    "said",
    [
        "Fatal: unable to open config file: Stat: The specified key does not exist.",
        "Fatal: unable to open config file: Stat: The specified bucket does not exist",
        "Fatal: unable to open config file: <config/> does not exist",
        "Fatal: unable to open config file: unexpected HTTP response (404): 404 Not Found",
        "Fatal: unable to open config file: storage: object doesn't exist",
        "Fatal: unable to open config file: Object Not Found",
        "Fatal: unable to open config file: stat /mnt/backups/config: no such file or directory",
    ],
)
async def test_a_repository_that_is_absent_is_told_and_made(says: Says, said: str) -> None:
    with pytest.raises(BackupNotFound):
        await says(cat=fails(said + QUESTION)).open()
    await says(cat=fails(said + QUESTION)).open(make=True)


async def test_what_cannot_be_read_because_the_repository_is_away_is_not_damaged(says: Says, tmp_path: Path) -> None:
    restic = says(cat=fails(AWAY + QUESTION), check=fails(DAMAGE), dump=fails(DAMAGE), restore=fails(DAMAGE))
    with pytest.raises(BackupUnavailable):
        await restic.check("1/7")
    with pytest.raises(BackupUnavailable):
        await restic.sha256_of("1d670e3f", "/manifest.json")
    with pytest.raises(BackupUnavailable):
        await restic.restore("1d670e3f", tmp_path)


@pytest.mark.parametrize("is_local", [True, False])
async def test_what_is_damaged_is_told_so_while_the_repository_answers(
    says: Says, tmp_path: Path, *, is_local: bool
) -> None:
    restic = says(is_local=is_local, check=fails(DAMAGE), dump=fails(DAMAGE), restore=fails(DAMAGE))
    with pytest.raises(
        BackupDamaged, match="error for tree 1d670e3f: ciphertext verification failed; repository contains"
    ):
        await restic.check("1/7")
    with pytest.raises(BackupDamaged):
        await restic.sha256_of("1d670e3f", "/manifest.json")
    with pytest.raises(BackupDamaged):
        await restic.restore("1d670e3f", tmp_path)


async def test_a_restic_that_is_killed_or_has_no_space_has_found_no_damage(says: Says) -> None:
    with pytest.raises(BackupFailed) as failed:
        await says(is_local=True, check="kill -9 $$").check("100%")
    assert not isinstance(failed.value, BackupDamaged)
    with pytest.raises(DiskFull):
        await says(is_local=True, dump=fails("Fatal: write: no space left on device")).sha256_of("1d670e3f", "/a")


def snapshots(**at: datetime) -> str:
    found = [
        {"id": name.ljust(64, "0"), "time": time.isoformat(), "tags": [VERIFIED], "original": f"old{name}"}
        for name, time in at.items()
    ]
    return f"echo '{json.dumps(found)}'"


async def test_a_set_from_a_clock_that_was_ahead_is_not_the_newest(says: Says) -> None:
    day = timedelta(days=1)
    restic = says(snapshots=snapshots(a=NOW - 2 * day, b=NOW - day, c=NOW + 300 * day))
    found, passed_over = await restic.find("", NOW)
    assert (found.id[0], [each.id[0] for each in passed_over]) == ("b", ["c"])
    assert (await restic.find("c", NOW))[0].id[0] == "c"
    assert (await restic.mark_verified("oldb"))[0] == "b"
    # Here the clock of the machine that restores is behind.
    found, passed_over = await restic.find("", NOW - 10 * day)
    assert (found.id[0], passed_over) == ("c", [])


async def test_a_new_set_that_did_not_stay_is_noticed(says: Says) -> None:
    kept = [{"keep": [{"id": "c"}], "remove": [{"id": "b"}]}]
    assert await says(forget=f"echo '{json.dumps(kept)}'").keep() == {"c"}
