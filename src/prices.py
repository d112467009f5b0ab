"""Facts about hosted models: prices, contexts, shutdown dates. The data is ``resources/prices.yaml``."""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache

import yaml
from pydantic import Field

from config import ROOT
from datamodels import Usage, Value

_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


class AudioFormat(StrEnum):
    """``response_format`` of ``/audio/transcriptions``, the richest first."""

    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"
    JSON = "json"


class ModelFacts(Value):
    """Facts about a model; None is unknown. ``context`` is in tokens.

    Prices are in US dollars: ``input`` and ``output`` per million tokens, ``audio_minute`` per minute of audio,
    ``speech`` per million characters that are said.
    """

    input: Decimal | None = Field(None, ge=0)
    output: Decimal | None = Field(None, ge=0)
    audio_minute: Decimal | None = Field(None, ge=0)
    speech: Decimal | None = Field(None, ge=0)
    context: int | None = Field(None, ge=1)
    audio_format: AudioFormat | None = None
    shutdown: date | None = None


class _Provider(Value):
    checked: date
    source: str
    note: str | None = None
    engines: frozenset[str] = frozenset()
    """Our own engines, which run any model free of charge."""
    models: dict[str, ModelFacts]


class _Table(Value):
    providers: dict[str, _Provider]


@cache
def _providers() -> tuple[_Provider, ...]:
    text = (ROOT / "resources" / "prices.yaml").read_text(encoding="utf-8")
    return tuple(_Table.model_validate(yaml.safe_load(text)).providers.values())


@cache
def _models() -> dict[str, ModelFacts]:
    return {name: facts for provider in _providers() for name, facts in provider.models.items()}


def is_free(engine: str) -> bool:
    """Tell whether the engine of this name runs on this machine, where no model costs anything."""
    return any(engine in provider.engines for provider in _providers())


def model_facts(model: str) -> ModelFacts | None:
    """Return the facts about ``model``, or about the model whose dated snapshot it is; None when neither is known."""
    name = model.lower()
    return _models().get(name) or _models().get(_SNAPSHOT.sub("", name))


def cost_usd(model: str, usage: Usage, *, engine: str = "") -> Decimal | None:
    """Return what ``usage`` of ``model`` costs in US dollars at the standard rate; None when the price is unknown.

    It costs nothing when ``engine`` is one of those that run on this machine.
    """
    if is_free(engine):
        return Decimal(0)
    facts = model_facts(model)
    if facts is None or facts.input is None or facts.output is None:
        return None
    return (facts.input * usage.prompt_tokens + facts.output * usage.completion_tokens) / 1_000_000


def audio_cost_usd(model: str, seconds: float, *, engine: str = "") -> Decimal | None:
    """Return what ``seconds`` of audio cost in US dollars, transcribed by ``model``; None when the price is unknown.

    They cost nothing when ``engine`` is one of those that run on this machine.
    """
    if is_free(engine):
        return Decimal(0)
    facts = model_facts(model)
    if facts is None or facts.audio_minute is None:
        return None
    return facts.audio_minute * Decimal(str(seconds)) / 60


def speech_cost_usd(voice: str, characters: int) -> Decimal | None:
    """Return what it costs in US dollars to have so many characters said; None when the price is unknown.

    ``voice`` is named as ``TextToSpeech.voice`` names it: its engine, or its model with the address of an endpoint.
    """
    if is_free(voice.partition("/")[0]):
        return Decimal(0)
    facts = model_facts(voice.rpartition("@")[0].rpartition("/")[0])
    return None if facts is None or facts.speech is None else facts.speech * characters / 1_000_000


def shutdown_date(model: str) -> date | None:
    """Return the announced day on which ``model`` stops answering, which may be past; None when none is announced."""
    facts = model_facts(model)
    return facts.shutdown if facts else None
