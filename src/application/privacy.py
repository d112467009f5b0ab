"""What people are told about their data, by the settings of the installation."""

from collections.abc import Callable
from contextlib import suppress

import texts.privacy
from application.endpoints import Endpoint, embeddings_endpoint, language_endpoint, speech_endpoint
from application.parts import Application
from config import Settings
from errors import BadSettings
from markups.text import escaped
from recordings.consents import Consents


def consents_of(application: Application) -> Consents:
    """Make the record of consents to today's notice."""
    return Consents(application.database, notice_of(application.settings))


def notice_of(settings: Settings) -> str:
    """Return the notice, HTML: which service gets what."""
    return texts.privacy.NOTICE.format(
        speech=_at(texts.privacy.SPEECH_AT, speech_endpoint, settings) or texts.privacy.HERE,
        language=_at(texts.privacy.LANGUAGE_AT, language_endpoint, settings) or texts.privacy.HERE,
        meaning=_at(texts.privacy.MEANING_AT, embeddings_endpoint, settings),
    )


def _at(text: str, endpoint_of: Callable[[Settings], Endpoint | None], settings: Settings) -> str:
    """Return what an endpoint gets; "" without one, or for one that is not set up whole: it gets nothing."""
    with suppress(BadSettings):
        endpoint = endpoint_of(settings)
        return "" if endpoint is None else text.format(provider=escaped(endpoint.provider))
    return ""
