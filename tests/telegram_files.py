"""Files at the loopback Telegram server: kept on disk, read in parts, never as a whole."""

import os
import secrets
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

from telegram_tl import RpcFault

LARGEST_CHUNK_BYTES = 1024 * 1024
CHUNK_ALIGNMENT_BYTES = 4096
LARGEST_PART_BYTES = 512 * 1024
PART_ALIGNMENT_BYTES = 1024
MOST_PARTS = 4000


def _reference() -> bytes:
    return secrets.token_bytes(16)


def _id() -> int:
    return secrets.randbits(62)


@dataclass(eq=False)
class StoredFile:
    """A file of a message. ``size`` is what Telegram says, in bytes; ``path`` has what is really there.

    ``refusal`` is what a download ends with when the content is gone, for example FILE_ID_INVALID.
    """

    kind: str
    name: str
    mime: str
    size: int
    path: Path | None
    duration: int = 0
    title: str = ""
    performer: str = ""
    refusal: str = ""
    id: int = field(default_factory=_id)
    access_hash: int = field(default_factory=_id)
    reference: bytes = field(default_factory=_reference)

    def expire_reference(self) -> None:
        """Take back the reference that was handed out; the message has a new one."""
        self.reference = _reference()

    def read(self, offset: int, limit: int) -> bytes:
        """Read a part. Raises the errors that Telegram has for offsets and limits."""
        if offset % CHUNK_ALIGNMENT_BYTES:
            raise RpcFault(400, "OFFSET_INVALID")
        if limit % CHUNK_ALIGNMENT_BYTES or not 0 < limit <= LARGEST_CHUNK_BYTES:
            raise RpcFault(400, "LIMIT_INVALID")
        if self.path is None:
            return b""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            return os.pread(descriptor, limit, offset)
        finally:
            os.close(descriptor)

    def content(self) -> bytes:
        return self.path.read_bytes() if self.path else b""


class Upload:
    """A file on its way in, in parts of one size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[int, int] = {}
        self.total: int | None = None

    def save(self, part: int, data: bytes, total: int | None = None) -> None:
        if not 0 <= part < MOST_PARTS:
            raise RpcFault(400, "FILE_PART_INVALID")
        if not data:
            raise RpcFault(400, "FILE_PART_EMPTY")
        if len(data) > LARGEST_PART_BYTES:
            raise RpcFault(400, "FILE_PART_TOO_BIG")
        if total is not None and self.total not in (None, total):
            raise RpcFault(400, "FILE_PARTS_INVALID")
        self.total = total
        self.parts[part] = len(data)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, data, part * LARGEST_PART_BYTES)
        finally:
            os.close(descriptor)

    def check(self, declared: Any) -> None:
        """Compare with what the message declares (InputFile). Raises what Telegram raises for parts and checksums."""
        if not 0 < declared.parts <= MOST_PARTS or len(self.parts) > declared.parts:
            raise RpcFault(400, "FILE_PARTS_INVALID")
        for part in range(declared.parts):
            if part not in self.parts:
                raise RpcFault(400, f"FILE_PART_{part}_MISSING")
            # Both libraries send parts of 512 KiB; a shorter one can only be the last.
            if part < declared.parts - 1 and self.parts[part] != LARGEST_PART_BYTES:
                raise RpcFault(400, "FILE_PART_SIZE_INVALID")
        checksum = getattr(declared, "md5_checksum", "")
        if checksum and md5(self.path.read_bytes(), usedforsecurity=False).hexdigest() != checksum:
            raise RpcFault(400, "MD5_CHECKSUM_INVALID")


class Uploads:
    """Uploads by the id that the client chose."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._uploads: dict[int, Upload] = {}

    def save(self, file_id: int, part: int, data: bytes, total: int | None = None) -> None:
        upload = self._uploads.setdefault(file_id, Upload(self._directory / f"upload-{file_id & (1 << 64) - 1:016x}"))
        upload.save(part, data, total)

    def finish(self, declared: Any) -> Path:
        """Return where the whole file is."""
        upload = self._uploads.get(declared.id)
        if upload is None:
            raise RpcFault(400, "FILE_PARTS_INVALID")
        upload.check(declared)
        return upload.path
