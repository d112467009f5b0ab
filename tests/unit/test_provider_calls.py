"""One policy for every call to a provider."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from errors import (
    BadSettings,
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from outcomes import OUTCOMES, Purpose
from provider_calls.openai import openai_client
from provider_calls.policy import ProviderCalls, Time, retry_after_s

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Delays:
    """Sleeps nothing and remembers how long it should have."""

    def __init__(self, chance: float = 1.0) -> None:
        self.slept: list[float] = []
        self.time = Time(sleep=self.sleep, clock=lambda: 0.0, chance=lambda: chance)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def failing(*errors: Exception) -> Callable[[], Awaitable[str]]:
    """Raises the errors one after the other, then answers."""
    left = list(errors)

    async def call() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return call


def unavailable(**details: object) -> ProviderUnavailable:
    return ProviderUnavailable(provider="test", reason="down", **details)


async def test_a_call_that_works_is_made_once() -> None:
    delays = Delays()
    assert await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing()) == "answer"
    assert delays.slept == []


@pytest.mark.parametrize("error", [unavailable(), ProviderRateLimited(), ProviderInvalidAnswer()])
async def test_what_passes_is_tried_again(error: ProviderError) -> None:
    delays = Delays()
    assert await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(error)) == "answer"
    assert len(delays.slept) == 1


@pytest.mark.parametrize("error", [ProviderRefusedKey(), ProviderRejectedRequest(), ValueError()])
async def test_what_stays_is_not_tried_again(error: Exception) -> None:
    delays = Delays()
    with pytest.raises(type(error)):
        await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(error))
    assert delays.slept == []


async def test_after_the_last_try_its_error_is_raised() -> None:
    errors = [unavailable(number=number) for number in range(3)]
    delays = Delays()
    with pytest.raises(ProviderUnavailable) as caught:
        await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(*errors))
    assert caught.value is errors[-1]
    assert len(delays.slept) == 2


async def test_delays_double() -> None:
    delays = Delays(chance=1.0)
    await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(unavailable(), unavailable()))
    assert delays.slept == [1.0, 2.0]


async def test_chance_takes_away_half_of_a_delay_at_most() -> None:
    delays = Delays(chance=0.0)
    await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(unavailable(), unavailable()))
    assert delays.slept == [0.5, 1.0]


async def test_the_delay_that_the_provider_asks_for_is_kept() -> None:
    delays = Delays()
    await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(ProviderRateLimited(retry_after_s=7.0)))
    assert delays.slept == [7.0]


async def test_a_provider_cannot_ask_for_an_endless_delay() -> None:
    delays = Delays()
    await ProviderCalls("test", 1, 9.0, time=delays.time).run(failing(unavailable(retry_after_s=86_400.0)))
    assert delays.slept == [120.0]


async def test_a_call_that_hangs_is_unavailable() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    delays = Delays()
    with pytest.raises(ProviderUnavailable, match="no answer within"):
        await ProviderCalls("test", 1, 0.001, time=delays.time).run(hang)
    assert len(delays.slept) == 2


async def test_a_time_out_of_the_call_itself_is_not_taken_for_ours() -> None:
    with pytest.raises(TimeoutError):
        await ProviderCalls("test", 1, 9.0, time=Delays().time).run(failing(TimeoutError()))


async def test_no_more_calls_run_at_once_than_allowed() -> None:
    calls = ProviderCalls("test", 2, 9.0)
    running = most = 0

    async def call() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await asyncio.gather(*(calls.run(call) for _ in range(9)))
    assert most == 2


async def test_a_cancelled_call_gives_its_place_back() -> None:
    calls = ProviderCalls("test", 1, 9.0)
    hanging = asyncio.create_task(calls.run(asyncio.Event().wait))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await calls.run(failing()) == "answer"


async def test_calls_tries_and_failures_are_counted() -> None:
    calls = ProviderCalls("counted", 1, 9.0, time=Delays().time)
    await calls.run(failing(unavailable(), ProviderRateLimited()))
    labels = {"provider": "counted"}
    assert REGISTRY.get_sample_value("voxpersona_provider_calls_total", labels) == 1
    assert REGISTRY.get_sample_value("voxpersona_provider_tries_total", labels) == 3
    assert REGISTRY.get_sample_value("voxpersona_provider_seconds_count", labels) == 3
    failures = labels | {"error": "ProviderRateLimited"}
    assert REGISTRY.get_sample_value("voxpersona_provider_failures_total", failures) == 1


@pytest.mark.parametrize(
    ("errors", "last"), [((), None), ((unavailable(),), None), ((ProviderRefusedKey(),), ProviderRefusedKey)]
)
async def test_how_the_last_try_for_a_purpose_ended_is_known(
    errors: tuple[ProviderError, ...], last: type[ProviderError] | None
) -> None:
    calls = ProviderCalls("test", 1, 9.0, purpose=Purpose.SPEECH, time=Delays().time)
    with suppress(ProviderError):
        await calls.run(failing(*errors))
    outcome = OUTCOMES.last(Purpose.SPEECH)
    assert outcome is not None
    assert (outcome.error and type(outcome.error)) == last


async def test_a_call_that_takes_too_long_is_known_as_such() -> None:
    calls = ProviderCalls("test", 1, 0.001, purpose=Purpose.SPEECH, time=Delays().time)
    with pytest.raises(ProviderUnavailable):
        await calls.run(asyncio.Event().wait)
    outcome = OUTCOMES.last(Purpose.SPEECH)
    assert outcome is not None
    assert isinstance(outcome.error, ProviderUnavailable)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOON) == seconds


@given(st.text())
def test_no_header_breaks_the_parser(header: str) -> None:
    seconds = retry_after_s(header, NOON)
    assert seconds is None or seconds >= 0


async def _socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A SOCKS5 proxy for everybody that answers each request itself."""
    await reader.readexactly((await reader.readexactly(2))[1])
    writer.write(b"\x05\x00")
    await reader.readexactly(4)
    await reader.readexactly((await reader.readexactly(1))[0] + 2)
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"data":[]}')
    await writer.drain()
    writer.close()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxies")
async def test_an_endpoint_behind_a_socks_proxy_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async with await asyncio.start_server(_socks, "127.0.0.1") as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        client = openai_client("http://endpoint.example/v1", "key", 5.0)
        assert (await client.models.list()).data == []
        await client.close()


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_that_is_not_spoken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:9")
    with pytest.raises(BadSettings, match="ALL_PROXY"):
        openai_client("http://endpoint.example/v1", "key", 5.0)
