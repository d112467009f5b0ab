"""Asks an OpenAI-compatible endpoint whether it answers and accepts the key, by a question that is not billed."""

import asyncio
from time import monotonic
from urllib.parse import urlsplit

import httpx2

from errors import ProviderError, ProviderRateLimited, ProviderRefusedKey, ProviderUnavailable
from provider_calls.address import address_of
from provider_calls.policy import retry_after_s
from provider_calls.proxies import bad_proxies_named

_LIMIT_S = 4.0
_LISTED_EVERY_S = 3600.0
_LISTED_AGAIN_S = 30.0
"""Seconds until the models are listed again after that has failed."""
_REFUSED = frozenset({401, 403})
_OVERLOADED = frozenset({408, 425})
_TELLS_NOTHING = frozenset({400, 404, 405, 501})
"""Answers of servers that do not know HEAD: they may not have looked at the key."""


class EndpointProbe:
    """Asks for the headers of the list of models, a few hundred bytes.

    The list itself, hundreds of kilobytes at some providers, is fetched only where the headers tell nothing: once an
    hour, or every half a minute while that fails.
    """

    def __init__(self, base_url: str, api_key: str, provider: str) -> None:
        """Prepare the probe; nothing is sent. ``provider`` names the endpoint in errors."""
        self._address = address_of(base_url, api_key or "none")
        self._provider = provider
        self._client: httpx2.AsyncClient | None = None
        self._listed_at = -_LISTED_EVERY_S
        self._listing_error: ProviderError | None = None

    async def ask(self) -> None:
        """Ask once, for four seconds at most.

        Raises:
            ProviderUnavailable: no answer, or a server error.
            ProviderRefusedKey: the key is not accepted.
            ProviderRateLimited: there were too many calls.
        """
        status = await self._asked("HEAD")
        if status not in _TELLS_NOTHING:
            self._listing_error = None
            return
        pause = _LISTED_AGAIN_S if self._listing_error else _LISTED_EVERY_S
        if monotonic() - self._listed_at >= pause:
            self._listed_at, self._listing_error = monotonic(), None
            try:
                await self._asked("GET")
            except ProviderError as exc:
                self._listing_error = exc
        if self._listing_error is not None:
            raise self._listing_error

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()

    async def _asked(self, method: str) -> int:
        if self._client is None:
            # In a thread: reading the certificates takes 0.1 s.
            self._client = await asyncio.to_thread(self._made)
        try:
            async with (
                asyncio.timeout(_LIMIT_S),
                self._client.stream(method, f"{self._address.url}/models") as response,
            ):
                status = response.status_code
                wait_s = retry_after_s(response.headers.get("retry-after"))
        except TimeoutError as exc:
            raise ProviderUnavailable(provider=self._provider, reason="timeout") from exc
        except (httpx2.RequestError, httpx2.InvalidURL) as exc:
            raise ProviderUnavailable(provider=self._provider, reason=type(exc).__name__) from exc
        if status in _REFUSED:
            raise ProviderRefusedKey(provider=self._provider)
        if status == httpx2.codes.TOO_MANY_REQUESTS:
            raise ProviderRateLimited(provider=self._provider, retry_after_s=wait_s)
        if status in _OVERLOADED or (status >= 500 and status not in _TELLS_NOTHING):
            raise ProviderUnavailable(provider=self._provider, reason=f"HTTP {status}")
        return status

    def _made(self) -> httpx2.AsyncClient:
        # As in ``provider_calls.openai``: an endpoint on this machine is never behind a proxy.
        loopback = urlsplit(self._address.url).hostname in {"localhost", "127.0.0.1", "::1"}
        with bad_proxies_named():
            return httpx2.AsyncClient(
                trust_env=not loopback,
                timeout=_LIMIT_S,
                headers=self._address.headers,
                params=self._address.query,
                # A connection that stays open would not show that no new one can be made.
                limits=httpx2.Limits(max_connections=2, max_keepalive_connections=0),
            )
