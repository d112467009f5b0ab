"""What reports will take, before they are ordered: calls, tokens, money and time.

Prompts are rendered and counted as they will be asked; the length of answers is what good answers had, measured in
``tests/benchmarks/test_report_cost.py``.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import metadata_store
import recordings_store
import transcripts_store
from constants import NO_SCENARIO
from datamodels import BuildingType, ReportId, Transcript, Usage, UserId, Value
from db import Database
from language_model.port import MESSAGE_TOKENS, LanguageModel
from prices import cost_usd, is_free
from prompt_pack.manifest import PassKind
from prompt_pack.models import ReportPack, ReportPass, ReportPlan, ReportType
from prompt_pack.templates import EarlierPass
from recordings.descriptions import building_of
from recordings.lookup import is_transcribed
from reports.research.store import seconds_a_token
from reports.small import WINDOW_TOKENS, questions_of
from reports.windows import SMALLEST_WINDOW_TOKENS, transcript_lines
from utils import count_tokens

HOSTED_S = 0.0035
"""Seconds a token takes at a hosted model, prompt and answer together, until its own pace is known."""
EMBEDDED_S = 0.015
"""The same of the embedded model on two cores: 77 tokens a second are read, 27 written."""
TOKENS_A_SECOND = 4.5
"""Of recorded Russian speech, with the times and roles before its lines: about 16,000 an hour."""
_TEXT_TOKENS = 750
_ITEM_TOKENS = 70
_MOST_ITEMS = 40
_ITEMS_SHARE = 0.8
"""An answer of items has at most this share of the tokens that it is about, which counts for short recordings."""
_NOTES_TOKENS = 600
_SCORES_TOKENS = 60
_THINKING_TOKENS = 1000
"""What a model that thinks writes before an answer, which is billed: of the order that endpoints report for reports."""
_SMALL_QUESTION_TOKENS, _SMALL_ANSWER_TOKENS = 120, 80
_OVERLAP = 1.08
_ANSWER_SHARE = 3


class ModelSize(Value):
    """What has to be known of a language model to tell what it takes; it need not have been started.

    ``context_tokens`` are without the room for thinking. ``small``: it is asked small questions.
    """

    engine: str
    model: str
    context_tokens: int
    max_output_tokens: int
    small: bool = False
    thinks: bool = False


def size_of(llm: LanguageModel) -> ModelSize:
    """Return the size of a model that is there."""
    return ModelSize(
        engine=llm.info.name,
        model=llm.info.model,
        context_tokens=llm.context_tokens,
        max_output_tokens=llm.max_output_tokens,
        small=llm.info.small,
    )


class Expected(Value):
    """What reports are expected to take. ``cost_usd`` is None when the model's price is not known."""

    calls: int
    usage: Usage
    seconds: float
    cost_usd: Decimal | None


def expected(plans: Sequence[ReportPlan], tokens: int, size: ModelSize, pace_s: float | None = None) -> Expected:
    """Estimate reports of a transcript that has so many tokens. Takes CPU time: use a thread.

    ``pace_s`` is how many seconds the model took for a token before, None when that is not known.
    """
    calls, usage, again = 0, Usage(), 0
    for plan in plans:
        of_plan = _Plan(plan, tokens, size)
        calls += of_plan.calls
        usage += of_plan.usage
        again += of_plan.again
    free = is_free(size.engine)
    a_token = pace_s or (EMBEDDED_S if free else HOSTED_S)
    read_once = again if free and pace_s is None else 0
    return Expected(
        calls=calls,
        usage=usage,
        seconds=(usage.prompt_tokens + usage.completion_tokens - read_once) * a_token,
        cost_usd=cost_usd(size.model, usage, engine=size.engine),
    )


