"""Chats of two people have the same numbers, and each person lists, reads, counts and changes their own alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

import chat_history
import conversations_store
from datamodels import Usage, UserId, Visibility
from datamodels_chats import AnswerOutcome, Basis, Chat, Occasion, QuestionToAnswer
from db import Connection
from errors import NotFound
from recordings import shares_store
from recordings_factory import add_user, new_recording
from recordings_store import insert_recording, set_visibility

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
A_DAY = timedelta(days=1)


def _occasion() -> Occasion:
    return Occasion(door="test", key=str(uuid4()))


@dataclass(frozen=True)
class Somebody:
    """A person with chats, whose questions are asked at given times and all answered."""

    connection: Connection
    owner: UserId

    @classmethod
    async def come(cls, connection: Connection) -> "Somebody":
        return cls(connection, await add_user(connection))

    async def has_chat(self, *questions: str, asked_at: datetime = NOON, tokens: int = 10) -> Chat:
        chat = await chat_history.create_chat(self.connection, self.owner)
        for question in questions:
            answer = await chat_history.add_question(self.connection, chat, _occasion(), question, question, None)
            outcome = AnswerOutcome(basis=Basis.QUOTES, text=f"{question}!", usage=Usage(prompt_tokens=tokens))
            await chat_history.finish_answer(self.connection, self.owner, answer, outcome)
        key = (asked_at, self.owner, chat.number)
        await self.connection.execute("UPDATE chats SET updated_at = %s WHERE owner_id = %s AND number = %s", key)
        asked = "UPDATE chat_questions SET asked_at = %s WHERE owner_id = %s AND chat_number = %s"
        await self.connection.execute(asked, key)
        return await self.chat(chat.number)

    async def chat(self, number: int) -> Chat:
        return await chat_history.get_chat(self.connection, self.owner, number)

    async def questions(self, number: int) -> list[str]:
        turns = await chat_history.list_turns(self.connection, self.owner, number, after=0, limit=100)
        return [turn.question for turn in turns]


@pytest.fixture
async def anna(connection: Connection) -> Somebody:
    return await Somebody.come(connection)


@pytest.fixture
async def boris(connection: Connection) -> Somebody:
    return await Somebody.come(connection)


async def test_chats_are_listed_by_their_last_use(anna: Somebody, boris: Somebody) -> None:
    for day in (2, 0, 1):
        await anna.has_chat("Что?", asked_at=NOON - day * A_DAY)
        await boris.has_chat(asked_at=NOON + day * A_DAY)
    listed = await chat_history.list_chats(anna.connection, anna.owner, 10)
    assert [(chat.owner_id, chat.number) for chat in listed] == [(anna.owner, number) for number in (2, 3, 1)]
    [second] = await chat_history.list_chats(anna.connection, anna.owner, 1, 1)
    assert second.number == 3
    assert await chat_history.count_chats(anna.connection, anna.owner) == 3


async def test_of_chats_used_at_the_same_time_the_newest_is_first(anna: Somebody) -> None:
    for _ in range(3):
        await anna.has_chat()
    listed = await chat_history.list_chats(anna.connection, anna.owner, 10)
    assert [chat.number for chat in listed] == [3, 2, 1]


async def test_a_chat_counts_what_was_asked_in_it(anna: Somebody, boris: Somebody) -> None:
    await boris.has_chat("Раз?", "Два?", "Три?")
    first, second = await anna.has_chat("Что?"), await anna.has_chat()
    assert (first.number, first.questions, first.answers) == (1, 1, 1)
    assert (second.number, second.questions, second.answers) == (2, 0, 0)


async def test_a_chat_that_is_empty_is_ones_own(anna: Somebody, boris: Somebody) -> None:
    await anna.has_chat("Что?")
    await boris.has_chat()
    assert await chat_history.find_empty_chat(anna.connection, anna.owner) is None
    empty = await anna.has_chat()
    assert await chat_history.find_empty_chat(anna.connection, anna.owner) == empty


async def test_the_turns_of_a_chat_are_its_owners(anna: Somebody, boris: Somebody) -> None:
    await boris.has_chat("Чужое?", "Чужое второе?")
    await anna.has_chat("Первое?", "Второе?", "Третье?")
    await anna.has_chat("В другом чате?")
    await boris.has_chat("Чужое третье?")
    assert await anna.questions(1) == ["Первое?", "Второе?", "Третье?"]
    assert await anna.questions(2) == ["В другом чате?"]
    assert await boris.questions(1) == ["Чужое?", "Чужое второе?"]


async def test_the_turns_before_a_question_are_those_of_its_chat(anna: Somebody, boris: Somebody) -> None:
    await boris.has_chat("Чужое?")
    await anna.has_chat("Первое?", "Второе?")
    await anna.has_chat("В другом чате?")
    await boris.has_chat("Чужое третье?")
    asked = QuestionToAnswer.model_validate(
        {"question_id": 2**62, "owner_id": anna.owner, "chat_number": 1, "text": "Третье?", "status": "waiting"}
    )
    assert [turn.question for turn in await chat_history.last_turns(anna.connection, asked, 10)] == [
        "Второе?",
        "Первое?",
    ]
    assert [turn.question for turn in await chat_history.last_turns(anna.connection, asked, 1)] == ["Второе?"]


async def test_what_somebody_may_not_see_any_more_goes_to_no_model(anna: Somebody, boris: Somebody) -> None:
    recording = await insert_recording(anna.connection, new_recording(anna.owner))
    await boris.has_chat("Что сказали?")
    cited = "UPDATE chat_answers SET basis = 'model', sources = jsonb_build_array(jsonb_build_object("
    cited += "'number', 1, 'recording_id', %s::text, 'recording_number', 1, 'label', '', 'day', null, 'speakers', "
    cited += (
        "'[]'::jsonb, 'start', 0, 'end', 1)) WHERE question_id IN (SELECT id FROM chat_questions WHERE owner_id = %s)"
    )
    await boris.connection.execute(cited, (recording.id, boris.owner))
    rated = (
        "INSERT INTO conversations (answer_id, owner_id, rating, rated_at) SELECT id, %s, 5, now() FROM chat_answers "
    )
    rated += "WHERE question_id IN (SELECT id FROM chat_questions WHERE owner_id = %s)"
    await boris.connection.execute(rated, (boris.owner, boris.owner))
    asked = QuestionToAnswer.model_validate(
        {"question_id": 2**62, "owner_id": boris.owner, "chat_number": 1, "text": "А ещё?", "status": "waiting"}
    )
    for visibility, shared, seen in (("team", False, 1), ("private", True, 1), ("private", False, 0)):
        await set_visibility(anna.connection, recording.id, Visibility(visibility))
        await shares_store.put(anna.connection, recording.id, boris.owner, wanted=shared)
        turns = await chat_history.last_turns(boris.connection, asked, 10)
        examples = await conversations_store.list_rated(boris.connection, boris.owner, 4, 10)
        assert (len(turns), len(examples)) == (seen, seen), (visibility, shared)


async def test_chats_asked_in_on_a_day_are_ones_own(anna: Somebody, boris: Somebody) -> None:
    await anna.has_chat("Вчера?", asked_at=NOON - A_DAY)
    await anna.has_chat("Сегодня?", "И ещё?")
    for _ in range(3):
        await boris.has_chat("Чужое?")
    asked_in = await chat_history.chats_asked_in(anna.connection, anna.owner, NOON, NOON + A_DAY)
    assert list(asked_in) == [2]


async def test_figures_count_ones_own(anna: Somebody, boris: Somebody) -> None:
    for _ in range(3):
        await boris.has_chat("Чужое?", "Чужое второе?", tokens=1000)
    await anna.has_chat("Сегодня?", "И ещё?", asked_at=datetime.now(UTC))
    await anna.has_chat("Давно?", asked_at=NOON - 1000 * A_DAY)
    everything = await chat_history.figures(anna.connection, anna.owner, None)
    assert (everything.chats, everything.questions, everything.answers, everything.tokens) == (2, 3, 3, 30)
    lately = await chat_history.figures(anna.connection, anna.owner, datetime.now(UTC) - A_DAY)
    assert (lately.chats, lately.questions, lately.answers, lately.tokens) == (2, 2, 2, 20)


async def test_a_question_names_and_moves_up_its_own_chat(anna: Somebody, boris: Somebody) -> None:
    others, own = await boris.has_chat(), await anna.has_chat()
    assert others.number == own.number
    await chat_history.add_question(anna.connection, own, _occasion(), "Что?", "Название", None)
    assert await boris.chat(others.number) == others
    assert (await anna.chat(own.number)).title == "Название"
    assert (await anna.chat(own.number)).updated_at > NOON


async def test_a_chat_is_renamed_and_deleted_alone(anna: Somebody, boris: Somebody) -> None:
    others = [await boris.has_chat("Чужое?"), await boris.has_chat("Чужое второе?")]
    await anna.has_chat("Что?")
    await chat_history.rename_chat(anna.connection, anna.owner, 1, "Моё")
    assert (await anna.chat(1)).title == "Моё"
    await chat_history.delete_chat(anna.connection, anna.owner, 1)
    assert await chat_history.count_chats(anna.connection, anna.owner) == 0
    assert [await boris.chat(1), await boris.chat(2)] == others


@pytest.mark.parametrize(
    "work",
    [
        chat_history.get_chat,
        chat_history.delete_chat,
        lambda connection, owner, number: chat_history.rename_chat(connection, owner, number, "Чужое"),
    ],
)
async def test_a_chat_that_only_another_has_is_not_found(
    anna: Somebody, boris: Somebody, work: Callable[[Connection, UserId, int], Awaitable[object]]
) -> None:
    await anna.has_chat("Что?")
    others = [await boris.has_chat("Чужое?"), await boris.has_chat("Чужое второе?")]
    with pytest.raises(NotFound):
        await work(anna.connection, anna.owner, 2)
    assert await boris.chat(2) == others[1]
