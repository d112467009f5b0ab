import asyncio
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sent_messages_store
from datamodels import RecordingId
from datamodels_telegram import ChatId, MessageId, MessageKind, Screen
from db import Database
from message_tracker import MessageTracker, sent_once
from messenger import ChatClosed, MessengerError, MessengerUnavailable
from telegram_double import TelegramDouble

_CHATS = count(5_000_000_000)

_TABLE = """
a new ↓ removes →  menu  choice  input_request  confirmation  status_message  info_message  result
menu               yes   yes     yes            yes           yes             no            no
choice             yes   yes     yes            yes           yes             no            no
input_request      no    no      yes            yes           yes             no            no
confirmation       no    no      no             yes           no              no            no
status_message     no    no      no             no            yes             no            no
info_message       no    no      no             no            no              no            no
result             no    no      no             no            no              no            no
"""
"""The table of the product's definition."""


def _pairs() -> dict[tuple[str, str], bool]:
    """By the new message's kind and an earlier one's: whether the earlier one goes."""
    head, *rows_of_kinds = [line.split() for line in _TABLE.strip().splitlines()]
    kinds = head[-len(rows_of_kinds) :]
    return {
        (new, earlier): goes == "yes" for new, *row in rows_of_kinds for earlier, goes in zip(kinds, row, strict=True)
    }


PAIRS = _pairs()
REMOVED = {new: [earlier for by, earlier in PAIRS if by == new and PAIRS[by, earlier]] for new, _ in PAIRS}

operations = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 1), st.sampled_from(list(REMOVED))),
    st.tuples(st.just("send_file"), st.integers(0, 1), st.sampled_from(list(REMOVED))),
    st.tuples(st.just("replace"), st.integers(0, 1), st.sampled_from(list(REMOVED)), st.integers(0, 9)),
    st.tuples(st.just("person_deletes"), st.integers(0, 1), st.integers(0, 9)),
    st.tuples(st.just("remove"), st.integers(0, 1), st.lists(st.sampled_from(list(REMOVED)), max_size=3)),
    st.tuples(st.just("restart"), st.just(0)),
)


def screen(text: str) -> Screen:
    return Screen(text=text)


@pytest.fixture
def chat() -> ChatId:
    return ChatId(next(_CHATS))


@pytest.fixture
def telegram() -> TelegramDouble:
    return TelegramDouble()


@pytest.fixture
def tracker(shared_database: Database, telegram: TelegramDouble) -> MessageTracker:
    return MessageTracker(shared_database, telegram)


async def rows(database: Database, chat: ChatId) -> list[MessageId]:
    async with database.transaction() as connection:
        return await sent_messages_store.messages_of(connection, chat, list(MessageKind))


class Chat:
    """What a chat should show: kind by message id. What has been deleted is remembered, as people press it."""

    def __init__(self) -> None:
        self.live: dict[MessageId, str] = {}
        self.known: list[MessageId] = []

    def appear(self, message: MessageId, kind: str) -> None:
        self.live.pop(message, None)
        self.live = {other: was for other, was in self.live.items() if was not in REMOVED[kind]}
        self.live[message] = kind
        if message not in self.known:
            self.known.append(message)


@given(changes=st.lists(operations, max_size=25))
@settings(deadline=None, max_examples=60)
async def test_a_chat_shows_what_the_table_says(shared_database: Database, changes: list[tuple[object, ...]]) -> None:
    telegram = TelegramDouble()
    tracker = MessageTracker(shared_database, telegram)
    ids = [ChatId(next(_CHATS)), ChatId(next(_CHATS))]
    chats = [Chat(), Chat()]
    for step, change in enumerate(changes):
        number = change[1]
        assert isinstance(number, int)
        chat, expected = ids[number], chats[number]
        match change:
            case "send", _, str(kind):
                expected.appear(await tracker.send(chat, MessageKind(kind), screen(str(step))), kind)
            case "send_file", _, str(kind):
                expected.appear(await tracker.send_file(chat, MessageKind(kind), b"", f"{step}.txt"), kind)
            case "replace", _, str(kind), int(index) if expected.known:
                old = expected.known[index % len(expected.known)]
                new = await tracker.replace(chat, old, MessageKind(kind), screen(str(step)))
                edited = expected.live.get(old) not in (None, "info_message", "result")
                assert (new == old) == edited
                expected.appear(new, kind)
            case "person_deletes", _, int(index) if expected.known:
                old = expected.known[index % len(expected.known)]
                expected.live.pop(old, None)
                telegram.chats[chat].pop(old, None)
            case "remove", _, list(kinds):
                await tracker.remove(chat, [MessageKind(kind) for kind in kinds])
                forever = {"info_message", "result"}
                expected.live = {
                    message: kind for message, kind in expected.live.items() if kind not in set(kinds) - forever
                }
            case "restart", _:
                tracker = MessageTracker(shared_database, telegram)
        for chat, expected in zip(ids, chats, strict=True):
            assert set(telegram.chats.get(chat, {})) == set(expected.live)


