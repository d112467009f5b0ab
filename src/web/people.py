"""Who asks: the person of a session, and whether the person may do what the route is for."""

import re
import secrets
from datetime import tzinfo
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from access import Permission, may
from datamodels import User
from errors import AccessDenied
from errors_of_operation import ForeignRequest, SignInNeeded
from sign_in.sessions import form_token
from web.services import Services
from web.site import site_of

SESSION_COOKIE = "voxpersona_session"
FORM_FIELD = "csrf"
FORM_HEADER = "x-csrf-token"
FILE_FORMS = re.compile(r"/uploads|/avatars/[0-9]{1,9}/photos", re.ASCII)
"""Addresses of forms that have a file."""
_READING = frozenset(["GET", "HEAD", "OPTIONS"])
_OF_FORMS = "application/x-www-form-urlencoded"


class Visitor(NamedTuple):
    """A person in a browser; ``form_token`` goes along with whatever changes something.

    Clocks are shown as in ``zone``; None is that of the installation.
    """

    user: User
    form_token: str
    zone: tzinfo | None


class Needs:
    """A dependency that lets in whoever has signed in and has ``permission``."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Visitor:
        """Return who asks.

        Raises:
            SignInNeeded: nobody has signed in.
            AccessDenied: the person may not do this.
            ForeignRequest: the request would change something and does not come from a page of the session.
        """
        visitor = await visitor_of(request)
        if visitor is None:
            raise SignInNeeded
        if not may(visitor.user.role, self.permission):
            raise AccessDenied(person=visitor.user.id, permission=self.permission)
        # A file's form is checked as it comes, see ``web.console.plain_upload``.
        if request.method not in _READING and not _has_file(request):
            check_form(request, visitor.form_token, await _token_in(request))
        return visitor


async def visitor_of(request: Request) -> Visitor | None:
    """Return whose session a request belongs to; None without one. It is looked up once a request."""
    if not hasattr(request.state, "visitor"):
        token = request.cookies.get(SESSION_COOKIE)
        request.state.visitor = await _of_session(site_of(request).services, token) if token else None
    visitor: Visitor | None = request.state.visitor
    return visitor


async def _of_session(services: Services, token: str) -> Visitor | None:
    user = await services.sessions.find(token)
    if user is None:
        return None
    return Visitor(user, form_token(token), await services.preferences.zone_of(user.id))


def check_form(request: Request, expected: str, given: str) -> None:
    """Refuse what another site's page sends in the person's name.

    Raises:
        ForeignRequest: ``given`` is not the session's token, or the browser says that another site asks.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in {"same-origin", "none"} or not secrets.compare_digest(given.encode(), expected.encode()):
        raise ForeignRequest


def _has_file(request: Request) -> bool:
    return FILE_FORMS.fullmatch(request.url.path) is not None


async def _token_in(request: Request) -> str:
    if FORM_HEADER in request.headers:
        return request.headers[FORM_HEADER]
    if request.headers.get("content-type", "").partition(";")[0] != _OF_FORMS:
        return ""
    return str((await request.form()).get(FORM_FIELD, ""))


Governing = Annotated[Visitor, Depends(Needs(Permission.GOVERN))]
Inviting = Annotated[Visitor, Depends(Needs(Permission.INVITE))]
Looking = Annotated[Visitor, Depends(Needs(Permission.LOOK))]
Asking = Annotated[Visitor, Depends(Needs(Permission.ASK))]
Operating = Annotated[Visitor, Depends(Needs(Permission.OPERATE))]
Overseeing = Annotated[Visitor, Depends(Needs(Permission.OVERSEE))]
Recording = Annotated[Visitor, Depends(Needs(Permission.RECORD))]
