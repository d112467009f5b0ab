"""Where services tell that something has happened. They have no session: what they send is signed."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from avatars.webhook import Taken
from provider_calls.fal.webhooks import Delivery
from web.site import services_of

_MOST_BYTES = 64 * 1024
_STATUSES = {Taken.TAKEN: 200, Taken.OVER: 200, Taken.REFUSED: 401, Taken.UNKNOWN: 404, Taken.LATER: 503}


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.post("/webhook/fal/status")
    async def image_order(request: Request) -> Response:
        """Take the word of the image service that an order is over."""
        webhook = services_of(request).webhook
        if webhook is None:
            return Response(status_code=404)
        body = b""
        try:
            async for block in request.stream():
                body += block
                if len(body) > _MOST_BYTES:
                    return Response(status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)
        taken = await webhook.take(Delivery.of(request.headers, body))
        return Response(status_code=_STATUSES[taken])

    return router
