"""Screens of «По всем интервью»: what is chosen, the factors by numbers, the quotes of one, a place in a recording."""

import hashlib
from collections.abc import Callable, Sequence

import texts.across
import texts.telegram
from datamodels import UserId
from datamodels_telegram import Button, Keyboard, Screen
from markups.callback_data import Action, button, word_of
from markups.text import LONGEST_ON_BUTTON, escaped, fits, plain
from reports.across.choices import period_of
from reports.across.document import percent, quoted_in, saturation_text, source
from reports.across.values import Choice, Factor, Interview, Kind, Overview, Passage, Result, Said
from texts.transcript import labelled, speaker_label
from utils import clock

EVERY = "all"
"""Stands for any place, employee, period or building type in a button's data."""
_FACTORS_ON_PAGE = 10
_INTERVIEWS_ON_PAGE = 5
_CHOICES_ON_PAGE = 12
_BUTTONS_IN_ROW = 5
_LONGEST_FACTOR = 60
_LONGEST_QUOTE = 300
_LONGEST_CONDITION = 80
_LONGEST_QUOTED, _LONGEST_BESIDE = 900, 150
"""Characters of the utterance that is quoted, and of those around it."""
_LABELS = {
    Kind.PLACE: texts.across.PLACE,
    Kind.EMPLOYEE: texts.across.EMPLOYEE,
    Kind.PERIOD: texts.across.PERIOD,
    Kind.BUILDING: texts.across.BUILDING,
}
_BACK_TO_CHOICE = (button(texts.telegram.BACK, Action.ACROSS),)
_BACK_TO_MENU = (button(texts.telegram.BACK, Action.MENU_MAIN),)


def choice_screen(overview: Overview) -> Screen:
    """Show what is chosen, how many interviews that is, and buttons to change it and to count."""
    head = f"{texts.across.TITLE}\n{texts.across.ABOUT}"
    if overview.subject is None:
        return Screen(text=f"{head}\n\n{texts.across.NO_SUBJECTS}", keyboard=(_BACK_TO_MENU,))
    report = button(
        plain(texts.across.REPORT.format(report=overview.subject.report), LONGEST_ON_BUTTON), Action.ACROSS_REPORT
    )
    reports: Keyboard = ((report,),) if len(overview.subjects) > 1 else ()
    if not overview.any:
        nothing = texts.across.NOTHING_YET.format(report=escaped(overview.subject.report))
        return Screen(text=f"{head}\n\n{nothing}", keyboard=(*reports, _BACK_TO_MENU))
    text = texts.across.CHOSEN.format(
        report=escaped(overview.subject.report),
        conditions=_conditions(overview.conditions),
        interviews=texts.across.INTERVIEW.counted(overview.interviews),
    )
    kinds = [button(_LABELS[kind], Action.ACROSS_CHOOSE, kind, 1) for kind in Kind]
    reset: Keyboard = ((button(texts.across.RESET, Action.ACROSS_RESET),),) if overview.conditions else ()
    count: Keyboard = ((button(texts.across.COUNT, Action.ACROSS_COUNT, 1),),) if overview.interviews else ()
    lines = [head, text, *([] if overview.interviews else [texts.across.NOTHING_FITS])]
    return Screen(
        text="\n\n".join(lines),
        keyboard=(*count, *reports, tuple(kinds[:2]), tuple(kinds[2:]), *reset, _BACK_TO_MENU),
    )


def reports_choice(overview: Overview) -> Screen:
    """Ask for the report whose factors are counted."""
    rows = [
        (button(plain(subject.report, LONGEST_ON_BUTTON), Action.ACROSS_REPORT, place),)
        for place, subject in enumerate(overview.subjects, 1)
    ]
    return Screen(text=texts.across.CHOOSE["report"], keyboard=(*rows, _BACK_TO_CHOICE))


