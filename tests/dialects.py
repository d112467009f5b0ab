"""The dialects of OpenAI's protocol: one class for each way in which an endpoint differs, with its real refusals."""

import json
from collections.abc import Mapping

from dialect_server import Body, Dialect, Refusal, error
from dialects_of_servers import (
    ORDINARY_THOUGHT,
    AnswerAmongThoughts,
    Gemma,
    Harmony,
    LlamaCpp,
    LmStudio,
    Ollama,
    OllamaLarge,
    SglangR1,
    TaggedThoughts,
    ThinksForEver,
    UnopenedThoughts,
    VllmQwen3,
)


class OpenAIReasoning(Dialect):
    """The class of gpt-5: no ``max_tokens``, no temperature, thoughts that are billed and not shown."""

    model = "gpt-6-luna"
    thoughts = ORDINARY_THOUGHT

    def check(self, body: Body) -> None:
        if "max_tokens" in body:
            message = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            raise error(400, message, param="max_tokens", code="unsupported_parameter")
        if body.get("temperature", 1) != 1:
            message = "Unsupported value: 'temperature' does not support 0 with this model. Only 1 is supported."
            raise error(400, message, param="temperature", code="unsupported_value")

    def usage(self, read: int, written: int, thought: int) -> Body:
        return {**super().usage(read, written, thought), "completion_tokens_details": {"reasoning_tokens": thought}}


class AzureDeployment(OpenAIReasoning):
    """A deployment has a name and a header for its key of its own, a version in the query and no list of models."""

    model = "interviews"
    path = "/openai/deployments/interviews"
    query = "?api-version=2024-10-21"

    def authorise(self, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> None:
        if "api-version" not in query:
            raise Refusal(404, {"error": {"code": "404", "message": "Resource not found"}})
        if headers.get("api-key") != self.key:
            message = "Access denied due to invalid subscription key or wrong API endpoint."
            raise Refusal(401, {"error": {"code": "401", "message": message}})

    def get(self, _path: str) -> object | None:
        raise Refusal(404, {"error": {"code": "404", "message": "Resource not found"}})


class DeepSeek(Dialect):
    """``json_object`` alone, with the word in the prompt; answers of 8,192 tokens at most."""

    model = "deepseek-next"

    def check(self, body: Body) -> None:
        wanted = body.get("response_format", {}).get("type")
        if wanted == "json_schema":
            message = "This response_format type is unavailable now"
            raise error(400, message, param=None, code="invalid_request_error")
        if wanted == "json_object" and "json" not in str(body["messages"]).lower():
            message = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
            raise error(400, message, param=None, code="invalid_request_error")
        if body.get("max_tokens", 1) > 8192:
            message = "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
            raise error(400, message, param=None, code="invalid_request_error")


class Mistral(Dialect):
    """Fields that it does not know are refused; content is a list of thoughts and text."""

    model = "magistral-medium-latest"
    thoughts = ORDINARY_THOUGHT
    known = frozenset({"model", "messages", "max_tokens", "temperature", "response_format", "stop", "stream"})

    def listed(self) -> Body:
        return {**super().listed(), "max_context_length": self.context}

    def check(self, body: Body) -> None:
        unknown = sorted(set(body) - self.known)
        if unknown:
            detail = [
                {"type": "extra_forbidden", "loc": ["body", each], "msg": "Extra inputs are not permitted", "input": 0}
                for each in unknown
            ]
            raise Refusal(422, {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error"})

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        made = super().completion(text, thought, read, reason)
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Сначала прочту запись."}]}
        said = [{"type": "text", "text": text}] if text else []
        made["choices"][0]["message"]["content"] = [thinking, *said]
        return made


class DashScope(Dialect):
    """A thinking model thinks in streams alone; elsewhere it has to be told not to."""

    model = "qwen3-32b"

    def check(self, body: Body) -> None:
        if body.get("enable_thinking") is not False and not body.get("stream"):
            message = "parameter.enable_thinking must be set to false for non-streaming calls"
            raise error(400, message, param=None, code="invalid_parameter_error")


class OpenRouter(Dialect):
    """The context is told with the model; an error of whoever runs it comes as 200."""

    model = "qwen/qwen3-235b"
    broken = 1

    def listed(self) -> Body:
        return {**super().listed(), "context_length": self.context}

    def answer(self, body: Body) -> Body:
        if self.broken:
            self.broken -= 1
            return {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "overloaded"}}}
        return super().answer(body)


class OpenRouterWithoutFunds(OpenRouter):
    def answer(self, _body: Body) -> Body:
        return {"error": {"code": 402, "message": "Insufficient credits. Add more credits to your account."}}


class Groq(Dialect):
    """Checks JSON itself and calls it an error; tells the longest answer in words."""

    model = "llama-4-maverick"

    def listed(self) -> Body:
        return {**super().listed(), "context_window": self.context}

    def check(self, body: Body) -> None:
        if body.get("max_tokens", 1) > 4096:
            message = (
                "`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens` is less than "
                "the `context_window` for this model"
            )
            raise error(400, message, param="max_tokens")
        if "response_format" in body:
            message = "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details."
            raise error(400, message, code="json_validate_failed", failed_generation="```json\n{")


class Anthropic(Dialect):
    """``response_format`` is ignored, and a sentence follows the JSON; the list of models wants another key."""

    model = "claude-next"
    enforces = frozenset()

    def get(self, _path: str) -> object | None:
        message = "x-api-key header is required"
        raise Refusal(401, {"type": "error", "error": {"type": "authentication_error", "message": message}})

    def written_json(self, value: object) -> str:
        return f"{super().written_json(value)}\n\nЕсли нужно, я поясню каждый пункт."


class Gemini(Dialect):
    """Other names in the list; thoughts that only the total counts; JSON in a fence."""

    model = "gemini-next-flash"
    enforces = frozenset()
    thoughts = ORDINARY_THOUGHT

    def listed(self) -> Body:
        return {"id": f"models/{self.model}", "object": "model"}

    def written_json(self, value: object) -> str:
        return f"Вот ответ:\n```json\n{json.dumps(value, ensure_ascii=False, indent=2)}\n```\nГотово."

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        made = super().completion(text, thought, read, reason)
        if not text:
            del made["choices"][0]["message"]["content"]
        return made

    def usage(self, read: int, written: int, thought: int) -> Body:
        return {**super().usage(read, written, thought), "completion_tokens": written}


class GeminiSchema(Gemini):
    """Refuses words of JSON Schema that it does not know, in a list."""

    enforces = frozenset({"json_object"})
    thoughts = 0

    def check(self, body: Body) -> None:
        if body.get("response_format", {}).get("type") == "json_schema":
            message = (
                'Invalid JSON payload received. Unknown name "additionalProperties" at '
                "'generation_config.response_schema': Cannot find field."
            )
            raise Refusal(400, [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}])


