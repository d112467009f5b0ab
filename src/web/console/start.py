"""The start page: what waits for a person, what is being worked on, and the way to send a recording."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.waiting
import texts.web
from constants import NO_SCENARIO
from datamodels import UserId
from recordings.uploads_store import UploadState
from web.events import Seen, stream
from web.forms import Fields
from web.people import Looking, Recording
from web.progress import running_work
from web.rendering import Templates
from web.services import Services
from web.site import services_of, site_of

_SEE_OTHER = 303
_LATEST = 8
_OPEN = frozenset([UploadState.RECEIVING, UploadState.WHOLE])
_PAUSE_S = 2.0
"""The start page may stand open all day."""


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    async def work(services: Services, owner: UserId) -> dict[str, Any]:
        uploads = await services.uploads.latest(owner)
        return {
            "uploads": [each for each in uploads if each.state in _OPEN],
            "ended": [each for each in uploads if each.state is UploadState.REFUSED or each.known],
            "running": await running_work(services, owner),
            "latest": await services.recordings.page(owner, None, 1, _LATEST),
        }

    @router.get("/")
    async def start(request: Request, visitor: Looking) -> Response:
        """Show the start page."""
        services, owner = services_of(request), visitor.user.id
        waiting = await services.waiting.of(owner)
        return templates.page(
            request,
            "start.html",
            title=texts.web.START,
            waiting=waiting,
            what=texts.waiting.WHAT,
            scenarios=services.pack.scenarios,
            no_scenario=NO_SCENARIO,
            limits=services.limits,
            own_avatars=services.avatars is not None and bool(await services.avatars.avatars.all_of(owner)),
            **await work(services, owner),
        )

    @router.get("/work/events")
    async def follow(request: Request, visitor: Looking) -> Response:
        """Follow what is being worked on, and what has come of it."""
        services, owner = services_of(request), visitor.user.id

        async def look() -> Seen:
            now = await work(services, owner)
            return Seen({"html": templates.part("_work.html", visitor, **now)}, final=False)

        return stream(site_of(request), owner, look, pause_s=_PAUSE_S)

    @router.post("/uploads/{upload_id}/cancel")
    async def cancel(request: Request, visitor: Recording, upload_id: UUID, fields: Fields) -> Response:  # noqa: ARG001
        """Forget a file that was begun, or refused."""
        await services_of(request).uploads.cancel(visitor.user.id, upload_id)
        return RedirectResponse("/", _SEE_OTHER)

    return router
