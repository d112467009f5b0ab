"""Which files are photographs to train on, and what is kept of one."""

import io
from pathlib import Path

import pytest
from PIL import Image

from avatar_photos import drawn, photo, saved_anew
from avatars.models import SIZES, Aspect
from avatars.photos import checked, may_be_photo
from datamodels_telegram import AttachedFile, FileKind
from errors_of_operation import PhotoRefused

ROTATED = 0x0112
GPS = 0x8825


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "это не jpg, png или webp"),
        (b"%PDF-1.7", "это не jpg, png или webp"),
        (photo(1, "GIF"), "это не jpg, png или webp"),
        (photo(1)[:2000], "файл повреждён"),
        (photo(1, "PNG")[:20_000], "файл повреждён"),
        (photo(1, size=(511, 900)), "она 511×900 пикселей, а нужно от 512"),
        (photo(1, blur=8), "она размыта"),
    ],
)
def test_what_is_no_photograph_to_train_on_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(content)
    with pytest.raises(PhotoRefused) as refused:
        checked(path, [])
    assert reason in refused.value.user_text


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(512, 512), (600, 720)])
def test_each_form_is_accepted_from_512_pixels_on(tmp_path: Path, form: str, size: tuple[int, int]) -> None:
    path = tmp_path / "photo"
    path.write_bytes(photo(1, form, size))
    kept = Image.open(io.BytesIO(checked(path, []).content))
    assert (kept.format, kept.size) == ("JPEG", size)


def test_what_is_kept_is_upright_small_and_tells_nothing_of_its_camera(tmp_path: Path) -> None:
    path, exif = tmp_path / "photo", Image.Exif()
    exif[ROTATED], exif[GPS] = 6, {1: "N"}
    drawn(2, (2000, 1000)).save(path, "JPEG", exif=exif)
    kept = Image.open(io.BytesIO(checked(path, []).content))
    assert kept.size == (768, 1536)
    assert not kept.getexif()


def test_the_same_picture_is_known_however_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(photo(3))
    known = [checked(path, []).likeness]
    path.write_bytes(saved_anew(3))
    with pytest.raises(PhotoRefused, match="почти такая же"):
        checked(path, known)
    path.write_bytes(photo(4))
    checked(path, known)


@pytest.mark.parametrize(
    ("name", "mime_type", "is_photo"),
    [("a.JPG", "", True), ("a", "image/webp", True), ("a.png", "application/x", True), ("a.mp3", "audio/mpeg", False)],
)
def test_files_are_taken_for_photographs_by_name_or_type(name: str, mime_type: str, *, is_photo: bool) -> None:
    file = AttachedFile(kind=FileKind.DOCUMENT, file_name=name, mime_type=mime_type, size_bytes=1)
    assert may_be_photo(file) is is_photo


def test_pictures_have_exactly_the_shape_that_was_chosen() -> None:
    shapes = {Aspect.SQUARE: (1, 1), Aspect.PORTRAIT: (3, 4), Aspect.TALL: (9, 16), Aspect.WIDE: (16, 9)}
    for aspect, (wide, high) in shapes.items():
        size = SIZES[aspect]
        assert size.width * high == size.height * wide
        assert size.width % 16 == size.height % 16 == 0
