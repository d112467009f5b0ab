"""A recording's parts are transcribed once, and what is missing is said."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from datamodels import EngineInfo, Interval, PartPlan, PartTranscript, Segment, TranscriptDraft
from errors import OutOfResources, ProviderRefusedKey, ProviderUnavailable
from speech_to_text.port import OnHeard, PartLimits, tell_nobody
from transcription.transcriber import Transcription

PCM = Path("unused.pcm")
SPEECH = tuple(Interval(start=start, end=start + 29) for start in range(0, 300, 30))
"""Five minutes: ten intervals with a second between them; with the engine's limits ten parts."""


class Engine:
    """An engine that says the second at which each part begins. It stands where the port is, in memory."""

    def __init__(self, heard: str = "ru", fingerprint: str = "1", concurrency: int = 2) -> None:
        self.info = EngineInfo(name="double", model="double", fingerprint=fingerprint)
        self.limits = PartLimits(target_s=30, longest_s=35)
        self.concurrency = concurrency
        self.heard = heard
        self.failures: dict[int, Exception] = {}
        self.fails_again: Exception | None = None
        self.mute: set[int] = set()
        self.unsure: set[int] = set()
        self.other: dict[int, str] = {}
        self.calls: list[tuple[int, str | None]] = []
        self.tells: tuple[float, ...] = ()
        self.at_once = 0
        self.most_at_once = 0

    async def transcribe(
        self,
        pcm: Path,  # noqa: ARG002
        start_s: float,
        end_s: float,
        language: str | None,
        hints: Sequence[str] = (),  # noqa: ARG002
        on_heard: OnHeard = tell_nobody,
    ) -> PartTranscript:
        number = round(start_s / 30)
        for heard in self.tells:
            await asyncio.to_thread(on_heard, heard)
        self.calls.append((number, language))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        for _ in range(10 - number):  # later parts come back earlier
            await asyncio.sleep(0)
        self.at_once -= 1
        if number in self.failures:
            raise self.failures[number]
        if language is not None and self.fails_again is not None:
            raise self.fails_again
        segment = Segment(start=0, end=end_s - start_s, text=f"часть {number}")
        told = language or ("ru" if number in self.unsure else self.heard)
        sure = language is not None or number not in self.unsure
        told = self.other.get(number, told)
        return PartTranscript(language=told, sure=sure, segments=() if number in self.mute else (segment,))

    async def check(self) -> None:
        """Always well."""

    async def close(self) -> None:
        """Nothing is open."""


class Parts:
    """A part store in memory."""

    def __init__(self) -> None:
        self.planned: dict[str, PartPlan] = {}
        self.done: dict[str, PartTranscript] = {}
        self.failed: list[str] = []
        self.heard: list[float] = []
        self.three_done = asyncio.Event()

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        return {key: self.done[key] for key in input_hashes if key in self.done}

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        self.planned = dict(parts)

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None:  # noqa: ARG002
        assert input_hash in self.planned
        self.done[input_hash] = result
        if len(self.done) == 3:
            self.three_done.set()

    async def begin(self, input_hash: str) -> None:
        pass

    async def save_heard(self, input_hash: str, heard: float) -> None:
        assert input_hash in self.planned
        assert input_hash not in self.done
        self.heard.append(heard)

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None:  # noqa: ARG002
        assert input_hash in self.planned
        self.failed.append(error_code)


async def transcribe(
    engine: Engine,
    parts: Parts,
    language: str | None = "ru",
    *,
    speech: Sequence[Interval] = SPEECH,
    recording: str = "a" * 64,
) -> TranscriptDraft:
    return await Transcription(engine, parts).run(recording, PCM, speech, 300, language)


def texts(draft: TranscriptDraft) -> list[str]:
    return [segment.text for segment in draft.segments]


ALL = [f"часть {number}" for number in range(10)]


