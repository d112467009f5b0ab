"""The notice about people's data."""

from datetime import datetime

import texts.privacy
from datamodels_telegram import Screen
from markups.callback_data import Action, button
from system.local_time import local


def privacy_notice(notice: str, version: str) -> Screen:
    """Show ``notice``, HTML, with the button that says that this version was read."""
    return Screen(text=notice, keyboard=((button(texts.privacy.READ, Action.PRIVACY_CONSENT, version),),))


def privacy_was_read(notice: str, at: datetime) -> Screen:
    return Screen(text=f"{notice}\n\n{texts.privacy.WAS_READ.format(date=f'{local(at):%d.%m.%Y}')}")
