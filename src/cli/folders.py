"""The folders of the product: whether a start could write where it has to, and what is wrong where it could not."""

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import texts.errors
import texts.operation
from config import Settings, compose_files, shown
from embedded.full_disk import is_full
from errors_of_operation import FolderClosed
from system.shortages import SPARE_BYTES
from utils import human_size

_FOLDERS = ("logs", "spool", "reports", "rag", "telegram", "run")
_OBJECTS = "objects"
_OF_A_START = ("postgres", "reports", "secrets/product")


class ExaminedFolders(NamedTuple):
    """Sentences, each about a folder: what would keep the product from starting, and what only should be known."""

    problems: list[str]
    notes: list[str]


def require_folders(state: Path) -> None:
    """Refuse a folder of the product under ``state`` that is there and cannot be written to.

    Raises:
        FolderClosed: it is named.
    """
    for folder in (state, *(state / name for name in _FOLDERS)):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise folder_closed(folder)


def folder_closed(folder: Path) -> FolderClosed:
    """Return the error of a folder that cannot be written to; under Compose, ``prepare`` mends it."""
    cure = texts.errors.FOLDER_CLOSED_COMPOSE if compose_files() else texts.errors.FOLDER_CLOSED_ALONE
    return FolderClosed(names="PERSISTENT_DIR", folder=shown(folder), cure=cure)


def nothing_was_started(state: Path) -> bool:
    """Tell whether Compose has not started anything yet in the folder of all state: its first start fills that."""
    if state.exists() and not os.access(state, os.R_OK | os.X_OK):
        return False  # nobody knows
    return bool(compose_files()) and not any((state / name).exists() for name in _OF_A_START)


def examine_folders(settings: Settings, *, made_later: bool = False) -> ExaminedFolders:
    """Look at the folder of all state and those in it; nothing is made, and one that can be made is no problem.

    With ``made_later`` the first start makes them, which may do so wherever they are.
    """
    state = settings.persistent_dir
    names = _FOLDERS if settings.minio_endpoint is not None else (*_FOLDERS, _OBJECTS)
    folders = [state, *(state / name for name in names)]
    examined = [folder for folder in folders if not (made_later and _nearest(folder).is_dir())]
    problems = list(dict.fromkeys(sentence for folder in examined for sentence in _problem(folder)))
    notes = [sentence for folder in examined for sentence in _note(folder)]
    where = _nearest(state)
    if where.is_dir():
        free = shutil.disk_usage(where).free
        told = {"folder": shown(state), "free": human_size(free), "needed": human_size(SPARE_BYTES)}
        if is_full(where):
            problems.append(texts.operation.FOLDER_FULL.format(**told))
        elif free < SPARE_BYTES:
            notes.append(texts.operation.FOLDER_LOW.format(**told))
    return ExaminedFolders(problems, notes)


def _problem(folder: Path) -> Iterator[str]:
    where = _nearest(folder)
    if not where.is_dir():
        yield texts.operation.FOLDER_IS_NONE.format(folder=shown(where))
    elif not os.access(where, os.W_OK | os.X_OK):
        if where == folder:
            yield texts.operation.FOLDER_CLOSED.format(why=folder_closed(folder).user_text, owners=_owners(folder))
        else:
            told = {"folder": shown(folder), "parent": shown(where), "owners": _owners(where)}
            yield texts.operation.FOLDER_NOT_MADE.format(**told)


def _note(folder: Path) -> Iterator[str]:
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and (owners := _owners(folder)):
        yield texts.operation.FOLDER_OF_OTHERS.format(folder=shown(folder), owners=owners)


def _nearest(folder: Path) -> Path:
    """Return the folder, or what it would be made in."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def _owners(folder: Path) -> str:
    """Return in words whose the folder is; empty when it is that of the user who runs this."""
    owner, user = folder.stat().st_uid, os.geteuid()
    return "" if owner == user else texts.operation.FOLDER_OWNERS.format(owner=_name(owner), user=_name(user))


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
