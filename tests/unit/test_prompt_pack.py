"""The pack's loader: what it makes of good files, and how it names what is wrong with bad ones."""

import re
import shutil
from pathlib import Path

import pytest

from datamodels import BuildingType
from errors import BadReportPack, UnknownChoice
from prompt_pack.pack import ReportPack, load_pack

PACK = Path(__file__).parent / "pack"
DEFAULT_PACK = Path(__file__).parents[2] / "prompts"

LINKS = "interview/links/report.yaml"
CRITERIA = "quotes: quotes\n    criterion: effect\n    criteria: [{{label: Да, asks: Что{more}}}]"
FACTORS = "interview/factors/report.yaml"
SCHEMA = "interview/factors/mentioned.schema.json"


@pytest.fixture(scope="module")
def pack() -> ReportPack:
    return load_pack(PACK)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PACK, tmp_path / "pack")
    return tmp_path / "pack"


def edit(folder: Path, path: str, old: str, new: str) -> None:
    file = folder / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_default_pack_has_the_reports_of_the_product() -> None:
    pack = load_pack(DEFAULT_PACK)
    assert {scenario.id: [report.id for report in scenario.reports] for scenario in pack.scenarios} == {
        "interview": [
            "report_int_methodology",
            "report_int_links",
            "report_int_general",
            "report_int_specific",
            "report_int_employee",
            "report_int_stimulus",
        ],
        "design": ["report_design_audit_methodology", "report_design_compliance", "report_design_structured"],
        "meeting": ["report_meet_summary", "report_meet_tasks", "report_meet_minutes"],
    }


def test_the_default_taxonomies_have_about_a_hundred_factors_each() -> None:
    report = load_pack(DEFAULT_PACK).report("report_int_general")
    for plan in report.plans.values():
        assert plan.taxonomy is not None
        assert 90 <= len(plan.taxonomy.factors) <= 115


def test_scenarios_and_reports_come_in_their_order(pack: ReportPack) -> None:
    assert [scenario.id for scenario in pack.scenarios] == ["interview", "audit"]
    assert [report.id for report in pack.reports("interview")] == ["report_factors", "report_links", "report_method"]


def test_what_is_not_in_the_pack_is_refused_with_what_is(pack: ReportPack) -> None:
    with pytest.raises(UnknownChoice, match="report_factors"):
        pack.report("report_nothing")
    with pytest.raises(UnknownChoice, match="interview, audit"):
        pack.scenario("nothing")


def test_what_was_in_an_earlier_pack_is_called_by_its_id(pack: ReportPack) -> None:
    known = pack.scenarios[0].reports[0]
    assert pack.label_of(known.id) == known.label
    assert pack.label_of("of_long_ago") == "of_long_ago"
    assert pack.find_report("of_long_ago") is None
    assert pack.find_scenario(known.scenario) is pack.scenarios[0]
    assert pack.find_scenario("none") is None


def test_a_report_that_differs_by_building_needs_one(pack: ReportPack) -> None:
    with pytest.raises(UnknownChoice, match="hotel, restaurant, spa"):
        pack.report("report_factors").plan(None)
    assert pack.report("report_links").plan(BuildingType.SPA) is pack.report("report_links").plan(None)


def test_passes_and_values_of_another_building_type_are_left_out(pack: ReportPack) -> None:
    audit = pack.report("report_audit")
    assert [each.id for each in audit.plan(BuildingType.HOTEL).passes] == ["rooms", "facts"]
    assert [each.id for each in audit.plan(BuildingType.SPA).passes] == ["facts"]
    indices = audit.plan(BuildingType.SPA).indices
    assert indices is not None
    assert [line.rule.name for line in indices.lines] == ["hall", "total"]


def test_the_model_can_only_name_factors_of_the_taxonomy(pack: ReportPack) -> None:
    schema = pack.report("report_factors").plan(BuildingType.HOTEL).passes[0].schema_
    assert schema is not None
    factor = schema["properties"]["items"]["items"]["properties"]["factor"]
    assert factor["enum"] == ["loc_metro", "loc_quiet", "srv_staff"]


