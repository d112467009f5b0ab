"""The moments at which tests kill the product, and the page that says what was checked there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from acceptance.test_kill_and_resume import BORDERS
from config import ROOT
from e2e.test_kill_and_restart import anna_is_interrupted, boris_is_interrupted, vera_is_interrupted
from interrupted_bot import Moment
from interrupted_people import Person

PAGE = ROOT / "docs" / "durability.md"
LONG_RUN = ROOT / "tests" / "chaos" / "long_run.md"
"""The tables of the last long run, which ``scripts/chaos --note`` writes."""
KEPT, BROKEN, NOT_RUN = "kept", "**broken**", "not run"

_COMMAND = "tests/acceptance/test_kill_and_resume.py"
_STEPS = "tests/e2e/test_kill_and_restart.py::test_killed_at_each_step"
_BYTES = "every result is as without a kill, nothing is left over, nothing stored is asked again"
_CHATS = "the chat is as without a kill: every message once; no stored answer is asked again"
_HEAD = """# What lasts

Made by `scripts/durability` from the outcomes of the tests that kill the product, and from the last long run of
`scripts/chaos`. Change those, not this page.

A kill *before* a commit meets work that is done and not noted, so that it is done again; a kill *after* one meets work
that is noted, so that it must not be.

"""
_RUN = "\n\n## The last long run of chaos\n\n"
_TESTED = """## Kill points

| kill point | commit | what was checked | test | outcome |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class KillPoint:
    """A row of the page. ``test`` is the id of the test that kills there, or of its file."""

    name: str
    side: str
    checked: str
    test: str


class _Nobody:
    """In the place of a person: knows the names of the moments, and nothing else."""

    def at(self, name: str, *_: str) -> Callable[[], Any]:
        return lambda: name

    def __getattr__(self, name: str) -> None:
        return None


def _names(script: Callable[[Person], list[Moment]]) -> list[str]:
    return [str(moment.border()) for moment in script(cast("Person", _Nobody()))]


def kill_points() -> list[KillPoint]:
    """List every moment at which a test kills the product."""
    scripts = (anna_is_interrupted, boris_is_interrupted, vera_is_interrupted)
    steps = dict.fromkeys(name for script in scripts for name in _names(script))
    unheard = "tests/e2e/test_kill_in_transfer.py"
    return [
        *(
            KillPoint(f"command: {each}", "before", _BYTES, f"{_COMMAND}::test_killed_at_each_border")
            for each in BORDERS
        ),
        KillPoint("command: an answer is stored", "after", _BYTES, f"{_COMMAND}::test_killed_after_each_answer"),
        KillPoint(
            "command: results are being written", "after", _BYTES, f"{_COMMAND}::test_killed_while_writing_the_results"
        ),
        *(KillPoint(f"bot: {each}", "before", _CHATS, _STEPS) for each in steps),
        KillPoint("bot: Telegram did what it was asked, unheard", "before", _CHATS, unheard),
        KillPoint(
            "research: the plan, 7, 19 and 32 of 50 transcripts and a group are answered",
            "after",
            "nothing stored is asked again, every answer is paid once; the report counts 50 of 50",
            "tests/acceptance/test_research.py::test_killed_five_times_it_pays_for_each_part_once",
        ),
        KillPoint("bot: eight random moments", "both", _CHATS, "tests/e2e/test_kill_at_random.py"),
        *(
            KillPoint(f"power of an {kind} disk, random moments", "both", f"{_CHATS}; every object byte by byte", test)
            for kind, test in (
                (
                    "ext4",
                    "tests/e2e/test_power_cut.py::test_whenever_the_power_goes_everybody_gets_everything_once[ext4]",
                ),
                (
                    "xfs",
                    "tests/e2e/test_power_cut.py::test_whenever_the_power_goes_everybody_gets_everything_once[xfs]",
                ),
            )
        ),
        *(
            KillPoint(
                f"database {how} in the middle of ten dialogs and three recordings",
                "both",
                "nobody sees an error; nothing lost, doubled or paid twice; noticed within 2 s, back within 5 s",
                f"tests/e2e/test_database_away.py::test_nobody_sees_an_error_and_nothing_is_lost_or_paid_twice[{how}]",
            )
            for how in ("killed", "silent", "stopped")
        ),
    ]


def page(outcomes: Mapping[str, bool] | None = None) -> str:
    """Make the page. ``outcomes`` tell by test whether it passed; None when all did."""
    rows = [
        f"| {each.name} | {each.side} | {each.checked} | `{Path(each.test).name}` | {_outcome(each, outcomes)} |"
        for each in kill_points()
    ]
    return _HEAD + _TESTED + "\n".join(rows) + _RUN + LONG_RUN.read_text(encoding="utf-8")


def note_long_run(tables: str) -> None:
    """Keep the tables of a long run, and put them in the place of the last in the page."""
    LONG_RUN.write_text(tables, encoding="utf-8")
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(_RUN)
    PAGE.write_text(head + mark + tables, encoding="utf-8")


def decisive_tests() -> list[str]:
    """The tests that have to run for the page."""
    return list(dict.fromkeys(each.test for each in kill_points()))


def _outcome(point: KillPoint, outcomes: Mapping[str, bool] | None) -> str:
    if outcomes is None:
        return KEPT
    found = [passed for test, passed in outcomes.items() if _is_of(test, point.test)]
    return NOT_RUN if not found else KEPT if all(found) else BROKEN


def _is_of(test: str, wanted: str) -> bool:
    return test == wanted or test.startswith((f"{wanted}::", f"{wanted}["))
