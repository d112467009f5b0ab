"""A process that has everything in memory already differs in nothing from one that imports it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import Popen

import pytest

from config import ROOT, version
from warm_process import MAIN, Process, _WarmProcess, started

LOOKS_AROUND = f"""
import gc, json, os, signal, sys
sys.path[0] = {str(ROOT / "src")!r}
import pyrogram
from pyrogram.crypto import rsa
print(json.dumps({{
    "environment": sorted(os.environ.items()),
    "arguments": [__name__, *sys.argv],
    "path": sys.path,
    "folder": os.getcwd(),
    "open": [each for each in range(64) if os.path.exists(f"/proc/self/fd/{{each}}")],
    "threads": len(os.listdir("/proc/self/task")),
    "signals": [str(signal.getsignal(signal.SIGINT)), *signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "collects": gc.isenabled(),
    "keys": list(rsa.server_public_keys),
}}), flush=True)
class Ring:
    def __del__(self, write=os.write):
        write(2, b"is taken apart\\n")
ring = Ring()
ring.itself = ring
del ring
print("ends", file=sys.stderr)
sys.exit(7)
"""


def environment(**settings: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, **settings}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"A": "Ж"},
        {"PYTHONPATH": str(ROOT / "tests" / "telegram_site"), "LOOPBACK_TELEGRAM": "7:5:3:0102030405060708"},
    ],
)
def test_it_sees_what_a_new_process_sees(tmp_path: Path, settings: dict[str, str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(LOOKS_AROUND)
    seen = []
    for kind in (Popen, _WarmProcess):
        with kind(
            [sys.executable, str(script), "argument"],
            env=environment(**settings),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            told, said = process.communicate()
            seen.append((json.loads(told), said, process.returncode))
    assert seen[0][1:] == ("ends\nis taken apart\n", 7)
    assert seen[1] == seen[0]


def test_what_is_random_is_its_own(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import random, sys
assert "jobs.retries" in sys.modules
sys.path[0] = {str(ROOT / "src")!r}
import log_setup
print(log_setup._run(), random.random())
""")
    told = []
    for _ in range(2):
        with _WarmProcess(
            [sys.executable, str(script)], env=environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            told += process.communicate()[0].split()
    assert len(told) == len(set(told)) == 4


@pytest.mark.parametrize("warm", [True, False])
async def test_it_is_the_product_s_command_and_can_be_killed(warm: bool, tmp_path: Path) -> None:
    with started(
        [sys.executable, str(MAIN), "--version"], env=environment(), warm=warm, stdout=subprocess.PIPE
    ) as done:
        assert (done.communicate()[0], done.returncode) == (f"VoxPersona {version()}\n", 0)
        assert isinstance(done, _WarmProcess) is warm
    settings = environment(PERSISTENT_DIR=str(tmp_path), LLM_ENGINE="none")
    with started([sys.executable, str(MAIN), "doctor"], env=settings, warm=warm, stderr=subprocess.PIPE) as running:
        process = Process(running)
        assert process.returncode is None
        async with asyncio.timeout(20):
            waiting = [asyncio.create_task(process.wait()) for _ in range(2)]
            process.kill()
            assert [await each for each in waiting] == [-signal.SIGKILL] * 2
        assert process.returncode == await process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("settings", [{"LD_PRELOAD": ""}, {"TZ": "UTC"}, {"PYTHONUTF8": "1"}])
def test_what_the_interpreter_reads_when_it_starts_starts_it(settings: dict[str, str]) -> None:
    with started([sys.executable, str(MAIN), "--version"], env=environment(**settings), stdout=subprocess.PIPE) as each:
        each.communicate()
        assert not isinstance(each, _WarmProcess)
