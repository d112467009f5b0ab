"""Speech behind any OpenAI-compatible endpoint: OpenAI, Kokoro-FastAPI, speaches, LocalAI and others."""

from collections.abc import Callable
from functools import partial

import httpx2

from errors import ProviderInvalidAnswer, ProviderRejectedRequest
from provider_calls.openai import openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time
from provider_calls.probe import EndpointProbe

_FORMATS = ("mp3", "wav")
"""MP3 is small, and every server that is known has it but Groq's, which makes WAV alone."""
_LARGEST_BYTES = 64 * 1024 * 1024
_SIGNS: tuple[Callable[[bytes], bool], ...] = (
    lambda head: head.startswith((b"ID3", b"RIFF", b"OggS", b"fLaC")),
    lambda head: len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0,
)
"""How files of sound begin; the last is a frame of MPEG."""


class OpenAITextToSpeech:
    """``TextToSpeech`` over ``/audio/speech``."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        voice: str,
        provider_name: str,
        concurrency: int,
        timeout_s: float,
        *,
        time: Time | None = None,
    ) -> None:
        self._model = model
        self._voice = voice
        self._provider = provider_name
        self._client = openai_client(base_url, api_key, timeout_s)
        self._probe = EndpointProbe(base_url, api_key, provider_name)
        self._calls = ProviderCalls(provider_name, concurrency, timeout_s, time=time)
        self._format = _FORMATS[0]

    @property
    def voice(self) -> str:
        return f"{self._model}/{self._voice}@{self._provider.rpartition('@')[2]}"

    async def speak(self, text: str) -> bytes:
        try:
            return await self._calls.run(partial(self._ask, text, self._format))
        except ProviderRejectedRequest:
            if self._format == _FORMATS[-1]:
                raise
        sound = await self._calls.run(partial(self._ask, text, _FORMATS[-1]))
        self._format = _FORMATS[-1]
        return sound

    async def check(self) -> None:
        await self._probe.ask()

    async def close(self) -> None:
        await self._client.close()
        await self._probe.close()

    async def _ask(self, text: str, file_format: str) -> bytes:
        body = {"model": self._model, "voice": self._voice, "input": text, "response_format": file_format}
        with openai_errors(self._provider, self._model):
            response = await self._client.post("/audio/speech", cast_to=httpx2.Response, body=body)
            sound = bytes(response.content)
        if not any(is_sound(sound) for is_sound in _SIGNS) or len(sound) > _LARGEST_BYTES:
            raise ProviderInvalidAnswer(provider=self._provider, reason=f"{len(sound)} bytes that are no sound")
        return sound
