"""What the steps of all jobs work with."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from db import Database
from language_model import LanguageModel
from minio_manager import ObjectStore
from prompt_pack_models import ReportPack
from speech_to_text import SpeechToText
from voice_embeddings import VoiceEncoder


class Engines(Protocol):
    """The engines of the work, each made ready when it is first asked for."""

    async def speech_to_text(self) -> SpeechToText: ...

    async def language_model(self) -> LanguageModel | None: ...

    async def voice_encoder(self) -> VoiceEncoder: ...


def spare_processors() -> asyncio.Semaphore:
    """A place for each processor but one: that is left to the event loop and the database, for whom people wait.

    Priorities alone do not see to it: the loop, which has just worked, would stand behind all recordings at once.
    """
    return asyncio.Semaphore(max(1, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True)
class Workshop:
    """What the steps work with. Who decodes, encodes or computes holds one of ``processors`` meanwhile."""

    database: Database
    objects: ObjectStore
    pack: ReportPack
    engines: Engines
    ffmpeg: Path
    spool: Path
    processors: asyncio.Semaphore = field(default_factory=spare_processors)
