"""What hosted models cost, hold and when they end."""

from datetime import date
from decimal import Decimal

import pytest

from datamodels import Usage
from prices import AudioFormat, audio_cost_usd, cost_usd, model_facts, shutdown_date, speech_cost_usd


def test_tokens_read_and_written_have_their_own_prices() -> None:
    usage = Usage(prompt_tokens=2_000_000, completion_tokens=500_000)
    assert cost_usd("gpt-4o", usage) == Decimal("10.00")


def test_a_dated_snapshot_costs_what_its_model_does() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=10)
    assert cost_usd("gpt-4o-2024-08-06", usage) == cost_usd("gpt-4o", usage)
    assert cost_usd("claude-haiku-4-5-20251001", usage) == cost_usd("claude-haiku-4-5", usage)


def test_an_unknown_model_has_no_price() -> None:
    assert cost_usd("nobody/knows-it", Usage(prompt_tokens=1)) is None
    assert audio_cost_usd("nobody/knows-it", 60.0) is None
    assert shutdown_date("nobody/knows-it") is None


def test_a_model_without_token_prices_has_no_price_for_tokens() -> None:
    assert cost_usd("whisper-1", Usage(prompt_tokens=1)) is None


def test_embedded_models_cost_nothing() -> None:
    assert cost_usd("qwen2.5-coder-1.5b-instruct", Usage(prompt_tokens=10**6)) == 0


@pytest.mark.parametrize("engine", ["embedded", "faster-whisper", "onnx-asr"])
def test_what_runs_on_this_machine_costs_nothing_whatever_model_it_is(engine: str) -> None:
    assert cost_usd("nobody/knows-it", Usage(prompt_tokens=10**6), engine=engine) == 0
    assert audio_cost_usd("whisper-1", 60.0, engine=engine) == 0


def test_a_provider_who_is_no_engine_of_ours_is_paid() -> None:
    assert audio_cost_usd("whisper-1", 60.0, engine="api.openai.com") == Decimal("0.006")


def test_audio_costs_by_the_minute() -> None:
    assert audio_cost_usd("whisper-1", 90.0) == Decimal("0.009")


@pytest.mark.parametrize(
    ("voice", "price"),
    [
        ("tts-1/alloy@api.openai.com", "0.015"),
        ("gpt-4o-mini-tts-2025-12-15/alloy@api.openai.com", "0.017"),
        ("hexgrad/Kokoro-82M/af_heart@127.0.0.1", None),
        ("festival/msu_ru_nsh_clunits", "0"),
        ("sherpa-onnx/model", "0"),
    ],
)
def test_speech_costs_by_the_character_where_it_is_paid(voice: str, price: str | None) -> None:
    assert speech_cost_usd(voice, 1000) == (None if price is None else Decimal(price))


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe"])
def test_shutdown_dates_of_audio_models_are_known(model: str) -> None:
    assert shutdown_date(model) == date(2027, 2, 26)


def test_shutdown_date_of_the_voice_is_known() -> None:
    assert shutdown_date("tts-1") == date(2027, 1, 6)


def test_models_that_answer_with_text_alone_are_known() -> None:
    text_only = model_facts("gpt-4o-transcribe")
    timed = model_facts("whisper-1")
    assert text_only is not None
    assert timed is not None
    assert text_only.audio_format == AudioFormat.JSON
    assert timed.audio_format == AudioFormat.VERBOSE_JSON
