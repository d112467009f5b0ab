"""The OpenAI SDK for the adapters that speak its protocol: a client without retries, and its errors mapped to ours."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

import texts.errors
from errors import (
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from provider_calls.address import address_of
from provider_calls.policy import retry_after_s
from provider_calls.proxies import bad_proxies_named
from system.shortages import shortage_in

CONNECT_S = 10.0

_NO_FUNDS = re.compile(
    r"insufficient_quota|insufficient.balance|exceeded your current quota|billing_hard_limit|credit balance",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|context (?:length|size|window)|maximum context|prompt is too long",
    re.IGNORECASE,
)
_REGION = re.compile(r"unsupported_country|country, region, or territory", re.IGNORECASE)
_ECHO = re.compile(r"['\"]?input['\"]?\s*[:=]|\n")
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,60}")
_DETAIL_CHARS = 160


def openai_client(base_url: str, api_key: str, timeout_s: float) -> openai.AsyncOpenAI:
    """Return a client that tries once. An endpoint without keys gets a placeholder: the SDK insists on a key."""
    # A proxy that the environment names is for the outside; an endpoint on this machine is never behind it.
    loopback = urlsplit(base_url).hostname in {"localhost", "127.0.0.1", "::1"}
    address = address_of(base_url, api_key or "none")
    with bad_proxies_named():
        http_client = openai.DefaultAsyncHttpxClient(trust_env=not loopback)
    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
    if address.azure_version:
        return openai.AsyncAzureOpenAI(
            http_client=http_client,
            base_url=address.url,
            api_version=address.azure_version,
            api_key=api_key or "none",
            timeout=timeout,
            max_retries=0,
        )
    return openai.AsyncOpenAI(
        http_client=http_client,
        base_url=address.url,
        api_key=api_key or "none",
        default_query=address.query,
        default_headers=address.headers,
        timeout=timeout,
        max_retries=0,
    )


def fingerprint(*facts: object) -> str:
    """Return 16 hexadecimal digits that stand for ``facts``, all that an engine's output depends on."""
    return sha256(json.dumps([str(fact) for fact in facts]).encode()).hexdigest()[:16]


@contextmanager
def openai_errors(provider: str, model: str) -> Iterator[None]:
    """Raise the SDK's errors as ``ProviderError``; a call for which this machine has no means, as ``OutOfResources``.

    Our messages, which are logged, have the status and the code of an error, and nothing of its text: that may quote
    keys and what was sent. People are told the text, but not that of an authentication error, and only up to where it
    begins to quote the request.
    """
    try:
        yield
    except openai.APITimeoutError as exc:
        raise ProviderUnavailable(provider=provider, reason="timeout") from exc
    except openai.APIConnectionError as exc:
        reason = type(exc.__cause__).__name__
        raise shortage_in(exc) or ProviderUnavailable(provider=provider, reason=reason) from exc
    except openai.APIStatusError as exc:
        raise status_error(provider, model, exc) from exc
    except openai.APIError as exc:
        # An error event inside a stream: the connection stands, the answer does not.
        raise ProviderUnavailable(provider=provider, reason=_kind(exc)) from exc
    except httpx2.RequestError as exc:
        # While a body is read: the SDK maps errors only until the headers are there.
        raise shortage_in(exc) or ProviderUnavailable(provider=provider, reason=type(exc).__name__) from exc
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ProviderInvalidAnswer(provider=provider, reason="the body is no JSON") from exc


def status_error(provider: str, model: str, exc: openai.APIStatusError) -> ProviderError:
    """Return the error of ours that stands for the SDK's error about an HTTP status."""
    status = exc.status_code
    refusal = _refusal(exc)
    if refusal:
        return ProviderRejectedRequest(provider=provider, reason=refusal)
    if status in {401, 403}:
        return ProviderRefusedKey(provider=provider)
    retry_after = retry_after_s(exc.response.headers.get("retry-after"))
    if status == 429:
        return ProviderRateLimited(provider=provider, retry_after_s=retry_after)
    if status in {408, 409, 425} or status >= 500:
        return ProviderUnavailable(provider=provider, reason=f"HTTP {status}", retry_after_s=retry_after)
    if exc.code == "model_not_found" or (status == 404 and "model" in error_message(exc).lower()):
        return ProviderRejectedRequest(provider=provider, reason=texts.errors.REASON_UNKNOWN_MODEL.format(model=model))
    told = texts.errors.REASON_STATUS.format(status=status, detail=error_detail(exc))
    rejected = ProviderRejectedRequest(provider=provider, reason=told)
    # The message is logged, and what the provider says may quote the prompt.
    rejected.args = (f"The provider {provider} rejected the request: HTTP {status}, {_kind(exc)}",)
    return rejected


def _refusal(exc: openai.APIStatusError) -> str | None:
    """Return our own sentence when money, region, context or size is the cause; None for any other cause."""
    status = exc.status_code
    text = f"{exc.code} {exc.type} {error_message(exc)}"
    if status == 402 or (status in {403, 429} and _NO_FUNDS.search(text)):
        return texts.errors.REASON_NO_FUNDS
    if status == 403 and _REGION.search(text):
        return texts.errors.REASON_REGION
    if status in {400, 413, 422} and _CONTEXT.search(text):
        return texts.errors.REASON_CONTEXT_TOO_LONG
    return texts.errors.REASON_TOO_LARGE if status == 413 else None


def _kind(exc: openai.APIError) -> str:
    """Return type, code and parameter of ``exc`` where they are words and no sentences, else its class."""
    words = [str(word) for word in (exc.type, exc.code, exc.param) if word is not None and _WORD.fullmatch(str(word))]
    return " ".join(words) or type(exc).__name__


def error_detail(exc: openai.APIError) -> str:
    """Return the message of ``exc``, at most 160 characters, cut where it begins to quote the request."""
    return _ECHO.split(error_message(exc))[0][:_DETAIL_CHARS].strip(" {[('\"")


def error_message(exc: openai.APIError) -> str:
    """Return the whole message of ``exc``, which may quote the request: it is neither shown nor logged."""
    body = exc.body
    if isinstance(body, list) and body and isinstance(body[0], dict):
        # Google sends a list of errors, which the SDK leaves as it is.
        body = body[0].get("error")
    # FastAPI says ``detail``, a text or a list; LM Studio and text-generation-inference send a text for the error.
    told = (body.get("message") or body.get("detail")) if isinstance(body, dict) else body
    if isinstance(told, str) and told.strip() and not told.lstrip().startswith("<"):
        return told
    return json.dumps(told, ensure_ascii=False) if isinstance(told, dict | list) else exc.message


def error_in_body(error: Mapping[str, Any], response: httpx2.Response) -> openai.APIStatusError:
    """Return the error that an endpoint sent with the status 200, as if it had sent the status that its body has."""
    exc = openai.APIStatusError(str(error.get("message", "")), response=response, body=error)
    code = error.get("code")
    exc.status_code = int(str(code)) if str(code).isdigit() else 502
    return exc
