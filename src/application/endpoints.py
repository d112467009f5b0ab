"""The endpoints that the settings name for speech, language, embeddings and voice, and which of them are in use."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from config import AsrEngine, EmbeddingsEngine, LlmEngine, Settings
from errors import BadSettings

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Endpoint:
    """A configured OpenAI-compatible endpoint."""

    base_url: str
    api_key: str
    model: str

    @property
    def provider(self) -> str:
        """The endpoint's host and port, by which errors and manifests name it."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]


def speech_endpoint(settings: Settings) -> Endpoint | None:
    """Return the endpoint that transcribes; None when a local engine does.

    Raises:
        BadSettings: an endpoint is chosen and its model or address is missing.
    """
    own = (settings.asr_base_url, settings.asr_api_key)
    if settings.asr_engine is AsrEngine.AUTO and not _configured(settings, own):
        return None
    if settings.asr_engine not in {AsrEngine.AUTO, AsrEngine.OPENAI}:
        return None
    return _endpoint(settings, own, settings.asr_model, "ASR")


def language_endpoint(settings: Settings) -> Endpoint | None:
    """Return the endpoint of the language model; None when the embedded model is used, or no model.

    Raises:
        BadSettings: an endpoint is chosen and its model or address is missing.
    """
    own = (settings.llm_base_url, settings.llm_api_key)
    if settings.llm_engine is LlmEngine.AUTO and not _configured(settings, own):
        return None
    if settings.llm_engine not in {LlmEngine.AUTO, LlmEngine.OPENAI}:
        return None
    return _endpoint(settings, own, settings.llm_model, "LLM")


def embeddings_endpoint(settings: Settings) -> Endpoint | None:
    """Return the endpoint that makes embeddings; None when the local engine makes them, or when they are off.

    ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` alone do not choose an endpoint here, unlike for speech and language: few
    endpoints of language models make embeddings.

    Raises:
        BadSettings: an endpoint is chosen and its model or address is missing.
    """
    own = (settings.embeddings_base_url, settings.embeddings_api_key)
    if settings.embeddings_engine is EmbeddingsEngine.AUTO and not any((*own, settings.embeddings_model)):
        return None
    if settings.embeddings_engine not in {EmbeddingsEngine.AUTO, EmbeddingsEngine.OPENAI}:
        return None
    return _endpoint(settings, own, settings.embeddings_model, "EMBEDDINGS")


def speaking_endpoint(settings: Settings) -> Endpoint | None:
    """Return the endpoint that speaks; None when something on this machine does, or nothing.

    As with embeddings, ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` alone do not choose one.

    Raises:
        BadSettings: an endpoint is chosen and its model or address is missing.
    """
    own = (settings.tts_base_url, settings.tts_api_key)
    if settings.tts_engine == "auto" and not any((*own, settings.tts_model)):
        return None
    if settings.tts_engine not in {"auto", "openai"}:
        return None
    return _endpoint(settings, own, settings.tts_model, "TTS")


def _configured(settings: Settings, own: tuple[str | None, SecretStr | None]) -> bool:
    return any((*own, settings.openai_base_url, settings.openai_api_key))


def _endpoint(settings: Settings, own: tuple[str | None, SecretStr | None], model: str | None, slot: str) -> Endpoint:
    own_url, own_key = own
    key = own_key or settings.openai_api_key
    base_url = own_url or settings.openai_base_url or (OPENAI_URL if key else None)
    missing = [f"{slot}_MODEL"] if model is None else []
    if base_url is None:
        missing.append(f"{slot}_BASE_URL")
    if model is None or base_url is None or missing:
        raise BadSettings(names=", ".join(missing))
    return Endpoint(base_url, key.get_secret_value() if key else "", model)
