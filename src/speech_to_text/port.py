"""The speech-to-text port: what every engine, local or at an endpoint, can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from datamodels import EngineInfo, PartTranscript


@dataclass(frozen=True)
class PartLimits:
    """Lengths of parts in seconds: parts are planned near ``target_s``; an engine takes at most ``longest_s``."""

    target_s: float
    longest_s: float


OnHeard = Callable[[float], None]
"""Is told, from any thread, how much of a part has been heard: 0 to 1."""


def tell_nobody(heard: float) -> None:
    """Do nothing: for callers who wait for the result alone."""


class SpeechToText(Protocol):
    """An engine that turns one part of a recording into text.

    Engines read the part from the prepared audio (mono 16 kHz signed 16-bit little-endian PCM, no header). Each turns
    the part into what it needs: samples for local engines, Opus for endpoints.

    ``tests/integration/test_speech_to_text_conformance.py`` checks every engine for what is said here. Engines on this
    machine get the hard parts from ``speech_to_text.local``: ``speech_chunks`` finds nothing in silence, and
    ``EngineThread`` can be cancelled, and closed twice.
    """

    @property
    def info(self) -> EngineInfo: ...

    @property
    def limits(self) -> PartLimits: ...

    @property
    def concurrency(self) -> int:
        """How many parts to work on at once: more would make the engine no faster."""
        ...

    async def transcribe(
        self,
        pcm: Path,
        start_s: float,
        end_s: float,
        language: str | None,
        hints: Sequence[str] = (),
        on_heard: OnHeard = tell_nobody,
    ) -> PartTranscript:
        """Transcribe ``[start_s, end_s)`` of ``pcm``; times in the answer count from ``start_s``.

        ``language`` is an ISO 639-1 code, or None to detect it: then the answer tells that of most of the part, "" when
        the engine does not know, and whether that is sure; a segment in another language says so. Silence gives no
        segments. Segments are in order and within the part, each has a text without spaces around it, and the same part
        gives the same segments. An engine on this machine tells ``on_heard`` how far it is; that may go back.

        Raises:
            ProviderError: the engine failed; an endpoint, after the retries of ``provider_calls``.
            WeightsRefused: the model of a local engine does not load.
            CancelledError: the caller was cancelled; the engine can still take the next part.
        """
        ...

    async def check(self) -> None:
        """Raise the error that ``transcribe`` would raise, if any, as cheaply as the engine allows."""
        ...

    async def close(self) -> None:
        """Give back what the engine holds; may be called twice."""
        ...
