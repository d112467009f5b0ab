"""Proxies that the environment names for calls to endpoints."""

from collections.abc import Iterator
from contextlib import contextmanager

import texts.errors
from errors import BadSettings


@contextmanager
def bad_proxies_named() -> Iterator[None]:
    """Raise ``BadSettings`` in place of what the HTTP library raises of a proxy that it does not speak."""
    try:
        yield
    except (ImportError, ValueError) as exc:
        raise BadSettings(names=texts.errors.BAD_PROXY) from exc
