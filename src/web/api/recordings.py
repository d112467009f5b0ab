"""Recordings, their transcripts and sound, and their reports."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from datamodels import ReportId, UserId
from dialogs import get_user_lock
from errors import BadText, BuildingNeeded
from markups.reports import report_file_name, transcript_file_name
from reports.orders import Lack
from texts.transcript import full_label
from texts.web import NOT_YET
from web.api.models import (
    OfferedOut,
    OfferOut,
    OrderIn,
    RecordingOut,
    RecordingsOut,
    ReportLineOut,
    ReportOut,
    ReportsOut,
    RunOut,
    SegmentOut,
    TranscriptOut,
)
from web.api.shared import download, recording_out
from web.people import Looking, Recording
from web.services import Services
from web.site import services_of

_ON_PAGE = 50
_PRIVATE = {"Cache-Control": "private, max-age=600"}

Page = Annotated[int, Query(ge=1)]


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["recordings"])
    _add_recordings(router)
    _add_orders(router)
    _add_archive(router)
    return router


def _add_recordings(router: APIRouter) -> None:
    @router.get("/recordings")
    async def list_recordings(request: Request, visitor: Looking, page: Page = 1) -> RecordingsOut:
        """List the person's recordings."""
        services, owner = services_of(request), visitor.user.id
        found = await services.recordings.page(owner, None, page, _ON_PAGE)
        return RecordingsOut(total=found.total, page=found.page, recordings=list(map(recording_out, found.views)))

    @router.get("/recordings/{number}")
    async def get_recording(request: Request, visitor: Looking, number: int) -> RecordingOut:
        """Return a recording with its progress."""
        return recording_out(await services_of(request).recordings.view(visitor.user.id, number))

    @router.get("/recordings/{number}/transcript")
    async def get_transcript(
        request: Request,
        visitor: Looking,
        number: int,
        first: Annotated[int | None, Query(ge=0)] = None,
        at: Annotated[float | None, Query(ge=0)] = None,
    ) -> TranscriptOut:
        """Return a stretch of a transcript: the one that begins with segment ``first``, or that has ``at`` seconds."""
        page = await services_of(request).transcripts.page(visitor.user.id, number, first, at)
        head = page.head
        if head is None:
            raise BadText(reason=NOT_YET)
        segments = [
            SegmentOut(
                start=each.start,
                end=each.end,
                speaker=full_label(each.role, each.speaker, head.names.get(each.speaker or "")),
                text=each.text,
                words=None if each.words is None else [word.start for word in each.words],
            )
            for each in page.segments
        ]
        known = head.model_dump(include={"language", "duration_s", "speakers", "missing", "total"})
        return TranscriptOut(**known, first=page.first, segments=segments)

    @router.get("/recordings/{number}/transcript/file/{extension}", response_class=Response)
    async def get_transcript_file(request: Request, visitor: Looking, number: int, extension: str) -> Response:
        """Return a transcript as a file: txt, docx, pdf, srt, vtt or json."""
        services, owner = services_of(request), visitor.user.id
        recording = await services.recordings.find(owner, number)
        content, recording = await services.files.transcript(owner, recording.id, extension)
        return download(content, transcript_file_name(recording, extension), extension)

    @router.head("/recordings/{number}/sound", include_in_schema=False)
    @router.get("/recordings/{number}/sound", response_class=FileResponse)
    async def get_sound(request: Request, visitor: Looking, number: int) -> FileResponse:
        """Return the sound of a recording, whole or the ranges that are asked for."""
        sound = await services_of(request).listening.own(visitor.user.id, number)
        return FileResponse(sound.path, media_type=sound.media_type, headers=_PRIVATE)


def _add_orders(router: APIRouter) -> None:
    @router.get("/recordings/{number}/offer")
    async def get_offer(request: Request, visitor: Recording, number: int) -> OfferOut:
        """Return the reports that a recording can have, each with what it is expected to take."""
        services, owner = services_of(request), visitor.user.id
        offer = await services.orders.offer(owner, number)
        reports = [await _offered(services, owner, number, each.report.id, each.lack) for each in offer.reports]
        return OfferOut(lack=offer.lack, building=offer.building, reports=reports)

    @router.get("/recordings/{number}/reports")
    async def get_runs(request: Request, visitor: Looking, number: int) -> list[RunOut]:
        """Return the reports that were ordered of a recording."""
        services = services_of(request)
        return [
            RunOut(
                report=run.report_id,
                label=services.pack.label_of(run.report_id),
                status=run.status,
                number=run.number,
                passes_done=run.passes_done,
                passes_total=run.passes_total,
                error=run.error_code,
            )
            for run in await services.orders.of_recording(visitor.user.id, number)
        ]

    @router.post("/recordings/{number}/reports", status_code=202)
    async def order_reports(request: Request, visitor: Recording, number: int, wanted: OrderIn) -> list[RunOut]:
        """Order reports; one that is there, or on its way, is not written twice."""
        services, owner = services_of(request), visitor.user.id
        async with get_user_lock(owner):
            for each in wanted.reports:
                made = await services.orders.order(owner, number, ReportId(each), None, wanted.building)
                if made.lack is Lack.BUILDING:
                    raise BuildingNeeded(labels=each)
                if made.lack is not None:
                    raise BadText(reason=NOT_YET)
        return await get_runs(request, visitor, number)


def _add_archive(router: APIRouter) -> None:
    @router.get("/reports")
    async def list_reports(request: Request, visitor: Looking, page: Page = 1) -> ReportsOut:
        """List the person's reports."""
        lines = await services_of(request).archive.list(visitor.user.id)
        wanted = range(len(lines))[(page - 1) * _ON_PAGE : page * _ON_PAGE]
        found = [lines[place] for place in wanted]
        reports = [
            ReportLineOut(
                number=each.number, title=each.title, recording=each.recording_number, created_at=each.created_at
            )
            for each in found
        ]
        return ReportsOut(total=len(lines), page=page, reports=reports)

    @router.get("/reports/{number}")
    async def get_report(request: Request, visitor: Looking, number: int) -> ReportOut:
        """Return a report."""
        services, owner = services_of(request), visitor.user.id
        entry = await services.archive.find(owner, number)
        document = (await services.files.document(owner, entry.id)).document
        return ReportOut(
            number=entry.number,
            title=entry.title,
            recording=entry.recording_number,
            created_at=entry.created_at,
            text=document.text,
            indices=list(document.indices),
            notes=list(document.notes),
        )

    @router.get("/reports/{number}/file/{extension}", response_class=Response)
    async def get_report_file(request: Request, visitor: Looking, number: int, extension: str) -> Response:
        """Return a report as a file: docx, pdf, md or json."""
        services, owner = services_of(request), visitor.user.id
        entry = await services.archive.find(owner, number)
        content, made = await services.files.report(owner, entry.id, extension)
        return download(content, report_file_name(entry.number, made.title, extension), extension)


async def _offered(services: Services, owner: UserId, number: int, report: ReportId, lack: Lack | None) -> OfferedOut:
    takes = await services.estimates.of(owner, number, [report])
    return OfferedOut(
        id=report,
        label=services.pack.label_of(report),
        lack=lack,
        calls=None if takes is None else takes.calls,
        tokens=None if takes is None else takes.usage.prompt_tokens + takes.usage.completion_tokens,
        seconds=None if takes is None else takes.seconds,
        cost_usd=None if takes is None or takes.cost_usd is None else float(takes.cost_usd),
    )
