"""The account of what people were promised: who got what, how often, and what was paid for."""

from pathlib import Path

import pytest

from promises import Death, Kind, Line, Promise, Sign, account, paid_twice
from telegram_user import ScriptedUser
from telegram_world import World

ANSWER = Sign("❓ Что\\?")


@pytest.fixture
def anna(tmp_path: Path) -> ScriptedUser:
    return World(tmp_path).user("Анна", id=1001)


def shows(user: ScriptedUser, *texts: str) -> None:
    for text in texts:
        user.world.post(user.chat, from_bot=True, text=text)


def asked(user: ScriptedUser, *, certain: bool = True) -> Promise:
    return Promise(Kind.QUESTION, user, "Что?", 0.0, Sign("Ищу"), (ANSWER,), certain)


@pytest.mark.parametrize(
    ("shown", "finished", "doubled", "lost"),
    [(["🔎 Ищу", "❓ Что?"], 1, 0, 0), (["🔎 Ищу"], 0, 0, 1), (["🔎 Ищу", "❓ Что?", "❓ Что?"], 1, 1, 0)],
)
async def test_a_promise_is_kept_lost_or_doubled(
    anna: ScriptedUser, shown: list[str], finished: int, doubled: int, lost: int
) -> None:
    shows(anna, *shown)
    line = account([asked(anna)])[Kind.QUESTION]
    assert (line.sent, line.taken, line.finished, line.doubled, line.lost) == (1, 1, finished, doubled, lost)
    assert bool(line.broken) == bool(doubled or lost)


async def test_an_edit_of_the_same_message_is_no_second_end(anna: ScriptedUser) -> None:
    shows(anna, "❓ Что?")
    anna.world.edit(anna.chat.messages[0], text="❓ Что? И ещё")
    assert account([asked(anna)])[Kind.QUESTION] == Line(sent=1, finished=1)


async def test_what_was_not_taken_for_certain_may_be_missing_but_not_twice(anna: ScriptedUser) -> None:
    assert account([asked(anna, certain=False)])[Kind.QUESTION].lost == 0
    shows(anna, "❓ Что?", "❓ Что?")
    assert account([asked(anna, certain=False)])[Kind.QUESTION].doubled == 1


async def test_promises_that_end_alike_are_counted_together(anna: ScriptedUser) -> None:
    shows(anna, "❓ Что?", "❓ Что?")
    assert account([asked(anna) for _ in range(3)])[Kind.QUESTION].lost == 1


async def test_each_end_is_asked_for_and_a_file_is_no_text(anna: ScriptedUser) -> None:
    promise = Promise(Kind.RECORDING, anna, "a.ogg", 0.0, Sign("a"), (Sign("Готово"), Sign("a.txt", of_file=True)))
    shows(anna, "Готово: a.txt")
    assert account([promise])[Kind.RECORDING].lost == 1


COUNTED = "🗑️ Удалить чат №3 «Что?»?\n\nВ нём {} и {}. Вернуть их и оценки нельзя."
DELETED = "🗑️ Чат №3 «Что?» удалён.\n\n💬 Чаты: 1."


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        ([COUNTED.format("2 вопроса", "1 ответ"), DELETED], 0),
        ([COUNTED.format("1 вопрос", "0 ответов"), DELETED, DELETED], 0),
        ([COUNTED.format("2 вопроса", "2 ответа"), DELETED], 1),
        ([COUNTED.format("2 вопроса", "1 ответ")], 1),
        ([COUNTED.format("2 вопроса", "1 ответ"), DELETED.replace("№3", "№4")], 1),
        ([DELETED, COUNTED.format("2 вопроса", "1 ответ")], 1),
    ],
)
async def test_a_question_ends_with_its_chat_when_the_deletion_counted_it(
    anna: ScriptedUser, shown: list[str], lost: int
) -> None:
    shows(anna, *shown)
    line = account([asked(anna)])[Kind.QUESTION]
    assert (line.finished, line.lost) == (1 - lost, lost)


@pytest.mark.parametrize(("counted", "lost"), [(1, ["два", "три", "раз"]), (5, ["три", "раз"])])
async def test_a_deletion_ends_as_many_questions_as_it_counted_and_none_that_came_later_or_of_others(
    anna: ScriptedUser, counted: int, lost: list[str]
) -> None:
    shows(anna, COUNTED.format(f"{counted} вопросов", "0 ответов"), DELETED)
    later = anna.chat.history[-1].at + 1
    questions = [
        Promise(Kind.QUESTION, who, text, at, Sign("Ищу"), (Sign(text),))
        for who, text, at in (
            (anna, "раз", 0.0),
            (anna, "два", 0.5),
            (anna, "три", later),
            (anna.world.user("Борис", id=1002), "раз", 0.0),
        )
    ]
    line = account(questions)[Kind.QUESTION]
    assert [each.split(": ")[1].split()[0] for each in line.broken] == lost


def test_an_answer_is_paid_twice_unless_whoever_had_it_was_killed() -> None:
    again, killed = [(1.0, 2.0), (3.0, 4.0)], [(5.0, 9.0), (10.0, 11.0)]
    assert paid_twice({"once": [(1.0, 2.0)], "killed": killed, "again": again}, [Death(6.0, 6.0)]) == ["again"]
    assert paid_twice({"again": again}, [Death(8.0, 8.0)]) == ["again"]
    assert not paid_twice({"could not be kept": again}, [Death(8.0, 1.5)])