async def test_how_far_an_engine_is_in_a_part_is_noted_and_does_not_go_back() -> None:
    engine, parts = Engine(concurrency=1), Parts()
    engine.tells = (0.25, 0.5, 0.1, 1.02)
    await transcribe(engine, parts, speech=SPEECH[:1])
    assert parts.heard == [0.25, 0.5, 1.0]


async def test_parts_come_out_in_order_whatever_comes_back_first() -> None:
    engine = Engine(concurrency=4)

    draft = await transcribe(engine, Parts())

    assert texts(draft) == ALL
    assert (draft.language, draft.engine, draft.missing) == ("ru", engine.info, ())
    assert engine.most_at_once == 4


async def test_what_was_done_is_not_done_again() -> None:
    parts = Parts()
    engine = Engine()
    first = await transcribe(engine, parts)

    assert await transcribe(engine, parts) == first
    assert len(engine.calls) == 10


async def test_only_what_was_not_done_is_done_after_an_interruption() -> None:
    parts = Parts()
    undisturbed = await transcribe(Engine(), parts)
    for key in list(parts.done)[3:7]:
        del parts.done[key]
    engine = Engine()

    assert await transcribe(engine, parts) == undisturbed
    assert len(engine.calls) == 4


@pytest.mark.parametrize(
    ("engine", "language", "recording"),
    [(Engine(fingerprint="2"), "ru", "a" * 64), (Engine(), "en", "a" * 64), (Engine(), "ru", "b" * 64)],
)
async def test_another_engine_language_or_recording_is_other_work(
    engine: Engine, language: str, recording: str
) -> None:
    parts = Parts()
    await transcribe(Engine(), parts)

    await transcribe(engine, parts, language, recording=recording)

    assert len(engine.calls) == 10


async def test_each_part_tells_its_language_and_most_text_that_of_the_recording() -> None:
    engine = Engine(heard="en")
    engine.other = {0: "ru", 7: "fr"}

    draft = await transcribe(engine, Parts(), None)

    assert {language for _, language in engine.calls} == {None}
    assert draft.language == "en"
    assert [segment.language for segment in draft.segments] == ["ru", *[None] * 6, "fr", None, None]


async def test_the_detected_languages_are_kept_by_the_next_run() -> None:
    parts = Parts()
    await transcribe(Engine(heard="en"), parts, None)
    engine = Engine(heard="de")

    assert (await transcribe(engine, parts, None)).language == "en"
    assert engine.calls == []


@pytest.mark.parametrize(("heard", "again"), [("en", [(2, "en"), (5, "en")]), ("ru", [])])
async def test_a_part_that_does_not_tell_its_language_is_heard_in_that_of_the_others(
    heard: str, again: list[tuple[int, str]]
) -> None:
    engine = Engine(heard=heard, concurrency=1)
    engine.unsure = {2, 5}
    parts = Parts()

    draft = await transcribe(engine, parts, None)

    assert engine.calls[10:] == again
    assert draft.language == heard
    assert {segment.language for segment in draft.segments} == {None}
    assert await transcribe(engine, parts, None) == draft
    assert len(engine.calls) == 10 + len(again)


async def test_a_part_that_fails_when_it_is_heard_again_keeps_its_first_text() -> None:
    engine = Engine(heard="en", concurrency=1)
    engine.unsure = {2}
    engine.fails_again = ProviderUnavailable(provider="double", reason="test")

    draft = await transcribe(engine, Parts(), None)

    assert texts(draft) == ALL
    assert draft.segments[2].language == "ru"


async def test_an_engine_that_never_tells_the_language_detects_it_in_each_part() -> None:
    engine = Engine(heard="")

    draft = await transcribe(engine, Parts(), None)

    assert texts(draft) == ALL
    assert len(engine.calls) == 10
    assert draft.language == ""


async def test_the_plan_always_holds_every_part() -> None:
    parts = Parts()

    await transcribe(Engine(), parts, None)

    assert sorted(part.position for part in parts.planned.values()) == list(range(10))
    assert set(parts.planned) == set(parts.done)


