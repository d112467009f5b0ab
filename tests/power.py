"""A disk whose power can be cut: what was not synced by then is gone, as on a real one."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def reason_against(kind: str) -> str:
    """Why no such disk can be made here; empty when it can."""
    if os.geteuid() != 0:
        return "only root mounts disks"
    if shutil.which(f"mkfs.{kind}") is None:
        return f"no mkfs.{kind} here"
    if not Path("/dev/loop-control").exists() or kind not in Path("/proc/filesystems").read_text():
        return f"this system has no loop devices or no {kind}"
    return ""
