"""The dialects of servers that people run themselves: vLLM, SGLang, Ollama, LM Studio, llama.cpp."""

from itertools import pairwise

from dialect_server import Body, Dialect, Refusal, length, tokens

ORDINARY_THOUGHT = 700
"""Tokens of an ordinary train of thought: more than a card or roles may take, fewer than thinking gets."""


class TaggedThoughts(Dialect):
    """Thoughts in the text, in the tags of Magistral."""

    thoughts = ORDINARY_THOUGHT
    begin, end = "[THINK]", "[/THINK]"

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        # When the thoughts take all there is, their end does not come.
        said = f'{self.begin}Думаю: {{"roles": []}} не подходит.{self.end + text if text else ""}'
        made = super().completion(said, thought, read, reason)
        made["usage"] = self.usage(read, tokens(text), thought)
        return made


class UnopenedThoughts(TaggedThoughts):
    """R1 in vLLM: the template has the opening tag, the answer only the closing one."""

    model = "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B"
    begin, end = "", "</think>\n\n"


class Harmony(TaggedThoughts):
    """gpt-oss behind a server that knows nothing of its channels."""

    model = "openai/gpt-oss-20b"
    begin = "<|channel|>analysis<|message|>"
    end = "<|end|><|start|>assistant<|channel|>final<|message|>"


class VllmQwen3(Dialect):
    """Thoughts in a field of their own; prompt and limit have to fit into the context that ``/models`` tells."""

    model = "Qwen/Qwen3-32B"
    thoughts = ORDINARY_THOUGHT
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


class RefusesLong(VllmQwen3):
    """The context is told in refusals alone."""

    def listed(self) -> Body:
        return {"id": self.model, "object": "model"}


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
        own = "" if self.context == Ollama.context else f"\nnum_ctx {self.context}"
        return {"parameters": f"temperature 0.6\ntop_k 20{own}", "model_info": {"qwen3.context_length": 40_960}}

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


class ThinksForEver(VllmQwen3):
    """Whatever room it gets goes into thoughts."""

    thoughts = 1_000_000
