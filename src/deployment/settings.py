"""What operators can set for deploys, in the environment of the command or in ``.env``."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import texts.deploy
from deployment.service import Limits
from errors_of_operation import DeploymentStopped

_NEEDED_MB = 3000
_READ_BY_ITSELF = ("docker-compose", "docker-compose.override")


class DeploySettings:
    """Settings of deploys: ``DEPLOY_*`` and ``VOXPERSONA_TARGET``. The environment goes before ``.env``.

    Raises:
        DeploymentStopped: a value is wrong, which is named, or ``.env`` is not UTF-8.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        in_file = _read(root / ".env")
        self.hides_commit = "BUILD_COMMIT" in in_file
        """Whether ``.env`` hides the commit that an image tells of itself."""
        self._values = {**in_file, **environment}
        self.limits = Limits(
            ready_s=self._number("DEPLOY_READY_S", 30, 1),
            watch_s=self._number("DEPLOY_WATCH_S", 300, 0),
            errors=self._number("DEPLOY_ERRORS", 5, 0),
        )
        self.needed_mb = self._number("DEPLOY_NEEDED_MB", _NEEDED_MB, 0)
        self.compose_files = self._compose_files(root)
        """The names of the files that Compose reads here."""
        self.workers_are_set = bool(self._values.get("WORKERS"))
        """Whether the compose file is told how many workers there are; else those that run are counted."""
        self.target = self._values.get("VOXPERSONA_TARGET") or "full"
        try:
            self.build_options = shlex.split(self._values.get("DEPLOY_BUILD_OPTIONS", ""))
        except ValueError as exc:
            raise DeploymentStopped(why=texts.deploy.OPTIONS_WRONG) from exc

    def _compose_files(self, root: Path) -> set[str]:
        given = self._values.get("COMPOSE_FILE", "")
        separator = self._values.get("COMPOSE_PATH_SEPARATOR") or ":"
        if given:
            return {Path(each).name for each in given.split(separator)}
        return {path.name for path in root.glob("docker-compose*.y*ml") if path.stem in _READ_BY_ITSELF}

    def _number(self, name: str, default: int, least: int) -> int:
        value = self._values.get(name, "").strip() or str(default)
        if not value.isdecimal() or int(value) < least:
            raise DeploymentStopped(why=texts.deploy.NUMBER_WRONG.format(name=name, least=least))
        return int(value)


def _read(path: Path) -> dict[str, str]:
    """Return the settings in ``.env`` that are one plain line each, as those of deploys are."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        return {}
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise DeploymentStopped(why=texts.deploy.ENV_NOT_UTF8.format(line=line)) from None
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#") and "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
