"""Prompts and templates, which are rendered in a sandbox, and checks of the JSON schemas of the answers.

Templates are tried at start on sample data. A schema has to be valid, to have the form that strict modes take, and to
have the fields that a manifest names.
"""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
import jsonschema
from jinja2.sandbox import SandboxedEnvironment

import texts.reports
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

    @property
    def version(self) -> str:
        """The first 12 digits of the source's SHA-256, so that a changed text has another version."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]

    def render(self, variables: Mapping[str, Any]) -> str:
        """Fill in the variables.

        Raises:
            BadReportPack: the template does not compile, names what does not exist, or fails on the values.
        """
        try:
            return _compiled(self.source).render(variables).strip()
        # An expression of a template raises whatever Python would.
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
            raise BadReportPack(reason=texts.reports.PACK_BAD_TEMPLATE.format(path=self.name, problem=exc)) from exc


@dataclass(frozen=True)
class EarlierPass:
    """A finished pass as later prompts see it; ``str()`` returns its Markdown.

    ``missing`` are the taxonomy's factors that no item names; those whose words were said are in ``maybe`` instead.
    ``incomplete``: the model did not answer about a part of the recording, so the lists are no measure of it.
    """

    text: str
    items: Sequence[Mapping[str, Any]] = field(default=())
    missing: Sequence[Any] = field(default=())
    maybe: Sequence[Any] = field(default=())
    incomplete: bool = False

    @property
    def lists(self) -> Mapping[str, Any]:
        """What the template of a pass of items knows of it."""
        return {"items": self.items, "missing": self.missing, "maybe": self.maybe, "incomplete": self.incomplete}

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=512)
def _compiled(source: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(source)


def sample(schema: Mapping[str, Any], *, nulls: bool) -> Any:
    """Return a value that fits ``schema``; with ``nulls`` everything nullable is null and every list is empty."""
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


Schema = Mapping[str, Any]

_DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
"""Names of a dict's methods, which no field of an item may have: in a template ``item.values`` would be the method."""


def check_schema(path: str, schema: Schema) -> None:
    """Raise ``BadReportPack`` unless the schema is valid and of the form that providers' strict mode demands."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as exc:
        raise _bad(path, exc.message) from exc
    for where, each in _parts(schema, "$"):
        if "$ref" in each:
            raise _bad(path, texts.reports.PACK_SCHEMA_REFERENCE.format(where=where))
        properties = each.get("properties")
        if properties is None and each.get("type") != "object":
            continue
        if each.get("additionalProperties") is not False or set(each.get("required", ())) != set(properties or ()):
            raise _bad(path, texts.reports.PACK_SCHEMA_STRICT.format(where=where))
        for name in properties or ():
            if name in _DICT_METHODS and where != "$":
                raise _bad(path, texts.reports.PACK_SCHEMA_NAME.format(name=name))


def item_fields(path: str, schema: Schema) -> Mapping[str, Schema]:
    """Return the properties of an item; raise ``BadReportPack`` unless the schema has a list ``items`` and no more."""
    properties = schema.get("properties", {})
    item = properties.get("items", {}).get("items", {})
    if set(properties) != {"items"} or item.get("type") != "object":
        raise _bad(path, texts.reports.PACK_SCHEMA_ITEMS)
    fields: Mapping[str, Schema] = item["properties"]
    return fields


def check_item_fields(path: str, schema: Schema, *, strings: Sequence[str], quotes: str | None) -> None:
    """Raise ``BadReportPack`` unless an item has the fields ``strings``, and a list of quotes in the field ``quotes``.

    A quote is an object with a string ``text``. When ``quotes`` is None, no list is needed.
    """
    fields = item_fields(path, schema)
    for name in strings:
        if name not in fields:
            raise _bad(path, texts.reports.PACK_SCHEMA_FIELD.format(name=name))
    if quotes is not None:
        quote = fields.get(quotes, {}).get("items", {})
        if quote.get("properties", {}).get("text", {}).get("type") != "string":
            raise _bad(path, texts.reports.PACK_SCHEMA_FIELD.format(name=quotes))


def with_enum(schema: Schema, field: str, values: Sequence[str]) -> Schema:
    """Return a copy of an items schema in which the field of an item has only ``values`` to choose from."""
    limited = copy.deepcopy(dict(schema))
    limited["properties"]["items"]["items"]["properties"][field]["enum"] = list(values)
    return limited


def with_all(schema: Schema, field: str, values: Sequence[str]) -> Schema:
    """Return a copy of an items schema whose answer has an item for each of ``values`` of ``field``."""
    limited = copy.deepcopy(dict(with_enum(schema, field, values)))
    limited["properties"]["items"].update(minItems=len(values), maxItems=len(values))
    return limited


def check_value_field(path: str, schema: Schema, field: str) -> None:
    """Raise ``BadReportPack`` unless ``field``, a name or dotted path, is a limited number, a string or null.

    A number is limited by ``minimum`` and ``maximum`` or by ``enum``. Unions of these types are allowed.
    """
    leaf: Schema = schema
    for name in field.split("."):
        leaf = leaf.get("properties", {}).get(name, {})
    kinds = leaf.get("type", "string" if "enum" in leaf else None)
    kinds = {kinds} if isinstance(kinds, str) else set(kinds or ())
    limited = not kinds & {"integer", "number"} or "enum" in leaf or ("minimum" in leaf and "maximum" in leaf)
    if not kinds or not kinds <= {"integer", "number", "string", "null"} or not limited:
        raise _bad(path, texts.reports.PACK_SCHEMA_VALUE.format(name=field))


def _parts(schema: Any, where: str) -> Iterator[tuple[str, Schema]]:
    if not isinstance(schema, Mapping):
        return
    yield where, schema
    for name, each in schema.get("properties", {}).items():
        yield from _parts(each, f"{where}.{name}")
    yield from _parts(schema.get("items"), f"{where}[]")
    for alternatives in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(alternatives, ()):
            yield from _parts(each, where)


def _bad(path: str, problem: str) -> BadReportPack:
    return BadReportPack(reason=texts.reports.PACK_BAD_SCHEMA.format(path=path, problem=problem))
