"""Speech to text on this machine with faster-whisper and any Whisper model in CTranslate2's format."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Event

from faster_whisper import WhisperModel  # type: ignore[import-untyped]

import texts.errors
from constants import SAMPLE_RATE
from datamodels import EngineInfo, PartTranscript
from errors import ProviderError, WeightsRefused
from speech_to_text.local import (
    EngineThread,
    Samples,
    fingerprint,
    read_samples,
    speech_stretches,
    voice_activity_options,
)
from speech_to_text.port import OnHeard, PartLimits, tell_nobody
from speech_to_text.whisper_decoding import CHUNK_S, DECODING, WhisperDecoder
from speech_to_text.whisper_holes import Patch, patched, segments_of, words_in_holes
from speech_to_text.whisper_loading import TOKENIZER_FILE, load_model, load_tokenizer
from speech_to_text.whisper_passages import (
    Chunk,
    Heard,
    Languages,
    Stretch,
    chunks_by_language,
    chunks_of,
    main_language,
    smoothed_languages,
    surely_told,
)
from system.priority import at_own_priority

ENGINE_NAME = "faster-whisper"
LIMITS = PartLimits(target_s=60.0, longest_s=90.0)
"""Parts are what progress is told by, and what an interruption loses.

Six minutes in seven parts take the processor as long as in one, and have as many errors (Whisper base, measured).
"""

_MODEL_FILES = ("model.bin", "config.json", TOKENIZER_FILE)
"""The tokenizer is needed, too: without it faster-whisper would ask the model hub for one."""

_OPTIONAL_FILES = ("preprocessor_config.json", "vocabulary.json", "vocabulary.txt")
"""The first says how many mel filters the model hears by, where these are not 80."""

_COMPUTE_TYPE = "int8_float32"
_VAD = voice_activity_options(CHUNK_S)

_RULES = 1
"""Raised when the same samples give other words: it is part of the fingerprint."""


class WhisperSpeechToText:
    """``SpeechToText`` with the model in ``model_dir``; ``threads`` processor cores work on one part.

    The model is loaded when it is first needed. It works in a thread of its own, one part after the other: two parts at
    once, each with half of the threads, took as long on two cores.
    """

    def __init__(self, model_dir: Path, threads: int) -> None:
        """Fingerprint the files of the model; the model is loaded later.

        Raises:
            WeightsRefused: a file of the model is missing or unreadable.
        """
        self._model_dir = model_dir
        self._threads = threads
        self._model: WhisperModel | None = None
        self._loading = asyncio.Lock()
        self._thread = EngineThread("whisper")
        self._info = EngineInfo(name=ENGINE_NAME, model=model_dir.name, fingerprint=_fingerprint(model_dir))

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def limits(self) -> PartLimits:
        return LIMITS

    @property
    def concurrency(self) -> int:
        return 1

    async def transcribe(
        self,
        pcm: Path,
        start_s: float,
        end_s: float,
        language: str | None,
        hints: Sequence[str] = (),
        on_heard: OnHeard = tell_nobody,
    ) -> PartTranscript:
        """See ``SpeechToText.transcribe``. The language is "" when nobody speaks and none was given.

        When the caller is cancelled, the work stops at the end of a batch, seconds later; the next part waits for that.
        """
        model = await self.loaded()
        given = language if model.model.is_multilingual else "en"

        def transcribe(stop: Event) -> PartTranscript:
            samples = read_samples(pcm, start_s, end_s)
            return _transcribed(WhisperDecoder(model, samples, stop, hints, on_heard), samples, given)

        return await self._thread.run(transcribe)

    async def check(self) -> None:
        """Load the model.

        Raises:
            WeightsRefused: the model does not load.
        """
        await self.loaded()

    async def close(self) -> None:
        await self._thread.close()
        if self._model is not None:
            self._model.model.unload_model()
            self._model = None

    async def loaded(self) -> WhisperModel:
        """Return the model; it is loaded when first asked for.

        Raises:
            WeightsRefused: the model does not load, or hears by other features than its directory says.
        """
        async with self._loading:
            if self._model is None:
                self._model = await self._load()
            return self._model

    async def _load(self) -> WhisperModel:
        folder = self._model_dir
        try:
            tokenizer = await at_own_priority(lambda: load_tokenizer(folder / TOKENIZER_FILE))
            model = await self._thread.run(lambda _: load_model(folder, tokenizer, _COMPUTE_TYPE, self._threads))
        except (RuntimeError, ValueError, LookupError, TypeError, OSError) as exc:
            raise WeightsRefused(name=folder.name, reason=texts.errors.WEIGHTS_DO_NOT_LOAD) from exc
        if model.model.n_mels != len(model.feature_extractor.mel_filters):
            reason = texts.errors.WEIGHTS_OTHER_FEATURES.format(file=_OPTIONAL_FILES[0])
            raise WeightsRefused(name=folder.name, reason=reason)
        return model


def _transcribed(decoder: WhisperDecoder, samples: Samples, language: str | None) -> PartTranscript:
    try:
        return WhisperPart(decoder, speech_stretches(samples, CHUNK_S), language).transcript()
    except (RuntimeError, ValueError, MemoryError) as exc:
        raise ProviderError(provider=ENGINE_NAME, reason=type(exc).__name__) from exc


class WhisperPart:
    """The passes over one part: chunks in batches, by language where there are several, and the holes alone."""

    def __init__(self, decoder: WhisperDecoder, stretches: Sequence[Stretch], language: str | None) -> None:
        self._decoder = decoder
        self._stretches = stretches
        self._given = language
        self._language, self._sure = language or "", True

    def transcript(self) -> PartTranscript:
        if not self._stretches:
            return PartTranscript(language=self._language, segments=())
        heard = self._first_pass()
        patches = self._holes(heard)
        if self._given is None and any(language != self._language for language, _, _ in patches):
            # Another language hides in chunks that were taken for the main one.
            heard = self._by_language()
            patches = self._holes(heard)
        spoken = [(each.language, word) for each in heard for word in each.words]
        for patch in patches:
            spoken = patched(spoken, *patch)
        return PartTranscript(language=self._language, sure=self._sure, segments=segments_of(spoken, self._language))

    def _first_pass(self) -> list[Heard]:
        votes: list[tuple[float, Languages]] = []

        def language_of(chunk: Chunk, languages: Languages) -> str:
            votes.append((chunk.seconds, languages))
            if self._given is not None:
                return self._given
            return surely_told(chunk.seconds, languages) or main_language(votes)[0]

        heard = self._decoder.chunks(chunks_of(self._stretches, CHUNK_S), language_of)
        if self._given is not None:
            return heard
        votes = [(each.chunk.seconds, each.languages) for each in heard]
        self._language, self._sure = main_language(votes)
        if any(surely_told(*vote) not in {None, self._language} for vote in votes):
            return self._by_language()
        return heard

    def _by_language(self) -> list[Heard]:
        """Hear the part again, in chunks that have one language each."""
        told = [((end - start) / SAMPLE_RATE, self._decoder.languages((start, end))) for start, end in self._stretches]
        languages = smoothed_languages(told, self._language)
        by_language = chunks_by_language(self._stretches, languages, CHUNK_S)
        language_of = {chunk: language for language, chunk in by_language}
        return self._decoder.chunks([chunk for _, chunk in by_language], lambda chunk, _: language_of[chunk])

    def _holes(self, heard: Sequence[Heard]) -> list[Patch]:
        words = [word for each in heard for word in each.words]
        return words_in_holes(self._decoder, self._stretches, words, self._language)


def _fingerprint(model_dir: Path) -> str:
    identity = f"{version('faster-whisper')} {version('ctranslate2')} {_COMPUTE_TYPE} {DECODING} {_VAD} {_RULES}"
    optional = (model_dir / name for name in _OPTIONAL_FILES)
    return fingerprint(
        identity, [*(model_dir / name for name in _MODEL_FILES), *(path for path in optional if path.exists())]
    )
