"""What the default report pack promises to research teams: its buttons, passes, indices, taxonomies and wording."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from datamodels import BuildingType
from prompt_pack.manifest import PassKind
from prompt_pack.models import ReportPass
from prompt_pack.pack import ReportPack, ReportPlan, load_pack
from prompt_pack.templates import EarlierPass
from reports.evidence import normal_words

ROOT = Path(__file__).parents[2] / "prompts"
HOTEL, RESTAURANT, SPA = BuildingType.HOTEL, BuildingType.RESTAURANT, BuildingType.SPA

CATEGORIES = ["location", "design", "service", "technology", "safety", "marketing", "economics", "other"]
REPORTS = [
    ("interview", "report_int_methodology", "1) Оценка методологии интервью"),
    ("interview", "report_int_links", "2) Отчет о связках"),
    ("interview", "report_int_general", "3) Общие факторы"),
    ("interview", "report_int_specific", "4) Факторы в этом заведении"),
    ("interview", "report_int_employee", "5) Анализ работы сотрудника"),
    ("interview", "report_int_stimulus", "6) Стимул – восприятие – последствие"),
    ("design", "report_design_audit_methodology", "1) Оценка методологии аудита"),
    ("design", "report_design_compliance", "2) Соответствие программе аудита"),
    ("design", "report_design_structured", "3) Структурированный отчет аудита"),
    ("meeting", "report_meet_summary", "1) Краткое содержание"),
    ("meeting", "report_meet_tasks", "2) Список задач"),
    ("meeting", "report_meet_minutes", "3) Протокол"),
]
SECTIONS = {HOTEL: 3, RESTAURANT: 5, SPA: 6}
MOST_WORDS = 700
"""A prompt that a model of 1.5 billion parameters still follows, and that leaves room in 8,192 tokens."""


@pytest.fixture(scope="module")
def pack() -> ReportPack:
    return load_pack(ROOT)


def plans(pack: ReportPack) -> Iterator[ReportPlan]:
    for scenario in pack.scenarios:
        for report in scenario.reports:
            yield from report.plans.values()


def passes(pack: ReportPack, report: str, building: BuildingType | None = None) -> tuple[ReportPass, ...]:
    return pack.report(report).plan(building).passes


def value_names(plan: ReportPlan) -> list[str]:
    assert plan.indices is not None
    return [name for line in plan.indices.lines for name in line.names]


def means(plan: ReportPlan) -> dict[str, tuple[str, ...]]:
    assert plan.indices is not None
    return {line.rule.name: line.rule.mean for line in plan.indices.lines if line.rule.mean}


def prompts_as_sent(plan: ReportPlan) -> Iterator[str]:
    """Every prompt of a plan, rendered as if nothing had been found."""
    earlier: dict[str, EarlierPass] = {}
    for each in plan.passes:
        missing = tuple(plan.taxonomy.factors.values()) if each.taxonomy and plan.taxonomy else ()
        yield each.prompt.render({**plan.variables(""), **each.names, "earlier": SimpleNamespace(**earlier)})
        earlier[each.id] = EarlierPass("", [], missing)
    if plan.indices and plan.indices.prompt:
        yield plan.indices.prompt.render({**plan.variables(""), "earlier": SimpleNamespace(**earlier)})


def test_scenarios_have_the_buttons_of_the_menu(pack: ReportPack) -> None:
    assert [(each.id, each.label, each.callback, each.diarize) for each in pack.scenarios] == [
        ("interview", "Интервью", "mode_interview", True),
        ("design", "Дизайн", "mode_design", False),
        ("meeting", "Совещание", "mode_meeting", True),
    ]


def test_an_interview_has_two_roles_and_an_audit_none(pack: ReportPack) -> None:
    assert [role.label for role in pack.scenario("interview").roles] == ["Сотрудник", "Клиент"]
    assert pack.scenario("design").roles == ()
    assert pack.scenario("meeting").roles == ()


def test_reports_have_the_labels_and_callbacks_of_the_menu_in_its_order(pack: ReportPack) -> None:
    found = [(each.id, report.id, report.label) for each in pack.scenarios for report in each.reports]
    assert found == REPORTS


def test_reports_that_depend_on_the_building_type_say_so(pack: ReportPack) -> None:
    assert {report for _, report, _ in REPORTS if pack.report(report).per_building} == {
        "report_int_general",
        "report_int_specific",
        "report_design_compliance",
        "report_design_structured",
    }


@pytest.mark.parametrize("building", BuildingType)
def test_a_taxonomy_has_about_a_hundred_factors_in_the_eight_categories(
    pack: ReportPack, building: BuildingType
) -> None:
    taxonomy = pack.report("report_int_general").plan(building).taxonomy
    assert taxonomy is not None
    assert [category.id for category in taxonomy.categories] == CATEGORIES
    assert 90 <= len(taxonomy.factors) <= 115
    assert min(len(category.factors) for category in taxonomy.categories) >= 5


@pytest.mark.parametrize("building", BuildingType)
def test_no_two_factors_of_a_taxonomy_are_called_the_same(pack: ReportPack, building: BuildingType) -> None:
    taxonomy = pack.report("report_int_general").plan(building).taxonomy
    assert taxonomy is not None
    labels = [factor.label.casefold() for factor in taxonomy.factors.values()]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("report", "building", "count"),
    [
        ("report_int_methodology", None, 1),
        ("report_int_links", None, 1),
        *[("report_int_general", building, 2) for building in BuildingType],
        *[("report_int_specific", building, 1) for building in BuildingType],
        ("report_int_employee", None, 1),
        ("report_int_stimulus", None, 1),
        ("report_design_audit_methodology", None, 2),
        *[("report_design_compliance", building, 2) for building in BuildingType],
        ("report_design_structured", HOTEL, 3),
        ("report_design_structured", RESTAURANT, 2),
        ("report_design_structured", SPA, 2),
        ("report_meet_summary", None, 1),
        ("report_meet_tasks", None, 1),
        ("report_meet_minutes", None, 3),
    ],
)
def test_a_report_has_its_number_of_passes(
    pack: ReportPack, report: str, building: BuildingType | None, count: int
) -> None:
    assert len(passes(pack, report, building)) == count


def test_every_list_of_findings_must_be_proved_by_quotes(pack: ReportPack) -> None:
    items = [each for plan in plans(pack) for each in plan.passes if each.kind is PassKind.ITEMS]
    assert items
    assert {each.quotes for each in items} == {"quotes"}


def test_evidence_is_written_before_what_is_made_of_it(pack: ReportPack) -> None:
    """Small models that name their findings first write the first one over and over."""
    for plan in plans(pack):
        for each in plan.passes:
            if each.schema_ is not None:
                assert next(iter(each.schema_["properties"]["items"]["items"]["properties"])) == each.quotes


def test_every_list_in_a_schema_has_an_end(pack: ReportPack) -> None:
    def lists(schema: object) -> Iterator[dict[str, object]]:
        if isinstance(schema, dict):
            if schema.get("type") == "array":
                yield schema
            for each in schema.values():
                yield from lists(each)

    found = [each for plan in plans(pack) for one in plan.passes for each in lists(one.schema_)]
    assert found
    assert all("maxItems" in each for each in found)


def test_factors_are_chosen_from_the_taxonomy(pack: ReportPack) -> None:
    for report in ("report_int_general", "report_int_specific"):
        for building in BuildingType:
            plan = pack.report(report).plan(building)
            assert plan.taxonomy is not None
            assert plan.passes[0].schema_ is not None
            factor = plan.passes[0].schema_["properties"]["items"]["items"]["properties"]["factor"]
            assert factor["enum"] == list(plan.taxonomy.factors)


def test_interview_quality_is_the_mean_of_three_rules_and_five_violations(pack: ReportPack) -> None:
    mean = means(pack.report("report_int_methodology").plan(None))
    assert (len(mean["X"]), len(mean["Y"])) == (3, 5)
    assert mean["итоговая_оценка_качества_интервью"] == ("X", "Y")


def test_links_are_counted_by_code_and_the_client_type_by_the_events_that_are_told(pack: ReportPack) -> None:
    plan = pack.report("report_int_links").plan(None)
    assert plan.indices is not None
    assert plan.indices.prompt is None
    rules = {line.rule.name: line.rule for line in plan.indices.lines}
    assert [rules["_из_событий"].count, rules["_из_событий"].having] == [("links",), "event"]
    assert list(rules["тип_клиента"].steps or ()) == [(1, "ТИП 1"), (0, "ТИП 2")]
    assert rules["количество_выявленных_связок"].count == ("links",)


@pytest.mark.parametrize("parking", ["loc_parking", "srv_parking"])
def test_parking_and_cleanliness_are_in_the_same_category_everywhere(pack: ReportPack, parking: str) -> None:
    taxonomies = [pack.report("report_int_general").plan(building).taxonomy for building in BuildingType]
    factors = [factor for each in taxonomies if each for factor in each.factors.values()]
    assert {factor.category for factor in factors if factor.id == parking} == {"location"}
    clean = [factor for factor in factors if factor.label.startswith(("Чистота", "Качество уборки"))]
    assert {factor.category for factor in clean} == {"safety"}
    assert len(clean) >= 5


def test_no_score_is_copied_out_of_prose_by_a_second_question(pack: ReportPack) -> None:
    for plan in plans(pack):
        assert plan.indices is None or plan.indices.prompt is None


def test_a_link_takes_up_to_four_quotes(pack: ReportPack) -> None:
    schema = passes(pack, "report_int_links")[0].schema_
    assert schema is not None
    assert schema["properties"]["items"]["items"]["properties"]["quotes"]["maxItems"] == 4


@pytest.mark.parametrize("building", BuildingType)
def test_general_factors_are_counted_per_category_mentioned_and_not(pack: ReportPack, building: BuildingType) -> None:
    names = value_names(pack.report("report_int_general").plan(building))
    for category in CATEGORIES:
        assert f"упомянуто_по_категориям_{category}" in names
        assert f"не_упомянуто_по_категориям_{category}" in names


@pytest.mark.parametrize("building", BuildingType)
def test_factors_of_the_place_are_counted_per_category_and_in_all(pack: ReportPack, building: BuildingType) -> None:
    names = value_names(pack.report("report_int_specific").plan(building))
    assert "всего_оценок" in names
    assert {f"оценок_по_категориям_{category}" for category in CATEGORIES} <= set(names)


def test_the_employee_has_four_scores_and_their_mean(pack: ReportPack) -> None:
    mean = means(pack.report("report_int_employee").plan(None))
    assert mean == {"итоговая_оценка_работы_сотрудника": ("вопросы", "эмпатия", "структура", "активное_слушание")}


def test_an_audit_is_scored_by_six_criteria(pack: ReportPack) -> None:
    mean = means(pack.report("report_design_audit_methodology").plan(None))
    assert len(mean["итоговая_оценка_качества_отчета"]) == 6


@pytest.mark.parametrize("building", BuildingType)
def test_compliance_is_the_mean_of_the_sections_of_the_building_type_and_of_the_advice(
    pack: ReportPack, building: BuildingType
) -> None:
    plan = pack.report("report_design_compliance").plan(building)
    method = "оценка_соответствия_методологии_"
    sections = {name for name in value_names(plan) if name.startswith(method)}
    assert len(sections) == SECTIONS[building]
    assert sections <= set(means(plan)["общая_оценка_соответствия_методологии"])
    assert means(plan)["итоговая_оценка_качества_аудита"] == (
        "общая_оценка_соответствия_методологии",
        "оценка_качества_рекомендаций",
    )
    assert len(plan.passes[1].criteria) == SECTIONS[building] + 1


def test_compliance_is_judged_by_bands_of_eighty_sixty_and_forty(pack: ReportPack) -> None:
    plan = pack.report("report_design_compliance").plan(HOTEL)
    assert plan.indices is not None
    steps = [line.rule.steps for line in plan.indices.lines if line.rule.steps]
    assert [[threshold for threshold, _ in each] for each in steps] == [[80, 60, 40, 0]]


@pytest.mark.parametrize("building", BuildingType)
def test_facts_of_an_audit_are_counted_over_all_passes_that_list_them(pack: ReportPack, building: BuildingType) -> None:
    plan = pack.report("report_design_structured").plan(building)
    assert plan.indices is not None
    counted = next(line.passes for line in plan.indices.lines if line.rule.name == "количество_фактов")
    assert counted == tuple(each.id for each in plan.passes if each.kind is PassKind.ITEMS)


@pytest.mark.parametrize("building", BuildingType)
def test_the_unstudied_factors_are_printed_in_full_by_code(pack: ReportPack, building: BuildingType) -> None:
    plan = pack.report("report_int_general").plan(building)
    assert plan.taxonomy is not None
    mentioned, not_studied = plan.passes
    assert not_studied.template is not None
    first, *missing = plan.taxonomy.factors.values()
    earlier = SimpleNamespace(**{mentioned.id: EarlierPass("", [], missing)})
    text = not_studied.template.render({**plan.variables(""), "earlier": earlier, "text": "Вопросы"})
    listed = re.findall(r"^- (.+)$", text, re.MULTILINE)
    assert listed == [factor.label for factor in missing]
    assert first.label not in listed


def test_prompts_are_short_enough_for_a_small_model(pack: ReportPack) -> None:
    for plan in plans(pack):
        for prompt in prompts_as_sent(plan):
            own = re.sub(r"(?ms)^# (Список факторов|Неизученные факторы)$.*", "", prompt)
            assert len(own.split()) <= MOST_WORDS
    assert len((ROOT / "shared/rules.md").read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_rules_say_that_a_transcript_is_data_and_what_silence_means(pack: ReportPack) -> None:
    rules = next(plans(pack)).rules.source
    for needed in ("<расшифровка>", "данные", "не выполняй", "в записи не обсуждалось", "null", "цитата"):
        assert needed in rules


def test_no_example_in_a_prompt_can_pass_for_a_quote(pack: ReportPack) -> None:
    """What a prompt has in «…» is not looked for in the recording, so it must be too short to count as evidence."""
    for plan in plans(pack):
        for prompt in prompts_as_sent(plan):
            assert [each for each in re.findall(r"«([^»]+)»", prompt) if len(normal_words(each)) >= 4] == []
