"""Makes what services of ``docker-compose.yml`` need before they start: folders with their owners, and passwords."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import texts.operation
from deployment.secret_files import (
    BACKUPS,
    MONITORING,
    OBJECTS,
    POSTGRES,
    PRODUCT,
    has_lost_backup_password,
    lost_secrets,
    make_secrets,
)

_RENEW = "--renew"
FOLDERS = {
    "reports": PRODUCT,
    "rag": PRODUCT,
    "logs": PRODUCT,
    "models": PRODUCT,
    "telegram": PRODUCT,
    "spool": PRODUCT,
    "run": PRODUCT,
    "postgres": POSTGRES,
    "minio": OBJECTS,
    "monitoring/prometheus": MONITORING,
    "monitoring/alertmanager": MONITORING,
    "monitoring/grafana": MONITORING,
    "secrets/product": PRODUCT,
    "secrets/postgres": POSTGRES,
    "secrets/objects": OBJECTS,
    "secrets/monitoring": MONITORING,
    # Of root: whoever gets hold of the bot must not get hold of the backups.
    "backups": BACKUPS,
    "secrets/backup": BACKUPS,
}


def has_embedded_state(root: Path) -> bool:
    """Tell whether ``root`` has an embedded database or a folder of objects, which the services cannot use."""
    return (root / "postgres/data/PG_VERSION").exists() or (root / "objects").exists()


def prepare(root: Path, *, renew: bool = False) -> list[str]:
    """Make folders and passwords under ``root``; those that exist keep their content. Only a superuser can do this.

    Returns the passwords that are lost: then none is made, unless the operator asks to ``renew`` them.

    Raises:
        DiskFull: no space left.
        OSError: a folder or an owner cannot be set.
    """
    _own(root, PRODUCT)
    for name, owner in FOLDERS.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        _own(folder, owner)
        # PostgreSQL's own image takes over the many files of its folder, and does it faster.
        if owner == PRODUCT and name != "models":
            _own_all_in(folder, owner)
    for shared in ("secrets", "monitoring", "backups"):
        # Each service passes through to its own folder, health to the status of backups.
        (root / shared).chmod(0o711)
    lost = [] if renew else lost_secrets(root)
    if not lost:
        make_secrets(root, renew=renew)
    return lost


def _own(folder: Path, owner: int) -> None:
    os.chown(folder, owner, owner)
    folder.chmod(0o711 if owner == PRODUCT and folder.name == "persistent_data" else 0o700)


def _own_all_in(folder: Path, owner: int) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            # A bot that works meanwhile removes what it has done with.
            with suppress(FileNotFoundError):
                os.chown(Path(parent, name), owner, owner, follow_symlinks=False)


def main(arguments: Sequence[str]) -> str | None:
    """Prepare the folder that the first argument names; return why nothing can be started there, None when it can."""
    state = Path(arguments[0])
    if has_embedded_state(state):
        return texts.operation.EMBEDDED_STATE
    if lost := prepare(state, renew=_RENEW in arguments):
        return texts.operation.SECRETS_LOST.format(files=", ".join(f"persistent_data/{each}" for each in lost))
    if has_lost_backup_password(state):
        print(texts.operation.BACKUPS_UNREADABLE, file=sys.stderr)  # noqa: T201
    print(texts.operation.PREPARED)  # noqa: T201
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
