"""What a PDF document consists of, from top to bottom. All texts are plain, and shown as they are."""

from collections.abc import Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """A stretch of text in one look."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    monospace: bool = False
    grey: bool = False


class Heading(NamedTuple):
    """A heading; ``level`` is 1 or more, and all from 3 on look alike."""

    text: str
    level: int


class Text(NamedTuple):
    """A paragraph; ``indent`` counts steps from the left margin, ``bullet`` stands before the first line."""

    runs: Sequence[Run]
    indent: int = 0
    bullet: str | None = None


class Table(NamedTuple):
    """A table, which goes on over pages. A row is a sequence of cells, a cell a sequence of runs.

    ``head`` repeats the first row on each page, in bold. ``numbers`` puts those of the last column to the right, and
    gives a first column of two more room.
    """

    rows: Sequence[Sequence[Sequence[Run]]]
    head: bool = False
    numbers: bool = False


Block = Heading | Text | Table
