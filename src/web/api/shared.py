"""What the routes of the JSON interface share."""

from typing import Any
from urllib.parse import quote

from fastapi.responses import Response

from datamodels_chats import ReadAnswer
from recordings.lookup import RecordingView, is_at_work, is_ready
from recordings.uploads_store import Upload
from texts.errors_in_chats import chat_text
from web.api.models import AnswerOut, RecordingOut, UploadOut
from web.failures import Problem

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
}
"""What every route may answer when it fails."""

_MEDIA_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "srt": "application/x-subrip; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


def download(content: bytes, name: str, extension: str) -> Response:
    """Return a file to be saved under ``name``, never shown in the page's own name."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=_MEDIA_TYPES.get(extension, "application/octet-stream"), headers=headers)


def recording_out(view: RecordingView) -> RecordingOut:
    """Return a recording as the interface has it."""
    recording, progress = view.recording, view.progress
    return RecordingOut(
        number=recording.number,
        file_name=recording.file_name,
        size_bytes=recording.size_bytes,
        duration_s=recording.duration_s,
        scenario=recording.request.scenario,
        visibility=recording.visibility,
        stage=recording.stage,
        at_work=is_at_work(recording),
        has_sound=not is_ready(recording),
        parts_done=progress.parts_done,
        parts_total=progress.parts_total,
        error=recording.error_code,
        message=_message(recording.error_code, recording.error_text),
        metadata=view.metadata,
        created_at=recording.created_at,
    )


def upload_out(upload: Upload) -> UploadOut:
    """Return an upload as the interface has it."""
    return UploadOut(
        id=upload.id,
        file_name=upload.file_name,
        size_bytes=upload.size_bytes,
        received_bytes=upload.received_bytes,
        state=upload.state,
        recording=upload.recording_number,
        known=upload.known,
        error=upload.error_code,
        message=_message(upload.error_code, upload.error_text),
    )


def answer_out(answer: ReadAnswer) -> AnswerOut:
    """Return an answer as the interface has it."""
    outcome = answer.outcome
    return AnswerOut(
        id=answer.id,
        chat=answer.chat_number,
        question=answer.question,
        asked_at=answer.asked_at,
        status=answer.status,
        text=answer.draft if outcome is None else outcome.text,
        note=None if outcome is None else outcome.note,
        basis=None if outcome is None else outcome.basis,
        model=None if outcome is None else outcome.model,
        response_s=None if outcome is None else outcome.duration_s,
        sources=[] if outcome is None else list(outcome.sources),
        stars=answer.stars,
        comment=answer.comment,
    )


def _message(code: str | None, text: str | None) -> str | None:
    return None if code is None else chat_text(code, text)
