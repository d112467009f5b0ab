"""The dialects of OpenAI's protocol: one class for each way in which an endpoint differs, with its real refusals."""

import json
from collections.abc import Mapping
from itertools import pairwise

from dialect_server import Body, Dialect, Refusal, error, length, tokens

_LONG = 700
"""Tokens of an ordinary train of thought: more than a card or roles may take, fewer than thinking gets."""


class OpenAIReasoning(Dialect):
    """The class of gpt-5: no ``max_tokens``, no temperature, thoughts that are billed and not shown."""

    model = "gpt-6-luna"
    thoughts = _LONG

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
    thoughts = _LONG
    known = frozenset({"model", "messages", "max_tokens", "temperature", "response_format", "random_seed", "stop"})

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


class TaggedThoughts(Dialect):
    """Thoughts in the text, in the tags of Magistral."""

    thoughts = _LONG
    begin, end = "[THINK]", "[/THINK]"

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        # When the thoughts take all there is, their end does not come.
        said = f'{self.begin}Думаю: {{"roles": []}} не подходит.{self.end + text if text else ""}'
        made = super().completion(said, thought, read, reason)
        made["usage"] = self.usage(read, tokens(text), thought)
        return made


class UnopenedThoughts(TaggedThoughts):
    """R1 in vLLM: the template has the opening tag, the answer only the closing one."""

    begin, end = "", "</think>\n\n"


class Harmony(TaggedThoughts):
    """gpt-oss behind a server that knows nothing of its channels."""

    model = "openai/gpt-oss-20b"
    begin = "<|channel|>analysis<|message|>"
    end = "<|end|><|start|>assistant<|channel|>final<|message|>"


class VllmQwen3(Dialect):
    """Thoughts in a field of their own; prompt and limit have to fit into the context that ``/models`` tells."""

    model = "Qwen/Qwen3-32B"
    thoughts = _LONG
    field = "reasoning_content"

    def listed(self) -> Body:
        return {**super().listed(), "max_model_len": self.context}

    def check(self, body: Body) -> None:
        asked = length(body["messages"])
        if asked + body["max_tokens"] > self.context:
            message = (
                f"'max_tokens' or 'max_completion_tokens' is too large: {body['max_tokens']}. This model's maximum "
                f"context length is {self.context} tokens and your request has {asked} input tokens "
                f"({body['max_tokens']} > {self.context} - {asked})."
            )
            raise Refusal(400, {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}})

    def thinking(self, thought: int) -> Body:
        return {self.field: "Пользователь просит оценить запись." if thought else None}


class SglangR1(VllmQwen3):
    """Content is null while there are thoughts alone; thinking is counted apart."""

    model = "deepseek-ai/DeepSeek-R1"

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        made = super().completion(text, thought, read, reason)
        made["choices"][0]["message"]["content"] = text or None
        made["usage"]["reasoning_tokens"] = thought
        return made


class AnswerAmongThoughts(VllmQwen3):
    """A server whose parser takes structured answers for thoughts: the text is empty."""

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        made = super().completion(text, thought, read, reason)
        if text.startswith("{") and reason == "stop":
            made["choices"][0]["message"].update(content=None, reasoning_content=text)
        return made


class Ollama(Dialect):
    """The context is 4,096 unless somebody said more, and what does not fit is left out without a word."""

    model = "qwen3:8b"
    thoughts = 300
    context = 4096
    loaded = False

    def thinking(self, thought: int) -> Body:
        return {"reasoning": "Хм, посмотрим." if thought else ""}

    def post(self, path: str, _body: Body) -> object | None:
        if path != "/api/show":
            return None
        return {"parameters": "temperature 0.6\ntop_k 20", "model_info": {"qwen3.context_length": 40_960}}

    def get(self, path: str) -> object | None:
        if path == "/api/ps":
            running = {"name": self.model, "context_length": self.context}
            return {"models": [running] if self.loaded else []}
        return super().get(path)

    def read(self, messages: list[Body]) -> list[Body]:
        self.loaded = True
        kept = list(messages)
        while length(kept) > self.context and len(kept) > 1:
            # The system message and the last one stay.
            del kept[1 if kept[0]["role"] == "system" and len(kept) > 2 else 0]
        return kept


