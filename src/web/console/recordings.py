"""Recordings: the list, a recording with its transcript and sound, and what people do about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.telegram_recordings
import texts.web
from access import Permission, may
from constants import NO_SCENARIO
from datamodels import RunStatus, ScenarioId, Stage, UserId, Visibility
from dialogs import get_user_lock
from errors import UnknownChoice
from metadata.parsing import metadata_lines
from random_ids import new_name
from recordings.lookup import RecordingView, has_stopped, is_at_work, is_ready, is_transcribed
from recordings.transcript_pages import SEGMENTS_ON_PAGE
from transcript_formats import TRANSCRIPT_FORMATS
from web.events import Seen, stream
from web.forms import Fields, one
from web.people import Looking, Recording
from web.progress import shown, shown_runs
from web.rendering import Templates
from web.services import Services
from web.site import services_of, site_of

_SEE_OTHER = 303
_ON_PAGE = 20
_OPEN = frozenset([RunStatus.QUEUED, RunStatus.RUNNING])


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()
    _add_list(router, templates)
    _add_reading(router, templates)
    _add_changes(router, templates)
    return router


def _add_list(router: APIRouter, templates: Templates) -> None:
    @router.get("/recordings")
    async def listed(
        request: Request, visitor: Looking, page: Annotated[int, Query(ge=1)] = 1, scenario: str = ""
    ) -> Response:
        """List the person's recordings, of one kind or of all."""
        services = services_of(request)
        kind = ScenarioId(scenario) if scenario else None
        found = await services.recordings.page(visitor.user.id, kind, page, _ON_PAGE)
        return templates.page(
            request,
            "recordings.html",
            title=texts.web.RECORDINGS,
            found=found,
            pages=max(1, -(-found.total // _ON_PAGE)),
            views=[(each, shown(each)) for each in found.views],
            kinds=_kinds(services),
            scenario=scenario,
        )


def _add_reading(router: APIRouter, templates: Templates) -> None:
    @router.get("/recordings/{number}")
    async def one_recording(
        request: Request,
        visitor: Looking,
        number: int,
        first: Annotated[int | None, Query(alias="from", ge=0)] = None,
        at: Annotated[float | None, Query(alias="t", ge=0)] = None,
    ) -> Response:
        """Show a recording with a page of its transcript: the one ``from`` a segment, or at ``t`` seconds."""
        services, owner = services_of(request), visitor.user.id
        page = await services.transcripts.page(owner, number, first, at)
        view = await services.recordings.view(owner, number)
        recording = view.recording
        return templates.page(
            request,
            "recording.html",
            title=texts.web.RECORDING.format(number=number),
            recording=recording,
            facts=metadata_lines(view.metadata),
            page=page,
            pages_of=SEGMENTS_ON_PAGE,
            at=at,
            kinds=_kinds(services),
            formats=[(extension, form.label) for extension, form in TRANSCRIPT_FORMATS.items()],
            sound=not is_ready(recording),
            transcribed=is_transcribed(recording),
            editable=recording.stage is Stage.DONE and may(visitor.user.role, Permission.RECORD),
            **await _state(services, owner, view),
        )

    @router.get("/recordings/{number}/events")
    async def follow(request: Request, visitor: Looking, number: int) -> Response:
        """Follow the work on a recording and its reports."""
        services, owner = services_of(request), visitor.user.id
        await services.recordings.find(owner, number)

        async def look() -> Seen:
            state = await _state(services, owner, await services.recordings.view(owner, number))
            html = templates.part("_state.html", visitor, number=number, **state)
            return Seen({"html": html}, final=not state["working"])

        return stream(site_of(request), owner, look)


def _add_changes(router: APIRouter, templates: Templates) -> None:
    @router.get("/recordings/{number}/delete")
    async def ask_to_delete(request: Request, visitor: Recording, number: int) -> Response:
        """Ask whether a recording shall be deleted."""
        view = await services_of(request).recordings.view(visitor.user.id, number)
        return templates.page(
            request,
            "delete.html",
            title=texts.web.DELETE,
            recording=view.recording,
            reports=view.progress.runs.get(RunStatus.DONE, 0),
        )

    @router.post("/recordings/{number}/delete")
    async def delete(request: Request, visitor: Recording, number: int) -> Response:
        """Delete a recording."""
        services, owner = services_of(request), visitor.user.id
        async with get_user_lock(owner):
            recording = await services.recordings.find(owner, number)
            await services.changes.delete(owner, recording.id, new_name())
        return RedirectResponse("/recordings", _SEE_OTHER)

    @router.post("/recordings/{number}/again")
    async def again(request: Request, visitor: Recording, number: int) -> Response:
        """Work on a recording again, unless it is being worked on."""
        async with get_user_lock(visitor.user.id):
            await services_of(request).intake.process_stopped_again(visitor.user.id, number)
        return _to(number)

    @router.post("/recordings/{number}/cancel")
    async def cancel(request: Request, visitor: Recording, number: int) -> Response:
        """Stop the work on a recording; what is done stays."""
        await services_of(request).cancellations.cancel_recording(visitor.user.id, number)
        return _to(number)

    @router.post("/recordings/{number}/kind")
    async def kind(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Say what a recording is."""
        async with get_user_lock(visitor.user.id):
            await services_of(request).descriptions.correct_scenario(visitor.user.id, number, one(fields, "scenario"))
        return _to(number)

    @router.post("/recordings/{number}/visibility")
    async def visibility(request: Request, visitor: Recording, number: int, fields: Fields) -> Response:
        """Say who finds a recording when asking."""
        said = one(fields, "visibility")
        if said not in set(Visibility):
            raise UnknownChoice(value=said, allowed=", ".join(Visibility))
        await services_of(request).changes.show_to(visitor.user.id, number, Visibility(said))
        return _to(number)


async def _state(services: Services, owner: UserId, view: RecordingView) -> dict[str, Any]:
    runs = await services.orders.of_recording(owner, view.recording.number)
    at_work = is_at_work(view.recording)
    return {
        "shown": shown(view),
        "runs": shown_runs(services.pack, runs),
        "at_work": at_work,
        "stopped": has_stopped(view.recording),
        "working": at_work or any(run.status in _OPEN or (run.text and run.number is None) for run in runs),
    }


def _kinds(services: Services) -> list[tuple[str, str]]:
    named = [(str(each.id), each.label) for each in services.pack.scenarios]
    return [*named, (NO_SCENARIO, texts.telegram_recordings.NO_SCENARIO)]


def _to(number: int) -> Response:
    return RedirectResponse(f"/recordings/{number}", _SEE_OTHER)
