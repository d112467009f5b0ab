"""Reports: which ones a recording can have and what they cost, their order, the archive, and one that is read."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.web
from datamodels import ReportId, UserId
from dialogs import get_user_lock
from errors import BadText
from recordings.lookup import is_ready
from reports.costs_in_words import expected_text
from reports.formats import to_markdown
from reports.orders import Lack, Offer
from web.forms import Fields, building_in, one
from web.markdown import report_as_html
from web.people import Looking, Recording
from web.rendering import Templates
from web.services import Services
from web.site import services_of

_SEE_OTHER = 303
_ON_PAGE = 50
_FORMS = ("docx", "pdf", "md", "json")


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/recordings/{number}/reports")
    async def offer(request: Request, visitor: Recording, number: int) -> Response:
        """Offer the reports of a recording, each with what it will take."""
        return await _offered(request, templates, visitor.user.id, number)

    @router.post("/recordings/{number}/reports")
    async def order(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Order the reports that were chosen; one that is there, or on its way, is not written twice."""
        services, owner = services_of(request), visitor.user.id
        chosen = [ReportId(each) for each in fields.get("report", ())]
        if not chosen:
            raise BadText(reason=texts.web.NO_REPORT_CHOSEN)
        building = building_in(one(fields, "building"))
        async with get_user_lock(owner):
            for each in chosen:
                made = await services.orders.order(owner, number, each, None, building)
                if made.lack is Lack.BUILDING:
                    raise BadText(reason=texts.web.BUILDING_FIRST)
                if made.lack is not None:
                    raise BadText(reason=texts.web.NOT_YET)
        return RedirectResponse(f"/recordings/{number}#reports", _SEE_OTHER)

    @router.get("/reports")
    async def listed(request: Request, visitor: Looking, page: Annotated[int, Query(ge=1)] = 1) -> Response:
        """List the person's reports, the newest first."""
        lines = await services_of(request).archive.list(visitor.user.id)
        pages = max(1, -(-len(lines) // _ON_PAGE))
        page = min(page, pages)
        found = [lines[place] for place in range(len(lines))[(page - 1) * _ON_PAGE : page * _ON_PAGE]]
        return templates.page(
            request, "reports.html", title=texts.web.REPORTS, found=found, total=len(lines), number=page, pages=pages
        )

    @router.get("/reports/{number}")
    async def read(request: Request, visitor: Looking, number: int) -> Response:
        """Show a report; its quotes can be heard."""
        services, owner = services_of(request), visitor.user.id
        entry = await services.archive.find(owner, number)
        made = await services.files.document(owner, entry.id)
        heard = None if made.recording is None or is_ready(made.recording) else made.recording.number
        return templates.page(
            request,
            "report.html",
            title=entry.title,
            entry=entry,
            recording=made.recording,
            heard=heard,
            text=report_as_html(to_markdown(made.document), heard),
            forms=_FORMS,
            speaks=services.has_voice(),
        )

    return router


async def _offered(request: Request, templates: Templates, owner: UserId, number: int) -> Response:
    services = services_of(request)
    offer = await services.orders.offer(owner, number)
    written = {run.report_id for run in await services.orders.of_recording(owner, number) if run.text is not None}
    return templates.page(
        request,
        "order.html",
        title=texts.web.ORDER_TITLE.format(number=number),
        offer=offer,
        scenarios=services.pack.scenarios,
        costs=await _costs(services, owner, offer),
        needs_building=any(each.lack is Lack.BUILDING for each in offer.reports),
        written=written,
        demonstration=services.has_demo_model(),
    )


async def _costs(services: Services, owner: UserId, offer: Offer) -> dict[str, str]:
    """Return in words what each report, and all of them ("all"), will take; without those that nobody can tell."""
    costs = {}
    for name, wanted in [("all", None), *((str(each.report.id), [each.report.id]) for each in offer.reports)]:
        takes = await services.estimates.of(owner, offer.recording.number, wanted)
        if takes is not None:
            costs[name] = expected_text(takes)
    return costs
