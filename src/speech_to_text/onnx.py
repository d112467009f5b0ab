"""Speech to text on this machine with GigaAM, the best small recogniser of Russian, through onnx-asr."""

import importlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from math import exp
from pathlib import Path
from threading import Event, Lock
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors  # type: ignore[import-untyped]

import texts.errors
from constants import SAMPLE_RATE
from datamodels import EngineInfo, PartTranscript, Word
from errors import MissingProgram, ProviderError, ProviderRejectedRequest, WeightsRefused
from speech_to_text.local import (
    EngineThread,
    Samples,
    end_when_stopped,
    fingerprint,
    read_samples,
    speech_chunks,
    utterances,
)
from speech_to_text.port import OnHeard, PartLimits, tell_nobody

ENGINE_NAME = "onnx-asr"
LANGUAGE = "ru"
LIMITS = PartLimits(target_s=60.0, longest_s=90.0)
"""As in ``speech_to_text.whisper``; chunks are shorter yet, and each is heard alone."""

LONGEST_CHUNK_S = 22.0
"""GigaAM takes up to 25 s at once; for longer recordings its own ``segment_audio_file`` cuts at 22 s."""

_MODELS = {
    "v3_e2e_rnnt_encoder": "gigaam-v3-e2e-rnnt",
    "v3_e2e_ctc": "gigaam-v3-e2e-ctc",
    "v3_rnnt_encoder": "gigaam-v3-rnnt",
    "v3_ctc": "gigaam-v3-ctc",
    "v2_rnnt_encoder": "gigaam-v2-rnnt",
    "v2_ctc": "gigaam-v2-ctc",
}
"""onnx-asr's names of the models, by the stem of a file that only this model has. The best come first."""

_QUANTIZATIONS = (None, "int8")
_CONFIG = "config.json"
_DEFAULT_VERSION = "v2"
"""Whose features onnx-asr makes when ``config.json`` does not tell; with those of another version text is nonsense."""

_RULES = 1
"""Raised when the same samples give other words: it is part of the fingerprint."""

_LAST_TOKEN_S = 0.12
"""Seconds that a word sounds on after its last token was emitted, unless the next word begins earlier."""

_ONNX_ERRORS = (
    onnxruntime_errors.EPFail,
    onnxruntime_errors.Fail,
    onnxruntime_errors.InvalidArgument,
    onnxruntime_errors.InvalidGraph,
    onnxruntime_errors.InvalidProtobuf,
    onnxruntime_errors.NoSuchFile,
    onnxruntime_errors.NotImplemented,
    onnxruntime_errors.RuntimeException,
)
"""The errors of onnxruntime, which have no common base but ``Exception``."""


