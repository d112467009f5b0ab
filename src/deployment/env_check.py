"""Tells on the server what is wrong with ``.env``, which no container sees: ``python -m deployment.env_check``.

It needs no library, for the server has none.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import texts.operation
from errors import UnreadableSettings
from system import env_file
from system.other_settings import OF_COMPOSE, OF_DEPLOYS, OF_STORAGE

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLE = re.compile(r"^(?:# )?([A-Z0-9_]+)=", re.MULTILINE)
_PROBLEM, _PROBLEM_STATUS = "✖", 2


def complaints(root: Path) -> Iterator[str]:
    """Yield what an operator should know of ``.env`` in ``root``; the template beside it names the settings.

    Raises:
        UnreadableSettings: it cannot be read, or Compose would understand it otherwise.
    """
    env_file.check(root)
    path = root / ".env"
    given = {each.name: each.value for _, each in env_file.lines(path, root)} if path.is_file() else {}
    settings = _EXAMPLE.findall((root / ".env.example").read_text(encoding="utf-8"))
    forms = OF_COMPOSE | OF_DEPLOYS
    # Which settings may stand in a file of their own, the product itself says.
    known = {*settings, *(f"{each}_FILE" for each in settings), *forms}
    for name, value in sorted(given.items()):
        if name.upper() not in known and not name.startswith(OF_STORAGE):
            yield texts.operation.SETTING_UNKNOWN.format(name=name)
        elif value and name in forms and not re.fullmatch(forms[name], value):
            form = texts.operation.FORMS.get(name)
            allowed = texts.operation.ALLOWED.format(form=form) if form else ""
            yield texts.operation.SETTING_WRONG.format(name=name, allowed=allowed)


def main() -> int:
    """Print what is wrong; return the exit status."""
    status = 0
    try:
        for line in complaints(_ROOT):
            print(line)  # noqa: T201
            status = _PROBLEM_STATUS if line.startswith(_PROBLEM) else status
    except UnreadableSettings as exc:
        print(exc.user_text)  # noqa: T201
        return _PROBLEM_STATUS
    return status


if __name__ == "__main__":
    sys.exit(main())
