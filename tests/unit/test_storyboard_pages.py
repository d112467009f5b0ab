"""docs/storyboards.md is what scripts/storyboard-pages makes: every text of a chat, in one document."""

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest

import errors
import errors_of_operation
import texts.chats
import texts.telegram
from config import ROOT


def script() -> ModuleType:
    loader = SourceFileLoader("storyboard_pages", str(ROOT / "scripts" / "storyboard-pages"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


SCRIPT = script()
PAGE: str = SCRIPT.page()


def recorded(name: str) -> str:
    path = SCRIPT.RECORDED / f"{name}.txt"
    return str(path.read_text(encoding="utf-8"))


def test_every_recorded_storyboard_is_a_chapter() -> None:
    assert set(SCRIPT.STORIES) == {path.stem for path in SCRIPT.RECORDED.glob("*.txt")}, "name it in STORIES"


def test_the_document_is_what_the_script_makes() -> None:
    assert SCRIPT.PAGE.read_text(encoding="utf-8") == PAGE, "run scripts/storyboard-pages"


@pytest.mark.parametrize("name", sorted(SCRIPT.STORIES))
def test_every_button_of_a_storyboard_is_in_its_chapter(name: str) -> None:
    story = recorded(name)
    rows = [line.strip() for line in story.splitlines() if SCRIPT.BUTTONS.fullmatch(line.strip())]
    buttons = sum(row.count("[") for row in rows) + story.count(" presses [")
    assert SCRIPT.chapter(name, story).count("`[ ") == buttons


def test_what_would_be_markup_is_shown_as_it_is() -> None:
    story = "Анна: <document a_b.txt, <size>>\n    *17*\n    1) <размер>\nbot: <b>Да</b>\n    # нет\n    [Ещё]\n"
    chapter = SCRIPT.chapter("chats", story)
    assert "> 📎 **a\\_b.txt**\\\n> \\*17\\*\\\n> 1\\) ‹размер›" in chapter
    assert "> <b>Да</b>\\\n> \\# нет\n>\n> `[ Ещё ]`" in chapter


def test_every_module_of_texts_is_in_the_document_or_said_to_be_for_no_chat() -> None:
    modules = {path.stem for path in (ROOT / "src" / "texts").glob("*.py")} - {"__init__"}
    told = [name for names in SCRIPT.OTHERS.values() for name in names]
    assert sorted({*told, *SCRIPT.FOR_OWNERS, *SCRIPT.NOT_IN_CHATS}) == sorted(modules)
    assert not {*told, *SCRIPT.FOR_OWNERS} & {*SCRIPT.NOT_IN_CHATS}


def test_a_text_is_in_the_document_once_whether_a_scene_shows_it_or_not() -> None:
    assert PAGE.count(SCRIPT.plain(texts.chats.OTHER_MEDIA["sticker"])) == 1, "no scene shows it"
    assert "Закрывать чат не страшно" in PAGE, "help is text that people meet"
    assert SCRIPT.shown(SCRIPT.letters(recorded("refusals")), texts.telegram.UNKNOWN_COMMAND)
    assert PAGE.count(SCRIPT.plain(texts.telegram.UNKNOWN_COMMAND)) == 1, "a scene shows it"
    assert not SCRIPT.shown("Отчета №5 нет: самый большой номер", "Отчета №{text} нет: самый {x} номер в списке")


def test_errors_that_are_left_out_exist() -> None:
    assert {*vars(errors), *vars(errors_of_operation)} >= SCRIPT.OPERATORS


def test_nobody_but_the_owner_reads_operators_words() -> None:
    everybody, _, owners = PAGE.partition(f"## {SCRIPT.OWNERS}\n")
    words = re.compile(
        r"\b[A-Z]{2,}\\?_[A-Z]\w*|\.env\b|(?<!\w)--\w+|scripts/(?!storyboard)\w+|persistent.?data|localhost|https?://"
        r"|docker|chmod|\bпорт(?:а|у|ом|е)?\b|\bхост\w*\b|журнал\w*|перезапустите|[Пп]роверьте ключ|смените модель"
    )
    assert words.findall(everybody) == []
    assert words.search(owners), "the owner is told what to look at"
