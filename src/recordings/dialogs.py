"""The conversation about recordings: the wizard and the dialog about one, and the scenario of those that come next."""

import asyncio

import recording_wizard_store
import user_states
from datamodels import RecordingId, ScenarioId, UserId
from datamodels_telegram import RecordingWizard
from db import Connection
from errors import NotFound
from user_states import Dialog, Mode


def turn_of(owner: UserId) -> asyncio.Lock:
    """The lock under which one thing after another happens to what a person has, and is shown to the person."""
    return user_states.get_user_lock(owner)


async def find_wizard(connection: Connection, owner: UserId, recording_id: RecordingId) -> RecordingWizard | None:
    """Load the wizard about a recording; None when nobody leads the owner through it, as at the command line."""
    try:
        return await recording_wizard_store.get(connection, owner, recording_id)
    except NotFound:
        return None


async def end_dialog(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """End the dialog about a recording, if the owner is in one."""
    dialog = await user_states.get(connection, owner, Dialog)
    if dialog is not None and dialog.recording_id == recording_id:
        await user_states.drop(connection, owner, Dialog)


async def choose_mode(connection: Connection, owner: UserId, scenario: ScenarioId) -> None:
    """Have the owner's next recordings be of a scenario, as far as their captions do not say another."""
    await user_states.put(connection, owner, Mode(scenario=scenario))


async def chosen_mode(connection: Connection, owner: UserId) -> ScenarioId | None:
    """The scenario of the owner's next recordings; None while none was chosen."""
    mode = await user_states.get(connection, owner, Mode)
    return None if mode is None else mode.scenario
