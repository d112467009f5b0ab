"""Speech to text on this machine: which models hear, and how better ones come while others hear.

GigaAM hears Russian as soon as its weights are there, and a larger Whisper all else; until then Whisper base hears all.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import structlog

import texts.models
from application.endpoints import speech_endpoint
from config import AsrEngine, Settings
from errors import BadSettings, OutOfResources, ProviderError, WeightsRefused
from speech_to_text.port import SpeechToText
from system import optional_packages
from weights.installer import MANIFEST, are_there
from weights.manifest import load_weights

log = structlog.get_logger(__name__)

BASE = "whisper-base"
GIGAAM = "gigaam-v3"
AGAIN_S = 3600.0
"""Seconds between two tries of a process that runs for long; commands try again after a day."""
_A_DAY_S = 86_400.0
_BOTH = "speech_to_text.two_models"


class GetWeights(Protocol):
    """Returns where weights are, and fetches them if they are not there and ``fetch`` is set."""

    async def __call__(self, name: str, *, fetch: bool = True) -> Path: ...


@dataclass(frozen=True)
class Engine:
    """A speech-to-text engine on this machine: the names of its class and of its module, which is imported late."""

    module: str
    engine: str

    def make(self, folder: Path, threads: int) -> SpeechToText:
        engine: Callable[[Path, int], SpeechToText] = getattr(import_module(self.module), self.engine)
        return engine(folder, threads)


WHISPER = Engine("speech_to_text.whisper", "WhisperSpeechToText")
ONNX = Engine("speech_to_text.onnx", "OnnxSpeechToText")
LOCAL_SPEECH = {AsrEngine.AUTO: WHISPER, AsrEngine.WHISPER: WHISPER, AsrEngine.ONNX: ONNX}
"""The local engine of every ``AsrEngine`` but ``OPENAI``. Only the engine in use is imported, loaded and downloaded."""


def needed_weights(settings: Settings) -> str | None:
    """Return the weights without which nothing is heard; None when the operator has given others. Blocking."""
    if settings.asr_model_dir is not None:
        return None
    if settings.asr_engine is AsrEngine.ONNX:
        return GIGAAM
    larger = f"whisper-{settings.whisper_model}"
    return larger if are_there(larger, settings.persistent_dir / "models") else BASE


def better_weights(settings: Settings) -> tuple[str, ...]:
    """Return the weights that are used as soon as they are there, the most useful first.

    Raises:
        BadSettings: as ``speech_endpoint``.
    """
    if settings.asr_model_dir is not None or speech_endpoint(settings) is not None:
        return ()
    russian = [GIGAAM] if settings.asr_engine is AsrEngine.AUTO and optional_packages.GIGAAM.is_installed else []
    larger = f"whisper-{settings.whisper_model}"
    whisper = [larger] if settings.asr_engine is not AsrEngine.ONNX and larger != BASE else []
    return (*russian, *whisper)


def models_in_use(settings: Settings) -> str:
    """Return the names of the models that hear, told from what is on the disk. Blocking."""
    if settings.asr_model_dir is not None:
        return settings.asr_model_dir.name
    needed = str(needed_weights(settings))
    hears_russian = GIGAAM in better_weights(settings) and are_there(GIGAAM, settings.persistent_dir / "models")
    return f"{GIGAAM}+{needed}" if hears_russian else needed


class LocalSpeech:
    """Makes the engine of this machine by what is there; ``notice`` is what people are told of models that are not."""

    def __init__(self, settings: Settings, weights: GetWeights, threads: int) -> None:
        self._settings = settings
        self._weights = weights
        self._threads = threads
        self._models_dir = settings.persistent_dir / "models"
        self._made: dict[tuple[str, ...], SpeechToText] = {}
        self.notice: str | None = None

    @property
    def module(self) -> str:
        """The module that hears, to be imported early."""
        return _BOTH if GIGAAM in models_in_use(self._settings) else LOCAL_SPEECH[self._settings.asr_engine].module

    @property
    def missing(self) -> tuple[str, ...]:
        """The better weights that are not there."""
        return tuple(name for name in better_weights(self._settings) if not are_there(name, self._models_dir))

    async def engine(self) -> SpeechToText:
        """Return the best engine that can be made of what is there; only what is needed is fetched.

        Raises:
            WeightsRefused, ProviderUnavailable, ClosedModels, DiskFull: the weights that are needed cannot be had.
            MissingProgram: a library is not installed.
        """
        settings = self._settings
        optional_packages.SPEECH.require()
        if settings.asr_model_dir is not None:
            return self._one(LOCAL_SPEECH[settings.asr_engine], settings.asr_model_dir)
        if settings.asr_engine is AsrEngine.ONNX:
            return self._one(ONNX, await self._weights(GIGAAM))
        better = {name: folder for name in better_weights(settings) if (folder := await self._if_there(name))}
        russian = better.pop(GIGAAM, None)
        whisper = self._one(WHISPER, next(iter(better.values()), None) or await self._weights(BASE))
        return whisper if russian is None else self._both(self._one(ONNX, russian), whisper)

    async def fetch_better(self, *, anew: bool = False) -> None:
        """Fetch better models that are not there, unless a try failed within a day; ``anew`` tries all the same.

        What fails is logged and told in ``notice``: other models hear meanwhile.
        """
        self.notice = None
        for name in better_weights(self._settings):
            failed = self._models_dir / f".{name}.failed"
            lately = not anew and _age_s(failed) < _A_DAY_S
            if not are_there(name, self._models_dir) and (lately or self._settings.model_hub == "off"):
                continue
            try:
                await self._weights(name)
            except (ProviderError, BadSettings, OutOfResources) as exc:
                log.warning("better_model_not_fetched", name=name, error=exc.code, reason=str(exc))
                is_damaged = isinstance(exc, WeightsRefused)
                self._tell(texts.models.NOT_USED if is_damaged else texts.models.NOT_FETCHED, name)
                with suppress(OSError):  # nothing can be noted in a folder that we may only read
                    failed.touch()

    async def close(self) -> None:
        """Close all engines that were made."""
        for engine in self._made.values():
            await engine.close()

    async def _if_there(self, name: str) -> Path | None:
        """Return where better weights are; None when they are not there or not right."""
        if not are_there(name, self._models_dir):
            return None
        try:
            return await self._weights(name, fetch=False)
        except (ProviderError, WeightsRefused) as exc:
            log.warning("better_model_not_used", name=name, error=exc.code, reason=str(exc))
            self._tell(texts.models.NOT_USED, name)
            return None

    def _tell(self, notice: str, name: str) -> None:
        used = [title_of(each) for each in models_in_use(self._settings).split("+") if each != name]
        self.notice = notice.format(title=title_of(name), used=", ".join(used) or title_of(BASE), name=name)

    def _one(self, engine: Engine, folder: Path) -> SpeechToText:
        key = (engine.engine, str(folder))
        if key not in self._made:
            self._made[key] = engine.make(folder, self._threads)
        return self._made[key]

    def _both(self, russian: SpeechToText, others: SpeechToText) -> SpeechToText:
        # One Whisper in memory, whatever came later: an engine that is at work goes on.
        key = (russian.info.fingerprint, others.info.fingerprint)
        if key not in self._made:
            self._made[key] = import_module(_BOTH).TwoModelsSpeechToText(russian, others)
        return self._made[key]


def title_of(name: str) -> str:
    """Return what people call the model with these weights."""
    try:
        speech = load_weights(MANIFEST, name).speech
    except WeightsRefused:
        return name
    return speech.title if speech else name


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
