"""What two small questions show of a language model: one for structured output, one for text."""

from math import ceil

import texts.language_model
from datamodels import PromptMessage, Value
from errors import ProviderInvalidAnswer
from errors_of_operation import NotBySchema
from language_model.capabilities import Capabilities
from language_model.openai import OpenAILanguageModel

_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["mood", "quotes"],
    "properties": {
        "mood": {"type": "string", "enum": ["good", "bad", "mixed"]},
        "quotes": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
}
_ANSWER_TOKENS = 400

HOUR_TOKENS = 29_000
"""The transcript of an hour of interview, by the estimate for unlisted vocabularies."""
_PROMPT_TOKENS = 7_000
"""The longest prompt of a report, with rules, schema and an ordinary answer."""
_READING_PASSES, _OTHER_PASSES = 6, 3
"""Questions of the five reports on an interview: those that read the transcript, and those that read their text."""
_SMALLEST_WINDOW = 128


class Examination(Value):
    """``context_tokens`` is what questions are made for; ``server_tokens`` what a server of one's own told.

    ``is_assumed``: nobody told the context. ``cuts``: what does not fit is left out without a word.
    """

    known: Capabilities
    context_tokens: int
    thinking_tokens: int
    is_assumed: bool
    server_tokens: int | None
    cuts: bool

    @property
    def calls_for_an_hour(self) -> int | None:
        """About how many questions all five reports on an hour take; None when reports by factors do not fit."""
        room = self.context_tokens - self.thinking_tokens - _PROMPT_TOKENS
        if room < _SMALLEST_WINDOW:
            return None
        return _READING_PASSES * ceil(HOUR_TOKENS / room) + _OTHER_PASSES


async def examined(model: OpenAILanguageModel) -> Examination:
    """Ask for structured output and for a text, and return what is known of the model then, and of it alone.

    Raises:
        NotBySchema: two structured answers were not valid.
        ProviderError: the endpoint failed, or the model does not answer.
    """
    model.forget()
    await model.check()
    server = await model.ask_server()
    question = PromptMessage(role="user", content=texts.language_model.EXAMINED_TEXT)
    structured = [PromptMessage(role="system", content=texts.language_model.ASK_STRUCTURED), question]
    try:
        await model.complete(structured, schema=_SCHEMA, max_tokens=_ANSWER_TOKENS)
    except ProviderInvalidAnswer as first:
        if not first.retryable:
            raise
        # The first answer showed how the model has to be asked.
        try:
            await model.complete(structured, schema=_SCHEMA, max_tokens=_ANSWER_TOKENS)
        except ProviderInvalidAnswer as exc:
            if not exc.retryable:
                raise
            raise NotBySchema(
                provider=model.info.name, model=model.info.model, reason=exc.details.get("reason")
            ) from exc
    asked = [PromptMessage(role="system", content=texts.language_model.ASK_TEXT), question]
    # With the longest limit that reports use, and in pieces as in chats: an endpoint that allows less says so.
    await model.complete(asked, on_text=lambda _text: None)
    return Examination(
        known=model.known,
        context_tokens=model.whole_context_tokens,
        thinking_tokens=model.whole_context_tokens - model.context_tokens,
        is_assumed=not model.is_context_told,
        server_tokens=server.tokens if server else None,
        cuts=bool(server and server.cuts),
    )
