"""Chats: questions, answers while they are written, sources that can be heard, ratings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from chats.reading import source_in
from datamodels_chats import AnswerId, AnswerStatus, Chat
from dialogs import get_user_lock
from random_ids import new_name
from web.api.models import AnswerOut, ChatOut, ChatsOut, ChatWithAnswersOut, QuestionIn, RatingIn
from web.api.shared import answer_out
from web.asking import asked_in, rated
from web.events import Seen, stream
from web.people import Asking, Looking
from web.site import services_of, site_of

_ON_PAGE = 50
_PAUSE_S = 0.4
_PRIVATE = {"Cache-Control": "private, max-age=600"}


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["chats"])
    _add_chats(router)
    _add_answers(router)
    return router


def _add_chats(router: APIRouter) -> None:
    @router.get("/chats")
    async def list_chats(request: Request, visitor: Looking, page: Annotated[int, Query(ge=1)] = 1) -> ChatsOut:
        """List the person's chats."""
        found = await services_of(request).chats.page(visitor.user.id, page, _ON_PAGE)
        return ChatsOut(total=found.total, page=found.page, chats=list(map(_chat_out, found.chats)))

    @router.post("/chats", status_code=201)
    async def begin_chat(request: Request, visitor: Asking) -> ChatOut:
        """Begin a chat, unless there is an empty one."""
        async with get_user_lock(visitor.user.id):
            return _chat_out(await services_of(request).chats.begin(visitor.user.id))

    @router.get("/chats/{number}")
    async def get_chat(request: Request, visitor: Looking, number: int) -> ChatWithAnswersOut:
        """Return a chat with its latest answers."""
        chat, answers = await services_of(request).reading.chat(visitor.user.id, number)
        return ChatWithAnswersOut(**_chat_out(chat).model_dump(), answers=list(map(answer_out, answers)))

    @router.post("/chats/{number}/questions", status_code=202)
    async def ask(request: Request, visitor: Asking, number: int, asked: QuestionIn) -> ChatWithAnswersOut:
        """Ask a question; the answer is there as soon as its status says so."""
        await asked_in(services_of(request), visitor.user.id, number, asked.question, asked.key or new_name())
        return await get_chat(request, visitor, number)


def _add_answers(router: APIRouter) -> None:
    @router.get("/answers/{answer_id}")
    async def get_answer(request: Request, visitor: Looking, answer_id: UUID) -> AnswerOut:
        """Return an answer as it stands."""
        return answer_out(await services_of(request).reading.answer(visitor.user.id, AnswerId(answer_id)))

    @router.get("/answers/{answer_id}/events", response_class=Response)
    async def follow_answer(request: Request, visitor: Looking, answer_id: UUID) -> Response:
        """Follow an answer: an event ``state`` with the answer for each change, then an event ``end``."""
        services, owner = services_of(request), visitor.user.id
        await services.reading.answer(owner, AnswerId(answer_id))

        async def look() -> Seen:
            answer = await services.reading.answer(owner, AnswerId(answer_id))
            shown = answer_out(answer).model_dump(mode="json")
            return Seen(shown, final=answer.status is not AnswerStatus.WAITING)

        return stream(site_of(request), owner, look, pause_s=_PAUSE_S)

    @router.put("/answers/{answer_id}/rating")
    async def rate(request: Request, visitor: Asking, answer_id: UUID, rating: RatingIn) -> AnswerOut:
        """Rate an answer, comment on it, or both."""
        services, owner = services_of(request), visitor.user.id
        stars = "" if rating.stars is None else str(rating.stars)
        await rated(services, owner, AnswerId(answer_id), stars, rating.comment)
        return await get_answer(request, visitor, answer_id)

    @router.head("/answers/{answer_id}/sources/{place}/sound", include_in_schema=False)
    @router.get("/answers/{answer_id}/sources/{place}/sound", response_class=FileResponse)
    async def get_source_sound(request: Request, visitor: Looking, answer_id: UUID, place: int) -> FileResponse:
        """Return the sound of the recording that an answer cites, whole or the ranges that are asked for."""
        services, owner = services_of(request), visitor.user.id
        answer = await services.reading.answer(owner, AnswerId(answer_id))
        _, recording_id = source_in(answer, place)
        sound = await services.listening.cited(owner, recording_id)
        return FileResponse(sound.path, media_type=sound.media_type, headers=_PRIVATE)


def _chat_out(chat: Chat) -> ChatOut:
    return ChatOut(number=chat.number, title=chat.title, questions=chat.questions, updated_at=chat.updated_at)