class _Plan:
    """Adds up the calls of one report."""

    def __init__(self, plan: ReportPlan, tokens: int, size: ModelSize) -> None:
        self.calls = 0
        self.usage = Usage()
        self.again = 0
        """Tokens that a server has read before, as the beginning of an earlier question."""
        self._size = size
        self._answer = min(size.max_output_tokens, size.context_tokens // _ANSWER_SHARE)
        factors = tuple(plan.taxonomy.factors.values()) if plan.taxonomy else ()
        earlier = {each.id: EarlierPass("", missing=factors) for each in plan.passes}
        variables = {**plan.variables(""), "earlier": SimpleNamespace(**earlier)}
        self._rules = count_tokens(plan.rules.render(variables)) + 3 * MESSAGE_TOKENS
        if size.small:
            self._rules = count_tokens(plan.small_rules.render({})) + 3 * MESSAGE_TOKENS
            for each in plan.passes:
                self._small(plan, each, tokens)
            return
        written = 0
        for each in plan.passes:
            prompt = count_tokens(each.prompt.render({**variables, **each.names}))
            written += self._pass(each.kind, prompt, each.schema_, tokens)
        if plan.indices and plan.indices.prompt:
            prompt = count_tokens(plan.indices.prompt.render(variables))
            self._call(prompt + _schema_tokens(plan.indices.schema_) + written, _SCORES_TOKENS)

    def _pass(self, kind: PassKind, prompt: int, schema: Mapping[str, Any] | None, tokens: int) -> int:
        """Add the calls of a pass; return how long its text will be."""
        around = prompt + _schema_tokens(schema)
        room = max(SMALLEST_WINDOW_TOKENS, self._size.context_tokens - self._rules - around - self._answer)
        windows = 1 if tokens <= room else -(-int(tokens * _OVERLAP) // room)
        window = tokens if windows == 1 else room
        if kind is PassKind.ITEMS:
            most = _MOST_ITEMS if schema is None else schema["properties"]["items"].get("maxItems", _MOST_ITEMS)
            answer = min(self._answer, most * _ITEM_TOKENS, int(window * _ITEMS_SHARE) + _ITEM_TOKENS)
            for _ in range(windows):
                self._call(around + window, answer)
            return windows * answer
        if windows > 1:
            for _ in range(windows):
                self._call(around + window, _NOTES_TOKENS)
            tokens = min(room, windows * _NOTES_TOKENS)
        answer = min(self._answer, _TEXT_TOKENS)
        self._call(around + tokens, answer)
        return answer

    def _small(self, plan: ReportPlan, each: ReportPass, tokens: int) -> None:
        """Add the small questions of a pass; a text that code writes is not asked for."""
        if each.kind is PassKind.TEXT and each.template is not None:
            return
        windows = max(1, -(-tokens // WINDOW_TOKENS))
        questions = questions_of(each, plan)
        for question in questions:
            asked = count_tokens(str(question)) + _SMALL_QUESTION_TOKENS
            for _ in range(windows):
                self._call(tokens // windows + asked, _SMALL_ANSWER_TOKENS)
        self.again += windows * (len(questions) - 1) * (tokens // windows + self._rules)

    def _call(self, prompt: int, answer: int) -> None:
        self.calls += 1
        thinking = _THINKING_TOKENS if self._size.thinks else 0
        self.usage += Usage(prompt_tokens=self._rules + prompt, completion_tokens=answer + thinking)


def _schema_tokens(schema: Mapping[str, Any] | None) -> int:
    return 0 if schema is None else count_tokens(str(schema))


def tokens_of(transcript: Transcript) -> int:
    """Count the tokens of a transcript as a model reads it. Takes CPU time: use a thread."""
    return sum(count_tokens(line) + 1 for line in transcript_lines(transcript))


def tokens_of_sound(duration_s: float) -> int:
    """Return about how many tokens the transcript of a recording will have."""
    return int(duration_s * TOKENS_A_SECOND)


def plans_of(reports: Sequence[ReportType], building: BuildingType | None) -> list[ReportPlan]:
    """Return the plans of the reports; a type that is not known yet is taken for the first one."""
    return [report.plan(building or next(iter(BuildingType))) for report in reports]


class Estimates:
    """Estimates reports of recordings. ``size`` returns the model's size, None when there is no model."""

    def __init__(self, database: Database, pack: ReportPack, size: Callable[[], ModelSize | None]) -> None:
        self._database = database
        self._pack = pack
        self._size = size

    async def of(self, owner: UserId, number: int, wanted: Collection[ReportId] | None = None) -> Expected | None:
        """Estimate the reports ``wanted`` of a recording, for None all of its scenario; None when nothing can be told.

        Nothing can be told without a transcript, a scenario or a model. Where the building type is not known yet, the
        first one stands for it.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        size = self._size()
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if size is None or not is_transcribed(recording) or recording.request.scenario == NO_SCENARIO:
                return None
            metadata = await metadata_store.load_metadata(connection, recording.id)
            transcript = await transcripts_store.load_transcript(connection, recording.id)
            pace = await seconds_a_token(connection, owner, size.model)
        if transcript is None:
            return None
        reports = self._pack.reports(recording.request.scenario)
        chosen = [report for report in reports if wanted is None or report.id in wanted]
        plans = plans_of(chosen, building_of(recording, metadata))

        def estimate() -> Expected:
            return expected(plans, tokens_of(transcript), size, pace)

        return await asyncio.to_thread(estimate)
