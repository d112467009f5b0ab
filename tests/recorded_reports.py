"""Reports out of recorded answers, by the real pipeline without a database."""

from datamodels import BuildingType, Transcript
from language_model.port import LanguageModel
from prompt_pack.models import ReportType
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers


async def written(
    report: ReportType, transcript: Transcript, model: LanguageModel, building: BuildingType = BuildingType.HOTEL
) -> GeneratedReport:

    async def nothing(_done: int, _total: int) -> None: ...

    of_building = building if report.per_building else None
    request = ReportRequest(report=report, building=of_building, transcript=transcript)
    return await generate_report(request, model, ModelAnswers(model, MemoryAnswers()), nothing)
