"""Files like ``.env``: what stands in them, read as Docker Compose reads it. It needs no library: servers have none."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import texts.errors
from errors import UnreadableSettings

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*=(?P<gap>[^\S\n]*+)
    (?:'(?P<single>(?:\\.|[^'\\])*)'\s*(?:\#.*)?|"(?P<double>(?:\\.|[^"\\])*)"\s*(?:\#.*)?|(?P<plain>(?!['"]).*))""",
    re.VERBOSE,
)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Given(NamedTuple):
    """A setting in a file; what is ``literal``, in single quotes, is expanded by nobody."""

    name: str
    value: str
    literal: bool


def lines(path: Path, root: Path) -> Iterator[tuple[int, Given]]:
    """Yield what a file like ``.env`` sets, with the number of its line; nothing is expanded.

    Errors name a file in the folder ``root`` by its name, all others by their path.

    Raises:
        UnreadableSettings: the file cannot be read, or some lines are no ``NAME=value``. Their numbers are named.
    """
    shown = path.name if path.parent == root else path
    try:
        content = path.read_bytes()
        text = content.decode("utf-8").removeprefix("\ufeff")
    except OSError:
        raise UnreadableSettings(reason=texts.errors.ENV_CLOSED.format(path=shown)) from None
    except UnicodeDecodeError as exc:
        # Not its cause: that one has the file's content.
        line = content.count(b"\n", 0, exc.start) + 1
        raise UnreadableSettings(reason=texts.errors.ENV_NOT_UTF8.format(path=shown, line=line)) from None
    found, wrong = [], []
    for number, written in enumerate(re.split("\r\n|\n|\r", text), 1):
        if not written.strip() or written.lstrip().startswith("#"):
            continue
        if (given := _given(written)) is None:
            wrong.append(str(number))
        else:
            found.append((number, given))
    if wrong:
        raise UnreadableSettings(reason=texts.errors.ENV_LINES.format(path=shown, lines=", ".join(wrong)))
    yield from found


def _given(line: str) -> Given | None:
    """Return what a line sets; None when it is no ``NAME=value`` on this one line."""
    match = _LINE.fullmatch(line)
    if match is None or "\0" in line:
        return None
    if (single := match["single"]) is not None:
        return Given(match["name"], re.sub(r"\\([\\'])", r"\1", single), literal=True)
    if (double := match["double"]) is not None:
        value = re.sub(r"""\\([\\'"abfnrtv])""", lambda found: _ESCAPED.get(found[1], found[1]), double)
        return None if set(value) & set("\n\r") else Given(match["name"], value, literal=False)
    return Given(match["name"], re.sub(r"\s+#.*", "", match["gap"] + match["plain"]).strip(), literal=False)


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
        str(line) for line, each in lines(path, root) if "${" in each.value or ("$" in each.value and not each.literal)
    ]
    if wrong:
        raise UnreadableSettings(reason=texts.errors.ENV_DOLLAR.format(lines=", ".join(wrong)))
