"""Files in pieces, by tus 1.0 (https://tus.io/protocols/resumable-upload): creation, termination, and its core."""

from base64 import b64decode
from binascii import Error
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from constants import NO_SCENARIO
from recordings.uploads_store import Upload
from web.api.models import UploadOut
from web.api.shared import upload_out
from web.forms import building_in
from web.people import Looking, Recording
from web.site import services_of, site_of

_VERSION = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
_PIECE = "application/offset+octet-stream"
_CREATED, _NO_CONTENT = 201, 204


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["uploads"])

    @router.get("/uploads")
    async def list_uploads(request: Request, visitor: Looking) -> list[UploadOut]:
        """List the person's uploads that go on or have ended within the last hour."""
        return [upload_out(each) for each in await services_of(request).uploads.latest(visitor.user.id)]

    @router.post("/uploads", status_code=_CREATED, response_class=Response)
    async def begin_upload(request: Request, visitor: Recording) -> Response:
        """Begin a file of ``Upload-Length`` bytes; ``Upload-Metadata`` has filename, filetype, scenario, building."""
        told = _metadata(request.headers.get("upload-metadata", ""))
        upload = await services_of(request).uploads.begin(
            visitor.user.id,
            told.get("filename", ""),
            _number(request, "upload-length"),
            told.get("scenario") or NO_SCENARIO,
            building_in(told.get("building", "")),
            told.get("filetype", ""),
        )
        return _answer(upload, _CREATED, Location=f"/api/v1/uploads/{upload.id}")

    @router.head("/uploads/{upload_id}", response_class=Response)
    async def get_offset(request: Request, visitor: Recording, upload_id: UUID) -> Response:
        """Return as ``Upload-Offset`` how many bytes have come."""
        return _answer(await services_of(request).uploads.find(visitor.user.id, upload_id), 200)

    @router.get("/uploads/{upload_id}")
    async def get_upload(request: Request, visitor: Looking, upload_id: UUID) -> UploadOut:
        """Return what has become of a file."""
        return upload_out(await services_of(request).uploads.find(visitor.user.id, upload_id))

    @router.patch("/uploads/{upload_id}", status_code=_NO_CONTENT, response_class=Response)
    async def append(request: Request, visitor: Recording, upload_id: UUID) -> Response:
        """Add a piece that begins at ``Upload-Offset``."""
        if request.headers.get("content-type") != _PIECE:
            raise HTTPException(415)
        offset = _number(request, "upload-offset")
        length = _number(request, "content-length") if "content-length" in request.headers else None
        uploads, site = services_of(request).uploads, site_of(request)
        with site.receiving():
            blocks = site.arriving(request.stream())
            return _answer(await uploads.append(visitor.user.id, upload_id, offset, length, blocks), _NO_CONTENT)

    @router.delete("/uploads/{upload_id}", status_code=_NO_CONTENT, response_class=Response)
    async def cancel_upload(request: Request, visitor: Recording, upload_id: UUID) -> Response:
        """Forget a file that is not whole, or was refused."""
        await services_of(request).uploads.cancel(visitor.user.id, upload_id)
        return Response(status_code=_NO_CONTENT, headers=_VERSION)

    return router


def _answer(upload: Upload, status: int, **headers: str) -> Response:
    told = {"Upload-Offset": str(upload.received_bytes), "Upload-Length": str(upload.size_bytes)}
    return Response(status_code=status, headers={**_VERSION, **told, **headers})


def _number(request: Request, header: str) -> int:
    said = request.headers.get(header, "")
    if not said.isascii() or not said.isdecimal() or len(said) > len(str(2**63)):
        raise HTTPException(400)
    return int(said)


def _metadata(header: str) -> dict[str, str]:
    """Return the pairs of ``Upload-Metadata``: names with values in base64."""
    told = {}
    for pair in filter(None, (each.strip() for each in header.split(","))):
        name, _, packed = pair.partition(" ")
        try:
            told[name] = b64decode(packed, validate=True).decode()
        except (Error, ValueError):
            raise HTTPException(400) from None
    return told
