"""A Docker engine for tests: the one that is there, else one of our own, of Debian's packages.

Ours ends with the tests. It keeps images and what was built in a folder that outlives them, so that the next run builds
in seconds.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from config import ROOT

BASE = "debian:bookworm-slim"
"""The image that the Dockerfile starts from. Where ours cannot be pulled, it is made of Debian's packages."""
CACHE = Path(
    os.environ.get("VOXPERSONA_DOCKER_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voxpersona-docker"
)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""What images of tests say that they were built from."""
_PID_FILE = CACHE / "dockerd.pid"
START_LIMIT_S = 60
STOP_LIMIT_S = 60
KEPT_CACHE = "6GB"
_PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "debootstrap": "debootstrap"}
_SBIN = "/usr/sbin:/sbin"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_NOT_IN_SLIM = ("usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man")
_LEFT_BY_APT = ("var/cache/apt", "var/lib/apt/lists", "var/log")


class NoEngine(Exception):
    """Tests that need an engine are skipped, and say why."""


@dataclass
class Docker:
    """An engine that answers. ``environment`` leads the client to it."""

    client: str
    environment: dict[str, str]
    secrets: list[str] = field(default_factory=list)
    is_ours: bool = False
    """Whether the tests started it: then nobody else's containers and images are in it."""

    def run(self, *arguments: str | Path, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the client; with ``check``, a failure of it fails the test with what it said."""
        done = subprocess.run(
            [self.client, *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        told = f"docker {arguments[0]}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        assert not check or done.returncode == 0, told
        return done

    def build(self, target: str, tag: str, context: Path = ROOT, **arguments: str) -> None:
        """Build a target of the Dockerfile in ``context``; the first time this takes minutes."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        given += [f"--build-arg={name}" for name in _PROXIES if os.environ.get(name)]
        command = ["build", "--progress=plain", "--network=host", f"--target={target}", f"--tag={tag}"]
        self.run(*command, *self.secrets, *given, context, seconds=1800)

    def bridge_address(self) -> str:
        """The address at which containers reach this machine, by their own route: an engine may not tell it."""
        routes = self.run("run", "--rm", BASE, "cat", "/proc/net/route").stdout
        [gateway] = [fields[2] for fields in map(str.split, routes.splitlines()) if fields[1] == "00000000"]
        return str(IPv4Address(bytes.fromhex(gateway)[::-1]))


@dataclass(frozen=True)
class Image:
    """A built target of the Dockerfile."""

    docker: Docker
    target: str
    tag: str


@contextmanager
def docker_engine() -> Iterator[Docker]:
    """Yield an engine that has the base image.

    Raises:
        NoEngine: none answers, and none can be started.
    """
    with tempfile.TemporaryDirectory(prefix="voxpersona-docker-") as folder:
        secrets = _secrets(Path(folder))
        there = Docker(shutil.which("docker") or "docker", {**os.environ, "DOCKER_BUILDKIT": "1"}, secrets)
        if _answers(there):
            if there.run("image", "inspect", BASE, check=False).returncode:
                pulled = there.run("pull", BASE, seconds=600, check=False)
                if pulled.returncode:
                    raise NoEngine(f"{BASE} cannot be pulled: {pulled.stderr.strip()}")
            yield there
            return
        if os.geteuid() != 0:
            raise NoEngine("no Docker engine answers, and only root can start one")
        _install()
        with _started(Path(folder), secrets) as own:
            _import_base(own)
            tried = own.run("run", "--rm", "--network=none", BASE, "true", check=False)
            if tried.returncode:
                raise NoEngine(f"no container runs here: {tried.stderr.strip()[-300:]}")
            yield own
            own.run("builder", "prune", "--force", f"--keep-storage={KEPT_CACHE}", check=False)


def _answers(docker: Docker) -> bool:
    try:
        return docker.run("info", check=False).returncode == 0
    except OSError:
        return False


def _install() -> None:
    path = f"{os.environ['PATH']}:{_SBIN}"
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program, path=path) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise NoEngine(f"not installed: {', '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *command], env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoEngine(f"not installed: {done.stderr.strip()[-300:]}")


@contextmanager
def _started(folder: Path, secrets: list[str]) -> Iterator[Docker]:
    """Start an engine on the folder that outlives the tests; others that want the same wait for their turn."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock, (folder / "dockerd.log").open("w+b") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _end_left_behind()
        address = f"unix://{folder}/socket"
        path = f"{_SBIN}:/usr/bin:/bin"
        process = subprocess.Popen(
            [
                *("dockerd", f"--data-root={CACHE / 'data'}", f"--exec-root={folder / 'run'}"),
                *(f"--host={address}", f"--pidfile={_PID_FILE}"),
            ],
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            # Debian's own client: a newer one builds only with a plug-in.
            docker = Docker(
                "/usr/bin/docker",
                {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(folder)},
                secrets,
                is_ours=True,
            )
            ends = time.monotonic() + START_LIMIT_S
            while not _answers(docker):
                if process.poll() is not None or time.monotonic() > ends:
                    log.seek(0)
                    raise NoEngine(f"dockerd does not start: {log.read().decode()[-600:]}")
                time.sleep(0.2)
            yield docker
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_LIMIT_S)
            process.kill()
            process.wait()
            _unmount(folder)


def _end_left_behind() -> None:
    """End the engine of tests that were killed: who has the lock knows that it serves nobody."""
    with suppress(OSError, ValueError):
        pid = int(_PID_FILE.read_text())
        if str(CACHE / "data") in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGTERM)
            ends = time.monotonic() + STOP_LIMIT_S
            while Path(f"/proc/{pid}").exists() and time.monotonic() < ends:
                time.sleep(0.2)


def _unmount(folder: Path) -> None:
    """Unmount what the engine leaves there for networks."""
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", place], check=False)


def _import_base(docker: Docker) -> None:
    if docker.run("image", "inspect", BASE, check=False).returncode == 0:
        return
    archive = CACHE / "bookworm-slim.tar"
    if not archive.exists():
        _make_base(archive)
    docker.run("import", archive, BASE)


def _make_base(archive: Path) -> None:
    """Make what is published as ``BASE``: Debian's smallest system without documentation and translations."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        system = Path(folder, "system")
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(system)],
            env={**os.environ, "PATH": f"{os.environ['PATH']}:{_SBIN}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise NoEngine(f"{BASE} cannot be made: {made.stdout.strip()[-300:]}")
        for name in (*_NOT_IN_SLIM, *_LEFT_BY_APT):
            for each in (system / name).glob("*"):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        unfinished = Path(folder, "tar")
        subprocess.run(["tar", "-C", str(system), "-cf", str(unfinished), "."], check=True)
        unfinished.rename(archive)


def _secrets(folder: Path) -> list[str]:
    """Return the options by which a build gets the certificates of this machine, and its registry of packages."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    lines = []
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name, value = key.rpartition(".")[2].removeprefix("default-"), value.strip("'\"")
        if name in _PIP_SETTINGS and not value.startswith("file:"):
            lines.append(f"{name} = {value}\n")
    settings = folder / "pip.conf"
    settings.write_text("[global]\n" + "".join(lines))
    certificates = Path(os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or _CERTIFICATES)
    given = [f"--secret=id=pip,src={settings}"]
    if certificates.is_file():
        given.append(f"--secret=id=ca,src={certificates}")
    return given
