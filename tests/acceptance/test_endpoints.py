"""Endpoints that go wrong, over real HTTP: what comes out is what comes out of one where nothing does."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle, islice

import pytest

import openai_faults
import texts.errors
from installations import AT_ONCE, REPORTS, Installation, Undisturbed, artefacts
from openai_answers import Heard, Messages, Samples, Schema
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Faults, Kind
from texts.transcript import PART_FAILED
from utils import clock

pytestmark = pytest.mark.weights

TRIES = 3
FAULTS = (
    openai_faults.status(429, retry_after="0"),
    openai_faults.status(500),
    Fault(Kind.RESET),
    Fault(Kind.INVALID_JSON),
    openai_faults.status(429),
    Fault(Kind.TRUNCATED_BODY),
    openai_faults.status(503, retry_after="0"),
    Fault(Kind.BODY, body={"error": "no answer"}),
)
SLOW = Fault(Kind.SLOW, seconds=1.0)


class InOrder(Faults):
    """What happens to the requests to each address, one after the other; None is nothing wrong."""

    def __init__(self, of_path: Mapping[str, Sequence[Fault | None]]) -> None:
        super().__init__()
        self._of_path = {path: iter(faults) for path, faults in of_path.items()}

    def take(self, path: str) -> Fault | None:
        faults = next((faults for end, faults in self._of_path.items() if path.endswith(end)), iter(()))
        return next(faults, None)


def two_of_three_tries(questions: int, after: int = 0) -> list[Fault | None]:
    """So many questions go wrong twice each, ``after`` so many before them."""
    faults = islice(cycle(FAULTS), 2 * after, None)
    return list(chain.from_iterable((next(faults), next(faults), None) for _ in range(questions)))


@dataclass
class Crowd:
    """How many questions are being answered, and how many there were at most."""

    now: int = 0
    most: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def joined(self) -> Iterator[None]:
        with self.guard:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self.guard:
                self.now -= 1


@pytest.fixture
def crowd(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> dict[str, Crowd]:
    """Who is at the endpoint; the first two recordings that come wait for each other."""
    server, crowds = installation.server, {TRANSCRIPTIONS: Crowd(), CHAT: Crowd()}
    transcriber, chat = server.transcriber, server.chat
    meeting = iter([threading.Barrier(2)] * 2)

    def transcribed(samples: Samples, language: str | None) -> Sequence[Heard]:
        with crowds[TRANSCRIPTIONS].joined():
            if (barrier := next(meeting, None)) is not None:
                barrier.wait(timeout=60)
            return transcriber(samples, language)

    def answered(messages: Messages, schema: Schema | None) -> str | object:
        with crowds[CHAT].joined():
            return chat(messages, schema)

    monkeypatch.setattr(server, "transcriber", transcribed)
    monkeypatch.setattr(server, "chat", answered)
    return crowds


def one_at_a_time(installation: Installation) -> None:
    """So that the tries of one question follow each other."""
    installation.product.settings |= {"ASR_CONCURRENCY": "1", "LLM_CONCURRENCY": "1"}


def test_an_endpoint_with_faults_of_every_kind_gives_the_same(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    one_at_a_time(installation)
    parts = len(undisturbed.parts)
    faults = {
        TRANSCRIPTIONS: two_of_three_tries(parts),
        CHAT: [SLOW, *two_of_three_tries(len(undisturbed.asked) - parts - 1, after=parts)],
    }
    installation.server.faults = InOrder(faults)

    outcome = installation.run()

    assert outcome.status == 0, outcome.said
    assert artefacts(installation.out) == undisturbed.artefacts
    went_wrong = [question.fault for question in installation.questions() if question.fault]
    assert len(went_wrong) == sum(fault is not None for fault in chain.from_iterable(faults.values()))
    assert set(went_wrong) == {fault.kind for fault in (*FAULTS, SLOW)}
    assert set(installation.asked()) == set(undisturbed.asked)
    assert installation.leftovers() == []
    assert installation.errors_in_log() == []


def test_an_endpoint_is_never_asked_more_at_a_time_than_it_is_to_be(
    installation: Installation, undisturbed: Undisturbed, crowd: dict[str, Crowd]
) -> None:
    assert installation.run().status == 0

    assert crowd[TRANSCRIPTIONS].most == AT_ONCE
    assert crowd[CHAT].most <= AT_ONCE
    assert artefacts(installation.out) == undisturbed.artefacts


def test_what_failed_for_good_is_all_that_is_asked_again(installation: Installation, undisturbed: Undisturbed) -> None:
    one_at_a_time(installation)
    failing = [openai_faults.status(500)] * TRIES
    installation.server.faults = InOrder({CHAT: [None, *failing]})

    outcome = installation.run("--json")

    assert outcome.status == 3
    assert texts.errors.PROVIDER_UNAVAILABLE.partition("{provider}")[2].partition(".")[0] in outcome.said
    (manifest,) = outcome.manifests
    assert sorted(report["status"] for report in manifest["reports"]) == ["done", "failed"]
    (failed,) = (report["id"] for report in manifest["reports"] if report["status"] == "failed")
    assert {path.stem for path in installation.out.rglob("reports/*.md")} == {*REPORTS.split(",")} - {failed}
    before = len(installation.asked())
    answered = {question.sha256 for question in installation.questions() if question.status == 200}

    assert installation.run().status == 0

    assert set(installation.asked()[before:]) == set(undisturbed.asked) - answered
    assert len(installation.asked()) - before == len(undisturbed.asked) - len(answered)
    assert artefacts(installation.out) == undisturbed.artefacts


def test_a_part_that_could_not_be_transcribed_is_reported_and_asked_for_again(
    installation: Installation, undisturbed: Undisturbed
) -> None:
    one_at_a_time(installation)
    installation.server.faults = InOrder({TRANSCRIPTIONS: [None, *[openai_faults.status(500)] * TRIES]})

    outcome = installation.run("--json", report="none")

    assert outcome.status == 0
    (manifest,) = outcome.manifests
    (interval,) = manifest["missing"]
    assert 0 < interval["start"] < interval["end"] < manifest["duration_s"]
    assert f"⚠ {clock(interval['start'])}–{clock(interval['end'])}: {PART_FAILED}" in outcome.said
    before = len(installation.server.asked(TRANSCRIPTIONS))

    assert installation.run().status == 0

    assert len(installation.server.asked(TRANSCRIPTIONS)) == before + 1
    assert artefacts(installation.out) == undisturbed.artefacts
