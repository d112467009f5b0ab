"""The sound of recordings for people who listen in a browser, which asks for stretches of one file.

What browsers play is the original; anything else is made into Ogg Opus, once. The file lies in the recording's own
folder of the spool: it goes when nobody has listened for a day, and at once with the recording.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import recordings_store
from audio import opus, prepare, probe, tracks_of
from datamodels import Recording, RecordingId, UserId
from db import Database
from errors import NotFound
from recordings import shares_store
from recordings.lookup import is_ready
from recordings.originals import Originals
from utils import disk_full_mapped, write_atomically

_PLAYED = {
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mov,mp4,m4a,3gp,3g2,mj2": "audio/mp4",
    "matroska,webm": "audio/webm",
}
"""Media types of containers that browsers play, by libav's names, if their codec is one of these:"""
_CODECS = frozenset(["aac", "flac", "mp3", "opus", "pcm_s16le", "vorbis"])
_MADE = "audio/ogg"
_DECODING_S = 1800.0


class Sound(NamedTuple):
    """A file to be played, and its media type."""

    path: Path
    media_type: str


class Listening:
    """Makes sound ready to be played. ``processors`` are those of ``JobContext``."""

    def __init__(
        self, database: Database, originals: Originals, ffmpeg: Path, spool: Path, processors: asyncio.Semaphore
    ) -> None:
        self._database = database
        self._originals = originals
        self._ffmpeg = ffmpeg
        self._spool = spool
        self._processors = processors
        self._making: WeakValueDictionary[RecordingId, asyncio.Lock] = WeakValueDictionary()

    async def own(self, owner: UserId, number: int) -> Sound:
        """Return the sound of a recording of the owner.

        Raises:
            NotFound: the owner has none of that number, or it came without sound.
            OriginalGone, BrokenRecording, EngineFailed: it cannot be had, or not be made into what browsers play.
            ObjectStoreUnavailable, MessengerUnavailable, DatabaseUnavailable, DiskFull: not now.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
        return await self._of(recording)

    async def cited(self, asker: UserId, recording_id: RecordingId) -> Sound:
        """Return the sound of a recording that an answer to ``asker`` cites, if the asker may still find it.

        Raises:
            NotFound: it was deleted, or its owner keeps it to themselves; else as ``own``.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, recording_id)
            is_found = await shares_store.is_found_by(connection, recording_id, asker)
        if not is_found:
            raise NotFound(what=f"recording {recording_id} for {asker}")
        return await self._of(recording)

    async def _of(self, recording: Recording) -> Sound:
        if is_ready(recording):
            raise NotFound(what=f"sound of {recording.id}")
        media_type = _PLAYED.get(recording.container) if recording.codec in _CODECS else None
        make = self._make if media_type is None else self._originals.get
        path = self._spool / str(recording.id) / ("listening" if media_type else "listening.ogg")
        async with self._making.setdefault(recording.id, asyncio.Lock()):
            if not await asyncio.to_thread(_used, path):
                with disk_full_mapped(path):
                    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
                await make(recording, path)
        return Sound(path, media_type or _MADE)

    async def _make(self, recording: Recording, path: Path) -> None:
        original, pcm = path.with_name("listening.original"), path.with_name("listening.pcm")
        try:
            await self._originals.get(recording, original)
            async with self._processors:
                first = tracks_of(await probe(original, recording.file_name))[0]
                seconds = await prepare(
                    original,
                    pcm,
                    file_name=recording.file_name,
                    ffmpeg=self._ffmpeg,
                    time_limit_s=_DECODING_S,
                    track=replace(first, channels=1),
                )
                encoded = await opus(pcm, 0.0, seconds, ffmpeg=self._ffmpeg)
            await asyncio.to_thread(write_atomically, path, encoded)
        finally:
            await asyncio.to_thread(_remove, original, pcm)


def _used(path: Path) -> bool:
    """Tell whether the file is there, and note that somebody listens: the spool is cleared by the folder's time."""
    if not path.exists():
        return False
    path.parent.touch()
    return True


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
