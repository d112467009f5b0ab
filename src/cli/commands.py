"""The command line: parses the arguments, calls one function, exits with the status that tells the outcome.

A command imports the modules that do its work only when it runs: the help and the first line of progress must not wait
for the engines' libraries.
"""

# ruff: noqa: PLC0415

import gc
import signal
import sys
from pathlib import Path

import click
import structlog

import texts.access
import texts.cli
import texts.operation
import texts.transcript
from cli.across_command import across
from cli.arguments import Day, Group, WholeNumber, help_option, usage_reason
from cli.document_commands import documents
from cli.export_command import export
from cli.models_command import models
from cli.running import open_closed_streams, require, run_command, say, tell
from cli.signals import stopping_signals
from config import load_settings, version
from constants import MAX_SPEAKERS
from datamodels import BuildingType
from errors import Interrupted, UnexpectedFailure, VoxPersonaError
from system.shortages import shortage_in

log = structlog.get_logger(__name__)

_USAGE_STATUS = 2
_DETECT = "auto"
_BUCKET = "s3"
_STORES = ("files", _BUCKET)
_PROGRAM = "scripts/run"
_MOST_ORPHANS = 10**9

_PATH = click.Path(path_type=Path, readable=False)
"""click does not check here whether a file can be read: the commands do, and say so in a Russian sentence."""


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"VoxPersona {version()}")
        context.exit()


@click.group(
    cls=Group,
    help=texts.cli.HELP,
    subcommand_metavar=texts.cli.METAVAR_COMMAND,
    options_metavar="",
    invoke_without_command=True,
)
@click.option("--version", is_flag=True, expose_value=False, callback=_show_version, help=texts.cli.HELP_VERSION)
@help_option
@click.pass_context
def commands(context: click.Context) -> None:
    """Start the bot when no command is named."""
    if context.invoked_subcommand is None:
        run_command(_serve, console=True)


