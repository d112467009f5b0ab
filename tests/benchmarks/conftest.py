"""What is measured is as it is for people: stored with the disk's word, by processes that were started anew."""

import pytest

import warm_process
from embedded.engines import Engines


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_process, "is_used", False)


@pytest.fixture(scope="session")
async def postgres_dsn(engines: Engines) -> str:
    return await engines.postgres()
