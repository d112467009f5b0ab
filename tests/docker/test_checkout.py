"""A clean checkout is built wherever it lies, however its folder is called, and comes up without anybody's settings."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from composed import COMPOSE, PRODUCT_IMAGE, SERVICES, Composed, build_stand_ins, look_at_health_often
from config import ROOT
from docker_engine import COMMIT, Docker, Image


@pytest.fixture
def checkout(docker: Docker, tmp_path: Path) -> Path:
    """What git has of this commit, and nothing else."""
    if not docker.is_ours:
        pytest.skip("this engine may run an installation, which has the same name")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(tmp_path / "voxpersona", filter="data")
    return tmp_path / "voxpersona"


def named(docker: Docker, folder: Path) -> str:
    """The name that the compose file in this folder gives to what it builds."""
    command = [COMPOSE, "config", "--images", "voxpersona"]
    done = subprocess.run(command, cwd=folder, env=docker.environment, capture_output=True, text=True, check=True)
    [name] = {line for line in done.stdout.split() if "voxpersona" in line}
    return name


def test_a_renamed_folder_that_is_built_again_is_the_same_image(docker: Docker, lite: Image, checkout: Path) -> None:
    built, left = [], []
    for name in ("voxpersona", "Голоса гостей (копия) 2"):
        checkout = checkout.rename(checkout.with_name(name))
        docker.build("lite", named(docker, checkout), checkout, COMMIT=COMMIT)
        listed = docker.run(
            "image", "ls", "--no-trunc", "--format={{.Repository}}:{{.Tag}} {{.ID}}", PRODUCT_IMAGE
        ).stdout
        built.append(listed.splitlines())
        left.append(docker.run("image", "ls", "--filter=dangling=true", "--quiet").stdout.split())
    assert built[0] == built[1]
    assert [line.split()[0] for line in built[0]] == [f"{PRODUCT_IMAGE}:latest"]
    assert left[0] == left[1]


def test_without_any_settings_it_comes_up_and_says_what_it_lacks(
    docker: Docker, full: Image, checkout: Path, tmp_path: Path
) -> None:
    docker.run("tag", full.tag, PRODUCT_IMAGE)
    build_stand_ins(docker, tmp_path / "stand-ins")
    look_at_health_often(checkout)
    assert not (checkout / ".env").exists()
    system = Composed(docker, checkout)
    try:
        system.run("up", "--detach", "--wait", seconds=200)
        assert system.states() == dict.fromkeys(SERVICES, "healthy")
        doctor = system.run("exec", "-T", "voxpersona", "python", "src/main.py", "doctor", check=False)
        assert "LLM_BASE_URL, LLM_MODEL" in " ".join(doctor.stdout.split()), doctor.stdout + doctor.stderr
        assert "Traceback" not in system.run("logs").stdout
    finally:
        system.run("down", "--remove-orphans", "--timeout=10", check=False)
