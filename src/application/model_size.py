"""The size of the language model in use, told without starting it."""

from application.endpoints import language_endpoint
from application.engines import EMBEDDED_CONTEXT_TOKENS, EMBEDDED_OUTPUT_TOKENS, language_in_use
from config import LlmEngine, Settings
from prices import model_facts
from reports.estimate import ModelSize

_EMBEDDED = "embedded"


def size_in_use(settings: Settings) -> ModelSize | None:
    """Return the size of the configured model; None when there is none.

    The context of an endpoint is that of the settings or of the price table, else a careful guess: asking it would be
    a call.

    Raises:
        BadSettings: as ``language_endpoint``.
    """
    if settings.llm_engine is LlmEngine.NONE:
        return None
    model, provider = language_in_use(settings)
    if language_endpoint(settings) is None:
        context = settings.llm_context_tokens or EMBEDDED_CONTEXT_TOKENS
        answer = min(settings.llm_max_output_tokens, EMBEDDED_OUTPUT_TOKENS)
        return ModelSize(engine=_EMBEDDED, model=model, context_tokens=context, max_output_tokens=answer)
    # Only here: the library behind it takes a second to import.
    from language_model.openai import ASSUMED_CONTEXT_TOKENS  # noqa: PLC0415

    facts = model_facts(model)
    context = settings.llm_context_tokens or (facts and facts.context) or ASSUMED_CONTEXT_TOKENS
    answer = min(settings.llm_max_output_tokens, context // 2)
    return ModelSize(engine=provider or "", model=model, context_tokens=context, max_output_tokens=answer)
