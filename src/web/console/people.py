"""The people of the team, for those who may invite: a list, cards, roles and blocks. The services protect everybody."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.access
import texts.web_administration
from datamodels import Role, UserId
from errors import UnknownChoice
from sign_in.people import FILTERS
from sign_in.people_store import EVERYBODY
from web.forms import Fields, one
from web.people import Governing, Inviting
from web.rendering import Templates
from web.site import services_of

_SEE_OTHER = 303
_ON_PAGE = 10


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/people")
    async def listed(
        request: Request,
        visitor: Inviting,  # noqa: ARG001  # only who may is let in
        who: str = EVERYBODY,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        wanted: str = "",
    ) -> Response:
        """List the people of one filter, or those who were looked for."""
        if who not in FILTERS:
            raise UnknownChoice(value=who, allowed=", ".join(FILTERS))
        people, wanted = services_of(request).administration.people, wanted.strip()
        found = None if wanted else await people.page(who, page, _ON_PAGE)
        return templates.page(
            request,
            "people.html",
            title=texts.web_administration.PEOPLE,
            people=await people.search(wanted, _ON_PAGE) if found is None else found.people,
            found=found,
            pages=1 if found is None else max(1, -(-found.total // _ON_PAGE)),
            most=_ON_PAGE,
            who=who,
            filters=[(each, texts.access.FILTERS[each]) for each in FILTERS],
            wanted=wanted,
        )

    @router.get("/people/{person_id}")
    async def card(request: Request, visitor: Inviting, person_id: UUID) -> Response:  # noqa: ARG001
        """Show a person."""
        person = await services_of(request).administration.people.find(UserId(person_id))
        title = person.name or texts.web_administration.NAMELESS
        return templates.page(request, "person.html", title=title, person=person, all_roles=list(Role))

    @router.post("/people/{person_id}/role")
    async def role(request: Request, visitor: Governing, person_id: UUID, fields: Fields) -> Response:
        """Give a person a role."""
        said = one(fields, "role")
        if said not in set(Role):
            raise UnknownChoice(value=said, allowed=", ".join(Role))
        await services_of(request).administration.people.set_role(visitor.user.id, UserId(person_id), Role(said))
        return _to(person_id)

    @router.post("/people/{person_id}/block")
    async def block(request: Request, visitor: Governing, person_id: UUID) -> Response:
        """Block a person."""
        await services_of(request).administration.people.block(visitor.user.id, UserId(person_id))
        return _to(person_id)

    @router.post("/people/{person_id}/unblock")
    async def unblock(request: Request, visitor: Governing, person_id: UUID) -> Response:
        """Let a blocked person in again."""
        await services_of(request).administration.people.unblock(visitor.user.id, UserId(person_id))
        return _to(person_id)

    return router


def _to(person_id: UUID) -> Response:
    return RedirectResponse(f"/people/{person_id}", _SEE_OTHER)
