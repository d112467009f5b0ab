"""An installation for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from installations import Ground, Installation, Undisturbed, artefacts
from openai_faults import TRANSCRIPTIONS
from openai_server import OpenAIServer
from speech_corpus import two_speaker_mix

TURNS = 10
"""A minute and more: several parts for a model that tells no times."""


@pytest.fixture(scope="session")
def interview(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people talking."""
    path = tmp_path_factory.mktemp("recordings") / "Гостиница, беседа 17.wav"
    return two_speaker_mix(turns=TURNS).write_wav(path)


@pytest.fixture(scope="session")
async def endpoint() -> AsyncIterator[OpenAIServer]:
    """One for all tests: its address is in what is stored and written."""
    async with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="session")
def ground(interview: Path, endpoint: OpenAIServer, postgres_dsn: str, migrated: str) -> Ground:
    return Ground(interview, endpoint, postgres_dsn, migrated)


@pytest.fixture
def installation(ground: Ground, tmp_path: Path) -> Iterator[Installation]:
    with ground.installation(tmp_path) as installation:
        yield installation


@pytest.fixture(scope="session")
def undisturbed(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The main job without anything going wrong."""
    with ground.installation(tmp_path_factory.mktemp("undisturbed")) as installation:
        outcome = installation.run()
        assert outcome.status == 0, outcome.said
        assert installation.leftovers() == []
        asked = installation.asked()
        assert len(set(asked)) == len(asked), "something is asked twice"
        parts = [question.sha256 for question in installation.server.asked(TRANSCRIPTIONS)]
        return Undisturbed(artefacts(installation.out), sorted(asked), parts)
