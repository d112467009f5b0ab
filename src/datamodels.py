"""Values that cross module borders. Datetimes are aware; times in a recording are seconds from its start."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

UserId = NewType("UserId", UUID)
RecordingId = NewType("RecordingId", UUID)
ReportRunId = NewType("ReportRunId", UUID)
ScenarioId = NewType("ScenarioId", str)
ReportId = NewType("ReportId", str)


class Value(BaseModel):
    """A frozen value; two values with equal fields are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BuildingType(StrEnum):
    HOTEL = "hotel"
    RESTAURANT = "restaurant"
    SPA = "spa"


class Role(StrEnum):
    """The role of a person, which decides what the person may do; see ``access``."""

    GUEST = "guest"
    USER = "user"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"


class Visibility(StrEnum):
    """Who finds a recording or document when asking: everybody of the team, or its owner alone."""

    TEAM = "team"
    PRIVATE = "private"


class Stage(StrEnum):
    """The stages of the work on a recording, in their order. A recording's stage is the last one that is done."""

    STORED = "stored"
    PREPARED = "prepared"
    TRANSCRIBED = "transcribed"
    SPEAKERS_KNOWN = "speakers_known"
    DONE = "done"


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EngineInfo(Value):
    """An engine with its model. ``fingerprint`` is another one whenever the same input could give another output."""

    name: str
    model: str
    fingerprint: str
    small: bool = False


class AudioInfo(Value):
    """What probing found. ``tracks`` has their channels; ``goes_on`` tells of sound after ``declared_s``."""

    container: str
    codec: str
    duration_s: float
    declared_s: float | None
    tracks: tuple[int, ...]
    goes_on: bool = False
    size_bytes: int
    has_video: bool


class Interval(Value):
    """A half-open stretch of a recording, in seconds."""

    start: float
    end: float


class MissingInterval(Interval):
    """A stretch without text, with the reason in Russian."""

    reason: str


class Word(Interval):
    text: str
    probability: float | None = None


class Segment(Interval):
    """One utterance or a piece of it. ``speaker`` is S1, S2, …; ``role`` the scenario's label, such as «Клиент».

    ``language`` is set where it is another one than the transcript's.
    """

    text: str
    speaker: str | None = None
    role: str | None = None
    confidence: float | None = None
    language: str | None = None
    words: tuple[Word, ...] | None = None


class PartTranscript(Value):
    """The transcript of one part by an engine; times are seconds from its start. ``sure`` is about ``language``."""

    language: str
    sure: bool = True
    segments: tuple[Segment, ...]


class Transcript(Value):
    """``names`` is what people call a speaker, by S1, S2, …"""

    language: str
    engine: str
    model: str
    duration_s: float
    speakers: int
    segments: tuple[Segment, ...]
    missing: tuple[MissingInterval, ...] = ()
    names: Mapping[str, str] = {}


class TranscriptDraft(Value):
    """The transcript before speakers are known. ``language`` is the one asked for, else the detected one, else ""."""

    language: str
    engine: EngineInfo
    duration_s: float
    segments: tuple[Segment, ...]
    missing: tuple[MissingInterval, ...] = ()


class Usage(Value):
    """The tokens of one or more calls of a language model."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: tokens + getattr(other, name) for name, tokens in self})


class PromptMessage(Value):
    role: str = Field(pattern="^(system|user|assistant)$")
    content: str


class Completion(Value):
    """A model answer. ``data`` is set, and valid, when a schema was asked for."""

    text: str
    data: Any = None
    usage: Usage = Usage()
    model: str
    truncated: bool = False
    duration_s: float


class RecordingMetadata(Value):
    """The team's facts about a recording; None and () mean not given."""

    audio_number: int | None = None
    recorded_on: date | None = None
    employee: str | None = None
    client: str | None = None
    place: str | None = None
    building: BuildingType | None = None
    zones: tuple[str, ...] = ()
    city: str | None = None


class ProcessingRequest(Value):
    """What a person asked for. None means that the language is to be detected, or the speakers to be counted."""

    scenario: ScenarioId
    building: BuildingType | None = None
    language: str | None = None
    speakers: int | None = Field(default=None, ge=1, le=20)
    caption: str = ""


class NewRecording(Value):
    """A recording that has no number yet."""

    id: RecordingId
    owner_id: UserId
    sha256: str
    size_bytes: int
    file_name: str
    extension: str
    object_key: str
    container: str
    codec: str
    duration_s: float
    request: ProcessingRequest
    visibility: Visibility = Visibility.TEAM


