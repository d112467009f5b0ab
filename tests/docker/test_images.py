"""The images: how large they are, what is in them and what not, and that they run where nothing can be written."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from config import ROOT, version
from docker_engine import COMMIT, Image

MEGABYTE = 1_000_000
LIMITS = {"lite": 650 * MEGABYTE, "full": 1200 * MEGABYTE}
LOCKED = ("--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
"""How the compose file runs it."""
USER = 10001
START_LIMIT_NS = 20_000_000_000
"""In which an engine on a machine at its limit has begun a check: 6 s were measured at a load of 20."""


def inspected(image: Image) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(image.docker.run("image", "inspect", image.tag).stdout)
    return found[0]


def said(image: Image, *arguments: str, options: tuple[str, ...] = LOCKED) -> subprocess.CompletedProcess[str]:
    """Run the product in the image."""
    return image.docker.run("run", "--rm", *options, image.tag, *arguments, check=False)


def shell(image: Image, script: str) -> str:
    """Run a script in the image as root, which sees everything."""
    return image.docker.run(
        *("run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", image.tag, "-euc", script)
    ).stdout


def test_it_stays_within_its_size(image: Image) -> None:
    folders = shell(
        image, "du -xm --max-depth=6 / | sort -rn | grep -E '(site-packages|/opt/local|/usr/lib|/app)/[^/]+$' | head"
    )
    size = inspected(image)["Size"]
    print(f"{image.target}: {size / MEGABYTE:.0f} MB\n{folders}")
    assert size <= LIMITS[image.target], folders


def test_nobody_in_it_is_root(image: Image) -> None:
    assert inspected(image)["Config"]["User"] == f"{USER}:{USER}"
    ids = image.docker.run("run", "--rm", *LOCKED, "--entrypoint=id", image.tag, "-u").stdout
    assert int(ids) == USER


def test_its_own_files_cannot_be_changed_by_it(image: Image) -> None:
    writable = image.docker.run(
        *("run", "--rm", "--network=none", "--entrypoint=find", image.tag),
        *("/app", "/opt", "/usr", "/etc", "/var", "-xdev", "-writable", "-not", "-type", "l"),
        check=False,
    ).stdout.split()
    assert set(writable) <= {"/app/persistent_data", "/var/tmp", "/var/lock"}  # noqa: S108  # of the system


def test_it_holds_nothing_that_only_building_and_testing_need(image: Image) -> None:
    unwanted = (
        r"\( -name .git -o -name '.env*' -o -name '*.whl' -o -path '*/.cache/pip' -o -name setuptools"
        r" -o -name 'requirements*.txt' -o -name Dockerfile -o -path '/run/secrets*' -o -path '/var/lib/apt/lists/*'"
        r" -o -path '/app/*' -name 'test*' -o -path '/app/docs*' \)"
    )
    programs = "for name in gcc cc g++ make ld git curl wget; do command -v $name || true; done"
    there = shell(image, f"{programs}; find / -xdev {unwanted} -print")
    assert there.split() == []


def test_nothing_of_the_secrets_of_the_build_stays(image: Image) -> None:
    history = image.docker.run("history", "--no-trunc", "--format={{.CreatedBy}}", image.tag).stdout
    assert "index-url" not in history
    assert "PIP_" not in json.dumps(inspected(image)["Config"])
    settings = shell(
        image, "find / -xdev -name pip.conf; grep -rlE 'index-url|PIP_CERT' /etc /app /opt/venv/bin || true"
    )
    assert settings.split() == []


def test_it_tells_its_version_and_its_commit(image: Image) -> None:
    labels = inspected(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == version()
    assert labels["org.opencontainers.image.revision"] == COMMIT
    assert f"BUILD_COMMIT={COMMIT}" in inspected(image)["Config"]["Env"]
    assert said(image, "--version").stdout == f"VoxPersona {version()}\n"


def test_it_is_asked_whether_it_is_ready_and_stopped_in_order(image: Image) -> None:
    config = inspected(image)["Config"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/app/scripts/health-check"]
    assert config["Healthcheck"]["Timeout"] >= START_LIMIT_NS
    assert config["StopSignal"] == "SIGTERM"
    nobody = image.docker.run(
        *("run", "--rm", *LOCKED, "--entrypoint=/app/scripts/health-check", image.tag), check=False
    )
    assert (nobody.returncode, nobody.stderr) == (1, "")
    assert "Бот не отвечает" in nobody.stdout


LEFT_OUT = {
    "lite": {
        "speech_to_text.local": "ctranslate2",
        "speech_to_text.onnx": "ctranslate2",
        "speech_to_text.two_models": "ctranslate2",
        "speech_to_text.whisper": "ctranslate2",
        "speech_to_text.whisper_decoding": "ctranslate2",
        "speech_to_text.whisper_holes": "ctranslate2",
        "speech_to_text.whisper_loading": "ctranslate2",
    },
    "full": {},
}


def test_every_module_imports(image: Image) -> None:
    program = Path(__file__).with_name("import_everything.py")
    printed = image.docker.run(
        *("run", "--rm", *LOCKED, f"--volume={program}:/import_everything.py:ro", "--entrypoint=python"),
        *(image.tag, "/import_everything.py"),
    ).stdout
    found = json.loads(printed)
    assert found["failed"] == LEFT_OUT[image.target]
    slow = found["without_bytecode"]
    assert len(slow) <= found["modules"] * 0.02, f"name what imports these in scripts/bytecode: {slow}"


def test_its_packages_are_complete(image: Image) -> None:
    checked = image.docker.run(
        *("run", "--rm", *LOCKED, "--entrypoint=python", image.tag, "-m", "pip", "check"), check=False
    )
    problems = [line for line in checked.stdout.splitlines() if not line.startswith("No broken")]
    if image.target == "lite":
        # Of faster-whisper it has the model that finds speech alone.
        problems = [line for line in problems if not line.startswith("faster-whisper ")]
    assert problems == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, ["DATABASE_URL", "requirements-embedded.txt"]),
        (("doctor",), 2, ["DATABASE_URL", "LLM_BASE_URL", "requirements-embedded.txt"]),
        (("nonsense",), 2, ["nonsense"]),
    ],
)
def test_without_settings_it_says_what_is_missing(
    image: Image, arguments: tuple[str, ...], status: int, words: list[str]
) -> None:
    done = said(image, *arguments, options=(*LOCKED, f"--tmpfs=/app/persistent_data:uid={USER}", "--env=COLUMNS=400"))
    told = done.stdout + done.stderr
    # 3: without a network no weights come for speech recognition, which lite has not.
    assert done.returncode == (3 if (arguments, image.target) == (("doctor",), "full") else status), told
    assert "Traceback" not in told
    for word in words:
        assert word in told


def test_lite_says_what_it_lacks(lite: Image) -> None:
    done = said(lite, "doctor", options=(*LOCKED, f"--tmpfs=/app/persistent_data:uid={USER}", "--env=COLUMNS=400"))
    for word in ("ASR_BASE_URL", "EMBEDDINGS_BASE_URL", "requirements-local.txt"):
        assert word in done.stdout


def test_where_nothing_can_be_written_it_says_so(image: Image) -> None:
    done = said(image, "doctor")
    assert done.returncode == 2
    assert "PERSISTENT_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_change_of_code_makes_the_last_layer_anew_and_no_other(image: Image, tmp_path: Path) -> None:
    context = tmp_path / "context"
    kept = shutil.ignore_patterns("__pycache__", ".venv", ".git", "persistent_data", "tests", "docs", ".*_cache")
    shutil.copytree(ROOT, context, ignore=kept)
    with (context / "src" / "constants.py").open("a", encoding="utf-8") as file:
        file.write("\nCHANGED = True\n")
    tag = f"{image.tag}-changed"
    began = time.monotonic()
    image.docker.build(image.target, tag, context, COMMIT=COMMIT)
    took = time.monotonic() - began
    try:
        before, after = (
            inspected(each)["RootFS"]["Layers"] for each in (image, Image(image.docker, image.target, tag))
        )
    finally:
        image.docker.run("image", "rm", "--force", tag)
    print(f"{image.target}: built again in {took:.0f} s")
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


def test_what_is_not_allowed_does_not_get_in(lite: Image, tmp_path: Path) -> None:
    """A secret beside the code, and one within its folders."""
    context = tmp_path / "context"
    kept = shutil.ignore_patterns("__pycache__", ".venv", ".git", "persistent_data", "tests", "docs", ".*_cache")
    shutil.copytree(ROOT, context, ignore=kept)
    for name in (".env", "notes.txt", "src/.env", "prompts/.secret", "scripts/deploy-key", "src/__pycache__/x.pyc"):
        (context / name).parent.mkdir(exist_ok=True)
        (context / name).write_text("secret-of-this-test")
    tag = f"{lite.tag}-secrets"
    lite.docker.build("lite", tag, context, COMMIT=COMMIT)
    try:
        found = shell(Image(lite.docker, "lite", tag), "grep -rl secret-of-this-test /app || true")
    finally:
        lite.docker.run("image", "rm", "--force", tag)
    assert found.split() == []
