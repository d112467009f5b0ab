"""Folders and passwords of the composed system: made once, each its service's alone."""

import json
import os
from pathlib import Path

import pytest

from deployment.first_start import has_embedded_state, main, prepare
from deployment.secret_files import MONITORING, OBJECTS, POSTGRES, PRODUCT

Owners = dict[str, int]


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Owners:
    """Who owns what; only root could really hand it over."""
    owners: Owners = {}

    def hand_over(path: Path, owner: int, group: int, *, follow_symlinks: bool = True) -> None:
        assert owner == group
        owners[str(path.relative_to(tmp_path))] = owner

    monkeypatch.setattr(os, "chown", hand_over)
    return owners


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that Docker has mounted."""
    folder = tmp_path / "persistent_data"
    folder.mkdir()
    return folder


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file()}


def test_each_service_gets_its_folder_and_its_secrets(root: Path, owners: Owners) -> None:
    prepare(root)
    found = {name.removeprefix("persistent_data/"): owner for name, owner in owners.items()}
    assert found["spool"] == found["telegram"] == found["secrets/product/database_url"] == PRODUCT
    assert found["postgres"] == found["secrets/postgres/password"] == POSTGRES
    assert found["minio"] == found["secrets/objects/s3.json"] == OBJECTS
    assert found["monitoring/grafana"] == found["secrets/monitoring/http_token"] == MONITORING
    secrets = root / "secrets"
    assert {path.stat().st_mode & 0o777 for path in secrets.rglob("*") if path.is_file()} == {0o400}
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o700}


def test_services_have_the_same_secret_for_the_same_door(root: Path, owners: Owners) -> None:
    prepare(root)
    made = contents(root / "secrets")
    assert made["postgres/password"] in made["product/database_url"]
    assert made["monitoring/http_token"] == made["product/http_token"]
    [credentials] = json.loads(made["objects/s3.json"])["identities"][0]["credentials"]
    assert credentials == {"accessKey": made["product/minio_access_key"], "secretKey": made["product/minio_secret_key"]}
    assert (made["objects/access_key"], made["objects/secret_key"]) == tuple(credentials.values())
    assert owners


def test_a_second_start_keeps_every_password_and_completes_what_a_kill_left(root: Path, owners: Owners) -> None:
    prepare(root)
    before = contents(root)
    (root / "secrets/monitoring/http_token").unlink()
    owners.clear()
    prepare(root)
    assert contents(root) == before
    assert owners["persistent_data/secrets/postgres/password"] == POSTGRES


def at_work(root: Path) -> None:
    """Let database, object store and backups have data."""
    prepare(root)
    for name in ("postgres/18/PG_VERSION", "minio/1.dat", "backups/repository/config"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "postgres/password",
        "product/database_url",
        "product/http_token",
        *(f"product/minio_{key}" for key in ("access_key", "secret_key")),
        *(f"objects/{name}" for name in ("access_key", "secret_key", "s3.json")),
    ],
)
def test_what_another_service_has_of_a_secret_is_put_in_the_place_of_a_lost_file(
    root: Path, owners: Owners, name: str, cut: bool
) -> None:
    at_work(root)
    before = contents(root)
    (root / "secrets" / name).unlink()
    if cut:
        (root / "secrets" / name).touch()  # as a full disk leaves it
    assert main([str(root)]) is None
    assert contents(root) == before
    assert owners


LOST = {
    "secrets/postgres/password": ("postgres/password", "product/database_url"),
    "secrets/objects/access_key": ("objects/access_key", "product/minio_access_key", "objects/s3.json"),
    "secrets/objects/secret_key": ("objects/secret_key", "product/minio_secret_key", "objects/s3.json"),
}


@pytest.mark.parametrize("named", LOST)
def test_nothing_takes_the_place_of_a_lost_secret_while_what_it_opens_is_there(
    root: Path, owners: Owners, named: str
) -> None:
    at_work(root)
    were = {name: (root / "secrets" / name).read_text() for name in LOST[named]}
    for name in were:
        (root / "secrets" / name).unlink()
    left = contents(root)
    said = main([str(root)])
    assert said is not None
    assert (f"нет: persistent_data/{named}. Нового" in said, "scripts/renew-secrets" in said) == (True, True)
    assert contents(root) == left

    assert main([str(root), "--renew"]) is None
    made = contents(root / "secrets")
    assert not {name for name, value in were.items() if made[name] == value}
    assert made["postgres/password"] in made["product/database_url"]
    for key in ("access_key", "secret_key"):
        assert made[f"objects/{key}"] == made[f"product/minio_{key}"]
        assert made[f"objects/{key}"] in made["objects/s3.json"]
    assert {f"secrets/{name}" for name in made} - left.keys() == {f"secrets/{name}" for name in were}
    assert main([str(root)]) is None
    assert contents(root / "secrets") == made
    assert owners


def test_the_password_of_backups_that_there_are_is_not_made_anew(
    root: Path, owners: Owners, capsys: pytest.CaptureFixture[str]
) -> None:
    at_work(root)
    password = root / "secrets/backup/password"
    password.unlink()
    for options in ([], ["--renew"]):
        assert main([str(root), *options]) is None
        assert "secrets/backup/password" in capsys.readouterr().err
        assert not password.exists()
    (root / "backups/status.json").touch()
    (root / "backups/repository").rename(root / "backups/repository.lost")
    assert main([str(root)]) is None
    assert not password.exists(), "sets elsewhere may be meant"
    assert main([str(root), "--renew"]) is None
    assert password.exists()
    assert owners


def test_a_file_that_a_working_bot_removes_meanwhile_stops_nothing(
    root: Path, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(root)
    (root / "spool/recording").mkdir()
    for name in ("spool/recording/part", "spool/recording/other", "spool/another"):
        (root / name).touch()
    hand_over = os.chown

    def removed(path: Path, owner: int, group: int, *, follow_symlinks: bool = True) -> None:
        if Path(path).name in ("part", "recording"):
            raise FileNotFoundError(path)
        hand_over(path, owner, group, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "chown", removed)
    owners.clear()
    prepare(root)
    assert owners["persistent_data/spool/another"] == owners["persistent_data/spool/recording/other"] == PRODUCT


@pytest.mark.parametrize(
    ("left", "is_there"), [("postgres/data/PG_VERSION", True), ("objects/a", True), ("logs/a", False)]
)
def test_what_the_embedded_engines_keep_is_left_alone(root: Path, left: str, is_there: bool) -> None:
    (root / left).parent.mkdir(parents=True)
    (root / left).touch()
    assert has_embedded_state(root) is is_there
