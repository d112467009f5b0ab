"""Telegram's types by name, for whichever layer the installed library speaks."""

import inspect
import re
from functools import cache
from typing import Any

from pyrogram import raw

ZEROS: dict[str, Any] = {"int": 0, "float": 0.0, "str": "", "bytes": b"", "bool": False}


class RpcFault(Exception):
    """What a call is refused with: code and message as Telegram documents them."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"[{code} {message}]")
        self.code = code
        self.message = message


def tl(name: str, **fields: Any) -> Any:
    """Build the type called ``name``, for example ``updates.State``.

    Fields that the layer does not know are left out, required ones that are not given become zero. An empty list in
    an optional vector becomes None: the libraries set no flag for it, but write it.
    """
    constructor, required, optional = _constructor(name)
    known = {key: value for key, value in fields.items() if key in required or key in optional}
    for key in optional & known.keys():
        if known[key] == []:
            known[key] = None
    for key, annotation in required.items():
        if known.get(key) is None:
            known[key] = _zero(annotation)
    return constructor(**known)


def name_of(thing: Any) -> str:
    """Name a call or type, for example ``messages.SendMessage``."""
    qualified: str = type(thing).QUALNAME
    return qualified.split(".", 1)[1]


def is_a(thing: Any, *names: str) -> bool:
    """Tell whether something is one of these types or calls."""
    return hasattr(type(thing), "QUALNAME") and name_of(thing) in names


def input_message_ids(vector: list[Any]) -> list[tuple[str, int]]:
    """Read a vector of InputMessage, which ends its call, as (kind, id).

    The libraries guess the element's size when they read a vector, and take eight bytes for an integer.
    """
    found = []
    for element in vector:
        if isinstance(element, int):
            found.append((_kind(element & 0xFFFFFFFF), element >> 32))
        else:
            found.append((name_of(element), getattr(element, "id", 0)))
    return found


def input_users(vector: list[Any]) -> list[Any]:
    """Read a vector of InputUser, which ends its call; InputUserSelf has four bytes and is taken for an integer."""
    return [tl(_kind(element & 0xFFFFFFFF)) if isinstance(element, int) else element for element in vector]


def _kind(constructor_id: int) -> str:
    for name in ("InputMessageID", "InputMessageReplyTo", "InputUserSelf", "InputUserEmpty"):
        if constructor_id == getattr(raw.types, name).ID:
            return name
    raise RpcFault(500, f"UNREADABLE_VECTOR_{constructor_id:x}")


@cache
def _constructor(name: str) -> tuple[Any, dict[str, str], frozenset[str]]:
    constructor: Any = raw.types
    for part in name.split("."):
        constructor = getattr(constructor, part)
    parameters = [
        parameter
        for parameter in inspect.signature(constructor.__init__).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    required = {p.name: str(p.annotation) for p in parameters if p.default is inspect.Parameter.empty}
    return constructor, required, frozenset(p.name for p in parameters) - required.keys()


def _zero(annotation: str) -> Any:
    annotation = re.sub(r"<class '(\w+)'>", r"\1", annotation)
    if annotation in ZEROS:
        return ZEROS[annotation]
    if annotation.lower().startswith(("list[", "typing.list[")):
        return []
    base = re.search(r"raw\.base\.([\w.]+)", annotation)
    if base is None:
        raise TypeError(f"no zero for {annotation}")
    return tl(base[1])
