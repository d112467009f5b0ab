"""The operator's page: parts, queue, what was not delivered, what is spent, disk, version. It keeps itself true."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.operation
import texts.web_administration
from dead_letters import letter_named
from errors import OutdatedButton
from health.spending import Spent
from markups.dead_letters import letter_text, why_failed
from reports.costs_in_words import price
from utils import human_duration
from web.events import Seen, stream
from web.forms import Fields, one
from web.people import Operating
from web.rendering import Templates
from web.services import Services
from web.site import services_of, site_of

_SEE_OTHER = 303
_LETTERS = 20
_PAUSE_S = 3.0
"""The page may stand open all day."""


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/operation")
    async def shown(request: Request, visitor: Operating) -> Response:  # noqa: ARG001  # only who may is let in
        """Show how everything is."""
        values = await _state(services_of(request))
        return templates.page(request, "operation.html", title=texts.web_administration.OPERATION, **values)

    @router.get("/operation/events")
    async def follow(request: Request, visitor: Operating) -> Response:
        """Follow how everything is."""
        services = services_of(request)

        async def look() -> Seen:
            html = templates.part("_operation.html", visitor, **await _state(services))
            return Seen({"html": html}, final=False)

        return stream(site_of(request), visitor.user.id, look, pause_s=_PAUSE_S)

    @router.post("/operation/letters/retry")
    async def retry(request: Request, visitor: Operating, fields: Fields) -> Response:  # noqa: ARG001
        """Try again what was not delivered; without a name, everything."""
        letters = services_of(request).administration.letters
        if "kind" not in fields:
            await letters.retry_all()
        elif not await letters.retry(letter_named(one(fields, "kind"), one(fields, "row"))):
            raise OutdatedButton(data="letter")
        return _back()

    @router.post("/operation/letters/dismiss")
    async def dismiss(request: Request, visitor: Operating, fields: Fields) -> Response:  # noqa: ARG001
        """Hide something that was not delivered."""
        if not await services_of(request).administration.letters.dismiss(
            letter_named(one(fields, "kind"), one(fields, "row"))
        ):
            raise OutdatedButton(data="letter")
        return _back()

    return router


async def _state(services: Services) -> dict[str, Any]:
    administration = services.administration
    state, page = await administration.operation.state(), await administration.letters.page(1, _LETTERS)
    known = [each.usd for each in state.spent if each.usd is not None]
    return {
        "state": state,
        "parts": texts.operation.PARTS,
        "levels": texts.operation.LEVELS,
        "reasons": texts.operation.REASONS,
        "page": page,
        "letters": [(each, letter_text(each, services.pack), why_failed(each)) for each in page.letters],
        "spent": [(each, _spent(each)) for each in state.spent],
        "sum": _sum(known, of=len(state.spent)),
    }


def _spent(spent: Spent) -> str:
    """Return in words how often a model was asked, how much it has read and written, or heard, and the price."""
    told = [texts.web_administration.CALL.counted(spent.calls)]
    if spent.tokens:
        told.append(texts.web_administration.TOKENS.format(count=f"{spent.tokens:,}".replace(",", " ")))
    if spent.seconds:
        told.append(human_duration(spent.seconds))
    if spent.usd != 0 or not spent.maybe_usd:
        told.append(price(spent.usd))
    if spent.maybe_usd:
        told.append(texts.web_administration.SPENT_MAYBE.format(price=price(spent.maybe_usd)))
    return " · ".join(told)


def _sum(known: Sequence[Decimal], of: int) -> str:
    """Return in words what models with known prices cost together; "" when there is nothing to add up."""
    if not known or of == 1:
        return ""
    text = texts.web_administration.SPENT_TOTAL.format(price=price(sum(known, Decimal(0))))
    return text if len(known) == of else texts.web_administration.SPENT_PARTLY.format(total=text)


def _back() -> Response:
    return RedirectResponse("/operation#letters", _SEE_OTHER)
