"""What a caption tells of the scenario of its recording."""

from collections.abc import Sequence
from datetime import date

from datamodels import ScenarioId
from metadata import INTERVIEW, parse_caption


def scenario_of_caption(caption: str, scenarios: Sequence[ScenarioId], today: date) -> ScenarioId | None:
    """The one scenario whose lines the caption has without a fault; None when there is none, or more than one.

    Seven lines are an audit's. Six are an interview's when they name a zone, which an audit of six lines has not; else
    both are possible, as any name will do where names stand, and the person has to say.
    """
    results = {each: parse_caption(caption, each, today) for each in scenarios}
    fitting = [each for each, result in results.items() if not result.problems]
    with_zone = [each for each in fitting if each == INTERVIEW and results[each].metadata.zones]
    chosen = with_zone or fitting
    return chosen[0] if len(chosen) == 1 else None
