"""Speech to text on this machine with faster-whisper and any Whisper model in CTranslate2's format."""

import os
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from threading import Event

from faster_whisper import WhisperModel  # type: ignore[import-untyped]
from faster_whisper.vad import get_speech_timestamps  # type: ignore[import-untyped]

import texts.errors
from constants import SAMPLE_RATE
from datamodels import EngineInfo, PartTranscript, Segment, Word
from errors import ProviderError, WeightsRefused
from speech_to_text.local import EngineThread, read_samples, utterances, voice_activity_options
from speech_to_text.port import PartLimits
from speech_to_text.whisper_decoding import CHUNK_S, DECODING, WhisperDecoder
from speech_to_text.whisper_passages import (
    Chunk,
    Heard,
    Languages,
    Stretch,
    chunks_by_language,
    chunks_of,
    holes,
    main_language,
    smoothed_languages,
    surely_told,
    without_repeats,
)

ENGINE_NAME = "faster-whisper"
LIMITS = PartLimits(target_s=300.0, longest_s=420.0)
"""Small: an interruption loses little, and memory stays low. An hour of speech peaks at 0.78 GB (measured)."""

_MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
"""The tokenizer is needed, too: without it faster-whisper would ask the model hub for one."""

_COMPUTE_TYPE = "int8_float32"
_VAD = voice_activity_options(CHUNK_S)

_RULES = 1
"""Raised when the same samples give other words: it is part of the fingerprint."""

_FINGERPRINT_BYTES = 1024 * 1024


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
        self, pcm: Path, start_s: float, end_s: float, language: str | None, hints: Sequence[str] = ()
    ) -> PartTranscript:
        """See ``SpeechToText.transcribe``. The language is "" when nobody speaks and none was given.

        When the caller is cancelled, the work stops at the end of a batch, seconds later; the next part waits for that.
        """
        return await self._thread.run(lambda stop: self._transcribe(pcm, start_s, end_s, language, hints, stop))

    async def check(self) -> None:
        """Load the model.

        Raises:
            WeightsRefused: the model does not load.
        """
        await self._thread.run(lambda _: self._loaded())

    async def close(self) -> None:
        await self._thread.close()
        if self._model is not None:
            self._model.model.unload_model()
            self._model = None

    def _loaded(self) -> WhisperModel:
        if self._model is None:
            try:
                self._model = WhisperModel(
                    str(self._model_dir), device="cpu", compute_type=_COMPUTE_TYPE, cpu_threads=self._threads
                )
            except (RuntimeError, ValueError, OSError) as exc:
                raise WeightsRefused(name=self._model_dir.name, reason=texts.errors.WEIGHTS_DO_NOT_LOAD) from exc
        return self._model

    def _transcribe(
        self, pcm: Path, start_s: float, end_s: float, language: str | None, hints: Sequence[str], stop: Event
    ) -> PartTranscript:
        model = self._loaded()
        samples = read_samples(pcm, start_s, end_s)
        if not model.model.is_multilingual:
            language = "en"
        try:
            found = get_speech_timestamps(samples, _VAD)
            stretches = [(int(each["start"]), int(each["end"])) for each in found]
            return _Part(WhisperDecoder(model, samples, stop, hints), stretches, language).transcript()
        except (RuntimeError, ValueError, MemoryError) as exc:
            raise ProviderError(provider=ENGINE_NAME, reason=type(exc).__name__) from exc


class _Part:
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
        for language, stretch, words in patches:
            spoken = _patched(spoken, language, stretch, words)
        return PartTranscript(language=self._language, sure=self._sure, segments=self._segments(spoken))

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

    def _holes(self, heard: Sequence[Heard]) -> list[tuple[str, Stretch, list[Word]]]:
        """Return the language, place and words of each hole in which words were found, each heard alone."""
        patches = []
        for stretch in holes(self._stretches, [word for each in heard for word in each.words]):
            language = self._language_of_hole(stretch)
            words = self._decoder.passage(stretch, language)
            if words:
                patches.append((language, stretch, words))
        return patches

    def _language_of_hole(self, stretch: Stretch) -> str:
        seconds = (stretch[1] - stretch[0]) / SAMPLE_RATE
        return surely_told(seconds, self._decoder.languages(stretch)) or self._language

    def _segments(self, spoken: Sequence[tuple[str, Word]]) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        for language, run in groupby(spoken, key=lambda each: each[0]):
            other = None if language == self._language else language
            found = utterances([word for _, word in run])
            segments += (segment.model_copy(update={"language": other}) if other else segment for segment in found)
        return tuple(segments)


def _patched(
    spoken: Sequence[tuple[str, Word]], language: str, stretch: Stretch, words: Sequence[Word]
) -> list[tuple[str, Word]]:
    """Put the words of a hole into their place; words before it that were drawn out over it end where they begin."""
    begin = stretch[0] / SAMPLE_RATE
    at = bisect_left(spoken, words[0].start, key=lambda each: each[1].start)
    before, after = list(spoken[:at]), list(spoken[at:])
    new = without_repeats([word for _, word in before], words, [word for _, word in after])
    if not new:
        return list(spoken)
    if before and before[-1][1].end > new[0].start:
        told, last = before[-1]
        before[-1] = told, last.model_copy(update={"end": max(last.start, min(begin, new[0].start))})
    limit = after[0][1].start if after else new[-1].end
    fitting = [word.model_copy(update={"start": min(word.start, limit), "end": min(word.end, limit)}) for word in new]
    return [*before, *((language, word) for word in fitting), *after]


def _fingerprint(model_dir: Path) -> str:
    """Return a hash of versions, settings, and size, head and tail of each of the model's files.

    The files are not hashed whole: gigabytes would delay every start.
    """
    digest = sha256(
        f"{version('faster-whisper')} {version('ctranslate2')} {_COMPUTE_TYPE} {DECODING} {_VAD} {_RULES}".encode()
    )
    for name in _MODEL_FILES:
        try:
            with (model_dir / name).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                digest.update(f"{name} {size}".encode())
                for position in (0, max(size - _FINGERPRINT_BYTES, 0)):
                    file.seek(position)
                    digest.update(file.read(_FINGERPRINT_BYTES))
        except OSError as exc:
            reason = texts.errors.MODEL_FILE_UNREADABLE.format(file=name)
            raise WeightsRefused(name=model_dir.name, reason=reason) from exc
    return digest.hexdigest()
