"""The short answer of a research: the model writes it from the themes, code keeps what the themes carry."""

import asyncio
from collections.abc import Sequence

import texts.research
from chats.attribution import attributed, joined
from chats.sentences import Kind
from datamodels import PromptMessage
from errors import ProviderInvalidAnswer
from language_model.port import LanguageModel
from prompt_pack.models import ResearchPrompts
from reports.asking import answer_tokens, data_message, room_for_data
from reports.model_answers import ModelAnswers
from reports.research.themes import passage_of
from reports.research.values import Theme
from text_cleaning import as_data, printable, storable

_STEP = "research:summary"
_LONGEST = 6000
_SHOWN_QUOTES = 5
_LONGEST_QUOTE = 300


async def summary_of(
    question: str, themes: Sequence[Theme], llm: LanguageModel, prompts: ResearchPrompts, answers: ModelAnswers
) -> tuple[str, int]:
    """Return the summary as Markdown that cites themes, and how many sentences were taken out of it.

    The model sees the themes of most interviews, as far as its context has room. The summary is empty when nothing of
    the model's text is carried by the quotes of the themes that it cites.

    Raises:
        ProviderError: the model failed.
    """
    rules = PromptMessage(role="system", content=prompts.summary.render({}))
    asked = texts.research.QUESTION_AS_DATA.format(question=as_data(question))
    task, tokens = PromptMessage(role="user", content=asked), answer_tokens(llm)
    room = await room_for_data(llm, [rules, task], tokens)
    shown: list[Theme] = []
    blocks: list[str] = []
    for theme in sorted(themes, key=lambda each: -len(each.interviews)):
        block = _as_data(theme)
        room -= await llm.count_tokens(f"{block}\n")
        if room < 0:
            break
        shown.append(theme)
        blocks.append(block)
    if not shown:
        return "", 0
    try:
        answer = await answers.text(_STEP, [rules, data_message("\n".join(blocks)), task], tokens)
    except ProviderInvalidAnswer:
        return "", 0
    return await asyncio.to_thread(held_to, printable(storable(answer.text)), shown)


def held_to(text: str, themes: Sequence[Theme]) -> tuple[str, int]:
    """Return what the themes carry of a text, and how many sentences they do not. Blocking."""
    sentences = attributed(text, [passage_of(theme) for theme in themes])
    kept, _ = joined(sentences, _LONGEST)
    removed = sum(not each.text and each.says_something and each.written.kind is not Kind.HEADING for each in sentences)
    return kept, removed


def _as_data(theme: Theme) -> str:
    title = theme.title or theme.claims[0].statement
    quotes = [
        texts.research.QUOTE_AS_DATA.format(quote=as_data(claim.quote.text)[:_LONGEST_QUOTE])
        for claim in theme.claims[:_SHOWN_QUOTES]
    ]
    return "\n".join([texts.research.THEME_AS_DATA.format(number=theme.number, title=as_data(title)), *quotes])
