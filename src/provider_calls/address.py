"""Where an OpenAI-compatible endpoint is, and in which headers it wants its key."""

from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

_ANTHROPIC_VERSION = "2023-06-01"


class Address(NamedTuple):
    """``url`` ends without a slash; ``query`` and ``headers`` go with every request.

    ``azure_version`` is the version of Azure's interface of deployments, None elsewhere.
    """

    url: str
    query: dict[str, str]
    headers: dict[str, str]
    azure_version: str | None


def address_of(base_url: str, api_key: str) -> Address:
    """Return the address that a setting names, with the headers that carry the key there."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    query = dict(parse_qsl(parts.query))
    version = query.get("api-version")
    headers = {"api-key": api_key} if version else {"Authorization": f"Bearer {api_key}"}
    if host.endswith(".anthropic.com"):
        # Its list of models is not part of the compatible interface, and knows only these.
        headers |= {"x-api-key": api_key, "anthropic-version": _ANTHROPIC_VERSION}
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return Address(url, query, headers, version)