@pytest.mark.parametrize(
    ("path", "building", "changes"),
    [
        ("interview/factors/mentioned.md", BuildingType.HOTEL, True),
        ("interview/factors/report.yaml", BuildingType.HOTEL, True),
        ("interview/scenario.yaml", BuildingType.HOTEL, True),
        ("shared/rules.md", BuildingType.HOTEL, True),
        ("shared/notes.md", BuildingType.HOTEL, True),
        ("taxonomies/hotel.yaml", BuildingType.HOTEL, True),
        ("taxonomies/hotel.yaml", BuildingType.SPA, False),
        ("interview/method/assessment.md", BuildingType.HOTEL, False),
    ],
)
def test_the_hash_changes_with_every_file_the_answer_depends_on(
    folder: Path, path: str, building: BuildingType, changes: bool
) -> None:
    before = load_pack(folder).report("report_factors").prompt_hash(building)
    with (folder / path).open("a", encoding="utf-8") as file:
        file.write("# другое\n")
    assert (load_pack(folder).report("report_factors").prompt_hash(building) != before) is changes


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        (FACTORS, "order: 1", "order: 1\nsound: loud", f"{FACTORS}: неизвестное поле sound"),
        (FACTORS, "order: 1\n", "", f"{FACTORS}: нет поля order"),
        (FACTORS, "order: 1", "order: первый", f"{FACTORS}: неверное значение поля order"),
        (FACTORS, "id: report_factors", "id: all", "занято"),
        (FACTORS, "id: report_factors", "id: report_links", "отчёт «report_links» уже есть"),
        (FACTORS, "id: report_factors", "id: mode_interview", "callback «mode_interview» уже есть"),
        (FACTORS, "order: 1", "order: 2", "order «2» уже есть"),
        (FACTORS, "id: not_studied", "id: mentioned", "проход «mentioned» уже есть"),
        (FACTORS, "prompt: not_studied.md", "prompt: nothing.md", "нет файла interview/factors/nothing.md"),
        (FACTORS, "prompt: not_studied.md", "prompt: ../../../x.md", "вне папки"),
        (FACTORS, "passes:", "passes: [", f"{FACTORS}: ошибка YAML в строке"),
        (FACTORS, "count: mentioned}", "count: nothing}", "found: «nothing» не найдено"),
        (FACTORS, "missing: mentioned}", "missing: not_studied}", "missed: missing и maybe бывают только"),
        (FACTORS, "by: weight", "by: colour", "в label тогда есть {colour}"),
        (FACTORS, "count: mentioned}", "count: mentioned, mean: [found]}", "ровно одно из"),
        (FACTORS, "per_building: true", "per_building: false", "только при per_building: true"),
        (FACTORS, "kind: text", "kind: text\n    quotes: quotes", "бывают только у прохода items"),
        (FACTORS, "quotes: quotes", "quotes: quotes\n    quotes_by: auditor", "quotes_by: «auditor» не найдено"),
        ("interview/method/report.yaml", "field: order", "field: order, unquoted: 0", "unquoted — только с quoted"),
        (FACTORS, "quotes: quotes", "quotes: weight", "нет поля «weight» нужного вида"),
        (FACTORS, "key: [factor]", "key: [colour]", "нет поля «colour» нужного вида"),
        (LINKS, "quotes: quotes", "quotes: quotes\n    criterion: effect", "criterion и criteria нужны вместе"),
        (LINKS, "quotes: quotes", CRITERIA.format(more=""), "нет поля «score» нужного вида"),
        (LINKS, "quotes: quotes", CRITERIA.format(more=", per_ten: [[2, 50], [1, 75]]"), "пороги per_ten должны расти"),
        (FACTORS, "count: mentioned}", "score: mentioned, of: Н1}", "found: «Н1» не найдено"),
        (FACTORS, "count: mentioned}", "score: mentioned}", "score и of нужны вместе"),
        (FACTORS, "count: mentioned}", "count: mentioned, having: colour}", "found: «colour» не найдено"),
        (SCHEMA, '"array"', '"list"', f"{SCHEMA}: неверная JSON-схема"),
        (SCHEMA, '"array"', '"array', f"{SCHEMA}: ошибка JSON в строке 3"),
        (SCHEMA, '"additionalProperties": false', '"title": "x"', "additionalProperties: false"),
        (SCHEMA, '"factor", "weight", "quotes"]', '"factor", "weight"]', "все поля в required"),
        ("interview/method/indices.schema.json", ', "minimum": 0, "maximum": 100', "", "minimum и maximum"),
        ("interview/method/report.yaml", "field: order", "field: disorder", "поле «disorder»"),
        ("interview/method/report.yaml", "mean: [clarity, _order]", "mean: [sum]", "total: «sum» не найдено"),
        ("interview/method/report.yaml", "[0, Низкое]", "[90, Низкое]", "пороги по убыванию"),
        ("interview/method/indices.md", "Поставь", "{% if %} Поставь", "interview/method/indices.md: шаблон"),
        ("interview/factors/mentioned.md", "{{ metadata }}", "{{ meta }}", "'meta' is undefined"),
        ("interview/factors/mentioned.md.j2", "item.factor_label", "item.name", "has no attribute 'name'"),
        ("interview/factors/mentioned.md.j2", 'quote.speaker ~ ", " if quote.speaker', "quote.speaker + 'x'", "шаблон"),
        ("interview/factors/not_studied.md", "earlier.mentioned.missing", "earlier.not_studied.text", "шаблон"),
        ("shared/rules.md", "roles", "''.__class__.__mro__", "unsafe"),
        ("shared/roles.md", "role.description", "role.colour", "shared/roles.md: шаблон"),
        ("interview/scenario.yaml", "order: 1", "order: 2", "order «2» уже есть"),
        ("interview/scenario.yaml", "id: client", "id: employee", "роль «employee» уже есть"),
        ("taxonomies/spa.yaml", "id: srv_staff", "id: loc_metro", "фактор «loc_metro» уже есть"),
        ("taxonomies/spa.yaml", "id: service", "id: location", "категория «location» уже есть"),
        ("taxonomies/spa.yaml", "id: service", "id: design", "taxonomies/spa.yaml: категории отличаются"),
        ("taxonomies/spa.yaml", "building: spa", "building: hotel", "поле building должно быть «spa»"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(folder: Path, path: str, old: str, new: str, reason: str) -> None:
    edit(folder, path, old, new)
    with pytest.raises(BadReportPack, match=re.escape(reason)) as caught:
        load_pack(folder)
    assert caught.value.user_text.startswith("Набор отчётов в папке prompts повреждён: ")


@pytest.mark.parametrize(
    "path",
    [
        "shared/rules.md",
        "shared/notes.md",
        "shared/roles.schema.json",
        "interview/scenario.yaml",
        "interview/links/report.yaml",
        "audit/facts/facts.spa.md",
        "taxonomies/restaurant.yaml",
    ],
)
def test_a_missing_file_is_named(folder: Path, path: str) -> None:
    (folder / path).unlink()
    with pytest.raises(BadReportPack, match=f"нет файла {path}"):
        load_pack(folder)


def test_a_file_that_is_no_utf8_is_named(folder: Path) -> None:
    (folder / "shared/rules.md").write_bytes("Правила".encode("cp1251"))
    with pytest.raises(BadReportPack, match=r"shared/rules\.md не читается"):
        load_pack(folder)


def test_yaml_cannot_make_objects(folder: Path) -> None:
    edit(folder, FACTORS, "label: 1) Факторы", "label: !!python/object/apply:os.getcwd []")
    with pytest.raises(BadReportPack, match="ошибка YAML"):
        load_pack(folder)


def test_a_folder_without_scenarios_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(BadReportPack, match="нет ни одной папки сценария"):
        load_pack(tmp_path)
    with pytest.raises(BadReportPack, match="нет папки nowhere"):
        load_pack(tmp_path / "nowhere")
