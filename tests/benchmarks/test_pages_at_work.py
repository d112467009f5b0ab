"""How long the console's pages take while six people's one-hour recordings are being processed on this machine.

The bot is the real process over the loopback Telegram server, and serves the console; the local engine takes all cores.
Every page that the application has is asked ``TIMES`` times, one after another, while somebody presses buttons in the
chat. Run with ``scripts/benchmark -k pages_at_work``; it takes about ten minutes.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import httpx2
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from rich.console import Console
from rich.table import Table

from bot import Bot
from config import ROOT
from embedded.ports import free_ports
from health.board import Board
from product import Product
from six_hours import PEOPLE, six_hours
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import Needs
from web.site import Site

pytestmark = [pytest.mark.weights, pytest.mark.timeout(3600)]

BAR_S = 0.3
TIMES = 50
PAUSE_S = 0.05
PRESS_PAUSE_S = 1.5
"""Telegram wants no more than a message a second in a chat, and what a press changes is one."""
READY = "✔ Готово:"
NO_PAGES = re.compile(r"events$|/file|/sound$|openapi|/{(?!number})")
"""Streams, files, and what is found by an id of its own."""


def pages() -> list[str]:
    """Addresses of what a person who has one of everything can look at."""
    application = new_application(Board(), Facts("1", None), None)
    add_console(application, Site())
    found = set()
    for context in iter_route_contexts(application.routes):
        route, path = context.original_route, str(context.path)
        assert isinstance(route, APIRoute)
        is_somebodys = any(isinstance(each.call, Needs) for each in route.dependant.dependencies)
        if is_somebodys and "GET" in (route.methods or ()) and not NO_PAGES.search(path):
            found.add(path.replace("{number}", "1"))
    return sorted(found)


async def signed_in(owner: ScriptedUser, client: httpx2.AsyncClient) -> None:
    await owner.send("/web")
    message = await owner.sees("/sign-in/")
    [code] = re.findall(r"/sign-in/([\w-]{43})", message.text)
    assert (await client.post("/sign-in", data={"code": code})).status_code == 303


async def pressed(owner: ScriptedUser, answers: list[float]) -> None:
    while True:
        for button in ("Хранилище", "Назад"):
            answers.append((await owner.press(button)).seconds)
            await asyncio.sleep(PRESS_PAUSE_S)


async def asked(client: httpx2.AsyncClient) -> dict[str, list[float]]:
    """Seconds of each page that there is, by its address, ``TIMES`` each."""
    took = defaultdict(list)
    for _ in range(TIMES):
        for path in pages():
            began = perf_counter()
            answer = await client.get(path)
            if answer.status_code == 200:
                took[path].append(perf_counter() - began)
            assert answer.status_code in {200, 404}, (path, answer.status_code)
            await asyncio.sleep(PAUSE_S)
    return took


async def test_pages_answer_while_six_recordings_are_at_work(tmp_path: Path) -> None:
    hours = await asyncio.to_thread(six_hours, tmp_path)
    [port] = free_ports(1)
    team = ",".join(str(1001 + number) for number in range(PEOPLE))
    settings = {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": team, "LLM_ENGINE": "none", "HTTP_PORT": str(port)}
    async with TelegramServer() as telegram:
        bot = Bot(Product(tmp_path / "bot", settings), telegram)
        await bot.start()
        try:
            owner, answers = telegram.world.user("Владелица", id=1000), list[float]()
            await owner.send_file(ROOT / "samples" / "interview.txt", kind="document", file_name="interview.txt")
            await owner.press("Только расшифровка")
            await owner.sees(READY)
            senders = [telegram.world.user(f"Отправитель {number}", id=1001 + number) for number in range(PEOPLE)]
            for sender, hour in zip(senders, hours, strict=True):
                await sender.send_file(hour, kind="document", file_name=hour.name)
                await sender.sees(hour.name)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
                await signed_in(owner, client)
                await owner.send("/start")
                await owner.sees("Главное меню")
                pressing = asyncio.create_task(pressed(owner, answers))
                took = await asked(client)
                pressing.cancel()
                done = sum(any(READY in message.text for message in sender.chat.from_bot) for sender in senders)
        finally:
            await bot.stop()
    assert done == 0, "the recordings were done before the pages were asked"
    print_table({**took, "a press in the bot": answers})
    assert len(took) > 15
    assert {path: p95(times) for path, times in took.items() if p95(times) > BAR_S} == {}
    assert p95(answers) <= BAR_S


def p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20)[-1]


def print_table(rows: dict[str, list[float]]) -> None:
    table = Table("page", "times", "p50", "p95", "worst")
    for name, times in sorted(rows.items(), key=lambda row: -p95(row[1])):
        figures = (median(times), p95(times), max(times))
        table.add_row(name, str(len(times)), *(f"{1000 * each:.0f} ms" for each in figures))
    print()
    Console(width=100).print(table)
