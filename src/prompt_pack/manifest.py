"""The pack's YAML files as typed values. ``prompts/README.md`` describes them in words."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

import texts.reports
from datamodels import BuildingType, Value

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""Pattern of ids, which are also callback data: Telegram limits that to 64 bytes."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ValueName = Annotated[str, StringConstraints(pattern=r"^\w{1,80}$")]

RESERVED_IDS = frozenset(
    [
        # What the command line takes in the place of an id.
        *("all", "none"),
        # The bot's own buttons, which a report's button must not look like.
        *("report_file", "report_view", "report_view_confirm", "report_rename", "report_rename_confirm"),
        *(
            "report_delete",
            "report_delete_confirm",
            "report_cancel",
            "report_menu",
            "report_list",
            "report_card",
            "report_filters",
            "report_filter_place",
            "report_filter_employee",
        ),
        *("report_filter_dates", "report_filter_title", "report_filter_type", "report_filter_scenario"),
        *("report_filter_reset", "report_export", "report_charts", "report_chart_months", "report_trend"),
    ]
)


class PassKind(StrEnum):
    ITEMS = "items"
    TEXT = "text"


class ScenarioRole(Value):
    """A role that people have in a scenario; ``str()`` returns the label."""

    id: Identifier
    label: Label
    description: Label

    def __str__(self) -> str:
        return self.label


class ScenarioManifest(Value):
    id: Identifier
    label: Label
    callback: Identifier
    order: int
    diarize: bool
    roles: tuple[ScenarioRole, ...] = ()

    @field_validator("id")
    @classmethod
    def _is_free(cls, value: str) -> str:
        return _free(value)

    @model_validator(mode="after")
    def _has_roles(self) -> Self:
        if self.diarize and len(self.roles) == 1:
            raise ValueError(texts.reports.PACK_NO_ROLES)
        return self


class CriterionManifest(Value):
    """A criterion of a pass. ``asks`` says to the model what it is about and how it is scored.

    ``unquoted`` is the score that needs no quote. With ``per_ten`` code scores: by cases for ten questions, the first
    step that holds them counts, and more than the last are 0.
    """

    label: Label
    asks: Annotated[str, StringConstraints(min_length=1, max_length=1500, strip_whitespace=True)]
    unquoted: float | None = None
    per_ten: tuple[tuple[float, float], ...] = ()
    buildings: tuple[BuildingType, ...] | None = None

    @model_validator(mode="after")
    def _has_rising_steps(self) -> Self:
        most = [step[0] for step in self.per_ten]
        if most != sorted(set(most)):
            raise ValueError(texts.reports.PACK_PER_TEN)
        return self


class PassManifest(Value):
    id: Identifier
    title: Label
    kind: PassKind
    prompt: FileName
    schema_file: FileName | None = Field(default=None, alias="schema")
    template: FileName | None = None
    taxonomy: str | None = None
    key: tuple[str, ...] = ()
    quotes: str | None = None
    quotes_by: tuple[Identifier, ...] = ()
    said: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    criterion: str | None = None
    criteria: tuple[CriterionManifest, ...] = ()
    small: Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)] | None = None
    buildings: tuple[BuildingType, ...] | None = None

    @field_validator("quotes_by", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is PassKind.ITEMS:
            if not (self.schema_file and self.template):
                raise ValueError(texts.reports.PACK_ITEMS_NEED)
        elif any((self.schema_file, self.taxonomy, self.key, self.quotes, self.quotes_by, self.said, self.proofs)):
            raise ValueError(texts.reports.PACK_TEXT_HAS_NO)
        if bool(self.criterion) != bool(self.criteria) or (self.criteria and (self.taxonomy or not self.quotes)):
            raise ValueError(texts.reports.PACK_CRITERIA)
        return self


class IndexRule(Value):
    """The rule that makes a line of the indices table, or one line per group."""

    name: ValueName
    label: Label
    field: str | None = None
    mean: tuple[ValueName, ...] | None = None
    count: tuple[Identifier, ...] | None = None
    missing: Identifier | None = None
    maybe: Identifier | None = None
    score: Identifier | None = None
    of: Label | None = None
    having: str | None = None
    bands: ValueName | None = None
    steps: tuple[tuple[float, Label], ...] | None = None
    quoted: Label | None = None
    unquoted: float | None = None
    by: str | None = None
    buildings: tuple[BuildingType, ...] | None = None

    @property
    def of_taxonomy(self) -> str | None:
        """The pass whose factors without an item the rule counts."""
        return self.missing or self.maybe

    def label_of(self, group: str) -> str:
        """Return the label of the line for one group of ``by``."""
        return self.label.replace("{category}", group).replace(f"{{{self.by}}}", group)

    @field_validator("count", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        rules = (self.field, self.mean, self.count, self.missing, self.maybe, self.score, self.bands)
        if sum(rule is not None for rule in rules) != 1:
            raise ValueError(texts.reports.PACK_ONE_RULE)
        thresholds = [step[0] for step in self.steps or ()]
        if bool(self.bands) != bool(thresholds) or thresholds != sorted(set(thresholds), reverse=True):
            raise ValueError(f"steps {texts.reports.PACK_STEPS}")
        if self.by and not ((self.count or self.of_taxonomy) and self.label_of("x") != self.label):
            raise ValueError(texts.reports.PACK_BY.format(by=self.by))
        if bool(self.score) != bool(self.of) or (self.having and not self.count):
            raise ValueError(texts.reports.PACK_SCORE_OF)
        if (self.quoted and not self.field) or (self.unquoted is not None and not self.quoted):
            raise ValueError(texts.reports.PACK_QUOTED)
        return self


class IndicesManifest(Value):
    prompt: FileName | None = None
    schema_file: FileName | None = Field(default=None, alias="schema")
    values: tuple[IndexRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_by_a_schema(self) -> Self:
        if bool(self.prompt) != bool(self.schema_file):
            raise ValueError(texts.reports.PACK_PROMPT_AND_SCHEMA)
        return self


class ReportManifest(Value):
    id: Identifier
    label: Label
    order: int
    per_building: bool
    passes: tuple[PassManifest, ...] = Field(min_length=1)
    indices: IndicesManifest | None = None

    @field_validator("id")
    @classmethod
    def _is_free(cls, value: str) -> str:
        return _free(value)

    @model_validator(mode="after")
    def _knows_buildings_when_it_needs_them(self) -> Self:
        rules = self.indices.values if self.indices else ()
        needs = any(each.taxonomy or each.buildings for each in self.passes) or any(rule.buildings for rule in rules)
        if needs and not self.per_building:
            raise ValueError(texts.reports.PACK_TAXONOMY_NEEDS_BUILDING)
        return self


class FactorManifest(Value):
    id: Identifier
    label: Label
    hint: Label | None = None


class CategoryManifest(Value):
    id: Identifier
    label: Label
    factors: tuple[FactorManifest, ...] = Field(min_length=1)


class TaxonomyManifest(Value):
    building: BuildingType
    label: Label
    categories: tuple[CategoryManifest, ...] = Field(min_length=1)


def _free(value: str) -> str:
    if value in RESERVED_IDS:
        raise ValueError(texts.reports.PACK_RESERVED.format(value=value))
    return value
