"""Cards over the real database: sent once, changed as often as it makes sense, final in the end whatever happens."""

import asyncio
from datetime import timedelta
from itertools import count

import pytest

import cards_store
import incoming_store
import recordings_store
from datamodels import Recording, RunStatus, Stage
from datamodels_telegram import ChatId, MessageId, ProgressCard, Screen
from db import Database
from default_pack import PACK
from errors import Cancelled, ProviderUnavailable
from followers_world import Clock, DatabaseUntilKilled, Killer, Somebody, TelegramOfFiles, killed, look
from messenger import AlreadySent, ChatClosed, MessengerError, MessengerUnavailable
from progress import ProgressCards

CONTENT = bytes(1000)


@pytest.fixture
def telegram() -> TelegramOfFiles:
    return TelegramOfFiles()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cards(followed: Database, telegram: TelegramOfFiles, clock: Clock) -> ProgressCards:
    return ProgressCards(followed, telegram, PACK, now=clock)


@pytest.fixture
async def somebody(followed: Database) -> Somebody:
    return await Somebody.come(followed)


async def only_card(database: Database) -> ProgressCard | None:
    async with database.transaction() as connection:
        found = await cards_store.open_cards(connection)
    return found[0].card if found else None


async def has_bytes(somebody: Somebody, incoming_id: int, bytes_done: int) -> None:
    async with somebody.database.transaction() as connection:
        await incoming_store.set_bytes_done(connection, incoming_id, bytes_done)


async def stored(somebody: Somebody, incoming_id: int) -> Recording:
    recording = await somebody.has_recording("Да.")
    async with somebody.database.transaction() as connection:
        await incoming_store.finish_stored(connection, incoming_id, recording.id, known=False)
        return await recordings_store.get_recording(connection, somebody.owner, recording.id)


async def look_each_second(cards: ProgressCards, clock: Clock, times: int = 2) -> None:
    for _ in range(times):
        clock.passes(1)
        await look(cards)


async def test_a_card_is_sent_at_once_and_once(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles
) -> None:
    await somebody.sends(telegram, CONTENT)
    await look(cards)
    assert telegram.shown(somebody.chat) == ["📥 Получаю: <b>interview_17.ogg</b> · 1000 Б"]
    await look(cards, times=3)
    assert telegram.sends == 1


