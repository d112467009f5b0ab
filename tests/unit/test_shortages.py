"""What the machine runs out of is told from failures of the work, however foreign libraries wrap it."""

import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import httpx2
import openai
import pytest
import urllib3

from audio import check_readable
from config import ROOT
from database.watch import hang_up
from embedded.running import Running, birth_of
from errors import (
    DatabaseUnavailable,
    DiskFull,
    NotFound,
    ObjectStoreUnavailable,
    OutOfResources,
    ProviderUnavailable,
    UnreadableFile,
    WeightsRefused,
)
from provider_calls.openai import openai_errors
from system.programs import ProcessLimits, running
from system.shortages import shortage_in, shortages_mapped
from utils import write_atomically

FILES, MEMORY, PROCESSES = "открытых файлов", "памяти", "процессов или потоков"


def system_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no further file during the block."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are all that is wanted
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    try:
        while True:
            try:
                held.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(
    ("failure", "what"),
    [
        (system_error(errno.EMFILE), FILES),
        (system_error(errno.ENFILE), FILES),
        (system_error(errno.ENOMEM), MEMORY),
        (system_error(errno.EAGAIN), PROCESSES),
        (RuntimeError("can't start new thread"), PROCESSES),
        (MemoryError(), MEMORY),
        (caused(RuntimeError("no model"), system_error(errno.EMFILE)), FILES),
        (caused(WeightsRefused(name="a", reason="b"), system_error(errno.EMFILE)), FILES),
        (caused(ProviderUnavailable(provider="a", reason="b"), caused(OSError("all failed"), MemoryError())), MEMORY),
        (ExceptionGroup("all", [ValueError(), system_error(errno.EMFILE)]), FILES),
        (caused(OSError("all attempts"), ExceptionGroup("all", [system_error(errno.EMFILE)])), FILES),
    ],
)
def test_a_shortage_is_found_among_the_causes(failure: Exception, what: str) -> None:
    found = shortage_in(failure)
    assert type(found) is OutOfResources
    assert what in found.user_text


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("too many open files"),
        system_error(errno.ENOENT),
        NotFound(what="x"),
        caused(WeightsRefused(name="a", reason="b"), system_error(errno.EACCES)),
        caused(DiskFull(path="a"), system_error(errno.EMFILE)),
        caused(DatabaseUnavailable(reason="a"), system_error(errno.EMFILE)),
        caused(ObjectStoreUnavailable(reason="a"), system_error(errno.EMFILE)),
    ],
)
def test_other_failures_and_those_that_are_waited_for_stay(failure: Exception) -> None:
    assert shortage_in(failure) is None
    with pytest.raises(type(failure)) as raised, shortages_mapped():
        raise failure
    assert raised.value is failure


@pytest.mark.parametrize(
    ("failure", "place"),
    [
        (OSError(errno.ENOSPC, "hush", "/spool/a"), "/spool/a"),
        (caused(RuntimeError("no model"), system_error(errno.EDQUOT)), "рабочих файлов"),
        (caused(ProviderUnavailable(provider="a", reason="b"), OSError(errno.ENOSPC, "hush", "/spool/b")), "/spool/b"),
    ],
)
def test_a_full_disk_is_found_among_the_causes(failure: Exception, place: str) -> None:
    found = shortage_in(failure)
    assert type(found) is DiskFull
    assert f"На диске не хватило места для {place}." in found.user_text


def test_a_connection_is_hung_up_without_a_descriptor_to_spare() -> None:
    here, there = socket.socketpair()
    with here, there:
        connection = Mock(fileno=here.fileno)
        with no_descriptors():
            hang_up(connection)
        there.settimeout(5)
        assert there.recv(1) == b""
        assert here.fileno() >= 0


def test_an_error_that_names_itself_among_its_causes_is_looked_at_once() -> None:
    one, two = ValueError(), ValueError()
    one.__context__, two.__context__ = two, one
    assert shortage_in(one) is None


@pytest.mark.parametrize("name", ["there.ogg", "gone.ogg"])
def test_a_file_is_not_called_unreadable_while_no_file_can_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.ogg").write_bytes(b"sound")
    with no_descriptors(), pytest.raises(OutOfResources):
        check_readable(tmp_path / name, name)
    with pytest.raises(UnreadableFile):
        check_readable(tmp_path / "gone.ogg", "gone.ogg")


def test_what_a_library_does_not_tell_is_seen_by_trying() -> None:
    silent = caused(WeightsRefused(name="a", reason="b"), RuntimeError("unable to open model.bin"))
    assert shortage_in(silent) is None
    with no_descriptors():
        assert isinstance(shortage_in(silent), OutOfResources)
        assert shortage_in(NotFound(what="x")) is None


def test_a_file_that_cannot_be_written_for_want_of_a_descriptor_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")
    with no_descriptors(), pytest.raises(OutOfResources) as raised:
        write_atomically(path, "after")
    assert raised.type is OutOfResources
    assert path.read_text() == "before"


async def test_a_program_that_cannot_be_started_is_no_fault_of_its_file() -> None:
    with no_descriptors(), pytest.raises(OutOfResources):
        async with running(["true"], ProcessLimits(time_s=5, memory_bytes=2**30)):
            pass
    async with running(["/bin/sh", "-c", "ulimit -n"], ProcessLimits(time_s=5, memory_bytes=2**30)) as process:
        assert b"".join([block async for block in process.output()]).strip() == b"1024"


def unreachable() -> openai.APIConnectionError:
    return openai.APIConnectionError(request=httpx2.Request("POST", "http://127.0.0.1"))


@pytest.mark.parametrize("error", [unreachable, lambda: httpx2.ReadError("cut")])
def test_a_provider_is_not_blamed_for_what_this_machine_lacks(error: Callable[[], Exception]) -> None:
    with pytest.raises(OutOfResources), openai_errors("llm", "model"):
        raise caused(error(), caused(OSError("all attempts failed"), system_error(errno.EMFILE)))
    with pytest.raises(ProviderUnavailable), openai_errors("llm", "model"):
        raise caused(error(), ConnectionRefusedError())


def test_an_engine_that_cannot_be_looked_at_is_not_taken_for_dead() -> None:
    living = Running(os.getpid(), birth_of(os.getpid()), {}, {}, {})
    with no_descriptors():
        assert not living.has_ended()
    assert not living.has_ended()
    assert Running(os.getpid(), "another", {}, {}, {}).has_ended()


def test_what_urllib3_makes_of_it_is_recognised() -> None:
    with urllib3.PoolManager(retries=False) as pool, no_descriptors():
        try:
            pool.request("GET", "http://127.0.0.1:9")
        except urllib3.exceptions.HTTPError as exc:
            failure = exc
    assert isinstance(shortage_in(failure), OutOfResources)


_RAISED = """
import resource
from system.shortages import raise_limit_of_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (64, min({hard}, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
raise_limit_of_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("hard", [500, 2**40])
def test_a_server_may_open_as_many_files_as_the_system_allows_within_reason(hard: int) -> None:
    allowed = min(hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    command = [sys.executable, "-c", _RAISED.format(hard=hard)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT / "src").stdout.split()
    assert list(map(int, told)) == [min(allowed, 65_536), allowed]
