"""What is found in the settings: every variable by its name, no value."""

import os
import re
from pathlib import Path

import pytest

from application.allowed_forms import allowed_form
from application.configuration import Examined, examine_settings, require_safe
from cli.operation import validate
from config import ROOT, Settings, unknown_names
from deployment.env_check import complaints
from errors import BadSettings
from errors_of_operation import OpenSettings
from system.other_settings import OF_COMPOSE, OF_DEPLOYS
from texts.operation import FORMS

BOT = {
    "TELEGRAM_BOT_TOKEN": "1:secret-token",
    "TELEGRAM_API_ID": "17",
    "TELEGRAM_API_HASH": "0123456789abcdef0123456789abcdef",
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
        ({**BOT, "RETENTION_DAYS": "soon", "LLM_TIMEOUT_S": "-1"}, ["LLM_TIMEOUT_S", "RETENTION_DAYS"]),
        ({**BOT, "DATABASE_URL": "no address = at all"}, ["DATABASE_URL"]),
        ({**BOT, **S3, "MINIO_ENDPOINT": "https://objects"}, ["MINIO_ENDPOINT"]),
        ({**BOT, **MODEL, "LLM_BASE_URL": "models"}, ["LLM_BASE_URL"]),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]) -> None:
    found = examined(monkeypatch, given)
    assert (found.wrong, found.problems) == (wrong, len(wrong))


@pytest.mark.parametrize(
    "name", [f"{each}_BASE_URL" for each in ("ASR", "EMBEDDINGS", "LLM", "OPENAI", "RERANKER", "TTS")]
)
@pytest.mark.parametrize("value", ["asr:1/v1", "ftp://asr/v1", "http://", "http://asr:0/v1", "http://asr:99999/v1"])
def test_an_address_that_is_none_is_wrong(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert examined(monkeypatch, {**BOT, name: value}).wrong == [name]


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("TELEGRAM_PROXY", ["foo:1", "socks5://host", "tg://proxy?server=a&port=1&secret=b"], "socks5://a:b@host:1080"),
        ("TELEGRAM_PROXY", ["http://host:port"], f"tg://proxy?server=host&port=443&secret=dd{'0f' * 16}"),
        ("TELEGRAM_PROXY", ["ftp://host:21"], "https://t.me/proxy?server=host&port=443&secret=" + "7h8f" * 6),
        ("TELEGRAM_BOT_TOKEN", ["not a token", "123456", "1:а"], "123456789:AAEhBP0av28-abc_"),
        ("TELEGRAM_API_HASH", ["short", "g" * 32], "0" * 32),
        ("BACKUP_REPOSITORY", ["nonsense", "s3:"], "sftp:user@host:/folder"),
        ("FAL_API_KEY", ["ключ", "two words"], "id:secret"),
        ("FAL_WEBHOOK_URL", ["https://host:99999/webhook"], "https://vox.example.org/webhook/fal/status"),
        ("WEB_ADDRESS", ["example.org", "https://host:99999"], "https://vox.example.org"),
        ("HTTP_HOST", ["http://0.0.0.0", "no such host"], "::1"),
        ("HTTP_TOKEN", ["short", "длинное слово для входа"], "long-and-random-0"),
        ("MINIO_ENDPOINT", ["http://objects:8333", "objects:port", "objects/x"], "objects.example.org:8333"),
        ("MINIO_REGION", ["us east"], "eu-west-1"),
        ("MODEL_HUB", ["huggingface.co", "https://host:99999"], "off"),
    ],
)
def test_every_form_is_checked_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, wrong: list[str], right: str
) -> None:
    for value in wrong:
        assert examined(monkeypatch, {**BOT, **S3, name: value}).wrong == [name], value
        validate(worker=False)
        assert f"✖ {name}: неверное значение, нужно {FORMS[name]}\n" in capsys.readouterr().out
    assert examined(monkeypatch, {**BOT, **S3, name: right}).wrong == []


