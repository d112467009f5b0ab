"""What goes wrong in a run of chaos is drawn from its seed."""

from itertools import pairwise

from chaos.faults import FAMILIES
from chaos.schedule import schedule

HALF_AN_HOUR_S = 1800.0


def test_a_run_can_be_repeated_by_its_seed() -> None:
    assert schedule(7, HALF_AN_HOUR_S, FAMILIES) == schedule(7, HALF_AN_HOUR_S, FAMILIES)
    assert schedule(7, HALF_AN_HOUR_S, FAMILIES) != schedule(8, HALF_AN_HOUR_S, FAMILIES)


def test_a_family_that_cannot_happen_changes_nothing_for_the_others() -> None:
    drawn = [fault for fault in schedule(7, HALF_AN_HOUR_S, FAMILIES) if fault.family != "disk"]
    assert schedule(7, HALF_AN_HOUR_S, [family for family in FAMILIES if family.name != "disk"]) == drawn


def test_in_half_an_hour_everything_happens_and_ends() -> None:
    faults = schedule(7, HALF_AN_HOUR_S, FAMILIES)
    assert {(each.family, each.name) for each in faults} == {
        (family.name, kind.name) for family in FAMILIES for kind in family.kinds
    }
    assert all(each.at_s + each.lasts_s <= HALF_AN_HOUR_S for each in faults)


def test_the_database_goes_away_every_5_to_40_seconds() -> None:
    faults = [each for each in schedule(7, HALF_AN_HOUR_S, FAMILIES) if each.family == "database"]
    pauses = [later.at_s - each.at_s - each.lasts_s for each, later in pairwise(faults)]
    assert min(pauses) >= 5
    assert max(pauses) <= 40
