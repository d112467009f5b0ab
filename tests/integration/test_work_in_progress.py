"""Whose work is shown: each person sees the own, whatever others have under way."""

import cards_store
import recordings_store
from datamodels_telegram import ChatId
from db import Database
from recordings_factory import add_recording, new_recording
from work_in_progress import WorkInProgress


async def test_everybody_sees_the_own_work_in_the_order_in_which_it_was_asked_for(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        first = await add_recording(connection)
        await cards_store.add_recording_card(connection, first.owner_id, ChatId(1), first.id)
        other = await add_recording(connection)
        await cards_store.add_recording_card(connection, other.owner_id, ChatId(2), other.id)
        second = await recordings_store.insert_recording(connection, new_recording(first.owner_id))
        await cards_store.add_recording_card(connection, first.owner_id, ChatId(1), second.id)
    work = WorkInProgress(shared_database)
    assert [each.card.recording_id for each in await work.of(first.owner_id)] == [first.id, second.id]
    assert [each.card.recording_id for each in await work.of(other.owner_id)] == [other.id]
