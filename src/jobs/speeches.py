"""The job step that says a text: a piece a job, so that others come between, and in the end all of it joined."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from audio import opus, prepare
from constants import SAMPLE_RATE
from db import Connection
from errors import BadInput, EngineFailed, VoxPersonaError
from errors_of_operation import NoVoice
from jobs.context import JobContext
from jobs.retries import AT_ONCE
from limits.reservations import spend_money
from prices import speech_cost_usd
from speeches import store
from speeches.pieces import pieces
from speeches.words import in_words
from system.shortages import shortages_mapped
from text_to_speech.port import LONGEST_PIECE, TextToSpeech
from utils import disk_full_mapped

log = structlog.get_logger(__name__)

SPEECH_QUEUE = "speech"
_DECODING_S = 60.0
_PAUSE = bytes(SAMPLE_RATE * 2 * 3 // 10)
"""0.3 s of silence between two pieces, in samples of prepared audio."""


class SpeechSteps:
    """Says what was ordered; ``engine`` returns the voice in use, or None when there is none."""

    is_quick = True

    def __init__(self, context: JobContext, engine: Callable[[], Awaitable[TextToSpeech | None]]) -> None:
        self._context = context
        self._engine = engine

    async def do(self, id_: UUID) -> datetime | None:
        """Say the next piece of a text, or join what was said; return when it goes on, None when it is over.

        What a voice has said is stored at once and not said again, unless the voice has changed since.

        Raises:
            NoVoice: nothing speaks here any more.
            VoxPersonaError: the voice failed, or the machine could not do it now.
        """
        database = self._context.database
        await database.there()
        async with database.transaction() as connection:
            wanted = await store.find_to_say(connection, id_)
        if wanted is None:
            return None
        engine = await self._engine()
        if engine is None:
            raise NoVoice
        said = wanted.parts
        if said and wanted.voice != engine.voice:
            said = ()
            async with database.transaction() as connection:
                await store.begin_again(connection, id_, engine.voice)
        texts = await asyncio.to_thread(lambda: pieces(in_words(wanted.text), LONGEST_PIECE))
        with shortages_mapped():
            if len(said) < len(texts):
                await self._say(id_, engine, len(said), texts)
                return AT_ONCE
            await self._join(id_, said)
        return None

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        """Note why nothing was said, and when that will be tried again."""
        async with self._context.database.transaction() as connection:
            await store.fail(connection, id_, error.code, error.user_text, again_at)

    async def _say(self, id_: UUID, engine: TextToSpeech, place: int, texts: Sequence[str]) -> None:
        async def keep(connection: Connection) -> None:
            if await store.add_part(connection, id_, place, part, len(texts)):
                await spend_money(connection, id_, speech_cost_usd(engine.voice, len(texts[place])))

        async with self._context.calls.one():
            part = await engine.speak(texts[place])
            await self._context.database.persist(keep)
        log.info("piece_said", speech=str(id_), place=place, pieces=len(texts), bytes=len(part))

    async def _join(self, id_: UUID, parts: Sequence[bytes]) -> None:
        folder = self._context.spool / f"speech-{id_.hex}"
        try:
            with disk_full_mapped(folder):
                await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            async with self._context.processors:
                whole, duration_s = await self._joined(folder, parts)
            await self._context.database.persist(lambda connection: store.finish(connection, id_, whole, duration_s))
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        log.info("text_said", speech=str(id_), seconds=round(duration_s, 1), bytes=len(whole))

    async def _joined(self, folder: Path, parts: Sequence[bytes]) -> tuple[bytes, float]:
        """Return all parts as one voice message, and its length in seconds."""
        ffmpeg, whole = self._context.ffmpeg, folder / "whole.pcm"
        original, pcm = folder / "part", folder / "part.pcm"
        for part in parts:
            await asyncio.to_thread(original.write_bytes, part)
            try:
                await prepare(original, pcm, file_name=original.name, ffmpeg=ffmpeg, time_limit_s=_DECODING_S)
            except BadInput as exc:
                raise EngineFailed(engine="text to speech", reason=exc.code) from exc
            await asyncio.to_thread(_append, pcm, whole)
        duration_s = whole.stat().st_size / (SAMPLE_RATE * 2)
        return await opus(whole, 0.0, duration_s, ffmpeg=ffmpeg), duration_s


def _append(pcm: Path, whole: Path) -> None:
    with disk_full_mapped(whole), whole.open("ab") as file:
        if file.tell():
            file.write(_PAUSE)
        file.write(pcm.read_bytes())
