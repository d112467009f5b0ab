"""The order in which a start takes up what is left, what was missed, and what has come since."""

import pytest

from datamodels_telegram import ChatId, MessageId, SeenUpdate, TelegramPerson, UpdateKind
from telegram_handlers.arrivals import Arrival, in_order


def arrival(name: str, person: int = 7) -> Arrival:
    """Make a message, ``5``, or the press of a button of a message, ``p5``."""
    message = MessageId(int(name.removeprefix("p")))
    seen = SeenUpdate(
        kind=UpdateKind.BUTTON if name.startswith("p") else UpdateKind.MESSAGE,
        chat_id=ChatId(person),
        update_id=message,
        message_id=message,
        person=TelegramPerson(id=person, name=""),
        data="menu_main" if name.startswith("p") else None,
        tries=0,
    )
    return Arrival(seen, None)


def name_of(arrival: Arrival) -> str:
    return ("p" if arrival.seen.kind is UpdateKind.BUTTON else "") + str(arrival.seen.message_id)


@pytest.mark.parametrize(
    ("left", "missed", "early", "expected"),
    [
        ("", "", "", ""),
        ("1 p3", "", "p8 9", "1 p3 p8 9"),
        # Nobody knows when a button was pressed: before what was missed if the last process had it, else after it.
        ("1 p3", "5 6", "p2 9", "1 p3 5 6 p2 9"),
        # What was never stored, between others that were.
        ("1 p3 7", "6 5", "", "1 p3 5 6 7"),
        ("4 p8", "2 6 10", "", "2 4 6 p8 10"),
        # Each message once, and in its place among the presses.
        ("1 2", "1 2 5", "5 p3", "1 2 5 p3"),
        ("", "5", "p3 5 p4", "p3 5 p4"),
        # Lost after the start, although a later one came.
        ("1", "6 8 12", "p3 5 p4 9 p7", "1 p3 5 6 8 p4 9 12 p7"),
    ],
)
def test_each_message_that_was_missed_stands_where_its_id_puts_it(
    left: str, missed: str, early: str, expected: str
) -> None:
    sides = [[arrival(each) for each in side.split()] for side in (left, missed, early)]
    others = [[arrival(each, person=8) for each in side.split()] for side in ("2", "4", "p3")]
    merged = in_order(*(one + other for one, other in zip(sides, others, strict=True)))
    of_person = {who: " ".join(name_of(each) for each in merged if each.seen.person.id == who) for who in (7, 8)}
    assert of_person == {7: expected, 8: "2 4 p3"}
