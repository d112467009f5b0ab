"""What is measured is stored as it is for people: with the disk's word."""

import pytest

from embedded.engines import Engines


@pytest.fixture(scope="session")
async def postgres_dsn(engines: Engines) -> str:
    return await engines.postgres()
