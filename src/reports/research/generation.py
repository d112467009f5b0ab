"""A research from its order to its text: plan, reading of every transcript, themes, summary.

Answers about one transcript are stored with its recording, by the hash of what was asked: whoever asks the same of the
same words again, even in another research, pays for what is new. The others are stored with the research.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import texts.research
from datamodels import PromptMessage, RecordingId, Transcript, Usage
from errors import ProviderInvalidAnswer, ProviderRejectedRequest
from language_model.port import LanguageModel
from prompt_pack.models import ReportPack
from reports.asking import answer_tokens, together
from reports.model_answers import ModelAnswers
from reports.research.reading import Reader
from reports.research.summary import summary_of
from reports.research.themes import Grouping
from reports.research.values import Aspect, Findings, Interview, Reading, ResearchOrder
from text_cleaning import as_data, cut, one_line

MOST_ASPECTS = 6
AT_ONCE = 4
"""Transcripts that are read at once: so many are in memory, and a stop finds so many unanswered."""
_AFTER_READING = 3
"""Steps beside the transcripts: the plan, the themes, the summary."""
_LONGEST_TITLE = 80
_PLAN = "research:plan"

LoadTranscript = Callable[[RecordingId], Awaitable[Transcript | None]]
OnStep = Callable[[int, int], Awaitable[None]]


def steps_of(transcripts: int) -> int:
    """Return of how many steps a research of so many transcripts consists."""
    return transcripts + _AFTER_READING


@dataclass(frozen=True)
class Generated:
    """What a research found, and what the model took for it, answers of earlier tries and researches included."""

    findings: Findings
    usage: Usage
    seconds: float


@dataclass(frozen=True)
class Research:
    """A research of ``interviews``.

    ``answers_of`` returns the stored answers about one recording, ``answers`` are the others. ``load`` returns a
    transcript, None when it is gone.
    """

    order: ResearchOrder
    interviews: Sequence[Interview]
    llm: LanguageModel
    pack: ReportPack
    answers: ModelAnswers
    answers_of: Callable[[RecordingId], ModelAnswers]
    load: LoadTranscript

    async def run(self, on_step: OnStep) -> Generated:
        """Do the research; call ``on_step`` after each step with the number of steps done and of all.

        Raises:
            ContextTooSmall: the model's context has no room for prompts, a window and an answer.
            ProviderError: the model failed; its answers so far are stored and will not be asked for again.
        """
        total = steps_of(len(self.interviews))
        aspects = await self._aspects()
        await on_step(1, total)
        readings, failed, spent = await self._read(aspects, on_step, total)
        claims = [claim for reading in readings for claim in reading.claims]
        themes = await Grouping(self.llm, self.pack.research, self.answers).themes(aspects, claims)
        await on_step(total - 1, total)
        prompts = self.pack.research
        summary, removed = await summary_of(self.order.question, themes, self.llm, prompts, self.answers)
        findings = Findings(self.order, aspects, readings, themes, summary, removed, failed)
        usage = sum((each.usage for each in spent), self.answers.usage)
        seconds = self.answers.seconds + sum(each.seconds for each in spent)
        return Generated(findings, usage, seconds)

    async def _aspects(self) -> list[Aspect]:
        """Ask for the parts of the question; the question itself is the only one when the model names none."""
        prompts = self.pack.research
        asked = texts.research.QUESTION_AS_DATA.format(question=as_data(self.order.question))
        messages = [
            PromptMessage(role="system", content=prompts.plan.render({"most": MOST_ASPECTS})),
            PromptMessage(role="user", content=asked),
        ]
        try:
            answer = await self.answers.structured(_PLAN, messages, prompts.plan_schema, answer_tokens(self.llm))
        except ProviderInvalidAnswer:
            answer = None
        planned = answer["aspects"] if answer else []
        titles = dict.fromkeys(cut(one_line(each["title"]), _LONGEST_TITLE) for each in planned)
        named = [title for title in titles if title][:MOST_ASPECTS] or [one_line(self.order.question)]
        return [Aspect(id=f"a{number}", title=title) for number, title in enumerate(named, 1)]

    async def _read(
        self, aspects: Sequence[Aspect], on_step: OnStep, total: int
    ) -> tuple[list[Reading], list[Interview], list[ModelAnswers]]:
        """Read all transcripts; also return the interviews without a usable answer, and all answers that were used."""
        asking = {str(each.id): each.roles[0].label for each in self.pack.scenarios if each.roles}
        reader = Reader(self.llm, self.pack.research, self.order.question, aspects, asking)
        at_once, done = asyncio.Semaphore(AT_ONCE), 1
        spent: list[ModelAnswers] = []
        failed: list[Interview] = []

        async def read(interview: Interview) -> Reading | None:
            nonlocal done
            async with at_once:
                transcript = await self.load(interview.id)
                answers = self.answers_of(interview.id)
                spent.append(answers)
                try:
                    reading = await reader.read(interview, transcript, answers) if transcript else None
                except (ProviderInvalidAnswer, ProviderRejectedRequest):
                    # One interview that the model cannot read is no reason to lose the others.
                    failed.append(interview)
                    reading = None
            done += 1
            await on_step(done, total)
            return reading

        found = await together(read(interview) for interview in self.interviews)
        readings = [reading for reading in found if reading is not None]
        if failed and not readings:
            raise ProviderInvalidAnswer(provider=self.llm.info.name, reason="no transcript got a usable answer")
        return readings, [each for each in self.interviews if each in failed], spent
