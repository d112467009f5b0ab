"""Every dialect of an endpoint, over real HTTP: roles, card, two reports with indices, and an answer in a chat."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

import texts.transcript
from chats.answers import Composer
from cli.model_seen import seen
from datamodels import BuildingType, PromptMessage, RecordingId, RecordingMetadata, Segment, Transcript
from datamodels_chats import Basis, Passage, PassageLine, Source
from default_pack import PACK
from dialect_server import Dialect, DialectServer
from dialects import LACK, WORK, OpenRouterWithoutFunds, WithoutStreams
from dialects_of_servers import ThinksForEver, UnopenedThoughts, VllmQwen3
from errors import VoxPersonaError
from language_model.examination import examined
from language_model.openai import OpenAILanguageModel
from metadata.proposal import propose
from openai_answers import SENTENCES
from prompt_pack.models import PromptedModel
from provider_calls.policy import Time
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers
from speakers.roles import roles_of_voices

INTERVIEW = PACK.scenario("interview")
CLIENT = INTERVIEW.roles[1].label


async def at_once(_seconds: float) -> None:
    return None


Connect = Callable[[Dialect], Awaitable[OpenAILanguageModel]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes models at servers of a dialect, as the product makes them."""
    with ExitStack() as stack:
        made: list[OpenAILanguageModel] = []

        async def connect(dialect: Dialect) -> OpenAILanguageModel:
            server = stack.enter_context(DialectServer(dialect))
            address = (server.base_url, dialect.key, dialect.model, "loopback")
            made.append(OpenAILanguageModel(*address, 0, 8192, 4, 30, time=Time(at_once)))
            await made[-1].prepare()
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


async def unseen(_draft: str) -> None:
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
    return await Composer(model, PACK.answer_prompt, 1000).compose("Что с завтраком?", [passage], [], show=unseen)


async def streamed(model: OpenAILanguageModel) -> list[str]:
    """All that is shown of an answer while it comes, and at last the answer."""
    came: list[str] = []
    question = [PromptMessage(role="system", content="Отвечай кратко."), PromptMessage(role="user", content="Завтрак?")]
    answer = await model.complete(question, max_tokens=500, on_text=came.append)
    return [*came, answer.text]


async def named_by_the_model(model: OpenAILanguageModel) -> bool:
    """Whether the model answered when it was asked for roles; an answer that gives both the same role is one, too."""
    warnings = (
        await roles_of_voices(spoken(labelled=False).segments, INTERVIEW.roles, prompted(model, "roles"))
    ).warnings
    failed = texts.transcript.ROLES_MODEL_FAILED.format(reason=texts.transcript.REASON_SAME_ROLE)
    return not warnings or warnings == (failed,)


async def card(model: OpenAILanguageModel) -> RecordingMetadata:
    return await propose(spoken(labelled=True), INTERVIEW, prompted(model, "metadata"), date(2026, 11, 3))


@pytest.mark.parametrize("name", WORK)
async def test_a_dialect_gets_all_work_done(name: str, connect: Connect) -> None:
    model = await connect(WORK[name]())
    assert await named_by_the_model(model)
    await card(model)
    items = await report(model, "report_int_general", spoken(labelled=True))
    assert items.items["mentioned"]
    assert items.indices_error is None
    scored = await report(model, "report_int_employee", spoken(labelled=True))
    assert scored.indices_error is None
    assert scored.indices
    assert (await chat(model)).basis is Basis.MODEL


@pytest.mark.parametrize("name", WORK)
async def test_a_dialect_streams_an_answer_and_none_of_its_thoughts(name: str, connect: Connect) -> None:
    model = await connect(WORK[name]())
    *came, answer = await streamed(model)
    assert len(came) > 3
    assert all(answer.startswith(text) for text in came)
    assert (await chat(model)).basis is Basis.MODEL


async def test_thoughts_without_a_beginning_are_known_by_the_first_answer(connect: Connect) -> None:
    dialect = UnopenedThoughts()
    dialect.model = "assistant"
    model = await connect(dialect)
    await chat(model)
    *came, answer = await streamed(model)
    assert len(came) > 3
    assert all(answer.startswith(text) for text in came)


async def test_more_room_for_thinking_begins_the_stream_anew(connect: Connect) -> None:
    dialect = VllmQwen3()
    dialect.thoughts = 9000
    *came, answer = await streamed(await connect(dialect))
    assert len(dialect.asked) == 3
    assert all(answer.startswith(text) for text in came)


@pytest.mark.parametrize("kind", [OpenRouterWithoutFunds, ThinksForEver])
async def test_what_goes_wrong_in_a_stream_is_told_as_ever(kind: type[Dialect], connect: Connect) -> None:
    dialect = kind()
    with pytest.raises(VoxPersonaError) as caught:
        await streamed(await connect(dialect))
    assert LACK[kind.__name__][1] in caught.value.user_text


@pytest.mark.parametrize("name", ["Gemma", "AzureDeployment", "DeepSeek", "Groq", "DashScope"])
async def test_calls_at_once_learn_together(name: str, connect: Connect) -> None:
    model = await connect(WORK[name]())
    question = [PromptMessage(role=role, content="Ответь JSON.") for role in ("system", "user", "user")]
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    answers = await asyncio.gather(*(model.complete(question, schema=schema) for _ in range(4)))
    assert all(isinstance(each.data["a"], int) for each in answers)


@pytest.mark.parametrize("name", LACK)
async def test_what_an_endpoint_lacks_is_named(name: str, connect: Connect) -> None:
    kind, lacking = LACK[name]
    model = await connect(kind())
    with pytest.raises(VoxPersonaError) as caught:
        await report(model, "report_int_general", spoken(labelled=True))
    assert lacking in caught.value.user_text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("VllmQwen3", ["контекст: 131 072", "около 9 вызовов", "соблюдает", "рассуждает"]),
        ("Anthropic", ["не сообщается", "схему не соблюдает"]),
        ("Gemma", ["контекст: 8 192", "системной роли нет"]),
        ("ShortAnswers", ["не длиннее"]),
        ("OllamaLarge", ["контекст: 32 768", "около 15 вызовов"]),
    ],
)
async def test_the_doctor_tells_what_two_questions_showed(name: str, told: list[str], connect: Connect) -> None:
    dialect = WORK[name]()
    said = seen(await examined(await connect(dialect))).lower()
    assert [words for words in told if words.lower() not in said] == []


async def test_the_doctor_tells_where_answers_come_whole(connect: Connect) -> None:
    assert "только целиком" in seen(await examined(await connect(WithoutStreams())))


@pytest.mark.parametrize("name", LACK)
async def test_the_doctor_names_what_an_endpoint_lacks(name: str, connect: Connect) -> None:
    kind, lacking = LACK[name]
    try:
        said = seen(await examined(await connect(kind())))
    except VoxPersonaError as exc:
        said = exc.user_text
    assert lacking in said
