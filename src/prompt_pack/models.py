"""The loaded report pack as values, and a prompted model: model, prompt and answer schema in one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import texts.reports
from constants import RESEARCH
from datamodels import BuildingType, PromptMessage, ReportId, ScenarioId, Value
from errors import UnknownChoice
from language_model.port import LanguageModel
from prompt_pack.manifest import IndexRule, PassKind, ScenarioRole
from prompt_pack.templates import Schema, Template

CATEGORY = "category"
"""The field of an item that holds the category of its factor."""
_PLACE_IN_MENU = re.compile(r"^[0-9]+[.)]\s*(?=\S)")


def unnumbered(label: str) -> str:
    """Return a label without its place on the menu: beside a report's own number, «3) …» would be taken for it."""
    return _PLACE_IN_MENU.sub("", label)


class Factor(Value):
    """One of the factors that a taxonomy lists; ``category`` is the id of its category."""

    id: str
    label: str
    hint: str | None
    category: str
    category_label: str


class Category(Value):
    id: str
    label: str
    factors: tuple[Factor, ...]


class Taxonomy(Value):
    building: BuildingType
    label: str
    categories: tuple[Category, ...]

    @property
    def factors(self) -> Mapping[str, Factor]:
        """All factors by id, in the file's order."""
        return {factor.id: factor for category in self.categories for factor in category.factors}


class Criterion(Value):
    """What a pass judges; see ``manifest.CriterionManifest``."""

    label: str
    asks: str
    unquoted: float | None
    per_ten: tuple[tuple[float, float], ...]


class ReportPass(Value):
    """One question to the model. ``schema_`` and the fields after it are set in passes of items only.

    ``taxonomy`` is the field of an item that holds a factor's id, None in a pass without factors. ``schema_`` allows
    only the taxonomy's factors. ``second_schema``, used when the first answer was not valid, allows any factor: not
    every endpoint keeps to a schema, and one invented factor should not cost the whole answer. ``key`` are the fields
    in which equal items agree, ``quotes`` is the field with the list of quotes, and ``quotes_by`` the labels of the
    roles whose words they may be, () for anybody's. ``said`` are the fields whose words have to be in the quotes,
    ``proofs`` further fields with quotes, which may be empty. ``criterion`` is the field that holds the label of one of
    ``criteria``: such a pass has an item for each of them, with or without quotes. ``small`` is the task in a sentence
    or two, for small models.
    """

    id: str
    title: str
    kind: PassKind
    prompt: Template
    template: Template | None
    schema_: Schema | None = None
    second_schema: Schema | None = None
    taxonomy: str | None = None
    key: tuple[str, ...] = ()
    quotes: str | None = None
    quotes_by: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    criterion: str | None = None
    criteria: tuple[Criterion, ...] = ()
    small: str | None = None

    @property
    def fields(self) -> Mapping[str, Schema]:
        """The schemas of an item's fields."""
        fields: Mapping[str, Schema] = {}
        if self.schema_:
            fields = self.schema_["properties"]["items"]["items"]["properties"]
        return fields

    @property
    def choices(self) -> Mapping[str, Sequence[str]]:
        """The values that fields of an item may have, by the field."""
        return {name: each["enum"] for name, each in self.fields.items() if "enum" in each}

    @property
    def names(self) -> Mapping[str, Any]:
        """What prompt and template of this pass may name besides the plan's variables."""
        return {"criteria": self.criteria, "choices": self.choices}


_MOST_POINTS = 100


