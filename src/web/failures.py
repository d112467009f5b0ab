"""What people read when something fails: one place for pages and the JSON interface."""

from http import HTTPStatus
from typing import NamedTuple

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

import texts.web_errors
from errors import (
    AccessDenied,
    BadInput,
    BadSettings,
    Cancelled,
    DatabaseUnavailable,
    NotARecording,
    NotFound,
    ObjectStoreUnavailable,
    OriginalGone,
    OutdatedButton,
    OutOfResources,
    ProviderError,
    RecordingTooLarge,
    VoxPersonaError,
)
from errors_of_operation import (
    DocumentNotAllowed,
    DocumentTooLarge,
    HourUsedUp,
    LimitReached,
    SignInNeeded,
    SignInRefused,
    TooManyTries,
    TooManyUploads,
    TranscriptChanged,
    TranscriptUnfinished,
    UploadOutOfStep,
)
from random_ids import new_code
from texts.errors_in_chats import chat_text
from web.rendering import Templates

log = structlog.get_logger(__name__)

API = "/api/"
_RETRY_S = 5
_STATUSES: dict[type[VoxPersonaError], int] = {
    SignInNeeded: 401,
    SignInRefused: 401,
    AccessDenied: 403,
    NotFound: 404,
    OriginalGone: 404,
    OutdatedButton: 409,
    TranscriptChanged: 409,
    TranscriptUnfinished: 409,
    UploadOutOfStep: 409,
    Cancelled: 409,
    RecordingTooLarge: 413,
    DocumentTooLarge: 413,
    NotARecording: 415,
    DocumentNotAllowed: 415,
    TooManyTries: 429,
    LimitReached: 429,
    TooManyUploads: 429,
    HourUsedUp: 429,
    BadInput: 422,
    BadSettings: 503,
    OutOfResources: 503,
    DatabaseUnavailable: 503,
    ObjectStoreUnavailable: 503,
    ProviderError: 503,
}


class Problem(BaseModel):
    """What the JSON interface says of a failure: ``message`` is for people, ``error`` for programs.

    By ``code`` the failure is found in the log; it is empty where people can mend it themselves.
    """

    error: str
    message: str
    code: str = ""


class _Told(NamedTuple):
    status: int
    problem: Problem
    retry_after_s: int | None = None


def response(request: Request, exc: Exception, templates: Templates) -> Response:
    """Return the answer to a request that failed: JSON under ``/api/``, else a page."""
    told = _told(exc)
    headers = {"Cache-Control": "no-store"}
    if told.retry_after_s is not None:
        headers["Retry-After"] = str(told.retry_after_s)
    if request.url.path.startswith(API):
        return JSONResponse(told.problem.model_dump(), told.status, headers)
    name = "sign_in.html" if told.status == HTTPStatus.UNAUTHORIZED else "failure.html"
    title = texts.web_errors.TITLES.get(told.status, texts.web_errors.TITLES[500])
    return templates.page(request, name, told.status, headers, title=title, problem=told.problem, code="")


def _told(exc: Exception) -> _Told:
    if isinstance(exc, VoxPersonaError):
        return _of_ours(exc)
    if isinstance(exc, RequestValidationError):
        # An address with a word in the place of a number is an address of nothing.
        in_address = any(error["loc"][0] == "path" for error in exc.errors())
        return _by_status(404 if in_address else 422)
    if isinstance(exc, HTTPException):
        return _by_status(exc.status_code)
    code = new_code()
    log.error("request_crashed", exc_info=exc, request_code=code)
    return _by_status(500, code)


def _of_ours(exc: VoxPersonaError) -> _Told:
    status = next((_STATUSES[each] for each in type(exc).__mro__ if each in _STATUSES), 500)
    code = "" if status < HTTPStatus.INTERNAL_SERVER_ERROR else new_code()
    # The reason of bad input may quote what a person typed.
    log.info("request_refused", error=exc.code, request_code=code, reason=str(exc) if code else "")
    given = exc.details.get("retry_after_s")
    retry = given if isinstance(given, int) else _RETRY_S if exc.retryable else None
    return _Told(status, Problem(error=exc.code, message=chat_text(exc.code, exc.user_text), code=code), retry)


def _by_status(status: int, code: str = "") -> _Told:
    sentences = texts.web_errors.SENTENCES
    message = sentences.get(status, sentences[400 if status < HTTPStatus.INTERNAL_SERVER_ERROR else 500])
    retry = _RETRY_S if status in {429, 503} else None
    return _Told(status, Problem(error=HTTPStatus(status).name.lower(), message=message, code=code), retry)
