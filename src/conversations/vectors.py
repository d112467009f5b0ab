"""A file of embeddings: a header that names their model and size, then raw little-endian float32."""

import os
import struct
from pathlib import Path

from datamodels_chats import Embedding
from utils import disk_full_mapped, fsync_folder, write_all

_MAGIC = b"VPVEC1\0\0"
_LENGTHS = struct.Struct("<II")
"""Two lengths in bytes: that of a vector, and that of the model's name in UTF-8."""


class Vectors:
    """The embeddings of one model in the file at ``path``. The first ``append`` makes the file. All methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, embedding: Embedding) -> int | None:
        """Add an embedding at the end of the file, sync the file, and return the embedding's index.

        Return None when the file belongs to another model, has vectors of another size, or is damaged.

        Raises:
            DiskFull: no space left; the embeddings that were in the file before are unchanged.
        """
        header = _header(embedding)
        with disk_full_mapped(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                there = os.pread(descriptor, len(header), 0)
                if len(there) < len(header):
                    # Nothing, or a header that a crash cut off: there is no embedding yet.
                    os.ftruncate(descriptor, 0)
                    write_all(descriptor, header)
                elif there != header:
                    return None
                size = len(embedding.vector)
                index = (os.fstat(descriptor).st_size - len(header)) // size
                # A vector that was cut off is written over.
                os.lseek(descriptor, len(header) + index * size, os.SEEK_SET)
                write_all(descriptor, embedding.vector)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            if index == 0:
                fsync_folder(self._path.parent)
        return index

    def read(self, index: int) -> Embedding | None:
        """Read an embedding; None when the file lacks a part of it, or cannot be read."""
        try:
            with self._path.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    return None
                size, named = _LENGTHS.unpack(file.read(_LENGTHS.size))
                model = file.read(named).decode()
                file.seek(index * size, os.SEEK_CUR)
                vector = file.read(size)
        except (OSError, struct.error, UnicodeDecodeError):
            return None
        return Embedding(model=model, vector=vector) if len(vector) == size else None


def _header(embedding: Embedding) -> bytes:
    model = embedding.model.encode()
    return _MAGIC + _LENGTHS.pack(len(embedding.vector), len(model)) + model
