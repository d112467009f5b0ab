"""The Dockerfile and the scripts, read by their linters, which come with the development requirements."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT, version

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
SHELL = re.compile(r"#!.*\b(?:ba)?sh\b|# shellcheck shell=")


def shell_scripts() -> list[Path]:
    places = [*(ROOT / "scripts").iterdir(), *(ROOT / ".ci").iterdir()]
    files = [path for path in places if path.is_file()]
    return sorted(path for path in files if SHELL.match(path.read_text(encoding="utf-8")))


def complaints(program: str, *arguments: str | Path) -> str:
    found = shutil.which(program, path=PATH)
    assert found is not None, f"{program} is not installed: requirements-dev.txt has it"
    done = subprocess.run([found, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_dockerfile() -> None:
    assert complaints("hadolint", "--no-color", "Dockerfile") == ""


def test_there_are_scripts() -> None:
    assert {"environment", "run", "test", "test-docker", "test-properties"} <= {path.name for path in shell_scripts()}


@pytest.mark.parametrize("script", shell_scripts(), ids=lambda path: path.name)
def test_scripts(script: Path) -> None:
    assert complaints("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", script) == ""


def test_the_dockerfile_names_the_version() -> None:
    named = re.findall(r'^ARG VERSION="(.*)"$', (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert named
    assert set(named) == {version()}
