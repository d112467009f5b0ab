"""Better questions than one that was asked: by the language model, else from what the archive has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

import texts.asking
import texts.chats
from chats.questions import said_to_no_question
from datamodels import PromptMessage
from datamodels_search import Condition, Facets, Narrowing
from errors import ProviderError
from language_model.port import LanguageModel
from prompt_pack.templates import Template
from text_cleaning import as_data, folded, one_line, preview
from texts.across import MONTHS

log = structlog.get_logger(__name__)

MOST_PROPOSALS = 3
_LONGEST = 200
"""Characters of a proposal, and of the question that one is made of."""
_TOKENS = 300
_MOST_EARLIER = 5
_FEWEST_VALUES = 2
"""Of one place alone, naming it makes no question more exact."""


@dataclass(frozen=True)
class Refiner:
    """Asks the model for better questions; ``schema`` is that of its answer."""

    llm: LanguageModel
    prompt: Template
    schema: Mapping[str, Any]

    async def propose(self, question: str, before: Sequence[str], facets: Facets) -> tuple[str, ...]:
        """Return at most ``MOST_PROPOSALS`` questions; ``before`` are the chat's earlier ones, the latest first.

        Raises:
            ProviderError: the model failed.
        """
        data = [_archive(facets)]
        if before:
            earlier = "\n".join(as_data(each) for each in reversed(before[:_MOST_EARLIER]))
            data.append(texts.asking.EARLIER_AS_DATA.format(questions=earlier))
        asked = texts.chats.QUESTION_AS_DATA.format(question=as_data(question))
        messages = (
            PromptMessage(role="system", content=self.prompt.render({"most": MOST_PROPOSALS})),
            PromptMessage(role="user", content="\n\n".join(filter(None, [*data, asked]))),
        )
        completion = await self.llm.complete(messages, schema=self.schema, max_tokens=_TOKENS)
        return usable(completion.data["questions"], question)


async def proposals_for(
    refiner: Refiner | None, question: str, before: Sequence[str], narrowing: Narrowing, facets: Facets
) -> tuple[str, ...]:
    """Return better questions: by the model, and by code where there is no model, it fails or has no idea."""
    found: tuple[str, ...] = ()
    if refiner is not None:
        try:
            found = await refiner.propose(question, before, facets)
        except ProviderError as exc:
            log.warning("question_not_refined", error=exc.code, reason=str(exc))
    return found or proposals_from(question, narrowing, facets)


def proposals_from(question: str, narrowing: Narrowing, facets: Facets) -> tuple[str, ...]:
    """Return the question about what of the archive it does not name yet: a place, a city, a month."""
    base = one_line(question).rstrip("?!.… ")
    found = []
    if Condition.PLACES not in narrowing.conditions and len(facets.places) >= _FEWEST_VALUES:
        found.append(texts.asking.BY_PLACE.format(question=base, place=facets.places[0]))
    if Condition.CITIES not in narrowing.conditions and len(facets.cities) >= _FEWEST_VALUES:
        found.append(texts.asking.BY_CITY.format(question=base, city=facets.cities[0]))
    if Condition.WHEN not in narrowing.conditions and len(facets.months) >= _FEWEST_VALUES:
        year, month = facets.months[0]
        found.append(texts.asking.BY_MONTH.format(question=base, month=MONTHS[month - 1], year=year))
    return usable(found, question) if len(base) <= _LONGEST else ()


def usable(proposed: Iterable[str], question: str) -> tuple[str, ...]:
    """Return the first ``MOST_PROPOSALS`` that are questions, each once, and other ones than ``question``."""
    known = {_key(question)}
    found: list[str] = []
    for each in proposed:
        written = preview(one_line(each), _LONGEST)
        if _key(written) in known or said_to_no_question(written) is not None:
            continue
        known.add(_key(written))
        found.append(written)
    return tuple(found[:MOST_PROPOSALS])


def _key(question: str) -> str:
    return folded(question).rstrip("?!.… ")


def _archive(facets: Facets) -> str:
    months = [texts.asking.MONTH.format(month=MONTHS[month - 1], year=year) for year, month in facets.months]
    lines = [
        template.format(values=", ".join(map(as_data, values)))
        for template, values in (
            (texts.asking.PLACES_AS_DATA, facets.places),
            (texts.asking.CITIES_AS_DATA, facets.cities),
            (texts.asking.MONTHS_AS_DATA, months),
        )
        if values
    ]
    return texts.asking.ARCHIVE_AS_DATA.format(lines="\n".join(lines)) if lines else ""
