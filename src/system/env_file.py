"""Files like ``.env``: what stands in them, read as Docker Compose reads it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from dotenv.parser import Binding, parse_stream

import texts.errors
from errors import UnreadableSettings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SINGLE_QUOTED = re.compile(r"[^=]*=\s*'")


def lines(path: Path, root: Path) -> Iterator[tuple[int, Binding]]:
    """Yield what a file like ``.env`` sets, with the number of its line; nothing is expanded.

    Errors name a file in the folder ``root`` by its name, all others by their path.

    Raises:
        UnreadableSettings: the file cannot be read, or some lines are no ``NAME=value``. Their numbers are named.
    """
    shown = path.name if path.parent == root else path
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError:
        raise UnreadableSettings(reason=texts.errors.ENV_CLOSED.format(path=shown)) from None
    except UnicodeDecodeError as exc:
        # Not its cause: that one has the file's content.
        line = content.count(b"\n", 0, exc.start) + 1
        raise UnreadableSettings(reason=texts.errors.ENV_NOT_UTF8.format(path=shown, line=line)) from None
    found, wrong = [], []
    for each in parse_stream(io.StringIO(text)):
        written = each.original.string
        line = each.original.line + len(written[: len(written) - len(written.lstrip())].splitlines())
        if each.error or (each.key is not None and not _is_plain(each)):
            wrong.append(str(line))
        elif each.key is not None:
            found.append((line, each))
    if wrong:
        raise UnreadableSettings(reason=texts.errors.ENV_LINES.format(path=shown, lines=", ".join(wrong)))
    yield from found


def _is_plain(each: Binding) -> bool:
    """Tell whether a line is ``NAME=value``. A value of several lines is a quote that was closed by accident."""
    value = each.value
    return value is not None and _NAME.fullmatch(str(each.key)) is not None and not set(value) & set("\n\r\0")


def check(root: Path) -> None:
    """Refuse an ``.env`` in ``root`` that cannot be read, or that Compose, which reads it too, understands otherwise.

    Compose expands ``$NAME`` and ``${NAME}`` outside single quotes, the library here ``${NAME}`` everywhere.

    Raises:
        UnreadableSettings: the lines are named, not what stands there.
    """
    path = root / ".env"
    if path.is_dir():
        raise UnreadableSettings(reason=texts.errors.ENV_IS_FOLDER)
    if not path.is_file():
        return
    wrong = [
        str(line)
        for line, each in lines(path, root)
        if "${" in (value := each.value or "") or ("$" in value and not _SINGLE_QUOTED.match(each.original.string))
    ]
    if wrong:
        raise UnreadableSettings(reason=texts.errors.ENV_DOLLAR.format(lines=", ".join(wrong)))
