"""What holds in every chat of every scenario, whatever happens in it."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from functools import partial

from bot import Bot
from telegram_chats import Chat
from telegram_events import Event, Happening, Message
from telegram_server import TelegramServer

_RECEIVED = "📥 Получаю"
_REFUSED = "✖ Не принято"
_OPENINGS = (_RECEIVED, "🎙 Обрабатываю", "📊 Готовлю отчёты")
_UNFINISHED = (*_OPENINGS, "🎙 Принято")
_SHORTEST_BETWEEN_CHANGES_S = 1.0
_LONGEST_ANSWER_S = 1.0
_LONGEST_FIRST_REACTION_S = 2.0
_SHARE_OF_A_BUSY_MACHINE = 0.05
_SETTLED_S = 90.0


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
