"""The pack's files as they are read; whatever is wrong with one is a ``BadReportPack`` that names it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

import texts.reports
from datamodels import Value
from errors import BadReportPack
from prompt_pack.templates import Schema, Template, check_schema
from utils import load_yaml

M = TypeVar("M", bound=Value)


class PackFiles:
    """The files under ``root``, by their paths relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def folders(self, path: str = ".") -> list[str]:
        """Return the folders in ``path`` as sorted paths, without those whose names begin with ``.`` or ``__``."""
        folder = self.root / path
        if not folder.is_dir():
            raise BadReportPack(reason=texts.reports.PACK_NO_FOLDER.format(path=folder.name))
        found = [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith((".", "__"))]
        return sorted(each.relative_to(self.root).as_posix() for each in found)

    def resolve(self, folder: str, name: str) -> str:
        """Return the path, relative to the root, of the file that a manifest in ``folder`` calls ``name``."""
        path = (self.root / folder / name).resolve()
        if not path.is_relative_to(self.root):
            raise BadReportPack(reason=texts.reports.PACK_OUTSIDE.format(path=f"{folder}/{name}"))
        return path.relative_to(self.root).as_posix()

    def text(self, path: str) -> str:
        file = self.root / path
        if not file.is_file():
            raise BadReportPack(reason=texts.reports.PACK_NO_FILE.format(path=path))
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise BadReportPack(reason=texts.reports.PACK_UNREADABLE.format(path=path, problem=exc)) from exc

    def template(self, path: str) -> Template:
        return Template(name=path, source=self.text(path))

    def schema(self, path: str) -> Schema:
        return _schema(path, self.text(path))

    def manifest(self, path: str, model: type[M]) -> M:
        """Read a YAML file as a ``model``."""
        try:
            content: Any = load_yaml(self.text(path))
        except yaml.MarkedYAMLError as exc:
            line = exc.problem_mark.line + 1 if exc.problem_mark else 1
            raise BadReportPack(reason=texts.reports.PACK_NOT_YAML.format(path=path, line=line)) from exc
        except yaml.YAMLError as exc:
            raise BadReportPack(reason=texts.reports.PACK_NOT_YAML.format(path=path, line=1)) from exc
        if not isinstance(content, dict):
            raise BadReportPack(reason=texts.reports.PACK_NOT_A_MAPPING.format(path=path))
        try:
            return model.model_validate(content)
        except ValidationError as exc:
            raise BadReportPack(reason=_reason(path, exc)) from exc

    def fingerprint(self, paths: Iterable[str]) -> str:
        """Return the sha256 over the paths and contents of the files, in whatever order they are given."""
        digest = hashlib.sha256()
        for path in sorted(set(paths)):
            content = self.text(path).encode()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


@lru_cache(maxsize=512)
def _schema(path: str, content: str) -> Schema:
    # Kept: a pack has the same file for each type of building, and to check it takes most of the time.
    try:
        schema = json.loads(content)
    except json.JSONDecodeError as exc:
        raise BadReportPack(reason=texts.reports.PACK_NOT_JSON.format(path=path, line=exc.lineno)) from exc
    if not isinstance(schema, dict):
        raise BadReportPack(reason=texts.reports.PACK_NOT_A_MAPPING.format(path=path))
    check_schema(path, schema)
    return schema


def check_unique(path: str, what: str, values: Sequence[object]) -> None:
    """Raise ``BadReportPack`` when a value occurs twice; ``what`` names the values to people."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise BadReportPack(reason=texts.reports.PACK_NOT_UNIQUE.format(path=path, what=what, value=value))


def _reason(path: str, exc: ValidationError) -> str:
    error = exc.errors()[0]
    field = ".".join(str(part) for part in error["loc"]) or "—"
    if error["type"] == "extra_forbidden":
        return texts.reports.PACK_UNKNOWN_KEY.format(path=path, field=field)
    if error["type"] == "missing":
        return texts.reports.PACK_MISSING_KEY.format(path=path, field=field)
    problem = str(error["ctx"]["error"]) if error["type"] == "value_error" else texts.reports.PACK_VALUE
    return texts.reports.PACK_BAD_VALUE.format(path=path, field=field, problem=problem)
