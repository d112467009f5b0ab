"""Limits in words."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import ceil, floor

import texts.limits
from limits.values import MONTHLY, Allowance, Resource
from utils import human_size

_LITTLE = Decimal("0.2")
"""The share of a limit from which on people are told what is left."""
_CENT = Decimal("0.01")


def in_words(resource: Resource, amount: Decimal, *, left: bool = False) -> str:
    """Return an amount as people read it; it is rounded up, and down where it is ``left``."""
    if resource is Resource.STORAGE:
        return human_size(int(amount))
    if resource is Resource.MONEY:
        cents = amount.quantize(_CENT, "ROUND_DOWN" if left else "ROUND_UP")
        return texts.limits.MONEY.format(amount=str(cents).replace(".", ","))
    if resource is Resource.QUESTIONS:
        return texts.limits.QUESTION.counted(int(amount))
    unit, text = (60, texts.limits.MINUTES) if resource is Resource.SOUND else (1000, texts.limits.THOUSANDS)
    return text.format(amount=floor(amount / unit) if left else ceil(amount / unit))


def day_in_words(day: date) -> str:
    """Return a day as «1 декабря»."""
    return texts.limits.DAY.format(day=day.day, month=texts.limits.MONTHS[day.month - 1])


def refusal(allowance: Allowance, wanted: Decimal) -> str:
    """Say what is used up, and how much of it."""
    resource = allowance.resource
    return texts.limits.REFUSED[resource].format(
        used=in_words(resource, allowance.used),
        limit=in_words(resource, allowance.limit or Decimal(0)),
        wanted=in_words(resource, wanted),
    )


def limited(allowances: Sequence[Allowance]) -> list[str]:
    """Return a line for each limit: what counts against it, and how much it is."""
    return [
        texts.limits.LINE.format(
            name=texts.limits.NAMES[each.resource],
            used=in_words(each.resource, each.used),
            limit=in_words(each.resource, each.limit),
            source="",
        )
        for each in allowances
        if each.limit is not None
    ]


def left_of(allowances: Sequence[Allowance]) -> list[tuple[str, str]]:
    """Return the name of each limit, and how much of it is left."""
    return [
        (
            texts.limits.NAMES[each.resource],
            (texts.limits.LEFT_MONTHLY if each.resource in MONTHLY else texts.limits.LEFT_IN_ALL).format(
                left=in_words(each.resource, each.left, left=True), limit=in_words(each.resource, each.limit)
            ),
        )
        for each in allowances
        if each.limit is not None and each.left is not None
    ]


def little_left(allowances: Sequence[Allowance]) -> list[str]:
    """Return a sentence for each resource of which a fifth or less is left."""
    told = []
    for each in allowances:
        if each.limit is not None and each.left is not None and each.left <= each.limit * _LITTLE:
            left, limit = in_words(each.resource, each.left, left=True), in_words(each.resource, each.limit)
            told.append(texts.limits.LEFT[each.resource].format(left=left, limit=limit))
    return told
