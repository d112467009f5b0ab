"""What cards of every kind have: a bar, times, the button that cancels."""

from datetime import datetime

import texts.cards
from datamodels import Value
from datamodels_telegram import CardProgress, Keyboard, Screen
from markups.callback_data import Action, button
from system.local_time import local
from utils import human_duration

_BAR_CELLS = 12
_LONGEST_ESTIMATE_S = 24 * 3600.0
"""What would take longer at its pace stands still: nobody can say when it will go on."""


class Times(Value):
    """How long the work has taken, and how long its stage will still take; None when that is unknown."""

    elapsed_s: float
    remaining_s: float | None


class CardView(Value):
    """A card as a person sees it.

    A ``final`` card changes no more. A ``working`` one changes as time passes, even when the work has not moved on.
    """

    screen: Screen
    final: bool
    working: bool


def bar(fraction: float) -> tuple[str]:
    """Return the bar of work of which this share is done, from 0 to 1."""
    done = round(_BAR_CELLS * fraction)
    bar = texts.cards.BAR_DONE * done + texts.cards.BAR_LEFT * (_BAR_CELLS - done)
    return (texts.cards.BAR.format(bar=bar, percent=int(100 * fraction)),)


def times_line(times: Times) -> str:
    """Return how long the work has taken and how long its stage will take."""
    return texts.cards.TIMES.format(
        elapsed=human_duration(max(0.0, times.elapsed_s)), remaining=_about_s(times.remaining_s)
    )


def _about_s(seconds: float | None) -> str:
    if seconds is None or seconds > _LONGEST_ESTIMATE_S:
        return texts.cards.UNKNOWN
    step = 5 if seconds < 90 else 60
    return texts.cards.ABOUT.format(time=human_duration(max(step, step * round(seconds / step))))


def time_of_day(at: datetime) -> str:
    """Return the time as a clock shows it here."""
    return f"{local(at):%H:%M}"


def cancel(progress: CardProgress) -> Keyboard:
    """Return the button that stops the work."""
    if progress.recording_number is None and progress.incoming is not None:
        return ((button(texts.cards.CANCEL, Action.CANCEL_INCOMING, progress.incoming.id),),)
    return ((button(texts.cards.CANCEL, Action.CANCEL_CARD, progress.card.id),),)
