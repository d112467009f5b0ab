"""Which engines are in use, and whether each works."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

import texts.avatars
import texts.cli
import texts.models
import texts.operation
from application.engines import EnginePool
from application.images import open_images, rules_of
from application.knowledge_index import make_reranker
from application.local_speech import title_of
from application.objects import open_objects
from application.parts import open_database
from audio import BUILT_IN, find_ffmpeg
from cli.display import Display
from cli.model_seen import seen
from config import ROOT, Settings, env_file_is_open
from embedded.engines import Engines as EmbeddedEngines
from errors import BadSettings, VoxPersonaError
from errors_of_operation import OpenSettings
from jobs.context import spare_processors
from prices import is_free, shutdown_date
from prompt_pack.pack import load_pack
from utils import human_size
from weights.installer import MANIFEST
from weights.manifest import load_weights

Check = Callable[[], Awaitable[str]]
"""Tries one part. Returns a description of the engine in use; raises the error that using this engine would raise."""


async def examine(settings: Settings, display: Display) -> int:
    """Try every part and print a table.

    Returns:
        0, or the highest exit status among the errors of parts that do not work.
    """
    table = Table(*texts.cli.DOCTOR_COLUMNS)
    status = 0
    if env_file_is_open():
        table.add_row(texts.cli.DOCTOR_SETTINGS, ".env", texts.operation.ENV_OPEN)
        status = OpenSettings.exit_status if settings.production else 0
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        for name, check in _checks(settings, embedded, display).items():
            try:
                table.add_row(texts.cli.DOCTOR_ROWS[name], await check(), texts.cli.DOCTOR_OK)
            except VoxPersonaError as exc:
                table.add_row(texts.cli.DOCTOR_ROWS[name], "—", exc.user_text)
                status = max(status, exc.exit_status)
    table.add_row(*_telegram(settings))
    Console(highlight=False).print(table)
    return status


def _checks(settings: Settings, embedded: EmbeddedEngines, display: Display) -> dict[str, Check]:
    async def database() -> str:
        opened = await open_database(settings, embedded)
        try:
            await opened.check()
        finally:
            await opened.close()
        return _where(settings.database_url is not None)

    async def objects() -> str:
        store = await open_objects(settings, display.advance)
        try:
            await store.check()
        finally:
            store.close()
        return _where(settings.minio_endpoint is not None)

    async def ffmpeg() -> str:
        found = find_ffmpeg(settings.ffmpeg)
        return texts.cli.DOCTOR_EMBEDDED if found == BUILT_IN else str(found)

    async def pack() -> str:
        loaded = await asyncio.to_thread(load_pack, ROOT / "prompts")
        reports = sum(len(scenario.reports) for scenario in loaded.scenarios)
        return texts.cli.DOCTOR_PACK.format(scenarios=len(loaded.scenarios), reports=reports)

    async def disk() -> str:
        settings.persistent_dir.mkdir(parents=True, exist_ok=True)
        return texts.cli.DOCTOR_DISK.format(free=human_size(shutil.disk_usage(settings.persistent_dir).free))

    async def order() -> str:
        reranker = make_reranker(settings)
        if reranker is None:
            return texts.cli.DOCTOR_OFF
        try:
            await reranker.check()
        finally:
            await reranker.close()
        return reranker.name

    optional: dict[str, Check] = {} if settings.reranker_base_url is None else {"order": order}
    return {
        "database": database,
        "objects": objects,
        "ffmpeg": ffmpeg,
        "pack": pack,
        "speech": lambda: _with_pool(settings, embedded, display, _speech),
        "speakers": lambda: _with_pool(settings, embedded, display, _speakers),
        "language": lambda: _with_pool(settings, embedded, display, _language),
        "meaning": lambda: _with_pool(settings, embedded, display, _meaning),
        "avatars": lambda: _avatars(settings),
        "voice": lambda: _with_pool(settings, embedded, display, _voice),
        **optional,
        "disk": disk,
    }


def _telegram(settings: Settings) -> tuple[str, str, str]:
    """Return the row of Telegram: only the bot itself can sign in, a second one beside it would be one too many."""
    needed = ("telegram_bot_token", "telegram_api_id", "telegram_api_hash")
    missing = [name.upper() for name in needed if getattr(settings, name) is None]
    if missing:
        return "Telegram", "—", texts.cli.DOCTOR_NO_TELEGRAM.format(names=", ".join(missing))
    return "Telegram", texts.cli.DOCTOR_CONFIGURED, texts.cli.DOCTOR_TELEGRAM


async def _avatars(settings: Settings) -> str:
    rules = rules_of(settings)
    if rules is None:
        return texts.avatars.OFF_NO_KEY
    if rules.is_test and settings.production:
        raise BadSettings(names="FAL_TRAINING_TEST_MODE")
    if rules.is_test:
        return texts.avatars.ON_TEST
    async with open_images(settings, with_double=False) as images:
        assert images is not None  # noqa: S101  # there are rules
        await images.queue.check()
    return texts.avatars.ON.format(trainer=rules.trainer, price=f"{rules.training_usd:.2f}".replace(".", ","))


async def _with_pool(
    settings: Settings, embedded: EmbeddedEngines, display: Display, check: Callable[[EnginePool], Awaitable[str]]
) -> str:
    pool = EnginePool(settings, embedded, find_ffmpeg(settings.ffmpeg), display.advance, spare_processors())
    try:
        return await check(pool)
    finally:
        await pool.close()


async def _speech(pool: EnginePool) -> str:
    engine = await pool.speech_to_text()
    await engine.check()
    better = (_better(name) for name in await asyncio.to_thread(lambda: pool.missing_speech))
    notice = [pool.speech_notice] if pool.speech_notice else []
    return "\n".join([_model(engine.info.name, engine.info.model), *notice, *better])


def _better(name: str) -> str:
    size = human_size(load_weights(MANIFEST, name).size)
    return texts.models.BETTER.format(title=title_of(name), size=size, name=name)


async def _speakers(pool: EnginePool) -> str:
    await pool.voice_encoder()
    return texts.cli.DOCTOR_EMBEDDED


async def _language(pool: EnginePool) -> str:
    # Late: its libraries take seconds to load.
    from language_model.examination import examined  # noqa: PLC0415
    from language_model.openai import OpenAILanguageModel  # noqa: PLC0415

    model = await pool.language_model()
    if model is None:
        return texts.cli.DOCTOR_OFF
    named = _model(model.info.name, model.info.model)
    if is_free(model.info.name) or not isinstance(model, OpenAILanguageModel):
        await model.check()
        return named
    return f"{named}\n{seen(await examined(model))}"


async def _meaning(pool: EnginePool) -> str:
    embeddings = await pool.embeddings()
    if embeddings is None:
        return texts.cli.DOCTOR_SEARCH_OFF
    await embeddings.check()
    model, _, engine = embeddings.model.rpartition("@")
    return _model(engine, model)


async def _voice(pool: EnginePool) -> str:
    voice = await pool.text_to_speech()
    if voice is None:
        return texts.cli.DOCTOR_NO_VOICE
    await voice.check()
    return voice.voice


def _model(engine: str, model: str) -> str:
    ends = shutdown_date(model)
    notes = [texts.cli.DOCTOR_SHUTDOWN.format(date=f"{ends:%d.%m.%Y}")] if ends else []
    return ", ".join([f"{engine}: {model}", *notes])


def _where(configured: bool) -> str:
    return texts.cli.DOCTOR_CONFIGURED if configured else texts.cli.DOCTOR_EMBEDDED
