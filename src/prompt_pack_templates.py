"""Prompts and templates: data that a sandbox renders, and the sample data on which they are tried at start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

import texts_reports as texts
from datamodels import Value
from errors import BadReportPack

_ENVIRONMENT = SandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # the output is a prompt or Markdown, never HTML
    trim_blocks=True,
    lstrip_blocks=True,
)

_SAMPLE_TEXT = "образец"


class Template(Value):
    """A prompt or template; ``name`` is its path in the pack."""

    name: str
    source: str

    def render(self, variables: Mapping[str, Any]) -> str:
        """Fill in the variables.

        Raises:
            BadReportPack: the template does not compile, names what does not exist, or fails on the values.
        """
        try:
            return _compiled(self.source).render(variables).strip()
        # An expression of a template raises whatever Python would.
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
            raise BadReportPack(reason=texts.PACK_BAD_TEMPLATE.format(path=self.name, problem=exc)) from exc


@dataclass(frozen=True)
class EarlierPass:
    """What a finished pass gives to the prompts after it. Printed as its Markdown."""

    text: str
    items: Sequence[Mapping[str, Any]] = field(default=())
    missing: Sequence[Any] = field(default=())

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=512)
def _compiled(source: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(source)


def sample(schema: Mapping[str, Any], *, nulls: bool) -> Any:
    """A value by ``schema``; with ``nulls`` everything nullable is null and every list is empty."""
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if nulls and "null" in kinds:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            return sample(schema[alternatives][-1 if nulls else 0], nulls=nulls)
    kind = next((each for each in kinds if each != "null"), "null")
    if kind == "object":
        return {name: sample(each, nulls=nulls) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [] if nulls else [sample(schema.get("items", {}), nulls=nulls)]
    scalars: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.0)}
    return scalars.get(kind, {"boolean": True, "null": None}.get(kind, _SAMPLE_TEXT))
