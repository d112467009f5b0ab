"""Settings are read once, explained in .env.example, and wrong ones are named."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from config import ROOT, Settings, child_environment, load_settings
from errors import BadSettings

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_every_setting_is_explained_in_the_example() -> None:
    named = set(re.findall(r"^([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
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
