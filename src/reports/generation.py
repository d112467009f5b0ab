"""A report from a transcript: the passes of its plan, their evidence checked, and the indices.

A prompt, a window of the transcript and the answer fit into the model's context together. Of a transcript that is
longer than a window nothing is left out: code unites the lists of all windows, and texts are written from notes of all
windows.

Rules and transcript come first in every call and the pass's prompt last: engines that cache a prefix read the long
common beginning once, and the question stands nearest to the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import texts.reports
from datamodels import BuildingType, IndexValue, PromptMessage, Transcript, Usage, Value
from errors import ContextTooSmall, ProviderInvalidAnswer
from language_model.port import LanguageModel
from prompt_pack.manifest import PassKind
from prompt_pack.models import ReportIndices, ReportPass, ReportType
from prompt_pack.templates import EarlierPass
from reports.asking import answer_tokens, data_message, room_for_data, together, tokens_of
from reports.criteria import questions_of
from reports.evidence import Evidence
from reports.indices import ReportIndex
from reports.items import Item, ItemsReview
from reports.markdown import cut_at_line, with_headings_below
from reports.mentions import perhaps_mentioned
from reports.model_answers import ModelAnswers
from reports.small import SmallQuestions
from reports.windows import SMALLEST_WINDOW_TOKENS, fit, halves, transcript_lines
from text_cleaning import as_data, cut

_NOTES_SHARE = 3
"""Notes get at most the room of a window divided by this, so that notes of notes become shorter each time."""
_MOST_NOTES, _NOTE_TOKENS = 15, 100
"""The most notes on a window, and the tokens of a long one: as many are asked for as the limit of an answer holds."""
_MOST_HALVINGS = 3
_LONGEST_METADATA_LINE = 200
_TITLE_LEVEL = 2
_INDICES = "indices"


class ReportRequest(Value):
    """What to write. ``metadata`` are lines such as «Заведение: Астория»."""

    report: ReportType
    building: BuildingType | None
    transcript: Transcript
    metadata: tuple[str, ...] = ()


class GeneratedReport(Value):
    """``text`` is Markdown, headings from the second level. ``duration_s`` is how long the model worked.

    ``items`` are the lists that the text shows, by the id of their pass.
    ``indices`` is None when the report has none or all failed. ``indices_error`` tells people why some are missing.
    """

    text: str
    items: Mapping[str, tuple[Mapping[str, Any], ...]]
    indices: tuple[IndexValue, ...] | None
    indices_error: str | None
    warnings: tuple[str, ...]
    usage: Usage
    duration_s: float
    prompt_hash: str
    model: str
    dropped_items: int
    dropped_quotes: int


async def generate_report(
    request: ReportRequest,
    llm: LanguageModel,
    answers: ModelAnswers,
    on_pass: Callable[[int, int], Awaitable[None]],
) -> GeneratedReport:
    """Write the report; call ``on_pass`` after each step with the number of steps done and of all steps.

    Raises:
        UnknownChoice: the report needs a building type.
        ContextTooSmall: the model's context has no room for a prompt, a window and an answer.
        ProviderError: the model failed; its answers so far are in ``answers`` and will not be asked for again.
    """
    return await _Generation(request, llm, answers).run(on_pass)


class _Generation:
    def __init__(self, request: ReportRequest, llm: LanguageModel, answers: ModelAnswers) -> None:
        self._plan = request.report.plan(request.building)
        self._transcript = request.transcript
        self._llm = llm
        self._answers = answers
        self._answer_tokens = answer_tokens(llm)
        metadata = "\n".join(cut(as_data(line), _LONGEST_METADATA_LINE) for line in request.metadata)
        self._variables = self._plan.variables(metadata)
        self._rules = PromptMessage(role="system", content=self._plan.rules.render(self._variables))
        self._lines = transcript_lines(request.transcript)
        asker = self._plan.roles[0].label if self._plan.roles else None
        self._questions = questions_of(request.transcript, asker)
        self._small = SmallQuestions(self._plan, request.transcript, llm, answers) if llm.info.small else None
        self._earlier: dict[str, EarlierPass] = {}
        self._warnings = [texts.reports.WARNING_SMALL] if llm.info.small else []
        self._evidence = 0
        self._quotes: list[str] = []
        self._dropped_items = 0
        self._dropped_quotes = 0

    async def run(self, on_pass: Callable[[int, int], Awaitable[None]]) -> GeneratedReport:
        evidence = await asyncio.to_thread(Evidence, self._transcript)
        for number, each in enumerate(self._plan.passes, start=1):
            make = self._items if each.kind is PassKind.ITEMS else self._text
            self._earlier[each.id] = await make(each, evidence)
            await on_pass(number, self._plan.steps)
        text = "\n\n".join(
            f"{'#' * _TITLE_LEVEL} {each.title}\n\n{self._earlier[each.id].text}" for each in self._plan.passes
        )
        if not self._evidence:
            self._warnings.append(texts.reports.WARNING_NO_EVIDENCE)
        indices, error = await self._indices(text) if self._plan.indices else (None, None)
        if self._plan.indices and self._plan.indices.prompt:
            await on_pass(self._plan.steps, self._plan.steps)
        return GeneratedReport(
            text=text,
            items=self._listed(),
            indices=indices,
            indices_error=error,
            warnings=tuple(self._warnings),
            usage=self._answers.usage,
            duration_s=self._answers.seconds,
            prompt_hash=self._plan.prompt_hash,
            model=self._llm.info.model,
            dropped_items=self._dropped_items,
            dropped_quotes=self._dropped_quotes,
        )

    def _listed(self) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
        lists = [each.id for each in self._plan.passes if each.kind is PassKind.ITEMS]
        return {each: tuple(self._earlier[each].items) for each in lists}

    async def _items(self, each: ReportPass, evidence: Evidence) -> EarlierPass:
        assert each.schema_ is not None  # noqa: S101 - the pack's loader demands both of an items pass
        assert each.template is not None  # noqa: S101
        found = await (self._small.items(each) if self._small else self._items_of_windows(each))
        parts = [None if isinstance(part, ProviderInvalidAnswer) else part for part in found]
        unanswered = parts.count(None)
        if unanswered == len(parts):
            raise next(
                (part for part in found if isinstance(part, ProviderInvalidAnswer)),
                ProviderInvalidAnswer(provider=self._llm.info.name, reason=f"no usable answer in pass {each.id}"),
            )
        self._warn(texts.reports.WARNING_WITHOUT_ANSWER, each.title, unanswered)
        if each.quotes_by and not evidence.names(each.quotes_by):
            roles = ", ".join(each.quotes_by)
            self._warnings.append(texts.reports.WARNING_NO_ROLES.format(title=each.title, roles=roles))
        answered = [item for part in parts for item in part or ()]
        review = ItemsReview(self._plan, each, evidence, 0 if unanswered else self._questions)
        items = await asyncio.to_thread(review.of, answered)
        self._evidence += len([item for item in items if not each.quotes or item[each.quotes]])
        self._warn(texts.reports.WARNING_UNKNOWN_FACTORS, each.title, review.unknown_factors)
        self._warn(texts.reports.WARNING_QUOTES, each.title, review.quotes_not_found)
        self._warn(texts.reports.WARNING_ITEMS_WITHOUT_QUOTES, each.title, review.without_quotes)
        self._warn(texts.reports.WARNING_UNSAID, each.title, review.unsaid)
        self._dropped_items += review.unknown_factors + review.without_quotes
        self._dropped_quotes += review.quotes_not_found
        result = await asyncio.to_thread(self._listed_of, review, items, incomplete=unanswered > 0)
        text = each.template.render({**self._known(), **each.names, **result.lists})
        if unanswered:
            text = f"{texts.reports.GAP.format(count=unanswered, parts=len(parts))}\n\n{text}"
        return replace(result, text=text)

    def _listed_of(self, review: ItemsReview, items: Sequence[Item], *, incomplete: bool) -> EarlierPass:
        """Return the items with the factors that they lack, without the text."""
        missing = review.missing(items)
        factors = tuple(self._plan.taxonomy.factors.values()) if self._plan.taxonomy else ()
        perhaps = perhaps_mentioned(factors, missing, self._transcript) if missing else frozenset[str]()
        return EarlierPass(
            "",
            items,
            missing=tuple(factor for factor in missing if factor.id not in perhaps),
            maybe=tuple(factor for factor in missing if factor.id in perhaps),
            incomplete=incomplete,
        )

    async def _items_of_windows(self, each: ReportPass) -> list[list[dict[str, Any]] | ProviderInvalidAnswer | None]:
        """Ask for the items of all windows; return a list of items for each part that was asked about."""
        prompt = self._prompt(each)
        windows = await fit(self._lines, await self._room(prompt, each.schema_), self._llm.count_tokens)
        self._warn_of_windows(each.title, len(windows))
        found = await together(self._items_of_window(each, prompt, window) for window in windows)
        return [part for stretch in found for part in stretch]

    async def _items_of_window(
        self, each: ReportPass, prompt: PromptMessage, window: str, halvings: int = 0
    ) -> list[list[dict[str, Any]] | ProviderInvalidAnswer | None]:
        """Ask for the items of a window; return a list of items for each part of the window that was asked about.

        When one answer cannot hold the items, the window is halved, up to ``_MOST_HALVINGS`` times. None stands for a
        part whose items still do not fit into an answer, an error for one about which no answer was valid.
        """
        assert each.schema_ is not None  # noqa: S101 - the pack's loader demands it
        messages = [self._rules, data_message(window), prompt]
        try:
            answer = await self._answers.structured(
                each.id, messages, each.schema_, self._answer_tokens, each.second_schema
            )
        except ProviderInvalidAnswer as exc:
            return [exc]
        if answer is not None:
            return [answer["items"]]
        if halvings == _MOST_HALVINGS or len(window) < 2:
            return [None]
        parts = [await self._items_of_window(each, prompt, half, halvings + 1) for half in halves(window)]
        return [items for part in parts for items in part]

    async def _text(self, each: ReportPass, evidence: Evidence) -> EarlierPass:
        prompt = self._prompt(each)
        if self._small is not None:
            answer, truncated = await self._small.text(each), False
        else:
            answer, truncated = await self._text_of_windows(each, prompt)
        checked = await asyncio.to_thread(evidence.checked, with_headings_below(answer, _TITLE_LEVEL), prompt.content)
        self._warn(texts.reports.WARNING_QUOTES, each.title, checked.not_found)
        self._evidence += len(checked.quotes)
        self._quotes.extend(checked.quotes)
        self._dropped_quotes += checked.not_found
        text = checked.text
        if truncated:
            self._warnings.append(texts.reports.WARNING_TRUNCATED.format(title=each.title))
            text = f"{text}\n\n{texts.reports.TRUNCATED}"
        return EarlierPass(each.template.render({**self._known(), "text": text}) if each.template else text)

    async def _text_of_windows(self, each: ReportPass, prompt: PromptMessage) -> tuple[str, bool]:
        """Ask for a text about all windows; return it, and whether it is cut off."""
        data, windows = await self._condensed(each.id, each.title, prompt, self._lines, await self._room(prompt))
        self._warn_of_windows(each.title, windows)
        return await self._whole_text(each.id, [self._rules, data_message(data), prompt])

    async def _whole_text(self, pass_name: str, messages: Sequence[PromptMessage]) -> tuple[str, bool]:
        """Ask for a text; return the text, and whether it is cut off.

        When the first answer is cut off, the rest is asked for; when the context has no room for both, a shorter text.
        """
        first = await self._answers.text(pass_name, messages, self._answer_tokens)
        if not first.truncated:
            return first.text, False
        begun = cut_at_line(first.text)
        rest = [
            *messages,
            PromptMessage(role="assistant", content=begun),
            PromptMessage(role="user", content=texts.reports.ASK_CONTINUE),
        ]
        if await tokens_of(self._llm, rest) + self._answer_tokens <= self._llm.context_tokens:
            second = await self._answers.text(pass_name, rest, self._answer_tokens)
            return f"{begun}\n{second.text}", second.truncated
        shorter = [*messages, PromptMessage(role="user", content=texts.reports.ASK_SHORTER)]
        second = await self._answers.text(pass_name, shorter, self._answer_tokens)
        return (first.text if second.truncated else second.text), second.truncated

    async def _condensed(
        self, pass_name: str, title: str, task: PromptMessage, lines: Sequence[str], room: int
    ) -> tuple[str, int]:
        """Return the lines as one text, and the number of windows in which they were read.

        When they do not fit into ``room`` tokens, the model condenses them window by window: the text is its notes for
        the task, or notes of notes.

        Raises:
            ContextTooSmall: the lines do not fit, and a window would have less than ``SMALLEST_WINDOW_TOKENS``.
            ProviderInvalidAnswer: the notes do not get shorter.
        """
        read_in = 1
        whole = "\n".join(lines)
        while await self._llm.count_tokens(whole) > room:
            if room < SMALLEST_WINDOW_TOKENS:
                raise ContextTooSmall(missing_tokens=SMALLEST_WINDOW_TOKENS - room)
            notes_room = await self._room(self._notes_prompt(task, 999, 999, _MOST_NOTES))
            windows = await fit(whole.split("\n"), notes_room, self._llm.count_tokens)
            read_in = max(read_in, len(windows))
            limit = max(SMALLEST_WINDOW_TOKENS // 2, min(self._answer_tokens, notes_room // _NOTES_SHARE))
            most = max(1, min(_MOST_NOTES, limit // _NOTE_TOKENS))
            notes = await together(
                self._notes(pass_name, title, self._notes_prompt(task, number, len(windows), most), window, limit)
                for number, window in enumerate(windows, start=1)
            )
            condensed = "\n".join(
                f"{texts.reports.NOTES_OF_WINDOW.format(window=number, windows=len(windows))}\n{each}"
                for number, each in enumerate(notes, start=1)
            )
            if len(condensed) >= len(whole):
                raise ProviderInvalidAnswer(provider=self._llm.info.name, reason="notes do not get shorter")
            whole = condensed
        return whole, read_in

    async def _notes(self, pass_name: str, title: str, prompt: PromptMessage, window: str, limit: int) -> str:
        messages = [self._rules, data_message(window), prompt]
        answer = await self._answers.text(f"{pass_name}:notes", messages, limit)
        if answer.truncated:
            shorter = [*messages, PromptMessage(role="user", content=texts.reports.ASK_SHORTER)]
            again = await self._answers.text(f"{pass_name}:notes", shorter, limit)
            if again.truncated:
                self._warnings.append(texts.reports.WARNING_NOTES_TRUNCATED.format(title=title))
            else:
                answer = again
        return answer.text

    async def _indices(self, text: str) -> tuple[tuple[IndexValue, ...] | None, str | None]:
        asked = self._plan.indices
        assert asked is not None  # noqa: S101 - only called for plans with indices
        answer: Any = None
        reason = None
        if self._has_nothing():
            answer = {}
        elif asked.prompt is not None and asked.schema_ is not None:
            try:
                answer = await self._scores(asked, asked.schema_, text)
                reason = None if answer is not None else texts.reports.DID_NOT_FIT
            except ProviderInvalidAnswer:
                reason = texts.reports.NOT_BY_SCHEMA
        index = ReportIndex(asked, self._earlier, text, self._quotes)
        values, reasons = await asyncio.to_thread(index.compute, answer)
        reasons = (reason, *reasons) if reason else reasons
        error = texts.reports.NOT_CALCULATED.format(reason=". ".join(reasons)) if reasons else None
        return values or None, error

    def _has_nothing(self) -> bool:
        """Tell whether the report is made of lists alone and all are empty: a model has nothing to score."""
        only_lists = all(each.kind is PassKind.ITEMS for each in self._plan.passes)
        return only_lists and not any(self._listed().values())

    async def _scores(self, asked: ReportIndices, schema: Mapping[str, Any], text: str) -> Any:
        assert asked.prompt is not None  # noqa: S101 - prompt and schema come together
        prompt = PromptMessage(role="user", content=asked.prompt.render(self._known()))
        room = await self._room(prompt, schema)
        data, _ = await self._condensed(_INDICES, texts.reports.INDICES_TITLE, prompt, text.split("\n"), room)
        messages = [self._rules, data_message(data), prompt]
        return await self._answers.structured(_INDICES, messages, schema, self._answer_tokens)

    def _prompt(self, each: ReportPass) -> PromptMessage:
        return PromptMessage(role="user", content=each.prompt.render({**self._known(), **each.names}))

    def _notes_prompt(self, task: PromptMessage, window: int, windows: int, most: int) -> PromptMessage:
        variables = {**self._known(), "task": task.content, "window": window, "windows": windows, "most": most}
        return PromptMessage(role="user", content=self._plan.notes.render(variables))

    def _known(self) -> dict[str, Any]:
        return {**self._variables, "earlier": SimpleNamespace(**self._earlier)}

    async def _room(self, prompt: PromptMessage, schema: Mapping[str, Any] | None = None) -> int:
        return await room_for_data(self._llm, [self._rules, prompt], self._answer_tokens, schema)

    def _warn(self, warning: str, title: str, count: int) -> None:
        if count:
            self._warnings.append(warning.format(title=title, count=count))

    def _warn_of_windows(self, title: str, windows: int) -> None:
        if windows > 1:
            self._warnings.append(texts.reports.WARNING_WINDOWS.format(title=title, windows=windows))
