"""The proxy that Telegram is reached through, from its address as people write it."""

from urllib.parse import parse_qs, unquote, urlsplit

from pyrogram import enums

from errors import BadSettings

_SETTING = "TELEGRAM_PROXY"
_DIALLED = frozenset({"socks4", "socks5", "http"})
_MTPROXY_LINKS = frozenset({("tg", "proxy", ""), ("https", "t.me", "/proxy")})


def proxy_settings(address: str) -> dict[str, str | int]:
    """Read ``socks5://user:password@host:port`` (socks4 and http too) or an MTProxy link, ``tg://proxy?server=…``.

    Raises:
        BadSettings: it is neither, or the installed client library has no MTProxy.
    """
    try:
        url = urlsplit(address.strip())
        if (url.scheme, url.netloc, url.path) in _MTPROXY_LINKS:
            return _mtproxy(parse_qs(url.query))
        if url.scheme not in _DIALLED or not url.hostname or not url.port:
            raise BadSettings(names=_SETTING)
    except ValueError:
        # Its text would have the password in it.
        raise BadSettings(names=_SETTING) from None
    proxy: dict[str, str | int] = {"scheme": url.scheme, "hostname": url.hostname, "port": url.port}
    if url.username:
        proxy["username"] = unquote(url.username)
        proxy["password"] = unquote(url.password or "")
    return proxy


def _mtproxy(query: dict[str, list[str]]) -> dict[str, str | int]:
    # pyrogram itself has none, its fork has.
    if not hasattr(enums, "ProxyScheme") or not {"server", "port", "secret"} <= query.keys():
        raise BadSettings(names=_SETTING)
    return {
        "scheme": "mtproxy",
        "hostname": query["server"][0],
        "port": int(query["port"][0]),
        "secret": query["secret"][0],
    }
