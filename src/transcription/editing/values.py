"""What is passed around when a transcript is corrected. A position is a segment's place, from 0."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from datamodels import Recording, Segment, Transcript, Value

NEW_SPEAKER = "new"
"""In the place of a speaker's id: somebody who is not among the speakers yet."""


class ChangeKind(StrEnum):
    """What a version of a transcript changed."""

    NAMED = "named"
    ROLE = "role"
    MERGED = "merged"
    MOVED = "moved"
    WORDS = "words"
    REPLACED = "replaced"
    SPLIT = "split"
    JOINED = "joined"
    UNDONE = "undone"
    REDONE = "redone"
    PROCESSED = "processed"
    """Recognised or labelled anew by the product, after people had corrected it."""


class LastEdit(Value):
    """The edit that an undoing takes back. ``position`` is where it begins; None where it is about no single segment.

    ``author`` is None when the product did.
    """

    version: int
    change: ChangeKind
    position: int | None
    author: str | None
    made_at: datetime


class OpenTranscript(NamedTuple):
    """A transcript to be corrected. Edits name its ``version``; its speakers have one role each.

    ``last`` is the edit that can be undone, None while it is not known; ``redoes`` is as in ``Edited``. Since version
    ``moved`` every segment has kept its position.
    """

    recording: Recording
    transcript: Transcript
    version: int
    can_undo: bool
    last: LastEdit | None = None
    redoes: int | None = None
    moved: int = 0


class Edited(NamedTuple):
    """The outcome of an edit: the version there is now, and what differs from the one before.

    ``segments`` has the changed ones by position; None says that the whole transcript has to be opened anew.
    ``undoes`` and ``redoes`` are the versions of the edits that an undoing would take back, and a redoing do again;
    None where there is none, or it is not known.
    """

    version: int
    can_undo: bool
    segments: Mapping[int, Segment] | None
    names: Mapping[str, str]
    undoes: int | None = None
    redoes: int | None = None


class Revision(NamedTuple):
    """An edit before it is stored: the segments that change, by position, and all names, None when they stay.

    ``is_reported`` tells whether reports would be written from something else: where a speaker has a role, they use
    the role and not the name.
    """

    segments: Mapping[int, Segment]
    names: Mapping[str, str] | None = None
    is_reported: bool = True


class Speaker(Value):
    """Somebody in a transcript. ``seconds`` is how long in all, ``longest`` the position of the longest segment."""

    id: str
    name: str | None
    role: str | None
    seconds: float
    turns: int
    longest: int


class Turn(Value):
    """What one speaker says in a row: the positions from ``first`` to ``last``, both included, in seconds."""

    first: int
    last: int
    speaker: str | None
    start: float
    end: float
    text: str


class Found(Value):
    """A segment in which something was found, with the half-open ranges of characters where it stands."""

    position: int
    start: float
    text: str
    places: tuple[tuple[int, int], ...]


class Search(Value):
    """What to find. By default whole words of either case; «е» finds «ё»."""

    wanted: str
    match_case: bool = False
    whole_words: bool = True


class VersionInfo(Value):
    """A version that people or the product made. ``author`` is None when the product did."""

    version: int
    change: ChangeKind
    author: str | None
    made_at: datetime
