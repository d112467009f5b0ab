"""The port of text to speech, and what every engine has in common."""

import io
import wave
from typing import Protocol

LONGEST_PIECE = 800
"""The most characters of a piece. OpenAI takes 4096; a shorter piece shows progress, and less is said anew after a
kill."""


class TextToSpeech(Protocol):
    """Says a piece of text, at most ``LONGEST_PIECE`` characters, in which numbers are words."""

    @property
    def voice(self) -> str:
        """Engine, model and voice, with the address of an endpoint. What another voice said is not the same sound."""
        ...

    async def speak(self, text: str) -> bytes:
        """Return the sound of ``text`` as a file, in any format that recordings may have.

        Raises:
            ProviderError: the endpoint failed, after the retries of ``provider_calls``.
            EngineFailed: the engine on this machine failed.
            OutOfResources: this machine has no means for it now.
        """
        ...

    async def check(self) -> None:
        """Raise the error that any text would meet. An endpoint is not asked to speak: that costs money."""
        ...

    async def close(self) -> None: ...


def wav_of(samples: bytes, rate: int) -> bytes:
    """Return signed 16-bit little-endian mono samples as a WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return content.getvalue()
