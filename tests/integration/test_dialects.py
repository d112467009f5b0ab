"""Every dialect of an endpoint, over real HTTP: roles, card, two reports with indices, and an answer in a chat."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import texts.transcript
from chats.answers import Composer
from datamodels import BuildingType, RecordingId, Segment, Transcript
from datamodels_chats import Basis, Passage, PassageLine, Source
from dialect_server import Dialect, DialectServer
from dialects import LACK, WORK
from errors import VoxPersonaError
from language_model.openai import OpenAILanguageModel
from metadata.proposal import propose
from openai_answers import SENTENCES
from prompt_pack.models import PromptedModel
from prompt_pack.pack import load_pack
from provider_calls.policy import Time
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers
from speakers.roles import roles_of_voices

PACK = load_pack(Path(__file__).parents[2] / "prompts")
INTERVIEW = PACK.scenario("interview")
CLIENT = INTERVIEW.roles[1].label


async def at_once(_seconds: float) -> None:
    return None


Connect = Callable[[Dialect], OpenAILanguageModel]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes models at servers of a dialect, as the product makes them."""
    with ExitStack() as stack:
        made: list[OpenAILanguageModel] = []

        def connect(dialect: Dialect) -> OpenAILanguageModel:
            server = stack.enter_context(DialectServer(dialect))
            address = (server.base_url, dialect.key, dialect.model, "loopback")
            made.append(OpenAILanguageModel(*address, 0, 8192, 4, 30, time=Time(at_once)))
            return made[-1]

        yield connect
        for model in made:
            await model.close()


def spoken(times: int = 1, *, labelled: bool) -> Transcript:
    roles = [role.label for role in INTERVIEW.roles]
    segments = tuple(
        Segment(
            start=number * 8,
            end=number * 8 + 7,
            text=sentence,
            speaker=f"S{number % 2 + 1}",
            role=roles[number % 2] if labelled else None,
        )
        for number, sentence in enumerate(SENTENCES * times)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=96 * times, speakers=2, segments=segments)


def prompted(model: OpenAILanguageModel, which: str) -> PromptedModel:
    answers = ModelAnswers(model, MemoryAnswers())
    return PromptedModel(model, answers, getattr(PACK, f"{which}_prompt"), getattr(PACK, f"{which}_schema"))


async def ignored(_done: int, _total: int) -> None:
    return None


async def report(
    model: OpenAILanguageModel, name: str, transcript: Transcript, store: MemoryAnswers | None = None
) -> GeneratedReport:
    chosen = PACK.report(name)
    building = BuildingType.HOTEL if chosen.per_building else None
    request = ReportRequest(report=chosen, building=building, transcript=transcript)
    return await generate_report(request, model, ModelAnswers(model, store or MemoryAnswers()), ignored)


async def chat(model: OpenAILanguageModel) -> Any:
    source = Source(
        number=1,
        recording_id=RecordingId(uuid4()),
        recording_number=17,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=(CLIENT,),
        start=0.0,
        end=7.0,
    )
    passage = Passage(source=source, lines=(PassageLine(start=0.0, speaker=CLIENT, text=SENTENCES[2]),))
    return await Composer(model, PACK.answer_prompt, 1000).compose("Что с завтраком?", [passage], [])


async def all_work(model: OpenAILanguageModel) -> None:
    """Have the model do what the product asks of it, and check that it was done by the model and as a whole."""
    named = await roles_of_voices(spoken(labelled=False).segments, INTERVIEW.roles, prompted(model, "roles"))
    reason = texts.transcript.ROLES_MODEL_FAILED.partition("{")[0]
    assert all(not warning.startswith(reason) for warning in named.warnings) or "одну" in named.warnings[0]
    await propose(spoken(labelled=True), INTERVIEW, prompted(model, "metadata"), date(2026, 11, 3))
    items = await report(model, "report_int_general", spoken(labelled=True))
    assert items.items["mentioned"]
    assert items.indices_error is None
    text = await report(model, "report_int_methodology", spoken(labelled=True))
    assert text.indices_error is None
    assert text.indices
    answer = await chat(model)
    assert answer.basis is Basis.MODEL


@pytest.mark.parametrize("name", WORK)
async def test_a_dialect_gets_all_work_done(name: str, connect: Connect) -> None:
    dialect = WORK[name]()
    await all_work(connect(dialect))


@pytest.mark.parametrize("name", LACK)
async def test_what_an_endpoint_lacks_is_named(name: str, connect: Connect) -> None:
    kind, lacking = LACK[name]
    with pytest.raises(VoxPersonaError) as caught:
        await all_work(connect(kind()))
    assert lacking in caught.value.user_text
