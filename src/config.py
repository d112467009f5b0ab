"""Settings: read once from the environment and ``.env``, then frozen. Nothing else reads the environment."""

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from datamodels import Visibility
from errors import BadSettings, SecretsUnread
from system import env_file
from system.other_settings import OF_COMPOSE, OF_DEPLOYS, OF_STORAGE
from system.setting_forms import form, is_address, is_host_and_port, is_proxy, matches

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: ``prompts``, ``resources``, ``sql_scripts`` and ``samples`` lie here."""

_OF_THE_SYSTEM = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
)
_OF_THE_NETWORK = (
    *("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
_MADE_BY_COMPOSE = "/secrets/product/"


class AsrEngine(StrEnum):
    AUTO = "auto"
    WHISPER = "whisper"
    ONNX = "onnx"
    OPENAI = "openai"


class LlmEngine(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    OPENAI = "openai"
    NONE = "none"


class VectorIndexKind(StrEnum):
    MEMORY = "memory"
    PGVECTOR = "pgvector"


class EmbeddingsEngine(StrEnum):
    AUTO = "auto"
    LOCAL = "local"
    OPENAI = "openai"
    OFF = "off"


def _parsed(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _in_checkout(value: Path) -> Path:
    """Return a path of a setting: ``~`` is the user's home, and what is relative is so to the checkout."""
    try:
        return ROOT / value.expanduser()
    except RuntimeError as exc:
        raise ValueError(str(exc)) from exc


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


_Path = Annotated[Path, AfterValidator(_in_checkout)]


def _zone(name: str) -> str:
    if name in available_timezones():
        return name
    raise ValueError


_Address = Annotated[str | None, form(is_address)]
_Key = Annotated[SecretStr | None, matches("[!-~]+")]
"""A key goes into a header: it has neither spaces nor letters other than Latin ones."""
_REPOSITORY = r"(/|(s3|sftp|rest|b2|azure|gs|swift|rclone|local):)\S.*"
_JsonObject = Annotated[dict[str, Any], NoDecode, BeforeValidator(_parsed)]


class _Unreadable(NamedTuple):
    """In place of a secret whose file, named by ``variable``, cannot be read; no setting takes it."""

    variable: str


def _in_file(name: str, field: FieldInfo) -> bool:
    """Tell whether the value of a setting may stand in a file."""
    return SecretStr in get_args(field.annotation) or name == "minio_access_key"


class _SecretFiles(PydanticBaseSettingsSource):
    """Values of secret settings from files: ``NAME_FILE`` is the path of the file with the setting ``NAME``.

    The object store's access key, which is made together with a secret, may stand in a file, too.

    Orchestrators hand secrets over in this way: other users of the machine may read an environment.
    """

    def __init__(self, settings: type[BaseSettings], named: PydanticBaseSettingsSource) -> None:
        super().__init__(settings)
        assert isinstance(named, EnvSettingsSource)  # noqa: S101  # what the library makes for both
        self._named = named.env_vars

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{field_name}_file"
        path = self._named.get(variable) if _in_file(field_name, field) else None
        if not path:
            return None, field_name, False
        try:
            return _in_checkout(Path(path)).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, ValueError):
            return _Unreadable(variable.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value}


