"""Recordings for tests of the stores."""

from hashlib import sha256
from uuid import UUID, uuid4

import recordings_store
from datamodels import (
    BuildingType,
    NewRecording,
    ProcessingRequest,
    Recording,
    RecordingId,
    ScenarioId,
    UserId,
)
from db import Connection
from object_store import key_for_original

REQUEST = ProcessingRequest(
    scenario=ScenarioId("interview"),
    building=BuildingType.HOTEL,
    language="ru",
    speakers=2,
    caption="17\n2026.11.03\nИванов Иван",
)


def new_recording(owner: UserId, content: bytes | None = None) -> NewRecording:
    """A recording of ``content``, of random bytes when that is None."""
    recording_id = RecordingId(uuid4())
    return NewRecording(
        id=recording_id,
        owner_id=owner,
        sha256=sha256(recording_id.bytes if content is None else content).hexdigest(),
        size_bytes=38_000_000,
        file_name="Интервью №17, отель «Заря».ogg",
        extension="ogg",
        object_key=key_for_original(owner, recording_id, "ogg"),
        container="ogg",
        codec="opus",
        duration_s=2530.4,
        request=REQUEST,
    )


async def add_user(connection: Connection) -> UserId:
    """A user of nobody's."""
    user: UUID = uuid4()
    await connection.execute("INSERT INTO users (id, name, role) VALUES (%s, 'Мария', 'user')", (user,))
    return UserId(user)


async def add_recording(connection: Connection) -> Recording:
    """A recording of a user of its own."""
    return await recordings_store.insert_recording(connection, new_recording(await add_user(connection)))
