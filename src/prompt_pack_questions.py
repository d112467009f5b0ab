"""A question of the pack as services ask it: the model with the prompt and the schema of its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from datamodels import ChatMessage
from language_model import LanguageModel
from prompt_pack_schemas import Schema
from prompt_pack_templates import Template


class StructuredAnswers(Protocol):
    """Asks a language model; keeps what it answered, so that a restart does not pay again."""

    async def structured(
        self, pass_name: str, messages: Sequence[ChatMessage], schema: Mapping[str, Any], max_tokens: int
    ) -> Any:
        """Return the answer by ``schema``, or None when it was cut off.

        Raises:
            ProviderInvalidAnswer: twice no valid answer.
            ProviderError: of the model.
        """
        ...


@dataclass(frozen=True)
class PromptedModel:
    """The model that is asked, and how; the variables of ``prompt`` are those of who asks."""

    llm: LanguageModel
    answers: StructuredAnswers
    prompt: Template
    schema: Schema
