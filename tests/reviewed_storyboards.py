"""Storyboards as they were reviewed, in ``tests/e2e/storyboards``; with ``STORYBOARDS=write`` tests write them anew."""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

STORYBOARDS = Path(__file__).parent / "e2e" / "storyboards"


def is_as_reviewed(name: str, story: str) -> None:
    """Compare ``story`` with the one that was reviewed under ``name``; fail with the difference and what to do."""
    path = STORYBOARDS / f"{name}.txt"
    if os.environ.get("STORYBOARDS") == "write":
        path.write_text(story, encoding="utf-8")
    reviewed = path.read_text(encoding="utf-8") if path.exists() else ""
    if story != reviewed:
        changes = unified_diff(reviewed.splitlines(), story.splitlines(), "reviewed", "now", lineterm="")
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        pytest.fail(
            f"the storyboard {name} is not as it was reviewed. If that is meant, write it anew:\n"
            f"    STORYBOARDS=write .venv/bin/python -m pytest {test}\n"
            "then read `git diff tests/e2e/storyboards` and run scripts/storyboard-pages.\n" + "\n".join(changes),
            pytrace=False,
        )
