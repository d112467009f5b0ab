"""Settings are read once, explained in .env.example, and wrong ones are named."""

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cli.running import open_logs
from config import ROOT, Settings, child_environment, env_file_is_open, load_environment, load_settings, shown
from errors import BadSettings, SecretsUnread, UnreadableSettings
from errors_of_operation import FolderClosed

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_every_setting_is_explained_in_the_example() -> None:
    named = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
    assert named == {field.upper() for field in Settings.model_fields}


def test_the_example_as_it_is_means_the_defaults(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(EXAMPLE, encoding="utf-8")
    assert Settings(_env_file=env) == Settings(_env_file=None)


def test_bad_values_are_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_CONCURRENCY", "secret-nonsense")
    monkeypatch.setenv("MINIO_BUCKET", "Плохое имя")
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert "ASR_CONCURRENCY" in caught.value.user_text
    assert "MINIO_BUCKET" in caught.value.user_text
    assert "secret-nonsense" not in str(caught.value) + caught.value.user_text


def test_paths_are_from_the_checkout_and_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = Settings(_env_file=None, persistent_dir="data", asr_model_dir="~/model", llm_model_file="/weights.gguf")
    assert settings.persistent_dir == ROOT / "data"
    assert (settings.asr_model_dir, settings.llm_model_file) == (tmp_path / "model", Path("/weights.gguf"))
    (tmp_path / "secret").write_text("sk-of-home", encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", "~/secret")
    assert load_settings().openai_api_key == SecretStr("sk-of-home")


def test_a_home_that_is_not_known_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSISTENT_DIR", "~nobody-knows/data")
    with pytest.raises(BadSettings, match="PERSISTENT_DIR"):
        load_settings()


@pytest.mark.parametrize("level", ["info", "Info", "INFO"])
def test_levels_of_the_log_are_read_in_any_case(level: str) -> None:
    assert Settings(_env_file=None, log_level=level).log_level == "INFO"


def test_settings_do_not_change_after_reading() -> None:
    settings = Settings(_env_file=None)
    with pytest.raises(ValidationError, match="frozen"):
        settings.log_level = "DEBUG"  # type: ignore[misc]


def test_programs_of_ours_get_no_settings_and_pip_its_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ways_out = {"PIP_INDEX_URL": "https://mirror", "https_proxy": "http://proxy", "SSL_CERT_FILE": "/ca.pem"}
    for name, value in {**ways_out, "LLM_API_KEY": "secret", "GITHUB_TOKEN": "secret"}.items():
        monkeypatch.setenv(name, value)
    assert "secret" not in child_environment().values()
    assert "PIP_INDEX_URL" not in child_environment()
    assert ways_out.items() <= child_environment(network=True).items()
    assert "secret" not in child_environment(network=True).values()
    assert "PATH" in child_environment()


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret, other, env = tmp_path / "secret", tmp_path / "other", tmp_path / ".env"
    secret.write_text("sk-of-a-file\n", encoding="utf-8")
    other.write_text("postgresql://of-a-file", encoding="utf-8")
    env.write_text(f"OPENAI_API_KEY=sk-of-env-file\nDATABASE_URL_FILE={other}\nLLM_MODEL_FILE=/weights.gguf\n", "utf-8")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(secret))
    access_key = tmp_path / "access"
    access_key.write_text("an-access-key", encoding="utf-8")
    monkeypatch.setenv("MINIO_ACCESS_KEY_FILE", str(access_key))
    settings = Settings(_env_file=env)
    assert settings.minio_access_key == "an-access-key"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-of-a-file"
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://of-a-file"
    assert settings.llm_model_file == Path("/weights.gguf")
    assert "of-a-file" not in repr(settings)

    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    settings = Settings(_env_file=env)
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-of-the-environment"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_s_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(tmp_path / "secret"))
    with pytest.raises(BadSettings, match="TELEGRAM_BOT_TOKEN_FILE"):
        load_settings()


TOKEN = b"TELEGRAM_BOT_TOKEN=1:hush\n"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``.env`` of a checkout."""
    monkeypatch.setattr("config.ROOT", tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (TOKEN + "# токен\n".encode("cp1251"), "UTF-8 (строка 2)"),
        ("TELEGRAM_BOT_TOKEN=1:hush\n".encode("utf-16"), "UTF-8 (строка 1)"),
        ("TELEGRAM_BOT_TOKEN=1:hush\n".encode("utf-16-le"), "строки 1, 2:"),
        (b"\n" + TOKEN + b'\n\nLLM_BASE_URL="http://hush\n', "строки 5:"),
        (b'LLM_BASE_URL="http://hush\n' + TOKEN + b'LLM_MODEL="chat"\n', "строки 1:"),
        (b'LLM_BASE_URL="http://hush\n' + TOKEN + b'# "\n', "строки 1:"),
        (TOKEN + b"some garbage\n1:hush\nhush\n1:hush=1\nLLM_MODEL=chat\n", "строки 2, 3, 4, 5:"),
        (TOKEN + b'LLM_API_KEY=hu$sh\nLLM_MODEL="hu$$sh"\n', "(строки 2, 3)"),
        (TOKEN + b"LLM_API_KEY='hu${sh}'\n", "(строки 2)"),
    ],
)
def test_an_env_file_that_cannot_be_read_is_refused_with_its_lines_and_nothing_of_it_is_shown(
    env_file: Path, content: bytes, lines: str, capfd: pytest.CaptureFixture[str]
) -> None:
    env_file.write_bytes(content)
    with pytest.raises(UnreadableSettings) as caught:
        load_settings()
    assert lines in caught.value.user_text
    assert "hush" not in f"{caught.value}{caught.value.user_text}{caught.value.__cause__}{capfd.readouterr()}"


@pytest.mark.parametrize(
    "line",
    [
        b"LLM_API_KEY='a$b$'",
        b"# $HOME costs ${five}\nexport LLM_API_KEY='a$b$' # and \"more",
        b"\xef\xbb\xbfLLM_API_KEY = 'a$b$'\r\nLLM_MODEL=\r\n",
    ],
)
def test_a_dollar_in_single_quotes_is_a_dollar(env_file: Path, line: bytes) -> None:
    env_file.write_bytes(line + b"\n" + TOKEN)
    settings = load_settings()
    assert (settings.llm_api_key, settings.telegram_bot_token) == (SecretStr("a$b$"), SecretStr("1:hush"))


def test_an_env_file_that_is_a_folder_is_named(env_file: Path) -> None:
    env_file.mkdir()
    with pytest.raises(UnreadableSettings, match=re.escape("на месте файла .env стоит папка")):
        load_settings()


def test_an_env_file_that_may_not_be_opened_is_named(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_bytes(TOKEN)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "hush", str(env_file))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreadableSettings) as caught:
        load_settings()
    assert "файл .env нельзя открыть" in caught.value.user_text


def test_keys_in_another_file_are_refused_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})
    assert not load_environment(tmp_path / "env")
    (tmp_path / "env").write_bytes(b"AWS_SECRET_ACCESS_KEY=hu$sh\n")
    assert load_environment(tmp_path / "env")
    assert os.environ == {"AWS_SECRET_ACCESS_KEY": "hu$sh"}
    (tmp_path / "env").write_bytes(b"A=1\n\xff")
    with pytest.raises(UnreadableSettings, match=re.escape(f"{tmp_path}/env не в кодировке UTF-8 (строка 2)")):
        load_environment(tmp_path / "env")


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_whether_others_may_read_the_env_file(env_file: Path, mode: int, is_open: bool) -> None:
    assert not env_file_is_open()
    env_file.touch(mode)
    env_file.chmod(mode)
    assert env_file_is_open() is is_open


@pytest.mark.parametrize("kind", ["none", "a folder"])
def test_a_secret_that_compose_makes_is_made_by_compose_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "secrets/product/database_url"
    if kind == "a folder":
        path.mkdir(parents=True)
    monkeypatch.setenv("DATABASE_URL_FILE", str(path))
    with pytest.raises(SecretsUnread) as caught:
        load_settings()
    assert str(path) in caught.value.user_text
    assert "docker compose up -d --wait" in caught.value.user_text
    assert ".env" not in caught.value.user_text


@pytest.mark.parametrize("name", ["logs", "spool", "reports"])
@pytest.mark.parametrize("composed", [True, False])
def test_a_folder_that_cannot_be_written_is_named_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, composed: bool
) -> None:
    (tmp_path / name).touch()  # in the place of a folder, for to root no rights are denied
    secret = tmp_path / "secrets/product/database_url"
    if composed:
        secret.parent.mkdir(parents=True)
        secret.write_text("postgresql://u:p@host/db")
        monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    with pytest.raises(FolderClosed) as caught:
        open_logs(Settings(_env_file=None, persistent_dir=tmp_path), console=False)
    told = caught.value.user_text
    assert told.startswith(f"В папку {tmp_path / name} нельзя писать")
    assert ("docker compose up -d --wait" in told, "PERSISTENT_DIR" in told) == (composed, not composed)


def test_a_path_in_the_checkout_is_named_as_on_the_server() -> None:
    assert shown(ROOT / "persistent_data/logs") == "persistent_data/logs"
    assert shown(Path("/srv/state")) == "/srv/state"
