"""Avatars: a list, a page for each with training and pictures, a page of its photographs, and the files of both."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.avatars
import texts.web_avatars
from avatars.models import MOST_PHOTOS, Aspect, Gender
from avatars.photos import LARGEST_BYTES, SMALLEST_SIDE
from datamodels_telegram import ChatId
from errors import BadText
from errors_of_operation import PhotoRefused
from random_ids import new_name
from utils import human_size
from web.avatars import avatars_of, shown_avatar
from web.console.plain_upload import FileForm
from web.events import Seen, stream
from web.forms import Fields, one
from web.people import FORM_FIELD, Looking, Recording, Visitor, check_form
from web.rendering import Templates
from web.site import services_of, site_of

_SEE_OTHER = 303
_LONGEST_NAME, _LONGEST_PROMPT, _LONGEST_KEY = 50, 1000, 64
_AROUND_FILE = 8 * 1024
"""The most bytes that a form has beside its file."""
_KEPT = {"Cache-Control": "private, max-age=3600"}

Page = Annotated[int, Query(ge=1, le=1_000_000)]


def routes(templates: Templates) -> APIRouter:
    """Make the routes. Where no avatars are made, there is nothing at these addresses."""
    router = APIRouter()
    _add_list(router, templates)
    _add_avatar(router, templates)
    _add_changes(router)
    _add_pictures(router)
    _add_photos(router, templates)
    return router


def _add_list(router: APIRouter, templates: Templates) -> None:
    @router.get("/avatars")
    async def listed(request: Request, visitor: Looking) -> Response:
        """List the person's avatars, and offer to make one."""
        avatars = avatars_of(services_of(request)).avatars
        return templates.page(
            request,
            "avatars.html",
            title=texts.web_avatars.TITLE,
            avatars=await avatars.all_of(visitor.user.id),
            own_avatars=True,
            statuses=texts.avatars.STATUSES,
            genders=texts.avatars.GENDERS,
            longest=_LONGEST_NAME,
            is_test=avatars.rules.is_test,
        )

    @router.post("/avatars")
    async def create(request: Request, visitor: Recording, fields: Fields) -> Response:
        """Make an avatar that takes photographs."""
        avatars = avatars_of(services_of(request)).avatars
        gender = _gender_in(fields)
        made = await avatars.create(visitor.user.id, _chat_of(visitor), one(fields, "name"))
        await avatars.set_gender(visitor.user.id, made.number, gender)
        await avatars.consent(visitor.user.id, made.number)
        return _to(made.number)


def _add_avatar(router: APIRouter, templates: Templates) -> None:
    @router.get("/avatars/{number}")
    async def one_avatar(request: Request, visitor: Looking, number: int, page: Page = 1) -> Response:
        """Show an avatar."""
        shown = await shown_avatar(avatars_of(services_of(request)), visitor.user.id, number, page)
        return templates.page(
            request,
            "avatar.html",
            title=shown["avatar"].name,
            own_avatars=True,
            genders=texts.avatars.GENDERS,
            aspects=texts.avatars.ASPECTS,
            statuses=texts.avatars.STATUSES,
            largest=LARGEST_BYTES,
            least=SMALLEST_SIDE,
            too_large=_refusal(texts.avatars.TOO_LARGE.format(most=human_size(LARGEST_BYTES))),
            unknown=_refusal(texts.avatars.NO_PHOTO),
            longest=_LONGEST_PROMPT,
            key=new_name(),
            **shown,
        )

    @router.get("/avatars/{number}/events")
    async def follow(request: Request, visitor: Looking, number: int, page: Page = 1) -> Response:
        """Follow an avatar while photographs come, and while it is trained or paints."""
        made_with, owner = avatars_of(services_of(request)), visitor.user.id
        await made_with.avatars.card(owner, number)
        key = new_name()

        async def look() -> Seen:
            shown = await shown_avatar(made_with, owner, number, page)
            html = templates.part("_avatar.html", visitor, key=key, statuses=texts.avatars.STATUSES, **shown)
            return Seen({"html": html}, final=not shown["goes_on"])

        return stream(site_of(request), owner, look)


