"""What an order has brought, judged by what is in it: nothing is believed of an output but that it names a file."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

import texts.avatars
from errors_of_operation import ImageOrderFailed
from provider_calls.fal.queue import NAME

_MOST_HEADER_BYTES = 100_000_000  # as the format says
_PICTURES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def weights_in(output: dict[str, Any]) -> str:
    """Return where the weights are that a training has brought; raises ``ImageOrderFailed``, as the others do."""
    file = output.get("diffusers_lora_file")
    url = file.get("url") if isinstance(file, dict) else None
    if not isinstance(url, str):
        raise ImageOrderFailed(provider=NAME, reason=texts.avatars.NOT_WEIGHTS)
    return url


def picture_in(output: dict[str, Any]) -> str:
    """Return where the picture is that was painted, unless the service hides it."""
    pictures, censored = output.get("images"), output.get("has_nsfw_concepts")
    if isinstance(censored, list) and any(censored):
        raise ImageOrderFailed(provider=NAME, reason=texts.avatars.CENSORED)
    first = pictures[0] if isinstance(pictures, list) and pictures else None
    url = first.get("url") if isinstance(first, dict) else None
    if not isinstance(url, str):
        raise ImageOrderFailed(provider=NAME, reason=texts.avatars.NOT_PICTURE)
    return url


def are_weights(path: Path) -> bool:
    """Tell whether a file is whole weights: a length, a JSON header of that length, and all tensors that it names."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, _MOST_HEADER_BYTES):
            return False
        try:
            header = json.loads(file.read(length))
            ends = [part["data_offsets"][1] for name, part in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, TypeError, KeyError, IndexError):
            return False
    return bool(ends) and all(isinstance(end, int) for end in ends) and max(ends) == size - 8 - length


def picture_extension(path: Path) -> str:
    """Return the extension of a file that is a whole picture."""
    try:
        with Image.open(path, formats=list(_PICTURES)) as picture:
            picture.verify()
            return _PICTURES[str(picture.format)]
    except (OSError, ValueError, SyntaxError) as exc:
        raise ImageOrderFailed(provider=NAME, reason=texts.avatars.NOT_PICTURE) from exc
