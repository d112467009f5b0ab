"""What a file is: sound, or the ready transcript of some. Its name is a first guess, its bytes decide."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from audio import check_readable, probe
from constants import READY_TRANSCRIPT
from datamodels import AudioInfo, Transcript
from errors import BadInput
from transcription.ready.reading import is_ready_transcript, read_ready


class Examined(NamedTuple):
    """The facts about a file; ``transcript`` is what a ready transcript says, None for sound."""

    info: AudioInfo
    transcript: Transcript | None = None


async def examined(path: Path, file_name: str) -> Examined:
    """Return what is in the file at ``path``, whose name for people is ``file_name``.

    Raises:
        BadInput: it cannot be worked with.
    """
    if not is_ready_transcript(file_name):
        return Examined(await probe(path, file_name))
    await asyncio.to_thread(check_readable, path, file_name)
    try:
        transcript = (await asyncio.to_thread(read_ready, path, file_name)).transcript
    except BadInput as no_transcript:
        try:
            return Examined(await probe(path, file_name))
        except BadInput:
            raise no_transcript from None
    info = AudioInfo(
        container=READY_TRANSCRIPT,
        codec=transcript.model,
        duration_s=transcript.duration_s,
        declared_s=None,
        tracks=(),
        size_bytes=await asyncio.to_thread(lambda: path.stat().st_size),
        has_video=False,
    )
    return Examined(info, transcript)
