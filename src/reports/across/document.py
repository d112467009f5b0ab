"""The counts in words: lines of a message, and a document with tables and quotes."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from pathlib import Path

import texts.across
from datamodels import UserId
from reports.across.counting import (
    SATURATION_BASE,
    SATURATION_RUN,
    SATURATION_SHARE,
    TREND_CELL,
    TREND_INTERVIEWS,
    TREND_MONTHS,
)
from reports.across.values import Counted, Factor, Interview, Result, Said, Saturation
from reports.evidence import Quote
from reports.formats import ReportDocument, to_markdown
from reports.word import OWN_TEMPLATE, template_in, to_docx
from text_cleaning import one_line
from utils import clock

QUOTED_INTERVIEWS = 5
"""The most interviews of a factor that are quoted in a document, the latest."""
_QUOTES_OF_INTERVIEW = 2


def quoted_in(counted: Counted, factor: Factor, most: int = QUOTED_INTERVIEWS, skip: int = 0) -> Sequence[Interview]:
    """Return interviews that mention the factor, the latest first: at most ``most`` after the first ``skip``."""
    places = list(reversed(factor.mentioned_in))[skip : skip + most]
    return [counted.interviews[place] for place in places]


def percent(count: int, of: int) -> int:
    """Return the share in whole percent, halves rounded up; 0 of nothing."""
    return (200 * count + of) // (2 * of) if of else 0


def saturation_text(saturation: Saturation) -> str:
    """Tell whether further interviews still bring new factors."""
    if not saturation.is_known:
        return texts.across.SATURATION_UNKNOWN.format(needed=SATURATION_BASE + SATURATION_RUN)
    text = texts.across.SATURATION_NOT if saturation.reached_at is None else texts.across.SATURATION_REACHED
    return text.format(
        number=saturation.reached_at,
        run=SATURATION_RUN,
        latest=texts.across.NEW_FACTOR.counted(saturation.latest),
        base=saturation.base,
        first=SATURATION_BASE,
        percent=round(SATURATION_SHARE * 100),
    )


def source(interview: Interview, quote: Quote, asker: UserId) -> str:
    """Tell where a quote is from; a colleague's recording is named with its owner, for numbers are each owner's."""
    named = interview.owner != asker
    return texts.across.SOURCE.format(
        number=interview.number,
        owner=texts.across.SOURCE_OWNER.format(name=interview.owner_name) if named else "",
        day=f"{interview.day:%d.%m.%Y}",
        speaker=texts.across.SOURCE_SPEAKER.format(name=quote.speaker) if quote.speaker else "",
        time=clock(quote.start),
    )


def as_docx(result: Result, said: Mapping[str, Sequence[Said]], today: date, template: Path = OWN_TEMPLATE) -> bytes:
    """Return the counts as a Word file. Takes CPU time: use a thread."""
    return to_docx(_document(result, said, today), template)


def as_markdown(result: Result, said: Mapping[str, Sequence[Said]], today: date) -> bytes:
    """Return the counts as a Markdown file."""
    return to_markdown(_document(result, said, today)).encode()


def _document(result: Result, said: Mapping[str, Sequence[Said]], today: date) -> ReportDocument:
    return ReportDocument(title=_title(result), facts=tuple(_meta(result, today)), text=_body(result, said))


def as_json(result: Result, said: Mapping[str, Sequence[Said]], today: date) -> bytes:
    """Return the counts as a JSON file."""
    counted = result.counted
    content = {
        "report": result.subject.report_id,
        "counted_on": today.isoformat(),
        "conditions": list(result.conditions),
        "interviews": len(counted.interviews),
        "without_data": counted.without_data,
        "months": [
            {"month": f"{each.year:04}-{each.month:02}", "interviews": each.interviews} for each in counted.months
        ],
        "factors": [
            {
                "label": factor.label,
                "category": factor.category,
                "interviews": factor.count,
                "by_month": list(factor.by_month),
                "trend": factor.trend,
                "quotes": [
                    {
                        "recording": each.interview.number,
                        "owner": each.interview.owner_name,
                        "day": each.interview.day.isoformat(),
                        "time": quote.time,
                        "speaker": quote.speaker,
                        "text": quote.text,
                    }
                    for each in said.get(factor.key, ())
                    for quote in each.quotes
                ],
            }
            for factor in counted.factors
        ],
        "new_factors": list(counted.new),
        "saturation": {
            "is_known": counted.saturation.is_known,
            "reached_at": counted.saturation.reached_at,
            "base": counted.saturation.base,
            "latest": counted.saturation.latest,
        },
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


FORMS = ("docx", "md", "json")


def as_file(form: str, result: Result, said: Mapping[str, Sequence[Said]], today: date, persistent_dir: Path) -> bytes:
    """Return the counts as a file of one of ``FORMS``; Word by the installation's template. Blocking."""
    if form == "docx":
        return as_docx(result, said, today, template_in(persistent_dir))
    return as_markdown(result, said, today) if form == "md" else as_json(result, said, today)


