"""Speech to text at any OpenAI-compatible ``/audio/transcriptions``.

Servers differ in what they leave out of an answer; our transcript always has the same form.
"""

import asyncio
import math
import re
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import openai
import structlog
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

import texts.errors
from config import ROOT
from constants import ENDPOINT_AUDIO_BYTES, ENDPOINT_AUDIO_S, OPUS_BITRATE, SAMPLE_RATE
from datamodels import EngineInfo, PartTranscript, Segment, Word
from errors import ProviderInvalidAnswer, ProviderRejectedRequest
from outcomes import Purpose
from prices import AudioFormat, model_facts, shutdown_date
from provider_calls.openai import error_detail, fingerprint, openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time
from speech_to_text.port import OnHeard, PartLimits, tell_nobody
from utils import load_yaml

UNDETERMINED = ""
"""The language of a part whose language is unknown."""

INVENTED_AFTER_S = 1.0
"""Text that begins so many seconds after the part's end or later was invented; sooner, it was said at another time."""

SHORTEST_S = 0.02
"""The least length, in seconds, of a segment or word whose times were moved into the part."""

PAUSE_S = 0.8
"""The longest gap between words of one segment, in seconds."""

_RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz")
_RUSSIAN_ONLY = frozenset("ыэё")
"""Letters that tell Russian from Bulgarian, which has none of them."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")

Storable = Annotated[str, AfterValidator(lambda text: text.replace("\x00", ""))]
"""Text without NUL, the only character that PostgreSQL does not store."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class AnswerWord(_Lenient):
    start: float
    end: float
    text: Storable = Field(validation_alias=AliasChoices("word", "text"))
    probability: float | None = None


class AnswerSegment(_Lenient):
    start: float
    end: float
    text: Storable
    avg_logprob: float | None = None
    words: list[AnswerWord] | None = None


class Transcription(_Lenient):
    """An answer as ``json``, ``verbose_json`` or ``diarized_json``, of OpenAI or of a compatible server."""

    text: Storable = ""
    language: str | None = None
    segments: list[AnswerSegment] | None = None
    words: list[AnswerWord] | None = None

    @property
    def has_times(self) -> bool:
        """Whether the answer has times, or has no text that would need them."""
        return bool(self.segments or self.words) or not self.text.strip()

    def part(self, length_s: float, language: str | None) -> PartTranscript:
        """Return the answer as the transcript of a part of ``length_s`` seconds.

        ``language`` is the one that was asked for, and the transcript then has it. When it is None, the transcript has
        the language that the answer names; when the answer names none, the one that its letters show.
        """
        segments = tuple(self._segments(length_s))
        text = self.text or " ".join(segment.text for segment in segments)
        return PartTranscript(
            language=language or language_code(self.language) or _language_by_letters(text), segments=segments
        )

    def _segments(self, length_s: float) -> list[Segment]:
        if self.segments:
            found = _with_words(self.segments, self.words or [])
        elif self.words:
            found = _from_words(self.words)
        else:
            found = _spread(self.text, length_s)
        fitted = [_fitted(segment, length_s) for segment in found if segment.start < length_s + INVENTED_AFTER_S]
        return sorted((segment for segment in fitted if segment.text), key=lambda segment: segment.start)


def language_code(name: str | None) -> str | None:
    """Return a language's code by its code or English name: ``ru`` for ``ru``, ``ru-RU`` and ``russian``; else None."""
    plain = (name or "").strip().lower()
    if code := _language_names().get(plain):
        return code
    head = re.split(r"[-_]", plain)[0]
    return head if re.fullmatch(r"[a-z]{2,3}", head) else None


def _language_by_letters(text: str) -> str:
    """Return ``ru`` for Russian or Latin letters with at least one of ``_RUSSIAN_ONLY``, else ``UNDETERMINED``."""
    letters = {letter for letter in text.lower() if letter.isalpha()}
    return "ru" if letters & _RUSSIAN_ONLY and not letters - _RUSSIAN else UNDETERMINED


