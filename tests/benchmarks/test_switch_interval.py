"""What a press waits for a thread that computes: at Python's switch interval, and at the bot's.

A press gives the interpreter up and takes it again a dozen times, mostly for messages to and from the database; here
these go through a pair of sockets. Run with ``scripts/benchmark -k switch_interval``.
"""

import socket
import sys
import threading
import time
from statistics import median

from rich.console import Console
from rich.table import Table

from application.long_running import SWITCH_S
from datamodels import Word

PYTHON_S = 0.005
MESSAGES = 12
PRESSES = 100
WORDS = 20_000
PAUSE_S = 0.05
SHARE_BAR = 0.5
"""Of the time at Python's interval; less than that would not be worth a setting."""


def presses(interval_s: float) -> tuple[list[float], float]:
    """Seconds of each press, and transcripts of WORDS words a second that the thread builds meanwhile."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval_s)
    done, built = threading.Event(), 0

    def build() -> None:
        nonlocal built
        while not done.is_set():
            _ = [Word(start=number, end=number + 1, text="слово") for number in range(WORDS)]
            built += 1

    thread = threading.Thread(target=build)
    bot, database = socket.socketpair()
    started = time.perf_counter()
    thread.start()
    try:
        return [_press(bot, database) for _ in range(PRESSES)], built / (time.perf_counter() - started)
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(before)
        bot.close()
        database.close()


def _press(bot: socket.socket, database: socket.socket) -> float:
    time.sleep(PAUSE_S)
    started = time.perf_counter()
    for _ in range(MESSAGES):
        bot.send(b"a question")
        database.recv(100)
    return time.perf_counter() - started


def test_switch_interval() -> None:
    table = Table("interval, ms", "press p50, ms", "worst, ms", "transcripts a second")
    medians = []
    for interval_s in (PYTHON_S, SWITCH_S):
        seconds, built = presses(interval_s)
        medians.append(median(seconds))
        cells = (interval_s, medians[-1], max(seconds))
        table.add_row(*(f"{cell * 1000:.1f}" for cell in cells), f"{built:.1f}")
    Console(width=120).print(table)
    assert medians[1] <= SHARE_BAR * medians[0]
