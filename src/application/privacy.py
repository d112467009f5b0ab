"""What people are told about their data, by the settings of the installation."""

import texts.privacy
from application.endpoints import embeddings_endpoint, language_endpoint, speech_endpoint
from application.parts import Application
from config import Settings
from markups.text import escaped
from recordings.consents import Consents


def consents_of(application: Application) -> Consents:
    """Make the record of consents to today's notice."""
    return Consents(application.database, notice_of(application.settings))


def notice_of(settings: Settings) -> str:
    """Return the notice, HTML: which service gets what."""
    speech, language, meaning = speech_endpoint(settings), language_endpoint(settings), embeddings_endpoint(settings)
    return texts.privacy.NOTICE.format(
        speech=_at(texts.privacy.SPEECH_AT, None if speech is None else speech.provider),
        language=_at(texts.privacy.LANGUAGE_AT, None if language is None else language.provider),
        meaning="" if meaning is None else texts.privacy.MEANING_AT.format(provider=escaped(meaning.provider)),
    )


def _at(text: str, provider: str | None) -> str:
    return texts.privacy.HERE if provider is None else text.format(provider=escaped(provider))
