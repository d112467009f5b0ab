"""Reading one transcript for a research: claims, each with words that the transcript has, and what was asked there."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import texts.research
from datamodels import PromptMessage, Transcript
from language_model.port import LanguageModel
from prompt_pack.models import ResearchPrompts
from reports.asking import answer_tokens, data_message, room_for_data, together
from reports.evidence import Evidence, Quote, normal_words
from reports.model_answers import ModelAnswers
from reports.research.values import Aspect, Claim, Interview, Reading, Stance
from reports.windows import fit, halves, transcript_lines
from text_cleaning import as_data, one_line

_MOST_HALVINGS = 3
_FEWEST_WORDS = 2
"""One word said is no quote: «да» is in every transcript."""
_STEP = "research:read"


def task_of(question: str, aspects: Sequence[Aspect]) -> PromptMessage:
    """Return the message that says what a research looks for."""
    listed = "\n".join(texts.research.ASPECT_AS_DATA.format(id=each.id, title=as_data(each.title)) for each in aspects)
    content = "\n".join(
        [
            texts.research.QUESTION_AS_DATA.format(question=as_data(question)),
            texts.research.ASPECTS_AS_DATA.format(aspects=listed),
        ]
    )
    return PromptMessage(role="user", content=content)


class Reader:
    """Reads transcripts for one research. ``asking_roles`` are the labels of the roles that ask, by scenario."""

    def __init__(
        self,
        llm: LanguageModel,
        prompts: ResearchPrompts,
        question: str,
        aspects: Sequence[Aspect],
        asking_roles: Mapping[str, str],
    ) -> None:
        self._llm = llm
        self._prompts = prompts
        self._rules = PromptMessage(role="system", content=prompts.read.render({}))
        self._task = task_of(question, aspects)
        self._schema = _with_aspects(prompts.read_schema, [each.id for each in aspects])
        self._known = frozenset(each.id for each in aspects)
        self._asking = asking_roles
        self._answer_tokens = answer_tokens(llm)

    async def read(self, interview: Interview, transcript: Transcript, answers: ModelAnswers) -> Reading:
        """Read a transcript in as many windows as the model's context needs.

        Raises:
            ContextTooSmall: the model's context has no room for a window beside question and answer.
            ProviderInvalidAnswer: no answer to a window was valid.
            ProviderError: the model failed; its answers so far are stored.
        """
        room = await room_for_data(self._llm, [self._rules, self._task], self._answer_tokens, self._schema)
        windows = await fit(transcript_lines(transcript), room, self._llm.count_tokens)
        answered = [each for found in await together(self._window(each, answers) for each in windows) for each in found]
        return await asyncio.to_thread(self._checked, interview, transcript, answered)

    async def _window(self, window: str, answers: ModelAnswers, halvings: int = 0) -> list[dict[str, Any] | None]:
        """Ask about a window, or about its halves when its answer does not fit; None for a part without an answer."""
        messages = [self._rules, data_message(window), self._task]
        answer = await answers.structured(_STEP, messages, self._schema, self._answer_tokens, self._prompts.read_schema)
        if answer is not None:
            return [answer]
        if halvings == _MOST_HALVINGS or len(window) < 2:
            return [None]
        return [part for half in halves(window) for part in await self._window(half, answers, halvings + 1)]

    def _without_asking(self, interview: Interview, transcript: Transcript) -> Transcript:
        asking = self._asking.get(interview.scenario)
        spoken = tuple(each for each in transcript.segments if asking is None or each.role != asking)
        return transcript.model_copy(update={"segments": spoken})

    def _checked(
        self, interview: Interview, transcript: Transcript, answered: Sequence[dict[str, Any] | None]
    ) -> Reading:
        """Keep the claims whose quotes somebody who does not ask said word for word, each once. Blocking."""
        evidence, answering = Evidence(transcript), Evidence(self._without_asking(interview, transcript))
        claims: dict[tuple[str, tuple[str, ...]], Claim] = {}
        asked: set[str] = set()
        dropped = 0
        for answer in filter(None, answered):
            for stated in answer["claims"]:
                # Looked for in both: answers around a question are not one piece, and a question is no answer.
                quote = _said(evidence, stated["quote"], None) and _said(answering, stated["quote"], stated["time"])
                if quote is None or stated["aspect"] not in self._known:
                    dropped += 1
                    continue
                key = (stated["aspect"], tuple(normal_words(quote.text)))
                statement, stance = one_line(stated["statement"]), Stance(stated["stance"])
                claims.setdefault(key, Claim(interview, stated["aspect"], statement, stance, quote))
            asked |= {each["aspect"] for each in answer["asked"] if _said(evidence, each["quote"], None)}
        return Reading(
            interview,
            tuple(claims.values()),
            frozenset(asked & self._known),
            dropped,
            sum(answer is None for answer in answered),
        )


def _said(evidence: Evidence, written: str, time: str | None) -> Quote | None:
    """Find a quote that somebody said word for word and in one piece."""
    words = normal_words(written)
    if len(words) < _FEWEST_WORDS:
        return None
    found = evidence.find(" ".join(words), time)
    return found if found is not None and normal_words(found.text) == words else None


def _with_aspects(schema: Mapping[str, Any], aspects: Sequence[str]) -> dict[str, Any]:
    """Return the schema with the aspects as the only ones to choose from."""

    def limited(items: Mapping[str, Any]) -> dict[str, Any]:
        fields = items["items"]["properties"]
        fields = {**fields, "aspect": {**fields["aspect"], "enum": list(aspects)}}
        return {**items, "items": {**items["items"], "properties": fields}}

    return {**schema, "properties": {name: limited(items) for name, items in schema["properties"].items()}}
