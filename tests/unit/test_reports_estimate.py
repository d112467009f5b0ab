"""What is told before reports are ordered: calls, tokens, money and time."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from application.model_size import size_in_use
from config import Settings
from datamodels import BuildingType, Usage
from default_pack import PACK
from language_model.capabilities import CapabilityFile, endpoint_digest, presumed
from reports.costs_in_words import expected_text, spent_text
from reports.estimate import Expected, ModelSize, expected, plans_of, tokens_of_sound
from reports.small import questions_of
from utils import count_tokens

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
    assert expected_text(takes) == "≈ 9 запросов к модели, 45 000 токенов, 0,01 $, 2 мин"
    assert spent_text(takes.usage, None, 61.4) == "44 800 токенов, цена модели неизвестна, 1 мин"
    assert spent_text(Usage(prompt_tokens=16_183), None, 61).startswith("16 183 токена, ")
    assert spent_text(takes.usage, Decimal(0), 59.9) == "44 800 токенов, бесплатно, меньше минуты"


BASE_URL = "http://127.0.0.1:9/v1"


def size_after(folder: Path, model: str = "own-model", told: dict[str, Any] | None = None, **given: Any) -> ModelSize:
    """The size of an endpoint's model, of which an earlier process has learned ``told``."""
    if told is not None:
        digest = endpoint_digest(BASE_URL, model, {}, small=False)
        CapabilityFile(folder / "endpoints" / f"{digest}.json").save(presumed(BASE_URL, model).with_(**told))
    settings = Settings(
        _env_file=None, persistent_dir=folder, llm_base_url=BASE_URL, llm_api_key="key", llm_model=model, **given
    )
    found = size_in_use(settings)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("told", "given", "context"),
    [
        (None, {}, 32_768),
        ({"context_tokens": 8192}, {}, 8192),
        ({"context_tokens": 131_072}, {}, 131_072),
        ({"context_tokens": 8192}, {"llm_context_tokens": 16_384}, 16_384),
        ({"context_tokens": 32_768, "thinks": True}, {}, 24_576),
        ({"context_tokens": 131_072, "thinks": True}, {}, 122_880),
    ],
)
def test_the_context_is_what_the_endpoint_told_before_without_the_room_for_thinking(
    told: dict[str, Any] | None, given: dict[str, Any], context: int, tmp_path: Path
) -> None:
    assert size_after(tmp_path, told=told, **given).context_tokens == context


def test_a_question_is_its_texts_and_eight_tokens_for_each_of_three_messages() -> None:
    plan = PLANS[1]  # which asks once, and in words of its own
    [asked] = plan.passes
    texts = [plan.rules.render(plan.variables("")), asked.prompt.render(plan.variables("")), str(asked.schema_)]
    takes = expected([plan], 1000, size())
    assert (takes.calls, takes.usage.prompt_tokens) == (1, sum(map(count_tokens, texts)) + 1000 + 24)
    texts = [plan.small_rules.render({}), *map(str, questions_of(asked, plan))]
    takes = expected([plan], 1000, size().model_copy(update={"small": True}))
    assert (takes.calls, takes.usage.prompt_tokens) == (1, sum(map(count_tokens, texts)) + 1000 + 120 + 24)


def test_thinking_is_counted_for_every_call(tmp_path: Path) -> None:
    plain, thinking = size_after(tmp_path), size_after(tmp_path, told={"thinks": True, "context_tokens": 32_768})
    takes, thinks = expected(PLANS[:1], 1000, plain), expected(PLANS[:1], 1000, thinking)
    assert thinks.usage.completion_tokens == takes.usage.completion_tokens + 1000 * takes.calls


def test_small_models_are_known_by_engine_or_name_and_a_setting_overrules_it(tmp_path: Path) -> None:
    embedded = size_in_use(Settings(_env_file=None, persistent_dir=tmp_path))
    assert embedded is not None
    assert embedded.small
    assert size_after(tmp_path, "qwen3:1.7b").small
    assert not size_after(tmp_path, "qwen3:32b").small
    assert size_after(tmp_path, "qwen3:32b", llm_small_questions=True).small
    assert not size_after(tmp_path, "qwen3:1.7b", llm_small_questions=False).small
