"""The state of conversations, durable per person and typed: a step is an enum, its data a model.

Each piece of state has a key of its own, so that a handler can neither overwrite nor lose another's piece.
"""

from enum import StrEnum
from typing import ClassVar

from datamodels import RecordingId, ScenarioId, Value


class Step(StrEnum):
    """What the next message of a person answers."""

    ASK_AUDIO_NUMBER = "ask_audio_number"
    ASK_DATE = "ask_date"
    ASK_EMPLOYEE = "ask_employee"
    ASK_CLIENT = "ask_client"
    ASK_PLACE_NAME = "ask_place_name"
    ASK_BUILDING_TYPE = "ask_building_type"
    ASK_ZONE = "ask_zone"
    ASK_CITY = "ask_city"
    CONFIRM_DATA = "confirm_data"
    EDIT_AUDIO_NUMBER = "edit_audio_number"
    EDIT_DATE = "edit_date"
    EDIT_EMPLOYEE = "edit_employee"
    EDIT_CLIENT = "edit_client"
    EDIT_PLACE_NAME = "edit_place_name"
    EDIT_BUILDING_TYPE = "edit_building_type"
    EDIT_ZONE = "edit_zone"
    EDIT_CITY = "edit_city"


class State(Value):
    """A piece of state; ``KEY`` names it in the database."""

    KEY: ClassVar[str]


class Dialog(State):
    """A dialog that waits for a message about a recording. ``skipped`` are fields that are not to be asked again."""

    KEY = "dialog"
    step: Step
    recording_id: RecordingId
    skipped: tuple[str, ...] = ()
    tries: int = 0


class Mode(State):
    """The scenario that the next recordings belong to, chosen in the storage menu."""

    KEY = "mode"
    scenario: ScenarioId