async def test_when_the_first_part_fails_the_others_tell_the_language() -> None:
    engine = Engine()
    engine.failures[0] = ProviderUnavailable(provider="double", reason="test")

    draft = await transcribe(engine, Parts(), None)

    assert draft.language == "ru"
    assert texts(draft) == ALL[1:]


async def test_a_part_that_fails_is_missing_and_done_by_the_next_run() -> None:
    parts = Parts()
    engine = Engine()
    engine.failures[4] = ProviderUnavailable(provider="double", reason="test")

    draft = await transcribe(engine, parts)

    assert texts(draft) == [*ALL[:4], *ALL[5:]]
    (missing,) = draft.missing
    assert (missing.start, missing.end) == (119.5, 149.5)
    assert missing.reason == "Сервис распознавания не ответил. Повторите: готовое не пропадёт."
    assert parts.failed == ["provider_unavailable"]

    engine.failures.clear()
    assert texts(await transcribe(engine, parts)) == ALL
    assert len(engine.calls) == 11


async def test_a_wrong_key_ends_the_work_at_once() -> None:
    engine = Engine(concurrency=1)
    engine.failures[2] = ProviderRefusedKey(provider="double")
    parts = Parts()

    with pytest.raises(ProviderRefusedKey):
        await transcribe(engine, parts)

    assert len(engine.calls) == 3
    assert len(parts.done) == 2


@pytest.mark.parametrize("language", ["ru", None])
async def test_an_engine_that_is_down_is_not_asked_for_every_part(language: str | None) -> None:
    engine = Engine(concurrency=1)
    engine.failures = {number: ProviderUnavailable(provider="double", reason="test") for number in range(10)}

    with pytest.raises(ProviderUnavailable):
        await transcribe(engine, Parts(), language)

    assert len(engine.calls) == 3


async def test_a_single_part_that_fails_raises_its_error() -> None:
    engine = Engine()
    engine.failures[0] = ProviderUnavailable(provider="double", reason="test")

    with pytest.raises(ProviderUnavailable):
        await transcribe(engine, Parts(), None, speech=SPEECH[:1])

    assert len(engine.calls) == 1


async def test_speech_without_a_word_is_missing() -> None:
    engine = Engine()
    engine.mute = {7}

    (missing,) = (await transcribe(engine, Parts())).missing

    assert (missing.start, missing.end) == (210, 239)
    assert missing.reason == "Речь слышна, но распознать её не удалось."


async def test_an_engine_that_hears_nothing_at_all_says_so() -> None:
    engine = Engine()
    engine.mute = set(range(10))

    draft = await transcribe(engine, Parts())

    assert draft.segments == ()
    assert len(draft.missing) == 10


async def test_no_speech_asks_no_engine() -> None:
    engine = Engine()

    draft = await transcribe(engine, Parts(), None, speech=())

    assert (draft.segments, draft.missing, draft.language, engine.calls) == ((), (), "", [])


async def test_cancelling_keeps_what_is_done() -> None:
    parts = Parts()
    engine = Engine(concurrency=1)
    work = asyncio.create_task(transcribe(engine, parts))
    await parts.three_done.wait()

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert len(parts.done) == 3


async def test_parts_in_flight_are_kept_when_the_machine_has_no_means_for_another() -> None:
    engine, parts = Engine(concurrency=3), Parts()
    engine.failures[2] = OutOfResources(what="открытых файлов")
    with pytest.raises(OutOfResources):
        await Transcription(engine, parts).run("a", PCM, SPEECH, 300, "ru")
    assert [number for number, _ in engine.calls] == [0, 1, 2]
    assert len(parts.done) == 2
    assert parts.failed == []
    engine.failures.clear()
    draft = await Transcription(engine, parts).run("a", PCM, SPEECH, 300, "ru")
    assert not draft.missing
    assert sorted(number for number, _ in engine.calls[3:]) == list(range(2, 10))