def table_rows(counted: Counted) -> Sequence[tuple[str, ...]]:
    """Return the table of factors, without its head."""
    return [
        (
            str(place),
            factor.label,
            factor.category,
            texts.across.OF.format(count=factor.count, all=len(counted.interviews)),
            texts.across.PERCENT.format(percent=percent(factor.count, len(counted.interviews))),
            texts.across.TRENDS[factor.trend],
        )
        for place, factor in enumerate(counted.factors, 1)
    ]


def _title(result: Result) -> str:
    return texts.across.DOCUMENT_TITLE.format(report=result.subject.report)


def _meta(result: Result, today: date) -> Sequence[str]:
    counted = result.counted
    lines = [texts.across.META_COUNTED.format(date=f"{today:%d.%m.%Y}"), *result.conditions]
    if counted.interviews:
        first, last = (f"{counted.interviews[place].day:%d.%m.%Y}" for place in (0, -1))
        lines.append(texts.across.META_INTERVIEWS.format(interviews=len(counted.interviews), first=first, last=last))
    lines.append(texts.across.META_FACTORS.format(factors=len(counted.factors)))
    if counted.without_data:
        lines.append(texts.across.WITHOUT_DATA.format(count=counted.without_data))
    return lines


def _body(result: Result, said: Mapping[str, Sequence[Said]]) -> str:
    counted = result.counted
    rules = {
        "months": TREND_MONTHS,
        "interviews": TREND_INTERVIEWS,
        "cell": TREND_CELL,
        "run": SATURATION_RUN,
        "base": SATURATION_BASE,
        "percent": round(SATURATION_SHARE * 100),
    }
    blocks = [
        f"## {texts.across.HEADING_FACTORS}",
        _table(texts.across.COLUMNS, table_rows(counted)),
        f"## {texts.across.HEADING_SATURATION}",
        saturation_text(counted.saturation),
        texts.across.SATURATION_ROWS,
        _table(texts.across.COLUMNS_SATURATION, _saturation_rows(counted)),
        f"## {texts.across.HEADING_QUOTES}",
        *(block for factor in counted.factors for block in _quotes(result, factor, said.get(factor.key, ()))),
        f"## {texts.across.HEADING_RULES}",
        "\n".join(f"- {rule.format(**rules)}" for rule in texts.across.RULES),
    ]
    return "\n\n".join(blocks)


def _quotes(result: Result, factor: Factor, said: Sequence[Said]) -> Sequence[str]:
    head = texts.across.QUOTES_OF.format(
        label=_escaped(factor.label), count=factor.count, all=len(result.counted.interviews)
    )
    lines = [
        "> "
        + texts.across.QUOTE_LINE.format(quote=_escaped(quote.text), source=source(each.interview, quote, result.asker))
        for each in said
        for quote in each.quotes[:_QUOTES_OF_INTERVIEW]
    ]
    more = texts.across.MORE_QUOTES.format(shown=len(said), all=factor.count)
    return [f"### {head}", *lines, *([more] if said and len(said) < factor.count else [])]


def _saturation_rows(counted: Counted) -> Sequence[tuple[str, ...]]:
    named = [0] * len(counted.interviews)
    for factor in counted.factors:
        for place in factor.mentioned_in:
            named[place] += 1
    rows = zip(counted.interviews, named, counted.new, accumulate(counted.new), strict=True)
    return [
        (str(place), f"{interview.day:%d.%m.%Y}", f"№{interview.number}", str(all_), str(new), str(known))
        for place, (interview, all_, new, known) in enumerate(rows, 1)
        if new
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _escaped(text: str) -> str:
    return one_line(text).replace("|", "\\|")
