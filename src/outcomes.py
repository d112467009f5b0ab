"""How the last real call of each kind ended: it tells more of a foreign part than any free question."""

from enum import StrEnum
from time import monotonic
from typing import NamedTuple

from errors import VoxPersonaError


class Purpose(StrEnum):
    """What a call was for."""

    SPEECH = "speech"
    LANGUAGE = "language"
    EMBEDDINGS = "embeddings"
    OBJECTS = "objects"


class Outcome(NamedTuple):
    """When a call ended, by ``time.monotonic``, and how it failed; ``error`` is None when it succeeded."""

    at: float
    error: VoxPersonaError | None


class Outcomes:
    """The last outcome for each purpose."""

    def __init__(self) -> None:
        self._last: dict[Purpose, Outcome] = {}

    def note(self, purpose: Purpose, error: VoxPersonaError | None) -> None:
        """Note how a call ended."""
        self._last[purpose] = Outcome(monotonic(), error)

    def last(self, purpose: Purpose) -> Outcome | None:
        """Return the outcome of the last call; None when this process has made none."""
        return self._last.get(purpose)


OUTCOMES = Outcomes()
"""The outcomes of this process."""
