"""What is wrong or missing in the settings, or left at its default: names of variables, never values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from application.endpoints import embeddings_endpoint, language_endpoint, speaking_endpoint, speech_endpoint
from application.knowledge_index import reranker_endpoint
from application.objects import bucket_store
from config import (
    LlmEngine,
    Settings,
    env_file_is_open,
    read_settings,
    repeated_names,
    unknown_names,
    wrong_names_beside,
)
from database.watch import password_of
from errors import BadSettings
from errors_of_operation import OpenSettings

_DEFAULT_PASSWORDS = frozenset(
    {
        "",
        "admin",
        "changeme",
        "change-me",
        "example",
        "minio",
        "minio123",
        "minioadmin",
        "password",
        "postgres",
        "secret",
        "test",
        "voxpersona",
    }
)
"""What images, examples and tutorials come with."""


@dataclass(frozen=True)
class Examined:
    """The names of variables, by what is said of each. Only the first three lists make a start impossible or unwise."""

    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    default: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    open_file: bool = False
    """Whether other users of the machine may read ``.env``."""
    production: bool = False
    without_bot: bool = False
    """Whether what is examined for a bot works without one."""

    @property
    def problems(self) -> int:
        """How much has to be changed."""
        return len(self.wrong) + len(self.missing) + len(self.unsafe) + (self.open_file and self.production)


def examine_settings(*, worker: bool) -> Examined:
    """Examine the settings for a bot, or for a worker that shares database and object store with a bot elsewhere.

    Raises:
        UnreadableSettings: ``.env`` cannot be read.
    """
    settings, names = read_settings()
    wrong, missing = {*names, *wrong_names_beside()}, set(_missing(settings, worker=worker))
    endpoints = (speech_endpoint, language_endpoint, embeddings_endpoint, speaking_endpoint, reranker_endpoint)
    for check in (_database, _objects, *endpoints):
        for name in _refused(check, settings):
            (missing if getattr(settings, name.lower()) is None else wrong).add(name)
    # What is wrong is told as that alone.
    missing -= wrong
    given = {name for name in settings.model_fields_set if getattr(settings, name) is not None}
    listed = missing | wrong
    return Examined(
        wrong=sorted(wrong),
        missing=sorted(missing),
        unsafe=[name for name in unsafe_names(settings) if name not in wrong],
        default=sorted(name.upper() for name in set(Settings.model_fields) - given if name.upper() not in listed),
        unknown=unknown_names(),
        repeated=repeated_names(),
        open_file=env_file_is_open(),
        production=settings.production,
        without_bot=settings.works_without_bot and not worker,
    )


def unsafe_names(settings: Settings) -> list[str]:
    """Return the variables that production mode refuses: default passwords and test modes. Without the mode: none."""
    if not settings.production:
        return []
    try:
        password = password_of(settings.database_url.get_secret_value()) if settings.database_url else None
    except BadSettings:
        password = None
    secrets = {
        "DATABASE_URL": password,
        "MINIO_ACCESS_KEY": settings.minio_access_key if settings.minio_access_key == "minioadmin" else None,
        "MINIO_SECRET_KEY": settings.minio_secret_key.get_secret_value() if settings.minio_secret_key else None,
        "HTTP_TOKEN": settings.http_token.get_secret_value() if settings.http_token else None,
    }
    found = [name for name, value in secrets.items() if value is not None and value.lower() in _DEFAULT_PASSWORDS]
    return sorted([*found, *_test_modes(settings)])


def require_safe(settings: Settings) -> None:
    """Refuse to start in production mode with default passwords, in a test mode, or with ``.env`` open to others.

    Raises:
        BadSettings: the variables are named.
        OpenSettings: other users of the machine may read ``.env``.
    """
    if settings.production and env_file_is_open():
        raise OpenSettings
    if names := unsafe_names(settings):
        raise BadSettings(names=", ".join(names))


def _test_modes(settings: Settings) -> Iterator[str]:
    if settings.log_level == "DEBUG":
        yield "LOG_LEVEL"
    if settings.fal_training_test_mode:
        yield "FAL_TRAINING_TEST_MODE"
    demonstrates = settings.llm_engine in {LlmEngine.AUTO, LlmEngine.EMBEDDED} and settings.llm_model_file is None
    if demonstrates and not _refused(language_endpoint, settings) and language_endpoint(settings) is None:
        yield "LLM_ENGINE"


def _missing(settings: Settings, *, worker: bool) -> Iterator[str]:
    needed: tuple[str, ...] = (
        ("database_url", "minio_endpoint")
        if worker or settings.works_without_bot
        else ("telegram_bot_token", "telegram_api_id", "telegram_api_hash", "owner_telegram_id")
    )
    if settings.minio_endpoint is not None:
        needed = (*needed, "minio_access_key", "minio_secret_key")
    for name in needed:
        if getattr(settings, name) is None:
            yield name.upper()


def _database(settings: Settings) -> None:
    if settings.database_url is not None:
        password_of(settings.database_url.get_secret_value())


def _objects(settings: Settings) -> None:
    if settings.minio_endpoint is not None:
        bucket_store(settings).close()


def _refused(check: Callable[[Settings], object], settings: Settings) -> list[str]:
    try:
        check(settings)
    except BadSettings as exc:
        return str(exc.details["names"]).split(", ")
    return []
