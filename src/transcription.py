"""Speech to text of a whole recording: parts are planned, transcribed, stored, joined, and nothing is lost silently."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from datamodels import PartPlan, PartTranscript


class PartStore(Protocol):
    """Where the parts of one recording are kept. A part is known by its input hash."""

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        """The results that are there already, by input hash."""
        ...

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        """Note the parts to come, by input hash; those already noted stay as they are."""
        ...

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None: ...

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None: ...
