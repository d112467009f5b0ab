"""Whether a file is a photograph to train on: what it is, how large, how sharp, and whether it is there already.

What is kept is the picture alone, upright and not larger than a trainer reads: no place, no time, no camera.
"""

import io
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

import texts.avatars
from datamodels_telegram import AttachedFile
from errors_of_operation import PhotoRefused
from utils import human_size

LARGEST_BYTES = 20 * 1024 * 1024
SMALLEST_SIDE = 512
_LARGEST_SIDE = 1536
_MOST_PIXELS = 100_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "webp"})
_QUALITY = 93
_LOOKED_AT = 512
"""Pixels of the longer side at which sharpness is measured, so that it does not depend on the size."""
_TILES = 8
_SHARP = 40.0
"""The variance of the second derivative that the sharpest tenth of a photograph has at least.

A sharp portrait has 3000, out of focus by 1 pixel of the size looked at 350, by 2 pixels 67, by 3 pixels 24."""
_ALIKE_BITS = 6
"""Photographs whose likenesses differ in fewer bits of 64 are the same picture, saved or cut anew."""


class GoodPhoto(NamedTuple):
    """A photograph as it is kept: JPEG; ``likeness`` is a signed number of 64 bits that small changes leave alike."""

    content: bytes
    likeness: int


def may_be_photo(file: AttachedFile) -> bool:
    """Tell whether name or type call a file a picture; what it is, its bytes decide later."""
    return file.mime_type.lower().startswith("image/") or _extension(file.file_name) in _EXTENSIONS


def check_description(file: AttachedFile) -> None:
    """Refuse a file by what its messenger tells of it.

    Raises:
        PhotoRefused: it is too large.
    """
    if file.size_bytes > LARGEST_BYTES:
        raise PhotoRefused(reason=texts.avatars.TOO_LARGE.format(most=human_size(LARGEST_BYTES)))


def checked(path: Path, known: Collection[int]) -> GoodPhoto:
    """Return the photograph at ``path``, which is unlike those with the likenesses ``known``. Blocking.

    Raises:
        PhotoRefused: it is no photograph to train on.
    """
    picture = _upright(path)
    if _sharpness(picture) < _SHARP:
        raise PhotoRefused(reason=texts.avatars.BLURRED)
    likeness = _likeness(picture)
    if any(_differ(likeness, other) < _ALIKE_BITS for other in known):
        raise PhotoRefused(reason=texts.avatars.ALIKE)
    picture.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=_QUALITY)
    return GoodPhoto(kept.getvalue(), likeness)


def _upright(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # The sizes are looked at here, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise PhotoRefused(reason=texts.avatars.TOO_MANY_PIXELS)
                if min(opened.size) < SMALLEST_SIDE:
                    size = f"{opened.width}×{opened.height}"
                    raise PhotoRefused(reason=texts.avatars.TOO_SMALL.format(size=size, least=SMALLEST_SIDE))
                return ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError) as exc:
        raise PhotoRefused(reason=texts.avatars.NO_PHOTO) from exc
    except (OSError, ValueError, SyntaxError) as exc:
        # What Pillow raises of a file whose bytes are not what its first ones say.
        raise PhotoRefused(reason=texts.avatars.BROKEN) from exc


def _sharpness(picture: Image.Image) -> float:
    """Return how sharp the sharpest tenth of a picture is: a sky behind a sharp face is smooth as well."""
    small = picture.convert("L")
    small.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
    grey = np.asarray(small, np.float32)
    second = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1] - 4 * grey[1:-1, 1:-1]
    tiles = [
        tile.var() for row in np.array_split(second, _TILES, axis=0) for tile in np.array_split(row, _TILES, axis=1)
    ]
    return float(np.percentile(tiles, 90))


def _likeness(picture: Image.Image) -> int:
    """Return the difference hash of a picture: where it gets brighter from left to right."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).flatten()
    return int.from_bytes(np.packbits(bits).tobytes(), signed=True)


def _differ(one: int, other: int) -> int:
    return ((one ^ other) & (1 << 64) - 1).bit_count()


def _extension(name: str) -> str:
    return Path(name).suffix.lower().lstrip(".")
