"""What scripts of operators say of themselves, and that they touch nothing before they know what is asked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config import ROOT

DEVELOPERS = {
    "benchmark",
    "bytecode",
    "chaos",
    "check",
    "durability",
    "install-test-packages",
    "storyboard-pages",
    "test",
    "test-docker",
    "test-fast",
    "test-properties",
    "test-pyrogram",
}
THE_PRODUCT = "run"
"""Its help is that of the product's commands."""
SCRIPTS = sorted(
    path.name
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and os.access(path, os.X_OK) and path.name not in {*DEVELOPERS, THE_PRODUCT}
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout on a server with Docker alone, whose every call leaves a file."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(f"#!/bin/sh\ntouch '{tmp_path}/docker-was-called'\n", encoding="utf-8")
    (tmp_path / "bin/docker").chmod(0o755)
    return tmp_path


def run(checkout: Path, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    before = sorted(checkout.rglob("*"))
    done = subprocess.run(
        [checkout / "scripts" / name, *options],
        env={"PATH": f"{checkout}/bin:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert sorted(checkout.rglob("*")) == before
    return done


def test_every_script_of_operators_is_walked_over() -> None:
    assert {"backup", "restore", "restore-drill", "deploy", "rollback", "health_check", "validate_config"} <= {*SCRIPTS}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_it_does_before_it_touches_anything(checkout: Path, name: str) -> None:
    for options in (("--help",), ("-h",)):
        done = run(checkout, name, *options)
        assert (done.returncode, done.stderr) == (0, ""), options
        assert done.stdout.startswith(f"Запуск: scripts/{name}")
        if name != "health-check":
            assert "  --help  " in done.stdout
            assert max(map(len, done.stdout.splitlines())) <= 170


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_refuses_what_it_does_not_know(checkout: Path, name: str) -> None:
    for option in ("--wrong", "-x"):
        done = run(checkout, name, option)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith("Не понимаю параметры: ")
        assert done.stderr.endswith(f"Подсказка: scripts/{name} --help\n")
