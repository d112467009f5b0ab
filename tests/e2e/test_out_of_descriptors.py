"""A bot that may open no further file for a while, in the middle of a recording, reports and questions."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from time import monotonic

import pytest

from bot import Bot
from e2e.test_chats import ANSWERED, ASKED
from e2e.test_database_away import says, sends
from interrupted_bot import LIMIT_S, Interruptible, until
from interrupted_people import FILE_NAME, LENGTH_S, Person
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind
from promises import Kind as Promised
from promises import Promise, Sign, account, has_ended
from steps import says as let_say
from telegram_user import ScriptedUser

SHORT_S = 12.0
SLOW_S = 3.0
_PERIOD_S = 0.02
_FAILED = ("Не получилось", "Не удалось", "Не принято", "Что-то пошло не так")

pytestmark = pytest.mark.timeout(420)


@asynccontextmanager
async def without_descriptors(bot: Bot) -> AsyncIterator[None]:
    """Let the bot open nothing during the block, whatever it closes meanwhile."""
    assert bot.process is not None
    pid = bot.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def take_away() -> None:
        used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
        lowest = next(number for number in count() if number not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, limits[1]))

    async def starve() -> None:
        while True:
            take_away()
            await asyncio.sleep(_PERIOD_S)

    starving = asyncio.create_task(starve())
    try:
        yield
        assert not starving.done(), starving.result()
    finally:
        starving.cancel()
        with suppress(asyncio.CancelledError):
            await starving
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


async def asks(user: ScriptedUser, question: str) -> Promise:
    return await says(user, Promised.QUESTION, question, Sign(rf"❓ {question.rstrip('?')}"))


async def ordered(user: ScriptedUser) -> Promise:
    ends = (Sign("Отчёты готовы"),)
    return Promise(Promised.ORDER, user, "all reports", monotonic(), Sign("Заказано по записи"), ends)


async def test_everything_acknowledged_ends_once_and_nothing_is_paid_twice(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    bot = await interruptible()
    anna, boris, vera, gleb = (newcomer() for _ in range(4))
    person = Person(anna, spoken("anna.ogg", LENGTH_S), bot)
    with let_say(bot.endpoint, 3):
        await person.gets_asked()
        promises = [await sends(vera, spoken("vera.ogg", LENGTH_S))]
        await vera.sees("Готово: vera.ogg", timeout=LIMIT_S)
    await person.answer()
    await person.go_back_and_confirm()
    await anna.sees("Какой отчёт подготовить?", timeout=LIMIT_S)

    slow = [Fault(Kind.SLOW, path=path, seconds=SLOW_S) for path in (CHAT, TRANSCRIPTIONS) for _ in range(6)]
    bot.tap.add(*slow)
    before = len(bot.endpoint.requests)
    await person.order_all()
    promises += [await ordered(anna), await sends(boris, spoken("boris.ogg", LENGTH_S)), await asks(vera, ASKED)]
    await until(lambda: len(bot.endpoint.requests) >= before + 3, "reports, recording and question are worked on")

    async with without_descriptors(bot.bot):
        promises += [
            await sends(gleb, spoken("gleb.ogg", LENGTH_S)),
            await asks(vera, "Что говорят о завтраке?"),
            await asks(boris, "Сколько планет?"),
        ]
        await asyncio.sleep(SHORT_S)

    for promise in promises:
        await promise.person.chat.until(lambda promise=promise: has_ended(promise), LIMIT_S, promise.name)  # type: ignore[misc]
    await person.has_all()
    assert all(not line.lost and not line.doubled for line in account(promises).values()), account(promises)
    told = [event for user in (anna, boris, vera, gleb) for event in user.chat.history]
    assert not [event.text for event in told if any(part in event.text for part in _FAILED)]
    assert any(message.contains(ANSWERED) for message in vera.chat.from_bot)
    assert not any(message.contains("⏳ Сохранено") for user in (boris, vera, gleb) for message in user.chat.from_bot)
    assert any(message.contains(FILE_NAME) for message in anna.chat.from_bot)
    assert bot.asked_again(people=4) == 0
    assert bot.value("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == 0
    assert any(line.get("error") == "out_of_resources" for line in bot.bot.log()), "nothing was short of descriptors"
