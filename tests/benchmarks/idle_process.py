"""A process that only sleeps, on every processor, and notes when it wakes up late: then the machine stood still.

Its argument is the file that takes a line for each time: seconds since the epoch, and seconds too late.
"""

import os
import sys
import time
from pathlib import Path
from threading import Lock, Thread
from typing import TextIO

_SLEEP_S = 0.02
_LATE_S = 0.03

_writing = Lock()


def _sleep_on(processor: int, file: TextIO) -> None:
    os.sched_setaffinity(0, {processor})
    # Before everything else that wants the processor, so that only the machine can keep it waiting. Without the right
    # to that the bot might be the cause, and nothing is noted.
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return
    while True:
        asleep = time.monotonic()
        time.sleep(_SLEEP_S)
        late = time.monotonic() - asleep - _SLEEP_S
        if late > _LATE_S:
            with _writing:
                print(time.time(), late, file=file)


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", buffering=1) as file:
        sleepers = [Thread(target=_sleep_on, args=(number, file)) for number in os.sched_getaffinity(0)]
        for sleeper in sleepers:
            sleeper.start()
        for sleeper in sleepers:
            sleeper.join()
