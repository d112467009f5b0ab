"""What is told before reports are ordered: calls, tokens, money and time."""

from decimal import Decimal

import pytest

from config import ROOT
from datamodels import BuildingType, Usage
from prompt_pack.pack import load_pack
from reports.costs_in_words import expected_text, spent_text
from reports.estimate import Expected, ModelSize, expected, plans_of, tokens_of_sound

PACK = load_pack(ROOT / "prompts")
PLANS = plans_of(PACK.reports("interview")[:5], BuildingType.HOTEL)
HOUR = tokens_of_sound(3600)


def size(context: int = 131_072, model: str = "gpt-6-luna", engine: str = "hosted") -> ModelSize:
    return ModelSize(engine=engine, model=model, context_tokens=context, max_output_tokens=2048)


def test_an_hour_fits_a_large_context_in_one_call_for_each_question() -> None:
    takes = expected(PLANS, HOUR, size())
    assert takes.calls == 6
    assert 100_000 < takes.usage.prompt_tokens < 120_000
    assert takes.cost_usd is not None
    assert Decimal("0.01") < takes.cost_usd < Decimal("0.03")


def test_a_small_context_takes_more_calls_and_tokens() -> None:
    small, large = expected(PLANS, HOUR, size(8192)), expected(PLANS, HOUR, size())
    assert small.calls > 3 * large.calls
    assert small.usage.prompt_tokens > large.usage.prompt_tokens


@pytest.mark.parametrize(
    ("model", "engine", "cost"), [("gpt-6-luna", "embedded", Decimal(0)), ("неизвестная", "hosted", None)]
)
def test_what_runs_here_is_free_and_an_unknown_price_is_none(model: str, engine: str, cost: Decimal | None) -> None:
    assert expected(PLANS, HOUR, size(model=model, engine=engine)).cost_usd == cost


def test_a_known_pace_counts_instead_of_a_guess() -> None:
    takes = expected(PLANS[:1], 1000, size(), pace_s=0.5)
    assert takes.seconds == (takes.usage.prompt_tokens + takes.usage.completion_tokens) * 0.5


def test_estimates_are_rounded_and_what_was_spent_is_not() -> None:
    takes = Expected(
        calls=9, usage=Usage(prompt_tokens=40_400, completion_tokens=4_400), seconds=130, cost_usd=Decimal("0.001")
    )
    assert expected_text(takes) == "≈ 9 запросов к модели, 45 000 токенов, $0,01, 2 мин"
    assert spent_text(takes.usage, None, 61.4) == "44 800 токенов, цена модели неизвестна, 1 мин"
    assert spent_text(takes.usage, Decimal(0), 59.9) == "44 800 токенов, бесплатно, меньше минуты"
