"""What is found in the settings: every variable by its name, no value."""

import re
from pathlib import Path

import pytest

from application.allowed_forms import allowed_form
from application.configuration import Examined, examine_settings, require_safe
from cli.operation import validate
from config import OF_COMPOSE, OF_DEPLOYS, ROOT, Settings, unknown_names
from errors import BadSettings
from errors_of_operation import OpenSettings
from texts.operation import FORMS

BOT = {
    "TELEGRAM_BOT_TOKEN": "1:secret-token",
    "TELEGRAM_API_ID": "17",
    "TELEGRAM_API_HASH": "secret-hash",
    "OWNER_TELEGRAM_ID": "1000",
}
S3 = {"MINIO_ENDPOINT": "objects:8333", "MINIO_ACCESS_KEY": "key", "MINIO_SECRET_KEY": "long-and-random"}
SHARED = {"DATABASE_URL": "postgresql://bot:long-and-random@db/voxpersona", **S3}
MODEL = {"LLM_BASE_URL": "https://models.example/v1", "LLM_API_KEY": "secret-key", "LLM_MODEL": "large"}


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


def examined(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], *, worker: bool = False) -> Examined:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return examine_settings(worker=worker)


def test_what_is_not_given_is_missing_when_it_is_needed_and_else_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(monkeypatch, {})
    assert found.missing == sorted(BOT)
    assert "RETENTION_DAYS" in found.default
    assert not set(found.default) & set(BOT)
    assert len(found.missing) + len(found.default) == len(Settings.model_fields)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"RETENTION_DAYS": "soon", "LLM_TIMEOUT_S": "-1"}, ["LLM_TIMEOUT_S", "RETENTION_DAYS"]),
        ({**BOT, "DATABASE_URL": "no address = at all"}, ["DATABASE_URL"]),
        ({**BOT, **S3, "MINIO_ENDPOINT": "https://objects"}, ["MINIO_ENDPOINT"]),
        ({**BOT, **MODEL, "LLM_BASE_URL": "models"}, ["LLM_BASE_URL"]),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]) -> None:
    found = examined(monkeypatch, given)
    assert (found.wrong, found.problems) == (wrong, len(wrong))


@pytest.mark.parametrize(
    ("given", "worker", "missing"),
    [
        (BOT, False, []),
        ({**BOT, "MINIO_ENDPOINT": "objects:8333"}, False, ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"]),
        ({**BOT, "OPENAI_API_KEY": "secret"}, False, ["ASR_MODEL", "LLM_MODEL"]),
        ({**BOT, "ASR_ENGINE": "onnx"}, False, []),
        ({}, True, ["DATABASE_URL", "MINIO_ENDPOINT"]),
        ({"TELEGRAM_REQUIRED": "false"}, False, ["DATABASE_URL", "MINIO_ENDPOINT"]),
        ({"TELEGRAM_REQUIRED": "false", **SHARED}, False, []),
        (SHARED, True, []),
    ],
)
def test_what_is_missing_depends_on_what_is_used(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], worker: bool, missing: list[str]
) -> None:
    assert examined(monkeypatch, given, worker=worker).missing == missing


@pytest.mark.parametrize(
    ("given", "unsafe"),
    [
        ({}, []),
        ({"DATABASE_URL": "postgresql://bot:postgres@db/voxpersona"}, ["DATABASE_URL"]),
        (
            {"MINIO_ACCESS_KEY": "minioadmin", "MINIO_SECRET_KEY": "Minioadmin"},
            ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"],
        ),
        ({"LOG_LEVEL": "DEBUG"}, ["LOG_LEVEL"]),
        ({"FAL_TRAINING_TEST_MODE": "true"}, ["FAL_TRAINING_TEST_MODE"]),
        ({"LLM_ENGINE": "embedded"}, ["LLM_ENGINE"]),
        ({"LLM_ENGINE": "none"}, []),
    ],
)
def test_production_refuses_default_passwords_and_test_modes(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], unsafe: list[str]
) -> None:
    assert examined(monkeypatch, {**BOT, **SHARED, **MODEL, **given}).unsafe == []
    assert examined(monkeypatch, {"PRODUCTION": "true"}).unsafe == unsafe
    if unsafe:
        with pytest.raises(BadSettings, match=", ".join(unsafe)):
            require_safe(Settings())
    else:
        require_safe(Settings())


