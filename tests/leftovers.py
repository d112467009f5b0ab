"""What a command that failed may not leave behind: files half written, rows and objects that belong to nothing."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import dict_row

from errors import BadInput, DiskFull, VoxPersonaError
from object_files import FolderObjectStore

_ENGINES_OWN = frozenset({"postgres", "run", "logs", "models"})
_UNFINISHED = (".tmp", ".part", ".unfinished")
_SPOOLED = frozenset({"audio.pcm", "layout.json"})

_RECORDINGS = "SELECT id::text, file_name, object_key, stage, error_code FROM recordings"
_REPORTS = "SELECT report_id || ' ' || status FROM report_runs WHERE status IN ('queued', 'running')"
_JOBS = "SELECT task_name || ' ' || status FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')"
_TRANSCRIPTS = "SELECT recording_id::text FROM transcripts"


async def leftovers(state: Path, dsn: str) -> list[str]:
    """What is there that belongs to nothing, in words; empty when all is well. No command may be at work."""
    async with await psycopg.AsyncConnection.connect(dsn, row_factory=dict_row) as connection:
        recordings = await (await connection.execute(_RECORDINGS)).fetchall()
        transcripts = {row["recording_id"] for row in await (await connection.execute(_TRANSCRIPTS)).fetchall()}
        waiting = [*await _column(connection, _REPORTS), *await _column(connection, _JOBS)]
    objects = await asyncio.to_thread(stored_keys, state)
    return [
        *(f"unfinished file {path}" for path in unfinished_files(state, _ENGINES_OWN)),
        *(f"spool {path}" for path in _superfluous_spool(state / "spool", recordings)),
        *(f"waiting {what}" for what in waiting),
        *(f"recording {row['file_name']} at {row['stage']}" for row in recordings if not _is_settled(row)),
        *_objects_without_rows(objects, recordings, transcripts),
    ]


def unfinished_files(folder: Path, left_out: Iterable[str] = ()) -> list[Path]:
    """The files under ``folder`` that were being written when something went wrong."""
    outside = set(left_out)
    return [
        path
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in outside
        and path.is_file()
        and (path.name.startswith(".") or path.name.endswith(_UNFINISHED))
        and path.name != ".lock"
    ]


def processes_of(state: Path) -> list[psutil.Process]:
    """What is still running of an installation."""

    def belongs(process: psutil.Process) -> bool:
        return any(str(state) in argument for argument in process.info["cmdline"] or [])

    return [process for process in psutil.process_iter(["cmdline"]) if belongs(process)]


def incomplete_results(out: Path) -> list[Path]:
    """Folders of ``--out`` that are there without being whole."""
    return [folder for folder in out.glob("*") if not (folder / "manifest.json").exists()]


async def rows_named(dsn: str, file_name: str) -> list[dict[str, Any]]:
    """The recordings of this file name."""
    async with await psycopg.AsyncConnection.connect(dsn, row_factory=dict_row) as connection:
        return await (await connection.execute(f"{_RECORDINGS} WHERE file_name = %s", (file_name,))).fetchall()


def stored_keys(state: Path) -> set[str]:
    """The keys of the objects that an installation keeps as files. Blocking."""

    async def keys() -> set[str]:
        return {key async for key in FolderObjectStore(state / "objects").list_keys()}

    return asyncio.run(keys())


async def _column(connection: psycopg.AsyncConnection[dict[str, Any]], query: str) -> list[str]:
    return [str(value) for row in await (await connection.execute(query.encode())).fetchall() for value in row.values()]


def _is_settled(row: dict[str, Any]) -> bool:
    """Done, or stopped with a reason."""
    return row["stage"] == "done" or row["error_code"] is not None


def _superfluous_spool(spool: Path, recordings: list[dict[str, Any]]) -> list[Path]:
    """What is in the spool although no later command goes on with it."""
    useful = {row["id"] for row in recordings if row["stage"] != "done" and not _is_hopeless(row["error_code"])}
    return [
        path
        for path in spool.rglob("*")
        if path.is_file() and (path.parent.name not in useful or path.name not in _SPOOLED)
    ]


def _is_hopeless(code: str | None) -> bool:
    """Whether the same file will fail again, or its samples would only take up space that is short."""
    classes: list[type[VoxPersonaError]] = [BadInput, DiskFull]
    return code in {cls.code for each in classes for cls in (each, *each.__subclasses__())}


def _objects_without_rows(objects: set[str], recordings: list[dict[str, Any]], transcripts: set[str]) -> list[str]:
    wanted = {row["object_key"] for row in recordings}
    allowed = wanted | {
        key.rpartition("/")[0] + "/transcript.json" for key in wanted if key.split("/")[2] in transcripts
    }
    return [
        *(f"object {key} without a row" for key in objects - allowed),
        *(f"row without its object {key}" for key in wanted - objects),
    ]
