"""The dictionary of word forms is loaded once, by whoever asks first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pymorphy3  # type: ignore[import-untyped]
import pytest

import morphology


def test_threads_that_ask_at_the_same_time_load_the_dictionary_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it empties the list of grammemes, which who reads with the first one then misses."""
    loaded: list[int] = []
    may_go = threading.Barrier(4)

    class Slow(pymorphy3.MorphAnalyzer):  # type: ignore[misc]
        def __init__(self) -> None:
            loaded.append(threading.get_ident())
            threading.Event().wait(0.05)
            super().__init__()

    def asked(_: int) -> bool:
        may_go.wait()
        return "Pltm" in morphology.parses("сутки")[0].tag

    monkeypatch.setattr(pymorphy3, "MorphAnalyzer", Slow)
    morphology._loaded.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(asked, range(4)))
    assert len(loaded) == 1
