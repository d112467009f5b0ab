"""Chats: questions to the archive, answers while they are written, their sources, ratings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import texts.web
from chats.questions import LONGEST_QUESTION
from chats.reading import source_in
from chats.sources import named_source
from chats.threads import shown_title
from conversations.ratings import COMMENT_CHARACTERS
from datamodels_chats import AnswerId, AnswerStatus
from dialogs import get_user_lock
from random_ids import new_name
from recordings.lookup import is_ready
from recordings.transcript_pages import SEGMENTS_ON_PAGE
from web.asking import asked_in, rated
from web.events import Seen, stream
from web.forms import Fields, one
from web.people import Asking, Looking
from web.rendering import Templates
from web.site import services_of, site_of

_SEE_OTHER = 303
_ON_PAGE = 20
_PAUSE_S = 0.4
"""As often as the bot looks for drafts."""


def routes(templates: Templates) -> APIRouter:
    """Make the routes."""
    router = APIRouter()
    _add_chats(router, templates)
    _add_answers(router, templates)
    return router


def _add_chats(router: APIRouter, templates: Templates) -> None:
    @router.get("/chats")
    async def listed(request: Request, visitor: Looking, page: Annotated[int, Query(ge=1)] = 1) -> Response:
        """List the person's chats, and offer to ask in the one that the person is in."""
        found = await services_of(request).chats.page(visitor.user.id, page, _ON_PAGE)
        return templates.page(
            request, "chats.html", title=texts.web.CHATS, found=found, key=new_name(), longest=LONGEST_QUESTION
        )

    @router.post("/chats")
    async def begin(request: Request, visitor: Asking) -> Response:
        """Begin a chat, unless there is an empty one."""
        async with get_user_lock(visitor.user.id):
            chat = await services_of(request).chats.begin(visitor.user.id)
        return RedirectResponse(f"/chats/{chat.number}", _SEE_OTHER)

    @router.get("/chats/{number}")
    async def one_chat(request: Request, visitor: Looking, number: int) -> Response:
        """Show a chat."""
        chat, answers = await services_of(request).reading.chat(visitor.user.id, number)
        return templates.page(
            request,
            "chat.html",
            title=shown_title(chat),
            chat=chat,
            answers=answers,
            waiting=any(each.status is AnswerStatus.WAITING for each in answers),
            key=new_name(),
            longest=LONGEST_QUESTION,
            longest_comment=COMMENT_CHARACTERS,
            speaks=services_of(request).has_voice(),
        )

    @router.post("/chats/{number}/questions")
    async def ask(request: Request, visitor: Asking, number: int, fields: Fields) -> Response:
        """Ask in a chat; the same form, sent twice, asks once."""
        await asked_in(
            services_of(request), visitor.user.id, number, one(fields, "question"), one(fields, "key") or new_name()
        )
        return RedirectResponse(f"/chats/{number}#last", _SEE_OTHER)


def _add_answers(router: APIRouter, templates: Templates) -> None:
    @router.get("/answers/{answer_id}/events")
    async def follow(request: Request, visitor: Looking, answer_id: UUID) -> Response:
        """Follow an answer while it is written."""
        services, owner = services_of(request), visitor.user.id
        await services.reading.answer(owner, AnswerId(answer_id))

        async def look() -> Seen:
            answer = await services.reading.answer(owner, AnswerId(answer_id))
            values = {"answer": answer, "longest_comment": COMMENT_CHARACTERS, "speaks": services.has_voice()}
            html = templates.part("_answer.html", visitor, **values)
            return Seen({"html": html}, final=answer.status is not AnswerStatus.WAITING)

        return stream(site_of(request), owner, look, pause_s=_PAUSE_S)

    @router.get("/answers/{answer_id}/sources/{place}")
    async def open_source(
        request: Request,
        visitor: Looking,
        answer_id: UUID,
        place: int,
        first: Annotated[int | None, Query(alias="from", ge=0)] = None,
        at: Annotated[float | None, Query(alias="t", ge=0)] = None,
    ) -> Response:
        """Show the transcript that an answer cites, whoever's it is, as ``/recordings/{number}`` does."""
        services, owner = services_of(request), visitor.user.id
        answer = await services.reading.answer(owner, AnswerId(answer_id))
        source, recording_id = source_in(answer, place)
        page = await services.transcripts.cited(owner, recording_id, first, at)
        return templates.page(
            request,
            "source.html",
            title=named_source(source, source.owner),
            chat=answer.chat_number,
            answer_id=answer_id,
            place=place,
            sound=not is_ready(page.recording),
            address=f"/answers/{answer_id}/sources/{place}",
            page=page,
            pages_of=SEGMENTS_ON_PAGE,
            at=at,
        )

    @router.post("/answers/{answer_id}/rating")
    async def rate(request: Request, visitor: Asking, answer_id: UUID, fields: Fields) -> Response:
        """Rate an answer, comment on it, or both."""
        services, owner = services_of(request), visitor.user.id
        answer = await services.reading.answer(owner, AnswerId(answer_id))
        await rated(services, owner, answer.id, one(fields, "stars"), one(fields, "comment"))
        return RedirectResponse(f"/chats/{answer.chat_number}#answer-{answer_id}", _SEE_OTHER)
