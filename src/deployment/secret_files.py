"""The passwords of the composed system: made once, and never anew while there is something that the lost one opens."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from random_ids import new_secret
from utils import write_atomically

PRODUCT, POSTGRES, OBJECTS, MONITORING, BACKUPS = 10001, 999, 10002, 10003, 0
"""User and group ids that the services run as."""
_PASSWORD, _ADDRESS = "postgres/password", "product/database_url"
_BACKUP = "backup/password"
_IDENTITIES = "objects/s3.json"
_SIGNING = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


def lost_secrets(state: Path) -> list[str]:
    """Return the secrets, as paths below ``state``, that are gone with all their copies while what they open is there.

    Nothing may be made in their place but by the operator's word.
    """
    secrets = state / "secrets"
    lost = []
    if _has_content(state / "postgres") and not _password(secrets):
        lost.append(f"secrets/{_PASSWORD}")
    if _has_content(state / "minio"):
        lost += [f"secrets/objects/{name}" for name in ("access_key", "secret_key") if not _key(secrets, name)]
    return lost


def has_lost_backup_password(state: Path) -> bool:
    """Tell whether there are backups and no password. The system works without it, and a new one opens none of them."""
    made = (state / "backups/repository", state / "backups/status.json")
    return not _read(state / "secrets" / _BACKUP) and any(each.exists() for each in made)


def make_secrets(state: Path, *, renew: bool = False) -> None:
    """Make the secrets that are missing, each its service's alone; copies of one are made from what is left of it.

    ``renew`` makes a password of backups, too, when no repository is there that it would not open. Whoever calls this
    has looked for lost ones.
    """
    secrets = state / "secrets"
    if not has_lost_backup_password(state) or (renew and not (state / "backups/repository").exists()):
        _secret(secrets / _BACKUP, BACKUPS, new_secret())
    password = _secret(secrets / _PASSWORD, POSTGRES, _password(secrets) or new_secret())
    _secret(secrets / _ADDRESS, PRODUCT, f"postgresql://voxpersona:{password}@postgres:5432/voxpersona")
    for name in ("access_key", "secret_key"):
        key = _key(secrets, name) or new_secret()
        _secret(secrets / f"product/minio_{name}", PRODUCT, key)
        _secret(secrets / f"objects/{name}", OBJECTS, key)
    _make_identities(secrets)
    token = _read(secrets / "product/http_token") or _read(secrets / "monitoring/http_token") or new_secret()
    _secret(secrets / "product/http_token", PRODUCT, token)
    _secret(secrets / "monitoring/http_token", MONITORING, token)
    _secret(secrets / "monitoring/grafana_password", MONITORING, new_secret())
    signing = "".join(f'[{section}]\nkey = "{new_secret()}"\n' for section in _SIGNING)
    _secret(secrets / "objects/security.toml", OBJECTS, signing)


def _make_identities(secrets: Path) -> None:
    """Let the object store know the keys; whoever else it knows stays known to it."""
    access_key, secret_key = (_read(secrets / f"objects/{name}") for name in ("access_key", "secret_key"))
    path = secrets / _IDENTITIES
    if secret_key not in _read(path):
        path.unlink(missing_ok=True)
    identity = {
        "name": "voxpersona",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    _secret(path, OBJECTS, json.dumps({"identities": [identity]}))


def _password(secrets: Path) -> str:
    """Return the database's password out of its file or of the product's address; "" when neither has it."""
    address = urlsplit(_read(secrets / _ADDRESS))
    of_address = unquote(address.password or "") if address.username == "voxpersona" else ""
    return _read(secrets / _PASSWORD) or of_address


def _key(secrets: Path, name: str) -> str:
    """Return a key of the object store out of the first of its three places that has it; "" when none does."""
    found = _read(secrets / f"objects/{name}") or _read(secrets / f"product/minio_{name}")
    if not found:
        with suppress(ValueError, LookupError, TypeError):
            known: dict[str, Any] = json.loads(_read(secrets / _IDENTITIES))
            place = {"access_key": "accessKey", "secret_key": "secretKey"}[name]
            found = str(known["identities"][0]["credentials"][0][place])
    return found


def _has_content(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _read(path: Path) -> str:
    """Return what is in a file; "" when it is not there, or holds nothing, as one that a full disk has cut."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _secret(path: Path, owner: int, value: str) -> str:
    """Return the secret at ``path``; a file that does not exist, or is empty, is written first, with ``value``."""
    if not _read(path):
        write_atomically(path, value, 0o400)
    os.chown(path, owner, owner)
    return _read(path)
