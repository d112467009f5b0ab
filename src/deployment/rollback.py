"""Brings the previous version back by hand: its image is on the server, so that nothing is built or fetched."""

import time
from contextlib import suppress
from pathlib import Path

import texts.deploy
from deployment.checkout import Checkout
from deployment.commands import Commands
from deployment.engine import CANARY, CHECK, IMAGE, Container, Engine
from deployment.preflight import require_files, reserve_way_back
from deployment.records import Record, Records, Step, timed
from deployment.reports import named, report_text, say, why_of
from deployment.service import PATIENT_S, Service
from deployment.settings import DeploySettings
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit


def roll_back(settings: DeploySettings, records: Records, record: Record, commands: Commands) -> Path:
    """Replace what runs by what ran before it; when that does not work, what ran comes back. Return the report's path.

    After a deploy that was killed, "before it" is what ran when that deploy began; a rollback that was killed is done
    again. The database stays as it is: migrations are compatible one version back.

    Raises:
        DeploymentStopped: nothing runs, there is no image to go back to, or no space to start it.
    """
    began = time.monotonic()
    records.free_reserve()
    engine, checkout = Engine(commands), Checkout(commands)
    engine.require()
    engine.config()
    require_files(commands.root, engine, settings)
    # What a killed deploy has left beside the product is no version that runs.
    engine.remove(CANARY)
    engine.remove(CHECK)
    service = Service(engine, settings.limits)
    former = _plan(record, service.running(), records.unfinished(), engine)
    # Nothing is stopped before it is known that the other one can be started, for which it then gets all of that space.
    reserve_way_back(commands.root, engine, records)
    records.free_reserve()
    with suppress(DeploymentStopped, CommandFailed):
        record.head = checkout.head()
    record.step, record.switched = "rollback", True
    record.steps.append(Step("rollback"))
    try:
        # Going back needs no space.
        with suppress(OSError):
            records.save(record)
        with timed(record.steps[-1]):
            _move_files(checkout, record.target_commit)
            service.replace(former, record.workers, alone=True)
            service.wait_until_ready(service.running, PATIENT_S)
        record.result, record.switched = "done", False
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001  # whatever it is, what ran comes back
        commands.shield()
        what = texts.deploy.FORMER_VERSION.format(what=exc.what) if isinstance(exc, VersionUnfit) else why_of(exc)
        record.why = what
        _undo(record, service, checkout)
    commands.shield()
    if record.result == "done" and record.former_image is not None and former != record.former_image:
        with suppress(CommandFailed, DeploymentStopped):
            engine.tag(record.former_image, f"{IMAGE}:previous")
    record.seconds = record.seconds_away = round(time.monotonic() - began, 1)
    return records.finish(record, report_text(record))


def _plan(record: Record, running: list[Container], before: Record | None, engine: Engine) -> str:
    """Note in ``record`` what runs and what is gone back to; return the image of that."""
    current = next((each for each in running if each.service == "voxpersona"), None)
    if before is not None and before.target_image is not None:
        # Of a rollback that was killed nobody knows how far it got.
        record.go_on_from(before)
        former: str | None = before.target_image
    elif before is not None:
        former, record.workers = before.former_image, before.workers
    elif current is None:
        raise DeploymentStopped(why=texts.deploy.NOTHING_RUNS)
    else:
        former = engine.image_id(f"{IMAGE}:previous")
    if current is not None and record.former_image is None:
        record.former_image, record.former_commit = current.image, current.commit
        if record.workers is None:
            record.workers = sum(each.service == "worker" for each in running)
    if former is None or engine.image_id(former) is None or (before is None and former == record.former_image):
        raise DeploymentStopped(why=texts.deploy.NO_PREVIOUS)
    record.target_image, record.target_commit = former, engine.commit_of(former)
    return former


def _undo(record: Record, service: Service, checkout: Checkout) -> None:
    """Bring back what ran before the rollback."""
    record.result = "undo_failed"
    _move_files(checkout, record.head)
    if record.former_image is None:
        return
    try:
        service.replace(record.former_image, record.workers, alone=True)
        service.wait_until_ready(service.running, PATIENT_S)
        record.result, record.switched = "rollback_undone", False
    except Exception as exc:  # noqa: BLE001  # the report has to be written
        record.why += f"\n{texts.deploy.UNDO_FAILED.format(why=why_of(exc))}"


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
