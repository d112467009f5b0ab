"""A question as the JSON interface takes it: in words, or as sound, which is refused by its headers before it comes."""

import asyncio
from time import monotonic
from typing import Any, NamedTuple

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

import texts.web
from constants import LARGEST_SPOKEN_BYTES
from datamodels import UserId
from errors import EmptyFile, ProviderUnavailable, RecordingTooLarge
from random_ids import new_name
from utils import human_size
from web.api.models import VoiceIn
from web.forms import is_json
from web.site import services_of, site_of

QUESTION_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": VoiceIn.model_json_schema()},
        "audio/*": {"schema": {"type": "string", "format": "binary", "maxLength": LARGEST_SPOKEN_BYTES}},
    },
}
"""What OpenAPI says of a request that asks."""
_SOUND = ("audio/", "video/webm", "application/ogg")
"""How the types of sound begin: some browsers call a recording of their microphone a film."""
_PAUSE_S = 0.2


class Question(NamedTuple):
    """What is asked, in the chat number ``chat`` if the body names one. The same ``key`` asks once."""

    text: str
    chat: int | None
    key: str


async def question_of(request: Request, owner: UserId, until: float) -> Question:
    """Read a question in words, or hear it by the moment ``until``, of ``time.monotonic``.

    Raises:
        RequestValidationError: it is JSON and no question.
        HTTPException: 400 without a length, 415 for what is no sound.
        EmptyFile, RecordingTooLarge: there is nothing to hear, or too much.
        BadText, HourUsedUp, ProviderUnavailable: as of ``SpokenQuestions``, also when it is not heard in time.
    """
    if is_json(request):
        try:
            asked = VoiceIn.model_validate_json(await request.body())
        except ValidationError as exc:
            raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in exc.errors()]) from exc
        return Question(asked.text, asked.session_id, new_name())
    sound, spoken, site = await _sound_of(request), services_of(request).spoken, site_of(request)
    key = await spoken.put(owner, sound)
    while True:
        said = await spoken.said(owner, key)
        if said is not None:
            return Question(said.words, None, f"spoken:{said.id}")
        if site.closing.is_set() or monotonic() >= until:
            raise ProviderUnavailable(provider="speech to text", reason="not heard in time")
        await asyncio.sleep(_PAUSE_S)


async def _sound_of(request: Request) -> bytes:
    if not request.headers.get("content-type", "").lower().startswith(_SOUND):
        raise HTTPException(415)
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdecimal():
        raise HTTPException(400)
    name = texts.web.SPOKEN_NAME
    if int(length) > LARGEST_SPOKEN_BYTES:
        size, maximum = human_size(int(length)), human_size(LARGEST_SPOKEN_BYTES)
        raise RecordingTooLarge(file_name=name, size=size, maximum=maximum)
    if not int(length):
        raise EmptyFile(file_name=name)
    return b"".join([block async for block in site_of(request).arriving(request.stream())])
