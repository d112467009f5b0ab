"""Values of searches: what a question names, where its chat is searched, and what an answer was narrowed to."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from datamodels import BuildingType, ScenarioId, Value


class Corpus(StrEnum):
    """What a source of the knowledge base is."""

    TRANSCRIPT = "transcript"
    REPORT = "report"
    DOCUMENT = "document"


class When(Value):
    """A day, month or year, as far as a question names them; None where it does not."""

    day: int | None = None
    month: int | None = None
    year: int | None = None


class Named(Value):
    """What a question names. Several values of a field are alternatives; () where it names none.

    ``people`` are employees or clients. ``numbers`` are those of recordings.
    """

    places: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    buildings: tuple[BuildingType, ...] = ()
    numbers: tuple[int, ...] = ()
    when: tuple[When, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return self == Named()


class ChatFilters(Value):
    """Where all questions of a chat are searched: () and None are everywhere.

    ``corpora`` are alternatives. ``scenario`` leaves documents in, which have none. ``mine`` leaves the team's out.
    """

    corpora: tuple[Corpus, ...] = ()
    scenario: ScenarioId | None = None
    scenario_label: str = ""
    mine: bool = False

    @property
    def is_nothing(self) -> bool:
        return self == ChatFilters()


EVERYWHERE = ChatFilters()


class Condition(StrEnum):
    """What a search can be narrowed by."""

    PLACES = "places"
    CITIES = "cities"
    PEOPLE = "people"
    BUILDINGS = "buildings"
    NUMBERS = "numbers"
    WHEN = "when"
    ROLES = "roles"
    CORPORA = "corpora"
    SCENARIO = "scenario"
    MINE = "mine"


class Narrowing(Value):
    """What a question was searched in: what it names, the roles of whom it asks, and what its chat is narrowed to.

    ``loose`` tells that no source fits all that is named, so that those were searched that fit the most of it, and
    ``roleless`` that words were found whose speaker has no role.
    """

    named: Named = Named()
    roles: tuple[str, ...] = ()
    chat: ChatFilters = ChatFilters()
    loose: bool = False
    roleless: bool = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that it sets, in the order of ``Condition``."""
        values = {**dict(self.named), "roles": self.roles, **dict(self.chat)}
        return tuple(each for each in Condition if values[each])

    def without(self, removed: Collection[Condition]) -> "Narrowing":
        """Return the narrowing without the conditions that a person removed."""

        def kept(part: Value) -> Any:
            gone = [name for name in type(part).model_fields if name in removed]
            return type(part)(**{name: value for name, value in part if name not in gone})

        roles = () if Condition.ROLES in removed else self.roles
        return Narrowing(named=kept(self.named), roles=roles, chat=kept(self.chat), loose=self.loose)


class Search(Value):
    """How one answer is searched for: without the conditions that a person removed.

    ``as_is`` leaves out the subject of the chat, which a follow-up takes over otherwise.
    """

    without: tuple[Condition, ...] = ()
    as_is: bool = False


class Facets(Value):
    """What there is most of in what a person may find: places, cities, and months (year, month), the latest first."""

    places: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    months: tuple[tuple[int, int], ...] = ()
