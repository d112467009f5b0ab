"""Workers on other machines do a bot's work: all of it once, people in turn, whoever of them dies."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from interrupted_bot import LIMIT_S, InterruptedBot, Interruptible
from telegram_user import ScriptedUser
from workers import Workers

pytestmark = pytest.mark.timeout(300)

OF_TELEGRAM = ("TELEGRAM_", "OWNER_", "TEAM_")

NewWorkers = Callable[[InterruptedBot], Workers]


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[NewWorkers]:
    """Makes the workers of a bot, none of which runs yet; they do not have its secrets for Telegram."""
    made: list[Workers] = []

    def make(bot: InterruptedBot) -> Workers:
        settings = bot.bot.product.settings
        made.append(Workers(tmp_path, {k: v for k, v in settings.items() if not k.startswith(OF_TELEGRAM)}))
        return made[-1]

    yield make
    for each in made:
        await each.end()


async def test_a_person_gets_everything_from_a_bot_that_takes_no_jobs(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
) -> None:
    bot = await interruptible(BOT_TAKES_JOBS="false", **bucket)
    [worker] = await workers(bot).start(1)
    anna = newcomer()
    await anna.send_file(spoken("Беседа.ogg", 20), kind="audio")
    await anna.press("Интервью", timeout=LIMIT_S)
    await anna.press("Пропустить все", timeout=LIMIT_S)
    await anna.press("Подтвердить", timeout=LIMIT_S)
    await anna.press("Все отчёты сразу", timeout=LIMIT_S)
    await anna.press("Отель", timeout=LIMIT_S)
    await anna.sees("Ещё отчёт по записи", timeout=LIMIT_S)
    await anna.send("Что гости говорят о завтраке?")
    await anna.sees("❓ Что гости говорят о завтраке?", timeout=LIMIT_S)
    await anna.send("/reports")
    await anna.sees("Мои отч", timeout=LIMIT_S)

    assert bot.asked_again() == 0
    assert not (worker.state / "reports").exists()
    assert await worker.stop() == 0
    assert bot.bot.log("error", "critical") == []