class Settings(BaseSettings):
    """Every setting. ``.env.example`` explains each in words; an empty value means "not configured"."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True)

    persistent_dir: _Path = ROOT / "persistent_data"
    retention_days: int = Field(30, ge=7, le=3650)
    audit_retention_days: int = Field(0, ge=0, le=36_500)
    """0 keeps the record of changes for ever."""
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    log_level: Annotated[str, BeforeValidator(_upper)] = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    database_url: SecretStr | None = None

    minio_endpoint: Annotated[str | None, form(is_host_and_port)] = None
    minio_access_key: Annotated[str | None, matches("[!-~]+")] = None
    minio_secret_key: _Key = None
    minio_bucket: str = Field("voxpersona", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    minio_secure: bool = False
    minio_region: Annotated[str, matches("[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")] = "us-east-1"
    spool_keep_s: float = Field(3600.0, ge=0, le=7 * 86_400)

    openai_base_url: _Address = None
    openai_api_key: _Key = None

    asr_engine: AsrEngine = AsrEngine.AUTO
    asr_base_url: _Address = None
    asr_api_key: _Key = None
    asr_model: str | None = None
    asr_model_dir: _Path | None = None
    whisper_model: str = Field("base", pattern="^(base|small|large-v3-turbo|large-v3)$")
    model_hub: Annotated[str, form(lambda hub: hub == "off" or is_address(hub))] = "https://huggingface.co"
    asr_threads: int = Field(0, ge=0, le=128)
    asr_concurrency: int = Field(4, ge=1, le=64)

    llm_engine: LlmEngine = LlmEngine.AUTO
    llm_base_url: _Address = None
    llm_api_key: _Key = None
    llm_model: str | None = None
    llm_model_file: _Path | None = None
    llm_context_tokens: int = Field(0, ge=0)
    llm_max_output_tokens: int = Field(8192, ge=64)
    llm_concurrency: int = Field(4, ge=1, le=64)
    llm_timeout_s: float = Field(600.0, gt=0)
    llm_extra_body: _JsonObject = Field(default_factory=dict)
    llm_small_questions: bool | None = None

    embeddings_engine: EmbeddingsEngine = EmbeddingsEngine.AUTO
    embeddings_base_url: _Address = None
    embeddings_api_key: _Key = None
    embeddings_model: str | None = None
    vector_index: VectorIndexKind = VectorIndexKind.MEMORY
    reranker_base_url: _Address = None
    reranker_api_key: _Key = None
    reranker_model: str | None = None

    tts_engine: str = Field("auto", pattern="^(auto|openai|folder|festival|off)$")
    tts_base_url: _Address = None
    tts_api_key: _Key = None
    tts_model: str | None = None
    tts_voice: str = "alloy"
    tts_model_dir: _Path | None = None
    tts_hourly_limit: int = Field(50, ge=1, le=10_000)
    voice_hourly_limit: int = Field(20, ge=1, le=10_000)

    telegram_bot_token: Annotated[SecretStr | None, matches("[0-9]+:[A-Za-z0-9_-]+")] = None
    telegram_api_id: int | None = Field(None, ge=1)
    telegram_api_hash: Annotated[SecretStr | None, matches("[0-9a-fA-F]{32}")] = None
    telegram_proxy: Annotated[SecretStr | None, form(is_proxy)] = None
    telegram_required: bool = True
    owner_telegram_id: int | None = Field(None, ge=1)
    team_telegram_ids: str = Field("", pattern=r"^\s*([1-9]\d*\s*(,\s*[1-9]\d*\s*)*)?$")
    guest_telegram_ids: str = Field("", pattern=r"^\s*([1-9]\d*\s*(,\s*[1-9]\d*\s*)*)?$")
    chat_hourly_limit: int = Field(100, ge=1, le=10_000)
    max_parallel_downloads: int = Field(3, ge=1, le=16)
    answer_examples: int = Field(2, ge=0, le=5)
    chat_context_tokens: int = Field(2000, ge=0, le=100_000)
    research_recordings: int = Field(100, ge=1, le=1000)
    report_list_ttl_s: float = Field(300.0, ge=60, le=3_600)

    http_host: Annotated[str, matches("[A-Za-z0-9_.:%-]+")] = "127.0.0.1"
    http_port: int | None = Field(None, ge=0, le=65_535)
    http_token: Annotated[SecretStr | None, matches("[!-~]{16,}")] = None
    web_address: _Address = Field(None, pattern=r"^(https://[^/\s@]+|http://(localhost|127\.0\.0\.1)(:\d+)?)/?$")
    build_commit: str | None = Field(None, pattern="^[0-9a-f]{7,40}$")

    fal_api_key: _Key = None
    fal_training_test_mode: bool = False
    fal_webhook_url: _Address = Field(None, pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])\S+$")
    fal_default_trainer: str = Field("portrait", pattern="^(portrait|turbo|flux2)$")
    fal_default_steps: int | None = Field(None, ge=100, le=10_000)
    fal_default_trainings: int = Field(2, ge=0, le=1000)
    fal_default_pictures: int = Field(100, ge=0, le=100_000)

    backup_repository: Annotated[SecretStr | None, matches(_REPOSITORY)] = None

    ffmpeg: str | None = None
    max_recording_bytes: int = Field(2 * 1024**3, ge=1)
    max_recording_s: float = Field(8 * 3600.0, ge=1)
    recording_visibility: Visibility = Visibility.TEAM
    privacy_notice: bool = True
    worker_concurrency: int = Field(4, ge=1, le=64)
    bot_takes_jobs: bool = True

    production: bool = False

    @property
    def works_without_bot(self) -> bool:
        """Whether the bot's process works without a bot: no token is given, and none is required."""
        return self.telegram_bot_token is None and not self.telegram_required

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from; the first that has one wins. The library calls this."""
        of_environment, of_dotenv = (_SecretFiles(settings_cls, named) for named in (env_settings, dotenv_settings))
        return init_settings, env_settings, of_environment, dotenv_settings, of_dotenv


def secret_values(settings: Settings) -> list[str]:
    """Return the values of all secret settings that are set."""
    found = (getattr(settings, name) for name, field in Settings.model_fields.items() if _in_file(name, field))
    return [each.get_secret_value() if isinstance(each, SecretStr) else str(each) for each in found if each]


def absent_files() -> dict[str, str]:
    """Return the files that the environment names for secrets and that are not there, by their variables."""
    return {name: path for name, path in os.environ.items() if name.endswith("_FILE") and not Path(path).exists()}


def compose_files(names: Iterable[str] = os.environ) -> list[str]:
    """Return the files of secrets that Compose has made and that these variables, or any, name, as ``shown``."""
    return [shown(Path(path)) for name in names if _MADE_BY_COMPOSE in (path := os.environ.get(name, ""))]


def shown(path: Path) -> str:
    """Return a path as its operator knows it: a container has the checkout at another place than the server."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def ignore_absent_files() -> None:
    """Leave out secrets whose files are not there: on an empty machine they come with what is restored."""
    for name in absent_files():
        del os.environ[name]


