"""What the form fills in by itself: from the file's name, the day of the recording, and the day's last recording."""

import re
from collections.abc import Collection
from datetime import date
from pathlib import PurePath

import metadata_store
from datamodels import Recording, RecordingId, RecordingMetadata
from db import Connection
from metadata.fields import VALUE_OF, Field, fields_of, shown, title
from metadata.parsing import LONGEST_NUMBER

TAKEN_OVER = frozenset([Field.EMPLOYEE, Field.PLACE_NAME, Field.BUILDING_TYPE, Field.CITY])
"""Fields that are filled in from the day's last recording."""
_NUMBER = re.compile(r"[0-9]+")


async def offer_defaults(
    connection: Connection,
    recording: Recording,
    known: RecordingMetadata,
    came: date,
    misspelt: Collection[str] = frozenset(),
) -> None:
    """Fill what ``known`` leaves empty, store it, and note which fields nobody has looked at.

    ``came`` is the day on which the recording was sent. Fields whose titles are in ``misspelt`` stay empty: the person
    has written something there. Employee, place and city are those of the last recording of
    the same day and scenario that was confirmed; the building type is, if the place is. No two recordings of a day are
    offered the same number.
    """
    day = known.recorded_on or came
    found = await metadata_store.last_of_day(connection, recording, day)
    by, last = (None, RecordingMetadata()) if found is None else found
    number, taken = number_in(recording.file_name), await metadata_store.numbers_of_day(connection, recording, day)
    if number is None or number in taken:
        number = None if last.audio_number is None else max(taken | {last.audio_number}) + 1
    place = known.place or last.place
    candidates = RecordingMetadata(
        audio_number=number,
        recorded_on=day,
        employee=last.employee,
        place=place,
        building=last.building if place == last.place else None,
        city=last.city,
    )
    empty = [
        field
        for field in fields_of(recording.request.scenario)
        if shown(field, known) is None and shown(field, candidates) is not None and title(field) not in misspelt
    ]
    if not empty:
        return
    filled = known.model_copy(update={VALUE_OF[field]: getattr(candidates, VALUE_OF[field]) for field in empty})
    await metadata_store.save_metadata(connection, recording.id, filled)
    before = await metadata_store.load_offered(connection, recording.id)
    fields = tuple(dict.fromkeys([*before.fields, *empty]))
    offered = before.model_copy(update={"fields": fields, "by": by or before.by})
    await metadata_store.set_offered(connection, recording.id, offered)


async def store_proposal(
    connection: Connection, recording_id: RecordingId, known: RecordingMetadata, complete: RecordingMetadata
) -> None:
    """Store the metadata that the model has completed, and note which fields are its proposal."""
    new = tuple(field for field in Field if shown(field, complete) != shown(field, known))
    if not new:
        return
    await metadata_store.save_metadata(connection, recording_id, complete)
    before = await metadata_store.load_offered(connection, recording_id)
    both = {name: tuple(dict.fromkeys([*getattr(before, name), *new])) for name in ("fields", "proposed")}
    await metadata_store.set_offered(connection, recording_id, before.model_copy(update=both))


def number_in(file_name: str) -> int | None:
    """Return the only number in a file's name, as in «interview_17.ogg»; None when there is none, or several."""
    numbers = _NUMBER.findall(PurePath(file_name).stem)
    if len(numbers) != 1 or len(numbers[0]) >= LONGEST_NUMBER or int(numbers[0]) == 0:
        return None
    return int(numbers[0])
