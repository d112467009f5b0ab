"""What models and services have taken since a time, of what is still kept: what is deleted takes its rows along."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from datamodels import Usage, Value
from db import Connection
from prices import audio_cost_usd, cost_usd

_SELECT_TEXT = """
    SELECT
        model, count(*) AS calls, sum(prompt_tokens)::bigint AS prompt_tokens,
        sum(completion_tokens)::bigint AS completion_tokens
    FROM (
        SELECT model, prompt_tokens, completion_tokens FROM report_passes WHERE created_at >= %(since)s
        UNION ALL
        SELECT model, prompt_tokens, completion_tokens FROM research_answers WHERE created_at >= %(since)s
        UNION ALL
        SELECT model, prompt_tokens, completion_tokens FROM chat_answers WHERE created_at >= %(since)s AND model <> ''
    ) AS answers
    GROUP BY model
"""
_SELECT_SPEECH = """
    SELECT model, engine, count(*) AS calls, sum(duration_s) AS seconds
    FROM transcripts WHERE created_at >= %(since)s GROUP BY model, engine
"""
_SELECT_IMAGES = """
    SELECT
        trainer AS model, count(*) AS calls, coalesce(sum(price_usd) FILTER (WHERE paid = 'yes'), 0) AS usd,
        coalesce(sum(price_usd) FILTER (WHERE paid = 'maybe'), 0) AS maybe_usd
    FROM image_orders WHERE paid <> 'no' AND NOT is_test AND created_at >= %(since)s GROUP BY trainer
"""


class Spent(Value):
    """What one model has taken: tokens of text, seconds of sound. ``usd`` is None where the price is not known.

    ``maybe_usd`` comes on top if orders whose answer was lost were taken.
    """

    model: str
    calls: int
    tokens: int = 0
    seconds: float = 0.0
    usd: Decimal | None
    maybe_usd: Decimal = Decimal(0)


async def spent_since(connection: Connection, since: datetime) -> Sequence[Spent]:
    """Load what was taken since a time, by model, the dearest first."""
    parameters = {"since": since}
    text = await (await connection.execute(_SELECT_TEXT, parameters)).fetchall()
    speech = await (await connection.execute(_SELECT_SPEECH, parameters)).fetchall()
    images = await (await connection.execute(_SELECT_IMAGES, parameters)).fetchall()
    found = [*map(_of_text, text), *map(_of_speech, speech), *(Spent.model_validate(row) for row in images)]
    return sorted(found, key=lambda each: (-(each.usd or 0), each.model))


def _of_text(row: Mapping[str, Any]) -> Spent:
    usage = Usage(prompt_tokens=row["prompt_tokens"], completion_tokens=row["completion_tokens"])
    tokens = usage.prompt_tokens + usage.completion_tokens
    return Spent(model=row["model"], calls=row["calls"], tokens=tokens, usd=cost_usd(row["model"], usage))


def _of_speech(row: Mapping[str, Any]) -> Spent:
    usd = audio_cost_usd(row["model"], row["seconds"], engine=row["engine"])
    return Spent(model=row["model"], calls=row["calls"], seconds=row["seconds"], usd=usd)
