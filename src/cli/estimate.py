"""The command ``process --estimate``: what reports of files would take, before anything is begun."""

import asyncio
from pathlib import Path

import texts.cli
from application.model_size import size_in_use
from cli.display import Display
from cli.process import Order, ProcessOptions
from config import ROOT, Settings
from errors import VoxPersonaError
from prompt_pack.pack import load_pack
from recordings.examining import examined
from reports.costs_in_words import expected_text
from reports.estimate import ModelSize, expected, plans_of, tokens_of, tokens_of_sound
from utils import clock, readable_name


async def estimate_files(options: ProcessOptions, settings: Settings, display: Display) -> int:
    """Print what the reports of every file would take; nothing is stored, started or asked.

    Returns:
        The exit status: 0, or the highest among the failures of files that cannot be read.

    Raises:
        UnknownChoice, BuildingNeeded, BadSettings: the options or settings are wrong.
    """
    order = Order(await asyncio.to_thread(load_pack, ROOT / "prompts"), options, display)
    size = size_in_use(settings)
    if size is None or not order.reports:
        display.say(texts.cli.ESTIMATE_NONE)
        return 0
    status = 0
    for file in options.files:
        try:
            display.say(await _estimated(file, order, size))
        except VoxPersonaError as exc:
            display.say(texts.cli.FAILED.format(file_name=readable_name(file), reason=exc.user_text))
            status = max(status, exc.exit_status)
    return status


async def _estimated(path: Path, order: Order, size: ModelSize) -> str:
    name, note = readable_name(path), ""
    info, transcript = await examined(path, name)
    if transcript is not None:
        tokens = await asyncio.to_thread(tokens_of, transcript)
    else:
        tokens, note = tokens_of_sound(info.duration_s), f"{texts.cli.ESTIMATE_SOUND}\n"
    plans = plans_of(order.reports, order.building)
    each = [await asyncio.to_thread(expected, [plan], tokens, size) for plan in plans]
    rows = [
        texts.cli.ESTIMATE_ROW.format(label=report.label, expected=expected_text(takes))
        for report, takes in zip(order.reports, each, strict=True)
    ]
    total = await asyncio.to_thread(expected, plans, tokens, size)
    return texts.cli.ESTIMATE_TOTAL.format(
        file_name=name,
        duration=clock(info.duration_s),
        model=size.model,
        rows="".join(f"{row}\n" for row in rows) + note,
        expected=expected_text(total),
    )