def load_environment(path: Path) -> bool:
    """Put the variables in a file like ``.env`` into the environment, over those that are there; False without a file.

    Raises:
        UnreadableSettings: it cannot be read.
    """
    if not path.is_file():
        return False
    os.environ.update({each.name: each.value for _, each in env_file.lines(path, ROOT)})
    return True


def env_file_is_open() -> bool:
    """Tell whether other users of the machine may read or change ``.env``."""
    path = ROOT / ".env"
    return path.is_file() and bool(path.stat().st_mode & 0o077)


def child_environment(*, network: bool = False, storage: bool = False) -> dict[str, str]:
    """Return the environment for a program that we start: a few variables of the system, no settings and no secrets.

    With ``network``, also the variables by which pip finds a registry, proxies and certificates; with ``storage``, the
    network's and the keys of places elsewhere that restic knows.
    """
    wanted = (*(_OF_THE_NETWORK if network or storage else ()), *(OF_STORAGE if storage else ()))
    return {
        name: value for name, value in os.environ.items() if name in _OF_THE_SYSTEM or name.upper().startswith(wanted)
    }


def version() -> str:
    """Return the product's version from ``pyproject.toml``, the only file that states it."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def read_settings() -> tuple[Settings, list[str]]:
    """Read the settings; return them with the names of the variables whose values are wrong.

    A wrong value stays what it is where a setting is text, so that others can be examined beside it; else the default
    is in its place. Settings with a wrong value are for nothing but an examination.

    Raises:
        UnreadableSettings: ``.env`` cannot be read as a whole.
    """
    env_file.check(ROOT)
    try:
        return Settings(), []
    except ValidationError as exc:
        given = {str(error["loc"][0]): error["input"] for error in exc.errors()}
    defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in given}
    settings = Settings(**defaults).model_copy(update=dict(_kept(given)))
    return settings, sorted(
        each.variable if isinstance(each, _Unreadable) else name.upper() for name, each in given.items()
    )


def _kept(given: dict[str, object]) -> Iterator[tuple[str, SecretStr | str]]:
    """Yield the wrong values of settings that are text."""
    for name, value in given.items():
        kinds = get_args(Settings.model_fields[name].annotation)
        if SecretStr in kinds:
            yield name, SecretStr(str(value))
        elif str in kinds:
            yield name, str(value)


def unknown_names() -> list[str]:
    """Return the names in ``.env`` that neither the product nor its compose files nor its scripts know."""
    fields = Settings.model_fields.items()
    known = {name.upper() for name, _ in fields} | OF_COMPOSE.keys() | OF_DEPLOYS.keys()
    known |= {f"{name}_file".upper() for name, each in fields if _in_file(name, each)}
    return sorted(name for name in set(_named()) if name.upper() not in known and not name.startswith(OF_STORAGE))


def repeated_names() -> list[str]:
    """Return the names that stand in ``.env`` more than once; the last line is what counts."""
    return sorted(name for name, times in Counter(_named()).items() if times > 1)


def wrong_names_beside() -> list[str]:
    """Return the names in ``.env`` whose values Compose or ``scripts/deploy`` could not take."""
    forms = OF_COMPOSE | OF_DEPLOYS
    return [
        name for name, value in _given() if value and name in forms and not re.fullmatch(forms[name], value, re.DOTALL)
    ]


def _named() -> list[str]:
    return [name for name, _ in _given()]


def _given() -> list[tuple[str, str]]:
    path = ROOT / ".env"
    return [(each.name, each.value) for _, each in env_file.lines(path, ROOT)] if path.is_file() else []


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        BadSettings: a value is wrong; the error names the variables, never their values.
        SecretsUnread: what is wrong are files that Compose makes.
        UnreadableSettings: ``.env`` cannot be read; the error names the lines.
    """
    settings, wrong = read_settings()
    if files := compose_files(wrong):
        raise SecretsUnread(names=", ".join(wrong), files=", ".join(files))
    if wrong:
        raise BadSettings(names=", ".join(wrong))
    return settings
