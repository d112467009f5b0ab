"""Loads the report pack and validates it as a whole. ``prompts/README.md`` describes the format."""

from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import texts.reports
from datamodels import BuildingType, ReportId, ScenarioId
from errors import BadReportPack
from prompt_pack.files import PackFiles, check_unique
from prompt_pack.manifest import IndexRule, PassKind, PassManifest, ReportManifest, ScenarioManifest
from prompt_pack.models import (
    CATEGORY,
    Criterion,
    IndexLine,
    ReportIndices,
    ReportPack,
    ReportPass,
    ReportPlan,
    ReportType,
    ResearchPrompts,
    Scenario,
    Taxonomy,
)
from prompt_pack.taxonomies import TAXONOMIES, load_taxonomies
from prompt_pack.templates import (
    EarlierPass,
    check_item_fields,
    check_value_field,
    item_fields,
    sample,
    with_all,
    with_enum,
)
from texts.chats import NO_ANSWER_MARK

SHARED = "shared"
_OF_ALL = ("rules", "notes", "small_rules", "small_question")
_SAMPLE_METADATA = "Заведение: образец"


class ScenarioLoader:
    """Loads one scenario's folder."""

    def __init__(
        self, files: PackFiles, folder: str, taxonomies: Callable[[], Mapping[BuildingType, Taxonomy]]
    ) -> None:
        self._files = files
        self._taxonomies = taxonomies
        self._folder = folder
        self._manifest_path = f"{folder}/scenario.yaml"
        self._manifest = files.manifest(self._manifest_path, ScenarioManifest)

    def scenario(self) -> Scenario:
        manifest = self._manifest
        reports = [self._report(folder) for folder in self._files.folders(self._folder)]
        check_unique(self._manifest_path, texts.reports.WHAT_ROLE, [role.id for role in manifest.roles])
        check_unique(self._folder, texts.reports.WHAT_ORDER, [report.order for report in reports])
        return Scenario(
            id=ScenarioId(manifest.id),
            label=manifest.label,
            callback=manifest.callback,
            order=manifest.order,
            diarize=manifest.diarize,
            roles=manifest.roles,
            reports=tuple(sorted(reports, key=lambda report: report.order)),
        )

    def _report(self, folder: str) -> ReportType:
        path = f"{folder}/report.yaml"
        manifest = self._files.manifest(path, ReportManifest)
        check_unique(path, texts.reports.WHAT_PASSES, [each.id for each in manifest.passes])
        buildings: tuple[BuildingType | None, ...] = tuple(BuildingType) if manifest.per_building else (None,)
        taxonomies = self._taxonomies() if manifest.per_building else {}
        plans = {
            building: self._plan(folder, manifest, building, taxonomies.get(building) if building else None)
            for building in buildings
        }
        return ReportType(
            id=ReportId(manifest.id),
            label=manifest.label,
            order=manifest.order,
            per_building=manifest.per_building,
            scenario=ScenarioId(self._manifest.id),
            plans=plans,
        )

    def _plan(
        self, folder: str, manifest: ReportManifest, building: BuildingType | None, taxonomy: Taxonomy | None
    ) -> ReportPlan:
        path = f"{folder}/report.yaml"
        used = [self._manifest_path, path, *(f"{SHARED}/{name}.md" for name in _OF_ALL)]
        if building:
            used.append(f"{TAXONOMIES}/{building}.yaml")

        def named(name: str) -> str:
            used.append(self._files.resolve(folder, name.replace("{building}", building or "{building}")))
            return used[-1]

        passes = tuple(
            self._pass(path, each, named, taxonomy, building)
            for each in manifest.passes
            if each.buildings is None or building in each.buildings
        )
        if not passes:
            raise BadReportPack(reason=texts.reports.PACK_NO_PASSES.format(path=path, building=building))
        indices = manifest.indices and self._indices(path, manifest, named, passes, taxonomy)
        plan = ReportPlan(
            building=building,
            roles=self._manifest.roles,
            taxonomy=taxonomy,
            rules=self._files.template(f"{SHARED}/rules.md"),
            notes=self._files.template(f"{SHARED}/notes.md"),
            small_rules=self._files.template(f"{SHARED}/small_rules.md"),
            small_question=self._files.template(f"{SHARED}/small_question.md"),
            passes=passes,
            indices=indices,
            prompt_hash=self._files.fingerprint(used),
        )
        try_templates(plan)
        return plan

    def _pass(
        self,
        path: str,
        manifest: PassManifest,
        named: Callable[[str], str],
        taxonomy: Taxonomy | None,
        building: BuildingType | None,
    ) -> ReportPass:
        criteria = tuple(
            Criterion(label=each.label, asks=each.asks, unquoted=each.unquoted, per_ten=each.per_ten)
            for each in manifest.criteria
            if each.buildings is None or building in each.buildings
        )
        check_unique(path, texts.reports.WHAT_CRITERION, [each.label for each in criteria])
        schema = open_schema = None
        if manifest.schema_file:
            schema_path = named(manifest.schema_file)
            schema = open_schema = self._files.schema(schema_path)
            named_fields = [each for each in (manifest.taxonomy, manifest.criterion) if each]
            strings = [*manifest.key, *manifest.said, *named_fields, *_criterion_fields(criteria)]
            for quotes in (manifest.quotes, *manifest.proofs):
                check_item_fields(schema_path, schema, strings=strings, quotes=quotes)
            if manifest.taxonomy and taxonomy:
                schema = with_enum(schema, manifest.taxonomy, list(taxonomy.factors))
            if manifest.criterion:
                schema = with_all(schema, manifest.criterion, [each.label for each in criteria])
        return ReportPass(
            id=manifest.id,
            title=manifest.title,
            kind=manifest.kind,
            prompt=self._files.template(named(manifest.prompt)),
            template=self._files.template(named(manifest.template)) if manifest.template else None,
            schema_=schema,
            second_schema=open_schema,
            taxonomy=manifest.taxonomy,
            key=manifest.key,
            quotes=manifest.quotes,
            said=manifest.said,
            proofs=manifest.proofs,
            criterion=manifest.criterion,
            criteria=criteria,
            small=manifest.small,
            quotes_by=tuple(self._role(path, each) for each in manifest.quotes_by),
        )

    def _role(self, path: str, role_id: str) -> str:
        for role in self._manifest.roles:
            if role.id == role_id:
                return role.label
        raise BadReportPack(reason=texts.reports.PACK_UNKNOWN_NAME.format(path=path, name="quotes_by", value=role_id))

    def _indices(
        self,
        path: str,
        manifest: ReportManifest,
        named: Callable[[str], str],
        passes: Sequence[ReportPass],
        taxonomy: Taxonomy | None,
    ) -> ReportIndices:
        asked = manifest.indices
        assert asked is not None  # noqa: S101 - only called when there are indices
        building = taxonomy.building if taxonomy else None
        schema = None
        if asked.schema_file:
            schema_path = named(asked.schema_file)
            schema = self._files.schema(schema_path)
            for rule in asked.values:
                if rule.field and (rule.buildings is None or building in rule.buildings):
                    check_value_field(schema_path, schema, rule.field)
        lines = IndexLines(path, {each.id for each in manifest.passes}, passes, taxonomy)
        return ReportIndices(
            lines=lines.of(asked.values, building, asks_model=schema is not None),
            prompt=self._files.template(named(asked.prompt)) if asked.prompt else None,
            schema_=schema,
        )


