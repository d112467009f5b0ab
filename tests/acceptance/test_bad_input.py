"""Bad input of every kind, through the real process: a Russian sentence, an exit status, and nothing half-written.

What people read is in ``bad_input_sentences.txt`` beside this file; ``UPDATE_SENTENCES=1`` writes it anew for review.
Most cases take the scenario ``design``, which has one speaker and so needs no weights.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
import pytest

import openai_faults
import recording_files
from embedded.engines import Engines
from embedded.s3 import S3Endpoint
from leftovers import incomplete_results, leftovers, rows_named, unfinished_files
from object_files import FolderObjectStore
from openai_faults import Fault, Kind
from openai_server import OpenAIServer
from power import fill, reason_against_small_disks, small_disk
from product import Outcome, Product, checkout_with

SENTENCES = Path(__file__).with_name("bad_input_sentences.txt")
AT_A_TIME = 4
"""Commands that run beside each other; most of their time is start-up and waiting."""
ALWAYS = 1_000_000
SECRETS = ("sk-wrong-9f2c", "wrong-password-71", "wrong-secret-key-35", "sk-loopback")


@dataclass(frozen=True)
class Case:
    """One command and what has to come of it.

    ``files`` makes the files in a folder; ``wrong`` and ``advice`` have to be in what is said. ``kept`` tells that the
    recording was accepted before it failed, and waits for the command to be given again. ``results`` tells that files
    are written all the same.
    """

    status: int
    wrong: str
    advice: str
    files: Callable[[Path], list[Path]]
    options: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    through: Callable[[Path, Path], tuple[str, ...]] = lambda _state, _at: ()
    env_file: bytes | None = None
    kept: bool = False
    results: bool = False


# --- files -----------------------------------------------------------------------------------------------------------


def written(name: str, content: bytes) -> Callable[[Path], list[Path]]:
    def make(at: Path) -> list[Path]:
        path = at / name
        path.write_bytes(content)
        return [path]

    return make


def spoken(name: str) -> Callable[[Path], list[Path]]:
    """A recording with nothing wrong."""
    return lambda at: [recording_files.speech(at / name, 6)]


def image(name: str) -> Callable[[Path], list[Path]]:
    return lambda at: [recording_files.image(at / name)]


def cut(name: str, share: float, *options: str) -> Callable[[Path], list[Path]]:
    return lambda at: [recording_files.truncated(recording_files.speech(at / name, 20, *options), share)]


def silent_film(at: Path) -> list[Path]:
    return [recording_files.film(at / "без звука.mp4", 2, None)]


def blink(at: Path) -> list[Path]:
    return [recording_files.encode(at / "миг.wav", recording_files.tone(0.2))]


def hour_of_silence(at: Path) -> list[Path]:
    return [recording_files.encode(at / "тишина.flac", recording_files.silence(3600))]


def nothing_there(at: Path) -> list[Path]:
    return [at / "нет такого.ogg"]


def folder(at: Path) -> list[Path]:
    (at / "папка.ogg").mkdir()
    return [at / "папка.ogg"]


def pipe(at: Path) -> list[Path]:
    os.mkfifo(at / "труба.ogg")
    return [at / "труба.ogg"]


def closed_file(at: Path) -> list[Path]:
    path = recording_files.speech(at / "закрытый.ogg", 6)
    path.chmod(0)
    return [path]


def long_name(at: Path) -> list[Path]:
    """More bytes than a file system takes."""
    return [at / ("ж" * 251 + ".ogg")]


def longest_name(at: Path) -> list[Path]:
    return [recording_files.speech(at / ("ж" * 125 + "1.ogg"), 6)]


def undecodable_name(at: Path) -> list[Path]:
    return [recording_files.speech(at / os.fsdecode(b"\xf0\xd2\xc9\xd7\xc5\xd4.ogg"), 6)]


def twice(at: Path) -> list[Path]:
    path = recording_files.speech(at / "дважды.ogg", 6)
    return [path, Path(shutil.copy(path, at / "дважды (копия).ogg")), path]


def good_among_bad(at: Path) -> list[Path]:
    (at / "пустой.ogg").touch()
    return [at / "пустой.ogg", recording_files.speech(at / "хороший.ogg", 6), at / "нет такого.ogg"]


# --- less than a process usually has ---------------------------------------------------------------------------------


def without_rights_of_root(_state: Path, _at: Path) -> tuple[str, ...]:
    """Let permissions count, which they do not for root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


