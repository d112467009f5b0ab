"""Questions and answers as the storages of conversations take them."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import numpy as np

import chat_history
from datamodels import RecordingId, Usage, UserId
from datamodels_chats import (
    AnswerId,
    AnswerOutcome,
    Basis,
    Conversation,
    Embedding,
    Occasion,
    Source,
)
from db import Connection

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
_keys = count(1)


async def ask(connection: Connection, owner: UserId, question: str = "Что говорят о завтраке?") -> AnswerId:
    """Ask in a chat of the owner's own; the answer is waited for."""
    chat = await chat_history.create_chat(connection, owner)
    occasion = Occasion(door="test", key=f"{owner}:{next(_keys)}")
    return await chat_history.add_question(connection, chat, occasion, question, "Завтрак", None)


def answered(
    owner: UserId,
    answer_id: AnswerId,
    *,
    minute: int = 0,
    embedding: Embedding | None = None,
    question: str = "Что говорят о завтраке?",
    text: str = "Хвалят [1].",
    source: RecordingId | None = None,
    basis: Basis = Basis.MODEL,
    model: str = "m",
) -> Conversation:
    """An answer that was found ``minute`` minutes after ``T0``."""
    outcome = AnswerOutcome(
        basis=basis,
        text=text,
        sources=() if source is None else (_source(source),),
        model=model,
        prompt_version="v1",
        usage=Usage(prompt_tokens=3, completion_tokens=2),
        duration_s=0.5,
    )
    return Conversation(
        answer_id=answer_id,
        owner_id=owner,
        question=question,
        outcome=outcome,
        created_at=T0 + timedelta(minutes=minute),
        embedding=embedding,
    )


def vector(*numbers: float, model: str = "e5") -> Embedding:
    return Embedding(model=model, vector=np.asarray(numbers, dtype="<f4").tobytes())


def _source(recording: RecordingId) -> Source:
    return Source(
        start=0.0,
        end=1.0,
        number=1,
        recording_id=RecordingId(UUID(str(recording))),
        recording_number=1,
        label="Интервью",
        day=T0.date(),
        speakers=(),
    )
