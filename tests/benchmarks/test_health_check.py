"""What the image's HEALTHCHECK costs, and how long it takes on a machine at its limit.

Beside it, in the same run, stands the least that a Python with its HTTP client does: what the check was before. Run
with ``scripts/benchmark -k health_check``.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from config import ROOT
from ready_server import answering

TIMES = 20
LOAD = 20
SHARE_BAR = 0.25
"""Of the processor's time that Python takes."""
PYTHON = "import json, sys, urllib.request as r; json.load(r.urlopen(sys.argv[1]))"


def measured(command: list[str], port: int) -> tuple[float, float, float]:
    """Return milliseconds of the processor for each call, and the median and the longest call in milliseconds."""
    took_ms = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(TIMES):
        began = time.monotonic()
        environment = {"PATH": os.environ["PATH"], "HTTP_PORT": str(port)}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        took_ms.append(1000 * (time.monotonic() - began))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * processor_s / TIMES, statistics.median(took_ms), max(took_ms)


def test_asking_takes_a_shell_and_no_more() -> None:
    with answering() as port:
        compare(port)


def compare(port: int) -> None:
    ways = {
        "scripts/health-check": [str(ROOT / "scripts/health-check")],
        "Python's HTTP client": [sys.executable, "-c", PYTHON, f"http://127.0.0.1:{port}/health/ready"],
    }
    processor_ms = {}
    print(f"\n{'':24}processor ms   median ms   longest ms")
    for load in (0, LOAD):
        with ExitStack() as ended:
            for _ in range(load):
                busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
                ended.callback(busy.wait)
                ended.callback(busy.kill)
            for name, command in ways.items():
                processor_ms[name], median_ms, longest_ms = measured(command, port)
                print(f"{name:24}{processor_ms[name]:12.1f}{median_ms:12.0f}{longest_ms:13.0f}   {load} busy processes")
    shell, python = processor_ms.values()
    assert shell / python <= SHARE_BAR