@commands.command(help=texts.cli.HELP_PROCESS, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.argument("files", nargs=-1, type=_PATH, metavar=texts.cli.METAVAR_FILES)
@click.option("--scenario", default="interview", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_SCENARIO)
@click.option("--building", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_BUILDING)
@click.option("--report", default="all", metavar=texts.cli.METAVAR_NAMES, help=texts.cli.HELP_REPORT)
@click.option("--language", default=_DETECT, metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_LANGUAGE)
@click.option(
    "--speakers",
    type=WholeNumber(1, MAX_SPEAKERS),
    metavar=texts.cli.METAVAR_NUMBER,
    help=texts.cli.HELP_SPEAKERS,
)
@click.option("--caption", default="", metavar=texts.cli.METAVAR_TEXT, help=texts.cli.HELP_CAPTION)
@click.option("--out", default="out", type=_PATH, metavar=texts.cli.METAVAR_FOLDER, help=texts.cli.HELP_OUT)
@click.option("--json", "as_json", is_flag=True, help=texts.cli.HELP_JSON)
@click.option("--estimate", is_flag=True, help=texts.cli.HELP_ESTIMATE)
@help_option
def process(  # noqa: PLR0913, PLR0917  # one parameter for each option
    files: tuple[Path, ...],
    scenario: str,
    building: str | None,
    report: str,
    language: str,
    speakers: int | None,
    caption: str,
    out: Path,
    as_json: bool,
    estimate: bool,
) -> None:
    """Transcribe files and write their reports."""
    if not files:
        raise click.UsageError(texts.cli.NO_FILES)
    require(language, (*texts.transcript.LANGUAGES, _DETECT))
    if building is not None:
        require(building, tuple(BuildingType))
    run_command(
        lambda: _process(
            estimate=estimate,
            files=files,
            scenario=scenario,
            building=BuildingType(building) if building else None,
            report=report,
            language=None if language == _DETECT else language,
            speakers=speakers,
            caption=caption,
            out=out,
            as_json=as_json,
        )
    )


@commands.command(help=texts.cli.HELP_DEMO, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.option("--live", is_flag=True, help=texts.cli.HELP_LIVE)
@click.option("--out", default="out/demo", type=_PATH, metavar=texts.cli.METAVAR_FOLDER, help=texts.cli.HELP_OUT_DEMO)
@help_option
def demo(live: bool, out: Path) -> None:
    """Write all reports of the sample interview, and transcribe the sample of sound."""

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display

        with Display() as display:
            display.say(texts.cli.STARTING)
            from cli.demo import demonstrate

            return await demonstrate(out, settings, display, live=live)

    run_command(run)


@commands.command(help=texts.cli.HELP_RESEARCH, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.argument("question", required=False, metavar=texts.cli.METAVAR_QUESTION)
@click.option("--scenario", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_RESEARCH_SCENARIO)
@click.option("--place", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_PLACE)
@click.option("--city", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_CITY)
@click.option("--employee", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_EMPLOYEE)
@click.option("--building", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_BUILDING)
@click.option("--since", "first_day", type=Day(), metavar=texts.cli.METAVAR_DAY, help=texts.cli.HELP_SINCE)
@click.option("--until", "last_day", type=Day(), metavar=texts.cli.METAVAR_DAY, help=texts.cli.HELP_UNTIL)
@click.option("--out", default="out", type=_PATH, metavar=texts.cli.METAVAR_FOLDER, help=texts.cli.HELP_OUT)
@click.option("--yes", "go", is_flag=True, help=texts.cli.HELP_YES)
@click.option("--cancel", "stop", is_flag=True, help=texts.cli.HELP_CANCEL)
@help_option
def research(question: str | None, out: Path, go: bool, stop: bool, **scope: object) -> None:
    """Answer a question from all transcripts that fit."""
    if not stop and not (question or "").strip():
        raise click.UsageError(texts.cli.NO_QUESTION)
    if scope["building"] is not None:
        require(str(scope["building"]), tuple(BuildingType))

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display

        with Display() as display:
            display.say(texts.cli.STARTING)
            from cli.research import cancel
            from cli.research import research as do
            from reports.research.values import Scope

            if stop:
                return await cancel(settings, display)
            return await do((question or "").strip(), Scope.model_validate(scope), out, settings, display, go=go)

    run_command(run)


@commands.command(help=texts.cli.HELP_DOCTOR, options_metavar="")
@help_option
def doctor() -> None:
    """Print which engines are in use and whether each works."""

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.doctor import examine

        with Display() as display:
            return await examine(settings, display)

    run_command(run)


@commands.command(help=texts.cli.HELP_WORKER, options_metavar="")
@click.option("--idle", is_flag=True, help=texts.cli.HELP_IDLE)
@help_option
def worker(idle: bool) -> None:
    """Work on jobs without Telegram."""

    async def run() -> int:
        settings = load_settings()
        gc.disable()  # until the worker is open, as for the bot
        from cli.work import work

        return await work(settings, idle=idle)

    run_command(run, console=True)


@commands.command(name="validate-config", help=texts.operation.HELP_VALIDATE, options_metavar="")
@click.option("--worker", is_flag=True, help=texts.operation.HELP_VALIDATE_WORKER)
@help_option
def validate_config(worker: bool) -> None:
    """Examine the settings."""
    from cli.operation import validate

    sys.exit(validate(worker=worker))


@commands.command(help=texts.operation.HELP_MIGRATE, options_metavar="")
@help_option
def migrate() -> None:
    """Bring the database's schema up to date."""

    async def run() -> int:
        from cli.operation import migrate_database

        return await migrate_database(load_settings())

    run_command(run)


@commands.command(help=texts.access.HELP_AUDIT, options_metavar="")
@help_option
def audit() -> None:
    """Verify the record of changes of people."""

    async def run() -> int:
        from cli.audit import verify

        return await verify(load_settings())

    run_command(run)


@commands.command(help=texts.operation.HELP_HEALTH, options_metavar="")
@help_option
def health() -> None:
    """Ask the bot or worker of this machine how it is."""
    from cli.health import health as ask

    sys.exit(ask(load_settings()))


@commands.group(
    cls=Group, help=texts.cli.HELP_OBJECTS, subcommand_metavar=texts.cli.METAVAR_COMMAND, options_metavar=""
)
@help_option
def objects() -> None:
    """Group the commands about the object store."""


@objects.command(name="copy", help=texts.cli.HELP_OBJECTS_COPY, options_metavar="")
@click.argument("source", metavar=texts.cli.METAVAR_FROM)
@click.argument("target", metavar=texts.cli.METAVAR_TO)
@help_option
def copy_objects(source: str, target: str) -> None:
    """Copy all objects from one store to the other."""
    require(source, _STORES)
    require(target, tuple(store for store in _STORES if store != source))

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.objects import copy

        with Display() as display:
            return await copy(settings, target == _BUCKET, display)

    run_command(run)


@commands.group(
    cls=Group, help=texts.cli.HELP_ANSWERS, subcommand_metavar=texts.cli.METAVAR_COMMAND, options_metavar=""
)
@help_option
def answers() -> None:
    """Group the commands about good answers."""


@answers.command(name="export", help=texts.cli.HELP_ANSWERS_EXPORT, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.argument("file", type=_PATH, metavar=texts.cli.METAVAR_FILE)
@click.option("--force", is_flag=True, help=texts.cli.HELP_FORCE)
@help_option
def export_answers(file: Path, force: bool) -> None:
    """Write good answers as training data."""

    async def run() -> int:
        settings = load_settings()
        from cli.answers import export
        from cli.display import Display

        with Display() as display:
            return await export(settings, file, display, force=force)

    run_command(run)


@answers.command(name="check", help=texts.cli.HELP_ANSWERS_CHECK, options_metavar="")
@click.argument("file", type=_PATH, metavar=texts.cli.METAVAR_FILE)
@help_option
def check_answers(file: Path) -> None:
    """Check a file of training data."""

    async def run() -> int:
        from cli.answers import check
        from cli.display import Display

        with Display() as display:
            return await check(file, display)

    run_command(run)


@objects.command(name="check", help=texts.cli.HELP_OBJECTS_CHECK, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.option(
    "--delete",
    type=WholeNumber(1, _MOST_ORPHANS),
    metavar=texts.cli.METAVAR_NUMBER,
    help=texts.cli.HELP_OBJECTS_DELETE,
)
@help_option
def check_objects(delete: int | None) -> None:
    """Compare the object store with the recordings."""

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.objects import check

        with Display() as display:
            return await check(settings, delete, display)

    run_command(run)


async def _process(*, estimate: bool, **options: object) -> int:
    settings = load_settings()
    from cli.display import Display

    with Display() as display:
        if not estimate:
            display.say(texts.cli.STARTING)
        from cli.process import ProcessOptions, process_files

        if estimate:
            from cli.estimate import estimate_files

            return await estimate_files(ProcessOptions.model_validate(options), settings, display)
        return await process_files(ProcessOptions.model_validate(options), settings, display)


async def _serve() -> int:
    settings = load_settings()
    # Until the bot is open: the objects that it loads stay, and collections that check them take a fifth of the start.
    gc.disable()
    from cli.serve import serve

    return await serve(settings)


commands.add_command(documents)
commands.add_command(across)
commands.add_command(export)
commands.add_command(models)


def main() -> None:
    """Run the command that the arguments name; every failure becomes a Russian sentence and an exit status."""
    open_closed_streams()
    for number in stopping_signals():  # until ``run_command`` handles them
        signal.signal(number, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        commands(prog_name=_PROGRAM, standalone_mode=False)
    except click.UsageError as exc:
        say(texts.cli.USAGE_ERROR.format(reason=usage_reason(exc).rstrip(".")))
        sys.exit(_USAGE_STATUS)
    except (KeyboardInterrupt, click.Abort):  # click turns the first into the second
        sys.exit(tell(Interrupted()))
    except VoxPersonaError as exc:
        sys.exit(tell(exc))
    except Exception as exc:  # the last boundary: people get a sentence, the log gets the rest
        log.exception("command_failed")
        sys.exit(tell(shortage_in(exc) or UnexpectedFailure(reason=type(exc).__name__)))
