"""Whisper's own work, over faster-whisper: chunks in batches, and single passages one after the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Event
from typing import Any

import numpy as np
from faster_whisper import WhisperModel  # type: ignore[import-untyped]
from faster_whisper.audio import pad_or_trim  # type: ignore[import-untyped]
from faster_whisper.tokenizer import Tokenizer  # type: ignore[import-untyped]
from faster_whisper.transcribe import get_suppressed_tokens  # type: ignore[import-untyped]

from constants import SAMPLE_RATE
from datamodels import Word
from speech_to_text.local import Samples, end_when_stopped
from speech_to_text.port import OnHeard, tell_nobody
from speech_to_text.whisper_passages import Chunk, Heard, Languages, Stretch

CHUNK_S = 30.0
_LANGUAGE_OF_HINTS = "ru"
BATCH_SIZE = 2
"""More at once is no faster on two cores, needs more memory, and takes longer to stop."""

DECODING = {
    "beam_size": 5,
    # One try: the ladder of temperatures takes up to six times as long, and what it samples was never said. It is also
    # entered without need: two bytes a letter make ordinary Russian look repetitive to its compression ratio.
    "sampling_temperature": 0.0,
    "suppress_blank": True,
}
"""Words carry the times. Without timestamp tokens fewer words are wrong (0.104, not 0.121) and decoding is faster."""

_PLAIN = {
    "beam_size": 5,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "vad_filter": False,
}
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Marks that belong to the word after them and to the word before them, as faster-whisper has them."""

_LEAST_TELLING_S = 5.0
"""To tell a language, no more than the stretch is encoded, and at least so much. Text needs 30 s, but a language is
told as surely from its stretch alone, in a tenth of the time (measured)."""

LanguageOf = Callable[[Chunk, Languages], str]
"""Decides on the language of a chunk by the languages that it may be in."""


class WhisperDecoder:
    """One model at work on the ``samples`` of one part. ``hints`` stand before what it decodes, as if said."""

    def __init__(
        self,
        model: WhisperModel,
        samples: Samples,
        stop: Event,
        hints: Sequence[str] = (),
        on_heard: OnHeard = tell_nobody,
    ) -> None:
        self._hints = f" {', '.join(hints)}." if hints else ""
        self._model = model
        self._samples = samples
        self._stop = stop
        self._on_heard = on_heard

    def chunks(self, chunks: Sequence[Chunk], language_of: LanguageOf) -> list[Heard]:
        """Return what is heard in each chunk, decoded in batches, without timestamp tokens."""
        batches = (chunks[at : at + BATCH_SIZE] for at in range(0, len(chunks), BATCH_SIZE))
        return [heard for batch in batches for heard in self._batch(batch, language_of)]

    def languages(self, stretch: Stretch) -> Languages:
        """Return the languages that a stretch may be in; {} when the model knows English alone."""
        seconds = min(max((stretch[1] - stretch[0]) / SAMPLE_RATE, _LEAST_TELLING_S), CHUNK_S)
        frames = round(seconds * self._model.frames_per_second) // 2 * 2
        return self._languages(self._encoded([self._sound(Chunk((stretch,)))], frames))[0]

    def passage(self, stretch: Stretch, language: str) -> list[Word]:
        """Return the words of a stretch, decoded alone and with timestamp tokens: slower, but nothing is dropped."""
        end_when_stopped(self._stop)
        sound, prompt = self._samples[slice(*stretch)], self._hints_in(language).strip() or None
        found, _ = self._model.transcribe(sound, language=language, initial_prompt=prompt, **_PLAIN)
        chunk = Chunk((stretch,))
        return [word for segment in found for word in self._words(chunk, _fields(segment.words or ()))]

    def _batch(self, chunks: Sequence[Chunk], language_of: LanguageOf) -> list[Heard]:
        end_when_stopped(self._stop)
        frames = self._model.feature_extractor.nb_max_frames
        encoded = self._encoded([self._sound(chunk) for chunk in chunks], frames)
        first, last = chunks[0].stretches[0][0], chunks[-1].stretches[-1][1]
        # With large models to encode takes longer than to decode, and half a minute for both is long to wait.
        self._on_heard((first + last) / 2 / len(self._samples))
        told = self._languages(encoded)
        spoken = [language_of(chunk, languages) for chunk, languages in zip(chunks, told, strict=True)]
        if len(set(spoken)) > 1:
            # The alignment of words takes one language at once.
            return [heard for chunk in chunks for heard in self._batch([chunk], language_of)]
        words = self._decoded(encoded, chunks, spoken[0])
        self._on_heard(last / len(self._samples))
        return [Heard(*heard) for heard in zip(chunks, spoken, told, words, strict=True)]

    def _decoded(self, encoded: Any, chunks: Sequence[Chunk], language: str) -> list[tuple[Word, ...]]:
        model = self._model
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
        before = tokenizer.encode(self._hints_in(language)) if self._hints_in(language) else []
        prompt = model.get_prompt(tokenizer, before, without_timestamps=True)
        results = model.model.generate(
            encoded,
            [prompt] * len(chunks),
            max_length=model.max_length,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            **DECODING,
        )
        frames = [int(np.ceil(chunk.seconds) * model.frames_per_second) for chunk in chunks]
        segments = [
            [{"tokens": result.sequences_ids[0], "seek": 0, "start": 0.0, "end": chunk.seconds}]
            for result, chunk in zip(results, chunks, strict=True)
        ]
        model.add_word_timestamps(segments, tokenizer, encoded, frames, _PREPENDED, _APPENDED, 0.0)
        return [tuple(self._words(chunk, one[0]["words"])) for chunk, one in zip(chunks, segments, strict=True)]

    def _hints_in(self, language: str) -> str:
        # Russian names before a passage in another language have it heard as Russian.
        return self._hints if language == _LANGUAGE_OF_HINTS else ""

    def _encoded(self, sounds: Sequence[Samples], frames: int) -> Any:
        features = [pad_or_trim(self._model.feature_extractor(sound)[..., :-1], frames) for sound in sounds]
        return self._model.encode(np.stack(features))

    def _languages(self, encoded: Any) -> list[Languages]:
        if not self._model.model.is_multilingual:
            return [{}] * int(encoded.shape[0])
        told = self._model.model.detect_language(encoded)
        return [{token[2:-2]: probability for token, probability in languages} for languages in told]

    def _sound(self, chunk: Chunk) -> Samples:
        return np.concatenate([self._samples[slice(*stretch)] for stretch in chunk.stretches])

    def _words(self, chunk: Chunk, found: Iterable[Mapping[str, Any]]) -> Iterator[Word]:
        """Yield the words with their times in the part. Words may touch but never overlap.

        The rest of «ill-disposed», «3.5» and «10%», which the tokenizer takes apart, is joined to its word.
        """
        waiting: Word | None = None
        now, last = 0.0, len(self._samples) / SAMPLE_RATE
        for word in found:
            text = word["word"]
            start = min(max(chunk.moment(word["start"]), now), last)
            now = min(max(chunk.moment(word["end"]), start), last)
            if waiting is not None and not text[0].isalnum() and not text[0].isspace():
                waiting = waiting.model_copy(update={"text": waiting.text + text, "end": now})
                continue
            if waiting is not None:
                yield waiting
            spelled = text if waiting is not None else f" {text.lstrip()}"
            waiting = Word(start=start, end=now, text=spelled, probability=float(word["probability"]))
        if waiting is not None:
            yield waiting


def _fields(words: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (
        {"word": each.word, "start": each.start, "end": each.end, "probability": each.probability} for each in words
    )
