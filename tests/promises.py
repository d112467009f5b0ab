"""What holds in every chat of every scenario, whatever happens in it, and the account of what people were promised."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, partial

from bot import Bot
from telegram_chats import Chat
from telegram_events import Event, Happening, Message
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

_RECEIVED = "📥 Получаю"
_REFUSED = "✖ Не принято"
_OPENINGS = (_RECEIVED, "🎙 Обрабатываю", "📊 Готовлю отчёты")
_UNFINISHED = (*_OPENINGS, "🎙 Принято")
_SHORTEST_BETWEEN_CHANGES_S = 1.0
_LONGEST_ANSWER_S = 1.0
_LONGEST_FIRST_REACTION_S = 2.0
_SHARE_OF_A_BUSY_MACHINE = 0.05
_SETTLED_S = 90.0
_KEPT_S = 1.0
"""In which an answer is in the database."""
_TROUBLE = ("Код для администратора", "Что-то пошло не так", "Не получилось", "не отвечает", "Не принято", "Повторим в")

_DELETION_COUNTED = re.compile(r"🗑️ Удалить чат №(\d+) «.*»\?\n\nВ нём (\d+) \w+ и (\d+) ")
_DELETED = re.compile(r"🗑️ Чат №(\d+) «.*» удалён")


def progress_cards(chat: Chat) -> list[Message]:
    """The messages that are edited while work goes on."""
    cards = {event.message_id for event in chat.events(Happening.SENT) if event.text.startswith(_OPENINGS)}
    return [message for message in chat.messages if message.id in cards]


async def all_cards_end(server: TelegramServer) -> None:
    """Wait until every progress card tells how its work ended."""
    for chat in server.world.chats.values():
        await chat.until(partial(_has_settled, chat), _SETTLED_S, "the end of every card")


def cards_change_at_most_once_a_second(server: TelegramServer) -> None:
    for chat in server.world.chats.values():
        for card in progress_cards(chat):
            between = [later - earlier for earlier, later in zip(card.changed_at, card.changed_at[1:], strict=False)]
            assert min(between, default=_SHORTEST_BETWEEN_CHANGES_S) >= _SHORTEST_BETWEEN_CHANGES_S, (
                f"changes {between} s apart in {chat.events(Happening.SENT, Happening.EDITED, message=card)}"
            )


def presses_are_answered_within_a_second(server: TelegramServer) -> None:
    _nearly_all_within(_LONGEST_ANSWER_S, [pair for chat in server.world.chats.values() for pair in _answered(chat)])


def nothing_is_logged_as_an_error(bot: Bot) -> None:
    # The client library logs what it raises, and what it swallows; either is dealt with where it is called.
    errors = [line for line in bot.log("error", "critical") if not line["logger"].startswith("pyrogram")]
    assert not errors, errors


def recordings_are_noticed_within_two_seconds(server: TelegramServer) -> None:
    pairs = [pair for chat in server.world.chats.values() for pair in _noticed(chat)]
    _nearly_all_within(_LONGEST_FIRST_REACTION_S, pairs)


def _nearly_all_within(seconds: float, pairs: Sequence[tuple[Event, Event]]) -> None:
    """Check how long the second event of each pair took; the machine may stand still now and then, the bot may not."""
    late = [
        (after.at - before.at, before.text, after.text) for before, after in pairs if after.at - before.at > seconds
    ]
    assert len(late) <= _SHARE_OF_A_BUSY_MACHINE * len(pairs), late


def _has_settled(chat: Chat) -> bool:
    return not any(not card.deleted and card.text.startswith(_UNFINISHED) for card in progress_cards(chat))


def _noticed(chat: Chat) -> Iterator[tuple[Event, Event]]:
    """The files of a chat with the first messages about them, which come in the order of the files."""
    files = [event for event in chat.events(Happening.RECEIVED) if event.file]
    first = [event for event in chat.events(Happening.SENT) if event.text.startswith((_RECEIVED, _REFUSED))]
    yield from zip(files, first, strict=False)


def _answered(chat: Chat) -> Iterator[tuple[Event, Event]]:
    """The presses of a chat with their answers, which for one message come in the order of the presses."""
    waiting: dict[int, deque[Event]] = defaultdict(deque)
    for event in chat.history:
        if event.kind is Happening.PRESSED:
            waiting[event.message_id].append(event)
        elif event.kind is Happening.ANSWERED:
            yield waiting[event.message_id].popleft(), event


class Kind(StrEnum):
    """What people do, and are promised an end of."""

    RECORDING = "recording"
    QUESTION = "question"
    COMMAND = "command"
    TITLE = "new title"
    DELETION = "deletion"
    CANCELLATION = "cancellation"
    ORDER = "order of a report"
    PLAYBACK = "playback"
    RATING = "rating of an answer"
    COMMENT = "comment on an answer"


# The cache of ``re`` is too small for all that twenty people were promised.
_compiled = cache(re.compile)


@dataclass(frozen=True)
class Sign:
    """How a person knows of something: by a text, or with ``of_file`` by a file's name and what is written under it."""

    pattern: str
    of_file: bool = False

    def is_in(self, event: Event) -> bool:
        if (event.file is not None) is not self.of_file:
            return False
        shown = event.text if event.file is None else f"{event.file.name}\n{event.text}"
        return _compiled(self.pattern).search(shown) is not None


