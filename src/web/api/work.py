"""Who asks, what is being worked on, and the description of the interface itself."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts

from recordings.lookup import is_at_work
from web.api.models import Me, WorkOut
from web.api.shared import recording_out, upload_out
from web.events import Seen, stream
from web.failures import API
from web.people import Looking
from web.site import services_of, site_of

_SCHEMA = "schema"


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["work"])

    @router.get("/me")
    async def get_me(visitor: Looking) -> Me:
        """Return who asks."""
        return Me(name=visitor.user.name, role=visitor.user.role, csrf_token=visitor.form_token)

    @router.get("/events", response_class=Response)
    async def follow_work(request: Request, visitor: Looking) -> Response:
        """Follow the person's work: an event ``state`` with uploads and recordings for each change."""
        services, owner = services_of(request), visitor.user.id

        async def look() -> Seen:
            uploads = [upload_out(each) for each in await services.uploads.latest(owner)]
            page = await services.recordings.page(owner, None, 1, 20)
            open_ones = [
                recording_out(each).model_dump(mode="json") for each in page.views if is_at_work(each.recording)
            ]
            return Seen(WorkOut(uploads=uploads, recordings=open_ones).model_dump(mode="json"), final=False)

        return stream(site_of(request), owner, look)

    @router.get("/openapi.json", include_in_schema=False)
    async def get_description(request: Request, visitor: Looking) -> dict[str, Any]:  # noqa: ARG001
        """Return the description of the interface, made from the routes themselves."""
        application: FastAPI = request.app
        if not hasattr(application.state, _SCHEMA):
            described = [each for each in iter_route_contexts(application.routes) if (each.path or "").startswith(API)]
            schema = get_openapi(title="VoxPersona", version="1", routes=described)
            setattr(application.state, _SCHEMA, schema)
        found: dict[str, Any] = getattr(application.state, _SCHEMA)
        return found

    return router
