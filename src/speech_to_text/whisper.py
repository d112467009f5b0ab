"""Speech to text on this machine with faster-whisper and any Whisper model in CTranslate2's format."""

import os
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]

import texts.errors
from datamodels import EngineInfo, PartTranscript, Word
from errors import ProviderError, WeightsRefused
from speech_to_text.local import (
    EngineThread,
    Samples,
    end_when_stopped,
    read_samples,
    speech_chunks,
    utterances,
    voice_activity_options,
)
from speech_to_text.port import PartLimits

ENGINE_NAME = "faster-whisper"
LIMITS = PartLimits(target_s=300.0, longest_s=420.0)
"""Small: an interruption loses little, and memory stays low. An hour of speech peaks at 0.78 GB (measured)."""

_MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
"""The tokenizer is needed, too: without it faster-whisper would ask the model hub for one."""

_COMPUTE_TYPE = "int8_float32"

_DECODING = {
    "beam_size": 5,
    # One try: the ladder of temperatures takes up to six times as long, and what it samples was never said. It is also
    # entered without need: two bytes a letter make ordinary Russian look repetitive to its compression ratio.
    "temperature": 0.0,
    "condition_on_previous_text": False,
    # Words carry the times. Without timestamp tokens fewer words are wrong (0.104, not 0.121) and decoding is faster.
    "without_timestamps": True,
    "word_timestamps": True,
    # More at once is no faster on two cores, needs more memory, and takes longer to stop.
    "batch_size": 2,
}

_CHUNK_S = 30.0
_VAD = voice_activity_options(_CHUNK_S)

_LANGUAGE_WINDOWS = 3
_SURE = 0.9
_UNSURE = 0.5
_FALLBACK_LANGUAGE = "ru"
"""Taken for noise and single words, which are as likely in every language: most recordings are Russian."""

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

    async def transcribe(self, pcm: Path, start_s: float, end_s: float, language: str | None) -> PartTranscript:
        """See ``SpeechToText.transcribe``. The language is "" when nobody speaks and none was given.

        When the caller is cancelled, the work stops at the end of a batch, seconds later; the next part waits for that.
        """
        return await self._thread.run(lambda stop: self._transcribe(pcm, start_s, end_s, language, stop))

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

    def _transcribe(self, pcm: Path, start_s: float, end_s: float, language: str | None, stop: Event) -> PartTranscript:
        model = self._loaded()
        samples = read_samples(pcm, start_s, end_s)
        try:
            language = language or _detected_language(model, samples)
            if not language:
                return PartTranscript(language="", segments=())
            found, _ = BatchedInferencePipeline(model).transcribe(
                samples, language=language, vad_filter=True, vad_parameters=_VAD, **_DECODING
            )
            words = _words(found, end_s - start_s, stop)
        except (RuntimeError, ValueError, MemoryError) as exc:
            raise ProviderError(provider=ENGINE_NAME, reason=type(exc).__name__) from exc
        return PartTranscript(language=language, segments=utterances(words))


def _words(found: Iterable[Any], duration_s: float, stop: Event) -> list[Word]:
    """Decode the segments ``found`` one by one, and return their words in order.

    The times of words come from the model's attention. Words may touch but never overlap.
    """
    words: list[Word] = []
    now = 0.0
    for segment in found:
        end_when_stopped(stop)
        for number, word in enumerate(segment.words or ()):
            start = min(max(float(word.start), now), duration_s)
            now = min(max(float(word.end), start), duration_s)
            if number and not word.word[0].isalnum() and not word.word[0].isspace():
                # The rest of «ill-disposed», «3.5» and «10%», which the tokenizer takes apart.
                words[-1] = words[-1].model_copy(update={"text": words[-1].text + word.word, "end": now})
                continue
            text = word.word if number else f" {word.word.lstrip()}"
            words.append(Word(start=start, end=now, text=text, probability=float(word.probability)))
    return words


def _detected_language(model: WhisperModel, samples: Samples) -> str:
    """Return the language that up to three windows of speech, spread over the part, vote for; "" without speech.

    A model that knows English alone always gives "en". When the windows are unsure, ``_FALLBACK_LANGUAGE`` is returned.
    """
    if not model.model.is_multilingual:
        return "en"
    chunks = speech_chunks(samples, _CHUNK_S)
    if not chunks:
        return ""
    votes: Counter[str] = Counter()
    windows = {position * (len(chunks) - 1) // (_LANGUAGE_WINDOWS - 1): None for position in range(_LANGUAGE_WINDOWS)}
    for asked, window in enumerate(windows, start=1):
        _, _, probabilities = model.detect_language(audio=samples[slice(*chunks[window])])
        votes.update(dict(probabilities))
        language, votes_for_it = votes.most_common(1)[0]
        if votes_for_it / asked >= _SURE:
            return language
    return language if votes_for_it / len(windows) >= _UNSURE else _FALLBACK_LANGUAGE


def _fingerprint(model_dir: Path) -> str:
    """Return a hash of versions, settings, and size, head and tail of each of the model's files.

    The files are not hashed whole: gigabytes would delay every start.
    """
    digest = sha256(f"{version('faster-whisper')} {version('ctranslate2')} {_COMPUTE_TYPE} {_DECODING} {_VAD}".encode())
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
