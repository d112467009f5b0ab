"""A bot that is killed at any step of the main job and started again: everybody gets everything, and once.

People are killed at different steps at the same time; what they end up with is what somebody has who was not disturbed.
"""

import asyncio
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import pytest

from interrupted_bot import Interruptible, Moment, until
from interrupted_people import LENGTH_S, Person, assert_outcome, outcome
from telegram_user import ScriptedUser

pytestmark = pytest.mark.timeout(900)

ANSWERED_NOT_STORED = 2 + 1 + 6
"""Anna's parts, Boris's roles, Vera's first passes of six reports: their borders are between answer and row."""


def anna_is_interrupted(anna: Person) -> list[Moment]:
    """From the message to the first question."""
    at, stage = anna.at, "NEW.owner_id = {owner} AND NEW.stage = '%s'"
    return [
        Moment(at("the message came, not stored", "INSERT", "seen_updates", "{chat}"), anna.send),
        Moment(at("the card is shown, not noted", "UPDATE", "progress_cards", "{chat} AND OLD.message_id IS NULL")),
        Moment(at("the file is here, not noted", "UPDATE", "incoming_files", "{chat} AND NEW.state = 'checking'")),
        Moment(at("prepared, not noted", "UPDATE", "recordings", stage % "prepared")),
        Moment(
            at("a part is answered, not stored", "UPDATE", "recording_parts", "{recording} AND NEW.result IS NOT NULL")
        ),
        Moment(at("joined, not stored", "INSERT", "transcripts", "{recording}"), anna.say_what_it_is),
        Moment(at("done, not noted", "UPDATE", "recordings", stage % "done")),
        Moment(at("text sent, not noted", "UPDATE", "outbox", "{chat} AND NEW.key LIKE 'transcript:%:text'")),
        Moment(at("file sent, not noted", "UPDATE", "outbox", "{chat} AND NEW.key LIKE 'transcript:%:file'")),
        Moment(at("asked, not remembered", "INSERT", "sent_messages", "{chat} AND NEW.kind = 'confirmation'")),
    ]


def boris_is_interrupted(boris: Person) -> list[Moment]:
    """From the file's row to the confirmed metadata."""
    at, stage = boris.at, "NEW.owner_id = {owner} AND NEW.stage = '%s'"
    back = "NEW.kind = 'button' AND NEW.data LIKE 'back_to_confirm%'"
    # After a reply: the form begins at this step, too.
    confirming = (
        "NEW.user_id = {owner} AND NEW.value ->> 'step' = 'confirm_data' AND (NEW.value ->> 'answered')::int > 0"
    )
    confirmed = "{chat} AND NEW.data LIKE 'confirm_data%' AND NEW.done_at IS NOT NULL"
    return [
        Moment(at("the file is being noted", "INSERT", "incoming_files", "{chat}"), boris.send),
        Moment(at("the file is an object, not noted", "INSERT", "recordings", "NEW.owner_id = {owner}")),
        Moment(at("heard, not noted", "UPDATE", "recordings", stage % "transcribed"), boris.say_what_it_is),
        Moment(at("told apart, not noted", "UPDATE", "recordings", stage % "speakers_known")),
        Moment(at("roles are answered, not stored", "INSERT", "report_passes", "{recording}")),
        Moment(at("to be delivered", "UPDATE", "recording_wizards", "{chat} AND NEW.step = 'proposal'")),
        Moment(at("to be asked", "UPDATE", "recording_wizards", "{chat} AND NEW.step = 'confirmation'")),
        Moment(
            at("a press came, not stored", "INSERT", "seen_updates", f"{{chat}} AND {back}"),
            boris.answer_and_go_back,
        ),
        Moment(at("a press is handled", "INSERT", "user_states", confirming), boris.go_back),
        Moment(at("a press is answered, not noted", "UPDATE", "seen_updates", confirmed), boris.confirm),
    ]


def vera_is_interrupted(vera: Person) -> list[Moment]:
    """From an answer to the last report."""
    at = vera.at
    written = "{recording} AND NEW.report_id = 'report_int_general' AND NEW.status = 'done'"
    state = "NEW.user_id = {owner} AND NEW.key = 'dialog' AND NEW.value ->> 'step' = 'ask_employee'"
    return [
        Moment(at("an answer came, not stored", "INSERT", "seen_updates", "{chat}"), vera.answer),
        Moment(at("an answer is taken", "INSERT", "user_states", state)),
        Moment(at("asked, not remembered", "INSERT", "sent_messages", "{chat} AND NEW.kind = 'input_request'")),
        Moment(
            at("is confirmed", "UPDATE", "recording_wizards", "{chat} AND NEW.step = 'reports'"),
            vera.go_back_and_confirm,
        ),
        Moment(at("a report is ordered, not queued", "INSERT", "report_runs", "{recording}"), vera.order_all),
        Moment(at("a pass is answered, not stored", "INSERT", "report_passes", "{recording}")),
        Moment(at("written, not noted", "UPDATE", "report_runs", written)),
        Moment(at("to be delivered", "UPDATE", "progress_cards", "{chat} AND NEW.delivered <> OLD.delivered")),
        Moment(at("text sent, not noted", "UPDATE", "outbox", "{chat} AND NEW.key LIKE 'report:%:text:0'")),
        Moment(at("file sent, not noted", "UPDATE", "outbox", "{chat} AND NEW.key LIKE 'report:%:file'")),
        Moment(at("the last look, not noted", "UPDATE", "progress_cards", "{chat} AND NEW.final")),
    ]


async def test_killed_at_each_step(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    # Work that is held keeps its place; there has to be one for everybody.
    bot = await interruptible(WORKER_CONCURRENCY="8")
    anna, boris, vera, gleb = (Person(newcomer(), spoken(f"{each}.ogg", LENGTH_S), bot) for each in range(4))
    await asyncio.gather(gleb.gets_all(), vera.gets_asked())
    # A press that is shown and not noted would be handled again, and held where its message is to be remembered.
    await until(lambda: bot.value("SELECT count(*) FROM seen_updates WHERE done_at IS NULL") == 0, "all presses noted")
    await bot.bot.kill()

    scripts = anna_is_interrupted(anna), boris_is_interrupted(boris), vera_is_interrupted(vera)
    rounds: list[list[Moment]] = [[moment for moment in moments if moment] for moments in zip_longest(*scripts)]
    for moments, then in zip(rounds, [*rounds[1:], []], strict=True):
        await bot.killed_at(moments, then)
    await bot.bot.start()
    await asyncio.gather(anna.gets_the_rest(), boris.orders_all(), vera.has_all())

    for person in (anna, boris, vera):
        assert_outcome(person.user, outcome(gleb.user))
    assert bot.asked_again(people=4) <= ANSWERED_NOT_STORED
