"""The forms that values of settings must have: an address, a proxy, a key. Nothing is asked of a network here."""

import base64
import re
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import AfterValidator, SecretStr

_DIALLED = frozenset({"socks4", "socks5", "http"})
_MTPROXY_LINKS = frozenset({("tg", "proxy", ""), ("https", "t.me", "/proxy")})
_MTPROXY_KEY_BYTES = 16
_PADDED, _LIKE_TLS = 0xDD, 0xEE


def form(is_right: Callable[[str], bool]) -> AfterValidator:
    """Return a validator of a setting that is text, a secret or None: what ``is_right`` denies is refused."""

    def check(value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and not is_right(text):
            raise ValueError
        return value

    return AfterValidator(check)


def matches(pattern: str) -> AfterValidator:
    """Return a validator of a setting whose whole value matches ``pattern``."""
    return form(lambda text: re.fullmatch(pattern, text) is not None)


def is_address(text: str) -> bool:
    """Tell whether it is the address of an HTTP server: ``http://host:port/path``, https too."""
    parts = _parts(text)
    return parts is not None and parts.scheme in {"http", "https"} and not re.search(r"\s", text)


def is_host_and_port(text: str) -> bool:
    """Tell whether it is ``host`` or ``host:port``."""
    parts = _parts(f"//{text}")
    return parts is not None and parts.netloc == text and not re.search(r"[\s@]", text)


def is_proxy(text: str) -> bool:
    """Tell whether ``read_proxy`` can read it."""
    try:
        read_proxy(text)
    except ValueError:
        return False
    return True


def read_proxy(text: str) -> dict[str, str | int]:
    """Read ``socks5://user:password@host:port`` (socks4 and http too) or an MTProxy link, ``tg://proxy?server=…``.

    Raises:
        ValueError: it is neither. The error may show a password.
    """
    url = urlsplit(text.strip())
    if (url.scheme, url.netloc, url.path) in _MTPROXY_LINKS:
        return _mtproxy(parse_qs(url.query))
    if url.scheme not in _DIALLED or not url.hostname or not url.port:
        raise ValueError
    proxy: dict[str, str | int] = {"scheme": url.scheme, "hostname": url.hostname, "port": url.port}
    if url.username:
        proxy["username"] = unquote(url.username)
        proxy["password"] = unquote(url.password or "")
    return proxy


def _mtproxy(query: dict[str, list[str]]) -> dict[str, str | int]:
    if not {"server", "port", "secret"} <= query.keys():
        raise ValueError
    port, secret = int(query["port"][0]), query["secret"][0]
    if not 0 < port < 1 << 16 or not _is_mtproxy_secret(secret):
        raise ValueError
    return {"scheme": "mtproxy", "hostname": query["server"][0], "port": port, "secret": secret}


def _is_mtproxy_secret(secret: str) -> bool:
    try:
        key = bytes.fromhex(secret)
    except ValueError:
        key = base64.b64decode(secret + "=" * (-len(secret) % 4), altchars=b"-_")
    if len(key) == _MTPROXY_KEY_BYTES + 1:
        return key[0] == _PADDED
    return len(key) == _MTPROXY_KEY_BYTES or (len(key) > _MTPROXY_KEY_BYTES and key[0] == _LIKE_TLS)


def _parts(text: str) -> SplitResult | None:
    """Return the parts of an address with a host; None when it has none, or a port that is none."""
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole else None