@cache
def _language_names() -> dict[str, str]:
    names: dict[str, str] = load_yaml((ROOT / "resources" / "languages.yaml").read_text(encoding="utf-8"))
    return names


def _with_words(segments: Sequence[AnswerSegment], words: Sequence[AnswerWord]) -> list[AnswerSegment]:
    """Return the segments with their words: OpenAI lists all words beside the segments, others list them inside."""
    if not words or any(segment.words for segment in segments):
        return list(segments)
    owned: list[list[AnswerWord]] = [[] for _ in segments]
    for word in words:
        middle = (word.start + word.end) / 2
        distances = [max(segment.start - middle, middle - segment.end, 0.0) for segment in segments]
        owned[distances.index(min(distances))].append(word)
    return [segment.model_copy(update={"words": own}) for segment, own in zip(segments, owned, strict=True)]


def _from_words(words: Sequence[AnswerWord]) -> list[AnswerSegment]:
    groups: list[list[AnswerWord]] = []
    for word in sorted(words, key=lambda word: word.start):
        if groups and word.start - groups[-1][-1].end < PAUSE_S:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        AnswerSegment(
            start=group[0].start,
            end=group[-1].end,
            text=" ".join(word.text.strip() for word in group),
            words=group,
        )
        for group in groups
    ]


