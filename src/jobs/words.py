"""The job step that recognises what somebody said in place of typing it, while they wait."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import structlog

import texts.web
from audio import probe
from constants import LONGEST_SPOKEN_S
from datamodels import PartPlan, PartTranscript
from errors import BadInput, BadText, NoSpeech, VoxPersonaError
from jobs.context import JobContext
from recordings import spoken_store
from recordings.preferences import settings_of
from recordings.spoken_store import Spoken
from speakers.channels import prepare_channels
from system.shortages import shortages_mapped
from transcription.transcriber import Transcription
from utils import disk_full_mapped, human_duration, write_atomically

log = structlog.get_logger(__name__)

WORDS_QUEUE = "words"
_DECODING_S = 60.0


class _Parts:
    """The parts of a voice note, which has one or two: they are kept while the step goes on."""

    def __init__(self) -> None:
        self._results: dict[str, PartTranscript] = {}

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        return {each: self._results[each] for each in input_hashes if each in self._results}

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        pass

    async def begin(self, input_hash: str) -> None:
        pass

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None:  # noqa: ARG002
        self._results[input_hash] = result

    async def save_heard(self, input_hash: str, heard: float) -> None:
        pass

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None:
        pass


class WordsSteps:
    """Recognises voice notes that are taken as text."""

    is_quick = True

    def __init__(self, context: JobContext) -> None:
        self._context = context

    async def do(self, id_: UUID) -> None:
        """Store the words of a voice note, unless that is done or cancelled; nothing is left to do then.

        Raises:
            BadInput: nothing is said in it, or it is no sound.
            VoxPersonaError: the engine failed, or the machine could not do it now.
        """
        await self._context.database.there()
        async with self._context.database.transaction() as connection:
            spoken = await spoken_store.find_to_hear(connection, id_)
            settings = None if spoken is None else await settings_of(connection, spoken.owner_id)
        if spoken is None or settings is None:
            return
        folder = self._context.spool / f"words-{id_.hex}"
        try:
            async with self._context.calls.one():
                with shortages_mapped():
                    words = await self._heard(spoken, folder, settings.language)
                await self._context.database.persist(
                    lambda connection: spoken_store.store_words(connection, id_, words)
                )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        log.info("words_heard", words=str(id_), characters=len(words))

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        """Note why nothing was recognised, and when that will be tried again."""
        async with self._context.database.transaction() as connection:
            refused = isinstance(error, BadInput)
            await spoken_store.store_failure(connection, id_, error.code, error.user_text, again_at, is_refused=refused)

    async def _heard(self, spoken: Spoken, folder: Path, language: str | None) -> str:
        original, pcm = folder / "original.ogg", folder / "audio.pcm"
        with disk_full_mapped(folder):
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(write_atomically, original, spoken.sound)
        name = spoken.file_name or texts.web.SPOKEN_NAME
        info = await probe(original, name)
        if spoken.file_name is None:
            # Of a voice note the messenger tells beforehand how long it is.
            _check_length(info.duration_s)
        async with self._context.processors:
            layout, speech = await prepare_channels(
                original,
                pcm,
                info,
                file_name=name,
                ffmpeg=self._context.ffmpeg,
                time_limit_s=_DECODING_S,
            )
        if spoken.file_name is None:
            _check_length(layout.duration_s)
        if not speech:
            raise NoSpeech(file_name=name)
        engine = await self._context.engines.speech_to_text()
        key = sha256(spoken.sound).hexdigest()
        draft = await Transcription(engine, _Parts()).run(key, pcm, speech, layout.whole_s, language)
        words = " ".join(segment.text for segment in draft.segments).strip()
        if not words:
            raise NoSpeech(file_name=name)
        return words


def _check_length(duration_s: float) -> None:
    """Refuse a question that is longer than a voice note may be.

    Raises:
        BadText: it is longer.
    """
    if duration_s > LONGEST_SPOKEN_S:
        told, most = human_duration(duration_s), human_duration(LONGEST_SPOKEN_S)
        raise BadText(reason=texts.web.SPOKEN_TOO_LONG.format(duration=told, longest=most))
