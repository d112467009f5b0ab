"""Grouping claims that say the same: the model proposes groups, code checks their members and their titles."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import texts.research
from chats.support import content_of, statement_of, supports
from datamodels import PromptMessage
from datamodels_chats import Passage, PassageLine, Source
from errors import ProviderInvalidAnswer
from language_model.port import LanguageModel
from prompt_pack.models import ResearchPrompts
from reports.asking import answer_tokens, data_message, room_for_data
from reports.evidence import normal_words
from reports.model_answers import ModelAnswers
from reports.research.values import Aspect, Claim, Theme
from reports.windows import fit
from text_cleaning import as_data, cut, one_line

_STEP = "research:group"
_LONGEST_TITLE = 120
_USUAL_TITLE = 40
_MOST_KNOWN = 60
"""Titles of earlier groups that a later window is shown."""
_Groups = dict[str, list[Claim]]


class Grouping:
    """Groups the claims of one research, aspect by aspect; what the model leaves out stands alone."""

    def __init__(self, llm: LanguageModel, prompts: ResearchPrompts, answers: ModelAnswers) -> None:
        self._llm = llm
        self._schema = prompts.group_schema
        self._rules = PromptMessage(role="system", content=prompts.group.render({}))
        self._answers = answers
        self._answer_tokens = answer_tokens(llm)

    async def themes(self, aspects: Sequence[Aspect], claims: Sequence[Claim]) -> list[Theme]:
        """Return the themes of all aspects, those of most interviews first within each, numbered from 1.

        Raises:
            ContextTooSmall: the model's context has no room for claims beside rules and answer.
            ProviderError: the model failed.
        """
        found: list[Theme] = []
        for aspect in aspects:
            groups = await self._groups(aspect, [claim for claim in claims if claim.aspect == aspect.id])
            found += await asyncio.to_thread(_themes, aspect, groups)
        return [Theme(number, each.aspect, each.title, each.claims) for number, each in enumerate(found, 1)]

    async def _groups(self, aspect: Aspect, claims: Sequence[Claim]) -> Sequence[tuple[str, list[Claim]]]:
        """Return the claims of one aspect in groups with the model's titles."""
        if len(claims) < 2:
            return [("", [claim]) for claim in claims]
        lines = [
            texts.research.CLAIM_AS_DATA.format(
                number=number, statement=as_data(claim.statement), quote=as_data(claim.quote.text)
            )
            for number, claim in enumerate(claims, 1)
        ]
        groups: _Groups = {}
        titles: dict[str, str] = {}
        left = dict(enumerate(claims, 1))
        room = await room_for_data(
            self._llm, [self._rules, _task(aspect, ["x" * 40] * _MOST_KNOWN)], self._answer_tokens
        )
        # One window after another: each is shown the groups of those before.
        for window in await fit(lines, room, self._llm.count_tokens):
            for title, numbers in await self._asked(aspect, window, [*titles.values()]):
                key = " ".join(normal_words(title))
                mine = [left.pop(number) for number in dict.fromkeys(numbers) if key and number in left]
                if mine:
                    titles.setdefault(key, title)
                    groups.setdefault(key, []).extend(mine)
        return [*((titles[key], mine) for key, mine in groups.items()), *(("", [claim]) for claim in left.values())]

    async def _asked(self, aspect: Aspect, window: str, known: Sequence[str]) -> Sequence[tuple[str, list[int]]]:
        """Ask for the groups of a window; none when the answer did not fit or was not valid twice."""
        messages = [self._rules, data_message(window), _task(aspect, known[-_MOST_KNOWN:])]
        try:
            answer = await self._answers.structured(_STEP, messages, self._schema, self._answer_tokens)
        except ProviderInvalidAnswer:
            answer = None
        themes: Sequence[Mapping[str, Any]] = answer["themes"] if answer else []
        return [(cut(one_line(each["title"]), _LONGEST_TITLE), each["claims"]) for each in themes]


def passage_of(theme: Theme) -> Passage:
    """Return a theme as the passage that a sentence about it may cite: its quotes, the source that of the first."""
    first = theme.claims[0]
    source = Source(
        start=first.quote.start,
        end=first.quote.start,
        number=theme.number,
        recording_id=first.interview.id,
        recording_number=first.interview.number,
        label="",
        day=first.interview.day,
        speakers=(),
    )
    lines = tuple(PassageLine(start=each.quote.start, speaker="", text=each.quote.text) for each in theme.claims)
    return Passage(source=source, lines=lines)


def _themes(aspect: Aspect, groups: Sequence[tuple[str, list[Claim]]]) -> list[Theme]:
    """Return the themes of an aspect, without titles that the quotes of their groups do not carry. Blocking."""
    found = []
    for title, claims in groups:
        ordered = [*_first_of_each_interview_first(claims)]
        theme = Theme(1, aspect.id, title, ordered)
        carried = bool(title) and supports(content_of(passage_of(theme)), statement_of(title))
        found.append(theme if carried else Theme(1, aspect.id, "", ordered))
    return sorted(found, key=lambda each: (-len(each.interviews), -len(each.claims)))


def _first_of_each_interview_first(claims: Sequence[Claim]) -> Iterator[Claim]:
    seen: set[Any] = set()
    later: list[Claim] = []
    for claim in claims:
        if claim.interview.id in seen:
            later.append(claim)
        else:
            seen.add(claim.interview.id)
            yield claim
    yield from later


def _task(aspect: Aspect, known: Sequence[str]) -> PromptMessage:
    listed = texts.research.ASPECT_AS_DATA.format(id=aspect.id, title=as_data(aspect.title))
    content = [texts.research.ASPECTS_AS_DATA.format(aspects=listed)]
    if known:
        titles = "\n".join(map(as_data, known))
        content.append(texts.research.KNOWN_THEMES_AS_DATA.format(titles=titles))
    return PromptMessage(role="user", content="\n".join(content))