def test_all_that_is_wrong_or_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "ASR_BASE_URL": "api.example.org",
        "DATABASE_URL": "mysql://x",
        "FAL_API_KEY_FILE": str(tmp_path / "none"),
        "LLM_API_KEY_FILE": str(tmp_path),
        "MINIO_ENDPOINT": "http://objects:8333",
        "OWNER_TELEGRAM_ID": "@anna",
        "TEAM_TELEGRAM_IDS": "1002 1003;anna",
        "TELEGRAM_BOT_TOKEN": "not a token",
        "TELEGRAM_PROXY": "foo:1",
    }
    found = examined(monkeypatch, given)
    assert found.wrong == sorted(given)
    needed = ("ASR_MODEL", "LLM_MODEL", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "TELEGRAM_API_HASH", "TELEGRAM_API_ID")
    assert found.missing == list(needed)


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
    assert set(re.findall(r"\$\{([A-Z_]+)", compose)) - settings | {"COMPOSE_FILE"} == OF_COMPOSE.keys()
    assert set(re.findall(r'"(DEPLOY_[A-Z_]+)"', deploys)) == OF_DEPLOYS.keys()


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("WORKERS", ["many", "-1", "2.5"], "0"),
        ("POSTGRES_MEMORY", ["4", "4 g", "0g", "four"], "1.5GB"),
        ("GRAFANA_PORT", ["http", "0", "300000"], "3000"),
        ("VOXPERSONA_TARGET", ["full-lite", "Lite"], "lite"),
        ("WEBHOOK_DOMAIN", ["https://vox.example.org"], "vox.example.org"),
        ("DEPLOY_READY_S", ["0", "30s"], "30"),
        ("DEPLOY_ERRORS", ["none", "-1"], "0"),
    ],
)
def test_what_only_compose_or_deploys_read_is_checked_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrong: list[str], right: str
) -> None:
    monkeypatch.setattr("config.ROOT", tmp_path)
    for value, found in [*((each, [name]) for each in wrong), (right, []), ("", [])]:
        (tmp_path / ".env").write_text(f"{name}={value}\n", encoding="utf-8")
        assert examined(monkeypatch, BOT).wrong == found, value
    assert allowed_form(name)


def test_a_name_that_nobody_reads_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_storage = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"}
    names = sorted({"DATABASE_URL", "DATABASE_URL_FILE", *OF_COMPOSE, *OF_DEPLOYS, *of_storage, "DEPLOY_WATCHS"})
    (tmp_path / ".env").write_text("".join(f"{name}=1\n" for name in names), encoding="utf-8")
    monkeypatch.setattr("config.ROOT", tmp_path)
    assert unknown_names() == ["DEPLOY_WATCHS"]
    (tmp_path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    (tmp_path / ".env").write_text("LLM_MODLE=a\nWORKERS=many\nLLM_API_KEY_FILE=a\nTTS_VOICE=b\n", encoding="utf-8")
    assert list(complaints(tmp_path)) == [
        "• LLM_MODLE: есть в .env, но программа такой настройки не знает",
        "✖ WORKERS: неверное значение, нужно целое число от 0 до 999",
    ]


def test_a_name_that_stands_twice_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("LLM_MODEL=a\nTTS_VOICE=b\nexport LLM_MODEL=c\n", encoding="utf-8")
    monkeypatch.setattr("config.ROOT", tmp_path)
    assert examined(monkeypatch, BOT).repeated == ["LLM_MODEL"]
    assert validate(worker=False) == 0
    assert "⚠ LLM_MODEL: в .env не одна такая строка" in capsys.readouterr().out


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
        ("HTTP_TOKEN", "не короче 16 знаков, без пробелов и русских букв"),
        ("TIME_ZONE", "зона вида Europe/Moscow"),
        ("DATABASE_URL_FILE", "путь к файлу, который можно прочесть"),
        ("LLM_MODEL", ""),
    ],
)
def test_what_a_setting_has_to_be_is_told_by_its_type(name: str, told: str) -> None:
    assert allowed_form(name) == told


def test_every_setting_with_limits_has_a_form() -> None:
    assert [
        name
        for name, field in Settings.model_fields.items()
        if (field.metadata or "Annotated" in str(field.annotation)) and not allowed_form(name.upper())
    ] == []
    assert set(FORMS) <= {name.upper() for name in Settings.model_fields} | OF_COMPOSE.keys() | OF_DEPLOYS.keys()


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


@pytest.mark.parametrize(
    ("there", "is_new"),
    [((), True), (("secrets/backup",), True), (("postgres",), False), (("secrets/product",), False)],
)
def test_what_the_first_start_makes_is_no_fault_before_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there: tuple[str, ...],
    is_new: bool,
) -> None:
    state = tmp_path / "persistent_data"
    for name in there:
        (state / name).mkdir(parents=True)
    given = {**BOT, **MODEL, "MINIO_ENDPOINT": "objects:8333", "PERSISTENT_DIR": str(state)}
    for name in ("DATABASE_URL", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "HTTP_TOKEN"):
        given[f"{name}_FILE"] = str(state / "secrets/product" / name.lower())
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # As for the user of the image, when Docker has made the folder for root.
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0 and may(path, mode))

    status = validate(worker=False)

    said = capsys.readouterr().out
    assert status == (0 if is_new else 2), said
    assert ("Здесь ещё ничего не запускали" in said, "Настройки в порядке." in said) == (is_new, is_new)
    assert ("Нужно поправить" in said) == (not is_new)
    monkeypatch.setenv("HTTP_PORT", "70000")
    assert validate(worker=False) == 2
    assert "✖ HTTP_PORT" in capsys.readouterr().out
