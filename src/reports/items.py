"""The items of a pass, which rest on quotes: those without evidence are dropped, equal ones united.

Each string of an item is put on one line. An item with an unknown factor is dropped, and one without a quote that is
in the recording.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from metadata.proposal import Speech
from prompt_pack.models import Factor, ReportPass, ReportPlan
from reports.criteria import criterion_of, judged
from reports.evidence import Evidence, normal_words
from text_cleaning import one_line

Item = dict[str, Any]


class ItemsReview:
    """Reviews the items in a model's answers. Takes CPU time: use a thread.

    ``unknown_factors`` and ``without_quotes`` count the items that were dropped, ``quotes_not_found`` the quotes,
    ``unsaid`` the values that nobody said in the quotes. ``questions`` is how many were asked in the recording.
    """

    def __init__(self, plan: ReportPlan, of_pass: ReportPass, evidence: Evidence, questions: float) -> None:
        self._plan = plan
        self._pass = of_pass
        self._evidence = evidence
        self._questions = questions
        self.unknown_factors = 0
        self.quotes_not_found = 0
        self.without_quotes = 0
        self.unsaid = 0

    def of(self, answered: Sequence[Mapping[str, Any]]) -> list[Item]:
        """Return the valid items in the order of the answers, equal ones united; of criteria, one each."""
        items = [item for each in answered if (item := self._reviewed(each)) is not None]
        return judged(self._pass, items, self._questions) if self._pass.criterion else self._united(items)

    def missing(self, items: Sequence[Item]) -> tuple[Factor, ...]:
        """Return the taxonomy's factors that no item names; () for a pass without a taxonomy."""
        if not (self._pass.taxonomy and self._plan.taxonomy):
            return ()
        named = {item[self._pass.taxonomy] for item in items}
        return tuple(factor for factor in self._plan.taxonomy.factors.values() if factor.id not in named)

    def _reviewed(self, answered: Mapping[str, Any]) -> Item | None:
        item: Item = {name: _on_one_line(value) for name, value in answered.items()}
        if self._pass.taxonomy and self._plan.taxonomy:
            if item[self._pass.taxonomy] not in self._plan.taxonomy.factors:
                self.unknown_factors += 1
                return None
            item = self._plan.described(item, self._pass.taxonomy)
        if self._pass.criterion:
            criterion = criterion_of(self._pass, item[self._pass.criterion])
            if criterion is None:
                self.unknown_factors += 1
                return None
            item[self._pass.criterion] = criterion.label
        for name in self._pass.proofs:
            item[name] = self._found(item[name])
        if self._pass.quotes:
            item[self._pass.quotes] = self._found(item[self._pass.quotes])
            if not item[self._pass.quotes] and not self._pass.criterion:
                self.without_quotes += 1
                return None
            self._drop_unsaid(item, item[self._pass.quotes])
        return item

    def _drop_unsaid(self, item: Item, quotes: Sequence[Item]) -> None:
        """Make null what neither the quotes nor the names of who said them have, in any form of the words."""
        told = " ".join(f"{quote['speaker'] or ''} {quote['text']}" for quote in quotes)
        for name in self._pass.said:
            if item[name] is not None and not Speech(told).has_words(str(item[name])):
                item[name] = None
                self.unsaid += 1

    def _found(self, quotes: Sequence[Mapping[str, Any]]) -> list[Item]:
        found: list[Item] = []
        for stated in quotes:
            quote = self._evidence.find(str(stated["text"]), stated.get("time"), self._pass.quotes_by)
            if quote is None:
                self.quotes_not_found += 1
            else:
                found.append({**stated, "text": quote.text, "speaker": quote.speaker, "time": quote.time})
        return _distinct(found)

    def _united(self, items: Sequence[Item]) -> list[Item]:
        """Unite items with equal keys and, in a pass without a taxonomy, items that rest on the same quotes.

        Overlapping windows give the same item twice. Two factors of a taxonomy, though, may well rest on one quote.
        """
        united: list[Item] = []
        places: dict[tuple[str, ...], int] = {}
        for item in items:
            identities = [self._key(item)]
            if self._pass.quotes and not self._pass.taxonomy:
                identities.append(("quotes", *sorted(quote["text"] for quote in item[self._pass.quotes])))
            place = next((places[each] for each in identities if each in places), None)
            if place is None:
                place = len(united)
                united.append(item)
            else:
                united[place] = _joined(united[place], item)
            for each in identities:
                places.setdefault(each, place)
        return united

    def _key(self, item: Item) -> tuple[str, ...]:
        names = self._pass.key or [name for name in item if name != self._pass.quotes]
        return ("key", *(" ".join(normal_words(str(item[name]))) for name in names))


def _joined(first: Item, second: Item) -> Item:
    """Return a copy of ``first`` whose lists also have what only ``second`` has, its nulls filled from ``second``."""
    joined = dict(first)
    for name, value in second.items():
        if isinstance(value, list) and isinstance(first.get(name), list):
            joined[name] = _distinct([*first[name], *value])
        elif first.get(name) is None:
            joined[name] = value
    return joined


def _distinct(values: Sequence[Any]) -> list[Any]:
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct


def _on_one_line(value: Any) -> Any:
    """Return the value with each string on one line: a line break would end a heading or a list in Markdown."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [_on_one_line(each) for each in value]
    if isinstance(value, dict):
        return {name: _on_one_line(each) for name, each in value.items()}
    return value