def test_the_table_is_about_every_kind() -> None:
    assert set(PAIRS) == {(new.value, earlier.value) for new in MessageKind for earlier in MessageKind}


@pytest.mark.parametrize(("new", "earlier", "goes"), [(*pair, goes) for pair, goes in PAIRS.items()])
async def test_what_a_new_message_removes(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId, new: str, earlier: str, goes: bool
) -> None:
    await tracker.send(chat, MessageKind(earlier), screen("earlier"))
    await tracker.send(chat, MessageKind(new), screen("new"))
    assert telegram.shown(chat) == (["new"] if goes else ["earlier", "new"])


async def test_results_and_infos_have_no_row(tracker: MessageTracker, shared_database: Database, chat: ChatId) -> None:
    menu = await tracker.send(chat, MessageKind.MENU, screen("меню"))
    await tracker.send(chat, MessageKind.INFO_MESSAGE, screen("Принято"))
    await tracker.send_file(chat, MessageKind.RESULT, b"1", "отчёт.txt")
    assert await rows(shared_database, chat) == [menu]


async def test_a_new_menu_removes_many_messages_with_one_call_and_their_rows(
    tracker: MessageTracker, telegram: TelegramDouble, shared_database: Database, chat: ChatId
) -> None:
    old = [
        await tracker.send(chat, kind, screen(kind))
        for kind in (MessageKind.MENU, MessageKind.INPUT_REQUEST, MessageKind.CONFIRMATION, MessageKind.STATUS_MESSAGE)
    ]
    new = await tracker.send(chat, MessageKind.MENU, screen("меню"))
    assert telegram.deletions == [old]
    assert telegram.shown(chat) == ["меню"]
    assert await rows(shared_database, chat) == [new]