def kind_choice(kind: Kind, choices: Sequence[Choice], page: int) -> Screen:
    """Ask for a place, an employee, a period or a building type; for a page that does not exist, show the nearest."""
    page, pages = _page(page, len(choices), _CHOICES_ON_PAGE)
    shown = choices[(page - 1) * _CHOICES_ON_PAGE : page * _CHOICES_ON_PAGE]
    rows: list[tuple[Button, ...]] = [(button(_choice(each), Action.ACROSS_SET, kind, each.id),) for each in shown]
    if kind is Kind.PERIOD:
        days = texts.across.PERIODS.items()
        rows.insert(0, tuple(button(label, Action.ACROSS_SET, kind, period_of(number)) for number, label in days))
    turn = _turning(page, pages, lambda to: (Action.ACROSS_CHOOSE, kind, to))
    every = (button(texts.across.ANY, Action.ACROSS_SET, kind, EVERY),)
    return Screen(text=texts.across.CHOOSE[kind], keyboard=(*rows, *turn, every, _BACK_TO_CHOICE))


def result_screen(result: Result, page: int) -> Screen:
    """Show a page of the factors, most mentioned first; a factor's button opens its quotes."""
    counted = result.counted
    page, pages = _page(page, len(counted.factors), _FACTORS_ON_PAGE)
    first = (page - 1) * _FACTORS_ON_PAGE
    shown = list(enumerate(counted.factors[first : first + _FACTORS_ON_PAGE], first + 1))
    lines = [
        texts.across.LINE.format(
            place=place,
            label=escaped(factor.label, _LONGEST_FACTOR),
            count=factor.count,
            all=len(counted.interviews),
            percent=percent(factor.count, len(counted.interviews)),
            trend=texts.across.TREND_SIGNS[factor.trend],
        )
        for place, factor in shown
    ]
    head = texts.across.RESULT.format(
        report=escaped(result.subject.report),
        conditions=_conditions(result.conditions),
        interviews=texts.across.INTERVIEW.counted(len(counted.interviews)),
        factors=texts.across.FACTOR.counted(len(counted.factors)),
        saturation=saturation_text(counted.saturation),
    )
    notes = [texts.across.WITHOUT_DATA.format(count=counted.without_data)] if counted.without_data else []
    legend = [texts.across.PAGE.format(page=page, pages=pages)] if shown else []
    buttons = [button(str(place), Action.ACROSS_FACTOR, factor_word(factor), 1) for place, factor in shown]
    files = [button(texts.across.CHART, Action.ACROSS_CHART)] if shown else []
    files += [button(each.upper(), Action.ACROSS_FILE, each) for each in texts.across.FILES if shown]
    return Screen(
        text="\n\n".join(filter(None, (head, *notes, "\n".join(lines), *legend))),
        keyboard=(
            *_rows(buttons),
            *_turning(page, pages, lambda to: (Action.ACROSS_COUNT, to)),
            *([tuple(files)] if files else []),
            (button(texts.across.CHANGE, Action.ACROSS), button(texts.telegram.BACK, Action.MENU_MAIN)),
        ),
    )


def factor_screen(result: Result, factor: Factor, said: Sequence[Said], page: int) -> Screen:
    """Show a factor's numbers and the quotes of a page of interviews; a quote's button opens its place."""
    page, pages = pages_of(factor, page)
    title = texts.across.FACTOR_TITLE.format(
        label=escaped(factor.label),
        category=texts.across.CATEGORY.format(name=escaped(factor.category)) if factor.category else "",
        count=factor.count,
        all=len(result.counted.interviews),
        percent=percent(factor.count, len(result.counted.interviews)),
        trend=texts.across.TRENDS[factor.trend],
    )
    quotes = [(each.interview, quote) for each in said for quote in each.quotes]
    blocks, buttons = [title], list[Button]()
    for place, (interview, quote) in enumerate(quotes, 1):
        told = escaped(source(interview, quote, result.asker), _LONGEST_QUOTE)
        block = texts.across.QUOTE.format(place=place, quote=escaped(quote.text, _LONGEST_QUOTE), source=told)
        if not fits("\n\n".join([*blocks, block, texts.across.QUOTES_PAGE])):
            break
        blocks.append(block)
        second = int(quote.start) + 1
        buttons.append(button(str(place), Action.ACROSS_PASSAGE, word_of(interview.recording_id), second))
    first = (page - 1) * _INTERVIEWS_ON_PAGE + 1
    shown = texts.across.QUOTES_PAGE.format(first=first, last=first + len(said) - 1, all=factor.count)
    blocks.append(shown if quotes else texts.across.NO_QUOTES)
    word = factor_word(factor)
    return Screen(
        text="\n\n".join(blocks),
        keyboard=(
            *_rows(buttons),
            *_turning(page, pages, lambda to: (Action.ACROSS_FACTOR, word, to)),
            (button(texts.across.BACK_TO_RESULT, Action.ACROSS_COUNT, 1),),
        ),
    )


