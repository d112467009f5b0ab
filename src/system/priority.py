"""The priority of this process's threads."""

import os
import threading
from contextlib import suppress

from constants import BACKGROUND_NICE


def yield_processor() -> None:
    """Lower the priority of the calling thread, and of those it starts, below that of the event loop.

    So buttons are answered while recordings take all cores. Only Linux has a priority for each thread; on other systems
    nothing changes.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICE)
