"""A loopback endpoint that speaks one dialect of OpenAI's protocol, over real HTTP.

A dialect is a class of ``dialects``: it refuses, ignores and adds what its endpoint does. What it answers is what the
loopback server answers; the prompt is counted by a vocabulary that is not the one the product counts by.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import bpe_openai

from openai_answers import chat_answer

Body = dict[str, Any]
_TEMPLATE_TOKENS = 4
_PIECE = 3
"""Characters of a streamed piece: tags are torn wherever they can be."""
_ENCODING = bpe_openai.get_encoding("o200k_base")
_PROSE = "Вот что я думаю: запись о заведении, ответ в свободной форме."


class Refusal(Exception):
    """An answer that is no completion: its status and whole body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def error(status: int, message: str, **more: Any) -> Refusal:
    """A refusal of OpenAI's shape."""
    return Refusal(status, {"error": {"message": message, "type": "invalid_request_error", **more}})


def tokens(text: str) -> int:
    return len(_ENCODING.encode_ordinary(text))


def length(messages: list[Body]) -> int:
    """The tokens of a prompt."""
    return sum(tokens(each["content"]) + _TEMPLATE_TOKENS for each in messages)


def begin_of(text: str, limit: int) -> str:
    """As much of the text as ``limit`` tokens hold."""
    return _ENCODING.decode(_ENCODING.encode_ordinary(text)[: max(0, limit)]) or ""


