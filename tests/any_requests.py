"""Requests of every kind that the description of the JSON interface allows, and of many that it does not."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from console_world import Browser, World
from web.people import SESSION_COOKIE

_STREAMS = r"/(events|process)$"
"""What answers as long as there is something to come is asked elsewhere."""
_SEED = 20261130


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
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema.as_strategy(), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
        response = case.call(base_url=console.url, headers=headers, timeout=30)
        found[response.status_code] += 1
        assert response.status_code != 500, f"{case.method} {case.path}: {response.text[:300]}"

    await asyncio.to_thread(send)
    return found
