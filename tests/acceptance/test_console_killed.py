"""Typing in a browser while the process behind the page is killed between two keys, and comes back."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from embedded.ports import free_ports
from installations import Installation

CHROMIUM = Path("/usr/bin/chromium")
TYPED = "Завтрак был хороший, но горячего не хватало, и кофе остывал"
AREA = "#s0 textarea"
KEYS_A_SECOND = 20


def start(installation: Installation) -> tuple[subprocess.Popen[str], str]:
    """Start the console; return it with the link by which one comes in."""
    process = installation.product.start()
    installation.started.append(process)
    assert process.stderr is not None
    for line in process.stderr:
        if "/sign-in/" in line:
            return process, line.strip()
    raise AssertionError(process.communicate())


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    if not CHROMIUM.exists():  # noqa: ASYNC240  # one look
        pytest.skip("needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield await browser.new_page()
        await browser.close()


def stored(installation: Installation) -> str:
    return str(installation.value("SELECT text FROM transcript_segments ORDER BY position LIMIT 1"))


@pytest.mark.parametrize(("keys", "reloaded"), [(23, False), (41, True)])
async def test_no_more_than_the_last_second_of_typing_is_lost(
    installation: Installation, page: Page, *, reloaded: bool, keys: int
) -> None:
    """In fact nothing is: what was typed waits in the browser."""
    outcome = await asyncio.to_thread(installation.run, report="report_int_general")
    assert outcome.status == 0, outcome.said
    installation.product.settings["HTTP_PORT"] = str(free_ports(1)[0])
    process, link = await asyncio.to_thread(start, installation)
    await page.goto(link)
    await page.click("main button")
    await page.goto(f"{link.split('/sign-in/')[0]}/recordings/1/edit")
    await page.fill(AREA, "")
    await page.type(AREA, TYPED[:keys], delay=1000 / KEYS_A_SECOND)
    process.kill()
    await asyncio.to_thread(process.communicate)
    assert TYPED.startswith(stored(installation)[: max(0, keys - KEYS_A_SECOND)])
    if not reloaded:
        await page.type(AREA, TYPED[keys:], delay=1000 / KEYS_A_SECOND)
    await asyncio.to_thread(start, installation)
    if reloaded:
        await page.reload()
        await expect(page.locator(AREA)).to_have_value(TYPED[:keys], timeout=60_000)
        await page.click(AREA)
        await page.keyboard.press("End")
        await page.type(AREA, TYPED[keys:], delay=1000 / KEYS_A_SECOND)
    await page.wait_for_selector("[data-saved]:has-text('Всё сохранено')", timeout=60_000)
    assert await page.query_selector(".conflict, .refused, .offer") is None
    assert stored(installation) == TYPED