class IndexLine(Value):
    """A rule of the indices table as it applies to one building type.

    ``passes`` are the ids of the passes that the rule counts in. ``groups`` are the (value, label) pairs of the rule's
    field ``by``, in order; None for a rule without groups.
    """

    rule: IndexRule
    passes: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values that the rule produces."""
        if self.groups is None:
            return (self.rule.name,)
        return tuple(f"{self.rule.name}_{value}" for value, _ in self.groups)


class ReportIndices(Value):
    lines: tuple[IndexLine, ...]
    prompt: Template | None
    schema_: Schema | None

    @property
    def scores(self) -> frozenset[str]:
        """The names of the values that are points from 0 to 100: fields with this maximum, and means of such."""
        found: set[str] = set()
        for line in self.lines:
            rule = line.rule
            scored = rule.score or (rule.field and self._maximum(rule.field) == _MOST_POINTS)
            if scored or set(rule.mean or ()) & found:
                found.add(rule.name)
        return frozenset(found)

    def _maximum(self, path: str) -> float | None:
        schema: Any = self.schema_ or {}
        for name in path.split("."):
            schema = schema.get("properties", {}).get(name, {})
        maximum: float | None = schema.get("maximum")
        return maximum


class ReportPlan(Value):
    """A report for one building type: all that its generation needs."""

    building: BuildingType | None
    roles: tuple[ScenarioRole, ...]
    taxonomy: Taxonomy | None
    rules: Template
    notes: Template
    small_rules: Template
    small_question: Template
    passes: tuple[ReportPass, ...]
    indices: ReportIndices | None
    prompt_hash: str

    @property
    def steps(self) -> int:
        """The number of passes that progress counts; the question for indices is one of them."""
        return len(self.passes) + bool(self.indices and self.indices.prompt)

    def variables(self, metadata: str) -> dict[str, Any]:
        """Return the variables that every prompt may name, except ``earlier``, the results of earlier passes."""
        return {
            "building": self.building.value if self.building else "",
            "building_label": self.taxonomy.label if self.taxonomy else "",
            "roles": [role.label for role in self.roles],
            "metadata": metadata,
            "taxonomy": self.taxonomy.categories if self.taxonomy else (),
        }

    def described(self, item: Mapping[str, Any], field: str) -> dict[str, Any]:
        """Return a copy of ``item`` with the category and labels of its factor, a known id in ``field``."""
        assert self.taxonomy is not None  # noqa: S101 - the loader takes no taxonomy pass without one
        factor = self.taxonomy.factors[item[field]]
        known = {CATEGORY: factor.category, "category_label": factor.category_label, f"{field}_label": factor.label}
        return {**item, **known}


class ReportType(Value):
    """A report. ``plans`` has a plan per building type; if the report is the same for all, one plan at None."""

    id: ReportId
    label: str
    order: int
    per_building: bool
    scenario: ScenarioId
    plans: Mapping[BuildingType | None, ReportPlan]

    def plan(self, building: BuildingType | None) -> ReportPlan:
        """Return the plan for the building type; a report that is the same for all types takes any, or None.

        Raises:
            UnknownChoice: the report needs a building type and none is given.
        """
        if not self.per_building:
            return self.plans[None]
        if building is None:
            raise UnknownChoice(value=texts.reports.NO_BUILDING, allowed=", ".join(BuildingType))
        return self.plans[building]

    def prompt_hash(self, building: BuildingType | None) -> str:
        """Return the sha256 over all files of the pack that the report depends on."""
        return self.plan(building).prompt_hash


class Scenario(Value):
    id: ScenarioId
    label: str
    callback: str
    order: int
    diarize: bool
    roles: tuple[ScenarioRole, ...]
    reports: tuple[ReportType, ...]


class ResearchPrompts(Value):
    """The system messages of a research, and the schemas of what the model returns; ``summary`` returns text.

    ``plan`` takes ``most``, the others nothing. ``version`` changes with any of them.
    """

    plan: Template
    plan_schema: Schema
    read: Template
    read_schema: Schema
    group: Template
    group_schema: Schema
    summary: Template
    version: str


class ReportPack(Value):
    """All scenarios in order, and the prompts that belong to no report.

    ``roles_prompt`` takes ``roles`` and ``speakers``, ``roles_schema`` is the schema of what the model returns;
    ``metadata_prompt`` takes ``scenario`` and ``fields``, with ``metadata_schema``; ``answer_prompt``, for questions in
    a chat, takes ``no_answer``, and the model returns text; ``refine_prompt`` takes ``most``, with ``refine_schema``.
    """

    scenarios: tuple[Scenario, ...]
    roles_prompt: Template
    roles_schema: Schema
    metadata_prompt: Template
    answer_prompt: Template
    metadata_schema: Schema
    refine_prompt: Template
    refine_schema: Schema
    research: ResearchPrompts

    def scenario(self, scenario_id: str) -> Scenario:
        """Return the scenario of this id. Raises ``UnknownChoice``."""
        return _by_id(self.scenarios, scenario_id)

    def reports(self, scenario_id: str) -> tuple[ReportType, ...]:
        """Return the scenario's reports in order. Raises ``UnknownChoice``."""
        return self.scenario(scenario_id).reports

    def report(self, report_id: str) -> ReportType:
        """Return the report of this id. Raises ``UnknownChoice``."""
        return _by_id(self._all_reports(), report_id)

    def find_scenario(self, scenario_id: str) -> Scenario | None:
        """Return the scenario of this id; None when the pack does not have it, as for ``NO_SCENARIO``."""
        return next((each for each in self.scenarios if each.id == scenario_id), None)

    def find_report(self, report_id: str) -> ReportType | None:
        """Return the report; None when it belongs to an earlier pack."""
        return next((each for each in self._all_reports() if each.id == report_id), None)

    def label_of(self, report_id: str) -> str:
        """Return the label of a report or research; the report's id when it belongs to an earlier pack."""
        if report_id == RESEARCH:
            return texts.reports.RESEARCH
        report = self.find_report(report_id)
        return report_id if report is None else report.label

    def _all_reports(self) -> Sequence[ReportType]:
        return [report for scenario in self.scenarios for report in scenario.reports]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _by_id(choices: Sequence[N], wanted: str) -> N:
    for choice in choices:
        if choice.id == wanted:
            return choice
    raise UnknownChoice(value=wanted, allowed=", ".join(choice.id for choice in choices))


class StructuredAnswers(Protocol):
    """Asks a language model and stores what it returns, so that nothing is paid for twice after a restart."""

    async def structured(
        self, pass_name: str, messages: Sequence[PromptMessage], schema: Mapping[str, Any], max_tokens: int
    ) -> Any:
        """Return the model's answer, which is valid by ``schema``; None when ``max_tokens`` cut it off.

        Raises:
            ProviderInvalidAnswer: two answers were not valid.
            ProviderError: the model did not answer.
        """
        ...


@dataclass(frozen=True)
class PromptedModel:
    """A model with the prompt and the schema of one question; the caller brings the variables of the prompt."""

    llm: LanguageModel
    answers: StructuredAnswers
    prompt: Template
    schema: Schema
