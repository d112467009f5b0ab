"""What a caption tells of the scenario of its recording."""

from collections.abc import Sequence
from datetime import date

from datamodels import RecordingMetadata, ScenarioId
from metadata import INTERVIEW, FieldProblem, parse_caption
from metadata_fields import missing, title

_MOST_PROBLEMS = 2


def scenario_of_caption(caption: str, scenarios: Sequence[ScenarioId], today: date) -> ScenarioId | None:
    """The one scenario whose lines the caption fits best; None when none fits, or more than one as well as any.

    Seven lines are an audit's. Six are an interview's when they name a zone, which an audit of six lines has not; else
    both are possible, as any name will do where names stand, and the person has to say. A wrong line or two, such as a
    date that is in no calendar, are asked for and change nothing in that.
    """
    results = {each: parse_caption(caption, each, today) for each in scenarios}
    fewest = min((len(result.problems) for result in results.values()), default=0)
    if fewest > _MOST_PROBLEMS:
        return None
    fitting = [each for each, result in results.items() if len(result.problems) == fewest]
    with_zone = [each for each in fitting if each == INTERVIEW and results[each].metadata.zones]
    chosen = with_zone or fitting
    return chosen[0] if len(chosen) == 1 else None


def problems_of_caption(
    caption: str, scenario: ScenarioId, metadata: RecordingMetadata, today: date
) -> tuple[FieldProblem, ...]:
    """What a caption says and cannot be read, and is not known otherwise. Blocking, as ``parse_caption`` is."""
    if not caption.strip():
        return ()
    wanted = {title(field) for field in missing(scenario, metadata)}
    return tuple(
        each for each in parse_caption(caption, scenario, today).problems if each.field in wanted and not each.absent
    )
