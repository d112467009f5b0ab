"""Requests of every kind that the description of the JSON interface allows, and of many that it does not."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from console_world import Browser, World
from recordings import spoken_store
from recordings.spoken_questions import SpokenQuestions
from web.people import SESSION_COOKIE

_STREAMS = r"/(events|process)$"
"""What answers as long as there is something to come: events are asked elsewhere, questions by ``questions``."""
_SEED = 20261130


def _examples(count: int) -> settings:
    """Return the settings of so many examples, the same in each run."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


async def storm(console: World, browser: Browser, ids: Mapping[str, str], count: int) -> Counter[int]:
    """Send so many requests; in half of them what stands in the address is there. Return how often each status came.

    Raises:
        AssertionError: a request made the application fail; Hypothesis tells the smallest one.
    """
    described = (await browser.client.get("/api/v1/openapi.json")).json()
    session = browser.client.cookies.get(SESSION_COOKIE)
    headers = {"X-CSRF-Token": browser.token, "Cookie": f"{SESSION_COOKIE}={session}"}
    schema = schemathesis.openapi.from_dict(described).exclude(path_regex=_STREAMS)
    found: Counter[int] = Counter()

    @seed(_SEED)
    @_examples(count)
    @given(case=schema.as_strategy(), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
        response = case.call(base_url=console.url, headers=headers, timeout=30)
        found[response.status_code] += 1
        assert response.status_code != 500, f"{case.method} {case.path}: {response.text[:300]}"

    await asyncio.to_thread(send)
    return found


async def questions(console: World, browser: Browser, count: int) -> Counter[int]:
    """Ask so many times in words, by what is taken for sound and by anything else; return as ``storm``, and raise so.

    All that may be sound is heard as the same words. Nobody waits for an answer. The console closes at the end.
    """
    heard = asyncio.create_task(_hear(console))
    many = SpokenQuestions(console.bot.database, _nothing, count)
    async with console.site.opened(replace(console.services, spoken=many)):
        found = await asyncio.to_thread(_ask, console.url, dict(browser.client.cookies), browser.token, count)
    heard.cancel()
    return found


def _ask(url: str, cookies: dict[str, str], token: str, count: int) -> Counter[int]:
    found: Counter[int] = Counter()

    @seed(_SEED)
    @_examples(count)
    @given(body=_bodies(), chat=st.none() | _numbers() | st.text(max_size=9), wait=st.sampled_from(["false", "0", "?"]))
    def ask(body: tuple[str, bytes], chat: object, wait: str) -> None:
        kind, content = body
        params = {"wait": wait, **({} if chat is None else {"session_id": str(chat)})}
        headers = {"X-CSRF-Token": token, "Content-Type": kind}
        response = client.post("/api/v1/voice/process", params=params, headers=headers, content=content)
        found[response.status_code] += 1
        assert response.status_code != 500, f"{kind}, {params}: {content[:300]!r}"

    with httpx2.Client(base_url=url, cookies=cookies, trust_env=False, timeout=90) as client:
        ask()
    return found


def _bodies() -> st.SearchStrategy[tuple[str, bytes]]:
    """Kinds of content, each with content that may be of another."""
    anything = st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each, max_size=2))
    text = st.sampled_from(["Было ли тихо в номере?", "щ" * 4000, "щ" * 4001]) | st.text(max_size=5001)
    question = st.fixed_dictionaries({"text": text}, optional={"session_id": _numbers()})
    odd = st.dictionaries(st.sampled_from(["text", "session_id", "key"]), anything)
    in_words = (question | odd | anything).map(lambda each: json.dumps(each).encode())
    form = st.binary(max_size=99).map(
        lambda each: b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + each + b"\r\n--x--\r\n"
    )
    kinds = ["audio/webm;codecs=opus", "audio/ogg", "video/webm", "multipart/form-data; boundary=x", "text/plain", ""]
    in_json = st.tuples(st.just("application/json"), in_words | st.binary(max_size=99))
    return in_json | st.tuples(st.sampled_from(kinds), st.binary(max_size=999) | form | in_words)


def _numbers() -> st.SearchStrategy[int | None]:
    return st.none() | st.just(1) | st.sampled_from([0, 2, -1, 2**31, 2**63, 10**40])


async def _hear(console: World) -> None:
    while True:
        async with console.bot.database.transaction() as connection:
            rows = await connection.execute("SELECT id FROM spoken_questions WHERE sound IS NOT NULL")
            for row in await rows.fetchall():
                await spoken_store.store_words(connection, row["id"], "Было ли тихо в номере?")
        await asyncio.sleep(0.05)


async def _nothing(*_: object) -> None:
    """Stands for the queue of what is to be heard."""