async def test_a_card_changes_when_the_work_goes_on_but_not_more_often_than_every_three_seconds(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    for second in range(1, 8):
        clock.passes(1)
        await has_bytes(somebody, file.id, second * 100)
        await look(cards)
    assert len(telegram.edits) == 2


async def test_a_card_goes_on_when_the_clock_is_set_back(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards, times=2)
    before = len(telegram.edits)
    clock.passes(-3600)
    await has_bytes(somebody, file.id, 500)
    await look(cards)
    assert len(telegram.edits) == before + 1


async def test_a_card_whose_work_takes_its_time_shows_that_time_passes(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    recording = await stored(somebody, (await somebody.sends(telegram, CONTENT)).id)
    await somebody.reaches(recording, Stage.PREPARED)
    await look(cards, times=2)
    for _ in range(60):
        clock.passes(1)
        await look(cards)
    assert 4 <= len(telegram.edits) <= 6
    assert len(set(telegram.edits)) == len(telegram.edits)


async def test_what_waits_for_a_later_try_does_not_change_with_time(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    recording = await stored(somebody, (await somebody.sends(telegram, CONTENT)).id)
    await somebody.reaches(recording, Stage.PREPARED)
    later = clock() + timedelta(minutes=5)
    await somebody.fails(recording, ProviderUnavailable(provider="asr", reason="timeout"), later)
    for _ in range(60):
        clock.passes(1)
        await look(cards)
    assert len(telegram.edits) == 1
    assert f"Повторим в {later.astimezone():%H:%M}" in telegram.edits[0]


async def test_an_estimate_follows_from_the_pace(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    async with somebody.database.transaction() as connection:
        await connection.execute("UPDATE incoming_files SET state = 'downloading'")
    await look(cards, times=2)
    for bytes_done in (200, 400):
        clock.passes(20)
        await has_bytes(somebody, file.id, bytes_done)
        await look(cards)
    assert "до конца этапа ≈ 1 мин" in telegram.edits[-1]


async def test_many_cards_of_a_chat_take_turns(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    files = [await somebody.sends(telegram, CONTENT, f"{number}.ogg") for number in range(10)]
    await look(cards)
    for second in range(1, 31):
        clock.passes(1)
        for file in files:
            await has_bytes(somebody, file.id, second)
        await look(cards)
    assert 10 <= len(telegram.edits) <= 30


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, "✔ Готово"),
        (ProviderUnavailable(provider="asr", reason="timeout"), "✖ Не получилось"),
        (Cancelled(), "✖ Отменено"),
    ],
)
async def test_a_card_of_work_that_ended_while_the_bot_was_down_is_brought_up_to_date_and_left(
    cards: ProgressCards,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    followed: Database,
    clock: Clock,
    error: Exception | None,
    text: str,
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    recording = await stored(somebody, file.id)
    if error is not None:
        await somebody.reaches(recording, Stage.PREPARED)
        await somebody.fails(recording, error, None)
    after_restart = ProgressCards(followed, telegram, PACK, now=clock)
    await look(after_restart)
    [shown] = telegram.shown(somebody.chat)
    assert shown.startswith(text)
    assert await only_card(followed) is None
    await look(after_restart)
    assert len(telegram.edits) == 1


async def test_the_last_change_comes_a_second_after_the_one_before(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    clock.passes(0.5)
    await somebody.cancels(file.id)
    await look(cards)
    assert telegram.edits == []
    clock.passes(0.5)
    await look(cards)
    assert len(telegram.edits) == 1


async def test_a_card_that_was_sent_but_not_noted_is_not_sent_again(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    await somebody.sends(telegram, CONTENT)
    await look(cards)
    async with followed.transaction() as connection:
        await connection.execute("UPDATE progress_cards SET message_id = NULL, shown_hash = ''")
    await look(cards)
    assert len(telegram.shown(somebody.chat)) == 1


async def test_a_card_that_its_person_deleted_is_sent_anew_once(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock, followed: Database
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    for bytes_done in (100, 200):
        telegram.chats[somebody.chat].clear()
        clock.passes(20)
        await has_bytes(somebody, file.id, bytes_done)
        await look(cards, times=2)
    assert telegram.sends == 2
    assert await only_card(followed) is None


async def test_a_final_card_that_its_person_deleted_is_not_sent_anew(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    telegram.chats[somebody.chat].clear()
    await somebody.cancels(file.id)
    await look_each_second(cards, clock)
    assert telegram.sends == 1
    assert await only_card(followed) is None


async def test_a_chat_that_is_closed_has_no_cards(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    await somebody.sends(telegram, CONTENT)
    telegram.failures["send"] = [ChatClosed(chat=somebody.chat, reason="USER_IS_BLOCKED")]
    await look(cards)
    assert await only_card(followed) is None


async def test_a_card_goes_on_when_its_person_is_back(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, clock: Clock
) -> None:
    other, file = await Somebody.come(followed), await somebody.sends(telegram, CONTENT)
    await look(cards, times=2)
    await has_bytes(somebody, file.id, 500)
    clock.passes(10)
    telegram.failures["edit"] = [ChatClosed(chat=somebody.chat, reason="USER_IS_BLOCKED")]
    await look(cards, times=2)
    async with followed.transaction() as connection:
        assert await cards_store.open_cards(connection) == []
        assert await cards_store.bring_back(connection, other.owner) == 0
        assert await cards_store.bring_back(connection, somebody.owner) == 1
        assert await cards_store.bring_back(connection, somebody.owner) == 0
    await look(cards)
    [shown] = telegram.shown(somebody.chat)
    assert "Загрузка" in shown


@pytest.mark.parametrize(
    "trouble", [MessengerUnavailable(reason="timeout"), AlreadySent(call="sendMessage", reason="RANDOM_ID_DUPLICATE")]
)
async def test_a_card_that_could_not_be_sent_is_sent_later(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, trouble: MessengerError
) -> None:
    await somebody.sends(telegram, CONTENT)
    telegram.failures["send"] = [trouble]
    await look(cards, times=2)
    assert len(telegram.shown(somebody.chat)) == 1


async def test_a_card_that_cannot_be_edited_now_is_brought_up_to_date_later(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    await stored(somebody, (await somebody.sends(telegram, CONTENT)).id)
    telegram.failures["edit"] = [MessengerUnavailable(reason="timeout")]
    await look_each_second(cards, clock, times=3)
    assert telegram.shown(somebody.chat)[0].startswith("✔ Готово")


async def test_a_card_of_reports_is_final_when_all_of_them_are_delivered(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock, followed: Database
) -> None:
    recording = await somebody.has_recording("Да.")
    card, runs = await somebody.orders(recording, "report_int_links", "report_int_general")
    await look(cards)
    assert "Готовлю отчёты" in telegram.shown(somebody.chat)[0]
    for run in runs:
        await somebody.report_ends(run, RunStatus.DONE)
    clock.passes(5)
    await look(cards)
    assert "Отчёты готовы" in telegram.shown(somebody.chat)[0]
    assert await only_card(followed) is not None
    async with followed.transaction() as connection:
        for run in runs:
            await cards_store.note_delivered(connection, card.id, run)
    await look_each_second(cards, clock)
    assert await only_card(followed) is None
    assert len(telegram.edits) == 1


async def deleted(database: Database, recording: Recording) -> None:
    """Delete a recording as ``RecordingChanges`` does, whose work was stopped first."""
    async with database.transaction() as connection:
        await cards_store.tell_deletion(connection, recording.id)
        await recordings_store.delete_recording(connection, recording.id)


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("seen", [True, False])
async def test_a_card_of_a_recording_that_was_deleted_does_not_say_cancelled(
    cards: ProgressCards,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    clock: Clock,
    followed: Database,
    seen: bool,
    sent: bool,
) -> None:
    """Whether the cancellation was ``seen`` before, and whether the card is of a ``sent`` file or of later work."""
    if sent:
        recording = await stored(somebody, (await somebody.sends(telegram, CONTENT)).id)
    else:
        recording = await somebody.has_recording("Да.", card=True)
    await look(cards)
    async with followed.transaction() as connection:
        await connection.execute("UPDATE recordings SET stage = 'speakers_known' WHERE id = %s", (recording.id,))
        await recordings_store.record_failure(connection, recording.id, "cancelled", "Обработка отменена.")
    if seen:
        await look_each_second(cards, clock)
        assert "Отменено" in telegram.shown(somebody.chat)[0]
    await deleted(followed, recording)
    await look_each_second(cards, clock)
    [shown] = telegram.shown(somebody.chat)
    assert shown.startswith("🗑 Запись удалена")
    assert await only_card(followed) is None


@pytest.mark.parametrize("status", [None, RunStatus.CANCELLED])
async def test_a_card_of_reports_on_a_recording_that_was_deleted_says_so(
    cards: ProgressCards,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    clock: Clock,
    followed: Database,
    status: RunStatus | None,
) -> None:
    recording = await somebody.has_recording("Да.")
    card, runs = await somebody.orders(recording, "report_int_links", "report_int_general")
    await look(cards)
    if status is not None:
        for run in runs:
            await somebody.report_ends(run, status)
            async with followed.transaction() as connection:
                await cards_store.note_delivered(connection, card.id, run)
        await look_each_second(cards, clock)
        assert "отменён" in telegram.shown(somebody.chat)[0]
    await deleted(followed, recording)
    await look_each_second(cards, clock)
    assert telegram.shown(somebody.chat) == ["🗑 Запись, по которой заказаны отчёты, удалена."]
    assert await only_card(followed) is None


async def test_a_card_of_finished_work_stays_when_its_recording_is_deleted(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock, followed: Database
) -> None:
    recording = await somebody.has_recording("Да.", card=True)
    await look_each_second(cards, clock)
    await deleted(followed, recording)
    await look_each_second(cards, clock)
    assert "Готово" in telegram.shown(somebody.chat)[0]


async def test_while_an_edit_waits_for_telegram_no_other_is_begun_and_the_newest_state_wins(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock
) -> None:
    file = await somebody.sends(telegram, CONTENT)
    await look(cards)
    may_go_on, waits = asyncio.Event(), asyncio.Event()
    edit, edits = telegram.edit, 0

    async def flooded(chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        nonlocal edits
        edits += 1
        assert may_wait is not ("Отменено" in screen.text), "results go before it, and the end of work is one"
        waits.set()
        await may_go_on.wait()
        return await edit(chat, message, screen, may_wait=may_wait)

    telegram.edit = flooded  # type: ignore[method-assign]
    clock.passes(5)
    await has_bytes(somebody, file.id, 100)
    running = asyncio.create_task(cards.run())
    await waits.wait()
    clock.passes(300)
    await somebody.cancels(file.id)
    cards.wake()
    may_go_on.set()
    async with asyncio.timeout(20):
        while await only_card(somebody.database) is not None:
            clock.passes(1)
            cards.wake()
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert edits == 2
    assert telegram.shown(somebody.chat)[0].startswith("✖ Отменено")


async def test_of_many_files_two_cards_are_on_their_way_and_nobody_elses_waits_for_them(
    cards: ProgressCards, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    somebody_else, send, begun, may_go_on = await Somebody.come(followed), telegram.send, 0, asyncio.Event()

    async def slow(
        chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        nonlocal begun
        if chat == somebody.chat:
            begun += 1
            await may_go_on.wait()
        return await send(chat, screen, random_id=random_id, may_differ=may_differ)

    telegram.send = slow  # type: ignore[method-assign]
    for number in range(9):
        await somebody.sends(telegram, CONTENT, f"{number}.ogg")
    running = asyncio.create_task(cards.run())
    async with asyncio.timeout(30):
        while begun < 2:  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.01)
        await somebody_else.sends(telegram, CONTENT)
        while not telegram.shown(somebody_else.chat):
            cards.wake()
            await asyncio.sleep(0.01)
        assert begun == 2
        may_go_on.set()
        while len(telegram.shown(somebody.chat)) < 9:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert begun == 9


async def test_killed_at_any_moment_a_card_is_sent_once_and_ends_final(followed: Database, clock: Clock) -> None:
    for at in count(1):
        killer = Killer(at)
        telegram, somebody = TelegramOfFiles(killer), await Somebody.come(followed)
        await stored(somebody, (await somebody.sends(telegram, CONTENT)).id)
        was_killed = await killed(killer, ProgressCards(DatabaseUntilKilled(followed, killer), telegram, PACK))
        await look_each_second(ProgressCards(followed, telegram, PACK, now=clock), clock, times=3)
        [shown] = telegram.shown(somebody.chat)
        assert shown.startswith("✔ Готово")
        assert await only_card(followed) is None
        if not was_killed:
            assert at > 8
            break
