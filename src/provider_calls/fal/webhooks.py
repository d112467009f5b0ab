"""Whether a webhook is the service's: its signature, by the keys that the service publishes."""

import asyncio
import base64
import binascii
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from time import monotonic, time
from typing import Any, NamedTuple

import httpx2
import structlog
from Crypto.PublicKey.ECC import EccKey
from Crypto.Signature import eddsa

from provider_calls.proxies import bad_proxies_named

log = structlog.get_logger(__name__)

_KEPT_S = 24 * 3600.0
_WAIT_S = 0.6
"""For how long a webhook waits for keys: it has to be answered within a second, and comes again."""
_FETCH_S = 10.0
_PAUSE_S = 5.0
"""Between two fetches, so that forged webhooks do not have us press the service."""
_SKEW_S = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_HEADERS = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp", "x-fal-webhook-signature")


class Verdict(StrEnum):
    GENUINE = "genuine"
    FORGED = "forged"
    STALE = "stale"
    UNDECIDED = "undecided"
    """There are no keys to check it by."""


class Delivery(NamedTuple):
    """A webhook as it came; headers that are missing are empty."""

    request_id: str
    user_id: str
    timestamp: str
    signature: str
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[str, str], body: bytes) -> "Delivery":
        """Read a delivery; the names of ``headers`` are in any case, as HTTP has them."""
        request_id, user_id, timestamp, signature = (headers.get(name, "") for name in _HEADERS)
        return cls(request_id, user_id, timestamp, signature, body)

    @property
    def signed(self) -> bytes:
        parts = (self.request_id, self.user_id, self.timestamp, sha256(self.body).hexdigest())
        return "\n".join(parts).encode()


class WebhookKeys:
    """The keys at ``url``, fetched when they are needed and kept for a day; ``now`` is in Unix time."""

    def __init__(self, url: str, *, now: Callable[[], float] = time, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._now = now
        self._clock = clock
        self._keys: list[EccKey] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def verdict(self, delivery: Delivery) -> Verdict:
        """Tell whether a delivery is genuine and fresh; takes less than a second."""
        if not _TIMESTAMP.fullmatch(delivery.timestamp):
            return Verdict.FORGED
        try:
            age = abs(self._now() - int(delivery.timestamp))
            signature = bytes.fromhex(delivery.signature)
        except ValueError:
            return Verdict.FORGED
        if age > _SKEW_S:
            return Verdict.STALE
        if not self._are_fresh:
            await self._fetch()
        if not self._are_fresh:
            return Verdict.UNDECIDED
        if self._fits(delivery, signature):
            return Verdict.GENUINE
        # The service may have changed its keys since.
        await self._fetch()
        return Verdict.GENUINE if self._fits(delivery, signature) else Verdict.FORGED

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()

    @property
    def _are_fresh(self) -> bool:
        return self._fetched_at is not None and self._clock() - self._fetched_at < _KEPT_S

    def _fits(self, delivery: Delivery, signature: bytes) -> bool:
        return any(_verifies(key, delivery.signed, signature) for key in self._keys)

    async def _fetch(self) -> None:
        """Fetch the keys, unless that was tried just now. What takes too long goes on, for the next delivery."""
        if self._fetching is None or self._fetching.done():
            if self._tried_at is not None and self._clock() - self._tried_at < _PAUSE_S:
                return
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetched())
        await asyncio.wait([self._fetching], timeout=_WAIT_S)

    async def _fetched(self) -> None:
        local = self._url.startswith("http://")
        try:
            with bad_proxies_named():
                client = httpx2.AsyncClient(timeout=_FETCH_S, trust_env=not local)
            async with client:
                response = await client.get(self._url)
                response.raise_for_status()
            keys = _keys_in(response.json())
        except (httpx2.HTTPError, ValueError) as exc:
            log.warning("webhook_keys_not_fetched", reason=type(exc).__name__)
            return
        self._keys, self._fetched_at = keys, self._clock()


def _keys_in(published: Any) -> list[EccKey]:
    """Return the keys of a JWKS; those of other kinds are passed over."""
    found = []
    for key in published.get("keys", []) if isinstance(published, dict) else []:
        if isinstance(key, dict) and key.get("kty") == "OKP" and key.get("crv") == "Ed25519":
            encoded = str(key.get("x", ""))
            try:
                found.append(eddsa.import_public_key(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))))
            except (ValueError, binascii.Error):
                continue
    if not found:
        raise ValueError("no keys")
    return found


def _verifies(key: EccKey, message: bytes, signature: bytes) -> bool:
    try:
        eddsa.new(key, "rfc8032").verify(message, signature)
    except ValueError:
        return False
    return True
