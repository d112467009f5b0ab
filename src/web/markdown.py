"""What language models wrote as HTML. Nothing in it leads anywhere but to a place in a recording."""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markupsafe import Markup

from chats.citations import SIGN
from text_cleaning import printable

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.disable(["link", "image", "autolink", "reference", "html_block", "html_inline", "entity"])
_TIME = re.compile(r"(?<![\d:])(?:(\d{1,2}):)?(\d{1,2}):([0-5]\d)(?![\d:])")
_CITED = re.compile(r"\[(\d{1,3})\]")


def report_as_html(text: str, recording: int | None) -> Markup:
    """Return a report as HTML, its times as links into the recording of this number; plain for None."""
    return _html(text, lambda said: said if recording is None else _TIME.sub(_place_in(recording), said))


def answer_as_html(text: str, answer_id: object) -> Markup:
    """Return an answer as HTML, its citations as links to its sources below."""
    return _html(text, lambda said: _CITED.sub(rf'<a class="cite" href="#source-{answer_id}-\1">[\1]</a>', said))


def _html(text: str, linked: Callable[[str], str]) -> Markup:
    def of_text(tokens: Any, index: int, options: Any, env: Any) -> str:  # noqa: ARG001  # the library calls it so
        return linked(escape(tokens[index].content))

    tokens = _MARKDOWN.parse(printable(text).replace(SIGN, ""))
    own = RendererHTML()
    own.rules["text"] = of_text  # type: ignore[assignment]  # any callable does
    return Markup(own.render(tokens, _MARKDOWN.options, {}))  # noqa: S704  # everything in it is escaped


def _place_in(recording: int) -> Callable[[re.Match[str]], str]:
    def link(match: re.Match[str]) -> str:
        hours, minutes, seconds = (int(group or 0) for group in match.groups())
        at = 3600 * hours + 60 * minutes + seconds
        return f'<a class="at" href="/recordings/{recording}?at={at}#now" data-at="{at}">{match[0]}</a>'

    return link
