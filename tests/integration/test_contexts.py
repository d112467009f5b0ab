"""Contexts as servers really have them: used as a whole, and nothing left out without a word."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from datamodels import BuildingType, PromptMessage, Segment, Transcript
from default_pack import PACK
from dialect_server import Dialect, DialectServer
from dialects import Gemini
from dialects_of_servers import Ollama, OllamaBehindGateway, RefusesLong, SglangR1, VllmQwen3
from errors import ContextTooSmall, VoxPersonaError
from errors_of_operation import ContextCut
from language_model.openai import OpenAILanguageModel
from openai_answers import SENTENCES
from provider_calls.policy import Time
from reports.asking import answer_tokens
from reports.generation import ReportRequest, generate_report
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers, ScriptedModel

INTERVIEW = PACK.scenario("interview")
LONG = PromptMessage(role="user", content=" ".join(SENTENCES) * 3)


async def at_once(_seconds: float) -> None:
    return None


async def ignored(_done: int, _total: int) -> None:
    return None


Connect = Callable[[Dialect], Awaitable[OpenAILanguageModel]]


@pytest.fixture
async def connect(tmp_path: Path) -> AsyncIterator[Connect]:
    """Makes models at servers of a dialect; what they learn is kept."""
    with ExitStack() as stack:
        made: list[OpenAILanguageModel] = []

        async def connect(dialect: Dialect) -> OpenAILanguageModel:
            server = stack.enter_context(DialectServer(dialect))
            made.append(at(server, tmp_path))
            await made[-1].prepare()
            return made[-1]

        yield connect
        for model in made:
            await model.close()


def at(server: DialectServer, kept_in: Path) -> OpenAILanguageModel:
    dialect = server.dialect
    address = (server.base_url, dialect.key, dialect.model, "loopback")
    return OpenAILanguageModel(*address, 0, 8192, 4, 30, kept_in=kept_in, time=Time(at_once))


def interview(minutes: int) -> Transcript:
    """As many words as people say in that time, about 130 a minute."""
    roles = [role.label for role in INTERVIEW.roles]
    count = minutes * 15 // 2
    segments = tuple(
        Segment(
            start=number * 8,
            end=number * 8 + 7,
            text=f"{SENTENCES[number % 12]} {SENTENCES[number * 5 % 11]}",
            role=roles[number % 2],
        )
        for number in range(count)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=count * 8, speakers=2, segments=segments)


async def write(
    model: OpenAILanguageModel, name: str, transcript: Transcript, answers: MemoryAnswers | None = None
) -> None:
    report = PACK.report(name)
    building = BuildingType.HOTEL if report.per_building else None
    request = ReportRequest(report=report, building=building, transcript=transcript)
    await generate_report(request, model, ModelAnswers(model, answers or MemoryAnswers()), ignored)


async def test_five_reports_on_an_hour_take_few_calls_and_tokens(connect: Connect) -> None:
    dialect = VllmQwen3()
    model = await connect(dialect)
    transcript = interview(60)
    assert sum(len(segment.text.split()) for segment in transcript.segments) > 7_000
    for report in INTERVIEW.reports[:5]:
        await write(model, report.id, transcript)
    assert len(dialect.prompts) <= 15
    assert sum(dialect.prompts) <= 120_000


@pytest.mark.parametrize("kind", [Ollama, OllamaBehindGateway, RefusesLong])
@pytest.mark.parametrize("context", [4096, 8192, 32_768, 131_072])
async def test_nothing_is_left_out_without_a_word(kind: type[Dialect], context: int, connect: Connect) -> None:
    dialect = kind()
    dialect.context, dialect.thoughts = context, 0
    model = await connect(dialect)
    told: list[VoxPersonaError] = []
    answers = MemoryAnswers()
    begun = 0
    while len(told) < 3:
        begun = len(dialect.left_out)
        try:
            await write(model, "report_int_links", interview(10), answers)
        except (ContextCut, ContextTooSmall) as exc:
            told.append(exc)
        else:
            break
    assert all("num_ctx" in exc.user_text for exc in told)
    assert (set(dialect.left_out[begun:]) == {0}) is (len(told) < 3)
    assert context < 32_768 or not told
    assert len(answers.rows) <= dialect.left_out.count(0), "an answer to half a question is no answer"


@pytest.mark.parametrize(
    ("context", "most", "answer"),
    [(4096, 8192, 1365), (8192, 8192, 2048), (32_768, 8192, 4096), (131_072, 8192, 8192), (131_072, 1024, 1024)],
)
def test_an_answer_gets_what_its_context_can_spare(context: int, most: int, answer: int) -> None:
    model = ScriptedModel(lambda _: "", context_tokens=context, max_output_tokens=most)
    assert answer_tokens(model) == answer


async def test_thoughts_are_counted_wherever_they_are_reported(connect: Connect) -> None:
    for dialect in (Gemini(), SglangR1()):
        model = await connect(dialect)
        usage = (await model.complete([LONG])).usage
        assert usage.completion_tokens > dialect.thoughts


async def test_what_was_learned_is_known_at_the_next_start(tmp_path: Path) -> None:
    with DialectServer(Gemini()) as server:
        for refused_and_asked in (2, 1):
            before = len(server.dialect.asked)
            model = at(server, tmp_path)
            await model.complete([LONG], max_tokens=64)
            await model.close()
            assert len(server.dialect.asked) - before == refused_and_asked
    assert [path.stat().st_mode & 0o777 for path in kept_files(tmp_path)] == [0o600]


def kept_files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_an_unlisted_vocabulary_is_measured_for_the_next_start(tmp_path: Path) -> None:
    with DialectServer(Dialect()) as server:
        first = at(server, tmp_path)
        careful = await first.count_tokens(LONG.content)
        for _ in range(5):
            await first.complete([LONG])
        assert await first.count_tokens(LONG.content) == careful
        second = at(server, tmp_path)
        measured = await second.count_tokens(LONG.content)
        real = server.dialect.prompts[-1]
        assert real <= measured < careful
        assert measured < real * 1.2
        await first.close()
        await second.close()
