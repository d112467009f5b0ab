"""Coming in by a link that works once, and leaving."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.web
from errors_of_operation import SignInRefused
from sign_in.sessions import SESSION_LASTS
from web.forms import Fields, one
from web.people import SESSION_COOKIE, Looking, visitor_of
from web.rendering import Templates
from web.site import services_of, site_of

_SEE_OTHER = 303


def routes(templates: Templates) -> APIRouter:
    """Make the routes. Whoever opens a link has to press a button: programs that look at links use none up."""
    router = APIRouter()

    @router.get("/sign-in")
    async def ask(request: Request) -> Response:
        """Ask for the code of a link."""
        if await visitor_of(request) is not None:
            return RedirectResponse("/", _SEE_OTHER)
        return templates.page(request, "sign_in.html", title=texts.web.SIGN_IN, problem=None, code="")

    @router.get("/sign-in/{code}")
    async def offer(request: Request, code: str) -> Response:
        """Offer to come in by a link."""
        return templates.page(request, "sign_in.html", title=texts.web.SIGN_IN, problem=None, code=code)

    @router.post("/sign-in")
    async def begin(request: Request, fields: Fields) -> Response:
        """Begin a session; a code stands alone or at the end of its link."""
        site, place = site_of(request), request.client.host if request.client else ""
        site.tries.check(place)
        try:
            token = await site.services.sessions.begin(one(fields, "code").strip().rpartition("/")[2])
        except SignInRefused:
            site.tries.note_failure(place)
            raise
        answer = RedirectResponse("/", _SEE_OTHER)
        answer.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=int(SESSION_LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=site.is_secure,
        )
        return answer

    @router.post("/sign-out")
    async def end(request: Request, visitor: Looking) -> Response:  # noqa: ARG001  # only whoever is in leaves
        """End the session."""
        await services_of(request).sessions.end(request.cookies[SESSION_COOKIE])
        answer = RedirectResponse("/sign-in", _SEE_OTHER)
        answer.delete_cookie(SESSION_COOKIE)
        return answer

    return router
