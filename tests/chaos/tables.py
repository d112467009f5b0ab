"""The account of a run as tables."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from chaos.run import Outcome
from chaos.schedule import Met


def tables(outcome: Outcome) -> str:
    """What happened, and what became of it."""
    order = outcome.order
    head = f"{order.people} people, {order.seconds / 60:g} minutes, seed {order.seed}."
    ended = f"Calls asked again because the process that had asked was ended meanwhile: {outcome.in_the_air}."
    return f"{head}\n\n{faults_table(outcome)}\n\n{account_table(outcome)}\n\n{ended}\n"


def account_table(outcome: Outcome) -> str:
    """What became of every message."""
    rows = [
        [kind.value, *map(str, (line.sent, line.taken, line.finished, line.doubled, line.lost))]
        for kind, line in outcome.lines.items()
    ]
    twice = len(outcome.paid_twice)
    rows.append(["paid call", str(outcome.paid), "", str(outcome.paid - twice), str(twice), ""])
    rows.append(["bytes of a recording", "", "", "", "", str(len(outcome.damaged))])
    return table(["what", "sent", "acknowledged", "finished", "doubled", "lost"], rows)


def faults_table(outcome: Outcome) -> str:
    """What happened how often, and how soon it was noticed and over; the longest of each."""
    kinds: dict[str, list[Met]] = defaultdict(list)
    for met in outcome.met:
        kinds[f"{met.fault.family} {met.fault.name}"].append(met)
    rows = []
    for kind, group in sorted(kinds.items()):
        lasted = [met.over - met.began for met in group if met.over]
        noticed, back = _delays(outcome, group)
        rows.append(
            [
                kind,
                str(len(group)),
                f"{sum(lasted):.0f}",
                *(f"{max(each):.1f}" if each else "" for each in (noticed, back)),
            ]
        )
    return table(["fault", "times", "seconds in all", "noticed, s at most", "back, s at most"], rows)


def _delays(outcome: Outcome, group: Sequence[Met]) -> tuple[list[float], list[float]]:
    """How soon the bot noticed that its database was away and back, when it was up to notice."""
    noticed, back = [], []
    for met in [met for met in group if met.fault.family == "database"]:
        away = [at for at, event in outcome.events if event == "database_away" and met.began <= at <= met.over]
        if not away:
            continue
        # Without a line in between the process was another, or the disk too full for the line.
        then = next(((at, event) for at, event in outcome.events if at > away[0]), (0.0, ""))
        if then[1] == "database_back" and _was_up(outcome, met.began, then[0]):
            noticed.append(away[0] - met.began)
            back.append(max(0.0, then[0] - met.over))
    return noticed, back


def _was_up(outcome: Outcome, since: float, until: float) -> bool:
    return not any(
        met.began <= until and (met.over or until) >= since for met in outcome.met if met.fault.family == "bot"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a repository browser that can be read in a terminal too."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def troubles(outcome: Outcome) -> Iterator[str]:
    """Everything that was lost or doubled, with its time after the beginning."""
    for kind, broken in outcome.lines.items():
        yield from (f"{kind.value}: {each}" for each in broken.broken)
    yield from (f"not kept byte by byte: {name}" for name in outcome.damaged)
    yield from (f"paid twice: {key}" for key in outcome.paid_twice)
    yield from (f"the bot ended by itself: {said}" for said in outcome.deaths)
