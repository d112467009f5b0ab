"""The transcript editor: utterances with their speakers, names, merges, find and replace; usable without scripts."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

import texts.web_editing
from datamodels import UserId
from errors_of_operation import TranscriptChanged
from recordings.lookup import is_ready
from recordings.transcript_pages import SEGMENTS_ON_PAGE
from transcription.editing.changes import mark_of
from transcription.editing.values import OpenTranscript
from web.editing import MOST_OFFERED, places_of, stretch, turn_at
from web.edits import IN_FORMS, Edit, ReplaceEdit, TextEdit, apply, search, text_at
from web.forms import Fields, one
from web.people import Recording
from web.rendering import Templates
from web.services import Services
from web.site import services_of

_SEE_OTHER = 303
_CONFLICT = 409
_MOST_UNASKED = 20
"""Places that are replaced without asking first."""


class _Place(BaseModel):
    """Where in a transcript a person is, and what the person looks for."""

    first: int | None = Field(default=None, alias="from", ge=0)
    at: float | None = Field(default=None, alias="t", ge=0)
    time: str = ""
    wanted: str = ""
    replacement: str = ""
    ask: bool = False
    match_case: bool = False
    parts: bool = False
    replaced: int | None = None


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/recordings/{number}/edit")
    async def editor(request: Request, visitor: Recording, number: int, place: Annotated[_Place, Query()]) -> Response:
        """Show a stretch of a transcript to be corrected: the one ``from`` a position, or at ``t`` seconds."""
        opened = await services_of(request).editing.open(visitor.user.id, number)
        position = turn_at(opened, place.time)
        if position is not None:
            first = position - position % SEGMENTS_ON_PAGE
            return RedirectResponse(f"/recordings/{number}/edit?from={first}#s{position}", _SEE_OTHER)
        return templates.page(request, "edit.html", **await _shown(services_of(request), opened, place))

    @router.post("/recordings/{number}/edit")
    async def edit(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Make an edit of a form, and go back to where it was made; show both texts where somebody was first."""
        services, owner, wanted = services_of(request), visitor.user.id, _edit_in(fields)
        if isinstance(wanted, ReplaceEdit):
            asked = await _before_replacing(services, owner, number, fields, wanted)
            if asked is not None:
                return RedirectResponse(_address(number, fields, wanted, **asked), _SEE_OTHER)
        try:
            made = await apply(services.editing, owner, number, wanted)
        except TranscriptChanged:
            if not isinstance(wanted, TextEdit):
                raise
            values = await _conflict(services, owner, number, wanted)
            return templates.page(request, "edit_conflict.html", _CONFLICT, **values)
        replaced = len(made.edited.segments or ())
        return RedirectResponse(_address(number, fields, wanted, replaced=replaced), _SEE_OTHER)

    return router


async def _before_replacing(
    services: Services, owner: UserId, number: int, fields: Fields, edit: ReplaceEdit
) -> dict[str, str | int] | None:
    """Return what the page shows in the place of replacing: what was found, or how much it is; None to go on."""
    kept: dict[str, str | int] = {"replacement": edit.replacement} if edit.replacement else {}
    if one(fields, "find"):
        return kept
    if edit.position is not None or one(fields, "sure"):
        return None
    opened = await services.editing.open(owner, number)
    places = await places_of(opened, search(edit.wanted, match_case=edit.match_case, parts=edit.parts))
    is_large = places.places > _MOST_UNASKED or not edit.replacement
    return {**kept, "ask": 1} if is_large and places.places else None


async def _shown(services: Services, opened: OpenTranscript, place: _Place) -> dict[str, Any]:
    number = opened.recording.number
    sought = search(place.wanted, match_case=place.match_case, parts=place.parts)
    return {
        "title": texts.web_editing.TITLE.format(number=number),
        "recording": opened.recording,
        "shown": await stretch(opened, place.first, place.at),
        "roles": services.editing.roles(opened.recording),
        "most_offered": MOST_OFFERED,
        "pages_of": SEGMENTS_ON_PAGE,
        "place": place,
        "places": await places_of(opened, sought) if place.wanted.strip() else None,
        "sound": not is_ready(opened.recording),
    }


async def _conflict(services: Services, owner: UserId, number: int, edit: TextEdit) -> dict[str, Any]:
    position = await services.editing.place_of(owner, number, edit.version, edit.position)
    opened = await services.editing.open(owner, number)
    theirs = text_at(opened, position)
    return {
        "title": texts.web_editing.CONFLICT_TITLE,
        "recording": opened.recording,
        "version": opened.version,
        "edit": edit,
        "position": position,
        "theirs": theirs,
        "mark": mark_of(theirs),
        "first": position - position % SEGMENTS_ON_PAGE,
    }


def _edit_in(fields: Fields) -> Edit:
    """Return the edit that a form has.

    Raises:
        RequestValidationError: it has none.
    """
    try:
        return IN_FORMS.validate_python({name: value for name in fields if (value := one(fields, name))})
    except ValidationError as exc:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in exc.errors(include_context=False)]
        raise RequestValidationError(errors) from exc


def _address(number: int, fields: Fields, edit: Edit, **of_replacing: str | int) -> str:
    """Return where a person goes on after an edit; ``of_replacing`` is for the page after finding and replacing."""
    first = one(fields, "from")
    query: dict[str, str | int] = {"from": first} if first.isascii() and first.isdecimal() else {}
    if isinstance(edit, ReplaceEdit):
        chosen = {"match_case": edit.match_case, "parts": edit.parts}
        query |= {"wanted": edit.wanted, **{name: 1 for name, is_on in chosen.items() if is_on}, **of_replacing}
    anchor = f"s{edit.position}" if isinstance(edit, TextEdit) else one(fields, "anchor")
    anchor = anchor if anchor.isalnum() else ""
    return f"/recordings/{number}/edit{'?' if query else ''}{urlencode(query)}#{anchor}"
