"""Docker and Docker Compose, as far as deploys need them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import texts.deploy
from deployment.commands import Commands, last_line
from errors import UnreadableSettings
from errors_of_operation import CommandFailed, DeploymentStopped
from system import env_file

IMAGE = "voxpersona-voxpersona"
"""The image's name in ``docker-compose.yml``, whatever the folder of the checkout is called."""
BEFORE = f"{IMAGE}:before-deploy"
"""What ran when the last deploy began. Under a name of its own neither a build nor anybody's cleaning takes it away."""
PRODUCT = ("voxpersona", "worker")
"""The services that run a version of the product for long."""
CANARY = "voxpersona-canary"
CHECK = "voxpersona-check"
_STORES = ("postgres", "objects")
_ENGINE = (20, 10)
_BUILDX = (23, 0)
_COMPOSE = (2, 24)
"""The first Compose that knows an ``env_file`` which may be missing."""
_FILES = "com.docker.compose.project.config_files"
_FOLDER = "com.docker.compose.project.working_dir"
_ONE_OFF = "com.docker.compose.oneoff"
_QUOTING = ("in variable name", "unterminated quoted value", "Invalid template")
"""What Compose says before it quotes a line of ``.env``, in which a secret may be."""
_REVISION = "org.opencontainers.image.revision"
_BUILD_S = 3600
_START_S = 400
_MIGRATE_S = 1800
_SHORT_TAG = 12


@dataclass(frozen=True)
class Container:
    """A container as the engine knows it. ``image`` is an id, ``commit`` what the image was built from.

    ``files`` are those that Compose made it from, ``folder`` is the project's, empty when unknown; of ``is_one_off``
    nobody expects that it stays. ``exit_code`` is how it ended; 0 while it runs again.
    """

    id: str
    name: str
    service: str
    image: str
    commit: str
    running: bool
    restarts: int
    exit_code: int
    started: str
    files: tuple[str, ...]
    folder: str
    is_one_off: bool


def tag_of(commit: str) -> str:
    """Return the name under which the image of ``commit`` is kept."""
    return f"{IMAGE}:{commit[:_SHORT_TAG]}"