class Dialect:
    """OpenAI's own dialect, of a model that takes everything. The classes of ``dialects`` change what they must."""

    model = "loopback-chat"
    key = "sk-loopback"
    path = "/v1"
    query = ""
    context = 131_072
    thoughts = 0
    """How many tokens the model thinks before it answers."""
    enforces = frozenset({"json_schema", "json_object"})
    """The kinds of ``response_format`` that the endpoint keeps to; others are ignored unless ``check`` refuses them."""

    def __init__(self) -> None:
        self.asked: list[Body] = []
        self.prompts: list[int] = []
        """Tokens of each prompt that the model has read."""
        self.left_out: list[int] = []
        """Tokens of each prompt that it has not."""

    def authorise(self, headers: Mapping[str, str], _query: Mapping[str, list[str]]) -> None:
        if headers.get("authorization") != f"Bearer {self.key}":
            raise error(401, "Incorrect API key provided.", code="invalid_api_key")

    def get(self, path: str) -> object | None:
        """What the endpoint says at ``path`` below its root; None is a 404."""
        return {"object": "list", "data": [self.listed()]} if path == f"{self.path}/models" else None

    def listed(self) -> Body:
        return {"id": self.model, "object": "model", "owned_by": "loopback"}

    def post(self, _path: str, _body: Body) -> object | None:
        """What the endpoint says to other questions than for completions."""
        return None

    def check(self, body: Body) -> None:
        """Raise the refusal of a request that this endpoint does not take."""

    def read(self, messages: list[Body]) -> list[Body]:
        """The messages that the model sees of those that came."""
        if length(messages) > self.context:
            message = f"This model's maximum context length is {self.context} tokens."
            raise error(400, message, code="context_length_exceeded")
        return messages

    def answer(self, body: Body) -> Body:
        self.check(body)
        messages = self.read(body["messages"])
        read = length(messages)
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or self.context
        text = self.say(messages, body.get("response_format") or {})
        thought = min(self.thoughts, limit)
        left = limit - thought
        cut = tokens(text) > left
        text = begin_of(text, left) if cut else text
        self.prompts.append(read)
        self.left_out.append(length(body["messages"]) - read)
        return self.completion(text, thought, read, "length" if cut else "stop")

    def say(self, messages: list[Body], wanted: Body) -> str:
        schema = schema_of(messages, wanted if wanted.get("type") in self.enforces else {})
        said = chat_answer(messages, schema)
        if schema is None and wanted:
            # A model that knows no schema makes up a form of its own.
            return _PROSE
        return said if isinstance(said, str) else self.written_json(said)

    def written_json(self, value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def completion(self, text: str, thought: int, read: int, reason: str) -> Body:
        message = {"role": "assistant", "content": text, **self.thinking(thought)}
        return {
            "id": "chatcmpl-loopback",
            "object": "chat.completion",
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": self.usage(read, tokens(text), thought),
        }

    def chunks(self, made: Body, body: Body) -> Iterator[Body]:
        """The completion in pieces, in the forms that its message has; the tokens last, where they were asked for."""
        if "error" in made:
            yield made
            return
        (choice,), usage = made["choices"], made["usage"]
        head = {"id": made["id"], "object": "chat.completion.chunk", "model": made["model"]}
        message = choice["message"]
        said = {name: message.get(name) for name in ("reasoning_content", "reasoning", "content")}
        for delta in [{"role": "assistant", "content": ""}, *pieces(said)]:
            yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
        if body.get("stream_options", {}).get("include_usage"):
            yield {**head, "choices": [], "usage": usage}

    def thinking(self, _thought: int) -> Body:
        """What a message has of the model's thinking."""
        return {}

    def usage(self, read: int, written: int, thought: int) -> Body:
        return {
            "prompt_tokens": read,
            "completion_tokens": written + thought,
            "total_tokens": read + written + thought,
        }


def schema_of(messages: list[Body], wanted: Body) -> Body | None:
    """The JSON Schema that an answer has to keep to: of ``response_format``, else as text in a message."""
    if wanted.get("type") == "json_schema":
        found: Body = wanted["json_schema"]["schema"]
        return found
    for message in reversed(messages):
        for line in reversed(message["content"].split("\n")):
            if line.startswith("{") and '"type"' in line:
                try:
                    schema: Body = json.loads(line)
                except json.JSONDecodeError:
                    continue
                return schema
    return None


def pieces(message: Body) -> Iterator[Body]:
    """A message in deltas: texts torn within words and tags, each part of a list in a list of its own."""
    for name, said in message.items():
        for part in said if isinstance(said, list) else [said or ""]:
            text = part if isinstance(part, str) else part.get("text") or part["thinking"][0]["text"]
            for place in range(0, len(text), _PIECE):
                torn = text[place : place + _PIECE]
                if isinstance(part, str):
                    yield {name: torn}
                elif part["type"] == "text":
                    yield {name: [{"type": "text", "text": torn}]}
                else:
                    yield {name: [{"type": "thinking", "thinking": [{"type": "text", "text": torn}]}]}


class DialectServer:
    """Serves one dialect in threads of its own, on a free loopback port."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_arguments: object) -> None:
                return None

            def do_GET(self) -> None:
                self._respond(lambda url: dialect.get(url.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))

                def answered(url: Any) -> object | None:
                    if url.path != f"{dialect.path}/chat/completions":
                        return dialect.post(url.path, body)
                    with lock:
                        dialect.asked.append(body)
                        made = dialect.answer(body)
                    return dialect.chunks(made, body) if body.get("stream") else made

                self._respond(answered)

            def _respond(self, answered: Any) -> None:
                url = urlsplit(self.path)
                try:
                    if url.path.startswith(dialect.path):
                        headers = {name.lower(): value for name, value in self.headers.items()}
                        dialect.authorise(headers, parse_qs(url.query))
                    found = answered(url)
                    status, said = (404, {"detail": "Not Found"}) if found is None else (200, found)
                except Refusal as refused:
                    status, said = refused.status, refused.body
                kind = "text/html" if isinstance(said, str) else "application/json"
                if isinstance(said, Iterator):
                    events = [*(json.dumps(each, ensure_ascii=False) for each in said), "[DONE]"]
                    kind, said = "text/event-stream", "".join(f"data: {each}\n\n" for each in events)
                sent = said.encode() if isinstance(said, str) else json.dumps(said, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.dialect.path}{self.dialect.query}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
