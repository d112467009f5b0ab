"""Questions that are answered within one request, what people think of answers, and what can be learned from that."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from datamodels import UserId
from datamodels_chats import AnswerId, AnswerStatus, ReadAnswer
from dialogs import get_user_lock
from texts.training_data import SYSTEM
from web.api.models import FeedbackIn, LearningOut, ModelOut, VoiceOut
from web.asking import asked_in, rated
from web.people import Asking, Overseeing
from web.services import Services
from web.site import Site, services_of, site_of
from web.spoken import QUESTION_BODY, question_of

_LONGEST_S = 60.0
_PAUSE_S = 0.3


def routes() -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["learning"])
    _add_voice(router)
    _add_learning(router)
    return router


def _add_voice(router: APIRouter) -> None:
    @router.post("/voice/process", openapi_extra={"requestBody": QUESTION_BODY})
    async def process(
        request: Request, visitor: Asking, session_id: Annotated[int | None, Query()] = None, wait: bool = True
    ) -> VoiceOut:
        """Ask in words or by voice, and wait for the answer, a minute at most; with ``wait`` false do not.

        The chat is ``session_id``, of the body if it is there, or the one the person is in. A sound is shorter than a
        minute, and asks once however often it is sent. While ``status`` is waiting, the answer is at
        ``/answers/{log_id}``.
        """
        services, owner = services_of(request), visitor.user.id
        until = monotonic() + _LONGEST_S
        said = await question_of(request, owner, until)
        number = session_id if said.chat is None else said.chat
        if number is None:
            async with get_user_lock(owner):
                number = (await services.chats.active(owner)).number
        answer_id = await asked_in(services, owner, number, said.text, f"{said.key}:{number}")
        return _out(await _waited(services, site_of(request), owner, answer_id, until if wait else 0.0))

    @router.post("/voice/feedback")
    async def feedback(request: Request, visitor: Asking, given: FeedbackIn) -> VoiceOut:
        """Rate the answer ``log_id`` from 1 to 5, comment on it, or both."""
        services, owner = services_of(request), visitor.user.id
        stars = "" if given.rating is None else str(given.rating)
        await rated(services, owner, AnswerId(given.log_id), stars, given.comment)
        return _out(await services.reading.answer(owner, AnswerId(given.log_id)))


def _add_learning(router: APIRouter) -> None:
    @router.get("/learning/stats")
    async def stats(request: Request, visitor: Overseeing) -> LearningOut:  # noqa: ARG001  # who may is all
        """Return everybody's ratings, and what people think of each model."""
        ratings = services_of(request).ratings
        figures, models = await ratings.stats(None), await ratings.models()
        return LearningOut(
            answers=figures.conversations,
            ratings=figures.ratings,
            by_stars=list(figures.by_stars),
            partial=figures.partial,
            models=[
                ModelOut(
                    model=each.model,
                    prompt_version=each.prompt_version,
                    answers=each.answers,
                    ratings=each.ratings,
                    average=each.average,
                    duration_s=each.duration_s,
                )
                for each in models
            ],
        )

    @router.get("/learning/export", response_class=Response)
    async def export(request: Request, visitor: Overseeing) -> Response:  # noqa: ARG001
        """Return everybody's good answers as lines of JSON to train a model on; personal data is masked."""
        examples = await services_of(request).examples()

        def lines() -> Iterator[str]:
            for line in examples.lines(SYSTEM):
                yield f"{line}\n"

        headers = {"Content-Disposition": "attachment; filename=answers.jsonl", "Cache-Control": "no-store"}
        return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)


async def _waited(services: Services, site: Site, owner: UserId, answer_id: AnswerId, until: float) -> ReadAnswer:
    """Return an answer as soon as it has ended, or as it is then or when the process stops."""
    while True:
        answer = await services.reading.answer(owner, answer_id)
        if answer.status is not AnswerStatus.WAITING or site.closing.is_set() or monotonic() >= until:
            return answer
        await asyncio.sleep(_PAUSE_S)


def _out(answer: ReadAnswer) -> VoiceOut:
    outcome = answer.outcome
    return VoiceOut(
        log_id=answer.id,
        session_id=answer.chat_number,
        question=answer.question,
        status=answer.status,
        answer=answer.draft if outcome is None else outcome.text,
        sources=[] if outcome is None else list(outcome.sources),
        model=None if outcome is None else outcome.model,
        response_s=None if outcome is None else outcome.duration_s,
        similar_found=0 if outcome is None else outcome.similar_found,
    )
