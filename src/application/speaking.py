"""The voice in use: a configured endpoint, the operator's voice folder, Debian's festival, or none."""
# ruff: noqa: PLC0415  # an adapter's libraries take seconds to load

import asyncio
from pathlib import Path

from application.endpoints import Endpoint, speaking_endpoint
from config import Settings
from errors import BadSettings
from text_to_speech import festival
from text_to_speech.port import TextToSpeech

_TIMEOUT_S = 120.0
_CONCURRENCY = 2


class Speaking:
    """The voice of one process, made at its first use."""

    def __init__(self, settings: Settings) -> None:
        """Find out what speaks.

        Raises:
            BadSettings: an endpoint or an engine is chosen, and something that it needs is missing.
        """
        self._endpoint = speaking_endpoint(settings)
        self._name = settings.tts_voice
        engine = settings.tts_engine
        folder = settings.tts_model_dir if engine in {"auto", "folder"} else None
        if engine == "folder" and folder is None:
            raise BadSettings(names="TTS_MODEL_DIR")
        self._folder: Path | None = None if self._endpoint else folder
        self._festival: Path | None = None
        if not (self._endpoint or folder) and engine in {"auto", "festival"}:
            self._festival = festival.installed()
            if engine == "festival" and self._festival is None:
                raise BadSettings(names="TTS_ENGINE")
        self._lock = asyncio.Lock()
        self._voice: TextToSpeech | None = None

    @property
    def is_possible(self) -> bool:
        """Whether anything here speaks."""
        return bool(self._endpoint or self._folder or self._festival)

    async def voice(self) -> TextToSpeech | None:
        """Return the voice; None when there is none.

        Raises:
            BadSettings: the folder holds no voice, or the package that speaks it is not installed.
        """
        async with self._lock:
            if self._voice is None and self.is_possible:
                self._voice = await asyncio.to_thread(self._made)
            return self._voice

    async def close(self) -> None:
        if self._voice is not None:
            await self._voice.close()

    def _made(self) -> TextToSpeech:
        if self._endpoint is not None:
            return _at(self._endpoint, self._name)
        if self._folder is not None:
            from text_to_speech.sherpa import SherpaTextToSpeech

            return SherpaTextToSpeech(self._folder)
        assert self._festival is not None  # noqa: S101  # else nothing would be possible
        return festival.FestivalTextToSpeech(self._festival)


def _at(endpoint: Endpoint, voice: str) -> TextToSpeech:
    from text_to_speech.openai import OpenAITextToSpeech

    return OpenAITextToSpeech(
        *(endpoint.base_url, endpoint.api_key, endpoint.model, voice, endpoint.provider), _CONCURRENCY, _TIMEOUT_S
    )