def _spread(text: str, length_s: float) -> list[AnswerSegment]:
    """Return the sentences of a text without times as segments that share ``length_s`` seconds by their characters."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]
    characters = sum(map(len, sentences))
    segments: list[AnswerSegment] = []
    said = 0
    for sentence in sentences:
        start = length_s * said / characters
        said += len(sentence)
        segments.append(AnswerSegment(start=start, end=length_s * said / characters, text=sentence))
    return segments


def _fitted(segment: AnswerSegment, length_s: float) -> Segment:
    start, end = _inside(segment.start, segment.end, length_s)
    words = None
    if segment.words:
        fitted = [(_inside(word.start, word.end, length_s), word) for word in segment.words if word.text.strip()]
        fitted.sort(key=lambda pair: pair[0])
        words = tuple(
            Word(start=first, end=last, text=word.text.strip(), probability=word.probability)
            for (first, last), word in fitted
        )
    confidence = None if segment.avg_logprob is None else min(1.0, math.exp(segment.avg_logprob))
    return Segment(start=start, end=end, text=segment.text.strip(), confidence=confidence, words=words or None)


def _inside(start: float, end: float, length_s: float) -> tuple[float, float]:
    """Return ``start`` and ``end`` moved into the part, ``SHORTEST_S`` or more apart unless the part is shorter."""
    first = min(max(start, 0.0), max(length_s - SHORTEST_S, 0.0))
    return first, min(max(end, first + SHORTEST_S), length_s)


Encode = Callable[[Path, float, float], Awaitable[bytes]]
"""Encodes prepared audio from start to end, in seconds, as Ogg Opus."""

TIMED_LIMITS = PartLimits(target_s=300.0, longest_s=ENDPOINT_AUDIO_S / 2)
"""For models that answer with times. Well below what endpoints take, so that parts run side by side, and repeating one
costs little."""

UNTIMED_LIMITS = PartLimits(target_s=25.0, longest_s=30.0)
"""For models that answer with text alone: its only time is that of the part, so parts have to be short."""

SHORTEST_PART_S = 0.1
"""Shorter parts are not sent: OpenAI refuses them, and nothing can be said in them."""

_BYTES_PER_S = SAMPLE_RATE * 2
_FRAME_S = 0.02
_PAUSE_FRAMES = 15
_SILENCE_S = 1.0
_GRANULARITIES: tuple[tuple[str, ...], ...] = (("word", "segment"), ("segment",))
_FORMAT = re.compile(r"response_format|timestamp|granularit|verbose_json|diarized_json", re.IGNORECASE)
_PROMPT = re.compile(r"\bprompt\b", re.IGNORECASE)

log = structlog.get_logger(__name__)


class OpenAISpeechToText:
    """``SpeechToText`` over ``/audio/transcriptions``.

    It asks for the richest answer that the model is known to give, and for less when that is refused. When the answer
    about a part has no times, and the part is longer than ``UNTIMED_LIMITS`` allow, it is sent again in pieces. Only
    ``check`` changes ``limits``: a process that continues the work of a killed one has to plan the same parts.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        provider_name: str,
        concurrency: int,
        timeout_s: float,
        encode: Encode,
        *,
        time: Time | None = None,
    ) -> None:
        facts = model_facts(model)
        self._format = (facts and facts.audio_format) or AudioFormat.VERBOSE_JSON
        self._granularity = 0
        self._takes_hints = True
        self._timed = self._format != AudioFormat.JSON
        self._limits = self._limits_known()
        self._model = model
        self._provider = provider_name
        self._concurrency = concurrency
        self._encode = encode
        self._client = openai_client(base_url, api_key, timeout_s)
        # Named now: the SDK imports this part of itself, some 40 ms of work, when it is first named.
        self._create = self._client.audio.transcriptions.with_raw_response.create
        self._calls = ProviderCalls(provider_name, concurrency, timeout_s, purpose=Purpose.SPEECH, time=time)
        digest = fingerprint(base_url.rstrip("/"), model, f"opus {OPUS_BITRATE}")
        self._info = EngineInfo(name=provider_name, model=model, fingerprint=digest)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def limits(self) -> PartLimits:
        return self._limits

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def transcribe(
        self,
        pcm: Path,
        start_s: float,
        end_s: float,
        language: str | None,
        hints: Sequence[str] = (),
        on_heard: OnHeard = tell_nobody,  # noqa: ARG002  # it is not told
    ) -> PartTranscript:
        """See ``SpeechToText.transcribe``. Where the answer has no times, sentences share the part by their length."""
        if end_s - start_s < SHORTEST_PART_S:
            return PartTranscript(language=language or UNDETERMINED, segments=())
        longest = UNTIMED_LIMITS.longest_s
        if self._timed or end_s - start_s <= longest:
            answer = await self._ask(pcm, start_s, end_s, language, hints)
            if not answer.has_times:
                self._timed = False
            if self._timed or end_s - start_s <= longest:
                # Hundreds of segments, and words that look for theirs: in a thread, so that the event loop stays free.
                return await asyncio.to_thread(answer.part, end_s - start_s, language)
        return await self._in_pieces(pcm, start_s, end_s, language, hints)

    async def check(self) -> None:
        """Transcribe a second of silence, for a hundredth of a cent; set ``limits`` by which answer format is accepted.

        Whether the answers really have times is seen at the first part of a recording.
        """
        if ends := shutdown_date(self._model):
            log.warning("model_shutdown", model=self._model, date=ends.isoformat())
        with tempfile.TemporaryDirectory() as folder:
            silence = Path(folder) / "silence.pcm"
            await asyncio.to_thread(silence.write_bytes, bytes(int(_SILENCE_S * _BYTES_PER_S)))
            await self._ask(silence, 0.0, _SILENCE_S, None)
        self._limits = self._limits_known()

    async def close(self) -> None:
        await self._client.close()

    def _limits_known(self) -> PartLimits:
        return TIMED_LIMITS if self._timed else UNTIMED_LIMITS

    async def _in_pieces(
        self, pcm: Path, start_s: float, end_s: float, language: str | None, hints: Sequence[str]
    ) -> PartTranscript:
        cuts = await asyncio.to_thread(quiet_cuts, pcm, start_s, end_s, UNTIMED_LIMITS)
        segments: list[Segment] = []
        told = UNDETERMINED
        for first, last in pairwise(cuts):
            piece = await self.transcribe(pcm, first, last, language, hints)
            segments.extend(_moved(segment, first - start_s) for segment in piece.segments)
            if told == UNDETERMINED:
                told = piece.language
        return PartTranscript(language=told, segments=tuple(segments))

    async def _ask(
        self, pcm: Path, start_s: float, end_s: float, language: str | None, hints: Sequence[str] = ()
    ) -> Transcription:
        audio = await self._encode(pcm, start_s, end_s)
        if len(audio) > ENDPOINT_AUDIO_BYTES:
            raise ProviderRejectedRequest(provider=self._provider, reason=texts.errors.REASON_TOO_LARGE)
        return await self._calls.run(lambda: self._send(audio, language, hints))

    async def _send(self, audio: bytes, language: str | None, hints: Sequence[str]) -> Transcription:
        with openai_errors(self._provider, self._model):
            while True:
                options = self._options()
                if hints and self._takes_hints:
                    options["prompt"] = ", ".join(hints)
                try:
                    response = await self._create(
                        file=("part.ogg", audio, "audio/ogg"),
                        model=self._model,
                        language=language or openai.omit,
                        **options,
                    )
                    break
                except openai.APIStatusError as exc:
                    if not self._give_up(options, exc):
                        raise
            try:
                return Transcription.model_validate(response.http_response.json())
            except ValidationError as exc:
                raise ProviderInvalidAnswer(provider=self._provider, reason="no transcription") from exc

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"response_format": self._format.value}
        if self._format == AudioFormat.VERBOSE_JSON:
            options["timestamp_granularities"] = list(_GRANULARITIES[self._granularity])
        if self._format == AudioFormat.DIARIZED_JSON:
            options["chunking_strategy"] = "auto"
        return options

    def _give_up(self, options: dict[str, Any], exc: openai.APIStatusError) -> bool:
        """Ask for less than the refused ``options`` from now on; return False when ``exc`` is not about ``options``."""
        refused = options["response_format"]
        text = f"{exc.param} {exc.code} {error_detail(exc)}"
        if exc.status_code in {400, 422} and "prompt" in options and _PROMPT.search(text):
            self._takes_hints = False
            return True
        if exc.status_code not in {400, 422} or refused == AudioFormat.JSON or not _FORMAT.search(text):
            return False
        words = "word" in options.get("timestamp_granularities", ())
        if words and re.search(r"timestamp|granularit", text, re.IGNORECASE):
            self._granularity = 1
            return True
        self._format = AudioFormat.JSON
        self._timed = False
        return True


