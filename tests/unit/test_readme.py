"""README.md and README.en.md say the same: neither drifts away from the other."""

import re
from collections.abc import Callable

import pytest

from config import ROOT, Settings

RUSSIAN, ENGLISH = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.en.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"\b[A-Z][A-Z\d]*_[A-Z\d_]*[A-Z\d*]")


def headings(text: str) -> list[int]:
    """Return the levels of the headings."""
    return [len(level) for level in re.findall(r"^(#+) ", BLOCK.sub("", text), flags=re.MULTILINE)]


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Return the blocks of code, of commands without their comments."""
    return [
        (kind, [re.sub(r"\s+#.*", "", line) if kind == "bash" else line for line in body.splitlines()])
        for kind, body in BLOCK.findall(text)
    ]


def settings(text: str) -> list[str]:
    """Return the names of settings, which never stand in links."""
    return sorted(SETTING.findall(re.sub(r"\[[^\]]*\]\([^)]*\)", "", text)))


def tables(text: str) -> list[int]:
    """Return the number of cells of every row, in order."""
    return [line.count("|") for line in text.splitlines() if line.startswith("|")]


def inline_commands(text: str) -> list[str]:
    return re.findall(r"`((?:scripts/|--|/|pip )[^`]*)`", text)


def links(text: str) -> list[str]:
    """Return where links lead, except to the other language."""
    return [target for target in re.findall(r"\]\(([^)]+)\)", text) if not target.startswith("README")]


@pytest.mark.parametrize("facet", [headings, blocks, settings, tables, inline_commands, links])
def test_both_readmes_have_the_same(facet: Callable[[str], list[object]]) -> None:
    assert facet(RUSSIAN) == facet(ENGLISH)
    assert facet(RUSSIAN)


def test_they_link_to_each_other_in_their_first_lines() -> None:
    assert "(README.en.md)" in "".join(RUSSIAN.splitlines()[:4])
    assert "(README.md)" in "".join(ENGLISH.splitlines()[:4])


def test_settings_in_them_exist() -> None:
    known = {name.upper() for name in Settings.model_fields}
    named = set(settings(RUSSIAN)) - {"TELEGRAM_*"}
    assert named - known == set()
