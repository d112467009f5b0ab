"""The file that a vector index in memory is kept in, so that a start need not load all vectors from the database.

It may be deleted or damaged at any time: what cannot be read counts as absent. The file is an uncompressed archive of
numpy arrays, which has checksums, and is read without pickle.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import structlog
from numpy.lib.npyio import NpzFile

from knowledge.vector_index import Entries
from utils import opened_atomically

log = structlog.get_logger(__name__)

_FORMAT = 1
_NAME_DIGITS = 32


@dataclass(frozen=True)
class Cached:
    """The entries of an index, and the version of the last of them."""

    entries: Entries
    version: int


class IndexCache:
    """The file for the index by one model, in ``folder``, which is made when it is not there. All methods block."""

    def __init__(self, folder: Path, model: str) -> None:
        self._model = model
        self._path = folder / f"{sha256(model.encode()).hexdigest()[:_NAME_DIGITS]}.npz"

    def load(self) -> Cached | None:
        """Read the file; None when it is not there, is damaged, or is of another model."""
        try:
            # The file is opened here, since numpy would not close a damaged one.
            with self._path.open("rb") as file, NpzFile(file, allow_pickle=False) as arrays:
                if str(arrays["model"]) != self._model or int(arrays["format"]) != _FORMAT:
                    return None
                entries = Entries(arrays["chunks"], arrays["sources"], arrays["vectors"])
                version = int(arrays["version"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as exc:
            log.warning("index_cache_unreadable", reason=type(exc).__name__)
            return None
        return Cached(entries, version) if _is_sound(entries) else None

    def save(self, cached: Cached) -> None:
        """Write the file anew.

        Raises:
            DiskFull: no space left; the file is as it was.
            OSError: the folder cannot be written to.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        entries = cached.entries
        with opened_atomically(self._path, 0o600) as file:
            np.savez(
                file,
                format=np.int64(_FORMAT),
                model=np.str_(self._model),
                version=np.int64(cached.version),
                chunks=entries.chunks,
                sources=entries.sources,
                vectors=entries.vectors,
            )

    def forget(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _is_sound(entries: Entries) -> bool:
    """Tell whether the arrays have the types and shapes of entries."""
    chunks, sources, vectors = entries.chunks, entries.sources, entries.vectors
    return (
        chunks.dtype == sources.dtype == np.int64
        and vectors.dtype == np.float16
        and vectors.ndim == 2
        and chunks.shape == sources.shape == (len(vectors),)
    )
