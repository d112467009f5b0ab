"""The pages and the JSON interface, added to the application that serves health."""

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as AnyHTTPException

import web.api.avatars
import web.api.chats
import web.api.editing
import web.api.learning
import web.api.recordings
import web.api.speeches
import web.api.uploads
import web.api.work
import web.console.audit
import web.console.avatars
import web.console.chats
import web.console.editing
import web.console.glossary
import web.console.invitations
import web.console.operation
import web.console.people
import web.console.plain_upload
import web.console.profile
import web.console.recordings
import web.console.reports
import web.console.sign_in
import web.console.speeches
import web.console.start
import web.webhooks
from web.api.shared import PROBLEMS
from web.failures import response
from web.guard import OF_MONITORING, Guard
from web.rendering import Templates
from web.site import Site


def add_console(application: FastAPI, site: Site) -> None:
    """Add the console to ``application``; until ``site`` has services, it says that the program starts. Reads files."""
    templates = Templates()
    application.state.site = site
    for module in (
        web.console.sign_in,
        web.console.start,
        web.console.recordings,
        web.console.editing,
        web.console.glossary,
        web.console.reports,
        web.console.chats,
        web.console.speeches,
        web.console.avatars,
        web.console.people,
        web.console.profile,
        web.console.invitations,
        web.console.audit,
        web.console.operation,
    ):
        application.include_router(module.routes(templates), include_in_schema=False)
    application.include_router(web.console.plain_upload.routes(), include_in_schema=False)
    application.include_router(web.webhooks.routes(), include_in_schema=False)
    api = APIRouter(prefix="/api/v1", responses=PROBLEMS)
    for each in (
        web.api.work,
        web.api.recordings,
        web.api.editing,
        web.api.uploads,
        web.api.chats,
        web.api.speeches,
        web.api.avatars,
        web.api.learning,
    ):
        api.include_router(each.routes())

    @api.get("/{path:path}", include_in_schema=False)
    async def nothing(path: str) -> Response:  # noqa: ARG001
        """Say that the interface has no such address."""
        raise HTTPException(404)

    application.include_router(api)

    @application.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, v: str | None = None) -> Response:
        """Return a file that pages load."""
        return templates.file(name, v)

    async def told(request: Request, exc: Exception) -> Response:
        return response(request, exc, templates)

    async def told_by_framework(request: Request, exc: Exception) -> Response:
        if request.url.path.startswith(OF_MONITORING):
            assert isinstance(exc, AnyHTTPException)  # noqa: S101  # or this handler is not called
            return await http_exception_handler(request, exc)
        return await told(request, exc)

    application.exception_handler(RequestValidationError)(told)
    application.exception_handler(AnyHTTPException)(told_by_framework)
    application.add_middleware(Guard, site=site, templates=templates)
