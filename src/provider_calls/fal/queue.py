"""The service's queue: uploads, orders that are sent once, looks at how they are, results, and what can be erased."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

import anyio
import httpx2

import texts.errors
from errors import (
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from errors_of_operation import ImageOrderFailed, ImageOrderUncertain
from provider_calls.policy import ProviderCalls, retry_after_s
from provider_calls.proxies import bad_proxies_named
from system.shortages import shortage_in

T = TypeVar("T")

NAME = "fal"
_CONCURRENCY = 4
_CONNECT_S = 10.0
_CALL_S = 60.0
_QUESTION_S = 10.0
"""The limit of a call that asks how an order is, or ends one: it is made again anyway, and holds a place meanwhile."""
_TRANSFER_S = 1800.0
_BLOCK_BYTES = 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422})
"""The answers by which the service has certainly not taken an order. 429 is none of them: its queue takes what is over
a limit, and tries it by itself, as it does after 503 and 504."""
_UNKNOWN_ORDER = 404
_LIFETIME = "X-Fal-Object-Lifecycle-Preference"


class Addresses(NamedTuple):
    """Where the service is. ``hosts`` are those of the queue that an answer may name, with their ports if any."""

    queue: str = "https://queue.fal.run"
    hosts: frozenset[str] = frozenset({"queue.fal.run", "queue.falrun.com"})
    rest: str = "https://rest.fal.ai"
    platform: str = "https://api.fal.ai/v1"

    @classmethod
    def of_double(cls, url: str) -> "Addresses":
        """Return the addresses of a double that has everything at ``url``."""
        return cls(url, frozenset({urlsplit(url).netloc}), url, f"{url}/v1")

    @property
    def keys(self) -> str:
        return f"{self.rest}/.well-known/jwks.json"


class Sent(NamedTuple):
    """An order that the service has taken."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


class Look(NamedTuple):
    """How an order is: ``is_over``, ``is_begun`` while it waits no more.

    ``failure`` is the service's word for why it failed, "" if it did not.
    """

    is_over: bool
    is_begun: bool
    failure: str = ""


