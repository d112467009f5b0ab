"""The engine and the images, built once from the Dockerfile as it is."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from docker_engine import COMMIT, Docker, Image, NoEngine, docker_engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    try:
        with docker_engine() as engine:
            yield engine
    except NoEngine as exc:
        pytest.skip(f"no Docker engine: {exc}")


def built(docker: Docker, target: str) -> Iterator[Image]:
    tag = f"voxpersona-test-{uuid4().hex[:8]}:{target}"
    docker.build(target, tag, COMMIT=COMMIT)
    try:
        yield Image(docker, target, tag)
    finally:
        docker.run("image", "rm", "--force", tag, check=False)


@pytest.fixture(scope="session")
def lite(docker: Docker) -> Iterator[Image]:
    yield from built(docker, "lite")


@pytest.fixture(scope="session")
def full(docker: Docker) -> Iterator[Image]:
    yield from built(docker, "full")


@pytest.fixture(params=["lite", "full"])
def image(request: pytest.FixtureRequest) -> Image:
    found: Image = request.getfixturevalue(request.param)
    return found
