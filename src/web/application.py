"""The HTTP application: how the machine is, and what it has counted."""

import ipaddress
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr

from health.board import CRITICAL, Board

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of proxies: what comes through one on this machine may come from anywhere."""
_NO_STORE = {"Cache-Control": "no-store"}


class Facts(NamedTuple):
    """What is running; ``commit`` is None when it is not known."""

    version: str
    commit: str | None


def new_application(board: Board, facts: Facts, token: SecretStr | None) -> FastAPI:
    """Make the application.

    Everybody who reaches it may read that the process lives, and the states of the parts in words of ``health.board``.
    Metrics and version are for this machine, and for whoever has ``token``.
    """
    # FastAPI's own telemetry is off, even where the environment would switch it on: the metrics are ours.
    silent = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=silent)
    private = [Depends(_only_for_us(token))]

    @application.api_route("/health/live", methods=["GET", "HEAD"])
    async def live() -> Response:
        """Respond at all: that shows that the event loop runs."""
        return JSONResponse({"status": "alive"}, headers=_NO_STORE)

    @application.api_route("/health/ready", methods=["GET", "HEAD"])
    async def ready() -> Response:
        """Return the states of all parts; 503 while a critical one is down, or the process stops."""
        parts = {
            part: {
                "state": state.level,
                "since": state.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "why": state.why,
                "critical": part in CRITICAL,
            }
            for part, state in board.parts().items()
        }
        word, status = ("ready", 200) if board.is_ready else ("not_ready", 503)
        word = "stopping" if board.stopping else word
        return JSONResponse({"status": word, "parts": parts}, status, headers=_NO_STORE)

    @application.get("/metrics", dependencies=private)
    async def metrics() -> Response:
        """Return the metrics in the text format of Prometheus."""
        board.parts()
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST, **_NO_STORE})

    @application.get("/version", dependencies=private)
    async def version() -> Response:
        """Return the version, and the commit where it is known."""
        return JSONResponse({"version": facts.version, "commit": facts.commit}, headers=_NO_STORE)

    return application


def _only_for_us(token: SecretStr | None) -> Callable[..., Any]:
    """Return a dependency that refuses requests from other machines, unless they have the token."""

    async def check(request: Request) -> None:
        if not (_is_of_this_machine(request) or _has(request, token)):
            raise HTTPException(403)

    return check


def _is_of_this_machine(request: Request) -> bool:
    # The name that was asked for counts, too: a page in a browser here can point a name of its own at this address.
    named = request.url.hostname or ""
    peer = request.client.host if request.client else ""
    return _is_loopback(peer) and _is_loopback(named) and not any(name in request.headers for name in _FORWARDED)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _has(request: Request, token: SecretStr | None) -> bool:
    if token is None:
        return False
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), token.get_secret_value().encode())
