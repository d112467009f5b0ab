"""Installations of the product over one database server and one endpoint."""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from database_copies import copied_database_at_once
from interruptions import Tap
from leftovers import incomplete_results, stored_keys, unfinished_files
from openai_faults import CHAT, TRANSCRIPTIONS
from openai_server import OpenAIServer, Recorded
from product import Outcome, Product

REPORTS = "report_int_methodology,report_int_general"
"""Both ask the model twice: for the text and the indices, and in two passes."""
AT_ONCE = 2
"""Questions that are on their way at a time, to each kind of engine."""

_STORED = """
    SELECT (SELECT count(*) FROM recording_parts WHERE result IS NOT NULL) + (SELECT count(*) FROM report_passes)
"""


def arguments(
    recording: Path, out: Path, *, report: str = REPORTS, scenario: str = "interview"
) -> tuple[str | Path, ...]:
    """The arguments of the main job."""
    chosen = ("--scenario", scenario, "--building", "hotel", "--report", report, "--language", "ru")
    return ("process", recording, *chosen, "--out", out)


@dataclass
class Installation:
    """A product whose database and endpoint the test can look into."""

    product: Product
    server: OpenAIServer
    tap: Tap
    database: psycopg.Connection[Any]
    recording: Path
    out: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *options: str, report: str = REPORTS, scenario: str = "interview") -> tuple[str | Path, ...]:
        """The arguments of the main job."""
        return (*arguments(self.recording, self.out, report=report, scenario=scenario), *options)

    def start(self, *options: str, report: str = REPORTS) -> subprocess.Popen[str]:
        """Start the main job; it is killed at the end of the test when it is still running."""
        self.started.append(self.product.start(*self.command(*options, report=report)))
        return self.started[-1]

    def run(self, *options: str, report: str = REPORTS, scenario: str = "interview") -> Outcome:
        return self.product.run(*self.command(*options, report=report, scenario=scenario))

    def questions(self) -> list[Recorded]:
        """What the engines were asked, without questions about the engines themselves."""
        return [request for request in self.server.requests if request.path.endswith((CHAT, TRANSCRIPTIONS))]

    def asked(self) -> list[str]:
        """What was asked, by its hash, as often as it was. A question that a kill cut off has none."""
        return [request.sha256 for request in self.questions() if request.sha256]

    def stored(self) -> int:
        """How many answers of engines are kept."""
        return int(self.value(_STORED))

    def value(self, query: str) -> Any:
        row = self.database.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def errors_in_log(self) -> list[str]:
        """What the product logged as an error."""
        path = self.product.state / "logs" / "app.json.log"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [line["event"] for line in lines if line["level"] in {"error", "critical"}]

    def leftovers(self) -> list[str]:
        """What is there that should not be, when no command is at work any more."""
        jobs = self.database.execute("SELECT task_name, status::text FROM procrastinate_jobs").fetchall()
        runs = self.database.execute("SELECT report_id, status FROM report_runs WHERE status <> 'done'").fetchall()
        spool = self.product.state / "spool"
        names = sorted(key.rpartition("/")[2] for key in stored_keys(self.product.state))
        unfinished = [*unfinished_files(self.out), *unfinished_files(self.product.state, ["models"])]
        return [
            *(f"job {task} {status}" for task, status in jobs if status != "aborted"),
            *(f"report {report} {status}" for report, status in runs),
            *(f"spool {path}" for path in spool.rglob("*")),
            *(f"unfinished {path}" for path in unfinished if path.name != ".lock"),
            *(f"incomplete {path}" for path in incomplete_results(self.out)),
            *([] if names == ["original.wav", "transcript.json"] else [f"objects {names}"]),
        ]


def artefacts(out: Path) -> dict[str, str]:
    """What a command wrote, by name, without what differs from run to run."""
    return {str(path.relative_to(out)): _comparable(path) for path in sorted(out.rglob("*")) if path.is_file()}


def _comparable(path: Path) -> str:
    if path.suffix == ".docx":  # a zip, with the time of its writing
        with zipfile.ZipFile(path) as archive:
            return archive.read("word/document.xml").decode()
    if path.suffix == ".pdf":
        return path.read_bytes().hex()
    if path.suffix != ".json":
        return path.read_text(encoding="utf-8")
    content = json.loads(path.read_text(encoding="utf-8"))
    if path.name == "manifest.json":
        assert sorted(content.pop("stage_seconds")) == ["done", "prepared", "speakers_known", "transcribed"]
        assert content["speech_to_text"].pop("seconds") >= 0
        # Reports are written side by side: which is first gets the lower number.
        numbers = [report.pop("number") for report in content["reports"]]
        assert len({0, *numbers}) == len(numbers) + 1
        assert all(report.pop("seconds") >= 0 for report in content["reports"])
    if path.parent.name == "reports":
        assert content.pop("duration_s") >= 0
    return json.dumps(content, ensure_ascii=False, indent=1)


@dataclass(frozen=True)
class Undisturbed:
    """What a run leads to: its artefacts, and everything that it asks, by hash; ``parts`` is what it asks to hear."""

    artefacts: dict[str, str]
    asked: list[str]
    parts: list[str]


@dataclass(frozen=True)
class Ground:
    """What installations stand on."""

    recording: Path
    server: OpenAIServer
    postgres_dsn: str
    migrated: str

    def product(self, state: Path) -> tuple[Product, Tap]:
        """A product without any state over the endpoint, and what lets its questions be answered."""
        tap = Tap()
        self.server.faults = tap
        self.server.requests.clear()
        product = Product(state)
        product.use(self.server)
        # A model that is known to tell no times, so that the parts are short.
        product.settings |= {"ASR_MODEL": "gpt-4o-transcribe", "ASR_CONCURRENCY": str(AT_ONCE)}
        product.settings |= {"LLM_CONCURRENCY": str(AT_ONCE)}
        return product, tap

    @contextmanager
    def installation(self, folder: Path) -> Iterator[Installation]:
        """A product over a database of its own."""
        product, tap = self.product(folder / "state")
        dsn = copied_database_at_once(self.postgres_dsn, self.migrated, "installation")
        product.settings["DATABASE_URL"] = dsn
        with psycopg.connect(dsn, autocommit=True) as database:
            made = Installation(product, self.server, tap, database, self.recording, folder / "out")
            try:
                yield made
            finally:
                for command in made.started:
                    if command.poll() is None:
                        command.kill()
                        command.communicate()
