"""The storage of conversations in a journal on the disk, for the time in which the database is away."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import ValidationError

from conversations.port import MOST_CONVERSATIONS
from conversations.vectors import Vectors
from datamodels import UserId, Value
from datamodels_chats import (
    AnswerId,
    Conversation,
    Embedding,
    Period,
    RatedConversation,
    Rating,
    RatingStats,
)
from file_locks import FileLock
from utils import append_durably, disk_full_mapped, fsync_folder, write_atomically

log = structlog.get_logger(__name__)

_PERIOD = timedelta(days=30)
_FileVersion = tuple[int, int, int]
T = TypeVar("T")


class _VectorPlace(Value):
    file: str
    index: int


class Entry(Value):
    """A line of the journal: a conversation that was added, or a rating.

    ``place`` says where the conversation's embedding is; None when it has none.
    """

    owner_id: UserId
    answer_id: AnswerId
    conversation: Conversation | None = None
    place: _VectorPlace | None = None
    rating: Rating | None = None


class JournalStorage:
    """``StorageAdapter`` over a file of JSON lines in ``folder``. A line counts once it is synced to the disk.

    Processes share the file: each reads what the others wrote before it does anything. Ratings of answers that the
    journal does not have are stored, too: these answers are in the database.
    """

    def __init__(self, folder: Path, most: int = MOST_CONVERSATIONS) -> None:
        self._folder = folder
        self._path = folder / "conversations.journal"
        self._most = most
        self._lock = asyncio.Lock()
        self._seen: _FileVersion | None = None
        self._given = (0, _digest(b""))
        """Size in bytes and digest of what the file had when ``entries`` last returned its entries."""
        self._forget()

    async def open(self) -> None:
        """Read the entries that other processes left, unless this was done already."""
        await self._alone(lambda: None)

    @property
    def backlog(self) -> int:
        """How many of the conversations and ratings that were read so far wait for the database."""
        return len(self._entries)

    async def add_conversation(self, conversation: Conversation) -> bool:
        def add() -> bool:
            if conversation.answer_id in self._kept:
                return False
            bare = conversation.model_copy(update={"embedding": None})
            entry = Entry(owner_id=bare.owner_id, answer_id=bare.answer_id, conversation=bare)
            self._take(self._write(entry, conversation.embedding))
            return True

        return await self._alone(add)

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        def update() -> bool:
            kept = self._kept.get(answer_id)
            if kept is not None and kept.owner_id != owner:
                return False
            earlier = self._ratings.get((owner, answer_id))
            # Clocks may be set back; still, what a person says now is later than what was said before.
            at = rating.at if earlier is None else max(earlier.at, rating.at)
            latest = rating.model_copy(update={"at": at})
            self._take(self._write(Entry(owner_id=owner, answer_id=answer_id, rating=latest), None))
            return True

        return await self._alone(update)

    async def rating_of(self, owner: UserId, answer_id: AnswerId) -> Rating | None:
        """Return what the person said about the answer, None when the journal has nothing of it."""
        return await self._alone(lambda: self._ratings.get((owner, answer_id)))

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        def stats() -> RatingStats:
            ratings = [rating for (of, _), rating in self._ratings.items() if owner in {None, of}]
            stars = [rating.stars for rating in ratings if rating.stars is not None]
            now = datetime.now(UTC)
            by_stars = tuple(stars.count(each) for each in range(1, 6))
            return RatingStats(
                conversations=sum(owner in {None, each.owner_id} for each in self._kept.values()),
                by_stars=(by_stars[0], by_stars[1], by_stars[2], by_stars[3], by_stars[4]),
                recent=_period(ratings, now - _PERIOD, now),
                earlier=_period(ratings, now - 2 * _PERIOD, now - _PERIOD),
            )

        return await self._alone(stats)

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        def rated() -> list[RatedConversation]:
            found = [
                (rating, self._kept[answer_id])
                for (of, answer_id), rating in self._ratings.items()
                if self._is_of(answer_id, of) and owner in {None, of} and (rating.stars or 0) >= at_least
            ]
            found.sort(key=lambda each: (-each[0].at.timestamp(), each[1].answer_id))
            return [self._rated(rating, kept) for rating, kept in found[:limit]]

        return await self._alone(rated)

    async def entries(self) -> Sequence[Entry]:
        """Return the entries that wait for the database, oldest first, each conversation with its embedding."""

        def entries() -> list[Entry]:
            content = b"" if self._seen is None else self._path.read_bytes()
            self._given = len(content), _digest(content)
            return list(map(self._whole, self._entries))

        return await self._alone(entries)

    async def clear(self) -> None:
        """Remove the entries that ``entries`` returned last, unless another process has removed them.

        Entries that any process added since then stay.
        """

        def clear() -> None:
            content = b"" if self._seen is None else self._path.read_bytes()
            size, digest = self._given
            if _digest(content[:size]) != digest:
                return
            if (rest := content[size:]).strip():
                write_atomically(self._path, rest, 0o600)
                self._read()
            else:
                self._remove()
                self._forget()

        await self._alone(clear)

    async def _alone(self, act: Callable[[], T]) -> T:
        """Read the file, then do ``act``, in a thread and while nothing else in any process uses the file."""

        def alone() -> T:
            with disk_full_mapped(self._path):
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                with FileLock(self._folder, folder=True).held():
                    if self._seen != (version := self._version()):
                        self._read()
                        self._seen = version
                    try:
                        return act()
                    finally:
                        self._seen = self._version()

        async with self._lock:
            return await asyncio.to_thread(alone)

    def _version(self) -> _FileVersion | None:
        """Return a value that changes whenever the file does; None when there is no file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _forget(self) -> None:
        self._entries: list[Entry] = []
        self._kept: dict[AnswerId, Conversation] = {}
        self._ratings: dict[tuple[UserId, AnswerId], Rating] = {}
        self._places: dict[AnswerId, _VectorPlace] = {}

    def _read(self) -> None:
        entries = list(self._lines())
        # Not before: a journal that could not be read must not be taken for an empty one.
        self._forget()
        for entry in entries:
            self._note(entry)
        self._trim()

    def _take(self, entry: Entry) -> None:
        """Add an entry, which is on the disk already, to what is held in memory."""
        self._note(entry)
        self._trim()

    def _note(self, entry: Entry) -> None:
        self._entries.append(entry)
        if entry.conversation is not None:
            self._kept.setdefault(entry.answer_id, entry.conversation)
            if entry.place is not None:
                self._places[entry.answer_id] = entry.place
        if entry.rating is not None:
            key = entry.owner_id, entry.answer_id
            self._ratings[key] = _later(self._ratings.get(key), entry.rating)

    def _is_of(self, answer_id: AnswerId, owner: UserId) -> bool:
        return answer_id in self._kept and self._kept[answer_id].owner_id == owner

    def _trim(self) -> None:
        """Forget the surplus over ``most`` conversations: the oldest without a rating first, the newest never.

        The file on the disk stays as it is.
        """
        surplus = len(self._kept) - self._most
        if surplus <= 0:
            return

        def worth(kept: Conversation) -> tuple[bool, datetime]:
            rating = self._ratings.get((kept.owner_id, kept.answer_id))
            return rating is not None and rating.stars is not None, kept.created_at

        newest = max(self._kept.values(), key=lambda kept: kept.created_at).answer_id
        others = sorted((kept for kept in self._kept.values() if kept.answer_id != newest), key=worth)
        dropped = {kept.answer_id: kept.owner_id for kept in others[:surplus]}
        for answer_id, owner in dropped.items():
            del self._kept[answer_id]
            self._places.pop(answer_id, None)
            self._ratings.pop((owner, answer_id), None)
        self._entries = [entry for entry in self._entries or () if entry.answer_id not in dropped]

    def _rated(self, rating: Rating, kept: Conversation) -> RatedConversation:
        return RatedConversation(
            **kept.model_dump(exclude={"embedding", "outcome"}),
            outcome=kept.outcome,
            embedding=self._embedding(self._places.get(kept.answer_id)),
            stars=rating.stars,
            comment=rating.comment,
        )

    def _whole(self, entry: Entry) -> Entry:
        if entry.conversation is None or entry.place is None:
            return entry
        whole = entry.conversation.model_copy(update={"embedding": self._embedding(entry.place)})
        return entry.model_copy(update={"conversation": whole})

    def _embedding(self, place: _VectorPlace | None) -> Embedding | None:
        return None if place is None else Vectors(self._folder / place.file).read(place.index)

    def _write(self, entry: Entry, embedding: Embedding | None) -> Entry:
        """Write the embedding, then the entry; return the entry with the embedding's place, as it is on the disk."""
        if embedding is not None:
            entry = entry.model_copy(update={"place": self._keep_vector(embedding)})
        # A line that a crash or a full disk cut off ends at the first line break.
        append_durably(self._path, b"\n" + entry.model_dump_json(exclude_none=True).encode() + b"\n")
        return entry

    def _keep_vector(self, embedding: Embedding) -> _VectorPlace | None:
        """Write an embedding and return its place.

        Return None when the file of its model is damaged or has vectors of another size. The conversation is then
        stored without its embedding.
        """
        name = f"{hashlib.sha256(embedding.model.encode()).hexdigest()[:16]}.vectors"
        index = Vectors(self._folder / name).append(embedding)
        return None if index is None else _VectorPlace(file=name, index=index)

    def _lines(self) -> Iterator[Entry]:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in filter(None, lines):
            entry = _parsed(line)
            if entry is not None:
                yield entry

    def _remove(self) -> None:
        # The vectors last: a conversation is complete without them.
        self._path.unlink(missing_ok=True)
        if self._folder.is_dir():
            for path in self._folder.glob("*.vectors"):
                path.unlink(missing_ok=True)
            fsync_folder(self._folder)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parsed(line: bytes) -> Entry | None:
    """Parse a line; None when it is damaged or has a NUL, which PostgreSQL refuses: one such line would block all."""
    try:
        entry = Entry.model_validate_json(line)
        if b"\\u0000" not in line or not _has_nul(entry.model_dump()):
            return entry
    except ValidationError:
        pass
    log.warning("journal_line_damaged", bytes=len(line))
    return None


def _has_nul(value: object) -> bool:
    """Tell whether a text in ``value``, of plain types, has a NUL."""
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(map(_has_nul, value.values()))
        case list() | tuple():
            return any(map(_has_nul, value))
        case _:
            return False


def _later(known: Rating | None, said: Rating) -> Rating:
    """Return ``known`` if it is the later rating, else ``said`` with its gaps (None) filled from ``known``."""
    if known is None or known.at > said.at:
        return said if known is None else known
    return Rating(
        stars=known.stars if said.stars is None else said.stars,
        comment=known.comment if said.comment is None else said.comment,
        at=said.at,
    )


def _period(ratings: Sequence[Rating], after: datetime, until: datetime) -> Period:
    stars = [rating.stars for rating in ratings if rating.stars is not None and after < rating.at <= until]
    return Period(ratings=len(stars), stars=sum(stars))
