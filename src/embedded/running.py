"""The run file of an engine: which process the engine is, and how to reach it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Running:
    """An engine's process and how to reach it, as written to the run file; ``birth`` is what ``birth_of`` returns."""

    pid: int
    birth: str
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    options: Mapping[str, str | int]

    def process(self) -> psutil.Process | None:
        """Return the live process; None when it has ended, even if its pid belongs to another process by now.

        Raises:
            OSError: the system does not let us look, as when no descriptor is left.
        """
        try:
            process = psutil.Process(self.pid)
            same = birth_of(self.pid) == self.birth
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None

    def has_ended(self) -> bool:
        """Tell whether the process is known to have ended; False when the system does not let us look."""
        try:
            return self.process() is None
        except OSError:
            return False


def birth_of(pid: int) -> str:
    """Return a string that tells the process from all others that ever had ``pid``, even if the clock was changed.

    It has the id of the boot and the clock tick at which the process started:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, field 22.

    Raises:
        FileNotFoundError, ProcessLookupError: there is no such process.
    """
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{after_name[22 - 3]}"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; at any moment ``path`` is the old file or the whole new one."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
