"""The Prometheus metrics, except those of ``provider_calls.policy``, and the watch over the event loop's lag.

While the event loop is late, nobody's button is answered.
"""

import asyncio
import gc
import logging
import time

import structlog
from prometheus_client import Counter, Gauge, Histogram

DATABASE_AWAY_SECONDS = Counter("voxpersona_database_away_seconds", "For how long the database did not answer.")
OBJECT_OPERATIONS = Counter(
    "voxpersona_object_operations",
    "Operations on the object store, with their retries; outcome is ok or the error's code.",
    ["operation", "outcome"],
)
OBJECT_OPERATION_SECONDS = Histogram(
    "voxpersona_object_operation_seconds",
    "Seconds of an operation on the object store, with its retries.",
    ["operation"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)
UPDATES = Counter(
    "voxpersona_updates",
    "Messages and pressed buttons; outcome is handled, another end that the router knows, or the error's code.",
    ["kind", "outcome"],
)
UPDATE_SECONDS = Histogram(
    "voxpersona_update_seconds",
    "Seconds of handling a message or a pressed button, without the wait for earlier ones of the same person.",
    ["kind"],
    buckets=(0.01, 0.05, 0.1, 0.3, 1, 3, 10, 30, 100),
)
PRESS_ANSWER_SECONDS = Histogram(
    "voxpersona_press_answer_seconds",
    "Seconds until a pressed button was answered.",
    buckets=(0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 3, 10),
)
EVENT_LOOP_LAG_SECONDS = Histogram(
    "voxpersona_event_loop_lag_seconds",
    "How late the event loop comes back to whoever waits.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
REPORT_ACTIONS = Counter(
    "voxpersona_report_actions",
    "What people did with their reports: open, view, rename, delete, filter, export, chart, cancel. Outcome is ok, "
    "stale (the list was too old), too_large (it was not sent), not_found, file_gone, bad_number, bad_name or gave_up.",
    ["action", "outcome"],
)
CHAT_ACTIONS = Counter(
    "voxpersona_chat_actions",
    "What people did with their chats: ask, list, open, new, switch, rename, delete, history, stats.",
    ["action"],
)
ANSWERS = Counter(
    "voxpersona_answers",
    "Ended answers by what they rest on: model, quotes, nothing (nothing was found), empty (no transcripts), failed.",
    ["basis"],
)
REPORT_LOCK_WAITS = Counter(
    "voxpersona_report_lock_waits",
    "Actions on reports that had to wait for another action of the same person.",
)
REPORT_LIST_SECONDS = Histogram(
    "voxpersona_report_list_seconds",
    "Seconds of reading a person's reports and writing their list, without sending it.",
    buckets=(0.01, 0.03, 0.1, 0.2, 0.5, 1, 1.5, 3, 10),
)
REPORT_LIST_REPORTS = Histogram(
    "voxpersona_report_list_reports",
    "Reports in a person's list when it was opened.",
    buckets=(0, 1, 5, 10, 30, 100, 300, 1000, 3000, 10_000),
)
REPORT_LIST_FILE_BYTES = Histogram(
    "voxpersona_report_list_bytes",
    "Bytes of the file with a person's list, also when it was too large to be sent.",
    buckets=(1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 5e7),
)
REPORT_STEP_SECONDS = Histogram(
    "voxpersona_report_step_seconds",
    "Seconds of a step of a person in their reports, what is sent included, the wait for earlier steps not.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30),
)
DATABASE_BYTES = Gauge("voxpersona_database_bytes", "Bytes of the database.")
TABLE_ROWS = Gauge("voxpersona_table_rows", "Rows of each table, as PostgreSQL estimates them.", ["table"])
FOLDER_BYTES = Gauge("voxpersona_folder_bytes", "Bytes of the files of spool, reports and logs.", ["folder"])
OBJECTS = Gauge("voxpersona_objects", "Objects in the store, at the last daily check.")
OBJECT_BYTES = Gauge("voxpersona_object_bytes", "Bytes of all recordings' originals, at the last daily check.")
OBJECTS_ASTRAY = Gauge(
    "voxpersona_objects_astray",
    "At the last daily check: orphans, which no recording names, and lost originals.",
    ["kind"],
)
PART_STATE = Gauge(
    "voxpersona_part_state",
    "1 for the state that a part of the machine is in (ok, degraded, down), 0 for the other two.",
    ["part", "state"],
)
PART_SINCE = Gauge(
    "voxpersona_part_since_timestamp_seconds", "Since when a part is in its state, in seconds since 1970.", ["part"]
)
PART_CHANGES = Counter("voxpersona_part_changes", "How often a part came into a state.", ["part", "state"])
PART_CHECK_SECONDS = Histogram(
    "voxpersona_part_check_seconds",
    "Seconds of checking a part, of checks that were answered.",
    ["part"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.3, 1, 2, 5),
)
READY = Gauge("voxpersona_ready", "1 while every critical part works, as in /health/ready.")
DISK_FREE_BYTES = Gauge("voxpersona_disk_free_bytes", "Bytes free where the state is kept.")
DISK_FREE_RATIO = Gauge("voxpersona_disk_free_ratio", "The free share of the disk where the state is kept, 0 to 1.")
JOBS = Gauge(
    "voxpersona_jobs", "Jobs that run, wait to be fetched (waiting) or for a later time (postponed).", ["state"]
)
WORKERS = Gauge(
    "voxpersona_workers",
    "Workers of all processes that give signs of life. A process has two: one for questions, one for all else.",
)
JOBS_ENDED = Counter(
    "voxpersona_jobs_ended",
    "Jobs that ended in this process; status is succeeded, failed or aborted. A job that is put back has not ended.",
    ["task", "status"],
)
INDEX_BACKLOG = Gauge(
    "voxpersona_index_backlog",
    "What is not found yet: transcripts, reports and documents that wait to be cut (sources), and passages that wait "
    "for a vector (vectors). While the model of embeddings changes, passages are found by the former one.",
    ["of"],
)
DEAD_LETTERS = Gauge("voxpersona_dead_letters", "Messages that were given up and work that failed for good.")
BACKUP_MADE = Gauge(
    "voxpersona_backup_timestamp_seconds", "When the last verified backup was begun, in seconds since 1970."
)
BACKUP_BYTES = Gauge(
    "voxpersona_backup_bytes",
    "Bytes of what the last verified backup holds (set), and of all together (repository).",
    ["of"],
)
BACKUP_SECONDS = Gauge("voxpersona_backup_duration_seconds", "Seconds that the last verified backup took.")


log = structlog.get_logger(__name__)

_PROBE_S = 0.02
_REPORT_S = 10.0
_LATE_S = 0.1
"""Seconds of lag that people begin to notice."""


class CollectionPauses:
    """Measures the longest collection since it was last asked; begins when it is made."""

    def __init__(self) -> None:
        self._began = 0.0
        self._worst_s = 0.0
        gc.callbacks.append(self._note)

    def take_worst_s(self) -> float:
        """Return the seconds of the longest collection since the last call."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._worst_s = max(self._worst_s, time.perf_counter() - self._began)


class LagMonitor:
    """Measures how late a short sleep ends; logs the worst lag and garbage collection of every ten seconds."""

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        pauses = CollectionPauses()
        worst, since = 0.0, loop.time()
        while True:
            asleep = loop.time()
            await asyncio.sleep(_PROBE_S)
            awake = loop.time()
            lag = max(0.0, awake - asleep - _PROBE_S)
            EVENT_LOOP_LAG_SECONDS.observe(lag)
            worst = max(worst, lag)
            if awake - since >= _REPORT_S:
                collection_ms = round(pauses.take_worst_s() * 1000)
                log.log(_level(worst), "event_loop_lag", worst_ms=round(worst * 1000), collection_ms=collection_ms)
                worst, since = 0.0, awake


def _level(worst_s: float) -> int:
    return logging.WARNING if worst_s > _LATE_S else logging.INFO
