"""Engines with a language model that is given, in the place of the configured one."""

import asyncio
from pathlib import Path

from application.engines import EnginePool
from application.objects import StartProgress
from config import Settings
from embedded.engines import Engines as EmbeddedEngines
from language_model.port import LanguageModel

PoolArguments = tuple[Settings, EmbeddedEngines, Path, StartProgress, asyncio.Semaphore]


class EnginesWithModel(EnginePool):
    """An ``EnginePool`` whose language model is ``language_model``; the other arguments are the pool's."""

    def __init__(self, *pool: *PoolArguments, language_model: LanguageModel) -> None:
        super().__init__(*pool)
        self._given = language_model

    @property
    def has_language_model(self) -> bool:
        return True

    @property
    def has_demo_model(self) -> bool:
        return False

    async def language_model(self) -> LanguageModel:
        return self._given
