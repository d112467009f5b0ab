"""Makes what services of ``docker-compose.yml`` need before they start: folders with their owners, and passwords."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import texts.operation
from random_ids import new_secret
from utils import write_atomically

PRODUCT, POSTGRES, OBJECTS, MONITORING, BACKUPS = 10001, 999, 10002, 10003, 0
"""User and group ids that the services run as."""
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


def prepare(root: Path) -> None:
    """Make folders and passwords under ``root``; those that exist keep their content. Only a superuser can do this.

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
    _make_passwords(root / "secrets")


def _own(folder: Path, owner: int) -> None:
    os.chown(folder, owner, owner)
    folder.chmod(0o711 if owner == PRODUCT and folder.name == "persistent_data" else 0o700)


def _own_all_in(folder: Path, owner: int) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            # A bot that works meanwhile removes what it has done with.
            with suppress(FileNotFoundError):
                os.chown(Path(parent, name), owner, owner, follow_symlinks=False)


def _make_passwords(secrets: Path) -> None:
    _secret(secrets / "backup/password", BACKUPS, new_secret())
    password = _secret(secrets / "postgres/password", POSTGRES, new_secret())
    _secret(secrets / "product/database_url", PRODUCT, f"postgresql://voxpersona:{password}@postgres:5432/voxpersona")
    access_key = _secret(secrets / "product/minio_access_key", PRODUCT, new_secret())
    secret_key = _secret(secrets / "product/minio_secret_key", PRODUCT, new_secret())
    token = _secret(secrets / "product/http_token", PRODUCT, new_secret())
    _secret(secrets / "monitoring/http_token", MONITORING, token)
    _secret(secrets / "monitoring/grafana_password", MONITORING, new_secret())
    _secret(secrets / "objects/access_key", OBJECTS, access_key)
    _secret(secrets / "objects/secret_key", OBJECTS, secret_key)
    identity = {
        "name": "voxpersona",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    _secret(secrets / "objects/s3.json", OBJECTS, json.dumps({"identities": [identity]}))
    signing = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    _secret(
        secrets / "objects/security.toml",
        OBJECTS,
        "".join(f'[{section}]\nkey = "{new_secret()}"\n' for section in signing),
    )


def _secret(path: Path, owner: int, value: str) -> str:
    """Return the secret at ``path``; a file that does not exist is written first, with ``value``."""
    if not path.exists():
        write_atomically(path, value, 0o400)
    os.chown(path, owner, owner)
    return path.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    state = Path(sys.argv[1])
    if has_embedded_state(state):
        sys.exit(texts.operation.EMBEDDED_STATE)
    prepare(state)
