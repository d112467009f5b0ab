"""Downloads that resume, and end with every byte or an error.

When an answer of Telegram is short, the client library ends a download early and raises nothing; the original pyrogram
does the same on any error. Only the size tells whether all bytes came.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from pyrogram import raw
from pyrogram.errors import Flood, SeeOther
from pyrogram.errors.rpc_error import RPCError
from pyrogram.file_id import FileId, FileType

from constants import FILE_PART_BYTES
from messenger import FileGone, MessengerError
from telegram_client.errors import FILE_GONE, MESSENGER, error_id, unavailable
from telegram_client.session import BotClient, wait_out
from telegram_client.updates import largest_size
from utils import disk_full_mapped, write_all

_CALL = "upload.getFile"
_TRIES = 5
"""A download is given up after this many tries in a row that complete no part of ``FILE_PART_BYTES``."""
_PAUSES_S = (0.0, 1.0, 4.0, 15.0)
"""Seconds between these tries."""
_CHUNK_S = 60.0
"""Timeout in seconds for one megabyte; within it the library asks up to four times."""
_PROBE_BYTES = 4096
"""Telegram takes limits and offsets in multiples of this: https://core.telegram.org/api/files#downloading-files."""

log = structlog.get_logger(__name__)


async def download_file(
    client: BotClient,
    document: Callable[[], Awaitable[Any]],
    path: Path,
    size: int,
    on_bytes: Callable[[int], None],
) -> None:
    """Download a file to ``path``, resuming after the whole megabytes that ``path`` has.

    ``document`` returns the file's ``raw.types.Document`` or ``Photo``, with a new reference at each call. ``on_bytes``
    is called with the number of bytes that are written so far.

    Raises:
        FileGone: Telegram no longer has the file, or has fewer than ``size`` bytes of it.
        MessengerUnavailable: several tries in a row completed no megabyte; the megabytes that came before are kept.
        MessengerError: the file is larger than ``size`` bytes.
        DiskFull: no space is left.
    """
    with disk_full_mapped(path):
        file = await asyncio.to_thread(_opened, path)
    try:
        done = await asyncio.to_thread(_whole_parts, file, size)
        failures = 0
        while done < size:
            failure = await _stream(client, await document(), file, path, done, size, on_bytes)
            before, done = done, await asyncio.to_thread(_whole_parts, file, size)
            if done == size:
                break
            log.info("telegram_download_goes_on", done=done, size=size, reason=failure)
            failures = 0 if done > before else failures + 1
            if failures == 2 and failure is not None and failure.startswith("FILE_REFERENCE_"):
                # Even a new reference was refused.
                raise FileGone(messenger=MESSENGER, call=_CALL, file_name=path.name, reason=failure)
            if failures == _TRIES:
                if failure is None:
                    raise FileGone(
                        messenger=MESSENGER, call=_CALL, file_name=path.name, reason=f"{done} of {size} bytes"
                    )
                raise unavailable(_CALL, failure)
            await asyncio.sleep(_PAUSES_S[max(failures - 1, 0)])
        with disk_full_mapped(path):
            await asyncio.to_thread(os.fsync, file.fileno())
    finally:
        await asyncio.to_thread(file.close)


async def _stream(
    client: BotClient,
    document: Any,
    file: BinaryIO,
    path: Path,
    done: int,
    size: int,
    on_bytes: Callable[[int], None],
) -> str | None:
    """Download into the file, beginning at byte ``done``.

    Returns the name of the error that broke off the download; None when Telegram sent all that it has, which may be
    fewer than ``size`` bytes.
    """
    on_bytes(done)
    is_photo, size_type = isinstance(document, raw.types.Photo), _size_of(document)
    source = FileId(
        file_type=FileType.PHOTO if is_photo else FileType.DOCUMENT,
        dc_id=document.dc_id,
        media_id=document.id,
        access_hash=document.access_hash,
        file_reference=document.file_reference,
        thumbnail_size=size_type,
    )
    try:
        async with aclosing(client.get_file(source, size, 0, done // FILE_PART_BYTES)) as chunks:
            while chunk := await _next_chunk(chunks):
                done += len(chunk)
                if done > size:
                    raise MessengerError(messenger=MESSENGER, call=_CALL, reason=f"the file has more than {size} bytes")
                with disk_full_mapped(path):
                    await asyncio.to_thread(write_all, file.fileno(), chunk)
                on_bytes(done)
        if done < size:
            await _probe(client, document, done)
    except Flood as exc:
        await wait_out(exc, _CALL)
        return error_id(exc)
    except RPCError as exc:
        if error_id(exc) in FILE_GONE:
            raise FileGone(messenger=MESSENGER, call=_CALL, file_name=path.name, reason=error_id(exc)) from exc
        return error_id(exc)
    except _NetworkFailure as exc:
        return str(exc)
    return None


class _NetworkFailure(Exception):
    """Stands for an ``OSError`` of the network, as distinct from one of the disk; does not leave this module."""


async def _next_chunk(chunks: AsyncGenerator[bytes, None]) -> bytes:
    """Return the next megabyte, the shorter last piece, or nothing at the end."""
    try:
        async with asyncio.timeout(_CHUNK_S):
            return await anext(chunks, b"")
    except OSError as exc:
        raise _NetworkFailure(type(exc).__name__) from exc


async def _probe(client: BotClient, document: Any, done: int) -> None:
    """Ask Telegram once without the library, to raise the error that the library may have swallowed."""
    is_photo = isinstance(document, raw.types.Photo)
    kind = raw.types.InputPhotoFileLocation if is_photo else raw.types.InputDocumentFileLocation
    location = kind(
        id=document.id,
        access_hash=document.access_hash,
        file_reference=document.file_reference,
        thumb_size=_size_of(document),
    )
    try:
        await client.ask(
            raw.functions.upload.GetFile(
                location=location, offset=done // _PROBE_BYTES * _PROBE_BYTES, limit=_PROBE_BYTES
            )
        )
    except SeeOther:
        # The file is in another data centre, which only the library's own sessions can reach.
        return
    except OSError as exc:
        raise _NetworkFailure(type(exc).__name__) from exc


def _size_of(document: Any) -> str:
    """Return which form of a photo is fetched, the largest; "" for a document, which has one."""
    largest = largest_size(document) if isinstance(document, raw.types.Photo) else None
    return "" if largest is None else largest[0]


def _opened(path: Path) -> BinaryIO:
    path.touch(mode=0o600)
    # Without a buffer every counted byte is in the file.
    return path.open("r+b", buffering=0)


def _whole_parts(file: BinaryIO, size: int) -> int:
    """Cut a download back to whole parts unless it is complete; seek to its end, and return that offset in bytes."""
    length = os.fstat(file.fileno()).st_size
    if length != size:
        length = min(length, size) // FILE_PART_BYTES * FILE_PART_BYTES
        file.truncate(length)
    return file.seek(length)