class OllamaBehindGateway(Ollama):
    """Nobody tells the context."""

    thoughts = 0

    def post(self, _path: str, _body: Body) -> object | None:
        return None

    def get(self, path: str) -> object | None:
        return None if path == "/api/ps" else super().get(path)


class OllamaLarge(Ollama):
    """With ``num_ctx`` in the model's own parameters."""

    context = 32_768

    def post(self, path: str, body: Body) -> object | None:
        shown = super().post(path, body)
        return {**shown, "parameters": "num_ctx 32768"} if isinstance(shown, dict) else None


class LmStudio(VllmQwen3):
    """No ``json_object``; the context is told at an address of its own."""

    model = "qwen/qwen3-8b"
    context = 16_384

    def listed(self) -> Body:
        return {"id": self.model, "object": "model"}

    def get(self, path: str) -> object | None:
        if path == f"/api/v0/models/{self.model}":
            return {"id": self.model, "max_context_length": 40_960, "loaded_context_length": self.context}
        return super().get(path)

    def check(self, body: Body) -> None:
        super().check(body)
        if body.get("response_format", {}).get("type") not in {None, "json_schema", "text"}:
            raise Refusal(400, {"error": "'response_format.type' must be 'json_schema' or 'text'"})


class LlamaCpp(Dialect):
    """Tells its context in ``/props``; its template's complaint is an error of the server."""

    context = 8192

    def get(self, path: str) -> object | None:
        if path == "/props":
            return {"default_generation_settings": {"n_ctx": self.context}}
        return super().get(path)

    def check(self, body: Body) -> None:
        roles = [each["role"] for each in body["messages"] if each["role"] != "system"]
        if any(first == second for first, second in pairwise(roles)):
            message = "Jinja Exception: After the optional system message, conversation roles must alternate"
            raise Refusal(500, {"error": {"code": 500, "message": message, "type": "server_error"}})


class DashScope(Dialect):
    """A thinking model thinks in streams alone; elsewhere it has to be told not to."""

    model = "qwen3-32b"

    def check(self, body: Body) -> None:
        if body.get("enable_thinking") is not False:
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
    thoughts = _LONG

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


class Gemma(VllmQwen3):
    """A template without a system role, whose roles alternate."""

    model = "google/gemma-2-9b-it"
    thoughts = 0
    context = 8192

    def check(self, body: Body) -> None:
        roles = [each["role"] for each in body["messages"]]
        message = "System role not supported" if "system" in roles else ""
        if not message and any(role != ("user", "assistant")[place % 2] for place, role in enumerate(roles)):
            message = "Conversation roles must alternate user/assistant/user/assistant/..."
        if message:
            raise Refusal(400, {"object": "error", "message": message, "type": "BadRequestError", "code": 400})
        super().check(body)


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


class LoweredAnswers(Dialect):
    """A limit above the endpoint's own is lowered without a word."""

    def answer(self, body: Body) -> Body:
        return super().answer({**body, "max_tokens": min(1500, body["max_tokens"])})


class WithoutModels(Dialect):
    """A gateway that knows completions alone, and answers all else with a page."""

    def get(self, _path: str) -> object | None:
        raise Refusal(404, "<html><body>Not Found</body></html>")


class ThinksForEver(VllmQwen3):
    """Whatever room it gets goes into thoughts."""

    thoughts = 1_000_000


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
        *(Anthropic, Gemini, GeminiSchema, Gemma, ShortAnswers, LoweredAnswers, WithoutModels),
    )
}
LACK: dict[str, tuple[type[Dialect], str]] = {
    "OpenRouterWithoutFunds": (OpenRouterWithoutFunds, "закончились средства"),
    "ThinksForEver": (ThinksForEver, "рассуждения"),
    "ProseAlone": (ProseAlone, "по схеме"),
    "Ollama": (Ollama, "num_ctx"),
}
"""Dialects that cannot do all that reports need, and words of the sentence that says what is missing."""
