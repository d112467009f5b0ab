"""Which commit of the product runs."""

import re
from pathlib import Path

from config import ROOT, Settings

_COMMIT = re.compile("[0-9a-f]{40}")


def commit(settings: Settings, root: Path = ROOT) -> str | None:
    """Return the product's commit: the one that the build set, else the one checked out in ``root``; None when unknown.

    Only files are read: the product does not need git.
    """
    if settings.build_commit is not None:
        return settings.build_commit
    try:
        folder = root / ".git"
        if folder.is_file():  # of a worktree
            folder = root / folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else None
        common = folder / "commondir"
        shared = folder / common.read_text(encoding="utf-8").strip() if common.exists() else folder
        return _commit_of(shared, head.removeprefix("ref: "))
    except (OSError, ValueError):
        return None


def _commit_of(folder: Path, reference: str) -> str | None:
    if (folder / reference).is_file():
        found = (folder / reference).read_text(encoding="utf-8").strip()
        return found if _COMMIT.fullmatch(found) else None
    for line in (folder / "packed-refs").read_text(encoding="utf-8").splitlines():
        digits, _, name = line.partition(" ")
        if name == reference and _COMMIT.fullmatch(digits):
            return digits
    return None
