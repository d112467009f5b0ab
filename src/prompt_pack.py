"""The report pack: scenarios, reports, prompts, schemas and taxonomies, loaded and validated as a whole.

``prompts/README.md`` is the format's description.
"""

from functools import cache
from pathlib import Path

import texts_reports as texts
from errors import BadReportPack
from prompt_pack_files import PackFiles
from prompt_pack_loader import SHARED, TAXONOMIES, ScenarioLoader, check_unique, load_taxonomies
from prompt_pack_models import ReportPack, ReportPlan, ReportType, Scenario
from texts_chats import NO_ANSWER_MARK

__all__ = ["ReportPack", "ReportPlan", "ReportType", "Scenario", "load_pack"]


def load_pack(root: Path) -> ReportPack:
    """Load and validate the whole pack. Reads files: call it in a thread once a loop runs.

    Raises:
        BadReportPack: names the file and what is wrong with it.
    """
    files = PackFiles(root)
    # Read once, and only when a report differs by building type.
    taxonomies = cache(lambda: load_taxonomies(files))
    folders = [folder for folder in files.folders() if folder not in (SHARED, TAXONOMIES)]
    scenarios = [ScenarioLoader(files, folder, taxonomies).scenario() for folder in folders]
    if not scenarios:
        raise BadReportPack(reason=texts.PACK_NO_SCENARIOS)
    reports = [report for scenario in scenarios for report in scenario.reports]
    check_unique(".", texts.WHAT_SCENARIO, [scenario.id for scenario in scenarios])
    check_unique(".", texts.WHAT_REPORT, [report.id for report in reports])
    check_unique(
        ".", texts.WHAT_CALLBACK, [scenario.callback for scenario in scenarios] + [report.id for report in reports]
    )
    check_unique(".", texts.WHAT_ORDER, [scenario.order for scenario in scenarios])
    roles_prompt = files.template(f"{SHARED}/roles.md")
    for scenario in (each for each in scenarios if each.diarize):
        for speakers in ((), ("S1", "S2")):
            roles_prompt.render({"roles": scenario.roles, "speakers": speakers})
    metadata_prompt = files.template(f"{SHARED}/metadata.md")
    metadata_schema = files.schema(f"{SHARED}/metadata.schema.json")
    for scenario in scenarios:
        metadata_prompt.render({"scenario": scenario.label, "fields": list(metadata_schema.get("properties", ()))})
    answer_prompt = files.template(f"{SHARED}/answer.md")
    answer_prompt.render({"no_answer": NO_ANSWER_MARK})
    return ReportPack(
        scenarios=tuple(sorted(scenarios, key=lambda scenario: scenario.order)),
        roles_prompt=roles_prompt,
        roles_schema=files.schema(f"{SHARED}/roles.schema.json"),
        metadata_prompt=metadata_prompt,
        answer_prompt=answer_prompt,
        metadata_schema=metadata_schema,
    )