async def test_the_new_message_is_there_before_the_old_one_goes(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    await tracker.send(chat, MessageKind.MENU, screen("старое"))
    telegram.failures["send"] = [MessengerUnavailable(reason="no answer")]
    with pytest.raises(MessengerUnavailable):
        await tracker.send(chat, MessageKind.MENU, screen("новое"))
    assert telegram.shown(chat) == ["старое"]


async def test_what_telegram_did_not_delete_goes_with_the_next_message(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    await tracker.send(chat, MessageKind.MENU, screen("первое"))
    telegram.failures["delete"] = [MessengerUnavailable(reason="no answer")]
    await tracker.send(chat, MessageKind.MENU, screen("второе"))
    assert telegram.shown(chat) == ["первое", "второе"]
    await tracker.send(chat, MessageKind.MENU, screen("третье"))
    assert telegram.shown(chat) == ["третье"]


@pytest.mark.parametrize("refusal", [MessengerError(call="delete", reason="forbidden"), ChatClosed(reason="blocked")])
async def test_what_telegram_refuses_to_delete_is_not_tried_again(
    tracker: MessageTracker, telegram: TelegramDouble, shared_database: Database, chat: ChatId, refusal: MessengerError
) -> None:
    await tracker.send(chat, MessageKind.MENU, screen("старое"))
    telegram.failures["delete"] = [refusal]
    new = await tracker.send(chat, MessageKind.MENU, screen("новое"))
    assert await rows(shared_database, chat) == [new]


async def test_a_message_sent_twice_with_one_random_id_is_there_once(
    tracker: MessageTracker, telegram: TelegramDouble, shared_database: Database, chat: ChatId
) -> None:
    for _ in range(2):
        await tracker.send(chat, MessageKind.CONFIRMATION, screen("Проверка"), random_id=chat)
    assert telegram.shown(chat) == ["Проверка"]
    assert await rows(shared_database, chat) == list(telegram.chats[chat])


async def test_of_menus_sent_at_the_same_time_one_stays(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    await asyncio.gather(*(tracker.send(chat, MessageKind.MENU, screen(str(number))) for number in range(5)))
    assert len(telegram.shown(chat)) == 1


async def test_a_button_below_a_result_leaves_the_result(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    result = await tracker.send(chat, MessageKind.RESULT, screen("Расшифровка"))
    await tracker.replace(chat, result, MessageKind.MENU, screen("меню"))
    assert telegram.shown(chat) == ["Расшифровка", "меню"]


async def test_a_message_that_became_a_result_stays(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    question = await tracker.send(chat, MessageKind.INPUT_REQUEST, screen("Какой отчёт?"))
    await tracker.replace(chat, question, MessageKind.RESULT, screen("Отчёт"))
    await tracker.send(chat, MessageKind.MENU, screen("меню"))
    assert telegram.shown(chat) == ["Отчёт", "меню"]


async def test_an_edit_tells_when_the_message_is_gone(
    tracker: MessageTracker, telegram: TelegramDouble, shared_database: Database, chat: ChatId
) -> None:
    menu = await tracker.send(chat, MessageKind.MENU, screen("меню"))
    assert await tracker.edit(chat, menu, screen("меню, страница 2"))
    assert telegram.shown(chat) == ["меню, страница 2"]
    del telegram.chats[chat][menu]
    assert not await tracker.edit(chat, menu, screen("меню, страница 3"))
    assert await rows(shared_database, chat) == []


async def test_what_is_handled_again_shows_what_was_sent_before(
    shared_database: Database, tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    async def handle(occasion: str, tracker: MessageTracker) -> None:
        with sent_once(occasion):
            await tracker.send(chat, MessageKind.RESULT, screen("result"))
            await tracker.send(chat, MessageKind.RESULT, screen("result"))
            await tracker.send(chat, MessageKind.INPUT_REQUEST, screen("question"))

    await handle("first", tracker)
    # A crash between Telegram's answer and its row.
    async with shared_database.transaction() as connection:
        await sent_messages_store.forget(connection, chat, list(telegram.chats[chat]))
    after_restart = MessageTracker(shared_database, telegram)
    await handle("first", after_restart)
    assert telegram.shown(chat) == ["result", "result", "question"]

    await handle("second", after_restart)
    assert telegram.shown(chat) == ["result", "result", "result", "result", "question"]


@pytest.mark.parametrize(("kind", "shown"), [(MessageKind.MENU, ["1"]), (MessageKind.INPUT_REQUEST, ["1", "2"])])
async def test_a_menu_whose_figures_have_changed_is_not_sent_a_second_time(
    shared_database: Database,
    tracker: MessageTracker,
    telegram: TelegramDouble,
    chat: ChatId,
    kind: MessageKind,
    shown: list[str],
) -> None:
    for text in ("1", "2"):
        with sent_once("update"):
            await tracker.send(chat, kind, screen(text))
        # A crash between Telegram's answer and its row.
        async with shared_database.transaction() as connection:
            await sent_messages_store.forget(connection, chat, list(telegram.chats[chat]))
    assert telegram.shown(chat) == shown


async def test_what_was_sent_and_is_deleted_is_sent_again_when_it_is_handled_again(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    for _ in range(2):
        with sent_once("update"):
            await tracker.send(chat, MessageKind.STATUS_MESSAGE, screen("wait"))
            await tracker.send(chat, MessageKind.MENU, screen("menu"))
    assert telegram.shown(chat) == ["menu"]


@pytest.mark.parametrize("pressed", [None, MessageId(99)])
async def test_a_menu_of_what_is_handled_again_later_does_not_come_back(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId, pressed: MessageId | None
) -> None:
    """The end of an update was not noted, and its person went on meanwhile."""

    async def show(text: str) -> MessageId:
        with sent_once(text):
            if pressed is None:
                return await tracker.send(chat, MessageKind.MENU, screen(text))
            return await tracker.replace(chat, pressed, MessageKind.MENU, screen(text))

    await show("statistics")
    later = await show("help")
    await tracker.send(chat, MessageKind.INPUT_REQUEST, screen("question"))
    assert await show("statistics") == later
    assert telegram.shown(chat) == ["help", "question"]


@pytest.mark.parametrize(("read_s", "shown"), [(60.0, ["note", "menu"]), (0.0, ["menu"])])
async def test_a_note_is_not_removed_by_a_screen_that_was_on_its_way(
    shared_database: Database, telegram: TelegramDouble, chat: ChatId, read_s: float, shown: list[str]
) -> None:
    tracker = MessageTracker(shared_database, telegram, read_s)
    await tracker.send(chat, MessageKind.STATUS_MESSAGE, screen("wait"))
    await tracker.note(chat, screen("note"))
    await tracker.send(chat, MessageKind.MENU, screen("menu"))
    assert telegram.shown(chat) == shown


async def test_a_file_that_is_made_anew_for_the_same_update_is_sent_once(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    for content in (b"12:00", b"12:01"):
        with sent_once("update"):
            for name in ("list", "picture"):
                await tracker.send_file(chat, MessageKind.RESULT, content, f"{name} {content!r}", None)
    assert len(telegram.chats[chat]) == 2


async def test_another_failure_of_what_is_sent_once_is_told(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    telegram.failures["send"] = [MessengerUnavailable(reason="silence")]
    with sent_once("update"), pytest.raises(MessengerUnavailable):
        await tracker.send(chat, MessageKind.MENU, screen("menu"))


# --- questions about recordings ---------------------------------------------------------------------------------------

FIRST, SECOND = RecordingId(UUID(int=1)), RecordingId(UUID(int=2))


_WAITING = (MessageKind.INPUT_REQUEST, MessageKind.CONFIRMATION, MessageKind.CHOICE)
_OTHERS = (
    (MessageKind.MENU, FIRST, True),
    (MessageKind.CHOICE, FIRST, True),
    (MessageKind.MENU, SECOND, False),
    (MessageKind.CONFIRMATION, FIRST, True),
    (MessageKind.CONFIRMATION, None, True),
    (MessageKind.STATUS_MESSAGE, None, True),
)
_WHERE_TEXT_IS_TYPED = (
    (MessageKind.MENU, None),
    (MessageKind.INPUT_REQUEST, FIRST),
    (MessageKind.INPUT_REQUEST, None),
)


@pytest.mark.parametrize(
    ("waits", "kind", "subject", "stays"),
    [
        *((waits, *other) for waits in _WAITING for other in _OTHERS),
        *((MessageKind.INPUT_REQUEST, *other, False) for other in _WHERE_TEXT_IS_TYPED),
        *((MessageKind.CONFIRMATION, *other, True) for other in _WHERE_TEXT_IS_TYPED),
        *((MessageKind.CHOICE, *other, True) for other in _WHERE_TEXT_IS_TYPED),
    ],
)
async def test_what_waits_for_another_recording_stays_but_for_a_question_where_text_is_typed(
    tracker: MessageTracker,
    telegram: TelegramDouble,
    chat: ChatId,
    waits: MessageKind,
    kind: MessageKind,
    subject: RecordingId | None,
    stays: bool,
) -> None:
    question = await tracker.send(chat, waits, screen("question"), subject=SECOND)
    await tracker.send(chat, kind, screen("new"), subject=subject)
    assert telegram.shown(chat) == (["question", "new"] if stays else ["new"])
    asked = question if stays and waits is not MessageKind.CHOICE else None
    assert await tracker.question(chat, SECOND) == asked


async def test_what_is_removed_of_one_recording_leaves_the_other(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    for subject in (FIRST, SECOND):
        await tracker.send(chat, MessageKind.CONFIRMATION, screen(str(subject)), subject=subject)
    await tracker.remove(chat, [MessageKind.CONFIRMATION], SECOND)
    assert telegram.shown(chat) == [str(FIRST)]


async def test_a_menu_has_no_subject_and_the_next_one_takes_its_place(
    tracker: MessageTracker, telegram: TelegramDouble, chat: ChatId
) -> None:
    for subject in (FIRST, SECOND, None, FIRST):
        await tracker.send(chat, MessageKind.MENU, screen(f"{subject}"), subject=subject)
    assert telegram.shown(chat) == [str(FIRST)]
