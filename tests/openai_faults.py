"""What the loopback OpenAI-compatible server does wrong on demand."""

import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

CHAT = "/chat/completions"
TRANSCRIPTIONS = "/audio/transcriptions"
MODELS = "/models"
EMBEDDINGS = "/embeddings"
RERANK = "/rerank"
SPEECH = "/audio/speech"


class Kind(StrEnum):
    STATUS = "status"
    """An error status with ``body`` and ``headers``."""
    HANG = "hang"
    """No answer until the client goes away."""
    SLOW = "slow"
    """The right answer after ``seconds``."""
    RESET = "reset"
    """The connection is cut before an answer."""
    INVALID_JSON = "invalid_json"
    """200 with a body that is no JSON."""
    BODY = "body"
    """200 with ``body`` in place of the right answer."""
    TRUNCATED_BODY = "truncated_body"
    """The connection is cut in the middle of the right answer."""
    NO_STREAM = "no_stream"
    """The right answer as one document, although a stream was asked for."""
    STREAM_CUT = "stream_cut"
    """The connection is cut in the middle of a stream."""
    STREAM_ENDS = "stream_ends"
    """A stream ends in its middle, as if that were all."""
    STREAM_ERROR = "stream_error"
    """An event in the middle of a stream says that something went wrong."""
    STREAM_HANGS = "stream_hangs"
    """A stream stands still in its middle until the client goes away."""


OF_STREAMS = frozenset([Kind.NO_STREAM, Kind.STREAM_CUT, Kind.STREAM_ENDS, Kind.STREAM_ERROR, Kind.STREAM_HANGS])


@dataclass(frozen=True)
class Fault:
    """``times`` requests to ``path`` (to any when empty) go wrong so."""

    kind: Kind
    path: str = ""
    times: int = 1
    status: int = 500
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


def status(code: int, /, *, path: str = "", times: int = 1, retry_after: str | None = None, **error: Any) -> Fault:
    """An error of OpenAI's shape: ``message``, ``code``, ``type``, ``param``."""
    headers = (("retry-after", retry_after),) if retry_after is not None else ()
    body = {"error": {"message": f"status {code}", **error}}
    return Fault(Kind.STATUS, path=path, times=times, status=code, body=body, headers=headers)


def context_length(*, path: str = CHAT, times: int = 1) -> Fault:
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    return status(
        400, path=path, times=times, message=message, type="invalid_request_error", code="context_length_exceeded"
    )


def unsupported(param: str, *, path: str = CHAT, times: int = 1, message: str | None = None) -> Fault:
    """A parameter that the model does not take."""
    message = message or f"Unsupported parameter: '{param}' is not supported with this model."
    return status(400, path=path, times=times, message=message, param=param, code="unsupported_parameter")


class Faults:
    """Faults in the order they were added; a request takes the first that is for it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if path.endswith(fault.path):
                    if fault.times > 1:
                        self._waiting[index] = replace(fault, times=fault.times - 1)
                    else:
                        del self._waiting[index]
                    return fault
        return None
