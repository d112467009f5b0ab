"""A loopback OpenAI-compatible server: real HTTP, scripted answers, faults in order, every request counted.

In a test::

    async with OpenAIServer() as server:
        server.faults.add(openai_faults.status(429, retry_after="0"))
        ... server.base_url, server.api_key ...
        assert len(server.asked(openai_faults.CHAT)) == 2

As a process, which outlives a product that is killed::

    python tests/openai_server.py --port-file F --requests-log F [--fault '{"kind": "status", "status": 500}']...
"""

import argparse
import asyncio
import json
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Self

import av
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from openai_answers import EMBEDDING_SIZE, SAMPLE_RATE, Messages, Samples, Schema, Transcriber, by_sound, chat_answer
from openai_bodies import (
    completion,
    decode,
    embeddings_body,
    events,
    rerank_body,
    schema_in_prompt,
    spoken,
    verbose,
)
from openai_faults import OF_STREAMS, Fault, Faults, Kind

LARGEST_BATCH = 10
"""Texts to embed at once, as at the strictest provider."""
LONGEST_SPEECH = 4096
LARGEST_UPLOAD = 25 * 1024 * 1024
TEXT_ONLY_MODELS = frozenset(["gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"])

ChatScript = Callable[[Messages, Schema | None], str | object]
"""Messages and the schema asked for, to the answer's text, or to a value that is sent as JSON."""


@dataclass
class Recorded:
    """A request. ``sha256`` is of the decoded sound or of the messages; ``status`` is 0 until it was answered.

    ``came_at`` and ``answered_at`` are of ``time.monotonic``.
    """

    path: str
    sha256: str = ""
    model: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    fault: str = ""
    status: int = 0
    answered_at: float = 0.0
    came_at: float = field(default_factory=monotonic)


