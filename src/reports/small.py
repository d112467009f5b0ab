"""Small questions for small models: one criterion, one category, quotes chosen from numbered utterances.

A model of one or two billion parameters copies its instructions, repeats itself and writes quotes that nobody said.
Here it names the numbers of utterances, and every list and text in its answers has an end. Only utterances of people
whose words count have numbers. One stretch of the recording is asked about after another, with its questions one after
another, since a server reads what questions begin with only once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import texts.reports
from datamodels import PromptMessage, Transcript
from errors import ProviderInvalidAnswer
from language_model.port import LanguageModel
from prompt_pack.models import Criterion, ReportPass, ReportPlan
from prompt_pack.templates import Schema
from reports.asking import data_message, tokens_of
from reports.criteria import CASES, SCORE
from reports.evidence import CHECKED_WORDS
from reports.model_answers import ModelAnswers
from text_cleaning import as_data, one_line
from texts.transcript import speaker_label

Item = dict[str, Any]

WINDOW_TOKENS = 2000
ANSWER_TOKENS = 320
SMALLEST_WINDOW_TOKENS = 128
_MOST_ITEMS = 4
_MOST_QUOTES = 3
_CASES_FIELD = {"type": "integer", "minimum": 0, "maximum": 10, "description": "сколько случаев; 0 — ни одного"}
_LONGEST_TEXT = 160
_SCORE_FIELD = {"enum": [0, 25, 50, 75, 100, None], "description": "балл по ступеням критерия; null — судить нельзя"}
_LONGEST_UTTERANCE_WORDS = 30
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_NOT_QUOTED = "—"
_QUOTES, _ABOUT = "quotes", "about"
_CHOSEN = {
    "properties": {
        "items": {
            "items": {
                "properties": {
                    _QUOTES: {"type": "array", "description": "одна реплика"},
                    _ABOUT: {"type": "string", "description": "о чём она, два-три слова"},
                }
            }
        }
    }
}


class Utterance(NamedTuple):
    """A few words of one person; ``quotable`` when they may be a quote."""

    label: str | None
    text: str
    quotable: bool


class Choice(NamedTuple):
    """A value that a field may have, and what it means."""

    id: str
    label: str


class Question(NamedTuple):
    """A question about a stretch: the ``choices`` of ``field``, or one ``criterion``; about everything without both."""

    field: str | None = None
    choices: tuple[Choice, ...] = ()
    criterion: Criterion | None = None


class SmallQuestions:
    """Asks a small model about a transcript for one report."""

    def __init__(self, plan: ReportPlan, transcript: Transcript, llm: LanguageModel, answers: ModelAnswers) -> None:
        self._plan = plan
        self._transcript = transcript
        self._llm = llm
        self._answers = answers
        self._rules = PromptMessage(role="system", content=plan.small_rules.render({}))

    async def items(self, each: ReportPass) -> list[list[Item] | ProviderInvalidAnswer | None]:
        """Return a list of items for each question that was asked, an error for one without a usable answer."""
        utterances = utterances_of(self._transcript, each.quotes_by)
        parts: list[list[Item] | ProviderInvalidAnswer | None] = []
        said: set[str] = set()
        for window in await self._windows(utterances):
            for question in questions_of(each, self._plan):
                try:
                    found = await self._asked(each, question, window)
                except ProviderInvalidAnswer as exc:
                    parts.append(exc)
                    continue
                parts.append(None if found is None else [without_repeated(item, said) for item in found])
        return parts

    async def text(self, each: ReportPass) -> str:
        """Return what stands in the place of a text: utterances that the model has chosen, as quotes.

        A pass whose template shows what code knows is not asked about.

        Raises:
            ProviderInvalidAnswer: no question was answered.
        """
        if each.template is not None:
            return texts.reports.SMALL_WITHOUT_TEXT
        task = texts.reports.SMALL_CHOOSE.format(title=each.title)
        chosen = each.model_copy(update={"small": task, "schema_": _CHOSEN, "quotes": _QUOTES, "quotes_by": ()})
        parts = await self.items(chosen)
        if parts and all(isinstance(part, ProviderInvalidAnswer) for part in parts):
            raise next(part for part in parts if isinstance(part, ProviderInvalidAnswer))
        found = [item for part in parts if isinstance(part, list) for item in part]
        lines = [
            texts.reports.SMALL_CHOSEN.format(about=one_line(item[_ABOUT]), said=quote["text"])
            for item in found
            for quote in item[_QUOTES][:1]
            if item[_ABOUT]
        ]
        return (
            "\n".join([texts.reports.SMALL_CHOSEN_BELOW, "", *lines]) if lines else texts.reports.SMALL_NOTHING_CHOSEN
        )

    async def _asked(self, each: ReportPass, question: Question, window: Sequence[Utterance]) -> list[Item] | None:
        quotable = [one.text for one in window if one.quotable]
        if not quotable:
            return []
        schema = schema_of(each, question, len(quotable))
        fields = schema["properties"]["items"]["items"]["properties"]
        variables = {
            "task": each.small or f"{each.title}.",
            "criterion": question.criterion,
            "choices": question.choices,
            "most": _MOST_ITEMS,
            "fields": [(name, field["description"]) for name, field in fields.items()],
        }
        prompt = PromptMessage(role="user", content=self._plan.small_question.render(variables))
        messages = [self._rules, data_message(numbered(window)), prompt]
        answer = await self._answers.structured(each.id, messages, schema, self._answer_tokens)
        return None if answer is None else [self._item(each, question, one, quotable) for one in answer["items"]]

    def _item(self, each: ReportPass, question: Question, answered: Mapping[str, Any], quotable: Sequence[str]) -> Item:
        """Return an item as the pass's own schema has it: texts for numbers, what was not asked as null or empty."""
        item: Item = {}
        for name, field in each.fields.items():
            if name in (each.quotes, *each.proofs):
                numbers = dict.fromkeys(answered.get(name, ()))
                item[name] = [{"text": quotable[number - 1]} for number in numbers if 0 < number <= len(quotable)]
            else:
                item[name] = answered.get(name, None if "null" in field.get("type", ()) else "")
        if question.criterion is not None:
            item[str(each.criterion)] = question.criterion.label
        elif question.field and len(question.choices) == 1:
            item[question.field] = question.choices[0].id
        return item

    @property
    def _answer_tokens(self) -> int:
        return min(ANSWER_TOKENS, self._llm.max_output_tokens, self._llm.context_tokens // 4)

    async def _windows(self, utterances: Sequence[Utterance]) -> list[list[Utterance]]:
        """Cut the utterances into stretches of at most ``WINDOW_TOKENS``, fewer when the context is small."""
        around = await tokens_of(self._llm, [self._rules]) + 2 * self._answer_tokens
        limit = max(SMALLEST_WINDOW_TOKENS, min(WINDOW_TOKENS, (self._llm.context_tokens - around) // 2))
        windows: list[list[Utterance]] = [[]]
        taken = 0
        for one in utterances:
            tokens = await self._llm.count_tokens(numbered([one]))
            if windows[-1] and taken + tokens > limit:
                windows.append([])
                taken = 0
            windows[-1].append(one)
            taken += tokens
        return windows


def utterances_of(transcript: Transcript, quotes_by: Sequence[str]) -> list[Utterance]:
    """Return what was said in pieces of a sentence or a few, none longer than a quote may be."""
    roles = {segment.role for segment in transcript.segments}
    counting = set(quotes_by) if roles & set(quotes_by) else {None} if quotes_by else roles
    return [
        Utterance(speaker_label(segment.role, segment.speaker), piece, segment.role in counting)
        for segment in transcript.segments
        for piece in _pieces(as_data(segment.text))
    ]


def numbered(window: Sequence[Utterance]) -> str:
    """Return a line for each utterance: its number among those that may be quoted, who says it, the words."""
    lines: list[str] = []
    number = 0
    for one in window:
        number += one.quotable
        label = f"{as_data(one.label)}: " if one.label else ""
        lines.append(f"{number if one.quotable else _NOT_QUOTED} {label}{one.text}")
    return "\n".join(lines)


def questions_of(each: ReportPass, plan: ReportPlan) -> list[Question]:
    """Split a pass: by its criteria, by the categories of its factors, by the sections that its items have, or not."""
    if each.criteria:
        return [Question(criterion=criterion) for criterion in each.criteria]
    if each.taxonomy and plan.taxonomy:
        return [
            Question(each.taxonomy, tuple(Choice(one.id, _meaning(one.label, one.hint)) for one in category.factors))
            for category in plan.taxonomy.categories
        ]
    section = next((name for name in each.key if name in each.choices), None)
    if section:
        return [Question(section, (Choice(value, value),)) for value in each.choices[section]]
    return [Question()]


def schema_of(each: ReportPass, question: Question, utterances: int) -> Schema:
    """Return the schema of a small answer: numbers for quotes, short texts, and nothing that may stay out."""
    fields = dict(_small_fields(each, question, utterances))
    one = {"type": "object", "additionalProperties": False, "required": list(fields), "properties": fields}
    most = 1 if question.criterion else _MOST_ITEMS
    items = {"type": "array", "minItems": int(question.criterion is not None), "maxItems": most, "items": one}
    return {"type": "object", "additionalProperties": False, "required": ["items"], "properties": {"items": items}}


def without_repeated(item: Item, said: set[str]) -> Item:
    """Return the item without sentences that stand in an earlier one, which are added to ``said``."""
    changed = dict(item)
    for name, value in item.items():
        if isinstance(value, str) and len(value.split()) >= CHECKED_WORDS:
            changed[name] = "" if value in said else value
            said.add(value)
    return changed


def _small_fields(each: ReportPass, question: Question, utterances: int) -> Iterator[tuple[str, Schema]]:
    for name, field in each.fields.items():
        about = {"description": field.get("description", name)}
        if name in (each.quotes, *each.proofs):
            least = int(name == each.quotes and question.criterion is None)
            numbers = {"type": "integer", "minimum": 1, "maximum": utterances}
            about = {"description": f"номера реплик. {about['description']}"}
            yield name, {"type": "array", "minItems": least, "maxItems": _MOST_QUOTES, "items": numbers, **about}
        elif question.criterion is not None and name in (SCORE, CASES):
            counted = bool(question.criterion.per_ten)
            if counted is (name == CASES):
                yield name, _CASES_FIELD if counted else _SCORE_FIELD
        elif name == question.field and len(question.choices) > 1:
            yield name, {"type": "string", "enum": [choice.id for choice in question.choices], **about}
        elif name not in (each.criterion, question.field):
            yield from _small_text(each, name, field)


def _small_text(each: ReportPass, name: str, field: Schema) -> Iterator[tuple[str, Schema]]:
    """Return a field of other values or of a short text; what may be null is left out, unless quotes have to say it."""
    kinds = field.get("type", "string")
    about = {"description": field.get("description", name)}
    if "enum" in field:
        yield name, {"type": "string", "enum": list(field["enum"]), **about}
    elif "null" not in kinds or name in each.said:
        yield name, {"type": kinds, "maxLength": _LONGEST_TEXT, **about}


def _meaning(label: str, hint: str | None) -> str:
    return f"{label} ({hint})" if hint else label


def _pieces(text: str) -> Iterator[str]:
    """Cut a text into sentences, short ones together with a neighbour, and these into pieces of at most 30 words."""
    sentences: list[list[str]] = []
    for sentence in _SENTENCE.split(text):
        words = sentence.split()
        if sentences and len(sentences[-1]) < CHECKED_WORDS:
            sentences[-1] += words
        elif words:
            sentences.append(words)
    if len(sentences) > 1 and len(sentences[-1]) < CHECKED_WORDS:
        last = sentences.pop()
        sentences[-1] += last
    for words in sentences:
        yield from _of_words(words)


def _of_words(words: Sequence[str]) -> Iterator[str]:
    count = -(-len(words) // _LONGEST_UTTERANCE_WORDS)
    size = -(-len(words) // count)
    for start in range(0, len(words), size):
        yield " ".join(words[start : start + size])
