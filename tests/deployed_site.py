"""A server on which the product is deployed: a real checkout, and an engine that stands in."""

import json
import subprocess
from pathlib import Path

import pytest

from deployment import command_line
from engine_double import IMAGE, EngineDouble, Killed

SWITCH = "up --detach --no-build --scale"
"""Words of the command that puts another version in the place of the one that runs."""


class Site:
    """A server: a clone whose remote has one version more, and an engine on which the first one runs."""

    def __init__(self, folder: Path, engine: EngineDouble, capture: pytest.CaptureFixture[str]) -> None:
        self.engine, self._capture = engine, capture
        self.root, self._author = folder / "clone", folder / "author"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        git(folder, "clone", "--quiet", "origin.git", "author")
        git(self._author, "checkout", "--quiet", "-B", "main")
        (self._author / "scripts").mkdir()
        (self._author / "scripts/backup").write_text("#!/bin/sh\n")
        (self._author / "scripts/backup").chmod(0o755)
        for name in ("docker-compose.yml", "docker-compose.machines.yml", "docker-compose.worker.yml"):
            (self._author / name).write_text("services: {}\n")
        self.first = self.publish()
        git(folder, "clone", "--quiet", "origin.git", "clone")
        (self.root / ".env").write_text("DEPLOY_NEEDED_MB=0\nDEPLOY_WATCH_S=0\n")
        self.second = self.publish()
        engine.runs(engine.has(self.first, "latest", self.first[:12]), workers=2)

    def publish(self) -> str:
        git(self._author, "add", "--all")
        git(self._author, "commit", "--quiet", "--allow-empty", "--message=A version")
        git(self._author, "push", "--quiet", "origin", "HEAD:main")
        return git(self._author, "rev-parse", "HEAD")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the server; return its status and what it said."""
        status = command_line.main(arguments)
        said = self._capture.readouterr()
        assert "Traceback" not in said.err
        return status, said.out + said.err

    def kill(self, words: str, *arguments: str) -> None:
        """Kill a command, ``deploy`` if none is named, where it runs what has these words."""
        self.engine.on(words, Killed())
        with pytest.raises(Killed):
            self.run(*(arguments or ("deploy",)))
        self._capture.readouterr()

    def head(self) -> str:
        return git(self.root, "rev-parse", "HEAD")

    def tagged(self, tag: str) -> str:
        return self.engine.images[self.engine.tags[f"{IMAGE}:{tag}"]]

    def reports(self) -> list[str]:
        folder = self.root / "persistent_data/deploys"
        return [
            json.loads(path.read_text(encoding="utf-8"))["result"]
            for path in sorted(folder.glob("2*.json"), key=lambda path: path.stem)
        ]

    def unfinished(self) -> bool:
        return (self.root / "persistent_data/deploys/state.json").exists()

    def set(self, line: str) -> None:
        with (self.root / ".env").open("a") as file:
            file.write(f"{line}\n")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
