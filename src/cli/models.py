"""The commands that list, fetch, verify and remove the models that recognise speech."""

from functools import partial

import click
from rich.console import Console
from rich.table import Table

import texts.cli
import texts.models
from application.endpoints import speech_endpoint
from application.local_speech import models_in_use, title_of
from cli.display import Display
from cli.running import require
from config import Settings
from errors import ProviderUnavailable, WeightsRefused
from utils import human_size
from weights.installer import MANIFEST, are_there, ensure_weights, remove_weights, verify_weights
from weights.manifest import SpeechModel, Weights, load_speech_models

_UNREACHED_STATUS = ProviderUnavailable.exit_status
_REFUSED_STATUS = WeightsRefused.exit_status


def _known(name: str | None = None) -> dict[str, Weights]:
    """Return the speech models of the manifest, by name.

    Raises:
        UnknownChoice: ``name`` is none of them.
    """
    models = load_speech_models(MANIFEST)
    if name is not None:
        require(name, tuple(models))
    return models


async def list_all(settings: Settings) -> int:
    """Print a table of all speech models; returns 0."""
    table = Table(*texts.models.COLUMNS)
    used = [] if speech_endpoint(settings) else models_in_use(settings).split("+")
    for name, weights in _known().items():
        if weights.speech is None:
            continue
        there = are_there(name, settings.persistent_dir / "models")
        state = texts.models.THERE if there else texts.models.ABSENT
        table.add_row(
            name,
            weights.speech.title,
            human_size(weights.size),
            texts.models.LANGUAGES[weights.speech.languages],
            _errors(weights.speech),
            weights.speech.licence,
            texts.models.IN_USE if there and name in used else state,
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(texts.models.NOTE, markup=False)
    return 0


def _errors(speech: SpeechModel) -> str:
    known = ((name, value) for name, value in speech.errors.model_dump().items() if value is not None)
    told = [texts.models.ERRORS[name].format(value=f"{value:g}".replace(".", ",")) for name, value in known]
    return "\n".join(told) or texts.models.UNKNOWN


async def fetch(settings: Settings, name: str, display: Display) -> int:
    """Fetch a model and verify it.

    Returns:
        0; 3 when the hub does not give it, 2 when it may not be asked.

    Raises:
        UnknownChoice, WeightsRefused, ClosedModels, DiskFull: nothing was fetched.
    """
    _known(name)
    folder, title = settings.persistent_dir / "models", title_of(name)
    if are_there(name, folder) and await verify_weights(name, folder):
        click.echo(texts.models.ALREADY.format(title=title))
        return 0
    hub = None if settings.model_hub == "off" else settings.model_hub
    progress = partial(display.advance, texts.cli.FETCHING.format(name=name))
    try:
        await ensure_weights(name, folder, lambda _, *amounts: progress(*amounts), hub=hub)
    except ProviderUnavailable as exc:
        if hub is None:
            click.echo(texts.models.HUB_OFF.format(folder=folder / name), err=True)
            return _REFUSED_STATUS
        click.echo(texts.models.HUB_FAILED.format(title=title, reason=exc.details["reason"]), err=True)
        return _UNREACHED_STATUS
    click.echo(texts.models.FETCHED.format(title=title))
    return 0


async def verify(settings: Settings) -> int:
    """Compare every speech model that is there with what was published.

    Returns:
        0; 2 when one is not right.
    """
    folder, status = settings.persistent_dir / "models", 0
    there = [name for name in _known() if are_there(name, folder)]
    for name in there:
        title = title_of(name)
        try:
            right = await verify_weights(name, folder)
        except WeightsRefused as exc:
            click.echo(exc.user_text)
            status = exc.exit_status
        else:
            text = texts.models.RIGHT if right else texts.models.INCOMPLETE
            click.echo(text.format(title=title, name=name))
            status = status if right else _REFUSED_STATUS
    if not there:
        click.echo(texts.models.NONE_THERE)
    return status


async def remove(settings: Settings, name: str) -> int:
    """Remove a model that was fetched; returns 0.

    Raises:
        UnknownChoice, ClosedModels: nothing was removed.
    """
    _known(name)
    removed = await remove_weights(name, settings.persistent_dir / "models")
    click.echo((texts.models.REMOVED if removed else texts.models.NOT_THERE).format(title=title_of(name)))
    return 0
