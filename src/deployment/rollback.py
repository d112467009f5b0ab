"""Brings the previous version back by hand: its image is on the server, so that nothing is built or fetched."""

import time
from pathlib import Path

import texts.deploy
from deployment.checkout import Checkout
from deployment.commands import Commands
from deployment.engine import CANARY, IMAGE, Engine
from deployment.records import Record, Records, Step, timed
from deployment.reports import named, report_text, say
from deployment.service import PATIENT_S, Service
from deployment.settings import DeploySettings
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit


def roll_back(settings: DeploySettings, records: Records, record: Record, commands: Commands) -> Path:
    """Replace what runs by what ran before it; when that is not ready, what ran stays. Return the path of the report.

    After a deploy that was killed, "before it" is what ran when that deploy began. The database stays as it is:
    migrations are compatible one version back.

    Raises:
        DeploymentStopped: nothing runs, or there is no image to go back to.
    """
    began = time.monotonic()
    engine, checkout = Engine(commands), Checkout(commands)
    engine.require()
    service = Service(engine, settings.limits)
    running, before = service.running(), records.unfinished()
    current = next((each for each in running if each.service == "voxpersona"), None)
    if current is None:
        raise DeploymentStopped(why=texts.deploy.NOTHING_RUNS)
    former = before.former_image if before is not None else engine.image_id(f"{IMAGE}:previous")
    if former is None or (former == current.image and before is None):
        raise DeploymentStopped(why=texts.deploy.NO_PREVIOUS)
    engine.remove(CANARY)
    record.former_image, record.former_commit = current.image, current.commit
    record.target_commit = engine.commit_of(former)
    workers = sum(each.service == "worker" for each in running)
    record.steps.append(Step("rollback"))
    _move_files(checkout, record.target_commit)
    try:
        with timed(record.steps[-1]):
            service.replace(former, workers, alone=True)
            service.wait_until_ready(service.running, PATIENT_S)
        if former != current.image:
            engine.tag(current.image, f"{IMAGE}:previous")
        record.result = "done"
    except VersionUnfit as exc:
        record.why, record.result = texts.deploy.ROLLBACK_UNDONE.format(what=exc.what), "stopped"
        _move_files(checkout, current.commit)
        service.replace(current.image, workers, alone=True)
    record.seconds = record.seconds_away = round(time.monotonic() - began, 1)
    return records.finish(record, report_text(record))


def _move_files(checkout: Checkout, commit: str) -> None:
    """Let the compose file and the scripts be those of ``commit``; when that is not possible, say so and go on."""
    if not commit:
        return
    try:
        checkout.require_clean()
        checkout.go_to(commit)
    except DeploymentStopped as exc:
        say(exc.why)
    except CommandFailed as exc:
        say(texts.deploy.ROLLBACK_CHECKOUT.format(commit=named(commit), reason=exc.reason))
