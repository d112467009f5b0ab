"""What stands beside the compose file: it is one, and asks for metrics that there are."""

import os
import re
import shutil
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
        assert service["logging"] == {"driver": "json-file", "options": {"max-file": "6", "max-size": "10m"}}, name
        hosts = {port.get("host_ip") for port in service.get("ports", ())}
        assert name == "caddy" or hosts <= {"127.0.0.1"}, name


def test_without_settings_compose_lacks_nothing(tmp_path: Path) -> None:
    shutil.copy(FILES[0], tmp_path)
    done = run(
        [COMPOSE, "config"], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    environment = yaml.safe_load(done.stdout)["services"]["voxpersona"]["environment"]
    secrets = {name: each for name, each in environment.items() if name.endswith("_FILE")}
    assert secrets.keys() == {"DATABASE_URL_FILE", "MINIO_ACCESS_KEY_FILE", "MINIO_SECRET_KEY_FILE", "HTTP_TOKEN_FILE"}
    # Where the first start puts what it makes.
    assert all(each.startswith("/app/persistent_data/secrets/product/") for each in secrets.values())


@pytest.mark.parametrize(("given", "workers"), [({}, 1), ({"WORKERS": ""}, 1), ({"WORKERS": "4"}, 4)])
def test_as_many_workers_as_the_settings_say(given: dict[str, str], workers: int) -> None:
    command = [COMPOSE, "--file", str(FILES[0]), "config", "--format=json"]
    told = {"PATH": os.environ["PATH"], **given}
    done = run(command, capture_output=True, text=True, check=True, env=told)
    assert yaml.safe_load(done.stdout)["services"]["worker"]["deploy"]["replicas"] == workers


def test_everything_that_asks_the_object_store_asks_minio_where_that_is_in_its_place() -> None:
    options = [option for file in FILES for option in ("--file", str(file))]
    done = run([COMPOSE, *options, "--profile", "*", "config"], capture_output=True, text=True, check=True)
    services = yaml.safe_load(done.stdout)["services"]
    asked = {name: (each.get("environment") or {}).get("MINIO_ENDPOINT") for name, each in services.items()}
    asked = {name: endpoint for name, endpoint in asked.items() if endpoint}
    assert asked == dict.fromkeys(("backup", "migrate", "voxpersona", "worker"), "objects:9000")


def test_other_machines_reach_two_ports_at_the_address_that_is_named_and_none_without_it() -> None:
    options = ["--file", str(FILES[0]), "--file", str(ROOT / "docker-compose.machines.yml"), "config"]
    told = {"PATH": os.environ["PATH"], "SHARED_ADDRESS": "10.9.0.1"}
    done = run([COMPOSE, *options], capture_output=True, text=True, check=False, env=told)
    services = yaml.safe_load(done.stdout)["services"]
    ports = {
        (name, port["host_ip"], port["target"]) for name, each in services.items() for port in each.get("ports", ())
    }
    assert ports == {
        ("voxpersona", "127.0.0.1", 8690),
        ("postgres", "10.9.0.1", 5432),
        ("objects", "10.9.0.1", 8333),
    }
    shared = {name for name, each in services.items() if "machines" in each.get("networks", ())}
    assert shared == {"postgres", "objects"}
    told.pop("SHARED_ADDRESS")
    done = run([COMPOSE, *options], capture_output=True, text=True, check=False, env=told)
    assert done.returncode != 0


def test_a_machine_with_workers_alone_starts_no_database() -> None:
    options = ["--file", str(FILES[0]), "--file", str(ROOT / "docker-compose.worker.yml"), "config", "--format=json"]
    done = run([COMPOSE, *options], capture_output=True, text=True, check=False)
    worker = yaml.safe_load(done.stdout)["services"]["worker"]
    assert set(worker["depends_on"]) == {"prepare"}
    assert set(worker["networks"]) == {"outside"}


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
