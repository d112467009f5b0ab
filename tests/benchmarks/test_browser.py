"""What a browser here shows of the console: first paint, weight of pages, frames while eight hours scroll by.

``pytest -s tests/benchmarks/test_browser.py`` prints the tables; it needs Chromium. Frames are counted by the browser
while a wheel turns, in the reader and in the editor, first with one page of the transcript and then after the wheel
has gone through all of it.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest
from playwright.async_api import Browser, Page, async_playwright

import transcripts_store
from console_world import World, world
from datamodels import Segment, Transcript, Word
from db import Database
from handlers_world import Bot
from object_files import FolderObjectStore

CHROMIUM = Path("/usr/bin/chromium")
SEGMENTS, WORDS, EVERY_S = 11_520, 7, 2.5
"""Eight hours: 80,000 words."""
PAINT_MS, HEAVIEST_BYTES = 1000, 300_000
LEAST_FRAMES = 60
MOST_ROWS = 1000
TIMES = 5
PAGES = ("/", "/recordings", "/recordings/1", "/recordings/1/edit", "/reports", "/chats", "/speeches", "/profile")
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
WEIGHT = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(each => !['audio', 'video'].includes(each.initiatorType))
        .reduce((bytes, each) => bytes + each.decodedBodySize, 0)
"""
FRAMES = """
    async (seconds) => {
        const times = [];
        const down = (now) => {
            times.push(now);
            scrollBy(0, 40);
            if (now - times[0] < seconds * 1000) requestAnimationFrame(down);
        };
        requestAnimationFrame(down);
        await new Promise((done) => setTimeout(done, seconds * 1000 + 200));
        const between = times.slice(1).map((at, place) => at - times[place]).sort((a, b) => a - b);
        const took = times[times.length - 1] - times[0];
        return [between.length / took * 1000, between[Math.floor(between.length * 0.99)], between[between.length - 1]];
    }
"""


def eight_hours() -> Transcript:
    segments = []
    for place in range(SEGMENTS):
        said, start = [f"слово{place}", *["завтрак"] * (WORDS - 1)], EVERY_S * place
        words = tuple(Word(start=start + n / 4, end=start + (n + 1) / 4, text=each) for n, each in enumerate(said))
        segments.append(
            Segment(start=start, end=start + 2, speaker=f"S{1 + place % 3}", text=" ".join(said), words=words)
        )
    return Transcript(
        language="ru", engine="e", model="m", duration_s=EVERY_S * SEGMENTS, speakers=3, segments=tuple(segments)
    )


@pytest.fixture
async def console(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    database = await Database.open(database_url)
    async with world(Bot(database, tmp_path, FolderObjectStore(tmp_path / "objects")), tmp_path) as console:
        recording = await console.people["researcher"].has_recording()
        async with database.transaction() as connection:
            await transcripts_store.save_transcript(connection, recording.id, eight_hours(), "hash")
        yield console
    await database.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():  # noqa: ASYNC240  # one look
        pytest.skip("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def comes_in(console: World, browser: Browser) -> Page:
    page = await browser.new_page(base_url=console.url, viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    person = console.people["researcher"].user.id
    await page.goto(f"/sign-in/{await console.services.sessions.new_link(person)}")
    await page.click("main button")
    return page


async def test_pages_are_painted_in_time_and_are_light(console: World, browser: Browser) -> None:
    page = await comes_in(console, browser)
    kept: dict[str, tuple[float, int]] = {}
    for path in PAGES:
        painted, weights = [], []
        for _ in range(TIMES):
            await page.goto(path, wait_until="load")
            while (paint := await page.evaluate(PAINTED)) is None:  # of another process
                await page.wait_for_timeout(20)
            painted.append(float(paint))
            weights.append(int(await page.evaluate(WEIGHT)))
        kept[path] = (max(painted), max(weights))
        shown = f"first paint median {median(painted):5.0f} ms, worst {max(painted):5.0f} ms"
        print(f"\n{path:22} {shown}, {max(weights):7,} bytes")
    assert {path for path, (paint, _) in kept.items() if paint > PAINT_MS} == set()
    assert {path for path, (_, weight) in kept.items() if weight > HEAVIEST_BYTES} == set()


@pytest.mark.parametrize("path", ["/recordings/1", "/recordings/1/edit"])
async def test_eight_hours_scroll_by_smoothly(console: World, browser: Browser, path: str) -> None:
    page = await comes_in(console, browser)
    await page.goto(path)
    first = await page.evaluate(FRAMES, 3)
    while await page.query_selector("[data-later]"):
        await page.evaluate("document.querySelector('[data-later]')?.scrollIntoView()")
        await page.wait_for_timeout(20)
    rates, most_rows = [first], 0
    for share in (0.2, 0.5, 0.8):
        await page.evaluate(f"scrollTo(0, document.documentElement.scrollHeight * {share})")
        await page.wait_for_timeout(1000)
        rates.append(await page.evaluate(FRAMES, 3))
        most_rows = max(most_rows, int(await page.evaluate("document.querySelectorAll('.segment').length")))
    for place, (rate, slow, worst) in zip(("first page", "0.2", "0.5", "0.8"), rates, strict=True):
        print(f"\n{path:20} at {place:10}: {rate:5.1f} frames/s, 99 % within {slow:5.1f} ms, worst {worst:5.1f} ms")
    print(f"\nrows in the page at most {most_rows:,} of {SEGMENTS:,}")
    assert min(rate for rate, _, _ in rates) >= LEAST_FRAMES - 1
    assert 0 < most_rows <= MOST_ROWS
