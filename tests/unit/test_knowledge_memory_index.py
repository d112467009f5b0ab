"""The index in memory: its arithmetic, its file, and how much memory it takes."""

import asyncio
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from knowledge.index_cache import Cached, IndexCache
from knowledge.memory_index import MemoryIndex
from knowledge.values import ModelId, SourceId
from knowledge.vector_index import Entries

ENTRIES = Entries(np.array([3, 8, 5]), np.array([1, 1, 2]), np.array([[1, 0], [0.6, 0.8], [0, -1]], dtype=np.float16))


@given(
    arrays.arrays(
        np.float16,
        st.tuples(st.integers(1, 30), st.just(5)),
        elements=st.floats(-1, 1, width=16, allow_subnormal=True),
    ),
    arrays.arrays(np.float32, 5, elements=st.floats(-1, 1, width=32, allow_subnormal=False)),
)
def test_a_score_is_the_product_of_the_numbers_in_float16(
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float16]], question: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    count = len(vectors)
    entries = Entries(np.arange(count), np.ones(count, dtype=np.int64), vectors)
    index = MemoryIndex(ModelId(1), IndexCache(Path("/nowhere"), "model"))

    async def scores() -> dict[int, float]:
        await index.add(entries, 1)
        return {each.chunk: each.score for each in await index.search(question, [SourceId(1)], count)}

    wanted = vectors.astype(np.float64) @ question.astype(np.float16).astype(np.float64)
    found = asyncio.run(scores())
    np.testing.assert_allclose([found[each] for each in range(count)], wanted, atol=1e-5)


def test_the_file_has_what_was_saved(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "rag", "multilingual-e5")
    assert cache.load() is None
    cache.save(Cached(ENTRIES, 7))
    cached = cache.load()
    assert cached is not None
    assert cached.version == 7
    for one, other in zip(
        (cached.entries.chunks, cached.entries.sources, cached.entries.vectors),
        (ENTRIES.chunks, ENTRIES.sources, ENTRIES.vectors),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    [path] = (tmp_path / "rag").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert IndexCache(tmp_path / "rag", "another model").load() is None
    cache.forget()
    cache.forget()
    assert cache.load() is None


def _without_an_array(path: Path) -> None:
    with ZipFile(path) as whole:
        kept = {name: whole.read(name) for name in whole.namelist() if name != "sources.npy"}
    with ZipFile(path, "w") as part:
        for name, data in kept.items():
            part.writestr(name, data)


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(ENTRIES.vectors.tobytes())
    data[at + 3] ^= 0x40
    path.write_bytes(data)


def _with_a_pickle(path: Path) -> None:
    np.savez(path, format=1, model=np.array([{"any": "object"}], dtype=object))


def _one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, ENTRIES.vectors)


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _of_other_shapes(path: Path) -> None:
    np.savez(
        path,
        format=np.int64(1),
        model=np.str_("model"),
        version=np.int64(3),
        chunks=ENTRIES.chunks,
        sources=ENTRIES.sources[:2],
        vectors=ENTRIES.vectors,
    )


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "half": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "a bit": _flipped,
    "one array": _one_array,
    "no archive": lambda path: path.write_bytes(b"\x00" * 4000),
    "a pickle": lambda path: path.write_bytes(pickle.dumps({"model": "model"})),
    "an archive with a pickle": _with_a_pickle,
    "an array is missing": _without_an_array,
    "arrays of other shapes": _of_other_shapes,
    "a folder": _a_folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_counts_as_absent(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    cache = IndexCache(tmp_path, "model")
    cache.save(Cached(ENTRIES, 7))
    [path] = tmp_path.iterdir()
    damage(path)
    assert cache.load() is None


def test_a_chunk_takes_less_than_a_kilobyte() -> None:
    index = MemoryIndex(ModelId(1), IndexCache(Path("/nowhere"), "model"))
    count = 20_000
    entries = Entries(np.arange(count), np.arange(count), np.ones((count, 384), dtype=np.float16))
    asyncio.run(index.add(entries, 1))
    held = [index._chunks, index._sources, *index._blocks]
    assert sum(map(sys.getsizeof, held)) / count < 1000
