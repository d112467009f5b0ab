"""The last line of .ci/run sums up what the scripts that it calls say in theirs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from config import ROOT

PASSED = "echo 7 passed, 0 failed"
NEW = "echo 0 passed, 0 failed"


def ran(folder: Path, tests: str, images: str, properties: str) -> tuple[int, str]:
    """Run it over scripts that consist of these lines; return its status and its last line."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    (folder / "scripts").mkdir()
    for name, script in (("test", tests), ("test-docker", images), ("test-properties", properties)):
        (folder / "scripts" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "scripts" / name).chmod(0o755)
    done = subprocess.run([folder / ".ci" / "run"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("tests", "images", "properties", "status", "line"),
    [
        (PASSED, "echo 3 passed, 0 failed", f"sleep 0.3; {NEW}", 0, "10 passed, 0 failed"),
        (PASSED, "echo 0 passed, 0 failed", NEW, 0, "7 passed, 0 failed"),
        ("echo 6 passed, 1 failed; exit 1", "echo 3 passed, 0 failed", NEW, 1, "9 passed, 1 failed"),
        (PASSED, "echo 1 passed, 2 failed; exit 1", NEW, 1, "8 passed, 2 failed"),
        (PASSED, "echo 3 passed, 0 failed", "echo 0 passed, 2 failed; exit 1", 1, "10 passed, 2 failed"),
        ("echo E501 Line too long; exit 1", "echo 3 passed, 0 failed", NEW, 1, "3 passed, 1 failed"),
        (PASSED, "exit 1", NEW, 1, "7 passed, 1 failed"),
        (PASSED, "true", NEW, 1, "7 passed, 1 failed"),
        (PASSED, "echo 3 passed, 0 failed", "exit 1", 1, "10 passed, 1 failed"),
    ],
)
def test_all_are_summed_up(tmp_path: Path, tests: str, images: str, properties: str, status: int, line: str) -> None:
    assert ran(tmp_path, tests, images, properties) == (status, line)