class ImageQueue:
    """The queue at ``addresses``; ``webhook`` is the address at which it may tell that an order is over.

    Raises, in every method:
        ProviderUnavailable, ProviderRateLimited, ProviderInvalidAnswer: trying again helps.
        ProviderRefusedKey, ProviderRejectedRequest: it does not.
    """

    def __init__(
        self,
        key: str,
        addresses: Addresses | None = None,
        webhook: str | None = None,
        *,
        calls: ProviderCalls | None = None,
        timeout_s: float = _CALL_S,
    ) -> None:
        self.addresses = addresses or Addresses()
        self._webhook = webhook
        self._is_local = urlsplit(self.addresses.queue).scheme == "http"
        self._key = {"Authorization": f"Key {key}"}
        self._calls = calls or ProviderCalls(NAME, _CONCURRENCY, _TRANSFER_S)
        with bad_proxies_named():
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)), trust_env=not self._is_local
            )

    async def close(self) -> None:
        await self._client.aclose()

    async def upload(self, path: Path, name: str, content_type: str, lifetime_s: int) -> str:
        """Upload a file; return its address, at which anybody who knows it can fetch it for ``lifetime_s``."""
        started = await self._asked(
            "POST",
            f"{self.addresses.rest}/storage/upload/initiate?storage_type=fal-cdn-v3",
            json={"content_type": content_type, "file_name": name},
            headers={**self._key, **_expiring(lifetime_s)},
        )
        target, address = self._foreign(started.get("upload_url")), self._foreign(started.get("file_url"))

        async def put() -> None:
            size = (await anyio.Path(path).stat()).st_size
            headers = {"Content-Type": content_type, "Content-Length": str(size)}
            _check(await self._answered("PUT", target, content=_blocks(path), headers=headers))

        await self._calls.run(put)
        return address

    async def submit(self, application: str, body: dict[str, Any], lifetime_s: int) -> Sent:
        """Send an order, once: what failed so that it may have been taken is ``ImageOrderUncertain``.

        What is painted or trained stays at the service for ``lifetime_s``; what was sent is in no history of its own.

        Raises:
            ImageOrderUncertain: nobody knows whether the order was taken; sending it again may be paid twice.
        """
        query = f"?{urlencode({'fal_webhook': self._webhook})}" if self._webhook else ""
        headers = {**self._key, **_expiring(lifetime_s), "X-Fal-Store-IO": "0"}
        try:
            response = await self._client.post(
                f"{self.addresses.queue}/{application}{query}", json=body, headers=headers
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as exc:
            raise shortage_in(exc) or _unavailable(exc) from exc
        except httpx2.RequestError as exc:
            raise ImageOrderUncertain(provider=NAME, reason=type(exc).__name__) from exc
        if not response.is_success and response.status_code not in _REFUSALS:
            raise ImageOrderUncertain(provider=NAME, reason=f"HTTP {response.status_code}")
        _check(response)
        try:
            answer = _object(response)
        except ProviderInvalidAnswer as exc:
            raise ImageOrderUncertain(provider=NAME, reason="no JSON") from exc
        return self._sent(application, answer)

    async def look(self, order: Sent) -> Look:
        """Ask how an order is; what is said of another one is ``ProviderRejectedRequest``, here and in ``result``."""
        answer = _of(order, await self._asked("GET", order.status_url, headers=self._key, timeout=_QUESTION_S))
        status, failure = answer.get("status"), answer.get("error")
        if status not in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}:
            raise ProviderInvalidAnswer(provider=NAME, reason="unknown status")
        told = str(answer.get("error_type") or "error") if failure else ""
        return Look(status == "COMPLETED", status != "IN_QUEUE", told)

    async def result(self, order: Sent) -> dict[str, Any]:
        """Return the output of an order that is over.

        Raises:
            ImageOrderFailed: it has none: the order failed.
        """
        try:
            answer = await self._asked("GET", order.response_url, headers=self._key)
        except ProviderRejectedRequest as exc:
            if exc.details.get("status") == _UNKNOWN_ORDER:
                raise
            raise ImageOrderFailed(provider=NAME, reason=texts.errors.REASON_NO_RESULT) from exc
        return _of(order, answer)

    async def cancel(self, order: Sent) -> bool:
        """Ask for an order to end; False when it is over already, or goes on."""
        try:
            _of(order, await self._asked("PUT", order.cancel_url, headers=self._key, timeout=_QUESTION_S))
        except ProviderRejectedRequest:
            return False
        return True

    async def fetch(self, address: object, path: Path, most_bytes: int) -> None:
        """Write the file at an address that an output names to ``path``.

        Raises:
            ProviderInvalidAnswer: no address, or the file is empty or has more than ``most_bytes``.
            OSError: the file cannot be written.
        """
        url = self._foreign(address)

        async def fetch() -> None:
            done = 0
            async with await anyio.open_file(path, "wb") as file:
                async for block in self._received(url):
                    done += len(block)
                    if done > most_bytes:
                        raise ProviderInvalidAnswer(provider=NAME, reason=f"more than {most_bytes} bytes")
                    await file.write(block)
            if not done:
                raise ProviderInvalidAnswer(provider=NAME, reason="an empty file")

        await self._calls.run(fetch)

    async def erase(self, request_id: str) -> None:
        """Delete what the service keeps of an order: its input and output, and the files of its output.

        Raises:
            ProviderRefusedKey: it does that for administrators' keys only.
        """
        url = f"{self.addresses.platform}/models/requests/{request_id}/payloads"
        await self._asked("DELETE", url, headers=self._key)

    async def check(self) -> None:
        """Raise what a call would meet now; costs nothing."""
        url = f"{self.addresses.queue}/fal-ai/flux-lora/requests/00000000-0000-0000-0000-000000000000/status"
        try:
            await self._asked("GET", url, headers=self._key)
        except ProviderRejectedRequest:
            return

    async def _asked(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            response = await self._answered(method, url, **options)
            _check(response)
            return _object(response)

        return await self._calls.run(ask)

    async def _answered(self, method: str, url: str, **options: Any) -> httpx2.Response:
        return await _mapped(lambda: self._client.request(method, url, **options))

    async def _received(self, url: str) -> AsyncIterator[bytes]:
        try:
            async with self._client.stream("GET", url, follow_redirects=True) as response:
                _check(response)
                async for block in response.aiter_bytes(_BLOCK_BYTES):
                    yield block
        except httpx2.RequestError as exc:
            raise shortage_in(exc) or _unavailable(exc) from exc

    def _sent(self, application: str, answer: dict[str, Any]) -> Sent:
        request_id = answer.get("request_id")
        if not isinstance(request_id, str) or not _ID.fullmatch(request_id):
            raise ImageOrderUncertain(provider=NAME, reason="no id")
        owner, name = application.split("/")[:2]
        base = f"{self.addresses.queue}/{owner}/{name}/requests/{request_id}"
        return Sent(
            request_id,
            self._of_queue(answer.get("status_url"), f"{base}/status"),
            self._of_queue(answer.get("response_url"), base),
            self._of_queue(answer.get("cancel_url"), f"{base}/cancel"),
        )

    def _of_queue(self, address: object, known: str) -> str:
        """Return an address of an answer if our key may go there, else the one where it is by the contract."""
        parts = urlsplit(address) if isinstance(address, str) else None
        if parts is None or parts.netloc not in self.addresses.hosts:
            return known
        return str(address) if parts.scheme == urlsplit(self.addresses.queue).scheme else known

    def _foreign(self, address: object) -> str:
        """Return the address of a file, to which our key does not go."""
        scheme = "http" if self._is_local else "https"
        if not isinstance(address, str) or not urlsplit(address).hostname or urlsplit(address).scheme != scheme:
            raise ProviderInvalidAnswer(provider=NAME, reason="no address of a file")
        return address


async def _mapped(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except httpx2.RequestError as exc:
        raise shortage_in(exc) or _unavailable(exc) from exc


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while block := await file.read(_BLOCK_BYTES):
            yield block


def _expiring(lifetime_s: int) -> dict[str, str]:
    return {_LIFETIME: json.dumps({"expiration_duration_seconds": lifetime_s})}


def _unavailable(exc: Exception) -> ProviderUnavailable:
    return ProviderUnavailable(provider=NAME, reason=type(exc).__name__)


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as exc:
        raise ProviderInvalidAnswer(provider=NAME, reason="the body is no JSON") from exc
    if not isinstance(answer, dict):
        raise ProviderInvalidAnswer(provider=NAME, reason="the body is no object")
    return answer


def _of(order: Sent, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer about ``order``, which names no other one."""
    if answer.get("request_id") not in (None, order.request_id):
        raise ProviderRejectedRequest(provider=NAME, reason="the answer is about another order")
    return answer


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    retry_after = retry_after_s(response.headers.get("retry-after"))
    if status == 402 or (status == 403 and response.is_closed and "balance" in response.text.lower()):
        raise ProviderRejectedRequest(provider=NAME, reason=texts.errors.REASON_NO_FUNDS)
    if status in {401, 403}:
        raise ProviderRefusedKey(provider=NAME)
    if status == 429:
        raise ProviderRateLimited(provider=NAME, retry_after_s=retry_after)
    if status == 408 or status >= 500:
        raise ProviderUnavailable(provider=NAME, reason=f"HTTP {status}", retry_after_s=retry_after)
    raise ProviderRejectedRequest(provider=NAME, reason=texts.errors.REASON_HTTP.format(status=status), status=status)
