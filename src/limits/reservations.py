"""Reserving what work will take, before anything is paid. The database ends a reservation together with its work.

A piece of work is reserved once: tried again it has its reservation still, and what was done is not reserved anew.
"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid5

import texts.limits
from datamodels import RecordingId, ReportRunId, Usage, UserId
from datamodels_chats import AnswerId
from db import Connection
from errors_of_operation import LimitReached
from limits import store
from limits.values import QUESTION_TOKENS, Allowance, Amounts, Resource, end_of, next_month, this_month
from limits.words import day_in_words, refusal
from text_cleaning import one_line, preview

_DONE, _RESERVED = "done", "reserved"
_LONGEST_NAME = 60
_ROOM_AGAIN_S = 3600
"""Nobody knows when there is room for files again: whoever asks is not to ask all the time."""


async def reserve(
    connection: Connection,
    owner: UserId,
    work: UUID,
    subject: UUID,
    wanted: Amounts,
    *,
    exact: bool = False,
    about: str = "",
    advice: tuple[str, str] = (texts.limits.UNTIL, texts.limits.TOO_MUCH),
) -> None:
    """Reserve what ``work`` on a recording, report run, answer, speech or order, its ``subject``, will take this month.

    ``exact`` tells that all of it is used once the work is done; else what is paid is told by ``spend``.
    ``about`` is a sentence that says what did not begin, where the owner would not know.
    ``advice`` is what the owner reads besides asking for more: of what fits into another month, and of what never does.

    Raises:
        LimitReached: the owner has less than that left, or nothing; nothing is reserved.
    """
    await store.lock(connection, owner)
    known = await store.uses_of(connection, work)
    limits = await store.limits_of(connection, owner)
    month = this_month()
    used = await store.used(connection, owner, month, without=work)
    for resource, amount in wanted.items():
        use = known.get(resource)
        if use is not None and use.state == _DONE:
            continue
        has_it = use is not None and use.state == _RESERVED and amount <= use.reserved
        limit, _ = limits.get(resource, (None, False))
        others = used.get(resource, Decimal(0))
        counted = amount if use is None else max(amount, use.used)
        if not has_it and limit is not None and (others >= limit or others + counted > limit):
            allowance = Allowance(resource=resource, limit=limit, used=others)
            raise _reached(allowance, amount, advice[counted > limit], about)
        await store.reserve(connection, owner, work, subject, resource, amount, month, exact=exact)


async def reserve_recording(
    connection: Connection, owner: UserId, recording: RecordingId, language: str | None, wanted: Amounts
) -> None:
    """Reserve what the recognition of a recording in a language takes; in the same language it is the same work.

    Raises:
        LimitReached: there is less left. It tells when the recording goes on.
    """
    work = uuid5(recording, f"recognised {language}")
    await reserve(
        connection, owner, work, recording, wanted, exact=True, advice=(texts.limits.WAITS, texts.limits.TOO_LONG)
    )


async def reserve_report(
    connection: Connection, owner: UserId, run: ReportRunId, usage: Usage, cost_usd: Decimal | None, about: str = ""
) -> None:
    """Reserve what a report or research is expected to take; a price that is not known counts as nothing.

    ``about`` is as of ``reserve``.

    Raises:
        LimitReached: there is less left.
    """
    await reserve(connection, owner, run, run, _of_model(usage, cost_usd), about=about)


async def reserve_question(connection: Connection, owner: UserId, answer: AnswerId, question: str) -> None:
    """Reserve a question and what its answer will take.

    Raises:
        LimitReached: there is less left.
    """
    about = texts.limits.ABOUT_QUESTION.format(name=_short(question))
    await reserve(connection, owner, answer, answer, {Resource.QUESTIONS: Decimal(1)}, exact=True, about=about)
    takes = _of_model(Usage(prompt_tokens=QUESTION_TOKENS), None)
    await reserve(connection, owner, answer, answer, takes, about=about)


async def reserve_speech(
    connection: Connection, owner: UserId, speech: UUID, title: str, cost_usd: Decimal | None
) -> None:
    """Reserve what a speech costs.

    Raises:
        LimitReached: there is less left, or nothing where the price is not known.
    """
    about = texts.limits.ABOUT_SPEECH.format(name=_short(title))
    await _reserve_money(connection, owner, speech, cost_usd, about, exact=False)


async def reserve_image(
    connection: Connection, owner: UserId, order: UUID, avatar: str, cost_usd: Decimal, *, is_picture: bool
) -> None:
    """Reserve what the training of an avatar of this name costs, or a picture with it.

    Raises:
        LimitReached: there is less left.
    """
    about = (texts.limits.ABOUT_PICTURE if is_picture else texts.limits.ABOUT_TRAINING).format(name=_short(avatar))
    await _reserve_money(connection, owner, order, cost_usd, about, exact=True)


async def _reserve_money(
    connection: Connection, owner: UserId, work: UUID, cost_usd: Decimal | None, about: str, *, exact: bool
) -> None:
    if cost_usd != 0:
        wanted = {Resource.MONEY: cost_usd or Decimal(0)}
        await reserve(connection, owner, work, work, wanted, exact=exact, about=about)


async def spend(connection: Connection, work: UUID, usage: Usage, cost_usd: Decimal | None) -> None:
    """Count what a language model was paid for a recording, report run or answer, in the transaction that keeps it."""
    paid = {resource: amount for resource, amount in _of_model(usage, cost_usd).items() if amount}
    if paid:
        await store.spend(connection, work, paid, this_month())


async def spend_late(connection: Connection, work: UUID, usage: Usage, cost_usd: Decimal | None) -> None:
    """Count what a model was paid for work that had ended or was gone when it answered, once however often."""
    known = await store.uses_of(connection, work)
    if known and not any(known[each].used for each in (Resource.TOKENS, Resource.MONEY) if each in known):
        await spend(connection, work, usage, cost_usd)


async def spend_money(connection: Connection, work: UUID, cost_usd: Decimal | None) -> None:
    """Count what was paid for a speech, in the transaction that keeps what was said."""
    if cost_usd:
        await store.spend(connection, work, {Resource.MONEY: cost_usd}, this_month())


async def check_storage(connection: Connection, owner: UserId, size_bytes: int) -> None:
    """Refuse a file that is announced with this size when the owner's files would have too many bytes.

    The transaction then adds the row by which the file counts; nobody else adds one of this owner before its end.

    Raises:
        LimitReached: there is no room for it.
    """
    limit, _ = (await store.limits_of(connection, owner)).get(Resource.STORAGE, (None, False))
    if limit is None:
        return
    await store.lock(connection, owner)
    stored = await store.stored_bytes(connection, owner)
    if stored + size_bytes > limit:
        allowance = Allowance(resource=Resource.STORAGE, limit=limit, used=stored)
        raise _reached(allowance, Decimal(size_bytes), texts.limits.FREE)


def _of_model(usage: Usage, cost_usd: Decimal | None) -> Amounts:
    tokens = {Resource.TOKENS: Decimal(usage.prompt_tokens + usage.completion_tokens)}
    # What is free needs no money to be left; what has an unknown price does.
    return tokens if cost_usd == 0 else {**tokens, Resource.MONEY: cost_usd or Decimal(0)}


def _short(name: str) -> str:
    return preview(one_line(name), _LONGEST_NAME)


def _reached(allowance: Allowance, wanted: Decimal, advice: str, about: str = "") -> LimitReached:
    month, is_monthly = this_month(), allowance.resource is not Resource.STORAGE
    until_s = max(1, int((end_of(month) - datetime.now(UTC)).total_seconds()))
    return LimitReached(
        resource=allowance.resource.value,
        about=about,
        retry_after_s=until_s if is_monthly else _ROOM_AGAIN_S,
        reason=refusal(allowance, wanted),
        advice=advice.format(day=day_in_words(next_month(month))),
    )