class Pauses:
    """Takes the place of sleeping between tries, and notes for how many seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class OpenAIServer:
    """Runs in a thread of its own on a free loopback port."""

    def __init__(
        self,
        *,
        api_key: str = "sk-loopback",
        models: Sequence[str] = ("loopback-chat", "loopback-asr"),
        transcriber: Transcriber = by_sound,
        chat: ChatScript = chat_answer,
        context_tokens: int = 32768,
        requests_log: Path | None = None,
    ) -> None:
        self.api_key = api_key
        self.models = list(models)
        self.transcriber = transcriber
        self.chat = chat
        self.context_tokens = context_tokens
        self.usage = True
        """Whether answers tell how many tokens they took."""
        self.embedding_sizes: dict[str, int] = {}
        """How many numbers the vectors of a model have; of others ``EMBEDDING_SIZE``."""
        self.reranks_texts = False
        """Whether ``/rerank`` is that of text-embeddings-inference, not Cohere's."""
        self.goes_on = threading.Event()
        """While it is cleared, streams stand still in their middle."""
        self.goes_on.set()
        self.piece_s = 0.0
        """How long each piece of a stream takes to be written."""
        self.speech_formats = frozenset(["mp3", "wav"])
        """In which forms text is said; others are refused."""
        self.transcription_fields: dict[str, Any] = {}
        """Put over every transcription; a value of None leaves the field out."""
        self.faults = Faults()
        self.requests: list[Recorded] = []
        self._came = threading.Condition()
        self._log = requests_log
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(128)
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/audio/transcriptions", self._transcriptions, methods=["POST"]),
            Route("/v1/audio/speech", self._speech, methods=["POST"]),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/embeddings", self._embeddings, methods=["POST"]),
            Route("/v1/rerank", self._rerank, methods=["POST"]),
        ]
        self._app = Starlette(routes=routes, exception_handlers={Refused: answer_refused})
        config = uvicorn.Config(
            self._serve_request,
            interface="asgi3",
            log_config=None,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def asked(self, path: str = "") -> list[Recorded]:
        """The requests to addresses that end with ``path``, in order, those that went wrong too."""
        return [request for request in self.requests if request.path.endswith(path)]

    async def until_asked(self, path: str, count: int) -> None:
        """Wait until so many requests have come."""
        await asyncio.to_thread(self._wait, path, count)

    def _wait(self, path: str, count: int) -> None:
        with self._came:
            if not self._came.wait_for(lambda: len(self.asked(path)) >= count, timeout=30):
                raise TimeoutError(f"{len(self.asked(path))} of {count} requests came to {path}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await asyncio.to_thread(self.stop)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record, go wrong when asked to, else answer."""
        recorded = Recorded(path=scope["path"])
        scope["state"] = {"recorded": recorded}
        with self._came:
            self.requests.append(recorded)
            self._came.notify_all()
        fault = self.faults.take(scope["path"])
        recorded.fault = fault.kind if fault else ""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                recorded.status, recorded.answered_at = message["status"], monotonic()
                self._write_log(recorded)
            await send(message)

        if fault is None:
            await self._app(scope, receive, sending)
        else:
            await self._go_wrong(fault, scope, receive, sending)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        cycle: Any = getattr(receive, "__self__", None)
        if fault.kind not in {Kind.SLOW, Kind.TRUNCATED_BODY, *OF_STREAMS}:
            await record_body(Request(scope, receive), scope["state"]["recorded"])
        if fault.kind == Kind.RESET:
            cycle.transport.abort()
        elif fault.kind == Kind.HANG:
            while (await receive())["type"] != "http.disconnect":
                pass
        elif fault.kind == Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == Kind.TRUNCATED_BODY:
            await self._app(scope, receive, _Halved(send, cycle.transport))
        elif fault.kind in OF_STREAMS:
            scope["state"] |= {"fault": fault.kind, "transport": cycle.transport}
            await self._app(scope, receive, send)
        elif fault.kind == Kind.INVALID_JSON:
            await Response('{"choices": [', media_type="application/json")(scope, receive, send)
        elif fault.kind == Kind.BODY:
            await JSONResponse(fault.body)(scope, receive, send)
        else:
            await JSONResponse(fault.body, fault.status, dict(fault.headers))(scope, receive, send)

    def _write_log(self, recorded: Recorded) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(recorded), ensure_ascii=False) + "\n")

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if given != f"Bearer {self.api_key}":
            raise Refused(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}.", "invalid_api_key")

    async def _models(self, request: Request) -> Response:
        self._check_key(request)
        listed = [
            {"id": model, "object": "model", "created": 0, "owned_by": "loopback", "max_model_len": self.context_tokens}
            for model in self.models
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def _transcriptions(self, request: Request) -> Response:
        self._check_key(request)
        recorded: Recorded = request.state.recorded
        samples = await read_upload(request, recorded)
        answer_format = recorded.body.get("response_format", "json")
        if recorded.model in TEXT_ONLY_MODELS and answer_format not in {"json", "text"}:
            message = f"response_format '{answer_format}' is not compatible with model '{recorded.model}'."
            raise Refused(400, message, "unsupported_value", "response_format")
        heard = await run_in_threadpool(self.transcriber, samples, recorded.body.get("language"))
        body = {"text": " ".join(line.text for line in heard)}
        if answer_format == "text":
            return PlainTextResponse(body["text"])
        if answer_format != "json":
            asked = recorded.body
            body |= verbose(heard, asked.get("language", ""), asked["timestamp_granularities"], recorded.seconds)
        body |= self.transcription_fields
        return JSONResponse({name: value for name, value in body.items() if value is not None})

    async def _speech(self, request: Request) -> Response:
        """Say a text as a tone: 10 ms for each character."""
        self._check_key(request)
        body = await request.json()
        record_json(body, request.state.recorded)
        if not body["input"] or len(body["input"]) > LONGEST_SPEECH:
            raise Refused(400, f"String should have at most {LONGEST_SPEECH} characters", "string_too_long", "input")
        if body["response_format"] not in self.speech_formats:
            raise Refused(400, "response_format is not supported", "unsupported_value", "response_format")
        sound = await run_in_threadpool(spoken, len(body["input"]) * 0.01, body["response_format"])
        return Response(sound, media_type=f"audio/{body['response_format']}")

    async def _chat(self, request: Request) -> Response:
        self._check_key(request)
        body = await request.json()
        messages = body["messages"]
        record_json(body, request.state.recorded)
        wanted = body.get("response_format", {})
        schema = wanted.get("json_schema", {}).get("schema")
        if schema is None and wanted.get("type") == "json_object":
            schema = schema_in_prompt(messages)
        answer = await run_in_threadpool(self.chat, messages, schema)
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        fault = getattr(request.state, "fault", "")
        if body.get("stream") and fault != Kind.NO_STREAM:
            sent = self._sent(events(text, body, usage=self.usage), request, fault)
            return StreamingResponse(sent, media_type="text/event-stream")
        return JSONResponse(completion(text, body, usage=self.usage))

    async def _sent(self, told: Sequence[str], request: Request, fault: str) -> AsyncIterator[str]:
        """The events of a stream, with a pause in the middle, or whatever goes wrong there."""
        middle = len(told) // 2
        for place, event in enumerate(told):
            if place == middle:
                await asyncio.to_thread(self.goes_on.wait)
                if fault == Kind.STREAM_ENDS:
                    return
                if fault == Kind.STREAM_CUT:
                    request.state.transport.abort()
                if fault == Kind.STREAM_ERROR:
                    yield 'data: {"error": {"message": "The server had an error", "type": "server_error"}}\n\n'
                if fault == Kind.STREAM_HANGS:
                    while not await request.is_disconnected():  # noqa: ASYNC110  # starlette has no event of it
                        await asyncio.sleep(0.01)
            await asyncio.sleep(self.piece_s)
            yield event

    async def _embeddings(self, request: Request) -> Response:
        self._check_key(request)
        body = await request.json()
        record_json(body, request.state.recorded)
        inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not inputs or not all(isinstance(text, str) and text for text in inputs):
            raise Refused(400, "'$.input' is invalid.", "invalid_input", "input")
        if len(inputs) > LARGEST_BATCH:
            raise Refused(400, f"batch size is invalid, it should not be larger than {LARGEST_BATCH}.", "invalid_input")
        return JSONResponse(embeddings_body(inputs, body, self.embedding_sizes.get(body["model"], EMBEDDING_SIZE)))

    async def _rerank(self, request: Request) -> Response:
        self._check_key(request)
        body = await request.json()
        record_json(body, request.state.recorded)
        if self.reranks_texts and "texts" not in body:
            told = "Failed to deserialize the JSON body into the target type: missing field `texts` at line 1 column 9"
            return PlainTextResponse(told, 422)
        if not self.reranks_texts and "documents" not in body:
            raise Refused(400, "invalid request: documents is required", "invalid_input", "documents")
        return JSONResponse(rerank_body(body))


class _Halved:
    """Sends half of the first piece of a body, then cuts the connection."""

    def __init__(self, send: Send, transport: asyncio.Transport) -> None:
        self._send = send
        self._transport = transport

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message["body"]
            await self._send({**message, "body": body[: len(body) // 2], "more_body": True})
            self._transport.close()
        else:
            await self._send(message)


class Refused(Exception):
    """An error answer of OpenAI's shape."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "type": "invalid_request_error", "code": code, "param": param}


async def answer_refused(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refused)
    return JSONResponse({"error": exc.body}, exc.status)


async def record_body(request: Request, recorded: Recorded) -> None:
    """What a request asked that is not going to be answered."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        await read_upload(request, recorded)
    elif kind.startswith("application/json"):
        record_json(await request.json(), recorded)


def record_json(body: dict[str, Any], recorded: Recorded) -> None:
    asked = next(body[key] for key in ("messages", "input", "query") if key in body)
    recorded.sha256 = sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()
    recorded.model = body.get("model", "")
    recorded.body = body


async def read_upload(request: Request, recorded: Recorded) -> Samples:
    """The sound of a transcription request; its other fields go to ``recorded``."""
    async with request.form() as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused(400, "Missing file.", "missing_file")
        audio = await file.read()
        fields: dict[str, Any] = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        fields["timestamp_granularities"] = form.getlist("timestamp_granularities[]")
    if len(audio) > LARGEST_UPLOAD:
        raise Refused(413, "Maximum content size limit (26214400) exceeded.", "too_large")
    try:
        samples = await run_in_threadpool(decode, audio)
    except (av.FFmpegError, ValueError) as exc:
        raise Refused(400, "Invalid file format.", "invalid_file") from exc
    recorded.sha256 = sha256((samples * 32767).astype("<i2").tobytes()).hexdigest()
    recorded.seconds = len(samples) / SAMPLE_RATE
    recorded.model = fields.get("model", "")
    recorded.body = {**fields, "bytes": len(audio)}
    return samples


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--requests-log", type=Path, required=True)
    parser.add_argument("--api-key", default="sk-loopback")
    parser.add_argument("--fault", action="append", default=[], help="JSON of a Fault")
    arguments = parser.parse_args()
    server = OpenAIServer(api_key=arguments.api_key, requests_log=arguments.requests_log)
    server.faults.add(*(Fault(**json.loads(text)) for text in arguments.fault))
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.start()
    ready = arguments.port_file.with_suffix(".tmp")
    ready.write_text(str(server.port))
    ready.rename(arguments.port_file)
    signal.pause()


if __name__ == "__main__":
    main()
