"""A run: people work, everything happens, then all is quiet and what was promised is accounted for."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic

import psycopg

from chaos.faults import FAMILIES
from chaos.people import Person
from chaos.schedule import Fault, Met, befall, schedule
from chaos.town import End, Town, town
from openai_faults import CHAT, TRANSCRIPTIONS
from promises import Death, Kind, Line, account, errors_shown, has_ended, paid_twice

LOOK_S = 0.05
_BACK_S = 5.0
"""After which the bot is back at a database that is back."""
_QUESTION = re.compile(r"Вопрос \d+-\d+")

_ORIGINALS = "SELECT file_name, object_key FROM recordings"
_RATED = "SELECT answer_id, rating, comment FROM conversations WHERE rating IS NOT NULL"
_UNFINISHED = {
    "updates": "SELECT count(*) FROM seen_updates WHERE done_at IS NULL",
    "messages": "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL",
    "files": "SELECT count(*) FROM incoming_files WHERE state IN ('waiting', 'downloading', 'checking')",
    "jobs": "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND task_name LIKE '%step%'",
}


@dataclass(frozen=True)
class Order:
    """How a run is to be."""

    people: int
    seconds: float
    seed: int
    settle_s: float


@dataclass
class Outcome:
    """What came of a run."""

    order: Order
    schedule: list[Fault]
    met: list[Met] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    """What the bot logged of its database and its starts, when it was read."""
    lines: dict[Kind, Line] = field(default_factory=dict)
    settled_s: float | None = None
    """How long it took after the last fault until everything had ended; None when it did not."""
    damaged: list[str] = field(default_factory=list)
    paid_twice: list[str] = field(default_factory=list)
    paid: int = 0
    in_the_air: int = 0
    """Answers that were paid again because the process that asked was killed with them in its hands."""
    errors: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    unfinished: dict[str, int] = field(default_factory=dict)
    began: float = 0.0

    @property
    def is_good(self) -> bool:
        broken = any(line.lost or line.doubled for line in self.lines.values())
        return not (broken or self.damaged or self.paid_twice or self.deaths)


async def run(order: Order, folder: Path) -> Outcome:
    """Do a run with everything under ``folder``, an empty one."""
    async with town(folder, order.people) as place:
        families = [family for family in FAMILIES if family.can_happen(place)]
        outcome = Outcome(order, schedule(order.seed, order.seconds, families))
        people = [Person(place.join(number), order.seed, folder / "sent") for number in range(order.people)]
        tasks = [asyncio.create_task(place.keep_bot()), asyncio.create_task(_read_log(place, outcome))]
        outcome.began = monotonic()
        try:
            try:
                async with asyncio.timeout(order.seconds + order.settle_s), asyncio.TaskGroup() as group:
                    group.create_task(befall(place, outcome.schedule, families, outcome.met))
                    for person in people:
                        group.create_task(person.works(outcome.began + order.seconds))
            except TimeoutError:
                place.upkeep.deaths.append(f"it does not start any more: {place.bot.said[-1][-2000:]}")
            quiet = monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(order.settle_s):
                    await asyncio.gather(*(person.finishes() for person in people))
                outcome.settled_s = monotonic() - quiet
            await _account_for(place, people, outcome)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return outcome


async def _account_for(place: Town, people: Sequence[Person], outcome: Outcome) -> None:
    promises = [promise for person in people for promise in person.promises]
    outcome.lines = account(promises)
    stored = {promise.name for promise in promises if promise.kind is Kind.RECORDING and has_ended(promise)}
    sent = {name: path for person in people for name, path in person.files.items() if name in stored}
    outcome.damaged = await asyncio.to_thread(_damaged, place, sent)
    outcome.deaths = place.upkeep.deaths
    outcome.errors = [text for person in people for text in errors_shown(person.user)]
    paid: dict[str, list[tuple[float, float]]] = defaultdict(list)
    asked: dict[str, str] = {}
    for request in place.endpoint.requests:
        if request.status == 200 and request.path.endswith((CHAT, TRANSCRIPTIONS)):
            key = f"{request.path} {request.sha256}"
            paid[key].append((request.came_at, request.answered_at))
            asked[key] = request.body["messages"][-1]["content"] if request.path.endswith(CHAT) else ""
            outcome.paid += 1
    deaths = [Death(end.ended, unable) for end in place.ends if (unable := _unable_since(outcome, end)) is not None]
    outcome.paid_twice = [
        f"{key} {[(round(came, 1), round(answered, 1)) for came, answered in paid[key]]}: {asked[key][-200:]!r}"
        for key in paid_twice(paid, deaths)
    ]
    outcome.in_the_air = sum(len(times) - 1 for times in paid.values()) - len(outcome.paid_twice)
    if any(person.rated for person in people):
        outcome.lines[Kind.RATING] = await asyncio.to_thread(_ratings, place, people)
    await asyncio.to_thread(_write_chats, people, place.folder / "chats")
    await asyncio.to_thread(_write_times, place, outcome)
    with psycopg.connect(place.dsn()) as connection:
        for what, query in _UNFINISHED.items():
            row = connection.execute(query.encode()).fetchone()
            outcome.unfinished[what] = row[0] if row else 0


def _ratings(place: Town, people: Sequence[Person]) -> Line:
    """Account for the ratings by what the database has in the end: no message shows them all."""
    with psycopg.connect(place.dsn()) as connection:
        rows = connection.execute(_RATED.encode()).fetchall()
    stored = {answer_id: (stars, comment) for answer_id, stars, comment in rows}
    line = Line()
    for person in people:
        for answer_id, rated in person.rated.items():
            stars, comment = stored.get(answer_id, (None, None))
            right = stars == rated.stars and rated.comment in {None, comment}
            line.sent += 1
            line.taken += rated.certain
            line.finished += right
            if not right and (rated.certain or stars is not None):
                line.lost += 1
                line.broken.append(
                    f"{person.user.id} gave {answer_id} {rated.stars} {rated.comment!r}, stored {stars} {comment!r}"
                )
    return line


def _write_chats(people: Sequence[Person], folder: Path) -> None:
    """Leave what everybody saw, for whoever looks for a cause; times are those of the account."""
    folder.mkdir()
    for person in people:
        lines = [
            f"{event.at:10.1f} {event.kind} {event.message_id} {event.text!r}" for event in person.user.chat.history
        ]
        (folder / f"{person.user.id}.txt").write_text("\n".join(lines), encoding="utf-8")


def _write_times(place: Town, outcome: Outcome) -> None:
    """Leave what happened when, and what the engines were asked."""
    lines = [(met.began, f"{met.fault.family} {met.fault.name} until {met.over:.1f}") for met in outcome.met]
    for end in place.ends:
        what = "stopped" if end.orderly else "killed"
        lines.append((end.told, f"a process was {what}, and had ended at {end.ended:.1f}"))
    lines += outcome.events
    lines += [
        (each.came_at, f"asked {each.path} {each.sha256} status {each.status}, answered at {each.answered_at:.1f}")
        for each in place.endpoint.requests
    ]
    text = "\n".join(f"{at:10.1f} {what}" for at, what in sorted(lines))
    (place.folder / "times.txt").write_text(text, encoding="utf-8")


def _unable_since(outcome: Outcome, end: End) -> float | None:
    """Return since when a process that ended could store nothing; None when it could store all that was answered."""
    away = [met for met in outcome.met if met.fault.family == "database" and met.began < end.ended]
    since = [met.began for met in away if end.told < met.over + _BACK_S]
    if end.orderly and not since:
        return None
    return min([end.told, *since])


def _damaged(place: Town, sent: dict[str, Path]) -> list[str]:
    """Which recordings are not kept byte by byte."""
    with psycopg.connect(place.dsn()) as connection:
        keys: dict[str, str] = dict(connection.execute(_ORIGINALS.encode()).fetchall())
    wrong = []
    for name, path in sent.items():
        kept = place.object_bytes(keys[name]) if name in keys else b""
        if sha256(kept).digest() != sha256(path.read_bytes()).digest():
            wrong.append(name)
    return wrong


async def _read_log(place: Town, outcome: Outcome) -> None:
    """Note when the bot notices what, by our clock: its own is stepped."""
    path, inode, offset = place.state / "logs" / "app.json.log", 0, 0
    while True:
        with suppress(FileNotFoundError):
            found = path.stat()
            if found.st_ino != inode or found.st_size < offset:
                inode, offset = found.st_ino, 0
            with path.open("rb") as file:
                file.seek(offset)
                for line in file.read().splitlines(keepends=True):
                    if not line.endswith(b"\n"):
                        break
                    offset += len(line)
                    with suppress(ValueError):
                        event = json.loads(line).get("event", "")
                        if event in {"database_away", "database_back"}:
                            outcome.events.append((monotonic(), event))
        await asyncio.sleep(LOOK_S)
