"""What stands before every page: who is asked for, how much may be sent, and what a browser may do with an answer."""

import re
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.failures import response
from web.forms import is_json
from web.people import FILE_FORMS
from web.rendering import Templates
from web.site import Site

OF_MONITORING = ("/health/", "/metrics", "/version")
OF_SERVICES = "/webhook/"
_PIECES = "/api/v1/uploads/"
_PHOTOS = re.compile(r"/api/v1/avatars/[0-9]{1,9}/photos", re.ASCII)
_VOICE = "/api/v1/voice/process"
_MOST_BYTES = 64 * 1024
"""The longest form: a question has a tenth of that. Files come elsewhere."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class Guard:
    """Middleware around all pages but those of monitoring, which have rules of their own."""

    def __init__(self, app: ASGIApp, site: Site, templates: Templates) -> None:
        self._app = app
        self._site = site
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever fails unforeseen ends here, in a page that tells nothing of itself."""
        if scope["type"] != "http" or scope["path"].startswith(OF_MONITORING):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _headers(self._site).items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(request)
            await self._app(scope, receive, guarded)
        except ClientDisconnect:
            # Whoever sent it has gone: there is nobody to answer.
            return
        except Exception as exc:
            if begun:
                raise
            await response(request, exc, self._templates)(scope, receive, guarded)

    def _check(self, request: Request) -> None:
        by_webhook = request.url.path.startswith(OF_SERVICES)
        if not self._site.is_asked_for(request.url.hostname, by_webhook=by_webhook):
            raise HTTPException(400)
        if request.method in {"GET", "HEAD", "OPTIONS"} or _brings_file(request):
            return
        length = request.headers.get("content-length")
        if length is None and "transfer-encoding" in request.headers:
            raise HTTPException(400)
        if length is not None and (not length.isdecimal() or int(length) > _MOST_BYTES):
            raise HTTPException(413)


def _brings_file(request: Request) -> bool:
    path = request.url.path
    if request.method == "PATCH":
        return path.startswith(_PIECES)
    if path == _VOICE:
        return not is_json(request)
    return any(each.fullmatch(path) for each in (FILE_FORMS, _PHOTOS))


def _headers(site: Site) -> dict[str, Any]:
    secure = {"Strict-Transport-Security": "max-age=31536000"} if site.is_secure else {}
    return {**_HEADERS, **secure}
