"""docs/durability.md is true to the kill points of the tests, and says that everything was kept."""

from kill_points import KEPT, NOT_RUN, PAGE, decisive_tests, kill_points, page


def test_page_lists_every_kill_point_and_all_were_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/durability"


def test_a_kill_point_whose_test_failed_or_did_not_run_is_not_called_kept() -> None:
    first, *others = decisive_tests()
    rows = [line for line in page({first: False, **dict.fromkeys(others[:1], True)}).splitlines() if "| `test_" in line]
    of_first = [row for row, point in zip(rows, kill_points(), strict=True) if point.test == first]
    assert of_first
    assert not any(row.endswith(f"{KEPT} |") for row in of_first)
    assert rows[-1].endswith(f"{NOT_RUN} |")


def test_no_kill_point_has_two_rows() -> None:
    names = [point.name for point in kill_points()]
    assert len(set(names)) == len(names)
