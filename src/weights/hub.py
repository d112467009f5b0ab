"""The model hub, or a mirror of it: files of a repository over HTTP, continued where a connection broke off."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog
import urllib3

import texts.errors
from errors import ProviderUnavailable
from system.shortages import shortage_in
from utils import disk_full_mapped, sha256_of_stream
from weights.manifest import File, Weights
from weights.sources import CHUNK_BYTES, OnBytes, in_thread

log = structlog.get_logger(__name__)

HUB = "https://huggingface.co"
CONNECT_LIMIT_S = 2.0
READ_LIMIT_S = 10.0
REDIRECTS = 5
_PARTIAL = 206


class _BrokenOff(Exception):
    """A signal of this module: a connection ended before the file did."""


class _Stopped(Exception):
    """A signal of this module: ends a download that was told to stop; nobody waits for the result any more."""


async def fetch_from_hub(weights: Weights, folder: Path, on_bytes: OnBytes, hub: str | None) -> None:
    """Download every file of ``weights`` from ``hub`` into ``folder``, and check its published sum; None is no hub.

    What is there of an earlier download is kept and continued; what does not belong to ``weights`` is removed.

    Raises:
        ProviderUnavailable: the hub does not answer, lacks a file, or sent one whose sum is wrong: ask the next source.
        DiskFull: no space left.
    """
    if weights.hub is None or hub is None:
        raise _failed("it does not have them, or is not to be asked")
    repository, _, revision = weights.hub.partition("@")
    address = f"{hub.rstrip('/')}/{repository}/resolve/{revision}"
    await _reach(_proxy_of(address) or address)
    await asyncio.to_thread(_tidy, weights, folder)
    done = 0
    loop = asyncio.get_running_loop()
    for file in weights.files:

        def on_count(count: int, before: int = done) -> None:
            loop.call_soon_threadsafe(on_bytes, before + count, weights.size)

        await in_thread(partial(_download, f"{address}/{file.name}", file, folder, on_count))
        done += file.size


def _failed(reason: str) -> ProviderUnavailable:
    return ProviderUnavailable(provider=texts.errors.WEIGHTS_PROVIDER, reason=reason)


def _proxy_of(address: str) -> str | None:
    """Return the proxy that the environment names for an address, with the system's exceptions.

    Raises:
        ProviderUnavailable: it is of a kind that is not spoken here.
    """
    parts = urlsplit(address)
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    if urlsplit(proxy).scheme not in {"http", "https"}:
        raise _failed("the way to it is a proxy of another kind than http")
    return proxy


async def _reach(address: str) -> None:
    """Raise ``ProviderUnavailable`` unless a connection is taken within ``CONNECT_LIMIT_S``.

    The limit includes looking up the name, which may take long without a network.
    """
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError as exc:
        raise shortage_in(exc) or _failed(f"{parts.hostname}: {exc}") from exc
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _tidy(weights: Weights, folder: Path) -> None:
    with disk_full_mapped(folder):
        folder.mkdir(parents=True, exist_ok=True)
    known = {name for file in weights.files for name in (file.name, _partial_name(file))}
    for path in folder.iterdir():
        if path.name not in known:
            path.unlink()


def _partial_name(file: File) -> str:
    # With its sum: a file of another revision is not continued.
    return f"{file.name}.{file.sha256[:12]}.part"


def _download(url: str, file: File, folder: Path, on_count: Callable[[int], None], stop: threading.Event) -> None:
    """Download ``file`` into ``folder``, a chunk at a time, again and again while that brings something. Blocking.

    Raises:
        ProviderUnavailable: the file is out of reach, not found, too large, or its sum is not the published one.
        DiskFull: no space left.
    """
    target, part = folder / file.name, folder / _partial_name(file)
    if target.is_file():
        part = target.rename(part)
    with _pool(url) as pool:
        while (had := _size(part)) < file.size:
            try:
                _continue(pool, url, file, part, on_count, stop)
            except (urllib3.exceptions.HTTPError, _BrokenOff) as exc:
                if _size(part) <= had:
                    raise shortage_in(exc) or _failed(f"{file.name}: {exc}") from exc
                log.info("hub_broke_off", file=file.name, bytes=_size(part))
    with part.open("rb") as content:
        right = _size(part) == file.size and sha256_of_stream(content) == file.sha256
    if not right:
        part.unlink()
        raise _failed(f"{file.name}: its sha256 is not the published one")
    part.rename(target)
    on_count(file.size)


def _pool(url: str) -> urllib3.PoolManager:
    limits = urllib3.Timeout(connect=CONNECT_LIMIT_S, read=READ_LIMIT_S)
    retries = urllib3.Retry(total=REDIRECTS, connect=0, read=0, status=0, other=0)
    proxy = _proxy_of(url)
    if proxy is None:
        return urllib3.PoolManager(timeout=limits, retries=retries)
    parts = urlsplit(proxy)
    headers = (
        urllib3.make_headers(proxy_basic_auth=f"{parts.username}:{parts.password or ''}") if parts.username else None
    )
    return urllib3.ProxyManager(proxy, proxy_headers=headers, timeout=limits, retries=retries)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continue(
    pool: urllib3.PoolManager,
    url: str,
    file: File,
    part: Path,
    on_count: Callable[[int], None],
    stop: threading.Event,
) -> None:
    """Append to ``part`` what is missing in it; a server that knows no ranges begins anew.

    Raises:
        HTTPError, _BrokenOff: the connection failed; what came is kept.
        ProviderUnavailable: the hub refuses, or the file is larger than the published one.
    """
    had = _size(part)
    headers = {"Range": f"bytes={had}-"} if had else {}
    with (
        pool.request("GET", url, headers=headers, preload_content=False) as response,
        disk_full_mapped(part),
    ):
        continued = response.status == _PARTIAL and response.headers.get("Content-Range", "").startswith(
            f"bytes {had}-"
        )
        if not continued and response.status != 200:
            raise _failed(f"{file.name}: status {response.status}")
        with part.open("ab" if continued else "wb") as output:
            # What has come is taken at once, so that it is not lost when the connection breaks off.
            while chunk := response.read1(CHUNK_BYTES):
                if stop.is_set():
                    raise _Stopped
                output.write(chunk)
                if output.tell() > file.size:
                    part.unlink()
                    raise _failed(f"{file.name} is larger than the published one")
                on_count(output.tell())
    if _size(part) < file.size:
        raise _BrokenOff