class OnnxSpeechToText:
    """``SpeechToText`` with the GigaAM model in ``model_dir``; ``threads`` processor cores work on one chunk."""

    def __init__(self, model_dir: Path, threads: int) -> None:
        """Find out which model ``model_dir`` has; the model is loaded later.

        Raises:
            MissingProgram: onnx-asr is not installed.
            WeightsRefused: the directory has no model that is known.
        """
        # Imported only when chosen: most people have no such model, and need not have the package.
        try:
            self._onnx_asr: Any = importlib.import_module("onnx_asr")
        except ImportError as exc:
            raise MissingProgram(program="onnx-asr (pip install -r requirements-local.txt)") from exc
        self._model_dir = model_dir
        self._threads = threads
        self._name, self._quantization, self._model_file = _model_in(model_dir)
        _check_features(model_dir, self._model_file)
        self._model: Any = None
        self._loading = Lock()
        self._thread = EngineThread("onnx-asr")
        identity = f"{version('onnx-asr')} {self._name} {self._quantization} {LONGEST_CHUNK_S} {_RULES}"
        files = sorted(path for path in model_dir.iterdir() if path.suffix in {".onnx", ".txt", ".data"})
        config = [model_dir / _CONFIG] if (model_dir / _CONFIG).exists() else []
        self._info = EngineInfo(
            name=ENGINE_NAME, model=self._name, fingerprint=fingerprint(identity, [*files, *config])
        )

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
        hints: Sequence[str] = (),  # noqa: ARG002  # it has no prompt
        on_heard: OnHeard = tell_nobody,
    ) -> PartTranscript:
        """See ``SpeechToText.transcribe``.

        Raises:
            ProviderRejectedRequest: a language other than Russian is asked for.
        """
        if language not in {None, LANGUAGE}:
            raise ProviderRejectedRequest(provider=ENGINE_NAME, reason=texts.errors.REASON_RUSSIAN_ONLY)
        return await self._thread.run(lambda stop: self._transcribe(read_samples(pcm, start_s, end_s), stop, on_heard))

    async def check(self) -> None:
        """Load the model.

        Raises:
            WeightsRefused: the model does not load.
        """
        await self._thread.run(lambda _: self.loaded())

    async def close(self) -> None:
        await self._thread.close()
        self._model = None

    def loaded(self) -> Any:
        """Return the model; it is loaded when first asked for. Blocking.

        Raises:
            WeightsRefused: the model does not load.
        """
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _load(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        try:
            model = self._onnx_asr.load_model(
                self._name,
                self._model_dir,
                quantization=self._quantization,
                sess_options=options,
                providers=["CPUExecutionProvider"],
            )
        except (*_ONNX_ERRORS, OSError, ValueError) as exc:
            raise WeightsRefused(name=self._name, reason=texts.errors.WEIGHTS_DO_NOT_LOAD) from exc
        return model.with_timestamps()

    def _transcribe(self, samples: Samples, stop: Event, on_heard: OnHeard) -> PartTranscript:
        words = self.words(samples, speech_chunks(samples, LONGEST_CHUNK_S), stop, on_heard)
        return PartTranscript(language=LANGUAGE, segments=utterances(words))

    def words(self, samples: Samples, chunks: Sequence[tuple[int, int]], stop: Event, on_heard: OnHeard) -> list[Word]:
        """Return what is heard in ``chunks``, ranges of ``samples`` of at most ``LONGEST_CHUNK_S`` each. Blocking.

        Raises:
            WeightsRefused: the model does not load.
            ProviderError: it failed.
        """
        model = self.loaded()
        words: list[Word] = []
        for start, end in chunks:
            end_when_stopped(stop)
            try:
                heard = model.recognize(samples[start:end])
            except (*_ONNX_ERRORS, ValueError, MemoryError) as exc:
                raise ProviderError(provider=ENGINE_NAME, reason=type(exc).__name__) from exc
            words += words_of(heard.tokens, heard.timestamps, heard.logprobs, start / SAMPLE_RATE, end / SAMPLE_RATE)
            on_heard(end / len(samples))
        return words


def _model_in(model_dir: Path) -> tuple[str, str | None, Path]:
    """Return onnx-asr's name of the model in the directory, its quantization, and the file that it was known by.

    Raises:
        WeightsRefused: the directory has no model that is known.
    """
    for stem, name in _MODELS.items():
        for quantization in _QUANTIZATIONS:
            file = model_dir / f"{stem}.{quantization}.onnx" if quantization else model_dir / f"{stem}.onnx"
            if file.is_file():
                return name, quantization, file
    reason = texts.errors.MODEL_FILE_UNREADABLE.format(file="v3_e2e_rnnt_encoder.onnx")
    raise WeightsRefused(name=model_dir.name, reason=reason)


def _check_features(model_dir: Path, model_file: Path) -> None:
    """Raise ``WeightsRefused`` unless ``config.json`` tells the version of the model: its features are made by it."""
    try:
        told = json.loads((model_dir / _CONFIG).read_text(encoding="utf-8")).get("version", _DEFAULT_VERSION)
    except FileNotFoundError:
        told = _DEFAULT_VERSION
    except (OSError, ValueError, AttributeError) as exc:
        reason = texts.errors.MODEL_FILE_UNREADABLE.format(file=_CONFIG)
        raise WeightsRefused(name=model_dir.name, reason=reason) from exc
    if told != model_file.name.partition("_")[0]:
        raise WeightsRefused(name=model_dir.name, reason=texts.errors.WEIGHTS_OTHER_FEATURES.format(file=_CONFIG))


def words_of(
    tokens: Sequence[str], timestamps: Sequence[float], logprobs: Sequence[float], start_s: float, end_s: float
) -> list[Word]:
    """Join ``tokens`` into words, each with a space before it.

    ``timestamps`` are seconds after ``start_s``, and are added to it; no word ends after ``end_s``. Between words, a
    model of letters emits a space as a token; a model of word pieces begins the next piece with the space.
    """
    spelled = list(_spelled(tokens))
    words: list[Word] = []
    for number, (first, last) in enumerate(spelled):
        begins = min(start_s + timestamps[first], end_s)
        following = start_s + timestamps[spelled[number + 1][0]] if number + 1 < len(spelled) else end_s
        ends = max(begins, min(start_s + timestamps[last] + _LAST_TOKEN_S, following, end_s))
        probability = min(exp(sum(logprobs[first : last + 1]) / (last + 1 - first)), 1.0)
        text = "".join(tokens[first : last + 1]).strip()
        words.append(Word(start=begins, end=ends, text=f" {text}", probability=probability))
    return words


def _spelled(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the positions of the first and the last token of each word, spaces left out."""
    first: int | None = None
    last = 0
    for position, token in enumerate(tokens):
        if token.startswith(" ") and first is not None:
            yield first, last
            first = None
        if token.strip():
            first = position if first is None else first
            last = position
    if first is not None:
        yield first, last
