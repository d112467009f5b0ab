"""The record of changes: twenty rows a page, the newest first; its check and its file."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

import texts.web_administration
from markups.people import entry_text, verdict_text
from web.people import Governing
from web.rendering import Templates
from web.site import services_of

_ON_PAGE = 20


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/audit")
    async def listed(
        request: Request,
        visitor: Governing,  # noqa: ARG001  # only who may is let in
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        verify: bool = False,
    ) -> Response:
        """List the record; with ``verify``, say whether it is as it was written."""
        audit = services_of(request).administration.audit
        found = await audit.page(page, _ON_PAGE)
        verdict = await audit.verify() if verify else None
        return templates.page(
            request,
            "audit.html",
            title=texts.web_administration.AUDIT,
            lines=[entry_text(each) for each in found.entries],
            number=found.page,
            pages=max(1, -(-found.total // _ON_PAGE)),
            verdict=None if verdict is None else verdict_text(verdict),
            is_broken=verdict is not None and verdict.broken is not None,
        )

    @router.get("/audit/file")
    async def file(request: Request, visitor: Governing) -> Response:  # noqa: ARG001
        """Return the whole record as a table."""
        content = await services_of(request).administration.audit.export()
        name = quote(texts.web_administration.AUDIT_FILE)
        named = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(content, media_type="text/csv; charset=utf-8", headers=named)

    return router