class Engine:
    """The engine of this server and the project in this checkout."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._compose: tuple[str, ...] = ()
        self.answers = False
        """Whether it did, when it was required."""

    def docker(
        self, *arguments: str | Path, limit_s: float = 120, given: str | None = None, secret: bool = False
    ) -> str:
        """Run the client; return what it printed, which stays out of the log when it is ``secret``.

        Raises:
            CommandFailed: it failed.
        """
        also = {"DOCKER_BUILDKIT": "1"}
        said = self._commands.run("docker", *arguments, limit_s=limit_s, also=also, given=given, secret=secret)
        return said.strip()

    def compose(self, *arguments: str, limit_s: float = 120, image: str | None = None, secret: bool = False) -> str:
        """Run Docker Compose on this project; with ``image``, services of the product have that one.

        Raises:
            CommandFailed: it failed.
        """
        # Its progress would hide what the program in the container says last.
        also = {"COMPOSE_PROGRESS": "quiet", **({} if image is None else {"VOXPERSONA_IMAGE": image})}
        return self._commands.run(*self._compose, *arguments, limit_s=limit_s, also=also, secret=secret).strip()

    def require(self) -> None:
        """Find Docker Compose, and refuse what is too old.

        Raises:
            DeploymentStopped: the engine does not answer, or something is missing or too old.
        """
        self.answers = False
        try:
            found = self.docker("version", "--format={{.Server.Version}}")
        except CommandFailed as exc:
            raise DeploymentStopped(why=texts.deploy.ENGINE_SILENT.format(reason=exc.reason)) from exc
        if _version(found) < _ENGINE:
            raise DeploymentStopped(why=texts.deploy.ENGINE_OLD.format(found=found, needed="20.10"))
        for candidate in (("docker", "compose"), ("docker-compose",)):
            try:
                found = self._commands.run(*candidate, "version", "--short").strip()
            except (CommandFailed, DeploymentStopped):
                continue
            if _version(found) < _COMPOSE:
                raise DeploymentStopped(why=texts.deploy.COMPOSE_OLD.format(found=found, needed="2.24"))
            self._compose = candidate
            self.answers = True
            return
        raise DeploymentStopped(why=texts.deploy.NO_COMPOSE)

    def require_builder(self) -> None:
        """Refuse a client that cannot build with BuildKit.

        Raises:
            DeploymentStopped: it lacks buildx.
        """
        try:
            self.docker("buildx", "version")
        except CommandFailed as exc:
            # Clients before that have BuildKit in themselves.
            if _version(self.docker("version", "--format={{.Client.Version}}")) >= _BUILDX:
                raise DeploymentStopped(why=texts.deploy.NO_BUILDER) from exc

    def config(self) -> dict[str, Any]:
        """Return the services as Compose understands them.

        Raises:
            DeploymentStopped: it does not understand the file.
        """
        try:
            # The answer holds what is in .env.
            services: dict[str, Any] = json.loads(self.compose("config", "--format=json", secret=True))["services"]
        except CommandFailed as exc:
            try:
                env_file.check(self._commands.root)
            except UnreadableSettings as unread:
                raise DeploymentStopped(why=unread.user_text) from exc
            raise DeploymentStopped(why=texts.deploy.COMPOSE_REFUSES.format(reason=_unquoted(exc.said))) from exc
        return services

    def root_folder(self) -> Path:
        """Return the folder in which the engine keeps images; it is another machine's when the engine is."""
        return Path(self.docker("info", "--format={{.DockerRootDir}}"))

    def containers(self, *services: str) -> list[Container]:
        """Return the containers of these services, of all that run the product when none are named.

        What somebody started with ``docker compose run`` is none of them.
        """
        ids = self.compose("ps", "--all", "--quiet", *(services or PRODUCT)).split()
        if not ids:
            return []
        found = [each for each in self.inspected(*ids) if not each.is_one_off]
        return sorted(found, key=lambda container: (container.service, container.name))

    def inspected(self, *names: str) -> list[Container]:
        """Return what the engine knows of these containers.

        Raises:
            CommandFailed: one of them is gone.
        """
        # The whole answer has their environment in it, and in that secrets.
        return [_container(each) for each in json.loads(self.docker("inspect", *names, secret=True))]

    def image_id(self, name: str) -> str | None:
        """Return the id of an image; None when there is none of this name.

        Raises:
            CommandFailed: the engine does not answer.
        """
        try:
            return self.docker("image", "inspect", "--format={{.Id}}", name)
        except CommandFailed as exc:
            if "no such" not in exc.said.lower():
                raise
            return None

    def commit_of(self, image: str) -> str:
        """Return the commit that an image was built from, empty when it does not say."""
        return self.docker("image", "inspect", f'--format={{{{index .Config.Labels "{_REVISION}"}}}}', image)

    def tag(self, image: str, name: str) -> None:
        """Give an image a further name, which another image loses."""
        self.docker("tag", image, name)

    def build(self, commit: str, target: str, options: list[str]) -> str:
        """Build the image of the files in the checkout, and return its name.

        Raises:
            CommandFailed: it cannot be built.
        """
        name = tag_of(commit)
        self.docker(
            *("build", f"--target={target}", f"--build-arg=COMMIT={commit}", f"--tag={name}", *options, "."),
            limit_s=_BUILD_S,
        )
        return name

    def self_check(self, image: str) -> None:
        """Have ``image`` check itself and the settings of the bot.

        Raises:
            CommandFailed: something is wrong.
        """
        module = ("--entrypoint=python", "--env=PYTHONPATH=/app/src", "voxpersona", "-m", "cli.self_check")
        self._run_once(image, *module, limit_s=_START_S)

    def migrate(self, image: str) -> None:
        """Bring the database to the schema of ``image``.

        Raises:
            CommandFailed: a migration failed, which has left nothing behind.
        """
        self._run_once(image, "migrate", limit_s=_MIGRATE_S)

    def _run_once(self, image: str, *what: str, limit_s: float) -> None:
        self.remove(CHECK)
        once = ("run", "--rm", "--no-TTY", "--no-deps", f"--name={CHECK}")
        self.compose(*once, *what, image=image, limit_s=limit_s)

    def start_canary(self, image: str) -> None:
        """Start ``image`` beside what runs: with the same database and objects, without Telegram, taking no jobs.

        Raises:
            CommandFailed: it cannot be started.
        """
        self.remove(CANARY)
        self.compose(
            *("run", "--detach", "--no-TTY", "--no-deps", f"--name={CANARY}", "worker", "worker", "--idle"), image=image
        )

    def remove(self, name: str) -> None:
        """Remove a container, if there is one of this name."""
        try:
            self.docker("rm", "--force", name)
        except CommandFailed as exc:
            if "No such container" not in exc.said:
                raise

    def start_stores(self, image: str) -> None:
        """Start database and object store unless they run.

        Raises:
            CommandFailed: they do not become healthy.
        """
        running = {each.service for each in self.containers(*_STORES) if each.running}
        if running != set(_STORES):
            self.compose(
                "up", "--detach", "--wait", "--no-build", "--no-recreate", *_STORES, image=image, limit_s=_START_S
            )

    def said_by_prepare(self) -> str:
        """Return why folders and passwords cannot be made ready; "" when they were."""
        try:
            said = self.compose("logs", "--no-log-prefix", "--no-color", "--tail=4", "prepare")
        except CommandFailed:
            return ""
        # The log has earlier starts, too: a good one ends with its mark.
        _, refused, why = said.rpartition("✖")
        return " ".join(why.split()) if refused and "✔" not in why else ""

    def start(self, workers: int | None, *, alone: bool) -> None:
        """Replace what runs by the image that has the project's name; with ``alone``, only services of the product.

        ``workers`` containers do the work beside the bot; None leaves that to the compose file.

        Raises:
            CommandFailed: something does not start.
        """
        scale = () if workers is None else (f"--scale=worker={workers}",)
        services = ("--no-deps", *PRODUCT) if alone else ()
        self.compose("up", "--detach", "--no-build", *scale, *services, limit_s=_START_S)

    def log_of(self, container: str, *, since: str = "", lines: str = "all", is_polled: bool = False) -> list[str]:
        """Return lines that a container has written; ``since`` is a time as the engine writes it.

        What is asked for again and again, ``is_polled``, stays out of the log of the deploy.
        """
        options = (f"--since={since}",) if since else ()
        # The program's own log goes to standard error.
        said = self._commands.run(
            *("sh", "-c", 'exec docker logs "$@" 2>&1', "sh", *options, f"--tail={lines}", container), secret=is_polled
        )
        return said.splitlines()


def _container(facts: dict[str, Any]) -> Container:
    labels, state = facts["Config"]["Labels"], facts["State"]
    return Container(
        id=facts["Id"],
        name=facts["Name"].lstrip("/"),
        service=labels.get("com.docker.compose.service", ""),
        image=facts["Image"],
        commit=labels.get(_REVISION, ""),
        running=state["Running"] and not state["Restarting"],
        restarts=facts["RestartCount"],
        exit_code=state["ExitCode"],
        started=state["StartedAt"],
        files=tuple(labels.get(_FILES, "").split(",")),
        folder=labels.get(_FOLDER, ""),
        is_one_off=labels.get(_ONE_OFF) == "True",
    )


def _unquoted(said: str) -> str:
    """Return why Compose refuses, without what it quotes of the file of settings."""
    for words in _QUOTING:
        before, found, _ = said.partition(words)
        if found:
            return last_line(before + found)
    return last_line(said)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", text)[:2])
