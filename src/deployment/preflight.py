"""What has to be right on the server before a deploy touches anything."""

import shutil
import socket
from pathlib import Path
from typing import Any

import texts.deploy
from deployment.engine import PRODUCT, Engine
from deployment.records import RESERVE_MB, Records
from deployment.reports import say
from deployment.settings import DeploySettings
from errors_of_operation import DeploymentStopped

_MEGABYTE = 1_000_000
_FIRST, _LAST = "docker-compose.yml", "docker-compose.override.yml"
_STATE = "persistent_data"
_WORKERS = "docker-compose.worker.yml"
_STARTED = (*PRODUCT, "postgres", "objects")


def require_fit(root: Path, engine: Engine, settings: DeploySettings) -> None:
    """Refuse a server on which a deploy would fail half-way.

    Raises:
        DeploymentStopped: an engine is too old, ``.env`` is missing or hides the version, a disk full, a port taken, or
            what runs was started from more compose files than Compose reads now.
    """
    if not (root / ".env").is_file():
        raise DeploymentStopped(why=texts.deploy.NO_ENV)
    if (root / ".env").stat().st_mode & 0o077:
        say(texts.deploy.ENV_OPEN)
    if settings.hides_commit:
        raise DeploymentStopped(why=texts.deploy.COMMIT_HIDDEN)
    engine.require()
    engine.require_builder()
    images = engine.root_folder()
    for folder in (root, images):
        _require_space(folder, settings.needed_mb, images)
    _require_space(root / _STATE, RESERVE_MB, images)
    services = engine.config()
    require_files(root, engine, settings)
    _require_ports(engine, services)


def reserve_way_back(root: Path, engine: Engine, records: Records) -> None:
    """Hold the space that going back takes.

    Raises:
        DeploymentStopped: a disk does not have it. Nothing may be replaced then.
    """
    images = engine.root_folder()
    for folder in (root, root / _STATE, images):
        _require_space(folder, RESERVE_MB, images)
    try:
        records.reserve()
    except OSError as exc:
        records.free_reserve()
        raise _low_space(root / _STATE, 0, RESERVE_MB, images) from exc


def require_files(root: Path, engine: Engine, settings: DeploySettings) -> None:
    """Refuse to replace what was started from another folder, or with ``-f``: other machines would lose the database.

    Raises:
        DeploymentStopped: the folder or the files are named.
    """
    if _WORKERS in settings.compose_files:
        raise DeploymentStopped(why=texts.deploy.WORKERS_ALONE)
    containers = engine.containers(*_STARTED)
    for folder in sorted({each.folder for each in containers}):
        if folder and _is_elsewhere(root, Path(folder)):
            raise DeploymentStopped(why=texts.deploy.OTHER_FOLDER.format(folder=folder))
    files = {Path(file) for each in containers for file in each.files if each.running and file}
    lost = {path.name for path in files if path.name not in settings.compose_files and (root / path.name).exists()}
    if _WORKERS in lost:
        raise DeploymentStopped(why=texts.deploy.WORKERS_ALONE)
    if lost:
        needed = ":".join(sorted(settings.compose_files | lost, key=_place))
        raise DeploymentStopped(why=texts.deploy.FILES_DIFFER.format(lost=", ".join(sorted(lost)), needed=needed))


def _is_elsewhere(root: Path, folder: Path) -> bool:
    """Tell whether ``folder`` is another one than ``root``; one that is gone was renamed."""
    try:
        return not root.samefile(folder)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _place(file: str) -> tuple[bool, bool, str]:
    """Sort compose files as Compose has to read them: what comes later changes what came before."""
    return file != _FIRST, file == _LAST, file


def _require_space(folder: Path, needed_mb: int, images: Path) -> None:
    try:
        free_mb = shutil.disk_usage(folder).free // _MEGABYTE
    except OSError:
        return  # of an engine on another machine, or closed to us
    if free_mb < needed_mb:
        raise _low_space(folder, free_mb, needed_mb, images)


def _low_space(folder: Path, free_mb: int, needed_mb: int, images: Path) -> DeploymentStopped:
    """Return the error of a disk with too little space; removing images helps the one that they are on."""
    try:
        helps = folder.stat().st_dev == images.stat().st_dev
    except OSError:
        helps = True
    cure = (texts.deploy.FREE_OF_IMAGES if helps else texts.deploy.FREE_OTHERWISE).format(path=folder)
    return DeploymentStopped(why=texts.deploy.LOW_SPACE.format(path=folder, free=free_mb, needed=needed_mb, cure=cure))


def _require_ports(engine: Engine, services: dict[str, Any]) -> None:
    """Refuse ports that others have. What this project has itself it will free."""
    ours = {line.rpartition(":")[2] for each in engine.containers(*services) for line in _published(engine, each.name)}
    for service in services.values():
        for port in service.get("ports", ()):
            host, number = port.get("host_ip", "0.0.0.0"), str(port.get("published") or "")  # noqa: S104  # Docker's default
            if number.isdecimal() and number not in ours and not _is_free(host, int(number)):
                raise DeploymentStopped(why=texts.deploy.PORT_TAKEN.format(host=host, port=number))


def _published(engine: Engine, container: str) -> list[str]:
    return engine.docker("port", container).splitlines()


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except PermissionError:
            return True  # below 1024, where only the engine may listen
        except OSError:
            return False
    return True
