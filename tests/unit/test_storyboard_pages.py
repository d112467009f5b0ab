"""docs/storyboards is what scripts/storyboard-pages makes of the recorded storyboards."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest

from config import ROOT


def script() -> ModuleType:
    loader = SourceFileLoader("storyboard_pages", str(ROOT / "scripts" / "storyboard-pages"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


SCRIPT = script()
PAGES: dict[str, str] = SCRIPT.pages()


def test_every_recorded_storyboard_has_a_page() -> None:
    recorded = {path.stem for path in SCRIPT.RECORDED.glob("*.txt")}
    assert set(SCRIPT.STORIES) == recorded, "name it in STORIES of scripts/storyboard-pages"


def test_there_is_no_other_page() -> None:
    assert {path.name for path in SCRIPT.PAGES.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_is_what_the_script_makes(name: str) -> None:
    written = (SCRIPT.PAGES / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run scripts/storyboard-pages"


@pytest.mark.parametrize("name", sorted(SCRIPT.STORIES))
def test_every_button_of_a_storyboard_is_on_its_page(name: str) -> None:
    recorded = (SCRIPT.RECORDED / f"{name}.txt").read_text(encoding="utf-8")
    rows = [line.strip() for line in recorded.splitlines() if SCRIPT.BUTTONS.fullmatch(line.strip())]
    pressed = recorded.count(" presses [")
    assert PAGES[f"{name}.md"].count("`[ ") == sum(row.count("[") for row in rows) + pressed


def test_what_would_be_markup_is_shown_as_it_is() -> None:
    recorded = "Анна: <document a_b.txt, <size>>\n    *17*\n    1) <размер>\nbot: <b>Да</b>\n    # нет\n    [Ещё]\n"
    page = SCRIPT.page("chats", recorded)
    assert "> 📎 **a\\_b.txt**\\\n> \\*17\\*\\\n> 1\\) ‹размер›" in page
    assert "> <b>Да</b>\\\n> \\# нет\n>\n> `[ Ещё ]`\n" in page
