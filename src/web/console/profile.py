"""A person's own page: who they are here, what they have left of limits, what they set for themselves."""

from collections.abc import Iterable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.voice_notes
import texts.web
from access import Permission, may
from datamodels_telegram import FilePurpose
from errors import AccessDenied, UnknownChoice
from recordings.preferences import Quiet
from recordings.time_zones import zone_label, zone_said
from texts.transcript import LANGUAGES
from web.forms import Fields, one
from web.people import Looking, Visitor
from web.rendering import Templates
from web.site import services_of

_SEE_OTHER = 303
_ZONES = dict(texts.voice_notes.ZONES.values())
_VOICE_NOTES = (FilePurpose.RECORDING, FilePurpose.WORDS)
_CHOICES: Mapping[str, Iterable[str]] = {"quiet": Quiet, "language": LANGUAGES, "voice_notes": _VOICE_NOTES}
"""What can be chosen besides "", which sets nothing."""
_OF_RECORDINGS = frozenset(["language", "voice_notes"])
"""Who sends no recordings has none of these, here as in the bot."""


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/profile")
    async def shown(request: Request, visitor: Looking, saved: bool = False) -> Response:
        """Show the person's own page."""
        services, person = services_of(request), visitor.user
        settings = await services.preferences.of(person.id)
        own = settings.time_zone
        return templates.page(
            request,
            "profile.html",
            title=texts.web.PROFILE,
            settings=settings,
            left=await services.own_limits.left(person.id),
            zones={**_ZONES, **({} if own is None else {own: zone_label(own)})},
            voice_notes=[(each.value, texts.voice_notes.VOICE_NOTES[each]) for each in _VOICE_NOTES],
            quiet=[(each.value, texts.voice_notes.QUIET[each]) for each in Quiet],
            saved=saved,
        )

    @router.post("/profile")
    async def change(request: Request, visitor: Looking, fields: Fields) -> Response:
        """Change what the form has of the person's settings."""
        changed = _chosen(visitor, fields)
        preferences = services_of(request).preferences
        if typed := one(fields, "zone_other").strip():
            changed["time_zone"] = zone_said(typed)
        elif "time_zone" in fields:
            zone = one(fields, "time_zone") or None
            if zone not in {None, *_ZONES, (await preferences.of(visitor.user.id)).time_zone}:
                raise UnknownChoice(value=zone, allowed=", ".join(_ZONES))
            changed["time_zone"] = zone
        if changed:
            await preferences.set(visitor.user.id, **changed)
        return RedirectResponse("/profile?saved=true", _SEE_OTHER)

    return router


def _chosen(visitor: Visitor, fields: Mapping[str, list[str]]) -> dict[str, str | None]:
    """Return what was chosen in lists.

    Raises:
        AccessDenied: it is about recordings, and the person may send none.
        UnknownChoice: nothing like it can be chosen.
    """
    chosen: dict[str, str | None] = {}
    for name, choices in _CHOICES.items():
        if name not in fields:
            continue
        if name in _OF_RECORDINGS and not may(visitor.user.role, Permission.RECORD):
            raise AccessDenied(person=visitor.user.id, permission=Permission.RECORD)
        said = one(fields, name)
        if said and said not in set(choices):
            raise UnknownChoice(value=said, allowed=", ".join(choices))
        chosen[name] = said or None
    return chosen
