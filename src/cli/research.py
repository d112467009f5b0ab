"""The command ``research``: it says what a research takes, follows its job, and writes its files."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import reports_store
import texts.cli
import texts.research
from application.parts import Application
from cli.artefacts import check_writable
from cli.display import Display
from cli.opening import opened
from cli.process import exit_status_of
from config import ROOT, Settings
from datamodels import ReportRun, ReportRunId, RunStatus
from jobs.queue import queue_of
from prompt_pack.pack import load_pack
from reports.documents import document_of_research
from reports.formats import to_markdown
from reports.research.values import Scope
from reports.research.wording import estimate_lines
from reports.word import template_in, to_docx
from system.ending import end_tasks
from text_cleaning import cut, safe_file_name
from utils import count_tokens, disk_full_mapped, write_atomically

_POLL_S = 0.25
_LONGEST_STEM = 60
_ENDED = frozenset([RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED])


async def research(question: str, scope: Scope, out: Path, settings: Settings, display: Display, *, go: bool) -> int:
    """Say what a research of a question takes; with ``go`` do it, or go on with it, and write its files into ``out``.

    Returns:
        The exit status: 0, or that of the failure that ended the research.

    Raises:
        UnwritableFolder: ``out`` cannot be written to; nothing was started.
        NothingToResearch, NoLanguageModel, ContextTooSmall, ResearchGoesOn: the research cannot be had.
        BadSettings, DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part does not work.
    """
    await asyncio.to_thread(check_writable, out)
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    await asyncio.to_thread(_load_libraries)
    async with opened(settings, pack, display) as application:
        outlast, asked = application.database.outlast, (application.owner, question, scope)
        offer = await outlast(lambda: application.research.offer(*asked))
        for line in estimate_lines(offer, pack):
            display.say(line)
        if not go:
            display.say(texts.cli.RESEARCH_GO)
            return 0
        run = await outlast(lambda: application.research.order(*asked))
        run = await _done(application, run.id, display, question)
        display.finish(question)
        if run.status is not RunStatus.DONE:
            display.say(texts.cli.FAILED.format(file_name=question, reason=run.error_text or ""))
            return exit_status_of(run.error_code or "")
        for path in await asyncio.to_thread(_write, run, question, out, settings.persistent_dir):
            display.say(texts.cli.RESEARCH_WRITTEN.format(path=path))
        for warning in run.warnings:
            display.say(texts.cli.DONE_WARNING.format(warning=warning))
        return 0


def _load_libraries() -> None:
    """Load what counts and asks. Done by the offer, it would hold up the event loop until the database seems away."""
    import_module("language_model.openai")
    count_tokens("")


async def cancel(settings: Settings, display: Display) -> int:
    """Stop the research of the person at the command line; what the model has answered stays."""
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    async with opened(settings, pack, display) as application:
        stopped = await application.jobs.cancel_reports(await application.research.unfinished(application.owner))
    display.say(texts.cli.RESEARCH_CANCELLED if stopped else texts.cli.RESEARCH_NONE)
    return 0


async def _done(application: Application, run_id: ReportRunId, display: Display, question: str) -> ReportRun:
    """Work on the research until it has ended."""
    queues = [queue_of(run_id)]

    async def load() -> ReportRun:
        async with application.database.transaction() as connection:
            return await reports_store.get_run(connection, run_id)

    async def follow() -> ReportRun:
        while True:
            run = await application.database.outlast(load)
            done, total = run.passes_done, run.passes_total
            line = texts.cli.PARTS.format(stage=texts.cli.RESEARCH_STAGE, done=done, total=total)
            display.show(question, line, done / total)
            if run.status in _ENDED:
                await application.jobs.wait_until_noted(queues)
                return run
            await asyncio.sleep(_POLL_S)

    worker, following = asyncio.create_task(application.jobs.run_worker(queues)), asyncio.create_task(follow())
    try:
        await asyncio.wait([worker, following], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks([worker, following])
    return worker.result() if following.cancelled() else following.result()


def _write(run: ReportRun, question: str, out: Path, persistent_dir: Path) -> Sequence[Path]:
    title = texts.research.TITLE.format(question=question)
    document = document_of_research(run, title, [texts.research.ABOUT.format(question=question)])
    stem = cut(texts.cli.RESEARCH_FILE.format(number=run.number, question=question), _LONGEST_STEM)
    forms = {
        "md": to_markdown(document).encode(errors="replace"),
        "docx": to_docx(document, template_in(persistent_dir)),
    }
    written = []
    for extension, content in forms.items():
        path = out / safe_file_name(f"{stem}.{extension}")
        with disk_full_mapped(path):
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        written.append(path)
    return written
