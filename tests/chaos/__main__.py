"""The command line: ``python -m chaos --people 20 --minutes 30 --seed 7``."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from chaos.faults import FAMILIES
from chaos.run import Order, Outcome, run
from chaos.schedule import schedule
from chaos.tables import tables, troubles
from kill_points import note_long_run


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="People work while everything goes wrong.")
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--settle", type=float, default=900.0, help="seconds in which everything has to end afterwards")
    parser.add_argument("--keep", type=Path, help="a folder for logs, which is made and not removed")
    parser.add_argument("--note", action="store_true", help="put the tables into docs/durability.md")
    given = parser.parse_args()
    order = Order(given.people, given.minutes * 60, given.seed, given.settle)
    for fault in schedule(order.seed, order.seconds, FAMILIES):
        print(fault)
    try:
        if given.keep is not None:
            given.keep.mkdir(parents=True)
            outcome = asyncio.run(_stoppable(order, given.keep))
        else:
            with tempfile.TemporaryDirectory(prefix="voxpersona-chaos-") as folder:
                outcome = asyncio.run(_stoppable(order, Path(folder)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped; nothing of it runs any more")
        return 130
    show(outcome)
    if given.note:
        note_long_run(tables(outcome))
    return 0 if outcome.is_good else 1


async def _stoppable(order: Order, folder: Path) -> Outcome:
    """Do a run; whoever ends it early, by SIGTERM too, leaves nothing running."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    return await run(order, folder)


def show(outcome: Outcome) -> None:
    print(f"\n{tables(outcome)}\nload of the machine {os.getloadavg()[0]:.1f}")
    settled = (
        "not everything ended"
        if outcome.settled_s is None
        else f"all ended {outcome.settled_s:.0f} s after the last fault"
    )
    print(f"\n{settled}; unfinished rows: {outcome.unfinished}")
    for text, count in Counter(outcome.errors).most_common(20):
        print(f"  shown {count}×: {' / '.join(text.splitlines())[:200]}")
    for trouble in troubles(outcome):
        print(f"  {trouble}")


if __name__ == "__main__":
    sys.exit(main())