def passage_screen(passage: Passage, second: int, asker: UserId) -> Screen:
    """Show what was said around a second of a recording; the owner can go on to the recording's card."""
    own = passage.owner == asker
    owner = "" if own else texts.across.SOURCE_OWNER.format(name=escaped(passage.owner_name))
    title = texts.across.PASSAGE_TITLE.format(number=passage.number, owner=owner, time=clock(second))
    quoted = sum(int(segment.start) <= second for segment in passage.segments) - 1
    lines = [
        texts.across.PASSAGE_LINE.format(
            time=clock(segment.start),
            text=escaped(
                labelled(speaker_label(segment.role, segment.speaker), segment.text),
                _LONGEST_QUOTED if place == quoted else _LONGEST_BESIDE,
            ),
        )
        for place, segment in enumerate(passage.segments)
    ]
    card = button(texts.across.OPEN_RECORDING.format(number=passage.number), Action.RECORDING, passage.number)
    return Screen(
        text="\n\n".join([title, "\n".join(lines) or texts.across.PASSAGE_NOTHING]),
        keyboard=((card,),) if own else (),
    )


def pages_of(factor: Factor, page: int) -> tuple[int, int]:
    """Return the page that is shown of a factor's interviews when ``page`` is asked for, and the number of pages."""
    return _page(page, factor.count, _INTERVIEWS_ON_PAGE)


def interviews_on(result: Result, factor: Factor, page: int) -> Sequence[Interview]:
    """Return the interviews on a page of a factor's quotes, the latest first."""
    page, _ = pages_of(factor, page)
    return quoted_in(result.counted, factor, _INTERVIEWS_ON_PAGE, skip=(page - 1) * _INTERVIEWS_ON_PAGE)


def factor_word(factor: Factor) -> str:
    """Return a factor as an argument of a button; it stays the same when the numbers change."""
    return f"f{hashlib.sha256(factor.key.encode()).hexdigest()[:16]}"


def _conditions(lines: Sequence[str]) -> str:
    return "\n".join(escaped(line, _LONGEST_CONDITION) for line in lines) or texts.across.EVERY_INTERVIEW


def _choice(choice: Choice) -> str:
    count = texts.across.CHOICE.format(label="", interviews=choice.interviews)
    return plain(choice.label, LONGEST_ON_BUTTON - len(count)) + count


def _page(page: int, entries: int, on_page: int) -> tuple[int, int]:
    pages = max(1, -(-entries // on_page))
    return max(1, min(page, pages)), pages


def _turning(page: int, pages: int, to: Callable[[int], tuple[Action, *tuple[str | int, ...]]]) -> Keyboard:
    turns = [(texts.across.PREVIOUS, page - 1), (texts.across.NEXT, page + 1)]
    row = tuple(button(sign, *to(number)) for sign, number in turns if 1 <= number <= pages)
    return (row,) if row else ()


def _rows(buttons: Sequence[Button]) -> Keyboard:
    return tuple(tuple(buttons[at : at + _BUTTONS_IN_ROW]) for at in range(0, len(buttons), _BUTTONS_IN_ROW))
