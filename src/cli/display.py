"""How a command shows long work on standard error: a live bar in a terminal, plain lines elsewhere."""

import sys
from contextlib import suppress
from types import TracebackType
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_STEP = 0.1


class _Unfailing:
    """A stream that never fails, but drops text that cannot be written, as when its reader is gone or the disk is full.

    Otherwise rich would end the process when the reader is gone, and with it the work whose progress is shown.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


class Display:
    """Progress of several subjects at once; a subject is a file name, or what a command waits for."""

    def __init__(self) -> None:
        self._console = Console(file=cast("TextIO", _Unfailing(sys.stderr)), highlight=False, soft_wrap=True)
        self._live: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._lines: dict[str, str] = {}
        self._advanced: dict[str, float] = {}

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False)

    def show(self, subject: str, line: str, fraction: float | None) -> None:
        """Show a subject's progress: ``line`` is in words, ``fraction`` is the share of its stage that is done.

        ``fraction`` is from 0 to 1, or None when it is not known.
        """
        if self._live is not None:
            if subject not in self._tasks:
                self._tasks[subject] = self._live.add_task(subject, total=None)
            self._live.update(
                self._tasks[subject],
                description=f"{subject}: {line}",
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
            )
        elif self._lines.get(subject) != line:
            self._lines[subject] = line
            self.say(f"{subject}: {line}")

    def finish(self, subject: str) -> None:
        """Remove a subject's live bar."""
        if self._live is not None and subject in self._tasks:
            self._live.remove_task(self._tasks.pop(subject))

    def advance(self, label: str, done: int, total: int) -> None:
        """Show that the work named ``label`` has finished ``done`` units of ``total``.

        Plain output gets a line for every tenth of the work.
        """
        fraction = done / total if total else 0.0
        if self._live is not None:
            self.show(label, f"{fraction:.0%}", fraction)
            if done >= total:
                self.finish(label)
        elif fraction >= self._advanced.get(label, 0.0) or done >= total:
            self._advanced[label] = fraction + _STEP
            self.show(label, f"{fraction:.0%}", fraction)