class Recording(Value):
    """A row of ``recordings``. ``stage`` is the last stage that is done; ``error_code`` says why work stopped after it.

    ``retry_at`` is when failed work will be tried again without anybody asking; None when it will not.
    """

    id: RecordingId
    owner_id: UserId
    number: int
    sha256: str
    size_bytes: int
    file_name: str
    extension: str
    object_key: str
    container: str
    codec: str
    duration_s: float
    request: ProcessingRequest
    stage: Stage
    error_code: str | None
    error_text: str | None
    retry_at: datetime | None = None
    warnings: tuple[str, ...]
    stage_seconds: Mapping[str, float]
    visibility: Visibility = Visibility.TEAM
    created_at: datetime


class PartPlan(Interval):
    """A part to transcribe. Its first ``overlap_s`` seconds, 0 after a cut in silence, are also in the part before."""

    position: int
    overlap_s: float = 0.0


class StoredPart(Value):
    """A row of ``recording_parts``; ``result`` is None until the engine has transcribed the part."""

    input_hash: str
    position: int
    start_s: float
    end_s: float
    result: PartTranscript | None
    error_code: str | None
    engine_s: float


class IndexValue(Value):
    """One line of the indices table. ``value`` is None for «нет данных»."""

    name: str
    label: str
    value: float | int | str | None


class NewReportRun(Value):
    """A report to be written. ``input_hash`` covers everything that could change its text."""

    recording_id: RecordingId
    owner_id: UserId
    scenario: ScenarioId
    report_id: ReportId
    building: BuildingType | None
    input_hash: str
    prompt_hash: str
    model: str
    passes_total: int


class ReportOutcome(Value):
    """The outcome of a finished report run. ``items`` are the lists that it was made from, by the id of their pass.

    ``number`` is the report's permanent number among its owner's reports; None until the report is in the archive.
    """

    number: int | None
    text: str
    items: Mapping[str, tuple[Mapping[str, Any], ...]] = Field(default_factory=dict)
    indices: tuple[IndexValue, ...] | None
    indices_error: str | None
    warnings: tuple[str, ...]
    usage: Usage
    cost_usd: Decimal | None
    duration_s: float


class StoredPass(Value):
    """A row of ``report_passes``: one model answer, as it came."""

    input_hash: str
    pass_name: str
    model: str
    output: str
    usage: Usage
    duration_s: float


class ReportRun(Value):
    """A row of ``report_runs``; ``recording_id`` is None for a research. Outdated: of a former transcript."""

    id: ReportRunId
    recording_id: RecordingId | None
    owner_id: UserId
    number: int | None
    scenario: ScenarioId
    report_id: ReportId
    building: BuildingType | None
    input_hash: str
    prompt_hash: str
    model: str
    status: RunStatus
    passes_done: int
    passes_total: int
    text: str | None
    indices: tuple[IndexValue, ...] | None
    indices_error: str | None
    warnings: tuple[str, ...]
    usage: Usage
    cost_usd: Decimal | None
    duration_s: float
    error_code: str | None
    error_text: str | None
    created_at: datetime
    finished_at: datetime | None
    is_outdated: bool = False


class RecordingProgress(Value):
    """The work on a recording. ``parts_done`` counts parts with a result, ``parts_heard`` adds up shares of others."""

    recording_id: RecordingId
    stage: Stage
    error_code: str | None
    error_text: str | None
    parts_done: int
    parts_total: int
    parts_heard: float = 0.0
    runs: Mapping[RunStatus, int]
    passes_done: int
    passes_total: int


class User(Value):
    """A row of ``users``. ``role`` was last seen, ``access.role_of`` counts; None is granted by settings alone."""

    id: UserId
    telegram_id: int | None
    name: str
    role: Role
    granted: Role | None = None
    blocked_at: datetime | None = None
    created_at: datetime


class NewReportFile(Value):
    """A report for its owner's report folder. ``number`` is None until the report has a number in the folder."""

    id: ReportRunId
    number: int | None = None
    title: str
    recording_number: int
    recording_file_name: str
    report_id: ReportId
    scenario: ScenarioId | None = None
    label: str
    created_at: datetime


class ReportFile(NewReportFile):
    """A report's entry in the index of its owner's report folder."""

    number: int
    size_bytes: int
    tokens: int


class IndexPoint(Value):
    """The indices of one report. ``day`` is the day of the recording; when that is unknown, of the report."""

    number: int
    report_id: ReportId
    day: date
    employee: str | None
    place: str | None
    indices: tuple[IndexValue, ...]