class IndexLines:
    """Resolves the rules of an indices table for one building type."""

    def __init__(
        self, path: str, all_passes: Set[str], passes: Sequence[ReportPass], taxonomy: Taxonomy | None
    ) -> None:
        self._path = path
        self._all_passes = all_passes
        self._passes = {each.id: each for each in passes}
        self._taxonomy = taxonomy

    def of(
        self, rules: Sequence[IndexRule], building: BuildingType | None, *, asks_model: bool
    ) -> tuple[IndexLine, ...]:
        """Return the lines in order, without rules of other building types or of passes that this type does not have.

        Raises:
            BadReportPack: a rule names what does not exist, or a name occurs twice.
        """
        every_name = {rule.name for rule in rules}
        lines: list[IndexLine] = []
        names: list[str] = []
        for rule in rules:
            if rule.field and not asks_model:
                raise self._unknown(rule, rule.field)
            if rule.buildings is not None and building not in rule.buildings:
                continue
            line = self._line(rule)
            if (rule.count or rule.of_taxonomy or rule.score) and not line.passes:
                continue
            for name in (*(rule.mean or ()), *([rule.bands] if rule.bands else [])):
                if name not in names and name not in every_name:
                    raise self._unknown(rule, name)
            wanted = [name for name in rule.mean or () if name in names]
            if (rule.mean and not wanted) or (rule.bands and rule.bands not in names):
                raise self._unknown(rule, ", ".join(rule.mean or [str(rule.bands)]))
            lines.append(line)
            names.extend(line.names)
        check_unique(self._path, texts.reports.WHAT_VALUE, names)
        return tuple(lines)

    def _line(self, rule: IndexRule) -> IndexLine:
        one = rule.of_taxonomy or rule.score
        named = rule.count or ((one,) if one else ())
        for each in named:
            if each not in self._all_passes:
                raise self._unknown(rule, each)
        made = tuple(each for each in named if each in self._passes)
        if rule.of_taxonomy and made and not self._passes[rule.of_taxonomy].taxonomy:
            reason = texts.reports.PACK_MISSING_NEEDS_TAXONOMY.format(path=self._path, name=rule.name)
            raise BadReportPack(reason=reason)
        if not all(self._passes[each].kind is PassKind.ITEMS for each in made):
            raise self._unknown(rule, ", ".join(made))
        if rule.of and rule.of not in [each.label for name in made for each in self._passes[name].criteria]:
            raise self._unknown(rule, rule.of)
        for each in made if rule.having else ():
            if rule.having not in item_fields(self._path, self._passes[each].schema_ or {}):
                raise self._unknown(rule, str(rule.having))
        return IndexLine(rule=rule, passes=made, groups=self._groups(rule, made) if rule.by and made else None)

    def _groups(self, rule: IndexRule, passes: Sequence[str]) -> tuple[tuple[str, str], ...]:
        by = str(rule.by)
        if by == CATEGORY and self._taxonomy and all(self._passes[each].taxonomy for each in passes):
            return tuple((category.id, category.label) for category in self._taxonomy.categories)
        schema = self._passes[passes[0]].schema_
        choices = item_fields(self._path, schema or {}).get(by, {}).get("enum", ())
        if not choices or rule.of_taxonomy:
            raise self._unknown(rule, by)
        return tuple((str(choice), str(choice)) for choice in choices)

    def _unknown(self, rule: IndexRule, value: str) -> BadReportPack:
        return BadReportPack(
            reason=texts.reports.PACK_UNKNOWN_NAME.format(path=self._path, name=rule.name, value=value)
        )


