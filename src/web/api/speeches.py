"""Texts, answers and reports said aloud: orders, their history and their sound."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

import texts.speeches
from errors import BadText
from speeches.store import Speech
from texts.errors_in_chats import chat_text
from web.api.models import SpeechesOut, SpeechIn, SpeechOut
from web.people import Asking, Looking
from web.site import services_of
from web.speeches import ordered

_ON_PAGE = 50
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["speech"])

    @router.post("/tts", status_code=202)
    async def say(request: Request, visitor: Asking, asked: SpeechIn) -> SpeechOut:
        """Have a text, an answer or a report said; what was said before is there at once and costs nothing."""
        given = {name: str(value) for name, value in asked.model_dump(exclude_none=True).items()}
        if len(given) != 1:
            raise BadText(reason=texts.speeches.ONE_OF_THREE)
        services, owner = services_of(request), visitor.user.id
        [(name, value)] = given.items()
        id_ = await ordered(services, owner, name, value)
        return _out(await services.speeches.find(owner, id_))

    @router.get("/tts")
    async def list_speeches(
        request: Request, visitor: Looking, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1
    ) -> SpeechesOut:
        """List what was said for the person, the newest first."""
        found = await services_of(request).speeches.page(visitor.user.id, page, _ON_PAGE)
        return SpeechesOut(total=found.total, page=found.page, speeches=list(map(_out, found.speeches)))

    @router.get("/tts/{speech_id}")
    async def get_speech(request: Request, visitor: Looking, speech_id: UUID) -> SpeechOut:
        """Return how far a speech is."""
        return _out(await services_of(request).speeches.find(visitor.user.id, speech_id))

    @router.get("/tts/{speech_id}/sound", response_class=Response)
    async def get_speech_sound(request: Request, visitor: Looking, speech_id: UUID) -> Response:
        """Return the sound, Ogg Opus, whole or the range that is asked for."""
        sound = await services_of(request).speeches.sound(visitor.user.id, speech_id)
        return _ranged(sound, request.headers.get("range", ""))

    @router.delete("/tts/{speech_id}", status_code=204)
    async def delete_speech(request: Request, visitor: Asking, speech_id: UUID) -> Response:
        """Delete a speech."""
        await services_of(request).speeches.delete(visitor.user.id, speech_id)
        return Response(status_code=204)

    return router


def _out(speech: Speech) -> SpeechOut:
    failed = speech.error_code
    return SpeechOut(
        id=speech.id,
        kind=speech.kind,
        title=speech.title,
        characters=len(speech.text),
        is_whole=speech.is_whole,
        pieces=speech.pieces,
        pieces_done=speech.pieces if speech.is_ready else speech.pieces_said,
        ready=speech.is_ready,
        at_work=speech.ended_at is None,
        duration_s=speech.duration_s,
        error=failed,
        message=None if failed is None else chat_text(failed, speech.error_text),
        created_at=speech.created_at,
    )


def _ranged(content: bytes, wanted: str) -> Response:
    """Return a sound, or the one range of it that a player asks for (RFC 9110, 14)."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not any(found.groups()):
        return Response(content, media_type="audio/ogg", headers=headers)
    first, last = found.groups()
    size = len(content)
    begin = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if begin > end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
    return Response(content[begin : end + 1], 206, headers, media_type="audio/ogg")
