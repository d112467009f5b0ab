"""What a setting has to be, in words, as its type and its limits tell."""

from enum import StrEnum
from typing import Any, get_args

import texts.operation
from config import Settings


def allowed_form(name: str) -> str:
    """Return what the value of the variable ``name`` has to be; empty for text of which nothing is known."""
    if name in texts.operation.FORMS:
        return texts.operation.FORMS[name]
    field = Settings.model_fields.get(name.lower())
    if field is None:
        return texts.operation.FORM_FILE if name.endswith("_FILE") else ""
    # Of "int | None" the first.
    kind = (get_args(field.annotation) or (field.annotation,))[0]
    limits = {limit: getattr(each, limit) for each in field.metadata for limit in _LIMITS if hasattr(each, limit)}
    if kind is bool:
        return texts.operation.FORM_BOOLEAN
    if issubclass(kind, StrEnum):
        return texts.operation.FORM_CHOICE.format(choices=", ".join(kind))
    if issubclass(kind, int | float):
        number = texts.operation.FORM_INTEGER if kind is int else texts.operation.FORM_NUMBER
        return number + _range(limits)
    return ""


_LIMITS = ("ge", "gt", "le")


def _range(limits: dict[str, Any]) -> str:
    forms = {"ge": texts.operation.FORM_LEAST, "gt": texts.operation.FORM_ABOVE, "le": texts.operation.FORM_MOST}
    return "".join(form.format(least=limits[each], most=limits[each]) for each, form in forms.items() if each in limits)
