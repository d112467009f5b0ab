"""What is limited, and how much of it somebody has left."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from datamodels import Role, UserId, Value
from system.local_time import beginning_of, in_zone, today

LIMITED_ROLES = (Role.GUEST, Role.USER, Role.ADMIN)
"""Roles that can have limits. The highest has none: whoever could lift them for themselves needs none."""
QUESTION_TOKENS = 5000
"""What is reserved for a question: passages, rules and an answer, of the order that answers take."""


class Resource(StrEnum):
    """What is limited. Of all but storage, a month's use counts."""

    SOUND = "sound"
    """Seconds of recordings that are recognised."""
    TOKENS = "tokens"
    """Of language models, prompts and answers together."""
    MONEY = "money"
    """US dollars, by the price table."""
    QUESTIONS = "questions"
    STORAGE = "storage"
    """Bytes of recordings and texts of documents, files included that are still to come."""


MONTHLY = tuple(each for each in Resource if each is not Resource.STORAGE)
Amounts = Mapping[Resource, Decimal]


class Allowance(Value):
    """The limit of one resource and what counts against it, in its unit; ``limit`` is None without one.

    ``is_own`` tells that the limit is the person's and not that of the role.
    """

    resource: Resource
    limit: Decimal | None
    used: Decimal
    is_own: bool = False

    @property
    def left(self) -> Decimal | None:
        """What is left, 0 at least."""
        return None if self.limit is None else max(Decimal(0), self.limit - self.used)


class PersonUse(Value):
    """What a person has used and reserved."""

    id: UserId
    name: str
    used: Decimal


def this_month() -> date:
    """Return the first day of the month, by the clock of the installation."""
    with in_zone(None):
        return today().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month that follows."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def start_of(month: date) -> datetime:
    """Return the moment at which a month begins, by the clock of the installation."""
    with in_zone(None):
        return beginning_of(month)


def end_of(month: date) -> datetime:
    """Return the moment at which the next month begins, by the clock of the installation."""
    return start_of(next_month(month))
