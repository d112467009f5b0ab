"""The manifest of a set: what is in it, counted and hashed at the moment that the set shows."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import texts.backups
from datamodels import Value
from utils import sha256_of_stream

DUMP: Final = "database.dump"
OBJECTS: Final = "objects"
REPORTS: Final = "reports"
SETTINGS: Final = "settings"
MANIFEST: Final = "manifest.json"
"""What a set has at its top."""
_PASSING = (".lock", ".tmp")
"""Endings of files that only work in progress needs."""
_SHOWN_OF_A_COMMIT = 12


class FileFacts(Value):
    """Size in bytes and SHA-256 (hexadecimal)."""

    size_bytes: int
    sha256: str


class TableFacts(Value):
    """How many rows a table has, and a number that any change of them changes."""

    rows: int
    content: str


class Sample(Value):
    """A sentence of a recording, which its owner has to find again in what was restored."""

    owner: UUID
    recording: UUID
    text: str


class Manifest(Value):
    """Everything in a set. Objects are named by key, reports and settings by their path."""

    version: str
    commit: str | None
    migrations: tuple[str, ...]
    made_at: datetime
    database: FileFacts
    tables: Mapping[str, TableFacts]
    objects: Mapping[str, FileFacts]
    lost_objects: tuple[str, ...] = ()
    """Objects whose bytes the store had lost before the set was made."""
    reports: Mapping[str, FileFacts]
    settings: Mapping[str, FileFacts]
    sample: Sample | None = None

    @property
    def origin(self) -> str:
        """The version that made the set, in words."""
        commit = (self.commit or texts.backups.COMMIT_UNKNOWN)[:_SHOWN_OF_A_COMMIT]
        return texts.backups.ORIGIN.format(version=self.version, commit=commit)


def file_facts(path: Path) -> FileFacts:
    """Return size and hash of a file. Blocking.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return FileFacts(size_bytes=path.stat().st_size, sha256=sha256_of_stream(file))


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files below ``folder`` that last, by their path in it; none when there is no folder. Blocking."""
    return {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.endswith(_PASSING)
    }


def facts_below(folder: Path) -> dict[str, FileFacts]:
    """Return size and hash of all files below ``folder`` that last. Blocking."""
    return {name: file_facts(path) for name, path in files_below(folder).items()}


def copy_below(source: Path, target: Path) -> None:
    """Copy the files below ``source`` that last; one that goes meanwhile is left out. Blocking.

    Raises:
        OSError: a file cannot be read or written.
    """
    for name, path in files_below(source).items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = path.read_bytes()
            stat = path.stat()
        except FileNotFoundError:
            continue
        copy.write_bytes(data)
        os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def differing(saved: Mapping[str, Value], found: Mapping[str, Value]) -> list[str]:
    """Return the names that only one of the two has, or that are not the same in both."""
    return sorted(name for name in saved.keys() | found.keys() if saved.get(name) != found.get(name))
