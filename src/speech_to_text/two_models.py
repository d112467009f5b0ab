"""Speech to text on this machine with two models at once: GigaAM hears Russian, Whisper all other languages.

Whisper tells the language of each stretch of speech, so that both work on one recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from threading import Event

from constants import SAMPLE_RATE
from datamodels import EngineInfo, PartTranscript, Word
from errors import ProviderError
from speech_to_text.local import EngineThread, Samples, joined_at_pauses, read_samples, speech_stretches
from speech_to_text.onnx import ENGINE_NAME, LANGUAGE, LONGEST_CHUNK_S, OnnxSpeechToText
from speech_to_text.port import OnHeard, PartLimits, tell_nobody
from speech_to_text.whisper import WhisperPart, WhisperSpeechToText
from speech_to_text.whisper_decoding import CHUNK_S, WhisperDecoder
from speech_to_text.whisper_holes import Spoken, patched, segments_of, words_in_holes
from speech_to_text.whisper_passages import Stretch, chunks_of, main_language, smoothed_languages

_RULES = 1
"""Raised when the same samples give other words: it is part of the fingerprint."""


class TwoModelsSpeechToText:
    """``SpeechToText`` with GigaAM for Russian and Whisper for all else."""

    def __init__(self, russian: OnnxSpeechToText, others: WhisperSpeechToText) -> None:
        """Take over both engines: closing this one closes them."""
        self._russian = russian
        self._others = others
        self._thread = EngineThread("speech")
        identity = f"{russian.info.fingerprint} {others.info.fingerprint} {_RULES}"
        self._info = EngineInfo(
            name=ENGINE_NAME,
            model=f"{russian.info.model}+{others.info.model}",
            fingerprint=sha256(identity.encode()).hexdigest(),
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def limits(self) -> PartLimits:
        return self._others.limits

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
        """See ``SpeechToText.transcribe``. Of a language that is given, the model for it hears everything.

        ``hints`` reach Whisper alone.
        """

        whisper = await self._others.loaded()

        def transcribe(stop: Event) -> PartTranscript:
            samples = read_samples(pcm, start_s, end_s)
            decoder = WhisperDecoder(whisper, samples, stop, hints, on_heard)
            return self._transcribe(decoder, samples, language, stop, on_heard)

        return await self._thread.run(transcribe)

    async def check(self) -> None:
        """Load both models.

        Raises:
            WeightsRefused: a model does not load.
        """
        await self._russian.check()
        await self._others.check()

    async def close(self) -> None:
        await self._thread.close()
        await self._russian.close()
        await self._others.close()

    def _transcribe(
        self, decoder: WhisperDecoder, samples: Samples, given: str | None, stop: Event, on_heard: OnHeard
    ) -> PartTranscript:
        stretches = speech_stretches(samples, LONGEST_CHUNK_S)
        try:
            if not stretches or given not in {None, LANGUAGE}:
                return WhisperPart(decoder, stretches, given).transcript()
            part = _Part(self._russian, decoder, samples, stretches, stop, on_heard)
            if given is not None:
                return part.transcript([given] * len(stretches), given, sure=True)
            told = [((end - start) / SAMPLE_RATE, decoder.languages((start, end))) for start, end in stretches]
            main, sure = main_language(told)
            languages = smoothed_languages(told, main)
            if LANGUAGE not in languages:
                return WhisperPart(decoder, stretches, None).transcript()
            return part.transcript(languages, main, sure=sure)
        except (RuntimeError, ValueError, MemoryError) as exc:
            raise ProviderError(provider=ENGINE_NAME, reason=type(exc).__name__) from exc


@dataclass(frozen=True)
class _Part:
    """One part with Russian in it; ``stretches`` is where somebody speaks."""

    russian: OnnxSpeechToText
    decoder: WhisperDecoder
    samples: Samples
    stretches: Sequence[Stretch]
    stop: Event
    on_heard: OnHeard

    def transcript(self, languages: Sequence[str], main: str, *, sure: bool) -> PartTranscript:
        """Hear runs of stretches of one language by the model for it, and speech without words once more by Whisper."""
        spoken: list[Spoken] = []
        for language, run in groupby(zip(languages, self.stretches, strict=True), key=lambda each: each[0]):
            passage = [stretch for _, stretch in run]
            spoken += ((language, word) for word in self._words(passage, language))
        for patch in words_in_holes(self.decoder, self.stretches, [word for _, word in spoken], main):
            spoken = patched(spoken, *patch)
        return PartTranscript(language=main, sure=sure, segments=segments_of(spoken, main))

    def _words(self, passage: Sequence[Stretch], language: str) -> list[Word]:
        if language == LANGUAGE:
            chunks = joined_at_pauses(passage, LONGEST_CHUNK_S)
            return self.russian.words(self.samples, chunks, self.stop, self.on_heard)
        heard = self.decoder.chunks(chunks_of(passage, CHUNK_S), lambda *_: language)
        return [word for each in heard for word in each.words]
