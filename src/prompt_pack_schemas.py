"""The pack's JSON schemas: valid, in the form that strict modes take, and with the fields a manifest names."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema

import texts_reports as texts
from errors import BadReportPack

Schema = Mapping[str, Any]

_DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
"""In a template ``item.values`` would be the method, not the field."""


def check_schema(path: str, schema: Schema) -> None:
    """Raise ``BadReportPack`` unless providers' strict mode takes the schema."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as exc:
        raise _bad(path, exc.message) from exc
    for where, each in _parts(schema, "$"):
        if "$ref" in each:
            raise _bad(path, texts.PACK_SCHEMA_REFERENCE.format(where=where))
        properties = each.get("properties")
        if properties is None and each.get("type") != "object":
            continue
        if each.get("additionalProperties") is not False or set(each.get("required", ())) != set(properties or ()):
            raise _bad(path, texts.PACK_SCHEMA_STRICT.format(where=where))
        for name in properties or ():
            if name in _DICT_METHODS and where != "$":
                raise _bad(path, texts.PACK_SCHEMA_NAME.format(name=name))


def item_fields(path: str, schema: Schema) -> Mapping[str, Schema]:
    """The properties of an item in an items schema."""
    properties = schema.get("properties", {})
    item = properties.get("items", {}).get("items", {})
    if set(properties) != {"items"} or item.get("type") != "object":
        raise _bad(path, texts.PACK_SCHEMA_ITEMS)
    fields: Mapping[str, Schema] = item["properties"]
    return fields


def check_item_fields(path: str, schema: Schema, *, strings: Sequence[str], quotes: str | None) -> None:
    """Raise unless an item has the ``strings`` and, as ``quotes``, a list of objects with a ``text``."""
    fields = item_fields(path, schema)
    for name in strings:
        if name not in fields:
            raise _bad(path, texts.PACK_SCHEMA_FIELD.format(name=name))
    if quotes is not None:
        quote = fields.get(quotes, {}).get("items", {})
        if quote.get("properties", {}).get("text", {}).get("type") != "string":
            raise _bad(path, texts.PACK_SCHEMA_FIELD.format(name=quotes))


def with_enum(schema: Schema, field: str, values: Sequence[str]) -> Schema:
    """The items schema with ``field`` limited to ``values``: what the model cannot write need not be thrown away."""
    limited = copy.deepcopy(dict(schema))
    limited["properties"]["items"]["items"]["properties"][field]["enum"] = list(values)
    return limited


def check_value_field(path: str, schema: Schema, field: str) -> None:
    """Raise unless ``field``, a name or a dotted path, is a number with limits, a string or null."""
    leaf: Schema = schema
    for name in field.split("."):
        leaf = leaf.get("properties", {}).get(name, {})
    kinds = leaf.get("type", "string" if "enum" in leaf else None)
    kinds = {kinds} if isinstance(kinds, str) else set(kinds or ())
    limited = not kinds & {"integer", "number"} or "enum" in leaf or ("minimum" in leaf and "maximum" in leaf)
    if not kinds or not kinds <= {"integer", "number", "string", "null"} or not limited:
        raise _bad(path, texts.PACK_SCHEMA_VALUE.format(name=field))


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
    return BadReportPack(reason=texts.PACK_BAD_SCHEMA.format(path=path, problem=problem))
