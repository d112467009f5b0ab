"""The language model port."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from datamodels import Completion, EngineInfo, PromptMessage

MESSAGE_TOKENS = 8
"""The most tokens that a chat template adds around a message."""
QUESTION_TOKENS = 32
"""The most tokens that a chat template adds around a system message and a user message together, with some to spare."""

OnText = Callable[[str], None]
"""Takes all of an answer's text that has come so far. When the answer is tried again, the text begins anew."""


class LanguageModel(Protocol):
    """A chat model behind an OpenAI-compatible endpoint."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def context_tokens(self) -> int:
        """The most tokens that prompt and answer can have together."""
        ...

    @property
    def max_output_tokens(self) -> int: ...

    async def complete(
        self,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        on_text: OnText | None = None,
    ) -> Completion:
        """Answer the messages. With a JSON ``schema``, the answer is structured output, parsed and found valid.

        With ``on_text`` the answer is streamed, where the endpoint can do that; else ``on_text`` is not called.

        Raises:
            ProviderInvalidAnswer: the answer is empty or a refusal or, where a schema was given, invalid or cut off;
                the caller decides whether to ask again. ``OnlyThoughts``: asking again does not help.
            ContextCut: the model did not read all of it; its context is known from now on.
            ProviderError: after the retries of ``provider_calls``.
        """
        ...

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of ``text`` for this model, never too few."""
        ...

    async def prepare(self) -> None:
        """Find out the limits that questions are made for, once and for no money; a failure is no error here."""
        ...

    async def check(self) -> None:
        """Raise an error when a completion would surely fail, such as a refused key or an unknown model.

        It may ask only for the list of models, which does not show that an account has no funds.
        """
        ...

    async def close(self) -> None: ...
