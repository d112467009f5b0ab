"""A research as Markdown, headings from the second level. What models and people wrote is escaped."""

import re
from collections.abc import Sequence

import texts.metadata
import texts.research
from chats.narrowing import condition_label
from datamodels import Value
from datamodels_search import ChatFilters, Narrowing
from prompt_pack.models import ReportPack
from reports.research.counting import AspectCount, aspect_counts, claims_of, disagreements, places_of
from reports.research.values import Claim, Findings, Interview, Scope, Theme
from text_cleaning import one_line, preview

_MARKUP = re.compile(r"([\\`*_\[\]<>#|~])")
_SHOWN_QUOTES = 5
_SHOWN_PLACES = 8
_LONGEST_QUOTE = 500
_LONGEST_HEADING_QUOTE = 90


class Written(Value):
    """The text of a research, and what its reader has to know of how it came about."""

    text: str
    warnings: tuple[str, ...]


def written(findings: Findings, pack: ReportPack) -> Written:
    """Write a research down. Blocking for a moment: use a thread."""
    blocks = [_scope(findings, pack)]
    if findings.themes:
        if findings.summary:
            blocks += [f"## {texts.research.SUMMARY_TITLE}", findings.summary.replace("<", r"\<")]
        counts = aspect_counts(findings)
        for count in counts:
            blocks += _aspect(count, findings)
        blocks += _disagreements(findings)
        blocks += _coverage(counts, findings)
    else:
        blocks.append(texts.research.NOTHING_FOUND)
    blocks += [f"## {texts.research.METHOD_TITLE}", texts.research.METHOD, *_interviews(findings)]
    return Written(text="\n\n".join(blocks), warnings=_warnings(findings))


def scope_line(scope: Scope, pack: ReportPack) -> str:
    """Return the conditions of a scope in words; empty when there are none."""
    said = []
    for name, template in texts.research.SCOPE_FIELDS.items():
        value = getattr(scope, name)
        if value is None:
            continue
        if name == "scenario":
            known = pack.find_scenario(value)
            value = value if known is None else known.label
        elif name == "building":
            value = texts.metadata.BUILDINGS[value]
        elif name.endswith("_day"):
            value = f"{value:%d.%m.%Y}"
        said.append(template.format(value=value))
    narrowing = Narrowing(named=scope.named, chat=ChatFilters(mine=scope.mine))
    said += [condition_label(narrowing, each) for each in narrowing.conditions]
    return texts.research.SCOPE.format(scope=", ".join(said)) if said else ""


def _scope(findings: Findings, pack: ReportPack) -> str:
    read, matching = len(findings.readings), findings.order.matching
    line = texts.research.READ_ALL.format(read=read) if read == matching else texts.research.READ
    return " ".join(
        filter(None, [line.format(read=read, matching=matching), _plain(scope_line(findings.order.scope, pack))])
    )


def _aspect(count: AspectCount, findings: Findings) -> list[str]:
    themes = [theme for theme in findings.themes if theme.aspect == count.aspect.id]
    if not themes:
        return []
    total = len(findings.readings)
    title = _plain(count.aspect.title)
    blocks = [f"## {texts.research.ASPECT.format(title=title, share=_share(count.said, total))}"]
    for theme in themes:
        share = _share(len(theme.interviews), total)
        blocks.append(f"### {texts.research.THEME.format(number=theme.number, title=_theme_title(theme), share=share)}")
        if places := _places(theme, findings):
            blocks.append(places)
        shown = [f"- {_quote(claim)}" for claim in theme.claims[:_SHOWN_QUOTES]]
        if more := len(theme.claims) - len(shown):
            shown.append(f"- {texts.research.MORE_QUOTES.format(claims=texts.research.CLAIM.counted(more))}")
        blocks.append("\n".join(shown))
    return blocks


def _places(theme: Theme, findings: Findings) -> str:
    counts = places_of(theme, findings.readings)
    if not counts:
        return ""
    said = [
        texts.research.PLACE.format(
            place=_plain(each.place or texts.research.NO_PLACE), count=each.count, total=each.total
        )
        for each in counts[:_SHOWN_PLACES]
    ]
    if more := len(counts) - len(said):
        said.append(texts.research.MORE_PLACES.format(count=more))
    return texts.research.BY_PLACE.format(places=", ".join(said))


