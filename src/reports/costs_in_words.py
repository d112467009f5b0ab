"""What models take, in words: tokens, money and time."""

from decimal import Decimal

import texts.reports
from datamodels import Usage
from reports.estimate import Expected
from utils import human_duration

_SHORTEST_S = 60.0
_FEWEST_TOKENS = 1000


def about_tokens(usage: Usage) -> str:
    """Return the tokens in thousands: «45 000»."""
    tokens = round(usage.prompt_tokens + usage.completion_tokens, -3) or _FEWEST_TOKENS
    return f"{tokens:,}".replace(",", " ")


def about_minutes(seconds: float) -> str:
    """Return the time in whole minutes, one at least."""
    return human_duration(max(_SHORTEST_S, 60.0 * round(seconds / 60)))


def price(cost_usd: Decimal | None) -> str:
    """Return the price in dollars, rounded to cents and one at least; or that it is nothing or not known."""
    if cost_usd is None:
        return texts.reports.PRICE_UNKNOWN
    if not cost_usd:
        return texts.reports.PRICE_NOTHING
    return texts.reports.PRICE.format(price=f"{max(cost_usd, Decimal('0.01')):.2f}".replace(".", ","))


def expected_text(takes: Expected) -> str:
    """Return an estimate on one line."""
    return texts.reports.EXPECTED.format(
        calls=texts.reports.CALL.counted(takes.calls),
        tokens=about_tokens(takes.usage),
        price=price(takes.cost_usd),
        time=about_minutes(takes.seconds),
    )


def spent_text(usage: Usage, cost_usd: Decimal | None, seconds: float) -> str:
    """Return what was really spent on one line: tokens to the last one, time in minutes."""
    tokens = usage.prompt_tokens + usage.completion_tokens
    return texts.reports.SPENT.format(
        tokens=f"{tokens:,} {texts.reports.TOKEN.form(tokens)}".replace(",", " "),
        price=price(cost_usd),
        time=about_minutes(seconds) if seconds >= _SHORTEST_S else texts.reports.LESS_THAN_A_MINUTE,
    )
