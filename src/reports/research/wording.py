"""What a research will read and take, in words, for whichever front door shows it."""

from collections.abc import Sequence

import texts.research
from prompt_pack.models import ReportPack
from reports.research.values import Estimate, Offer
from reports.research.writing import scope_line
from utils import human_duration

_SHORTEST_S = 60.0


def estimate_lines(offer: Offer, pack: ReportPack) -> Sequence[str]:
    """Return what a person should know before ordering, a line each, in plain text."""
    is_limited = offer.reading < offer.matching
    read = texts.research.OFFER_LATEST if is_limited else texts.research.OFFER_ALL
    lines = [
        read.format(reading=offer.reading, matching=offer.matching),
        scope_line(offer.scope, pack),
        _takes(offer.estimate),
        texts.research.OFFER_DEMONSTRATION if offer.demonstration else "",
    ]
    return [line for line in lines if line]


def _takes(estimate: Estimate) -> str:
    minutes = max(_SHORTEST_S, 60.0 * round(estimate.seconds / 60))
    tokens = estimate.usage.prompt_tokens + estimate.usage.completion_tokens
    return texts.research.OFFER_TAKES.format(
        time=human_duration(minutes), tokens=f"{round(tokens, -3) or 1000:,}".replace(",", " "), price=_price(estimate)
    )


def _price(estimate: Estimate) -> str:
    if estimate.cost_usd is None:
        return texts.research.PRICE_UNKNOWN
    if not estimate.cost_usd:
        return texts.research.PRICE_NOTHING
    return texts.research.PRICE.format(price=f"{max(estimate.cost_usd, 0.01):.2f}".replace(".", ","))
