"""A clean checkout is built wherever it lies, and however its folder is called: it is one image under one name."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from config import ROOT
from docker_engine import COMMIT, Docker, Image

COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
NAME = "voxpersona-voxpersona"


def named(docker: Docker, folder: Path) -> str:
    """The name that the compose file in this folder gives to what it builds."""
    command = [COMPOSE, "config", "--images", "voxpersona"]
    done = subprocess.run(command, cwd=folder, env=docker.environment, capture_output=True, text=True, check=True)
    [name] = {line for line in done.stdout.split() if "voxpersona" in line}
    return name


def test_a_renamed_folder_that_is_built_again_is_the_same_image(docker: Docker, lite: Image, tmp_path: Path) -> None:
    if not docker.is_ours:
        pytest.skip("this engine may run an installation, which has the same name")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    folder = tmp_path / "voxpersona"
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    built, left = [], []
    for name in ("voxpersona", "Голоса гостей (копия) 2"):
        folder = folder.rename(folder.with_name(name))
        docker.build("lite", named(docker, folder), folder, COMMIT=COMMIT)
        listed = docker.run("image", "ls", "--no-trunc", "--format={{.Repository}}:{{.Tag}} {{.ID}}", NAME).stdout
        built.append(listed.splitlines())
        left.append(docker.run("image", "ls", "--filter=dangling=true", "--quiet").stdout.split())
    assert built[0] == built[1]
    assert [line.split()[0] for line in built[0]] == [f"{NAME}:latest"]
    assert left[0] == left[1]
