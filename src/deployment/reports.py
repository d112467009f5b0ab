"""What operators read of a deploy: lines while it runs, and the report afterwards."""

from contextlib import suppress

import texts.deploy
from deployment.commands import is_for_want_of_space, last_line
from deployment.records import Record
from errors_of_operation import CommandFailed, DeploymentStopped, VersionUnfit


def say(text: str) -> None:
    """Print a line; a reader that has gone, as a broken connection, loses the line and nothing else."""
    with suppress(OSError, ValueError):
        print(text, flush=True)  # noqa: T201


def named(commit: str) -> str:
    """Return a commit as people read it."""
    return commit[:12] or texts.deploy.UNKNOWN_COMMIT


class Teller:
    """Tells the operator what happens."""

    def step(self, name: str, watch_s: int) -> None:
        """Tell which step begins."""
        say(texts.deploy.STEP_LINE.format(step=texts.deploy.STEPS[name].format(seconds=watch_s)))

    def unfinished(self, before: Record) -> None:
        """Tell that the last deploy was killed."""
        step = texts.deploy.STEPS.get(before.step, before.step).format(seconds="")
        say(texts.deploy.UNFINISHED.format(id=before.id, step=step.strip(), former=named(before.former_commit)))


def result_of(record: Record) -> str:
    """Return in a sentence how a deploy ended."""
    if record.result == "stopped":
        if record.switched and record.former_image is not None:
            return texts.deploy.UNSETTLED
        if record.step == "preflight":
            return texts.deploy.NOTHING_TOUCHED
        if record.former_image is None:
            return texts.deploy.STOPPED_WITHOUT_FORMER
        if record.trouble:
            return texts.deploy.STOPPED_IN_TROUBLE.format(what=record.trouble)
    return texts.deploy.RESULTS[record.result].format(target=named(record.target_commit))


def report_text(record: Record) -> str:
    """Return the report as text."""
    lines = [texts.deploy.REPORT_TITLE.format(id=record.id, result=result_of(record))]
    if record.why:
        lines.append(texts.deploy.REPORT_WHY.format(why=record.why))
    lines.append(texts.deploy.REPORT_FROM.format(commit=named(record.former_commit)))
    if record.target_commit:
        became = texts.deploy.REPORT_TO if record.result in {"done", "nothing_new"} else texts.deploy.REPORT_WANTED
        lines.append(became.format(commit=named(record.target_commit)))
    if not record.backup and record.result != "nothing_new":
        lines.append(texts.deploy.REPORT_WITHOUT_BACKUP)
    if record.seconds_away is not None:
        lines.append(texts.deploy.REPORT_DOWN.format(seconds=record.seconds_away))
    for step in record.steps:
        mark = {True: "✔", False: "✖", None: "…"}[step.ok]
        name = texts.deploy.STEPS[step.name].format(seconds="").removesuffix("  с")
        lines.append(texts.deploy.REPORT_STEP.format(mark=mark, step=name, seconds=step.seconds))
    return "\n".join(lines) + "\n"


def why_of(exc: BaseException) -> str:
    """Return the sentence for the operator."""
    if isinstance(exc, DeploymentStopped):
        return exc.why
    if isinstance(exc, VersionUnfit):
        return texts.deploy.NEW_VERSION.format(what=exc.what)
    if is_for_want_of_space(exc):
        return f"{texts.deploy.NO_SPACE[0].upper()}{texts.deploy.NO_SPACE[1:]}."
    if isinstance(exc, CommandFailed):
        return f"{last_line(exc.said)}."
    if isinstance(exc, KeyboardInterrupt):
        return f"{texts.deploy.STOPPED_BY_HAND[0].upper()}{texts.deploy.STOPPED_BY_HAND[1:]}."
    return texts.deploy.UNEXPECTED.format(kind=type(exc).__name__).capitalize() + f": {exc}"
