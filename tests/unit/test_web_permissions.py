"""Which permission each route of the console needs, written out: who adds one decides it here."""

from functools import cache

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from health.board import Board
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import Needs
from web.site import Site

ROUTES = """
nothing
    GET /health/live, HEAD /health/live, GET /health/ready, HEAD /health/ready, GET /metrics, GET /version
    GET /sign-in, GET /sign-in/{code}, POST /sign-in, GET /static/{name:path}, GET /api/v1/{path:path}
    POST /webhook/fal/status
look
    GET /, GET /work/events, POST /sign-out, GET /profile, POST /profile
    GET /recordings, GET /recordings/{number}, GET /recordings/{number}/events
    GET /reports, GET /reports/{number}
    GET /chats, GET /chats/{number}, GET /answers/{answer_id}/events
    GET /answers/{answer_id}/sources/{place}, GET /api/v1/me, GET /api/v1/events, GET /api/v1/openapi.json
    GET /api/v1/recordings, GET /api/v1/recordings/{number}, GET /api/v1/recordings/{number}/transcript
    GET /api/v1/recordings/{number}/transcript/file/{extension}
    GET /api/v1/recordings/{number}/sound, HEAD /api/v1/recordings/{number}/sound
    GET /api/v1/recordings/{number}/reports, GET /api/v1/reports, GET /api/v1/reports/{number}
    GET /api/v1/reports/{number}/file/{extension}, GET /api/v1/uploads, GET /api/v1/uploads/{upload_id}
    GET /api/v1/chats, GET /api/v1/chats/{number}, GET /api/v1/answers/{answer_id}
    GET /api/v1/answers/{answer_id}/events
    GET /avatars, GET /avatars/{number}, GET /avatars/{number}/events
    GET /avatars/{number}/photos, GET /avatars/{number}/photos/{photo_id}
    POST /avatars/{number}/photos/{photo_id}/delete
    POST /avatars/{number}/cancel, POST /avatars/{number}/delete, GET /pictures/{number}, POST /pictures/{number}/delete
    GET /speeches, GET /speeches/{speech_id}, GET /speeches/{speech_id}/events
    GET /api/v1/tts, GET /api/v1/tts/{speech_id}, GET /api/v1/tts/{speech_id}/sound
    GET /api/v1/answers/{answer_id}/sources/{place}/sound, HEAD /api/v1/answers/{answer_id}/sources/{place}/sound
ask
    POST /speeches, POST /speeches/{speech_id}/delete
    POST /api/v1/tts, DELETE /api/v1/tts/{speech_id}
    POST /api/v1/voice/process, POST /api/v1/voice/feedback
    POST /chats, POST /chats/{number}/questions, POST /answers/{answer_id}/rating
    POST /api/v1/chats, POST /api/v1/chats/{number}/questions, PUT /api/v1/answers/{answer_id}/rating
record
    POST /uploads, POST /uploads/{upload_id}/cancel
    GET /recordings/{number}/delete, POST /recordings/{number}/delete, POST /recordings/{number}/again
    POST /recordings/{number}/cancel, POST /recordings/{number}/kind, POST /recordings/{number}/visibility
    GET /recordings/{number}/edit, POST /recordings/{number}/edit
    GET /glossary, POST /glossary, POST /glossary/{term}/remove
    GET /api/v1/recordings/{number}/transcript/editing, POST /api/v1/recordings/{number}/transcript/edits
    GET /recordings/{number}/reports, POST /recordings/{number}/reports
    GET /api/v1/recordings/{number}/offer, POST /api/v1/recordings/{number}/reports
    POST /api/v1/uploads, HEAD /api/v1/uploads/{upload_id}, PATCH /api/v1/uploads/{upload_id}
    DELETE /api/v1/uploads/{upload_id}
    POST /avatars, POST /avatars/{number}/consent, POST /avatars/{number}/photos
    POST /api/v1/avatars/{number}/photos, POST /avatars/{number}/pictures, POST /avatars/{number}/start
oversee
    GET /api/v1/learning/stats, GET /api/v1/learning/export
invite
    GET /people, GET /people/{person_id}
    GET /invitations, POST /invitations, POST /invitations/{number}/revoke
govern
    POST /people/{person_id}/role, POST /people/{person_id}/block, POST /people/{person_id}/unblock
    GET /audit, GET /audit/file
operate
    GET /operation, GET /operation/events
    POST /operation/letters/retry, POST /operation/letters/dismiss
"""


@cache
def served() -> dict[str, str]:
    """What each route needs, read from the application itself."""
    application = new_application(Board(), Facts("1", None), None)
    add_console(application, Site())
    found = {}
    for context in iter_route_contexts(application.routes):
        route = context.original_route
        assert isinstance(route, APIRoute)
        needed = [each.call.permission for each in route.dependant.dependencies if isinstance(each.call, Needs)]
        assert len(needed) <= 1, context.path
        for method in route.methods or ():
            found[f"{method} {context.path}"] = str(needed[0]) if needed else "nothing"
    return found


def rows() -> list[tuple[str, str]]:
    found, permission = [], ""
    for line in ROUTES.strip().splitlines():
        if line.startswith(" "):
            found += [(each.strip(), permission) for each in line.split(",")]
        else:
            permission = line
    return found


@pytest.mark.parametrize(("route", "permission"), rows())
def test_a_route_needs_its_permission(route: str, permission: str) -> None:
    assert served().get(route) == permission


def test_every_route_has_one_row() -> None:
    named = [route for route, _ in rows()]
    assert sorted(named) == sorted(served())