def _disagreements(findings: Findings) -> list[str]:
    found, total = disagreements(findings), len(findings.readings)
    blocks = [f"## {texts.research.DISAGREEMENT_TITLE}"] if found else []
    for each in found:
        both = texts.research.BOTH.format(count=each.both) if each.both else ""
        line = texts.research.DISAGREEMENT.format(
            title=_plain(each.aspect.title), positive=each.positive, negative=each.negative, total=total, both=both
        )
        sides = (
            texts.research.FOR.format(quote=_quote(each.praise)),
            texts.research.AGAINST.format(quote=_quote(each.blame)),
        )
        blocks += [line, "\n".join(f"- {side}" for side in sides)]
    return blocks


def _coverage(counts: Sequence[AspectCount], findings: Findings) -> list[str]:
    total = len(findings.readings)
    rows = [
        texts.research.COVERAGE_ROW.format(
            title=_plain(each.aspect.title), asked=_share(each.asked, total), said=_share(each.said, total)
        )
        for each in counts
    ]
    blocks = [f"## {texts.research.COVERAGE_TITLE}", "\n".join([texts.research.COVERAGE_HEAD, *rows])]
    if never := [_plain(each.aspect.title) for each in counts if not each.asked]:
        blocks.append(texts.research.NEVER_ASKED.format(titles="; ".join(never)))
    return blocks


def _interviews(findings: Findings) -> list[str]:
    rows = [
        texts.research.INTERVIEWS_ROW.format(
            whose=_whose(each.interview),
            number=each.interview.number,
            day=f"{each.interview.day:%d.%m.%Y}",
            place=_plain(each.interview.place or "—"),
            claims=claims_of(each.interview, findings.themes),
        )
        for each in findings.readings
    ]
    return [f"## {texts.research.INTERVIEWS_TITLE}", "\n".join([texts.research.INTERVIEWS_HEAD, *rows])] if rows else []


def _warnings(findings: Findings) -> tuple[str, ...]:
    order, read = findings.order, len(findings.readings)
    reading = len(order.recording_ids)
    gone = reading - read - len(findings.failed)
    dropped = sum(each.dropped for each in findings.readings)
    windows = sum(each.unread_windows for each in findings.readings)
    failed = ", ".join(f"{_whose(each)}№{each.number}" for each in findings.failed)
    candidates = (
        (order.matching > reading, texts.research.WARNING_LIMIT.format(reading=reading, matching=order.matching)),
        (findings.forgotten > 0, texts.research.WARNING_FORGOTTEN.format(count=findings.forgotten)),
        (gone > 0, texts.research.WARNING_GONE.format(count=gone)),
        (bool(failed), texts.research.WARNING_FAILED.format(numbers=failed)),
        (windows > 0, texts.research.WARNING_WINDOWS.format(count=windows)),
        (dropped > 0, texts.research.WARNING_DROPPED.format(count=dropped)),
        (findings.removed > 0, texts.research.WARNING_REMOVED.format(count=findings.removed)),
        (bool(findings.themes) and not findings.summary, texts.research.WARNING_NO_SUMMARY),
    )
    return tuple(text for wanted, text in candidates if wanted)


def _theme_title(theme: Theme) -> str:
    if theme.title:
        return _plain(theme.title)
    quote = preview(theme.claims[0].quote.text, _LONGEST_HEADING_QUOTE)
    return texts.research.OTHER_THEME.format(quote=_plain(quote))


def _quote(claim: Claim) -> str:
    source = texts.research.SOURCE.format(
        whose=_whose(claim.interview),
        number=claim.interview.number,
        day=f"{claim.interview.day:%d.%m.%Y}",
        speaker=texts.research.SPEAKER.format(speaker=_plain(claim.quote.speaker)) if claim.quote.speaker else "",
        time=claim.quote.time,
    )
    return texts.research.QUOTE.format(quote=_plain(preview(claim.quote.text, _LONGEST_QUOTE)), source=source)


def _whose(interview: Interview) -> str:
    return texts.research.WHOSE.format(name=_plain(interview.whose)) if interview.whose else ""


def _share(count: int, total: int) -> str:
    return texts.research.SHARE.format(count=count, total=total)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", one_line(text))
