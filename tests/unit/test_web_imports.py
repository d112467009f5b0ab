"""Who does not serve HTTP does not wait for its libraries."""

import subprocess
import sys

from config import ROOT

_CODE = """
import sys
import application.bot, cli.commands, cli.doctor, cli.process
print(sorted({"fastapi", "uvicorn", "starlette", "opentelemetry"} & {name.partition(".")[0] for name in sys.modules}))
"""


def test_commands_and_the_bot_before_it_starts_load_no_web_framework() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE], cwd=ROOT / "src", capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
