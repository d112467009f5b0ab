"""The default pack's reports over real HTTP, and an endpoint that fails in the middle of one."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

import openai_faults
from datamodels import BuildingType, Segment, Transcript
from default_pack import PACK
from errors import ProviderUnavailable
from language_model.openai import OpenAILanguageModel
from openai_answers import SENTENCES
from openai_faults import CHAT
from openai_server import OpenAIServer
from prompt_pack.pack import ReportType
from provider_calls.policy import Time
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers

REPORTS = [report for scenario in PACK.scenarios for report in scenario.reports]
CASES = [(report, building) for report in REPORTS for building in (BuildingType if report.per_building else [None])]


@pytest.fixture(scope="module")
async def loopback() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def server(loopback: OpenAIServer) -> OpenAIServer:
    loopback.requests.clear()
    loopback.faults.clear()
    return loopback


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAILanguageModel]:
    model = connected(server, context_tokens=32_768)
    yield model
    await model.close()


def connected(server: OpenAIServer, context_tokens: int) -> OpenAILanguageModel:
    async def at_once(_seconds: float) -> None:
        return None

    return OpenAILanguageModel(
        server.base_url, server.api_key, server.models[0], "loopback", context_tokens, 2_048, 4, 30, time=Time(at_once)
    )


def recording(report: ReportType, times: int = 1) -> Transcript:
    roles: list[str | None] = [role.label for role in PACK.scenario(report.scenario).roles]
    roles = roles or [None]
    segments = tuple(
        Segment(start=number * 8, end=number * 8 + 7, text=sentence, role=roles[number % len(roles)])
        for number, sentence in enumerate(SENTENCES * times)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=96 * times, speakers=2, segments=segments)


async def ignored(_done: int, _total: int) -> None:
    return None


async def written(
    report: ReportType,
    building: BuildingType | None,
    model: OpenAILanguageModel,
    answers: MemoryAnswers,
    transcript: Transcript | None = None,
    on_pass: Callable[[int, int], Awaitable[None]] = ignored,
) -> GeneratedReport:
    request = ReportRequest(
        report=report,
        building=building,
        transcript=transcript or recording(report),
        metadata=("Заведение: Астория",),
    )
    return await generate_report(request, model, ModelAnswers(model, answers), on_pass)


@pytest.mark.parametrize(
    ("report", "building"), CASES, ids=[f"{report.id}-{building or 'any'}" for report, building in CASES]
)
async def test_every_report_of_the_default_pack_is_written_with_its_indices(
    report: ReportType, building: BuildingType | None, server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    # Long enough for violations to be counted for ten questions.
    written_report = await written(report, building, model, MemoryAnswers(), recording(report, times=3))
    plan = report.plan(building)
    assert len(server.asked(CHAT)) == plan.steps
    assert [f"## {each.title}" in written_report.text for each in plan.passes] == [True] * len(plan.passes)
    assert written_report.indices_error is None
    assert bool(written_report.indices) is (plan.indices is not None)
    assert written_report.dropped_quotes == 0
    assert "«" in written_report.text
    assert written_report.usage.prompt_tokens > 0


async def test_a_long_recording_fits_into_a_small_context(server: OpenAIServer) -> None:
    model = connected(server, context_tokens=8_192)
    report = PACK.report("report_int_general")
    result = await written(report, BuildingType.HOTEL, model, MemoryAnswers(), recording(report, times=25))
    await model.close()
    assert len(server.asked(CHAT)) > 4
    for request in server.asked(CHAT):
        asked = sum([await model.count_tokens(message["content"]) for message in request.body["messages"]])
        assert asked + request.body["max_tokens"] <= 8_192
    assert result.indices
    assert any("обработана по частям" in warning for warning in result.warnings)


async def test_after_a_failure_only_what_is_missing_is_asked(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    report, answers = PACK.report("report_int_general"), MemoryAnswers()
    undisturbed = await written(report, BuildingType.HOTEL, model, MemoryAnswers())

    async def breaks_down(_done: int, _total: int) -> None:
        server.faults.add(openai_faults.status(500, path=CHAT, times=3))

    with pytest.raises(ProviderUnavailable):
        await written(report, BuildingType.HOTEL, model, answers, on_pass=breaks_down)
    server.requests.clear()
    result = await written(report, BuildingType.HOTEL, model, answers)
    assert len(server.asked(CHAT)) == 1
    assert (result.text, result.indices, result.usage) == (undisturbed.text, undisturbed.indices, undisturbed.usage)
