"""Which reports are chosen, by words that every front door uses."""

import pytest

from datamodels import BuildingType
from default_pack import PACK
from errors import BuildingNeeded, UnknownChoice
from reports.orders import EVERYTHING, NOTHING, choose_reports

ALL = [report.id for report in PACK.reports("interview")]
ANY_BUILDING = [report.id for report in PACK.reports("interview") if not report.per_building]
PER_BUILDING = [report.id for report in PACK.reports("interview") if report.per_building]


@pytest.mark.parametrize(
    ("scenario", "wanted", "building", "chosen", "without_building"),
    [
        ("interview", EVERYTHING, BuildingType.SPA, ALL, []),
        ("interview", EVERYTHING, None, ANY_BUILDING, PER_BUILDING),
        ("interview", NOTHING, None, [], []),
        ("interview", ANY_BUILDING[0], None, ANY_BUILDING[:1], []),
        ("interview", f"{ALL[1]},{ALL[0]}", BuildingType.HOTEL, [ALL[1], ALL[0]], []),
        ("none", EVERYTHING, None, [], []),
        ("none", "report_unknown", None, [], []),
    ],
)
def test_reports_are_chosen_by_words(
    scenario: str, wanted: str, building: BuildingType | None, chosen: list[str], without_building: list[str]
) -> None:
    choice = choose_reports(PACK, scenario, wanted, building)
    assert [report.id for report in choice.reports] == chosen
    assert [report.id for report in choice.without_building] == without_building


@pytest.mark.parametrize(
    ("scenario", "wanted", "said"),
    [
        ("podcast", EVERYTHING, "podcast is not one of interview, design, meeting, none"),
        ("podcast", NOTHING, "podcast is not one of"),
        ("interview", "report_design_compliance", "report_design_compliance is not one of all, none, report_int"),
        ("interview", "", " is not one of all, none"),
        ("interview", f"{ALL[0]},", " is not one of all, none"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(scenario: str, wanted: str, said: str) -> None:
    with pytest.raises(UnknownChoice, match=said):
        choose_reports(PACK, scenario, wanted, BuildingType.HOTEL)


def test_a_report_that_was_named_does_not_silently_stay_away() -> None:
    with pytest.raises(BuildingNeeded):
        choose_reports(PACK, "interview", f"{ANY_BUILDING[0]},{PER_BUILDING[0]}", None)
