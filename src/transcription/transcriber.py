"""Speech to text of a whole recording: parts are planned, transcribed, stored and joined; missing text is reported."""

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Protocol

import texts.transcript
from datamodels import Interval, MissingInterval, PartPlan, PartTranscript, Segment, TranscriptDraft
from errors import OutOfResources, ProviderError
from prices import is_free
from provider_calls.in_flight import CallsInFlight
from speech_to_text.port import OnHeard, SpeechToText
from transcription.inventions import load_inventions, without_inventions, without_loops
from transcription.join import join_parts
from transcription.plan import Speech, plan_parts

_HOPELESS_FAILURES = 3
"""After this many failures and no success the work ends: the other parts would only fail after long waits."""

_HOLE_S = 5.0
_EMPTY_PART_S = 1.0
"""From so many seconds on, speech without a word is reported: in a part that has text, and in a part that has none.
Shorter stretches are coughs and laughs."""


class PartStore(Protocol):
    """The store of the parts of one recording, each known by its input hash."""

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        """Return the results that are stored already, by input hash."""
        ...

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        """Make ``parts``, by input hash, the recording's plan; results of earlier plans are kept."""
        ...

    async def begin(self, input_hash: str) -> None:
        """Note that an engine is about to hear a part: from now on it may be paid for."""
        ...

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None: ...

    async def save_heard(self, input_hash: str, heard: float) -> None:
        """Note how much of a part without a result has been heard, 0 to 1."""
        ...

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None: ...


class Transcription:
    """Transcribes recordings with one engine. A call that costs money is one of ``calls`` until its part is stored."""

    def __init__(self, engine: SpeechToText, parts: PartStore, calls: CallsInFlight | None = None) -> None:
        self._engine = engine
        self._parts = parts
        self._calls = calls or CallsInFlight()

    async def run(
        self,
        recording_sha256: str,
        pcm: Path,
        speech: Sequence[Interval],
        duration_s: float,
        language: str | None,
        hints: Sequence[str] = (),
    ) -> TranscriptDraft:
        """Transcribe the prepared audio ``pcm``; parts that were done before are not done again.

        ``speech`` is what ``voices.activity`` found. ``language`` is an ISO 639-1 code, or None: then the language of
        each part is detected, and a part that does not tell is transcribed in that of the others. ``hints`` are names
        that may be said; what was transcribed without them is not transcribed again.

        Raises:
            ProviderError: every part that was tried failed, or a failure is not retryable. Parts done until then are
                stored.
            WeightsRefused: the model of a local engine does not load.
            OutOfResources: this machine could not do a part now; those that were begun are stored.
        """
        plan = plan_parts(speech, duration_s, self._engine.limits)
        work = _Work(self._engine, self._parts, self._calls, recording_sha256, pcm, plan, hints)
        await work.do(language)
        told = work.language or ""
        results = {position: _in_language(result, told) for position, result in work.results.items()}
        segments, missing = await asyncio.to_thread(_result, plan, results, Speech(speech))
        return TranscriptDraft(
            language=told,
            engine=self._engine.info,
            duration_s=duration_s,
            segments=segments,
            missing=missing,
        )


