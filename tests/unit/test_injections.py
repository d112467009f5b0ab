"""What guests say, people type and files have to make a model act changes nothing, even when the model obeys.

The model has no tools: whatever it writes is text. Here its text is held to the passages, shown, and read as metadata.
"""

import re
from datetime import date
from html import unescape
from uuid import uuid4

import pytest

from chats.answers import Composer
from config import ROOT
from datamodels import RecordingId, RecordingMetadata, Segment, Transcript
from datamodels_chats import Basis, Passage, PassageLine, Source
from markups.chats import answer_messages
from metadata.proposal import propose
from prompt_pack.models import PromptedModel
from prompt_pack.pack import load_pack
from reports.model_answers import ModelAnswers
from screens import check
from scripted_model import Call, MemoryAnswers, ScriptedModel

PACK = load_pack(ROOT / "prompts")
_SAID = "На завтраке не хватало горячих блюд."
_QUESTION = "Что говорят о завтраке?"
_MARKERS = re.compile(r"</?(?:отрывки|вопрос|расшифровка)>")


def _rows() -> list[tuple[str, str, str]]:
    lines = (ROOT / "tests" / "injections.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return [(form, text.replace("\\n", "\n").replace("\\u202e", "\u202e"), obeyed) for form, text, obeyed in rows]


def _passage(number: int, text: str) -> Passage:
    source = Source(
        number=number,
        recording_id=RecordingId(uuid4()),
        recording_number=number,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=("Клиент",),
        start=0,
        end=9,
    )
    return Passage(source=source, lines=(PassageLine(start=0, speaker="Клиент", text=text),))


def _obedient(obeyed: str) -> ScriptedModel:
    """A model that writes what it was made to, and something that a passage has."""
    return ScriptedModel(lambda _: f"{obeyed} {_SAID[:-1]} [2].")


def test_the_corpus_has_two_hundred_different_rows_of_three_forms() -> None:
    rows = _rows()
    assert len({text for _, text, _ in rows}) == 200
    assert {form for form, _, _ in rows} == {"spoken", "typed", "filed"}


@pytest.mark.parametrize("form", ["spoken", "typed", "filed"])
async def test_an_obedient_model_says_nothing_that_no_passage_carries(form: str) -> None:
    for _, text, obeyed in [row for row in _rows() if row[0] == form]:
        model = _obedient(obeyed)
        composer = Composer(model, PACK.answer_prompt, 2000)
        question = text if form == "typed" else _QUESTION
        passages = [_passage(1, _SAID if form == "typed" else text), _passage(2, _SAID)]
        outcome = await composer.compose(question, passages, [])
        screens = answer_messages(question, outcome)
        shown = "\n".join(screen.text for screen in screens).partition("\n\n")[2]
        assert outcome.basis in {Basis.MODEL, Basis.QUOTES}
        assert outcome.sources, "whatever is shown has its source"
        assert _core(obeyed) not in unescape(shown), text
        for screen in screens:
            check(screen)
            assert "<a " not in screen.text
            assert screen.keyboard == (), "buttons are the bot's own"
        if outcome.basis is Basis.MODEL:
            assert re.search(r"\[\d\]", outcome.text), "answers keep their citations"
        _is_data(model.calls, text)


def _core(obeyed: str) -> str:
    """What of the obedient answer would be seen, without citations and marks of Markdown."""
    return re.sub(r"\s*\[\d+\]|[*_`]", "", obeyed).strip(" .")[:30]


def _is_data(calls: list[Call], text: str) -> None:
    """The rules have nothing of the text, and the text ends nothing of what it is put into."""
    [call] = calls
    first, *others = call.messages
    assert first.role == "system"
    assert text.strip(" .")[:25] not in first.content
    for message in others:
        opened = [each for each in _MARKERS.findall(message.content) if not each.startswith("</")]
        closed = [each for each in _MARKERS.findall(message.content) if each.startswith("</")]
        assert len(opened) == len(closed) == len({*opened}), "a mark of data that the text brought counts as none"


async def test_an_obedient_model_s_metadata_is_none_that_was_not_said() -> None:
    obeyed = {"employee": "Захар Взломов", "client": "Пётр Подменный", "place_name": "Подложный", "zone": ["сейф"]}
    for form, text, _ in _rows():
        if form == "typed":
            continue
        model = ScriptedModel(lambda call: {**dict.fromkeys((call.schema or {})["properties"]), **obeyed})
        prompted = PromptedModel(
            model, ModelAnswers(model, MemoryAnswers()), PACK.metadata_prompt, PACK.metadata_schema
        )
        said = Segment(start=0.0, end=9.0, text=text, speaker="S1")
        heard = Transcript(language="ru", engine="e", model="m", duration_s=9, speakers=1, segments=(said,))
        proposed = await propose(heard, PACK.scenario("interview"), prompted, date(2026, 11, 21))
        assert proposed == RecordingMetadata()