def _criterion_fields(criteria: Sequence[Criterion]) -> list[str]:
    """Return the fields that items of a pass with these criteria have to have."""
    return [*(["score"] if criteria else []), *(["cases"] if any(each.per_ten for each in criteria) else [])]


def try_templates(plan: ReportPlan) -> None:
    """Raise ``BadReportPack`` unless all prompts and templates of the plan can be rendered on sample data.

    They are rendered twice: with full data, and with data as empty as the schemas allow.
    """
    for nulls in (False, True):
        variables = plan.variables("" if nulls else _SAMPLE_METADATA)
        earlier: dict[str, EarlierPass] = {}
        plan.rules.render(variables)
        plan.small_rules.render({})
        for criterion in (None, *(one for each in plan.passes for one in each.criteria[:1])):
            shown = {"task": "", "criterion": criterion, "choices": (), "most": 1, "fields": ()}
            plan.small_question.render(shown)
        for each in plan.passes:
            known = {**variables, **each.names, "earlier": SimpleNamespace(**earlier)}
            task = each.prompt.render(known)
            plan.notes.render({**known, "task": task, "window": 1, "windows": 2, "most": 15})
            earlier[each.id] = _sample_result(plan, each, known, nulls=nulls)
        if plan.indices and plan.indices.prompt:
            plan.indices.prompt.render({**variables, "earlier": SimpleNamespace(**earlier)})


