"""The glossary: the terms that count for a person, added and removed."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.web
from access import Permission, may
from errors import AccessDenied
from web.forms import Fields, one
from web.people import Recording
from web.rendering import Templates
from web.site import services_of

_SEE_OTHER = 303


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/glossary")
    async def listed(request: Request, visitor: Recording) -> Response:
        """List the person's terms and the team's."""
        terms = await services_of(request).glossary.list(visitor.user.id)
        return templates.page(request, "glossary.html", title=texts.web.GLOSSARY, terms=terms)

    @router.post("/glossary")
    async def add(request: Request, visitor: Recording, fields: Fields) -> Response:
        """Add terms, for the person or for the team."""
        for_team = bool(one(fields, "team"))
        if for_team and not may(visitor.user.role, Permission.CURATE):
            raise AccessDenied(person=visitor.user.id, permission=Permission.CURATE)
        await services_of(request).glossary.add(visitor.user.id, one(fields, "terms"), for_team=for_team)
        return RedirectResponse("/glossary", _SEE_OTHER)

    @router.post("/glossary/{term}/remove")
    async def remove(request: Request, visitor: Recording, term: int) -> Response:
        """Remove a term of the person, or one of the team where the person may."""
        curates = may(visitor.user.role, Permission.CURATE)
        await services_of(request).glossary.remove(visitor.user.id, term, curates=curates)
        return RedirectResponse("/glossary", _SEE_OTHER)

    return router
