"""docs/operations.md names all that operators meet: it cannot be older than what it is about."""

import re
from pathlib import Path

import pytest
import yaml

from config import ROOT, Settings
from health.board import Part

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMPOSE = sorted(ROOT.glob("docker-compose*.yml"))
CODE = re.findall(r"`([^`\n]+)`", PAGE)


def rows() -> list[str]:
    """The symptoms in the table of symptoms."""
    table = PAGE.partition("## Symptoms, causes, commands")[2].partition("\n## ")[0]
    return [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("part", list(Part))
def test_every_part_of_health_has_a_symptom(part: Part) -> None:
    assert any(f"`{part}`" in symptom for symptom in rows())


def test_every_alert_has_a_symptom() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert alerts
    assert {alert for alert in alerts if not any(f"`{alert}`" in symptom for symptom in rows())} == set()


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_every_variable_of_the_compose_files_is_explained(path: Path) -> None:
    variables = set(re.findall(r"\$\{([A-Z_]+)", path.read_text(encoding="utf-8")))
    assert {name for name in variables if f"`{name}`" not in PAGE} == set()


def test_every_setting_that_is_named_exists() -> None:
    of_compose = {name for path in COMPOSE for name in re.findall(r"\$\{([A-Z_]+)", path.read_text(encoding="utf-8"))}
    of_github = set(
        re.findall(r"(?:secrets|vars)\.([A-Z_]+)", (ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))
    )
    known = {field.upper() for field in Settings.model_fields} | of_compose | of_github
    known |= {"COMPOSE_FILE", "SSH_ORIGINAL_COMMAND"}  # of Compose and of sshd
    named = {word for code in CODE for word in re.findall(r"\b[A-Z]+_[A-Z_]*[A-Z]\b(?!\*)", code)}
    assert named - known - {"TELEGRAM_"} == set()


def test_every_profile_and_file_that_is_named_exists() -> None:
    assert {"ollama", "monitoring", "webhook"} >= set(re.findall(r"--profile (\w+)", PAGE))
    files = set(re.findall(r"docker-compose[\w.]*\.yml", PAGE)) - {"docker-compose.override.yml"}
    assert files == {path.name for path in COMPOSE}


def test_every_metric_that_is_named_exists() -> None:
    said = (ROOT / "src" / "metrics.py").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"voxpersona_[a-z_]+", PAGE) if f'"{name}"' not in said] == []


def test_the_index_links_it() -> None:
    assert "(operations.md)" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