def _add_changes(router: APIRouter) -> None:
    @router.post("/avatars/{number}/consent")
    async def consent(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Finish an avatar that was begun: who is shown, and that they agree."""
        avatars = avatars_of(services_of(request)).avatars
        gender = _gender_in(fields)
        await avatars.set_gender(visitor.user.id, number, gender)
        await avatars.consent(visitor.user.id, number)
        return _to(number)

    @router.post("/avatars/{number}/photos")
    async def send(request: Request, visitor: Recording, number: int) -> Response:
        """Take one photograph of a form; pages with scripts send theirs to the JSON interface."""
        made_with, site = avatars_of(services_of(request)), site_of(request)
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            raise HTTPException(400)
        await made_with.avatars.card(visitor.user.id, number)
        with site.receiving():
            form = FileForm(request, site.arriving(request.stream()))
            await form.read_fields()
            check_form(request, visitor.form_token, form.fields.get(FORM_FIELD, ""))
            least = max(0, int(length) - _AROUND_FILE)
            await made_with.drops.receive(visitor.user.id, number, least, form.content())
        return _to(number)

    @router.post("/avatars/{number}/start")
    async def start(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Start the training; the same form, sent twice, starts one."""
        key = f"web:{one(fields, 'key')[:_LONGEST_KEY] or new_name()}"
        await avatars_of(services_of(request)).avatars.start(visitor.user.id, number, key)
        return _to(number)

    @router.post("/avatars/{number}/cancel")
    async def cancel(request: Request, visitor: Looking, number: int) -> Response:
        """Ask for the training to end."""
        await avatars_of(services_of(request)).avatars.cancel(visitor.user.id, number)
        return _to(number)

    @router.post("/avatars/{number}/delete")
    async def delete(request: Request, visitor: Looking, number: int) -> Response:
        """Delete an avatar with all that belongs to it."""
        await avatars_of(services_of(request)).avatars.delete(visitor.user.id, number)
        return RedirectResponse("/avatars", _SEE_OTHER)


def _add_pictures(router: APIRouter) -> None:
    @router.post("/avatars/{number}/pictures")
    async def paint(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Order a picture; the same form, sent twice, orders one."""
        aspect, key = one(fields, "aspect"), one(fields, "key")[:_LONGEST_KEY] or new_name()
        if aspect not in set(Aspect):
            raise BadText(reason=texts.web_avatars.BAD_ASPECT)
        avatars = avatars_of(services_of(request)).avatars
        await avatars.paint(visitor.user.id, number, Aspect(aspect), one(fields, "prompt"), f"web:{key}")
        return _to(number)

    @router.get("/pictures/{number}")
    async def picture(request: Request, visitor: Looking, number: int, *, small: bool = False) -> Response:
        """Return a picture, whole or small."""
        found = await avatars_of(services_of(request)).gallery.picture(visitor.user.id, number, small=small)
        named = f"inline; filename*=UTF-8''{quote(found.file_name)}"
        return Response(found.content, media_type=found.media_type, headers={**_KEPT, "Content-Disposition": named})

    @router.post("/pictures/{number}/delete")
    async def delete_picture(request: Request, visitor: Looking, number: int) -> Response:
        """Delete a picture."""
        avatar = await avatars_of(services_of(request)).avatars.delete_picture(visitor.user.id, number)
        return _to(avatar.number)


def _add_photos(router: APIRouter, templates: Templates) -> None:
    # Nobody has to be allowed to take out a photograph of themselves.
    @router.get("/avatars/{number}/photos")
    async def photos(request: Request, visitor: Looking, number: int) -> Response:
        """Show each photograph that an avatar is trained with, until it is."""
        avatar, listed = await avatars_of(services_of(request)).photo_set.listed(visitor.user.id, number)
        title = texts.web_avatars.PHOTOS_OF.format(name=avatar.name)
        return templates.page(
            request, "avatar_photos.html", title=title, own_avatars=True, avatar=avatar, photos=listed, most=MOST_PHOTOS
        )

    @router.get("/avatars/{number}/photos/{photo_id}")
    async def photo(
        request: Request, visitor: Looking, number: int, photo_id: UUID, *, small: bool = False
    ) -> Response:
        """Return a photograph, whole or small."""
        photo_set = avatars_of(services_of(request)).photo_set
        content = await photo_set.content(visitor.user.id, number, photo_id, small=small)
        return Response(content, media_type="image/jpeg")

    @router.post("/avatars/{number}/photos/{photo_id}/delete")
    async def delete_photo(request: Request, visitor: Looking, number: int, photo_id: UUID) -> Response:
        """Delete a photograph."""
        photo_set = avatars_of(services_of(request)).photo_set
        await photo_set.remove(visitor.user.id, number, photo_id)
        return RedirectResponse(f"/avatars/{number}/photos", _SEE_OTHER)


def _refusal(reason: str) -> str:
    """Return what the page says before it sends a photograph, as the service says it afterwards."""
    return PhotoRefused(reason=reason).user_text


def _gender_in(fields: Fields) -> Gender:
    """Return who is shown, of a form that confirms their consent.

    Raises:
        BadText: it says neither.
    """
    said = one(fields, "gender")
    if said not in set(Gender):
        raise BadText(reason=texts.web_avatars.NO_GENDER)
    if not one(fields, "consent"):
        raise BadText(reason=texts.web_avatars.NO_CONSENT)
    return Gender(said)


def _chat_of(visitor: Visitor) -> ChatId | None:
    """Return the private chat of a person, whose id is that of the person; None without a messenger."""
    return None if visitor.user.telegram_id is None else ChatId(visitor.user.telegram_id)


def _to(number: int) -> Response:
    return RedirectResponse(f"/avatars/{number}", _SEE_OTHER)
