"""What a research will read and take, in words, for whichever front door shows it."""

from collections.abc import Sequence

import texts.research
from prompt_pack.models import ReportPack
from reports.costs_in_words import about_minutes, about_tokens, price
from reports.research.values import Estimate, Offer
from reports.research.writing import scope_line


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
    return texts.research.OFFER_TAKES.format(
        time=about_minutes(estimate.seconds), tokens=about_tokens(estimate.usage), price=price(estimate.cost_usd)
    )
