"""What was said aloud: an order, one with its player, and the history with its deletion."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.speeches
from errors import BadText
from speeches.service import LONGEST_TEXT
from speeches.store import SpeechOf
from web.events import Seen, stream
from web.forms import Fields, one
from web.people import Asking, Looking
from web.rendering import Templates
from web.site import services_of, site_of
from web.speeches import ordered

_SEE_OTHER = 303
_ON_PAGE = 20


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/speeches")
    async def listed(
        request: Request, visitor: Looking, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1
    ) -> Response:
        """List what was said for the person, and offer to have a text said."""
        services = services_of(request)
        found = await services.speeches.page(visitor.user.id, page, _ON_PAGE)
        speaks = services.has_voice()
        return templates.page(
            request, "speeches.html", title=texts.speeches.TITLE, found=found, speaks=speaks, longest=LONGEST_TEXT
        )

    @router.post("/speeches")
    async def say(request: Request, visitor: Asking, fields: Fields) -> Response:
        """Have an answer, a report or a text said; what was said before is there at once."""
        name = next((each for each in SpeechOf if each in fields), None)
        if name is None:
            raise BadText(reason=texts.speeches.ONE_OF_THREE)
        id_ = await ordered(services_of(request), visitor.user.id, name, one(fields, name))
        return RedirectResponse(f"/speeches/{id_}", _SEE_OTHER)

    @router.get("/speeches/{speech_id}")
    async def one_speech(request: Request, visitor: Looking, speech_id: UUID) -> Response:
        """Show a speech: how far it is, or its player."""
        speech = await services_of(request).speeches.find(visitor.user.id, speech_id)
        return templates.page(request, "speech.html", title=texts.speeches.TITLE, speech=speech)

    @router.get("/speeches/{speech_id}/events")
    async def follow(request: Request, visitor: Looking, speech_id: UUID) -> Response:
        """Follow a speech while it is made."""
        services, owner = services_of(request), visitor.user.id
        await services.speeches.find(owner, speech_id)

        async def look() -> Seen:
            speech = await services.speeches.find(owner, speech_id)
            html = templates.part("_speech.html", visitor, speech=speech)
            return Seen({"html": html}, final=speech.ended_at is not None)

        return stream(site_of(request), owner, look)

    @router.post("/speeches/{speech_id}/delete")
    async def delete(request: Request, visitor: Asking, speech_id: UUID) -> Response:
        """Delete a speech."""
        await services_of(request).speeches.delete(visitor.user.id, speech_id)
        return RedirectResponse("/speeches", _SEE_OTHER)

    return router
