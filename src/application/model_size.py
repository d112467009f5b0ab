"""The size of the language model in use, told without starting it."""

from application.endpoints import language_endpoint
from application.engines import (
    EMBEDDED_CONTEXT_TOKENS,
    EMBEDDED_OUTPUT_TOKENS,
    asks_small_questions,
    language_in_use,
)
from config import LlmEngine, Settings
from prices import model_facts
from reports.estimate import ModelSize

_EMBEDDED = "embedded"


def size_in_use(settings: Settings) -> ModelSize | None:
    """Return the size of the configured model; None when there is none.

    The context of an endpoint is that of the settings, of the price table, or what the endpoint has told or shown
    before, in this order; else what is assumed of endpoints that tell nothing. Nobody is asked.

    Raises:
        BadSettings: as ``language_endpoint``.
    """
    if settings.llm_engine is LlmEngine.NONE:
        return None
    model, provider = language_in_use(settings)
    endpoint = language_endpoint(settings)
    if endpoint is None:
        small = asks_small_questions(
            settings, settings.llm_model_file.stem if settings.llm_model_file else "", embedded=True
        )
        context = settings.llm_context_tokens or EMBEDDED_CONTEXT_TOKENS
        answer = min(settings.llm_max_output_tokens, EMBEDDED_OUTPUT_TOKENS)
        return ModelSize(engine=_EMBEDDED, model=model, context_tokens=context, max_output_tokens=answer, small=small)
    # Only here: the library behind it takes a second to import.
    from language_model.capabilities import (  # noqa: PLC0415
        CapabilityFile,
        endpoint_digest,
        presumed,
        room_for_thinking,
    )
    from language_model.openai import ASSUMED_CONTEXT_TOKENS  # noqa: PLC0415

    small = asks_small_questions(settings, model, embedded=False)
    digest = endpoint_digest(endpoint.base_url, model, settings.llm_extra_body, small=small)
    kept = CapabilityFile(settings.persistent_dir / "endpoints" / f"{digest}.json").load()
    known = kept or presumed(endpoint.base_url, model)
    facts = model_facts(model)
    told = settings.llm_context_tokens or (facts and facts.context) or known.context_tokens or ASSUMED_CONTEXT_TOKENS
    context = told - room_for_thinking(told) if known.thinks else told
    return ModelSize(
        engine=provider or "",
        model=model,
        context_tokens=context,
        max_output_tokens=min(settings.llm_max_output_tokens, known.most_output_tokens or context, context // 2),
        small=small,
        thinks=known.thinks,
    )
