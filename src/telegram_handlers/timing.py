"""How long the router waits."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Timing:
    """How long the router waits, in seconds; ``clock`` counts them.

    A press that its handler has not answered after ``answer_after_s`` is answered without a text. ``retry_after_s`` is
    the pause after the database or Telegram did not answer. An update that neither the database nor the disk has space
    for is refused after ``unstored_s``. ``stop_grace_s`` is the time that updates in progress have to finish when the
    router is stopped.
    """

    answer_after_s: float = 0.25
    retry_after_s: float = 5.0
    unstored_s: float = 10.0
    stop_grace_s: float = 3.0
    clock: Callable[[], float] = monotonic


USUAL_TIMING = Timing()
