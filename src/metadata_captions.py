"""What a caption tells of the scenario of its recording."""

from collections.abc import Sequence
from datetime import date

from datamodels import ScenarioId
from metadata import parse_caption


def scenario_of_caption(caption: str, scenarios: Sequence[ScenarioId], today: date) -> ScenarioId | None:
    """The one scenario whose lines the caption has without a fault; None when there is none, or more than one.

    Seven lines are an audit's. Six can be an interview's or, without the zone, an audit's: where names stand, any name
    will do, so that often both are possible and the person has to say.
    """
    fitting = [each for each in scenarios if not parse_caption(caption, each, today).problems]
    return fitting[0] if len(fitting) == 1 else None