class ShortAnswers(Dialect):
    """A limit above the model's own is refused."""

    def check(self, body: Body) -> None:
        asked = body.get("max_tokens", 1)
        if asked > 1024:
            message = (
                f"max_tokens is too large: {asked}. This model supports at most 1024 completion tokens, "
                f"whereas you provided {asked}."
            )
            raise error(400, message, param="max_tokens", code="invalid_value")


class ShortThinking(ShortAnswers):
    """The limit counts thinking, too."""

    thoughts = 400

    def thinking(self, thought: int) -> Body:
        return {"reasoning_content": "Хм." if thought else None}


class LoweredAnswers(Dialect):
    """A limit above the endpoint's own is lowered without a word."""

    def answer(self, body: Body) -> Body:
        return super().answer({**body, "max_tokens": min(1500, body["max_tokens"])})


class WithoutStreams(Dialect):
    """A gateway that answers as a whole alone."""

    def check(self, body: Body) -> None:
        if body.get("stream"):
            raise error(400, "Streaming is not supported by this deployment.", param=None, code="unsupported")


class WithoutModels(Dialect):
    """A gateway that knows completions alone, and answers all else with a page."""

    def get(self, _path: str) -> object | None:
        raise Refusal(404, "<html><body>Not Found</body></html>")


class ProseAlone(Dialect):
    """A model that never writes JSON, whatever it is told."""

    enforces = frozenset()

    def say(self, messages: list[Body], wanted: Body) -> str:
        said = super().say(messages, wanted)
        return "Могу рассказать своими словами: гостям понравилось." if said.startswith("{") else said


WORK: dict[str, type[Dialect]] = {
    each.__name__: each
    for each in (
        *(Dialect, OpenAIReasoning, AzureDeployment, DeepSeek, Mistral, TaggedThoughts, UnopenedThoughts, Harmony),
        *(VllmQwen3, SglangR1, AnswerAmongThoughts, OllamaLarge, LmStudio, LlamaCpp, DashScope, OpenRouter, Groq),
        *(Anthropic, Gemini, GeminiSchema, Gemma, ShortAnswers, ShortThinking, LoweredAnswers, WithoutModels),
    )
}
LACK: dict[str, tuple[type[Dialect], str]] = {
    "OpenRouterWithoutFunds": (OpenRouterWithoutFunds, "закончились средства"),
    "ThinksForEver": (ThinksForEver, "рассуждения"),
    "ProseAlone": (ProseAlone, "по схеме"),
    "Ollama": (Ollama, "num_ctx"),
}
"""Dialects that cannot do all that reports need, and words of the sentence that says what is missing."""
