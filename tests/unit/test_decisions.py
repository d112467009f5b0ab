"""docs/decisions: numbered without a gap, each page with the same four parts, all of them in the index."""

import re
from pathlib import Path

import pytest

from config import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
PARTS = ["What was asked", "What was found", "What was chosen", "How to go back"]


def test_numbers_have_no_gap() -> None:
    assert [int(page.name[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_is_one_short_page_of_four_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == PARTS
    assert text.startswith(f"# {page.name[:4]}. ")
    assert len(text.splitlines()) <= 40


def test_the_index_lists_every_decision_under_its_title() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", index, flags=re.MULTILINE)
    titles = [page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix(f"# {page.name[:4]}. ") for page in PAGES]
    assert listed == [(page.name[:4], page.name, title) for page, title in zip(PAGES, titles, strict=True)]