class _Work:
    """The parts of one run: what is done, what failed, and in which language."""

    def __init__(
        self,
        engine: SpeechToText,
        store: PartStore,
        calls: CallsInFlight,
        recording_sha256: str,
        pcm: Path,
        plan: Sequence[PartPlan],
        hints: Sequence[str],
    ) -> None:
        self._engine = engine
        self._hints = hints
        self._store = store
        self._calls = calls
        self._recording_sha256 = recording_sha256
        self._pcm = pcm
        self._plan = plan
        self._hashes: dict[int, str] = {}
        self._failures: dict[int, ProviderError] = {}
        self._short_of: OutOfResources | None = None
        self.language: str | None = None
        self.results: dict[int, PartTranscript] = {}

    async def do(self, language: str | None) -> None:
        """Transcribe all parts. When ``language`` is None, unsure ones are transcribed again in that of the others."""
        self.language = language
        await self._transcribe_all(await self._begin(self._plan))
        if self._plan and not self.results:
            raise next(iter(self._failures.values()))
        if language is None and (told := _main_language(self.results.values())):
            self.language = told
            unsure = [part for part in self._plan if _is_unsure(self.results.get(part.position), told)]
            await self._transcribe_all(await self._begin(unsure))

    async def _begin(self, parts: Sequence[PartPlan]) -> list[PartPlan]:
        """Load those of ``parts`` that are stored in the language of this run, store the plan, return the others."""
        hashes = {part.position: self._hash(part) for part in parts}
        stored = await self._store.results(list(hashes.values()))
        self._hashes.update(hashes)
        self.results.update((position, stored[key]) for position, key in hashes.items() if key in stored)
        await self._store.plan({self._hashes[part.position]: part for part in self._plan})
        return [part for part in parts if hashes[part.position] not in stored]

    def _hash(self, part: PartPlan) -> str:
        """Return the hash of all that the part's result depends on."""
        inputs = [self._recording_sha256, part.start, part.end, self._engine.info.fingerprint, self.language]
        return sha256(json.dumps(inputs).encode()).hexdigest()

    async def _transcribe_all(self, parts: Sequence[PartPlan]) -> None:
        waiting = iter(parts)

        async def transcribe() -> None:
            for part in waiting:
                try:
                    await self._transcribe(part)
                except OutOfResources as exc:
                    # The parts in flight are paid for: they are waited for, and no other begins.
                    self._short_of = exc
                if self._short_of is not None:
                    return

        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._engine.concurrency):
                    tasks.create_task(transcribe())
        except ExceptionGroup as exc:
            failure = exc.exceptions[0]
        if failure := failure or self._short_of:
            # Outside the handler: the error keeps its own cause instead of the group.
            raise failure

    async def _transcribe(self, part: PartPlan) -> None:
        """Transcribe and store one part. A failure is stored; it is raised only when other parts would fail too."""
        async with self._calls.one(paid=not is_free(self._engine.info.name)):
            await self._transcribe_and_store(part)

    async def _transcribe_and_store(self, part: PartPlan) -> None:
        input_hash = self._hashes[part.position]
        await self._store.begin(input_hash)
        started = monotonic()
        try:
            async with self._noted(input_hash) as on_heard:
                result = await self._engine.transcribe(
                    self._pcm, part.start, part.end, self.language, self._hints, on_heard
                )
        except ProviderError as exc:
            await self._store.save_failure(input_hash, exc.code, monotonic() - started)
            self._failures[part.position] = exc
            if not exc.retryable or (not self.results and len(self._failures) >= _HOPELESS_FAILURES):
                raise
            return
        await self._store.save_result(input_hash, result, monotonic() - started)
        self.results[part.position] = result

    @asynccontextmanager
    async def _noted(self, input_hash: str) -> AsyncIterator[OnHeard]:
        """Give what an engine tells how far it is in a part: each position beyond those before is stored.

        One that could not be stored is lost: the result is what counts.
        """
        loop, told = asyncio.get_running_loop(), asyncio.Queue[float | None]()

        async def note() -> None:
            furthest = 0.0
            while (heard := await told.get()) is not None:
                if heard > furthest:
                    furthest = heard
                    await self._store.save_heard(input_hash, min(heard, 1.0))

        def tell(heard: float) -> None:
            loop.call_soon_threadsafe(told.put_nowait, heard)

        noting = asyncio.create_task(note())
        try:
            yield tell
        except BaseException:
            noting.cancel()
            raise
        finally:
            told.put_nowait(None)
            await asyncio.gather(noting, return_exceptions=True)


def _main_language(results: Iterable[PartTranscript]) -> str:
    """Return the language of most of the text that is surely in its language, else of most text; "" for none."""
    seconds: defaultdict[tuple[bool, str], float] = defaultdict(float)
    for result in results:
        for segment in result.segments:
            seconds[result.sure, segment.language or result.language] += segment.end - segment.start
    told = {key: length for key, length in seconds.items() if key[1]}
    (_, language), _ = max(told.items(), key=lambda item: (item[0][0], item[1]), default=((True, ""), 0.0))
    return language


def _is_unsure(result: PartTranscript | None, language: str) -> bool:
    return result is not None and not result.sure and result.language != language


def _in_language(result: PartTranscript, language: str) -> PartTranscript:
    """Return the result with the language of its segments where that is another one than ``language``."""
    segments = ((each, each.language or result.language) for each in result.segments)
    told = (each.model_copy(update={"language": own if own not in {"", language} else None}) for each, own in segments)
    return result.model_copy(update={"segments": tuple(told)})


def _result(
    plan: Sequence[PartPlan], results: Mapping[int, PartTranscript], speech: Speech
) -> tuple[tuple[Segment, ...], tuple[MissingInterval, ...]]:
    """Return the segments of the transcript, and the speech that is missing in it. Blocking."""
    done = [(part, results[part.position]) for part in plan if part.position in results]
    segments = without_loops(without_inventions(join_parts(done), speech, load_inventions()))
    missing: list[MissingInterval] = []
    for part in plan:
        if part.position in results:
            missing.extend(_without_text(part, speech, segments))
        else:
            missing.append(_failed(part, plan, results))
    return segments, tuple(missing)


def _failed(part: PartPlan, plan: Sequence[PartPlan], results: Mapping[int, PartTranscript]) -> MissingInterval:
    """Return the stretch of a failed part that its neighbours do not cover."""
    start = part.start + (part.overlap_s if part.position - 1 in results else 0.0)
    end = plan[part.position + 1].start if part.position + 1 in results else part.end
    return MissingInterval(start=start, end=min(end, part.end), reason=texts.transcript.PART_FAILED)


def _without_text(part: PartPlan, speech: Speech, segments: Sequence[Segment]) -> list[MissingInterval]:
    """Return the stretches of a transcribed part that have speech but no word."""
    first = part.start + part.overlap_s
    inside = segments[bisect_right(segments, first, key=_end) : bisect_left(segments, part.end, key=_start)]
    borders = [first, *(time for segment in inside for time in (segment.start, segment.end)), part.end]
    missing: list[MissingInterval] = []
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        spoken = speech.within(start, end)
        if sum(item.end - item.start for item in spoken) >= (_HOLE_S if inside else _EMPTY_PART_S):
            missing.append(
                MissingInterval(start=spoken[0].start, end=spoken[-1].end, reason=texts.transcript.NOT_RECOGNISED)
            )
    return missing


def _start(segment: Segment) -> float:
    return segment.start


def _end(segment: Segment) -> float:
    return segment.end
