"""Photographs for avatars, as scripts of the console send them: one a request, kept or refused with its reason."""

from fastapi import APIRouter, Request

from web.api.models import PhotosNow
from web.avatars import avatars_of
from web.people import Recording
from web.site import services_of, site_of


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["avatars"])

    @router.post(
        "/avatars/{number}/photos",
        openapi_extra={"requestBody": {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def add_photo(request: Request, visitor: Recording, number: int) -> PhotosNow:
        """Add a photograph, which is the body: jpg, png or webp."""
        drops, site = avatars_of(services_of(request)).drops, site_of(request)
        said = request.headers.get("content-length", "")
        length = int(said) if said.isascii() and said.isdecimal() else None
        with site.receiving():
            blocks = site.arriving(request.stream())
            counts = await drops.receive(visitor.user.id, number, length, blocks)
        return PhotosNow(accepted=counts.accepted)

    return router
