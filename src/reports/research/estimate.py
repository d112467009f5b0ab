"""What a research will take, before it is ordered: tokens from the texts' length, time from how fast the model was."""

from collections.abc import Sequence

from datamodels import PromptMessage, Usage, UserId
from db import Database
from errors import ContextTooSmall
from language_model.port import LanguageModel
from prices import cost_usd, is_free
from prompt_pack.models import ResearchPrompts
from reports.asking import answer_tokens, room_for_data, tokens_of
from reports.estimate import EMBEDDED_S, HOSTED_S
from reports.research import store
from reports.research.generation import AT_ONCE, MOST_ASPECTS
from reports.research.reading import task_of
from reports.research.store import seconds_a_token
from reports.research.values import Aspect, Estimate, Interview
from reports.windows import SMALLEST_WINDOW_TOKENS

_SAMPLE_CHARACTERS = 8000
_LABELS_SHARE = 1.1
"""Times and speakers that stand before the lines make a transcript longer by a tenth."""
_CLAIMS_SHARE = 0.12
"""Tokens of claims for each token that is read."""
_FEWEST_CLAIMS = 60
_SUMMARY_TOKENS = 500


async def estimate(
    database: Database,
    asker: UserId,
    question: str,
    interviews: Sequence[Interview],
    llm: LanguageModel,
    prompts: ResearchPrompts,
) -> Estimate:
    """Estimate a research of these interviews, with all that has still to be read.

    Raises:
        ContextTooSmall: the model's context has no room for a window beside prompts and answer.
    """
    rules = PromptMessage(role="system", content=prompts.read.render({}))
    task = task_of(question, [Aspect(id=f"a{number}", title="x" * 30) for number in range(MOST_ASPECTS)])
    answer = answer_tokens(llm)
    room = await room_for_data(llm, [rules, task], answer, prompts.read_schema)
    if room < SMALLEST_WINDOW_TOKENS:
        raise ContextTooSmall(missing_tokens=SMALLEST_WINDOW_TOKENS - room)
    async with database.transaction() as connection:
        sample = await store.beginning_of(connection, interviews[0].id, _SAMPLE_CHARACTERS)
        pace = await seconds_a_token(connection, asker, llm.info.model)
    share = await llm.count_tokens(sample) / max(1, len(sample)) * _LABELS_SHARE
    around = await tokens_of(llm, [rules, task]) + await llm.count_tokens(str(prompts.read_schema))
    read = claims = calls = 0
    for interview in interviews:
        tokens = int(interview.characters * share)
        windows = max(1, -(-tokens // room))
        calls += windows
        read += tokens + windows * around
        claims += min(windows * answer, max(_FEWEST_CLAIMS, int(tokens * _CLAIMS_SHARE)))
    # Claims are read again to be grouped, and groups to be summed up.
    usage = Usage(prompt_tokens=read + 2 * claims, completion_tokens=claims + claims // 4 + _SUMMARY_TOKENS)
    free = is_free(llm.info.name)
    seconds = (usage.prompt_tokens + usage.completion_tokens) * (pace or (EMBEDDED_S if free else HOSTED_S))
    return Estimate(
        usage=usage,
        seconds=seconds / (1 if free else min(AT_ONCE, calls)),
        cost_usd=cost_usd(llm.info.model, usage, engine=llm.info.name),
    )
