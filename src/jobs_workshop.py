"""What the steps of all jobs work with."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Workshop:
    """What the steps work with."""

    database: Database
    objects: ObjectStore
    pack: ReportPack
    engines: Engines
    ffmpeg: Path
    spool: Path
