"""«По всем интервью»: the choice of interviews, the factors counted over them, quotes and where they were said."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import texts.across
import texts.my_reports
from access import Permission
from datamodels_telegram import Doing, MessageKind, Picture, Screen, Shown
from errors import NotFound, OutdatedButton
from markups.across import (
    EVERY,
    choice_screen,
    factor_screen,
    factor_word,
    interviews_on,
    kind_choice,
    passage_screen,
    reports_choice,
    result_screen,
)
from markups.callback_data import Action, Press, recording_of
from markups.text import escaped
from message_tracker import MessageTracker
from reports.across.charts import across_chart
from reports.across.document import as_file, quoted_in
from reports.across.service import AcrossInterviews
from reports.across.values import Kind, Result
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import show
from text_cleaning import safe_file_name

_LONGEST_CAPTION = 300


@dataclass(frozen=True)
class AcrossWork:
    """The parts that the handlers use; ``today`` returns the day that stands on files."""

    across: AcrossInterviews
    today: Callable[[], date]
    persistent_dir: Path


class AcrossHandlers:
    """Counts over the interviews that a person may see."""

    def __init__(self, messages: MessageTracker, work: AcrossWork) -> None:
        self._messages = messages
        self._across = work.across
        self._today = work.today
        self._persistent_dir = work.persistent_dir

    def routes(self) -> Routes:
        presses: dict[Action, PressHandler] = {
            Action.ACROSS: self._open,
            Action.ACROSS_REPORT: self._report,
            Action.ACROSS_CHOOSE: self._choose,
            Action.ACROSS_SET: self._set,
            Action.ACROSS_RESET: self._reset,
            Action.ACROSS_COUNT: self._count,
            Action.ACROSS_FACTOR: self._factor,
            Action.ACROSS_PASSAGE: self._passage,
            Action.ACROSS_CHART: self._chart,
            Action.ACROSS_FILE: self._file,
        }
        return Routes(presses={action: (Permission.ASK, handler) for action, handler in presses.items()})

    async def _open(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        asker = context.user.id
        await self._show(context, choice_screen(await self._across.overview(asker, await self._across.wanted(asker))))

    async def _report(self, context: Context, press: Press) -> None:
        asker = context.user.id
        if not press.numbers:
            overview = await self._across.overview(asker, await self._across.wanted(asker))
            await self._show(context, reports_choice(overview))
            return
        if press.number > len(self._across.subjects):
            raise OutdatedButton(data=press.action)
        await self._across.choose_report(asker, self._across.subjects[press.number - 1])
        await self._open(context, press)

    async def _choose(self, context: Context, press: Press) -> None:
        kind = _kind(press)
        overview = await self._across.overview(context.user.id, await self._across.wanted(context.user.id))
        if not overview.choices[kind]:
            await context.answer(texts.across.NO_CHOICE)
            return
        await self._show(context, kind_choice(kind, overview.choices[kind], press.number))

    async def _set(self, context: Context, press: Press) -> None:
        if len(press.words) != 2:
            raise OutdatedButton(data=press.action)
        choice = None if press.words[1] == EVERY else press.words[1]
        try:
            await self._across.choose(context.user.id, _kind(press), choice)
        except ValueError as exc:
            raise OutdatedButton(data=press.action) from exc
        await self._open(context, press)

    async def _reset(self, context: Context, press: Press) -> None:
        await self._across.reset(context.user.id)
        await self._open(context, press)

    async def _count(self, context: Context, press: Press) -> None:
        await self._show(context, result_screen(await self._result(context), press.number))

    async def _factor(self, context: Context, press: Press) -> None:
        """Show a factor's quotes; say so when nobody mentions it any more."""
        result = await self._result(context)
        factor = next((each for each in result.counted.factors if factor_word(each) == press.word), None)
        if factor is None:
            await context.answer(texts.across.FACTOR_GONE)
            return
        said = await self._across.quotes(result.subject, [(factor, interviews_on(result, factor, press.number))])
        await self._show(context, factor_screen(result, factor, said[factor.key], press.number))

    async def _passage(self, context: Context, press: Press) -> None:
        """Send what was said around a quote below the quotes, which stay."""
        second = press.number - 1
        try:
            passage = await self._across.passage(context.user.id, recording_of(press), second)
        except NotFound:
            await context.answer(texts.across.PASSAGE_GONE)
            return
        screen = passage_screen(passage, second, context.user.id)
        await self._messages.send(context.chat, MessageKind.INFO_MESSAGE, screen)

    async def _chart(self, context: Context, press: Press) -> None:  # noqa: ARG002
        result = await self._result(context)
        await context.answer(texts.my_reports.DRAWING)
        async with self._messages.at_work(context.chat, Doing.SENDING_PICTURE):
            picture = await asyncio.to_thread(across_chart, result.counted)
            await self._send_file(context, result, picture, "png", Picture())

    async def _file(self, context: Context, press: Press) -> None:
        if press.word not in texts.across.FILES:
            raise OutdatedButton(data=press.action)
        result = await self._result(context)
        wanted = [(factor, quoted_in(result.counted, factor)) for factor in result.counted.factors]
        said = await self._across.quotes(result.subject, wanted)
        content = await asyncio.to_thread(as_file, press.word, result, said, self._today(), self._persistent_dir)
        await self._send_file(context, result, content, press.word)

    async def _result(self, context: Context) -> Result:
        return await self._across.count(context.user.id, await self._across.wanted(context.user.id))

    async def _send_file(
        self, context: Context, result: Result, content: bytes, extension: str, shown: Shown | None = None
    ) -> None:
        name = texts.across.FILE_NAME.format(date=f"{self._today():%d.%m.%Y}", extension=extension)
        title = ". ".join([result.subject.report, *result.conditions])
        caption = Screen(text=texts.across.CAPTION.format(title=escaped(title, _LONGEST_CAPTION)))
        await self._messages.send_file(
            context.chat, MessageKind.RESULT, content, safe_file_name(name), caption, shown=shown
        )
        await self._messages.send(context.chat, MessageKind.MENU, result_screen(result, 1))

    async def _show(self, context: Context, screen: Screen) -> None:
        await show(self._messages, context, MessageKind.MENU, screen)


def _kind(press: Press) -> Kind:
    try:
        return Kind(press.words[0])
    except (IndexError, ValueError) as exc:
        raise OutdatedButton(data=press.action) from exc
