"""THIRD_PARTY.md names everything that the product installs and downloads, and nothing else."""

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from config import ROOT
from utils import load_yaml

COPYLEFT = re.compile(r"\b(?:L|A)?GPL|\bMPL|Lesser General|Mozilla Public")
FIRST, WEIGHTS, IMAGES = "Read these first", "Weights", "Images of Docker Compose"


def sections() -> dict[str, list[str]]:
    """Return the first column of the tables under each heading."""
    text = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    parts = (part.split("\n", 1) for part in text.split("\n## ")[1:])
    return {title: re.findall(r"^\| `([^`]+)` \|", body, flags=re.MULTILINE) for title, body in parts}


def normal(name: str) -> str:
    """Write a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> set[str]:
    files = ("requirements.txt", "requirements-local.txt", "requirements-embedded.txt", "requirements-voice.txt")
    lines = "".join((ROOT / file).read_text(encoding="utf-8") for file in files).splitlines()
    return {normal(line.partition("==")[0]) for line in lines if "==" in line}


def declared_licence(package: str) -> str:
    """Return what the metadata say, of a licence that is written out there only the first line."""
    about = metadata(package)
    said = [about.get_all(field, [""])[0].partition("\n")[0] for field in ("License-Expression", "License")]
    return " ".join([*said, *(each for each in about.get_all("Classifier", []) if each.startswith("License"))])


PINNED = pinned()
SECTIONS = sections()
PACKAGES = {
    title: [normal(name) for name in names]
    for title, names in SECTIONS.items()
    if names and title not in {WEIGHTS, IMAGES}
}
ROWS = Counter(name for names in PACKAGES.values() for name in names)


def test_every_pinned_package_has_a_row() -> None:
    assert PINNED - set(ROWS) == set()


def test_every_row_names_a_pinned_package_once() -> None:
    assert set(ROWS) - PINNED == set()
    assert [name for name, count in ROWS.items() if count > 1] == []


@pytest.mark.parametrize("package", sorted(PINNED))
def test_copyleft_stands_in_the_first_table(package: str) -> None:
    try:
        licence = declared_licence(package)
    except PackageNotFoundError:
        pytest.skip("not installed: the package is optional, or another stands in for it")
    if COPYLEFT.search(licence):
        assert package in PACKAGES[FIRST], licence


def test_all_images_have_a_row_and_no_other() -> None:
    ours = "voxpersona-voxpersona"
    composed = "".join(file.read_text(encoding="utf-8") for file in sorted(ROOT.glob("docker-compose*.yml")))
    named = re.findall(r"^ +image: (?:\$\{\w+:-)?([\w/.-]+)", composed, flags=re.MULTILINE)
    assert sorted(SECTIONS[IMAGES]) == sorted(set(named) - {ours})


def test_all_weights_have_a_row_and_no_other() -> None:
    listed = load_yaml((ROOT / "resources" / "weights.yaml").read_text(encoding="utf-8"))
    assert sorted(SECTIONS[WEIGHTS]) == sorted(listed)
