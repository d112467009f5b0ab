"""A server on which the product is deployed: a clone with a remote of its own, an engine, and releases to deploy."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composed import COMPOSE, PRODUCT_IMAGE
from config import ROOT
from docker_engine import Docker
from embedded.ports import free_ports

BASE = "voxpersona-test-base"
PROGRAM = ("src/deployment", "src/system", "src/texts", "src/errors.py", "src/errors_of_operation.py")
"""What ``scripts/deploy`` consists of."""
DOCKERFILE = f"""
FROM {BASE} AS lite
ARG COMMIT=""
ENV BUILD_COMMIT=$COMMIT
LABEL org.opencontainers.image.revision="$COMMIT"
COPY --chmod=644 release/ /app/src/
COPY --chmod=644 sql/ /app/sql_scripts/
"""
"""A release is what the Dockerfile of the product builds, with some files changed: so it is built in a second."""
SETTINGS = {
    "ASR_BASE_URL": "http://127.0.0.1:9/v1",
    "ASR_MODEL": "none",
    "LLM_ENGINE": "none",
    "EMBEDDINGS_ENGINE": "off",
}
BACKUP = """#!/bin/sh
# Stands for the real one, which has tests of its own: here it counts that it was called, and when it fails.
if [ -e persistent_data/deploys/no-backup ]; then echo "Хранилище копий не отвечает."; exit 5; fi
echo made >>persistent_data/deploys/backups-made
"""
RELEASE = {"release/release_note.py": '"""The first release."""\n', "sql/README": "Migrations of releases.\n"}


class Server:
    """The clone in a folder whose name is as awkward as people's are."""

    def __init__(self, docker: Docker, folder: Path) -> None:
        self.docker = docker
        self.origin, self.checkout, self.author = folder / "origin.git", folder / "Голоса гостей 2", folder / "author"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "docker").symlink_to(docker.client)
        (programs / "docker-compose").symlink_to(COMPOSE)
        self.port = free_ports(1)[0]
        who = {
            f"GIT_{role}_{what}": "author@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        self.environment = {
            **docker.environment,
            **who,
            "PATH": f"{programs}:/usr/bin:/bin",
            "HTTP_PORT": str(self.port),
            "VOXPERSONA_TARGET": "lite",
            "DEPLOY_WATCH_S": "0",
            "DEPLOY_READY_S": "90",
            "DEPLOY_NEEDED_MB": "100",
        }
        self._publish(folder)

    def _publish(self, folder: Path) -> None:
        self.author.mkdir()
        for name in ("docker-compose.yml", "deploy", "scripts", *PROGRAM):
            target = self.author / name
            target.parent.mkdir(parents=True, exist_ok=True)
            ignored = shutil.ignore_patterns("__pycache__")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, ignore=ignored)
            else:
                shutil.copy(ROOT / name, target)
        (self.author / "Dockerfile").write_text(DOCKERFILE)
        (self.author / ".gitignore").write_text(".env\npersistent_data\n__pycache__\n")
        (self.author / "scripts/backup").write_text(BACKUP)
        (self.author / "scripts/backup").chmod(0o755)
        self.git(self.author, "init", "--quiet", "--initial-branch=main")
        self.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git(self.author, "remote", "add", "origin", str(self.origin))
        self.release(RELEASE)
        self.git(folder, "clone", "--quiet", str(self.origin), str(self.checkout))
        self.write_settings()

    def write_settings(self, **more: str) -> None:
        lines = [f"{name}={value}\n" for name, value in {**SETTINGS, **more}.items()]
        (self.checkout / ".env").write_text("".join(lines), encoding="utf-8")

    def git(self, folder: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def release(self, files: Mapping[str, str | None]) -> str:
        """Publish a commit in which these files are changed, or removed; return the commit."""
        for name, content in files.items():
            path = self.author / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content, encoding="utf-8")
        self.git(self.author, "add", "--all")
        self.git(self.author, "commit", "--quiet", "--allow-empty", "--message=A release")
        self.git(self.author, "push", "--quiet", "origin", "HEAD:main")
        return self.git(self.author, "rev-parse", "HEAD")

    def withdraw(self) -> None:
        """Take the last release back, as if it had never been published."""
        self.git(self.author, "reset", "--quiet", "--hard", "HEAD~1")
        self.git(self.author, "push", "--quiet", "--force", "origin", "HEAD:main")

    def start(self, script: str, *options: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.checkout / "scripts" / script, *options],
            cwd="/",
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, *options: str, **environment: str) -> tuple[int, str]:
        """Run a script of the checkout; return its status and what it said."""
        process = self.start(script, *options, **environment)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def compose(self, *arguments: str) -> str:
        done = subprocess.run(
            [COMPOSE, *arguments],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def work_with(self, workers: int) -> None:
        """Let so many workers help the bot."""
        self.compose("up", "--detach", "--no-build", "--no-deps", f"--scale=worker={workers}", "worker")

    def bot(self) -> dict[str, Any]:
        """What the engine knows of the container of the bot."""
        container = self.compose("ps", "--all", "--quiet", "voxpersona").strip()
        [facts] = json.loads(self.docker.run("inspect", container).stdout)
        return dict(facts)

    def answer(self) -> dict[str, Any]:
        """What the bot says of its version, and whether it is ready."""
        program = self.checkout / "src/deployment/probe.py"
        command = [self.docker.client, "exec", "-i", self.bot()["Id"], "python", "-"]
        with program.open("rb") as given:
            done = subprocess.run(command, env=self.docker.environment, stdin=given, capture_output=True, check=True)
        return dict(json.loads(done.stdout) or {})

    def image(self, tag: str) -> str:
        return self.docker.run(
            "image", "inspect", "--format={{.Id}}", f"{PRODUCT_IMAGE}:{tag}", check=False
        ).stdout.strip()

    def head(self) -> str:
        return self.git(self.checkout, "rev-parse", "HEAD")

    def reports(self) -> list[dict[str, Any]]:
        """The reports of all deploys, the oldest first."""
        folder = self.checkout / "persistent_data/deploys"
        return [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("2*.json"), key=lambda path: path.stem)
        ]

    def remove(self) -> None:
        """Remove containers, networks and images."""
        subprocess.run(
            [COMPOSE, "down", "--remove-orphans", "--timeout=5"],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        names = self.docker.run("image", "ls", "--format={{.Repository}}:{{.Tag}}", PRODUCT_IMAGE).stdout.split()
        self.docker.run("image", "rm", "--force", BASE, *names, check=False)
