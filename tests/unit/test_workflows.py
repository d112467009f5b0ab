"""The workflows of GitHub: nothing in them changes by itself, may do more than needed, or names what is not there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RIGHTS = {"check": {"contents"}, "test": {"contents"}, "images": {"contents"}, "audit": {"contents"}}
RIGHTS |= {"deploy": {"actions"}}
PROGRAMS = Path(sys.executable).parent


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        yield from read(path)["jobs"].items()


def steps() -> list[dict[str, Any]]:
    return [step for _, job in jobs() for step in job["steps"]]


def named_scripts() -> set[str]:
    """What runs on the runner; what runs on the server, over SSH, is the server's own."""
    ours = (step.get("run", "").partition("ssh -i")[0] for step in steps())
    return {name for run in ours for name in re.findall(r"(?<![\w/])(?:scripts|tests)/[\w./-]+", run)}


def test_the_two_are_there() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "deploy.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_follows_the_schema(path: Path) -> None:
    command = [str(PROGRAMS / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_actions_are_pinned_by_commit_and_tell_their_version() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in steps())
    for line in lines:
        assert re.fullmatch(r"\s*(- )?uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_jobs_have_the_rights_they_need_and_no_others() -> None:
    for path in WORKFLOWS:
        assert read(path)["permissions"] == {}, path.name
    assert {name: set(job["permissions"]) for name, job in jobs()} == RIGHTS
    assert {right for _, job in jobs() for right in job["permissions"].values()} == {"read"}


def test_no_job_keeps_the_token_or_runs_for_ever() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all(job["timeout-minutes"] <= 60 for _, job in jobs())


def test_what_people_wrote_is_never_part_of_a_script() -> None:
    assert not [step["run"] for step in steps() if "${{" in step.get("run", "")]


@pytest.mark.parametrize("name", sorted(named_scripts()))
def test_every_script_and_test_that_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("step", [step for step in steps() if "run" in step], ids=lambda step: step["name"])
def test_scripts_within_are_clean(step: dict[str, Any]) -> None:
    command = [str(PROGRAMS / "shellcheck"), "--shell=bash", "-"]
    done = subprocess.run(command, input=step["run"], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_one_deploy_at_a_time_after_an_approval_to_a_server_that_is_known() -> None:
    workflow = read(ROOT / ".github" / "workflows" / "deploy.yml")
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    [job] = workflow["jobs"].values()
    assert job["environment"] == "production"
    assert job["if"] == "github.ref == 'refs/heads/main'"
    command = job["steps"][-1]["run"]
    assert "StrictHostKeyChecking=yes" in command
    assert "exec scripts/deploy --commit=$GITHUB_SHA" in command, "the branch may have got further since CI passed"
    assert not re.search(r"\b(scp|rsync|sftp|keyscan)\b", command)


@pytest.mark.parametrize("sent", ["cd -- folder && exec scripts/deploy --commit=", ""])
def test_the_server_s_own_command_takes_nothing_but_the_commit_of_what_it_is_sent(tmp_path: Path, sent: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [forced] = re.findall(r'^restrict,command="(.*)"$', page, re.MULTILINE)
    script = tmp_path / "scripts" / "deploy"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    script.chmod(0o755)
    command = forced.replace('\\"', '"').replace("FOLDER", str(tmp_path))
    told = {"PATH": "/usr/bin:/bin", "SSH_ORIGINAL_COMMAND": f"{sent}{'a' * 40}; reboot"}
    done = subprocess.run(["sh", "-c", command], env=told, capture_output=True, text=True, check=True)
    # Which the deploy refuses, for it is no commit.
    assert done.stdout == f"--commit={'a' * 40}; reboot|"


def test_every_kind_of_check_is_made() -> None:
    commands = " ".join(step.get("run", "") + step.get("uses", "") for step in steps())
    named = (
        "scripts/check",
        "scripts/test",
        "scripts/test-docker",
        "scripts/test-properties",
        "test_linted",
        "test_workflows",
        "pip-audit",
        "gitleaks",
    )
    assert [name for name in (*named, "sbom-action") if name not in commands] == []


def test_zizmor_finds_nothing() -> None:
    command = [str(PROGRAMS / "zizmor"), "--offline", "--persona=pedantic", "--no-progress", str(ROOT / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
