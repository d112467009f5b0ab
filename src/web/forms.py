"""What requests bring: fields of forms as pages send them, and JSON."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from datamodels import BuildingType
from errors import UnknownChoice


async def _fields(request: Request) -> Mapping[str, list[str]]:
    """Return the fields of a form; one may stand in it several times."""
    form = await request.form()
    return {name: [str(each) for each in form.getlist(name)] for name in form}


Fields = Annotated[Mapping[str, list[str]], Depends(_fields)]


def is_json(request: Request) -> bool:
    """Tell whether the body is said to be JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def one(fields: Mapping[str, list[str]], name: str) -> str:
    """Return the value of a field, "" when it is not there."""
    return next(iter(fields.get(name, ())), "")


def building_in(said: str) -> BuildingType | None:
    """Return the building type that was chosen, None for none.

    Raises:
        UnknownChoice: it is no building type.
    """
    if not said:
        return None
    if said not in set(BuildingType):
        raise UnknownChoice(value=said, allowed=", ".join(BuildingType))
    return BuildingType(said)
