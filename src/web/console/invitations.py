"""Invitations: those that let people in, a new one with its link and picture, and how one is taken back."""

import asyncio

import segno
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import texts.access
import texts.web_administration
from access import below
from datamodels import Role
from errors import BadText
from sign_in.invitations import USES
from web.forms import Fields, one
from web.people import Inviting
from web.rendering import Templates
from web.site import services_of

_SEE_OTHER = 303


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/invitations")
    async def listed(request: Request, visitor: Inviting) -> Response:
        """List the invitations that let people in, and offer to make one."""
        administration = services_of(request).administration
        return templates.page(
            request,
            "invitations.html",
            title=texts.web_administration.INVITATIONS,
            invitations=await administration.invitations.open(),
            lower=below(visitor.user.role),
            uses=texts.web_administration.USES,
            has_bot=bool(administration.bot_name()),
        )

    @router.post("/invitations")
    async def make(request: Request, visitor: Inviting, fields: Fields) -> Response:
        """Make an invitation and show its link, which nobody sees again."""
        administration, role, uses = services_of(request).administration, one(fields, "role"), one(fields, "uses")
        if role not in set(Role) or uses not in map(str, USES):
            raise BadText(reason=texts.web_administration.BAD_INVITATION)
        bot = administration.bot_name()
        if not bot:
            raise BadText(reason=texts.web_administration.INVITE_NO_BOT)
        made, code = await administration.invitations.make(visitor.user.id, Role(role), int(uses))
        link = texts.access.LINK.format(bot=bot, code=code)
        picture = await asyncio.to_thread(_picture, link)
        title = texts.web_administration.MADE.format(number=made.number)
        return templates.page(request, "invitation.html", title=title, made=made, link=link, picture=picture)

    @router.post("/invitations/{number}/revoke")
    async def revoke(request: Request, visitor: Inviting, number: int) -> Response:
        """Take an invitation back."""
        await services_of(request).administration.invitations.revoke(visitor.user.id, number)
        return RedirectResponse("/invitations", _SEE_OTHER)

    return router


def _picture(link: str) -> str:
    """Return a QR code as an address that has its data in it."""
    return str(segno.make(link, micro=False).png_data_uri(scale=6, border=4))
