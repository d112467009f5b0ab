"""Photographs for tests: drawn by a seed, each unlike the others and sharp."""

import io
from functools import cache

import numpy as np
from PIL import Image, ImageFilter


def drawn(seed: int, size: tuple[int, int] = (600, 720)) -> Image.Image:
    """A picture with light and shade of its own, and fine detail on it."""
    chance = np.random.default_rng(seed)
    rough = Image.fromarray(chance.integers(40, 200, (7, 6, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    fine = Image.fromarray(chance.integers(0, 255, (size[1] // 3, size[0] // 3), np.uint8)).resize(size)
    return Image.blend(rough, fine.convert("RGB"), 0.25)


@cache
def photo(seed: int, form: str = "JPEG", size: tuple[int, int] = (600, 720), blur: float = 0.0) -> bytes:
    """The bytes of a picture; those of the same arguments are the same."""
    picture = drawn(seed, size)
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    saved = io.BytesIO()
    picture.save(saved, form, quality=90)
    return saved.getvalue()


def saved_anew(seed: int, quality: int = 60) -> bytes:
    """The picture of a seed, cropped by some pixels and saved once more: other bytes, the same picture."""
    picture, saved = drawn(seed), io.BytesIO()
    picture.crop((3, 3, picture.width - 3, picture.height - 3)).save(saved, "JPEG", quality=quality)
    return saved.getvalue()
