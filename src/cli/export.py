"""The command ``export``: everything that the person at the command line has, as an archive and a REFI-QDA project."""

import asyncio
import functools
from datetime import UTC, datetime
from pathlib import Path

import texts.takeout
from cli.artefacts import check_writable
from cli.display import Display
from cli.opening import opened
from config import ROOT, Settings
from prompt_pack.pack import load_pack
from reports.takeout.service import TAKEOUTS, Takeout
from reports.word import template_in


async def export(out: Path, settings: Settings, display: Display, *, sound: bool) -> int:
    """Write both files into the folder ``out``, each whole or not at all; with ``sound`` the archive has it, too.

    Returns:
        0.

    Raises:
        UnwritableFolder: ``out`` cannot be written to.
        DiskFull: no space left.
        BadSettings, BadReportPack, DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed: a part does not work.
    """
    await asyncio.to_thread(check_writable, out)
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    async with opened(settings, pack, display) as application:
        template = await asyncio.to_thread(template_in, settings.persistent_dir)
        takeout = Takeout(application.database, pack, template)
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        for extension in TAKEOUTS:
            path = out / texts.takeout.FILE_NAME.format(day=datetime.now(UTC).astimezone(), extension=extension)
            partial = path.with_name(f".{path.name}.part")
            try:
                originals = application.originals if sound else None
                writing = functools.partial(takeout.write, application.owner, extension, partial, originals)
                lost = await application.database.outlast(writing)
                await asyncio.to_thread(partial.replace, path)
            finally:
                await asyncio.to_thread(partial.unlink, missing_ok=True)
            display.say(texts.takeout.WRITTEN.format(path=path))
            if lost:
                display.say(texts.takeout.LOST.format(count=lost))
    return 0