def quiet_cuts(pcm: Path, start_s: float, end_s: float, limits: PartLimits) -> list[float]:
    """Return ``start_s``, the quietest moments in reach, where to cut, and ``end_s``: at most ``longest_s`` apart."""
    cuts = [start_s]
    while end_s - cuts[-1] > limits.longest_s:
        earliest = cuts[-1] + limits.target_s / 2
        cuts.append(_quietest(pcm, earliest, cuts[-1] + limits.longest_s))
    return [*cuts, end_s]


def _quietest(pcm: Path, start_s: float, end_s: float) -> float:
    frame = int(SAMPLE_RATE * _FRAME_S)
    offset = int(start_s * SAMPLE_RATE)
    count = int(end_s * SAMPLE_RATE) - offset
    sound = np.fromfile(pcm, dtype="<i2", count=count, offset=offset * 2).astype(np.float32)
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    energy = np.convolve((frames**2).mean(axis=1), np.ones(_PAUSE_FRAMES), mode="valid")
    return start_s + (int(energy.argmin()) + _PAUSE_FRAMES / 2) * _FRAME_S


def _moved(segment: Segment, by_s: float) -> Segment:
    words = segment.words and tuple(
        word.model_copy(update={"start": word.start + by_s, "end": word.end + by_s}) for word in segment.words
    )
    return segment.model_copy(update={"start": segment.start + by_s, "end": segment.end + by_s, "words": words})
