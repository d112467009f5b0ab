"""Workers on other machines do a bot's work: all of it once, people in turn, whoever of them dies."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

import steps
from application.objects import bucket_store
from bot import Bot
from config import Settings
from embedded.ports import free_ports
from interrupted_bot import LIMIT_S, InterruptedBot, Interruptible, until
from interrupted_people import LENGTH_S
from leftovers import processes_of
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from product import Product
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from workers import Workers, of_bot

pytestmark = pytest.mark.timeout(300)

SLOW_S = 3.0
MANY = 1000
NO_JOBS = {"BOT_TAKES_JOBS": "false"}
ONE_AT_A_TIME = {"WORKER_CONCURRENCY": "1"}


@pytest.fixture
def state() -> Iterator[Path]:
    """For engines of the installation's own.

    Not under pytest's own directory, which other sessions close to all users but root when they start.
    """
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory) / "machine"
        for process in processes_of(Path(directory)):
            process.kill()


NewWorkers = Callable[[InterruptedBot], Workers]


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[NewWorkers]:
    """Makes the workers of a bot, none of which runs yet."""
    made: list[Workers] = []

    def make(bot: InterruptedBot) -> Workers:
        made.append(Workers(tmp_path, of_bot(bot.bot.product.settings)))
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
    bot = await interruptible(**NO_JOBS, **bucket)
    [worker] = await workers(bot).start(1)
    anna = newcomer()
    await anna.send_file(spoken("Беседа.ogg", 20), kind="audio")
    await anna.press("Интервью", timeout=LIMIT_S)
    await anna.press("Подтвердить", timeout=LIMIT_S)
    await anna.press("Все отчёты сразу", timeout=LIMIT_S)
    await anna.press("Отель", timeout=LIMIT_S)
    await steps.gets_all_reports(anna)
    await anna.send("Что гости говорят о завтраке?")
    await anna.sees("❓ Что гости говорят о завтраке?", timeout=LIMIT_S)
    await until_listed(anna, reports=6)

    assert bot.asked_again() == 0
    assert not (worker.state / "reports").exists()
    assert await worker.stop() == 0
    assert bot.bot.log("error", "critical") == []


async def until_listed(person: ScriptedUser, reports: int) -> None:
    """Ask for the list of reports until so many are in it."""
    text = ""
    while f"Всего: {reports} отчет" not in text:
        asked = await person.send("/reports")
        text = (await person.downloads(await person.sees("📋 Список отчетов", after=asked, timeout=LIMIT_S))).decode()


async def sends(person: ScriptedUser, folder: Path, count: int, seconds: float = 3.0) -> list[str]:
    """Send recordings that differ in sound; returns their names once the bot has stored all of them."""
    paths = [await steps.recording(folder / f"{person.id}-{n}.ogg", seconds + n / 100) for n in range(count)]
    for path in paths:
        await person.send_file(path, kind="audio", file_name=path.name)
    for path in paths:
        await person.chat.until(partial(is_stored, person, path.name), LIMIT_S, path.name)
    return [path.name for path in paths]


def is_stored(person: ScriptedUser, name: str) -> bool:
    """Tell whether the bot has the recording, which workers may have done by now."""
    return any(steps.live(person, f"{sign}: {name}") for sign in ("Принято", "Готово"))


async def are_done(person: ScriptedUser, names: list[str]) -> None:
    for name in names:
        await person.sees(f"Готово: {name}", timeout=LIMIT_S)


def heard(bot: InterruptedBot) -> list[float]:
    """The seconds of the recordings that were heard, in the order in which they were asked for."""
    asked = [each for each in bot.asked() if each.path.endswith(TRANSCRIPTIONS)]
    return [each.seconds for each in sorted(asked, key=lambda each: each.came_at)]


async def test_of_three_workers_one_is_killed_and_all_recordings_are_heard_once(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    tmp_path: Path,
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket)
    machines = workers(bot)
    people = [newcomer() for _ in range(3)]
    names = [await sends(person, tmp_path / "sent", 3) for person in people]
    bot.tap.add(Fault(Kind.HANG, TRANSCRIPTIONS), Fault(Kind.SLOW, TRANSCRIPTIONS, times=MANY, seconds=0.5))
    [killed] = await machines.start(1, **ONE_AT_A_TIME)
    await until(lambda: bool(bot.endpoint.asked(TRANSCRIPTIONS)), "the first worker asks")
    await machines.start(2, **ONE_AT_A_TIME)
    await until(lambda: len(heard(bot)) >= 4, "the others work")
    await killed.kill()

    for person, theirs in zip(people, names, strict=True):
        await are_done(person, theirs)
    assert len(heard(bot)) == 9
    assert bot.asked_again() == 0
    assert min(each.did() for each in machines.made) > 0


async def test_of_two_workers_one_hangs_and_the_other_does_its_work(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    tmp_path: Path,
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket)
    machines, anna = workers(bot), newcomer()
    names = await sends(anna, tmp_path / "sent", 1)
    bot.tap.add(Fault(Kind.HANG, TRANSCRIPTIONS))
    [hanging] = await machines.start(1, **ONE_AT_A_TIME)
    await until(lambda: bool(bot.endpoint.asked(TRANSCRIPTIONS)), "the first worker asks")
    hanging.send(signal.SIGSTOP)
    [other] = await machines.start(1)
    await are_done(anna, names)

    assert await other.stop() == 0
    hanging.send(signal.SIGCONT)
    names += await sends(anna, tmp_path / "later", 1, seconds=6.0)
    await are_done(anna, names)
    assert min(each.did() for each in machines.made) > 0
    assert [sum(f"Готово: {name}" in message.text for message in anna.chat.messages) for name in names] == [1, 1]


async def test_people_take_turns_at_two_workers(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    tmp_path: Path,
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket)
    anna, boris = newcomer(), newcomer()
    many = await sends(anna, tmp_path / "sent", 8)
    few = await sends(boris, tmp_path / "sent", 2, seconds=6.0)
    bot.tap.add(Fault(Kind.SLOW, TRANSCRIPTIONS, times=MANY, seconds=1.0))
    machines = workers(bot)
    await machines.start(2, **ONE_AT_A_TIME)
    await are_done(boris, few)
    at_his_end = len(heard(bot))
    await are_done(anna, many)
    his = [place for place, seconds in enumerate(heard(bot)) if seconds > 5]
    assert his[0] <= 2
    assert his[1] <= 5
    assert at_his_end <= 7
    assert min(each.did() for each in machines.made) > 0


async def test_a_stopped_worker_waits_for_the_answer_on_its_way_and_another_goes_on(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket)
    machines = workers(bot)
    [first] = await machines.start(1)
    anna = newcomer()
    bot.tap.add(Fault(Kind.SLOW, TRANSCRIPTIONS, times=MANY, seconds=SLOW_S))
    await anna.send_file(spoken("Беседа.ogg", LENGTH_S), kind="audio")
    await until(lambda: bool(bot.endpoint.asked(TRANSCRIPTIONS)), "it is heard")
    assert await first.stop() == 0
    assert "Остановлено" in first.said()
    bot.tap.clear()
    await machines.start(1)
    await anna.sees("Готово: Беседа.ogg", timeout=LIMIT_S)
    assert bot.asked_again() == 0


async def test_a_person_stops_what_a_worker_does(
    interruptible: Interruptible,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    tmp_path: Path,
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket)
    anna, boris = newcomer(), newcomer()
    bot.tap.add(Fault(Kind.HANG, TRANSCRIPTIONS))
    await sends(anna, tmp_path / "sent", 1)
    await workers(bot).start(1, **ONE_AT_A_TIME)
    await until(lambda: bool(bot.endpoint.asked(TRANSCRIPTIONS)), "the worker asks")
    await anna.press("Отменить")
    await anna.sees("✖ Отменено", timeout=LIMIT_S)
    await are_done(boris, await sends(boris, tmp_path / "sent", 1))
    assert bot.bot.log("error", "critical") == []


@pytest.mark.parametrize("left", [True, False])
async def test_an_original_that_the_store_lost_is_fetched_by_the_bot(
    left: bool,
    interruptible: Interruptible,
    telegram: TelegramServer,
    workers: NewWorkers,
    bucket: dict[str, str],
    newcomer: Callable[[], ScriptedUser],
    tmp_path: Path,
) -> None:
    bot = await interruptible(**NO_JOBS, **bucket, SPOOL_KEEP_S="0")
    anna = newcomer()
    [name] = await sends(anna, tmp_path / "sent", 1)
    objects = bucket_store(Settings(_env_file=None, **{key.lower(): value for key, value in bucket.items()}))  # type: ignore[arg-type]
    key = bot.value("SELECT object_key FROM recordings")
    await objects.delete(key)
    if not left:
        [sent] = [message for message in anna.chat.messages if not message.from_bot and message.file]
        telegram.world.delete([sent.id])
    await workers(bot).start(1)
    if left:
        await anna.sees(f"Готово: {name}", timeout=LIMIT_S)
        assert await objects.exists(key)
    else:
        await anna.sees("Отправьте эту запись ещё раз", timeout=LIMIT_S)
        assert bot.value("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')") == 0
    objects.close()


async def test_a_worker_shows_its_health_without_telegram_and_the_bot_that_there_is_a_worker(
    interruptible: Interruptible, workers: NewWorkers, bucket: dict[str, str]
) -> None:
    ours, theirs = map(str, free_ports(2))
    bot = await interruptible(**NO_JOBS, **bucket, HTTP_PORT=ours)
    machines = workers(bot)
    async with httpx2.AsyncClient(trust_env=False, timeout=5.0) as client:

        async def ready(port: str) -> tuple[int, dict[str, tuple[str, str | None]]]:
            answer = await client.get(f"http://127.0.0.1:{port}/health/ready")
            parts = {name: (part["state"], part["why"]) for name, part in answer.json()["parts"].items()}
            return answer.status_code, parts

        async def becomes(port: str, status: int, part: str, state: str, why: str | None) -> dict[str, object]:
            async with asyncio.timeout(20):
                while True:
                    found, parts = await ready(port)
                    if (found, parts[part]) == (status, (state, why)):
                        return dict(parts)
                    await asyncio.sleep(0.1)

        await becomes(ours, 503, "jobs", "down", "no_heartbeat")
        [worker] = await machines.start(1, HTTP_PORT=theirs)
        await becomes(ours, 200, "jobs", "ok", None)
        parts = await becomes(theirs, 200, "jobs", "ok", None)
        assert set(parts) == {"database", "objects", "asr", "llm", "jobs", "disk", "backup", "index", "images"}
        assert (await client.get(f"http://127.0.0.1:{theirs}/health/live")).status_code == 200
        assert "version" in (await client.get(f"http://127.0.0.1:{theirs}/version")).json()
        metrics = (await client.get(f"http://127.0.0.1:{theirs}/metrics")).text
        assert "voxpersona_ready 1.0" in metrics
        assert 'part="telegram"' not in metrics
        told = await asyncio.to_thread(Product(worker.state, {"HTTP_PORT": theirs}).run, "health")
        assert (told.status, told.out.splitlines()[-1]) == (0, "Готов к работе.")
        assert "База данных: работает" in told.out
        assert await worker.stop() == 0


async def test_on_one_machine_a_worker_shares_the_folder_with_its_bot(
    state: Path, telegram: TelegramServer, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    product = Product(state, {"OWNER_TELEGRAM_ID": "1000", **NO_JOBS})
    product.use(endpoint)
    alone = Workers(state.parent, of_bot(product.settings), folders=[state])
    with pytest.raises(AssertionError, match="Рабочему процессу не с кем работать"):
        await alone.start(1)
    assert not (state / "postgres").exists()
    bot = Bot(product, telegram)
    owner = telegram.world.user("Анна", id=1000)
    await bot.start()
    machines = Workers(state.parent, of_bot(product.settings), folders=[state])
    try:
        await machines.start(1)
        path = await steps.recording(tmp_path / "Беседа.ogg")
        await owner.send_file(path, kind="audio")
        await are_done(owner, [path.name])
    finally:
        await machines.end()
        await bot.stop()
