"""What people see of an answer while a model writes it: nothing that no passage supports, at any moment."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chats.drafts
from chats.attribution import attributed
from chats.drafts import draft_of, shown_while_written
from datamodels_chats import Passage, PassageLine, Source

PASSAGES = [
    Passage(
        source=Source(
            number=number,
            recording_id=None,
            recording_number=None,
            label="",
            day=None,
            speakers=(),
            start=0,
            end=9,
        ),
        lines=(PassageLine(start=0.0, speaker="Клиент", text=text),),
    )
    for number, text in enumerate(
        ("На завтраке не хватало горячих блюд. Кофе хвалят.", "Кофе хвалят все, это главное."), 1
    )
]
TRUE = "На завтраке не хватало горячих блюд [1]. Кофе хвалят все [2]."
FALSE = "Повара уволили за кражу [1]."
_CITED = re.compile(r"[^.]*\[\d\][^.]*")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("", ""),
        ("На", ""),
        ("На завтраке не хватало гор", "На завтраке не хватало…"),
        ("На завтраке не хватало горячих блюд [", "На завтраке не хватало горячих…"),
        (TRUE, "На завтраке не хватало горячих блюд [1]. Кофе хвалят все…"),
        (f"{TRUE} Ко", "На завтраке не хватало горячих блюд [1]. Кофе хвалят все [2]. …"),
        (f"{FALSE} Кофе хвалят все [2]. И", "Кофе хвалят все [2]. …"),
        ("Повара уволили за кра", ""),
        ("НЕТ ОТ", ""),
        ("НЕТ ОТВЕТА. На завтраке не хватало горячих блюд [1]. И", ""),
        ("В отрывках этого нет. На завтраке не хватало горячих блюд [1]. И", ""),
        ("- Кофе хвалят все [2].\n- На завтраке не хва", "- Кофе хвалят все [2].\nНа завтраке не…"),
    ],
)
def test_a_draft_has_what_is_complete_and_supported(written: str, seen: str) -> None:
    assert draft_of(written, PASSAGES) == seen


sentences = st.lists(st.sampled_from([*(f"{each}." for each in TRUE.split(". ")), FALSE, "Кофе пьют [9].", "НЕТ"]))


@given(sentences, st.integers(0, 400))
def test_what_a_draft_cites_is_supported_at_any_moment(said: list[str], length: int) -> None:
    draft = draft_of(" ".join(said)[:length], PASSAGES)
    assert "уволили" not in draft
    for sentence in _CITED.findall(draft):
        assert all(each.text for each in attributed(f"{sentence}.", PASSAGES)), draft


async def test_drafts_are_shown_one_after_another_and_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats.drafts, "_PAUSE_S", 0.0)
    shown: list[str] = []
    seen = asyncio.Event()

    async def show(draft: str) -> None:
        shown.append(draft)
        seen.set()

    async with shown_while_written(PASSAGES, show) as on_text:
        assert on_text is not None
        for end in (5, 30, 31, len(TRUE)):
            seen.clear()
            on_text(TRUE[:end])
            if end in {30, len(TRUE)}:
                await seen.wait()
    assert shown == ["На завтраке не хватало…", "На завтраке не хватало горячих блюд [1]. Кофе хвалят все…"]


async def test_a_draft_that_cannot_be_shown_is_no_reason_to_have_no_answer() -> None:
    tried = asyncio.Event()

    async def show(_draft: str) -> None:
        tried.set()
        raise OSError

    async with shown_while_written(PASSAGES, show) as on_text:
        assert on_text is not None
        on_text(TRUE)
        await tried.wait()
