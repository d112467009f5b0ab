"""The command ``demo``: an interview becomes reports, and a sound file a transcript, both of ``samples``."""

import asyncio
from pathlib import Path

import texts.reports
from cli.artefacts import check_writable
from cli.display import Display
from cli.opening import opened
from cli.process import Order, ProcessOptions, Session
from config import ROOT, Settings
from constants import NO_SCENARIO
from datamodels import BuildingType, Visibility
from language_model.recorded import RecordedLanguageModel
from prompt_pack.pack import load_pack
from reports.orders import EVERYTHING, NOTHING

_SAMPLES = ROOT / "samples"
_CAPTION = "17\n03.11.2025\nКрылова Ольга\nСоколова Елена\nОтель\nГранд Отель Заря"
"""The guest and the hotel are invented, as the interview is."""


async def demonstrate(out: Path, settings: Settings, display: Display, *, live: bool) -> int:
    """Write what comes out of the samples into folders under ``out``; return the exit status.

    The reports are made of recorded answers, with ``live`` by the configured or the embedded model. Nobody else finds
    the samples when asking.

    Raises:
        Everything that ``process_files`` raises.
    """
    await asyncio.to_thread(check_writable, out)
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    model = None if live else await asyncio.to_thread(RecordedLanguageModel, _SAMPLES / "answers.yaml")
    private = settings.model_copy(update={"recording_visibility": Visibility.PRIVATE})
    status = 0
    async with opened(private, pack, display, language_model=model) as application:
        if model is not None:
            display.say(texts.reports.RECORDED_ANSWERS)
        for options in (_interview(out), _sound(out)):
            session = Session(application, options, Order(pack, options, display), display)
            status = max(status, await session.run())
    return status


def _interview(out: Path) -> ProcessOptions:
    return ProcessOptions(
        files=(_SAMPLES / "interview.txt",),
        scenario="interview",
        building=BuildingType.HOTEL,
        report=EVERYTHING,
        language="ru",
        speakers=None,
        caption=_CAPTION,
        out=out,
        as_json=False,
    )


def _sound(out: Path) -> ProcessOptions:
    """A telephone announcement: it shows recognition and speakers, and no report would make sense of it."""
    return ProcessOptions(
        files=(_SAMPLES / "demo.ogg",),
        scenario=NO_SCENARIO,
        building=None,
        report=NOTHING,
        language="ru",
        speakers=None,
        caption="",
        out=out,
        as_json=False,
    )
