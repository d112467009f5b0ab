"""Whether 10,000 forged requests find anything that is somebody else's: half of them buttons of the bot, half HTTP.

They are made of all actions of the router and all routes of the application, for people of every role and for nobody,
with arguments that name what another has, what nobody has, and what is no name at all. ``pytest -s`` prints how they
ended; ``REQUESTS`` sends more, or fewer, ``SEED`` others.
"""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import httpx2
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from console_world import Browser, World, world
from db import Database
from handlers_world import Bot
from health.board import Board
from object_files import FolderObjectStore
from rights_world import SECRET, forged, opened_world
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import Needs
from web.site import Site

REQUESTS = int(os.environ.get("REQUESTS", "10000"))
SEED = int(os.environ.get("SEED", "20261130"))
FORGERS = ("colleague", "guest", "lead")
STREAMS = ("/events", "/process")
"""What answers as long as there is something to come."""


@pytest.mark.timeout(7200)
async def test_forged_buttons_find_nothing(postgres_dsn: str, migrated: str, tmp_path: Path) -> None:
    async with opened_world(postgres_dsn, migrated, tmp_path) as bot:
        before = await bot.has()
        ended, shown = await forged(bot, REQUESTS // 2, SEED)
        print(f"\n{sum(ended.values())} buttons: {dict(ended.most_common())}")
        assert shown == []
        assert await bot.has() == before


@pytest.mark.timeout(7200)
async def test_forged_requests_find_nothing(database_url: str, tmp_path: Path) -> None:
    random, ended, found = Random(SEED), Counter[str](), []  # noqa: S311  # the same requests in every run
    database = await Database.open(database_url)
    async with AsyncExitStack() as stack:
        bot = Bot(database, tmp_path, FolderObjectStore(tmp_path / "objects"))
        console = await stack.enter_async_context(world(bot, tmp_path))
        known = await _given(console)
        before = await _has(console)
        browsers = {name: await stack.enter_async_context(console.browser(name)) for name in FORGERS}
        stranger = await stack.enter_async_context(console.stranger())
        rows = _routes()
        for _ in range(REQUESTS // 2):
            method, path = random.choice(rows)
            name = random.choice([*FORGERS, "nobody"])
            answer = await _sent(random, method, path, known, browsers.get(name), stranger)
            ended[f"{name} {answer.status_code}"] += 1
            if answer.status_code == 500 or SECRET in answer.text:
                found.append(f"{name}: {method} {answer.request.url} {answer.status_code}")
        assert await _has(console) == before
    await database.close()
    print(f"\n{sum(ended.values())} requests: {dict(ended.most_common())}")
    assert found == []


def _routes() -> Sequence[tuple[str, str]]:
    application = new_application(Board(), Facts("1", None), None)
    add_console(application, Site())
    found = []
    for context in iter_route_contexts(application.routes):
        route, path = context.original_route, context.path or ""
        assert isinstance(route, APIRoute)
        if any(isinstance(each.call, Needs) for each in route.dependant.dependencies) and not path.endswith(STREAMS):
            found += [(method, path) for method in sorted(route.methods or ())]
    return [row for row in found if row != ("POST", "/sign-out")]


async def _given(console: World) -> dict[str, str]:
    """Give the researcher a private recording and an upload; return what stands in addresses of them."""
    owner = console.people["researcher"]
    recording = await owner.has_recording()
    async with console.bot.database.transaction() as connection:
        query = "UPDATE recordings SET file_name = %s, visibility = 'private' WHERE id = %s"
        await connection.execute(query, (f"{SECRET}.ogg", recording.id))
    upload = await console.services.uploads.begin(owner.user.id, f"{SECRET}.wav", 9, "none")
    return {"number": str(recording.number), "upload_id": str(upload.id), "extension": "docx", "place": "1"}


async def _has(console: World) -> list[str]:
    """What stands in the tables that requests change, of the researcher."""
    owner, found = console.people["researcher"].user.id, []
    async with console.bot.database.transaction() as connection:
        for table in ("recordings", "web_uploads", "report_runs", "chats", "speeches"):
            query = f"SELECT t::text AS told FROM {table} AS t WHERE owner_id = %s ORDER BY t::text"  # noqa: S608
            found += [row["told"] async for row in await connection.execute(query, (owner,))]
    return found


async def _sent(
    random: Random,
    method: str,
    path: str,
    known: dict[str, str],
    browser: Browser | None,
    stranger: httpx2.AsyncClient,
) -> httpx2.Response:
    odd = [
        "1",
        "0",
        "-1",
        "999999999999999999999",
        "x",
        "%00",
        "..%2f..%2fetc%2fpasswd",
        f"{random.getrandbits(128):032x}",
    ]
    parts = {
        name: known.get(name, random.choice(odd)) if random.random() < 0.7 else random.choice(odd)
        for name in ("number", "answer_id", "upload_id", "speech_id", "extension", "place")
    }
    token = browser.token if browser and random.random() < 0.8 else "forged"
    is_api = "/api/" in path
    body = (
        b'{"reports": ["x"], "stars": 5, "change": "undo", "version": 1, "question": "q", "text": "t"}'
        if is_api
        else b"report=x&stars=5&scenario=none&visibility=team&change=undo&version=1&question=q&text=t"
    )
    kind = "application/json" if is_api else "application/x-www-form-urlencoded"
    if method == "PATCH":
        kind, body = "application/offset+octet-stream", b"forged"
    headers = {"X-CSRF-Token": token, "Content-Type": kind, "Upload-Offset": "0"}
    client = stranger if browser is None else browser.client
    content = body if method in {"POST", "PUT", "PATCH"} else None
    return await client.request(method, path.format(**parts), headers=headers, content=content)
