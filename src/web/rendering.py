"""Pages from templates, in which whatever people or models wrote is escaped, and the files that pages load."""

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

import texts.editing
import texts.metadata
import texts.speeches
import texts.telegram
import texts.transcript
import texts.voice_notes
import texts.web
import texts.web_administration
import texts.web_avatars
import texts.web_editing
import texts.web_errors
from access import Permission, may
from chats.sources import source_line
from chats.threads import shown_title
from constants import LONGEST_SPOKEN_S
from datamodels import Word
from recordings.sent_files import accepted_names
from system.local_time import in_zone, local
from texts.errors_in_chats import chat_text
from utils import clock, human_duration, human_size
from web.editing import in_words
from web.markdown import answer_as_html
from web.people import Visitor
from web.site import site_of

_HERE = Path(__file__).parent
_YEAR_S = 31_536_000


class StaticFile(NamedTuple):
    """A file that pages load; ``version`` changes with its content."""

    content: bytes
    media_type: str
    version: str


class Templates:
    """Renders pages and parts of pages. Made once; reads files."""

    def __init__(self) -> None:
        self._files = {path.relative_to(_HERE / "static").as_posix(): _loaded(path) for path in _static_paths()}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"clock": clock, "size": human_size, "duration": human_duration, "day": _day}
        self._environment.filters |= {
            "moment": _moment,
            "answer": answer_as_html,
            "edit": in_words,
            "starts": _starts,
        }
        self._environment.globals |= {
            "t": texts.web,
            "t_admin": texts.web_administration,
            "t_avatars": texts.web_avatars,
            "t_edit": texts.web_editing,
            "roles": texts.telegram.ROLES,
            "t_speech": texts.speeches,
            "t_own": texts.voice_notes,
            "turns": texts.editing.TURNS.counted,
            "buildings": texts.metadata.BUILDINGS,
            "languages": texts.transcript.LANGUAGES,
            "speaker_label": texts.transcript.full_label,
            "source_line": source_line,
            "shown_title": shown_title,
            "static": self._address,
            "accepted_names": accepted_names(),
            "longest_spoken_s": LONGEST_SPOKEN_S,
            "told": chat_text,
            "code_of": lambda code: texts.web_errors.CODE.format(code=code),
        }

    def page(
        self,
        request: Request,
        name: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Return a page. Templates see who looks as ``visitor``, None for a stranger, and what the person ``may``."""
        visitor = getattr(request.state, "visitor", None)
        common = {"path": request.url.path, "has_avatars": site_of(request).has_avatars}
        shown = self.part(name, visitor, **{**common, **values})
        return HTMLResponse(shown, status, {"Cache-Control": "no-store", **(headers or {})})

    def part(self, name: str, visitor: Visitor | None, **values: Any) -> str:
        """Return a page or a part of one, which an event brings, as ``visitor`` sees it."""
        allowed = {each.value for each in Permission if visitor is not None and may(visitor.user.role, each)}
        common = {"visitor": visitor, "may": allowed, "csrf": "" if visitor is None else visitor.form_token}
        with in_zone(None if visitor is None else visitor.zone):
            return self._environment.get_template(name).render({**common, **values})

    def file(self, name: str, version: str | None) -> Response:
        """Return a file that pages load.

        Raises:
            HTTPException: 404, there is none.
        """
        if name not in self._files:
            raise HTTPException(404)
        file = self._files[name]
        lasts = f"public, max-age={_YEAR_S}, immutable" if version == file.version else "no-cache"
        return Response(file.content, media_type=file.media_type, headers={"Cache-Control": lasts})

    def _address(self, name: str) -> Markup:
        return Markup(f"/static/{name}?v={self._files[name].version}")  # noqa: S704  # a name of ours


def _static_paths() -> list[Path]:
    return [path for path in sorted((_HERE / "static").rglob("*")) if path.is_file()]


def _loaded(path: Path) -> StaticFile:
    content = path.read_bytes()
    media_type = "text/javascript" if path.suffix == ".mjs" else mimetypes.guess_type(path.name)[0]
    return StaticFile(content, media_type or "text/plain", hashlib.sha256(content).hexdigest()[:12])


def _starts(words: Sequence[Word]) -> str:
    return " ".join(f"{word.start:.2f}" for word in words)


def _day(when: datetime) -> str:
    return f"{local(when):%d.%m.%Y}"


def _moment(when: datetime) -> str:
    return f"{local(when):%d.%m.%Y %H:%M}"
