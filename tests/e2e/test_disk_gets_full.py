"""A disk that gets full under the embedded PostgreSQL, or under all that the bot keeps, while people work."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from bot import Bot
from interrupted_bot import LIMIT_S, until
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from power import fill, reason_against_small_disks, small_disk
from product import MODELS, Product
from steps import gets_transcript, live, recording, says
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from texts.telegram import SAVED, SAVED_UNTIL_SPACE

FULL_S = 15.0
SLOW_S = 6.0  # in which the disk gets full
QUESTIONS = 12
CHOSEN = "✅ 👍 5"

pytestmark = pytest.mark.timeout(400)


@dataclass
class House:
    """A bot with its engines, and the small disk under them or under their database."""

    bot: Bot
    endpoint: OpenAIServer
    disk: Path

    async def is_full(self) -> None:
        """Fill the disk; what the database frees meanwhile is filled again."""
        parts = 0
        while True:
            await asyncio.to_thread(fill, self.disk / f"rest-{parts}")
            parts += 1
            await asyncio.sleep(0.1)

    def frees(self) -> None:
        for part in self.disk.glob("rest-*"):
            part.unlink()

    def paid_again(self) -> list[str]:
        """What was asked of a model though it had answered."""
        paid = [each for each in self.endpoint.requests if each.path.endswith((CHAT, TRANSCRIPTIONS))]
        counts = Counter((each.path, each.sha256) for each in paid if each.status == 200)
        return [f"{path} {sha256}" for (path, sha256), count in counts.items() if count > 1]


@pytest.fixture(params=["postgres", "."])
async def house(
    request: pytest.FixtureRequest, telegram: TelegramServer, engines_dir: Path, tmp_path: Path
) -> AsyncIterator[House]:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    state = engines_dir / f"small-{uuid4().hex}"
    # A download leaves 256 MB free.
    with small_disk(state / request.param, "160M" if request.param == "postgres" else "480M"):
        (state / "models").symlink_to(MODELS)
        async with OpenAIServer() as endpoint:
            team = {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": ",".join(map(str, range(1001, 1400)))}
            product = Product(tmp_path, {"PERSISTENT_DIR": str(state), **team})
            product.use(endpoint)
            bot = Bot(product, telegram)
            await bot.start()
            house = House(bot, endpoint, state / request.param)
            yield house
            house.frees()
            await bot.stop()


def answers(user: ScriptedUser, question: str) -> int:
    return len(live(user, f"❓ {question}"))


def refusals(user: ScriptedUser, what: str) -> int:
    return len(live(user, f"Не принято: {what}"))


async def test_what_was_accepted_ends_once_and_what_was_not_is_refused_in_words(
    house: House, newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    talking, sending = [newcomer() for _ in range(3)], newcomer()
    for user in [*talking, sending]:
        with says(house.endpoint, 3):
            await user.send_file(await recording(tmp_path / f"{user.id}.ogg", 6), kind="audio")
            await gets_transcript(user, f"{user.id}.ogg")
    rated = []
    for user in talking:
        await user.send(f"Завтрак у {user.id}?")
        rated.append(await user.sees(f"❓ Завтрак у {user.id}?", timeout=LIMIT_S))

    asked = len(house.endpoint.requests)
    house.endpoint.faults.add(*(Fault(Kind.SLOW, path=CHAT, seconds=SLOW_S) for _ in range(2)))
    questions = {user: [f"Завтрак {user.id} в полёте?"] for user in talking}
    for user in talking:
        await user.send(questions[user][0])
    await until(lambda: len(house.endpoint.requests) >= asked + 2, "two answers are being written")
    filling = asyncio.create_task(house.is_full())
    await asyncio.sleep(1.0)
    for number in range(QUESTIONS):
        for user in talking:
            questions[user].append(f"Завтрак {user.id} номер {number:02}?")
            await user.send(questions[user][-1])
    for user, answer in zip(talking, rated, strict=True):
        await user.press("👍 5", message=answer)
    late = await recording(tmp_path / "поздняя.ogg", 6)
    await sending.send_file(late, kind="audio")
    await asyncio.sleep(FULL_S)
    told = [message.text for user in [*talking, sending] for message in user.chat.from_bot]
    assert any(SAVED in text or SAVED_UNTIL_SPACE in text or "Не принято" in text for text in told), told
    filling.cancel()
    house.frees()

    def ended() -> bool:
        return all(answers(user, each) + refusals(user, f"«{each}»") for user in talking for each in questions[user])

    await until(ended, "an end of every question")
    for user, answer in zip(talking, rated, strict=True):
        await until(
            lambda user=user, answer=answer: bool(  # type: ignore[misc]
                answer in live(user, CHOSEN) or refusals(user, "нажатие кнопки")
            ),
            "an end of every rating",
        )
    if not refusals(sending, "«поздняя.ogg»"):
        await gets_transcript(sending, "поздняя.ogg")
    await asyncio.sleep(3.0)  # in which a second answer would come

    ends = [(answers(user, each), refusals(user, f"«{each}»")) for user in talking for each in questions[user]]
    assert all(sum(each) == 1 for each in ends)
    assert house.disk.name != "postgres" or not any(refused for _, refused in ends)
    assert not any(live(user, SAVED) or live(user, SAVED_UNTIL_SPACE) for user in talking)
    assert not any(live(user, "Код для администратора") for user in [*talking, sending])
    assert house.paid_again() == []