def _sample_result(plan: ReportPlan, each: ReportPass, known: dict[str, Any], *, nulls: bool) -> EarlierPass:
    if each.schema_ is None:
        text = "образец"
        return EarlierPass(each.template.render({**known, "text": text}) if each.template else text)
    item = sample(each.schema_["properties"]["items"]["items"], nulls=nulls)
    if each.taxonomy:
        item = plan.described(item, each.taxonomy)
    for quotes in (each.quotes, *each.proofs):
        if quotes:
            item[quotes] = [{"text": "образец", "speaker": None if nulls else "Клиент", "time": "12:41"}]
    if each.criterion:
        item = {"cases": None, **item, "rate": None if nulls else 1.0, "unproved": nulls}
    missing = tuple(plan.taxonomy.factors.values()) if plan.taxonomy and each.taxonomy else ()
    assert each.template is not None  # noqa: S101 - the manifest demands one
    for items in ([item], []):
        result = EarlierPass("", items, missing, missing[:1], incomplete=nulls)
        text = each.template.render({**known, **result.lists})
    return EarlierPass(text, [] if nulls else [item], missing, missing[:1], incomplete=nulls)


__all__ = ["ReportPack", "ReportPlan", "ReportType", "Scenario", "load_pack"]


def load_pack(root: Path) -> ReportPack:
    """Load and validate the whole pack. Reads files: call it in a thread once an event loop runs.

    Raises:
        BadReportPack: names the file and what is wrong with it.
    """
    files = PackFiles(root)
    # Read once, and only when a report differs by building type.
    taxonomies = cache(lambda: load_taxonomies(files))
    folders = [folder for folder in files.folders() if folder not in (SHARED, TAXONOMIES)]
    scenarios = [ScenarioLoader(files, folder, taxonomies).scenario() for folder in folders]
    if not scenarios:
        raise BadReportPack(reason=texts.reports.PACK_NO_SCENARIOS)
    reports = [report for scenario in scenarios for report in scenario.reports]
    check_unique(".", texts.reports.WHAT_SCENARIO, [scenario.id for scenario in scenarios])
    check_unique(".", texts.reports.WHAT_REPORT, [report.id for report in reports])
    check_unique(
        ".",
        texts.reports.WHAT_CALLBACK,
        [scenario.callback for scenario in scenarios] + [report.id for report in reports],
    )
    check_unique(".", texts.reports.WHAT_ORDER, [scenario.order for scenario in scenarios])
    roles_prompt = files.template(f"{SHARED}/roles.md")
    for scenario in (each for each in scenarios if each.diarize):
        for speakers in ((), ("S1", "S2")):
            roles_prompt.render({"roles": scenario.roles, "speakers": speakers})
    metadata_prompt = files.template(f"{SHARED}/metadata.md")
    metadata_schema = files.schema(f"{SHARED}/metadata.schema.json")
    for scenario in scenarios:
        metadata_prompt.render({"scenario": scenario.label, "fields": list(metadata_schema.get("properties", ()))})
    answer_prompt = files.template(f"{SHARED}/answer.md")
    answer_prompt.render({"no_answer": NO_ANSWER_MARK})
    refine_prompt = files.template(f"{SHARED}/refine.md")
    refine_prompt.render({"most": 1})
    return ReportPack(
        scenarios=tuple(sorted(scenarios, key=lambda scenario: scenario.order)),
        roles_prompt=roles_prompt,
        roles_schema=files.schema(f"{SHARED}/roles.schema.json"),
        metadata_prompt=metadata_prompt,
        answer_prompt=answer_prompt,
        metadata_schema=metadata_schema,
        refine_prompt=refine_prompt,
        refine_schema=files.schema(f"{SHARED}/refine.schema.json"),
        research=_research(files),
    )


def _research(files: PackFiles) -> ResearchPrompts:
    names = ("plan", "read", "group")
    paths = {
        **{name: f"{SHARED}/research_{name}.md" for name in (*names, "summary")},
        **{f"{name}_schema": f"{SHARED}/research_{name}.schema.json" for name in names},
    }
    prompts = ResearchPrompts(
        **{name: files.template(path) for name, path in paths.items() if path.endswith(".md")},
        **{name: files.schema(path) for name, path in paths.items() if path.endswith(".json")},
        version=files.fingerprint(paths.values()),
    )
    prompts.plan.render({"most": 1})
    for each in (prompts.read, prompts.group, prompts.summary):
        each.render({})
    return prompts
