"""Stands at the boundary to Docker: answers its client's command lines out of images and containers in memory."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

IMAGE = "voxpersona-voxpersona"
REVISION = "org.opencontainers.image.revision"
STARTED = "2026-01-01T00:00:00Z"
Happens = Callable[[list[str]], str | None]


class Killed(BaseException):
    """The deploy is killed here: no line of it that follows is executed."""


@dataclass
class Box:
    """A container."""

    name: str
    service: str
    image: str
    running: bool = True
    restarts: int = 0
    one_off: bool = False
    files: str = "/srv/docker-compose.yml"
    folder: str = ""
    id: str = ""
    exit_code: int = 0


@dataclass
class EngineDouble:
    """An engine with Compose. ``images`` are the commits of ids, ``tags`` the ids of names.

    ``happens`` has what happens in the place of the first command line that contains the words: an exception, a failure
    as text, or, with None, nothing special.
    """

    images: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    happens: list[tuple[str, Happens]] = field(default_factory=list)
    unready: set[str] = field(default_factory=set)
    """Commits of versions that never become ready."""
    caches: bool = True
    """Whether building the same commit again gives the same image."""
    names_itself: bool = True
    """Whether versions know their commit."""
    starts_canary: bool = True
    """Whether a version that is tried beside the one that runs stays up."""
    version: str = "28.0.1"
    called: list[str] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """The lines in the log of every container."""

    def on(self, words: str, happens: Happens | BaseException | str) -> None:
        def raised(_: list[str]) -> str | None:
            if isinstance(happens, BaseException):
                raise happens
            return happens if isinstance(happens, str) else None

        self.happens.append((words, raised if isinstance(happens, BaseException | str) else happens))

    def has(self, commit: str, *tags: str) -> str:
        """Have an image of this commit under these tags."""
        made = f"sha256:{len(self.images) + 1}"
        self.images[made] = commit
        self.tags |= {f"{IMAGE}:{tag}": made for tag in tags}
        return made

    def runs(self, image: str, workers: int = 1) -> None:
        """Have the bot run, with workers beside it, a database and an object store."""
        kept = [each for each in self.boxes if each.one_off or each.service not in ("voxpersona", "worker")]
        if not any(each.service == "postgres" for each in kept):
            kept += [Box(f"voxpersona-{name}-1", name, name, id=f"{name}-id") for name in ("postgres", "objects")]
        mine = ["voxpersona-voxpersona-1", *(f"voxpersona-worker-{number + 1}" for number in range(workers))]
        were = {each.name: each for each in self.boxes if each.image == image and each.running}
        for name in mine:
            made = Box(name, name.split("-")[1], image, id=f"{name} of {image} {len(self.called)}")
            kept.append(were.get(name, made))
        self.boxes = kept

    def bot(self) -> str:
        """The commit of the bot that runs."""
        [found] = [each for each in self.boxes if each.service == "voxpersona" and each.running and not each.one_off]
        return self.images[found.image]

    def run(self, command: list[str], **given: Any) -> "subprocess.CompletedProcess[str]":
        """Stand in the place of ``subprocess.run``; what is not for Docker is run."""
        line = " ".join(command)
        self.called.append(line)
        self.given.append(given)
        for each in self.happens:
            if each[0] in line:
                self.happens.remove(each)
                if (failed := each[1](command)) is not None:
                    return subprocess.CompletedProcess(command, 1, "", failed)
                break
        if command[0] == "sh":
            # A busy engine notes a start after the first lines.
            since = next((word.partition("=")[2] for word in command if word.startswith("--since=")), "")
            seen = not since or datetime.fromisoformat(since) < datetime.fromisoformat(STARTED)
            return subprocess.CompletedProcess(command, 0, "\n".join(self.written) if seen else "", "")
        if command[0] != "docker":
            return subprocess.run(command, **given)  # noqa: PLW1510  # given says it
        try:
            return subprocess.CompletedProcess(command, 0, self._answer(command[1:], line), "")
        except LookupError as exc:
            return subprocess.CompletedProcess(command, 1, "", f"No such container or image: {exc}\n")

    def _answer(self, words: list[str], line: str) -> str:  # noqa: C901, PLR0911  # a row for each
        match words:
            case ["version", *_]:
                return self.version
            case ["info", *_]:
                return "/"
            case ["compose", *rest]:
                return self._compose(rest, line)
            case ["inspect", *names]:
                return json.dumps([self._facts(name) for name in names])
            case ["image", *rest]:
                return self._image(rest)
            case ["tag", image, name]:
                self.tags[name] = self._id(image)
            case ["rm", "--force", name]:
                self.boxes = [each for each in self.boxes if each is not self._box(name)]
            case ["build", *options]:
                values = dict(option.removeprefix("--").split("=", 1) for option in options if "=" in option)
                commit = values["build-arg"].removeprefix("COMMIT=")
                there = [image for image, each in self.images.items() if self.caches and each == commit]
                self.tags[values["tag"]] = there[0] if there else self.has(commit)
            case ["exec", "--interactive", name, *_]:
                commit = self.images[self._box(name).image]
                return json.dumps(
                    {"ready": commit not in self.unready, "parts": {}, "commit": commit if self.names_itself else None}
                )
            case ["ps", *_]:
                return "\n".join(each.name for each in self.boxes)
        return ""

    def _compose(self, words: list[str], line: str) -> str:
        match words:
            case ["version", *_]:
                return "2.40.0"
            case ["config", *_]:
                return json.dumps({"services": {"voxpersona": {}, "worker": {}}})
            case ["ps", "--all", "--quiet", *services]:
                return "\n".join(each.name for each in self.boxes if each.service in services)
            case ["logs", *_]:
                return "\n".join(self.written)
            case ["run", "--detach", *_]:
                canary = Box("voxpersona-canary", "worker", next(reversed(self.images)), one_off=True)
                canary.running = self.starts_canary
                self.boxes.append(canary)
            case ["up", *_] if "postgres" not in line:
                workers = next((int(word.rpartition("=")[2]) for word in words if word.startswith("--scale")), 1)
                self.runs(self.tags[f"{IMAGE}:latest"], workers)
        return ""

    def _image(self, words: list[str]) -> str:
        match words:
            case ["inspect", asked, name]:
                found = self._id(name)
                named = " ".join(tag for tag, image in self.tags.items() if image == found)
                return self.images[found] if REVISION in asked else named if "RepoTags" in asked else found
            case ["ls", "--quiet", "--no-trunc", name]:
                return "\n".join({image for tag, image in self.tags.items() if tag.startswith(name)})
            case ["ls", "--quiet", *_]:
                return "\n".join(set(self.images) - set(self.tags.values()))
            case ["ls", *_]:
                return "\n".join(tag.rpartition(":")[2] for tag in self.tags)
            case ["rm", name]:
                image = self._id(name)
                self.tags.pop(name, None)
                if image not in self.tags.values():
                    del self.images[image]
        return ""

    def _id(self, name: str) -> str:
        found = self.tags.get(name, name)
        if found not in self.images:
            raise KeyError(name)
        return found

    def _box(self, name: str) -> Box:
        return {each.name: each for each in self.boxes}[name]

    def _facts(self, name: str) -> dict[str, Any]:
        box = self._box(name)
        labels = {
            "com.docker.compose.service": box.service,
            "com.docker.compose.oneoff": str(box.one_off),
            "com.docker.compose.project.config_files": box.files,
            "com.docker.compose.project.working_dir": box.folder,
            REVISION: self.images.get(box.image, ""),
        }
        return {
            "Id": box.id or box.name,
            "Name": f"/{box.name}",
            "Image": box.image,
            "RestartCount": box.restarts,
            "State": {"Running": box.running, "Restarting": False, "ExitCode": box.exit_code, "StartedAt": STARTED},
            "Config": {"Labels": labels},
        }
