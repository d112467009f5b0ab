"""When which fault comes: drawn from a seed, so that a run can be repeated."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from chaos.faults import Family
from chaos.town import Town


@dataclass(frozen=True)
class Fault:
    """A fault that begins ``at_s`` after the beginning of a run and lasts ``lasts_s``."""

    family: str
    name: str
    at_s: float
    lasts_s: float
    seed: int

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.family} {self.name}, {self.lasts_s:.1f} s"


@dataclass
class Met:
    """A fault as it came, in seconds of ``time.monotonic``; its end began at ``ending`` and was done at ``over``."""

    fault: Fault
    began: float
    ending: float = 0.0
    over: float = 0.0


def schedule(seed: int, seconds: float, families: Sequence[Family]) -> list[Fault]:
    """Draw everything that goes wrong within ``seconds``, in the order of its beginning."""
    drawn: list[Fault] = []
    for family in families:
        chance = random.Random(f"{seed}:{family.name}")  # noqa: S311 - the same faults in every run
        at = chance.uniform(family.pause_s[0] / 2, family.pause_s[1] / 2)
        while at < seconds:
            kind = chance.choice(family.kinds)
            lasts = min(chance.uniform(*kind.lasts_s), seconds - at)
            drawn.append(Fault(family.name, kind.name, at, lasts, chance.randrange(1 << 30)))
            at += lasts + chance.uniform(*family.pause_s)
    return sorted(drawn, key=lambda fault: fault.at_s)


async def befall(town: Town, faults: Sequence[Fault], families: Sequence[Family], met: list[Met]) -> None:
    """Let every fault come and be over in its time; those of a family wait for each other."""
    began = monotonic()

    async def in_turn(family: Family) -> None:
        happens = {kind.name: kind.happens for kind in family.kinds}
        for fault in [each for each in faults if each.family == family.name]:
            await asyncio.sleep(max(0.0, began + fault.at_s - monotonic()))
            chance = random.Random(fault.seed)  # noqa: S311 - the same in every run
            now = Met(fault, monotonic())
            met.append(now)
            async with happens[fault.name](town, chance):
                await asyncio.sleep(fault.lasts_s)
                now.ending = monotonic()
            now.over = monotonic()

    async with asyncio.TaskGroup() as group:
        for family in families:
            group.create_task(in_turn(family))
