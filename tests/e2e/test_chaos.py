"""Two minutes in which everything around the bot fails while people work with it. `scripts/chaos` runs longer ones."""

from pathlib import Path

import pytest

from chaos.run import Order, run
from chaos.tables import tables, troubles

ORDER = Order(people=4, seconds=120, seed=5, settle_s=300)

pytestmark = pytest.mark.timeout(ORDER.seconds + 2 * ORDER.settle_s)


async def test_whatever_fails_nothing_is_lost_and_nothing_comes_or_is_paid_twice(engines_dir: Path) -> None:
    outcome = await run(ORDER, engines_dir / "chaos")

    print(tables(outcome))
    assert outcome.is_good, "\n".join(troubles(outcome))
    assert outcome.settled_s is not None
    assert sum(line.sent for line in outcome.lines.values()) > ORDER.people