def test_what_compose_and_deploys_read_in_the_same_file_is_not_told_as_unknown() -> None:
    compose = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docker-compose*.yml"))
    deploys = (ROOT / "src/deployment/settings.py").read_text(encoding="utf-8")
    settings = {name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"\$\{([A-Z_]+)", compose)) - settings | {"COMPOSE_FILE"} == OF_COMPOSE
    assert set(re.findall(r'"(DEPLOY_[A-Z_]+)"', deploys)) == OF_DEPLOYS


def test_a_name_that_nobody_reads_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = sorted({"DATABASE_URL", "DATABASE_URL_FILE", *OF_COMPOSE, *OF_DEPLOYS, "DEPLOY_WATCHS"})
    (tmp_path / ".env").write_text("".join(f"{name}=1\n" for name in names), encoding="utf-8")
    monkeypatch.setattr("config.ROOT", tmp_path)
    assert unknown_names() == ["DEPLOY_WATCHS"]


def test_production_refuses_an_env_file_that_others_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").touch()
    (tmp_path / ".env").chmod(0o644)
    monkeypatch.setattr("config.ROOT", tmp_path)
    found = examined(monkeypatch, BOT)
    assert (found.open_file, found.problems) == (True, 0)
    require_safe(Settings())
    found = examined(monkeypatch, {**SHARED, **MODEL, "PRODUCTION": "true"})
    assert (found.open_file, found.problems) == (True, 1)
    with pytest.raises(OpenSettings):
        require_safe(Settings())
    (tmp_path / ".env").chmod(0o600)
    assert examine_settings(worker=False).problems == 0
    require_safe(Settings())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("RETENTION_DAYS", "целое число от 7 до 3650"),
        ("SPOOL_KEEP_S", "число от 0 до 604800"),
        ("LLM_TIMEOUT_S", "число больше 0"),
        ("OWNER_TELEGRAM_ID", "целое число от 1"),
        ("LLM_ENGINE", "одно из: auto, embedded, openai, none"),
        ("LOG_LEVEL", "одно из: DEBUG, INFO, WARNING, ERROR"),
        ("MINIO_SECURE", "true или false"),
        ("LLM_BASE_URL", "адрес вида https://host/v1"),
        ("HTTP_TOKEN", "не короче 16 знаков"),
        ("TIME_ZONE", "зона вида Europe/Moscow"),
        ("DATABASE_URL_FILE", "путь к файлу, который можно прочесть"),
        ("LLM_MODEL", ""),
    ],
)
def test_what_a_setting_has_to_be_is_told_by_its_type(name: str, told: str) -> None:
    assert allowed_form(name) == told


def test_every_setting_with_limits_has_a_form() -> None:
    assert [
        name for name, field in Settings.model_fields.items() if field.metadata and not allowed_form(name.upper())
    ] == []
    assert set(FORMS) <= {name.upper() for name in Settings.model_fields}


def test_a_wrong_value_and_an_unsafe_one_are_told_with_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, given in {**BOT, **SHARED, **MODEL, "PRODUCTION": "true", "LOG_LEVEL": "DEBUG"}.items():
        monkeypatch.setenv(name, given)
    monkeypatch.setenv("MINIO_SECRET_KEY", "minioadmin")
    assert validate(worker=False) == 2
    said = capsys.readouterr().out
    assert "✖ LOG_LEVEL: включён подробный журнал DEBUG, при PRODUCTION=true так нельзя" in said
    assert "✖ MINIO_SECRET_KEY: пароль или ключ по умолчанию, при PRODUCTION=true так нельзя" in said
    monkeypatch.setenv("HTTP_PORT", "70000-secret")
    assert validate(worker=False) == 2
    said = capsys.readouterr().out
    assert ("✖ HTTP_PORT: неверное значение, нужно целое число от 0 до 65535" in said, "secret" in said) == (
        True,
        False,
    )
