"""What stands beside the compose file: it is one, and asks for metrics that there are."""

import re
import sys
from pathlib import Path
from subprocess import run

import pytest
import yaml
from prometheus_client import REGISTRY

import metrics  # noqa: F401  # registers what the product counts
from config import ROOT

COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
FILES = [ROOT / "docker-compose.yml", ROOT / "docker-compose.minio.yml"]
MONITORING = ROOT / "deploy" / "monitoring"


def test_the_compose_file_follows_the_specification() -> None:
    checker = str(Path(sys.executable).with_name("check-jsonschema"))
    done = run(
        [checker, "--builtin-schema", "vendor.compose-spec", FILES[0]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("files", [FILES[:1], FILES])
def test_compose_understands_it_with_every_profile(files: list[Path]) -> None:
    options = [option for file in files for option in ("--file", str(file))]
    done = run([COMPOSE, *options, "--profile", "*", "config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services.keys() >= {"voxpersona", "worker", "prepare", "migrate", "postgres", "objects", "caddy", "grafana"}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"], name
        hosts = {port.get("host_ip") for port in service.get("ports", ())}
        assert name == "caddy" or hosts <= {"127.0.0.1"}, name


@pytest.mark.parametrize("path", sorted(MONITORING.rglob("*.*")), ids=lambda path: str(path.name))
def test_monitoring_asks_for_metrics_that_there_are(path: Path) -> None:
    asked = set(re.findall(r"voxpersona_[a-z_]+", path.read_text(encoding="utf-8")))
    there: set[str] = set()
    for family in REGISTRY.collect():
        if family.type == "histogram":
            there |= {f"{family.name}_{end}" for end in ("bucket", "sum", "count")}
        else:
            there.add(f"{family.name}_total" if family.type == "counter" else family.name)
    assert asked <= there
