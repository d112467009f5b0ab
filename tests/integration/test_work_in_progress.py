"""What is being worked on: each person sees their own, all of it, and nothing of anybody else's."""

import pytest

import cards_store
import incoming_store
from datamodels import UserId
from datamodels_telegram import AttachedFile, FileKind, IncomingMessage, MessageId, TelegramPerson
from db import Database
from handlers_world import Bot, Person
from message_tracker import sent_once
from recordings.work_in_progress import WorkInProgress
from telegram_handlers.context import Context


@pytest.fixture
async def work(shared_database: Database) -> WorkInProgress:
    return WorkInProgress(shared_database)


@pytest.fixture
async def other(bot: Bot) -> Person:
    return await Person.come(bot)


def message(person: Person, text: str = "", file_name: str | None = None) -> IncomingMessage:
    file = file_name and AttachedFile(kind=FileKind.DOCUMENT, file_name=file_name, size_bytes=1_000_000)
    return IncomingMessage(
        chat_id=person.chat,
        message_id=MessageId(hash(file_name) % 1_000_000),
        person=TelegramPerson(id=person.chat, name="Мария"),
        text=text,
        file=file or None,
    )


async def sends(person: Person, file_name: str) -> None:
    """Send a file, which has a card then."""
    async with person.bot.database.transaction() as connection:
        incoming = await incoming_store.add(connection, person.user.id, message(person, "", file_name), None)
        await cards_store.add_incoming_card(connection, incoming)


async def orders_reports(person: Person) -> None:
    recording = await person.has_recording(file_name="заказ.ogg")
    async with person.bot.database.transaction() as connection:
        await cards_store.add_reports_card(connection, person.user.id, person.chat, recording.id, [])


async def names(work: WorkInProgress, owner: UserId) -> list[str | None]:
    return [each.file_name for each in await work.of(owner)]


async def test_each_person_has_their_own_work_in_the_order_in_which_it_was_asked_for(
    work: WorkInProgress, person: Person, other: Person
) -> None:
    assert await names(work, person.user.id) == []
    await sends(other, "чужая.ogg")
    await sends(person, "первая.ogg")
    await orders_reports(person)
    await orders_reports(other)
    await sends(person, "последняя.ogg")
    assert await names(work, person.user.id) == ["первая.ogg", "заказ.ogg", "последняя.ogg"]
    assert await names(work, other.user.id) == ["чужая.ogg", "заказ.ogg"]


async def test_what_has_ended_is_no_work_any_more(work: WorkInProgress, person: Person) -> None:
    await sends(person, "первая.ogg")
    [card] = await work.of(person.user.id)
    async with person.bot.database.transaction() as connection:
        await cards_store.note_shown(connection, card.card.id, "hash", final=True)
    assert await names(work, person.user.id) == []


async def test_status_tells_ones_own_work(person: Person, other: Person) -> None:
    await sends(person, "моя.ogg")
    await sends(other, "чужая.ogg")
    for each in (person, other):
        await each.command("status")
    assert "моя.ogg" in person.sees
    assert "чужая.ogg" not in person.sees
    assert "чужая.ogg" in other.sees
    assert "моя.ogg" not in other.sees


async def test_a_question_about_work_that_is_handled_again_is_answered_once(bot: Bot, person: Person) -> None:
    [(_, status)] = [routes.commands["status"] for routes in bot.routes if "status" in routes.commands]

    async def hear(said: str) -> None:
        raise AssertionError(f"nothing was pressed, and {said} was heard")

    asked = message(person, "/status")
    with sent_once("update"):
        await status(Context(person.user, person.chat, hear), asked)
    nothing = person.sees
    await sends(person, "моя.ogg")
    with sent_once("update"):
        await status(Context(person.user, person.chat, hear), asked)
    assert person.sees == nothing


async def test_status_tells_of_a_recording_whose_roles_are_found_anew_after_its_card_was_done(
    person: Person, other: Person
) -> None:
    await person.has_recording("design", file_name="обход.ogg")
    await person.press_data("recording_kind||1||interview")
    for each in (person, other):
        await each.command("status")
    assert "обход.ogg — Спикеры" in person.sees
    assert "обход.ogg" not in other.sees