def new_mounts() -> tuple[str, ...]:
    """What gives a command file systems of its own."""
    return ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")


@cache
def mounts_are_allowed() -> bool:
    """Whether small file systems can be made here, which some containers forbid."""
    trying = [*new_mounts(), "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
    return subprocess.run(trying, capture_output=True, check=False).returncode == 0


def without_mounts() -> None:
    pytest.skip("this machine forbids mounts; the case «a limit on the size of files» stands for a full disk")


def on_full_disk(size: str, *mounts: Callable[[Path, Path], Path]) -> Callable[[Path, Path], tuple[str, ...]]:
    """Put small file systems over these folders, for the command alone; list afterwards what it left on them."""
    script = (
        'list=$1; count=$2; shift 2; n=0; for each in "$@"; do n=$((n+1)); [ $n -le $count ] || break; '
        f'mkdir -p "$each" && mount -t tmpfs -o size={size},mode=755 none "$each" || exit 97; all="$all $each"; done; '
        'shift $count; "$@"; status=$?; find $all -type f >"$list"; exit $status'
    )

    def through(state: Path, at: Path) -> tuple[str, ...]:
        folders = [str(mount(state, at)) for mount in mounts]
        return (*new_mounts(), "sh", "-c", script, "sh", str(at / "left"), str(len(folders)), *folders)

    return through


def spool(state: Path, _at: Path) -> Path:
    return state / "spool"


def logs(state: Path, _at: Path) -> Path:
    return state / "logs"


def results(_state: Path, at: Path) -> Path:
    return at / "out"


def small_files_only(_state: Path, _at: Path) -> tuple[str, ...]:
    return ("prlimit", "--fsize=100000", "--")


# --- the cases -------------------------------------------------------------------------------------------------------

FILES = {
    "an empty file": Case(2, "пустой", "Отправьте", written("пустой.ogg", b"")),
    "a file of one byte": Case(2, "не похож на аудио", "Отправьте", written("байт.ogg", b"\x00")),
    "a text named .ogg": Case(
        2, "не похож на аудио", "Отправьте", written("письмо.ogg", "Добрый день!\n".encode() * 400)
    ),
    "a picture": Case(2, "не похож на аудио", "Отправьте", image("снимок.png")),
    "a picture named .mp3": Case(2, "не похож на аудио", "Отправьте", image("снимок.mp3")),
    "an m4a cut before its index": Case(2, "обрезана", "Скопируйте", cut("обрыв.m4a", 0.7)),
    "a film without sound": Case(2, "нет звуковой дорожки", "со звуком", silent_film),
    "a fifth of a second": Case(2, "слишком короткая (0,2 с)", "хотя бы", blink),
    "more bytes than the limit": Case(
        2, "а предел — 10 КБ", "Сожмите", spoken("тяжёлый.ogg"), settings={"MAX_RECORDING_BYTES": "10240"}
    ),
    "longer than the limit": Case(
        2, "длится 6 с, а предел — 5 с", "Разделите", spoken("длинный.ogg"), settings={"MAX_RECORDING_S": "5"}
    ),
    "a file that is not there": Case(2, "такого файла нет", "Проверьте путь", nothing_there),
    "a folder": Case(2, "это папка", "Проверьте путь", folder),
    "a pipe that nobody writes to": Case(2, "это не файл", "Проверьте путь", pipe),
    "a file without the right to read it": Case(
        2, "нет прав на чтение", "права доступа", closed_file, through=without_rights_of_root
    ),
    "a name of 255 Cyrillic characters": Case(2, "слишком длинное имя", "Проверьте путь", long_name),
    "an hour of silence": Case(2, "не слышно речи", "Проверьте", hour_of_silence, kept=True),
}

WORKS = {
    "an m4a cut behind its index": Case(
        0, "Файл обрезан", "", cut("обрыв индекса.m4a", 0.6, "-movflags", "+faststart"), results=True
    ),
    "an mp3 cut off": Case(0, "Файл обрезан", "", cut("обрыв.mp3", 0.6), results=True),
    "the longest name that a file can have": Case(0, "", "", longest_name, results=True),
    "a name that is no UTF-8": Case(0, "", "", undecodable_name, results=True),
    "the same recording three times, once under another name": Case(0, "уже есть", "", twice, results=True),
    "a caption that does not parse": Case(
        0,
        "не разобран",
        "напишите",
        spoken("подпись.ogg"),
        ("--caption", "семнадцать\nутром\nИванов Иван"),
        results=True,
    ),
    "a rate limit that passes": Case(
        0,
        "",
        "",
        spoken("частота.ogg"),
        faults=(openai_faults.status(429, times=2, retry_after="0"),),
        results=True,
    ),
    "a good recording between bad files": Case(2, "пустой (0 байт)", "Отправьте", good_among_bad, results=True),
}

ENDPOINTS = {
    "a wrong key": Case(
        3,
        "не принял ключ",
        "Проверьте ключ",
        spoken("ключ.ogg"),
        settings={"OPENAI_API_KEY": "sk-wrong-9f2c"},
        kept=True,
    ),
    "an endpoint that is down": Case(
        3,
        "не отвечает",
        "проверьте адрес",
        spoken("недоступно.ogg"),
        settings={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
        kept=True,
    ),
    "an endpoint that only says 500": Case(
        3,
        "не отвечает",
        "повторите",
        spoken("ошибка 500.ogg"),
        faults=(openai_faults.status(500, times=ALWAYS),),
        kept=True,
    ),
    "a rate limit that does not pass": Case(
        3,
        "ограничил частоту",
        "повторите позже",
        spoken("всё время 429.ogg"),
        faults=(openai_faults.status(429, times=ALWAYS, retry_after="0"),),
        kept=True,
    ),
    "an endpoint whose answers are no JSON": Case(
        3,
        "непонятный ответ",
        "повторите",
        spoken("не JSON.ogg"),
        faults=(Fault(Kind.INVALID_JSON, times=ALWAYS),),
        kept=True,
    ),
    "an account without funds": Case(
        3,
        "закончились средства",
        "Пополните",
        spoken("без денег.ogg"),
        faults=(openai_faults.status(429, times=ALWAYS, code="insufficient_quota"),),
        kept=True,
    ),
    "a model that the endpoint does not have": Case(
        3,
        "нет такой модели (no-such-model)",
        "Исправьте название",
        spoken("нет модели.ogg"),
        settings={"ASR_MODEL": "no-such-model"},
        faults=(openai_faults.status(404, times=ALWAYS, code="model_not_found"),),
        kept=True,
    ),
    "a language model whose answers are no JSON": Case(
        3,
        "не по схеме",
        "повторите",
        spoken("отчёт не JSON.ogg"),
        ("--report", "report_design_audit_methodology"),
        faults=(Fault(Kind.INVALID_JSON, path=openai_faults.CHAT, times=ALWAYS),),
        results=True,
    ),
    "a wrong key of the language model": Case(
        3,
        "не принял ключ",
        "Проверьте ключ",
        spoken("отчёт и ключ.ogg"),
        ("--report", "report_design_audit_methodology"),
        settings={"LLM_API_KEY": "sk-wrong-9f2c"},
        results=True,
    ),
}

MACHINE = {
    "no space for the samples": Case(
        2,
        "не хватило места",
        "Освободите место",
        spoken("тесно.ogg"),
        through=on_full_disk("100k", spool, logs),
        kept=True,
    ),
    "no space for the results": Case(
        2, "не хватило места", "Освободите место", spoken("некуда.ogg"), through=on_full_disk("40k", results)
    ),
    "a limit on the size of files": Case(
        2, "не хватило места", "Освободите место", spoken("предел.ogg"), through=small_files_only, kept=True
    ),
    "results where a file stands": Case(
        2, "нельзя записать", "--out", spoken("занято.ogg"), ("--out", "/dev/null/out")
    ),
    "weights with a wrong sum": Case(
        2,
        "не совпала с опубликованной",
        "удалите папку",
        spoken("веса.ogg"),
        settings={"ASR_ENGINE": "whisper"},
        kept=True,
    ),
    "a folder that holds no model": Case(
        2,
        "не читается",
        "указан в .env",
        spoken("не модель.ogg"),
        settings={"ASR_ENGINE": "whisper", "ASR_MODEL_DIR": "/dev"},
        kept=True,
    ),
}

SETTINGS = {
    "numbers that are none": Case(
        2,
        "MAX_RECORDING_S, WORKER_CONCURRENCY",
        ".env",
        spoken("числа.ogg"),
        settings={"WORKER_CONCURRENCY": "wrong-secret-key-35", "MAX_RECORDING_S": "-1"},
    ),
    "an endpoint without a model": Case(2, "ASR_MODEL", ".env", spoken("без модели.ogg"), settings={"ASR_MODEL": ""}),
    "an endpoint's address that is none": Case(
        2, "OPENAI_BASE_URL", ".env", spoken("адрес.ogg"), settings={"OPENAI_BASE_URL": "localhost/v1"}
    ),
    "an ffmpeg that is not there": Case(
        2, "Не найдена программа", "Установите", spoken("ffmpeg.ogg"), settings={"FFMPEG": "/no/such/ffmpeg"}
    ),
    "state where a file stands": Case(
        2, "PERSISTENT_DIR", ".env", spoken("состояние.ogg"), settings={"PERSISTENT_DIR": "/dev/null/state"}
    ),
    "a database URL that is none": Case(
        2, "DATABASE_URL", ".env", spoken("бд1.ogg"), settings={"DATABASE_URL": "wrong-password-71"}
    ),
    "a database host that does not resolve": Case(
        3,
        "База данных",
        "DATABASE_URL",
        spoken("бд2.ogg"),
        settings={"DATABASE_URL": "postgresql://u:wrong-password-71@no-such-host.invalid/db"},
    ),
    "a database that is down": Case(
        3,
        "База данных",
        "DATABASE_URL",
        spoken("бд3.ogg"),
        settings={"DATABASE_URL": "postgresql://u:wrong-password-71@127.0.0.1:9/db"},
    ),
    "a wrong password of the database": Case(
        3, "База данных", "DATABASE_URL", spoken("бд4.ogg"), settings={"DATABASE_URL": "<wrong password>"}
    ),
    "an object store that is down": Case(
        3,
        "Хранилище файлов не отвечает",
        "MINIO_",
        spoken("s3 1.ogg"),
        settings={
            "MINIO_ENDPOINT": "127.0.0.1:9",
            "MINIO_ACCESS_KEY": "somebody",
            "MINIO_SECRET_KEY": "wrong-secret-key-35",
        },
    ),
    "wrong keys of the object store": Case(
        3,
        "не приняло ключ",
        "MINIO_SECRET_KEY",
        spoken("s3 2.ogg"),
        settings={
            "MINIO_ENDPOINT": "<object store>",
            "MINIO_ACCESS_KEY": "somebody",
            "MINIO_SECRET_KEY": "wrong-secret-key-35",
        },
    ),
    "an object store's address with a scheme": Case(
        2, "MINIO_ENDPOINT", ".env", spoken("s3 3.ogg"), settings={"MINIO_ENDPOINT": "http://127.0.0.1:9000/"}
    ),
    "an .env of another encoding": Case(
        2,
        "не в кодировке UTF-8 (строка 2)",
        "Исправьте файл",
        spoken("кодировка.ogg"),
        env_file="LLM_API_KEY=wrong-secret-key-35\n# пояснение".encode("cp1251"),
    ),
    "an .env with lines that are none": Case(
        2,
        "строки 2, 3:",
        "Исправьте файл",
        spoken("строки.ogg"),
        env_file=b'LLM_API_KEY=wrong-secret-key-35\nwrong-password-71\nLLM_BASE_URL="http://wrong-password-71\n',
    ),
    "an .env with a value that Compose would expand": Case(
        2,
        "знак $",
        "одинарные кавычки",
        spoken("доллар.ogg"),
        env_file=b"LLM_API_KEY='wrong-secret-key-35$35'\nMINIO_SECRET_KEY=wrong-password-71$1\n",
    ),
}

OPTIONS = {
    "an unknown option": Case(2, "--colour", "--help", spoken("ключи1.ogg"), ("--colour",)),
    "no file": Case(2, "не указан ни один файл", "--help", lambda _: []),
    "an unknown scenario": Case(
        2, "podcast", "interview, design, meeting, none", spoken("ключи2.ogg"), ("--scenario", "podcast")
    ),
    "an unknown report": Case(
        2, "report_x", "report_design_compliance", spoken("ключи3.ogg"), ("--report", "report_x")
    ),
    "a report that needs a building": Case(
        2, "зависят от типа заведения", "--building", spoken("ключи4.ogg"), ("--report", "report_design_compliance")
    ),
    "a language that is none": Case(2, "xx", "ru, en, uk", spoken("ключи5.ogg"), ("--language", "xx")),
    "a number of speakers that is none": Case(
        2, "--speakers", "целое число", spoken("ключи6.ogg"), ("--speakers", "два")
    ),
}

NEED_MOUNTS = frozenset({"no space for the samples", "no space for the results"})
CASES = FILES | WORKS | ENDPOINTS | MACHINE | SETTINGS | OPTIONS


# --- the installation ------------------------------------------------------------------------------------------------


class Installation:
    """One product whose state all cases share, its engines kept warm, and the commands that run on it."""

    def __init__(self, home: Path, server: OpenAIServer, dsn: str, s3: S3Endpoint) -> None:
        self.home = home
        self.state = home / "state"
        self.server = server
        self.dsn = dsn
        self.s3 = s3
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._running: dict[str, asyncio.Task[Outcome]] = {}

    def begin(self, names: Sequence[str]) -> None:
        """Have these cases run; ``outcome`` waits for one."""
        for name in names:
            self._running[name] = asyncio.create_task(self._run(name, CASES[name]))

    async def outcome(self, name: str) -> Outcome:
        if name in NEED_MOUNTS and not mounts_are_allowed():
            without_mounts()
        return await asyncio.shield(self._running[name])

    async def all_ended(self) -> None:
        await asyncio.wait(self._running.values())

    async def end(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def place(self, name: str) -> Path:
        """The folder of a case: its files, and its results in ``out``."""
        return self.home / re.sub(r"\W+", "-", name)

    def product(self, server: OpenAIServer, settings: Mapping[str, str], through: tuple[str, ...] = ()) -> Product:
        product = Product(self.state, through=through)
        product.use(server)
        values = {
            "<wrong password>": psycopg.conninfo.make_conninfo(self.dsn, password=SECRETS[1]),
            "<object store>": self.s3.endpoint,
        }
        product.settings |= {name: values.get(value, value) for name, value in settings.items()}
        return product

    def logged_failures(self) -> str:
        """What the log has of failures that nobody foresaw: the sentence tells nothing of them."""
        lines = (self.state / "logs" / "app.json.log").read_text(encoding="utf-8").splitlines()
        return "\n".join(line for line in lines if '"level": "error"' in line)

    async def process(self, at: Path, product: Product, *arguments: str | Path) -> Outcome:
        plain = ("--scenario", "design", "--report", "none", "--out", at / "out")
        return await asyncio.to_thread(product.run, "process", *plain, *arguments)

    async def _run(self, name: str, case: Case) -> Outcome:
        async with self._places:
            at = self.place(name)
            at.mkdir()
            files = await asyncio.to_thread(case.files, at)
            async with OpenAIServer() as server:
                server.faults.add(*case.faults)
                product = self.product(server, case.settings, case.through(self.state, at))
                if case.env_file:
                    product.checkout = await asyncio.to_thread(
                        checkout_with, case.env_file, self.home / f"{at.name}-here"
                    )
                return await self.process(at, product, *case.options, "--", *files)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """Where all of it is: not under pytest's own directory, which is closed to PostgreSQL's user."""
    with tempfile.TemporaryDirectory(prefix="voxpersona-bad-input-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(scope="session")
async def installation(
    home: Path, s3_endpoint: S3Endpoint, request: pytest.FixtureRequest
) -> AsyncIterator[Installation]:
    wrong_weights(home / "state" / "models")
    async with Engines(home / "state") as engines, OpenAIServer() as server:
        installation = Installation(home, server, await engines.postgres(), s3_endpoint)
        selected = [name for item in request.session.items if (name := case_of(item))]
        installation.begin(list(dict.fromkeys(selected)))
        try:
            yield installation
        finally:
            await installation.end()


def case_of(item: pytest.Item) -> str | None:
    """The case that a test of this file is about."""
    parameters: dict[str, str] = getattr(getattr(item, "callspec", None), "params", {})
    return parameters.get("name") if item.path == Path(__file__) else None


def wrong_weights(models: Path) -> None:
    """Weights as they are after a disk went bad: the right names, other bytes."""
    folder = models / "whisper-base"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin"):
        (folder / name).write_bytes(b"{}")


# --- what people read ------------------------------------------------------------------------------------------------

SAID = re.compile(r"^(✖|  ⚠|Эта запись уже|В подписи|Отчёты «)")


def complaints(outcome: Outcome, at: Path) -> list[str]:
    """What a command said was wrong, without its progress and without what changes from run to run."""
    lines = outcome.said.splitlines()
    said = [line for line in lines if SAID.match(line)]
    if not said and outcome.status:
        said = lines[-1:]
    return [without_accidents(line, at) for line in said]


def without_accidents(line: str, at: Path) -> str:
    line = line.replace(str(at), "<папка>").replace(str(at.parent / "state"), "<данные>")
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<запись>", line)
    line = re.sub(r"(<папка>/out/)\d+ ", r"\1<номер> ", line)
    line = re.sub(r"127\.0\.0\.1:\d+", "<адрес>", line)
    return re.sub(r"№\d+", "№<номер>", line)


def kept_sentences() -> dict[str, tuple[int, list[str]]]:
    """The snapshot: a case's name, its exit status, what is said."""
    found: dict[str, tuple[int, list[str]]] = {}
    for block in SENTENCES.read_text(encoding="utf-8").split("\n\n"):
        head, *lines = block.strip().splitlines()
        name, _, status = head.rpartition(" → ")
        found[name] = (int(status), lines)
    return found


def keep_sentence(name: str, status: int, lines: list[str]) -> None:
    kept = kept_sentences() if SENTENCES.exists() else {}
    kept[name] = (status, lines)
    blocks = ["\n".join([f"{each} → {kept[each][0]}", *kept[each][1]]) for each in CASES if each in kept]
    SENTENCES.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


FORMATS = "ogg|mp3|m4a|wav|mp4|txt|docx|srt|vtt|json"
CHOICES = (
    "interview|design|meeting|none|all|hotel|restaurant|spa|[a-z]{2}(?=[,.])|auto|report_[a-z_]+|no-such-model|ffmpeg"
)
LATIN_THAT_PEOPLE_NEED = re.compile(
    # Names of files and values that they gave, paths, settings, options, and what they may choose from.
    rf"«[^»]*»|^✖ [^:]*:|<[^>]*>|/\S+|persistent_data\S*|\.env(\.example)?|scripts/(run|validate_config)|--[a-z]+|"
    r"\b[A-Z_]+_[A-Z_*]*|ИМЯ_FILE|\b(loopback-chat|JSON)\b|"
    rf"\b(whisper-base|HTTP|UTF-8|Docker Compose|[a-z]+\.(json|bin|docx|pcm)|{FORMATS}|{CHOICES})\b"
)


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
async def test_the_sentence_says_what_is_wrong_and_what_to_do(installation: Installation, name: str) -> None:
    case, outcome = CASES[name], await installation.outcome(name)
    lines = complaints(outcome, installation.place(name))
    assert outcome.status == case.status, f"{outcome.said}{installation.logged_failures()}"
    assert case.wrong in "\n".join(lines)
    assert case.advice in "\n".join(lines)
    if os.environ.get("UPDATE_SENTENCES"):
        keep_sentence(name, outcome.status, lines)
    assert (outcome.status, lines) == kept_sentences().get(name)


@pytest.mark.parametrize("name", CASES)
async def test_nobody_has_to_read_a_traceback_jargon_or_a_secret(installation: Installation, name: str) -> None:
    outcome = await installation.outcome(name)
    everything = outcome.out + outcome.said
    assert "Traceback" not in everything
    assert "Что-то пошло не так" not in everything
    assert not [secret for secret in SECRETS if secret in everything]
    for line in complaints(outcome, installation.place(name)):
        left = LATIN_THAT_PEOPLE_NEED.sub("", line)
        assert not re.search(r"[A-Za-z]{2,}", left), left


@pytest.mark.parametrize("name", CASES)
async def test_results_are_whole_or_not_there(installation: Installation, name: str) -> None:
    case = CASES[name]
    await installation.outcome(name)
    at = installation.place(name)
    out = at / "out"
    assert not unfinished_files(at)
    assert not incomplete_results(out)
    assert bool(list(out.glob("*/manifest.json"))) == case.results
    if (at / "left").exists():
        assert not (at / "left").read_text().replace(f"{installation.state}/logs/app.json.log\n", "")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.status and not case.results])
async def test_what_was_refused_is_not_stored(installation: Installation, name: str) -> None:
    case = CASES[name]
    await installation.outcome(name)
    files = [path.name for path in installation.place(name).iterdir() if path.name not in {"out", "left"}]
    stored = [row for file_name in files for row in await rows_named(installation.dsn, file_name)]
    assert len(stored) == (case.kept or name == "no space for the results")


@pytest.mark.parametrize("name", ["an m4a cut behind its index", "an mp3 cut off"])
async def test_the_missing_end_of_a_cut_recording_is_in_its_transcript(installation: Installation, name: str) -> None:
    await installation.outcome(name)
    (transcript,) = installation.place(name).glob("out/*/transcript.json")
    missing = json.loads(transcript.read_text(encoding="utf-8"))["missing"]
    assert [round(interval["end"]) for interval in missing] == [20]
    assert 5 < missing[0]["start"] < 18


@pytest.mark.parametrize("name", ["the same recording three times, once under another name"])
async def test_the_same_bytes_are_one_recording(installation: Installation, name: str) -> None:
    await installation.outcome(name)
    place = installation.place(name)
    assert len(list(place.glob("out/*"))) == 1
    names = [path.name for path in place.iterdir()]
    assert sum([len(await rows_named(installation.dsn, each)) for each in names]) == 1


RESUMED = ["an endpoint that is down", "no space for the results", "no space for the samples", "a wrong key"]


@pytest.mark.parametrize("name", RESUMED)
async def test_the_same_command_works_when_the_cause_is_gone(installation: Installation, name: str) -> None:
    await installation.outcome(name)
    at = installation.place(name)
    (file,) = (path for path in at.iterdir() if path.suffix == ".ogg")
    again = await installation.process(at, installation.product(installation.server, {}), file)
    assert again.status == 0, again.said
    assert list((at / "out").glob("*/transcript.docx"))


@pytest.mark.parametrize("name", ["an account without funds"])
async def test_a_lost_original_is_stored_again_with_the_next_command(installation: Installation, name: str) -> None:
    await installation.outcome(name)
    at = installation.place(name)
    (file,) = (path for path in at.iterdir() if path.suffix == ".ogg")
    (row,) = await rows_named(installation.dsn, file.name)
    await FolderObjectStore(installation.state / "objects").delete(row["object_key"])
    shutil.rmtree(installation.state / "spool" / row["id"])
    again = await installation.process(at, installation.product(installation.server, {}), file)
    assert again.status == 0, again.said


async def test_an_interrupted_command_says_how_to_go_on(installation: Installation) -> None:
    at = installation.home / "interrupted"
    at.mkdir()
    file = recording_files.speech(at / "прервано.ogg", 6)
    async with OpenAIServer() as server:
        server.faults.add(Fault(Kind.HANG, path=openai_faults.TRANSCRIPTIONS))
        product = installation.product(server, {})
        plain = ("--scenario", "design", "--report", "none", "--out", at / "out")
        command = product.start("process", *plain, file)
        await server.until_asked(openai_faults.TRANSCRIPTIONS, 1)
        command.send_signal(signal.SIGINT)
        out, said = await asyncio.to_thread(command.communicate, timeout=60)
        assert command.returncode == 130, said
        assert "повторите ту же команду" in said
        assert "Traceback" not in out + said
        again = await asyncio.to_thread(product.run, "process", *plain, file)
    assert again.status == 0, again.said


async def test_a_new_installation_on_a_full_disk_says_so(home: Path) -> None:
    if not mounts_are_allowed():
        without_mounts()
    at = home / "full"
    at.mkdir()
    state = at / "state"
    product = Product(at / "models-only", {"PERSISTENT_DIR": str(state), "LLM_ENGINE": "none"})
    product.through = on_full_disk("12m", lambda state, _at: state)(state, at)
    outcome = await asyncio.to_thread(product.run, "process", recording_files.speech(at / "первая.ogg", 6))
    assert outcome.status == 2, outcome.said
    assert "не хватило места" in outcome.said
    assert "Traceback" not in outcome.out + outcome.said


async def test_a_start_on_a_disk_that_got_full_names_the_disk(home: Path) -> None:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    state, heard = home / "got-full", recording_files.speech(home / "до.ogg", 6)
    settings = {"LLM_ENGINE": "none", "TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": "0" * 32, "OWNER_TELEGRAM_ID": "1"}
    settings["TELEGRAM_BOT_TOKEN"] = f"1:{'a' * 35}"
    with small_disk(state, "192M"):
        async with OpenAIServer() as server:
            product = Product(state, settings)
            product.use(server)
            before = await asyncio.to_thread(product.run, "process", heard, "--out", home / "before")
            assert before.status == 0, before.said
            fill(state / "rest")
            commands: tuple[tuple[str | Path, ...], ...] = ((), ("process", heard, "--out", home / "after"))
            for command in commands:
                outcome = await asyncio.to_thread(product.run, *command)
                assert outcome.status == 2, outcome.said
                assert re.search(rf"не хватило места для {state}\S*\. Освободите место", outcome.said), outcome.said
                assert "Traceback" not in outcome.out + outcome.said


async def test_nothing_is_left_half_written_and_a_good_file_still_works(installation: Installation) -> None:
    await installation.all_ended()
    assert await leftovers(installation.state, installation.dsn) == []
    logged = (installation.state / "logs" / "app.json.log").read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS if secret in logged]
    at = installation.home / "good"
    at.mkdir()
    file = recording_files.speech(at / "как следует.ogg", 6)
    outcome = await installation.process(at, installation.product(installation.server, {}), file)
    assert outcome.status == 0, outcome.said
    assert list((at / "out").glob("*/manifest.json"))