@dataclass(frozen=True)
class Promise:
    """Something that a person sent at ``at``, what tells that it was taken, and how it ends: in all ``ends``, once.

    ``certain`` is False for a press that was not answered: it may have been taken or not, but not twice.
    """

    kind: Kind
    person: ScriptedUser
    name: str
    at: float
    taken: Sign
    ends: tuple[Sign, ...]
    certain: bool = True

    def is_taken(self) -> bool:
        return any(event.at >= self.at and self.taken.is_in(event) for event in shown_to(self.person))

    def ended(self) -> list[int]:
        """In how many messages each of its ends was ever shown."""
        return [_messages_with(self.person, end) for end in self.ends]


@dataclass
class Line:
    """A line of the account. ``broken`` names each promise that was not kept, and how."""

    sent: int = 0
    taken: int = 0
    finished: int = 0
    doubled: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def account(promises: Iterable[Promise]) -> dict[Kind, Line]:
    """Settle what people were promised. Promises with the same ends, as of commands, are counted together.

    A question ends with its chat, too, when its person was told how many are unanswered there and deleted it all the
    same.
    """
    promises = list(promises)
    deleted = _deleted_with_their_chats(promises)
    alike: dict[tuple[int, Kind, tuple[Sign, ...]], list[Promise]] = defaultdict(list)
    for promise in promises:
        alike[promise.person.id, promise.kind, promise.ends].append(promise)
    lines: dict[Kind, Line] = defaultdict(Line)
    for (_, kind, _), group in alike.items():
        _settle(lines[kind], group, sum(promise in deleted for promise in group))
    return {kind: lines[kind] for kind in Kind if kind in lines}


def _settle(line: Line, group: Sequence[Promise], deleted: int) -> None:
    ended, due = [times + deleted for times in group[0].ended()], sum(promise.certain for promise in group)
    lost, doubled = max(0, due - min(ended)), max(0, max(ended) - len(group))
    line.sent += len(group)
    line.taken += sum(promise.is_taken() for promise in group)
    line.finished += min(*ended, len(group))
    line.lost += lost
    line.doubled += doubled
    if lost or doubled:
        names = ", ".join(f"{promise.name} at {promise.at:.1f}" for promise in group)
        line.broken.append(f"{group[0].person.name} {group[0].person.id}: {names}: {len(group)} sent, ended {ended}")


def _deleted_with_their_chats(promises: Iterable[Promise]) -> list[Promise]:
    """Return the questions without an end that were in chats when these were deleted, as far as this is known.

    What is asked before a person deletes a chat knowingly is the person's earliest question without an end.
    """
    waiting: dict[int, list[Promise]] = defaultdict(list)
    for promise in sorted(promises, key=lambda each: each.at):
        if promise.kind is Kind.QUESTION and not min(promise.ended()):
            waiting[promise.person.id].append(promise)
    deleted: list[Promise] = []
    for questions in waiting.values():
        for at, unanswered in _deletions(questions[0].person):
            within = [each for each in questions if each.at < at and each not in deleted]
            deleted += within[:unanswered]
    return deleted


def _deletions(person: ScriptedUser) -> Iterator[tuple[float, int]]:
    """The deletions of a person's chats: when their unanswered questions were counted, and how many there were."""
    counted: dict[str, tuple[float, int]] = {}
    for event in shown_to(person):
        if found := _DELETION_COUNTED.match(event.text):
            counted[found[1]] = event.at, int(found[2]) - int(found[3])
        elif (found := _DELETED.match(event.text)) and found[1] in counted:
            yield counted.pop(found[1])


def has_ended(promise: Promise) -> bool:
    return not promise.certain or min(promise.ended()) > 0


def shown_to(person: ScriptedUser) -> list[Event]:
    return person.chat.events(Happening.SENT, Happening.EDITED)


@dataclass(frozen=True)
class Death:
    """The end of a process at ``at``, which could keep nothing since ``unable``, for the database was away by then."""

    at: float
    unable: float

    def meets(self, came: float, answered: float) -> bool:
        """Tell whether a question was on its way, or its answer perhaps not kept yet."""
        return came <= self.at and answered >= self.unable - _KEPT_S


def paid_twice(paid: Mapping[str, Sequence[tuple[float, float]]], deaths: Sequence[Death]) -> list[str]:
    """Return the inputs that an engine was paid for again although nobody who had the answer was killed.

    ``paid`` has the times by input at which a question came and was answered.
    """
    excused = {
        key: sum(any(death.meets(*each) for death in deaths) for each in times[:-1]) for key, times in paid.items()
    }
    return [key for key, times in paid.items() if len(times) - 1 > excused[key]]


def errors_shown(person: ScriptedUser) -> list[str]:
    """What a person read of things that went wrong, also of those that are tried again."""
    return [event.text for event in shown_to(person) if any(part in event.text for part in _TROUBLE)]


def _messages_with(person: ScriptedUser, sign: Sign) -> int:
    return len({event.message_id for event in shown_to(person) if sign.is_in(event)})
