"""A disk whose power can be cut: what was not synced by then is gone, as on a real one."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_SIZE = {"ext4": "1G", "xfs": "1G"}
_SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125
"""EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN, which are one number: fs/ext4/ext4.h, fs/xfs/xfs_fs.h."""
_WITHOUT_FLUSHING = struct.pack("I", 2)
"""Neither files nor the journal reach the device any more."""


class Disk:
    """A file system of its own at ``folder``, in an image beside it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self._kind = kind
        self._image = folder.with_name(f"{folder.name}.img")

    def make(self) -> None:
        """Make the file system and mount it."""
        subprocess.run(["truncate", "--size", _SIZE[self._kind], self._image], check=True)
        quiet = {"ext4": ["-q", "-F"], "xfs": ["-q", "-f"]}[self._kind]
        subprocess.run([f"mkfs.{self._kind}", *quiet, self._image], check=True)
        self.folder.mkdir()
        self.mount()
        self.folder.chmod(0o755)

    def cut_power(self) -> None:
        """Let nothing reach the device from now on; whoever writes or syncs gets an error."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _WITHOUT_FLUSHING)
        finally:
            os.close(descriptor)

    def mount(self) -> None:
        """Mount what is on the device; the journal is replayed."""
        subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=True)

    def unmount(self) -> None:
        """Unmount; nobody may use it."""
        subprocess.run(["umount", self.folder], check=True)


@contextmanager
def disk(folder: Path, kind: str) -> Iterator[Disk]:
    """Have a disk during the block."""
    made = Disk(folder, kind)
    made.make()
    try:
        yield made
    finally:
        made.unmount()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Have a disk of this size at ``folder`` during the block, in memory; ``size`` as of mount, like 1G."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        # What a killed process left may still be in it for a moment.
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Make a file that leaves no byte free on its disk."""
    block = bytes(1 << 16)
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(block):
            pass


def reason_against_small_disks() -> str:
    """Why no small disk can be made here; empty when one can."""
    if os.geteuid() != 0:
        return "only root mounts disks"
    with TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), "1M"):
                return ""
        except subprocess.CalledProcessError:
            return "this system does not let disks be mounted"


def reason_against(kind: str) -> str:
    """Why no such disk can be made here; empty when it can."""
    if os.geteuid() != 0:
        return "only root mounts disks"
    if shutil.which(f"mkfs.{kind}") is None:
        return f"no mkfs.{kind} here"
    if not Path("/dev/loop-control").exists() or kind not in Path("/proc/filesystems").read_text():
        return f"this system has no loop devices or no {kind}"
    return ""
