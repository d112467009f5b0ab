"""The bucket on a real S3 server, and on a broken one on loopback where a real one cannot be made to fail."""

import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from tenacity import wait_none

from datamodels import RecordingId, UserId
from embedded.s3 import S3Endpoint
from errors import BadSettings, ObjectStoreRefusedKey, ObjectStoreUnavailable
from minio_manager import S3ObjectStore
from object_store import key_for_original
from s3_server import client_of

FILE_NAME = "Интервью №17, отель «Заря» 100%.ogg"
BUCKET = "test-objects"


def store_of(endpoint: S3Endpoint, *, bucket: str = BUCKET, secret_key: str | None = None) -> S3ObjectStore:
    return S3ObjectStore(
        endpoint.endpoint, endpoint.access_key, secret_key or endpoint.secret_key, bucket, retry_wait=wait_none()
    )


@pytest.fixture(scope="session")
async def objects(s3_endpoint: S3Endpoint) -> AsyncIterator[S3ObjectStore]:
    store = store_of(s3_endpoint)
    await store.ensure()
    yield store
    store.close()


@pytest.fixture
def key() -> str:
    return key_for_original(UserId(uuid4()), RecordingId(uuid4()), "ogg")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def operations(operation: str, outcome: str) -> float:
    labels = {"operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("voxpersona_object_operations_total", labels) or 0.0


class FaultyServer(ThreadingHTTPServer):
    """A server that keeps one object. ``failures`` answers are 503 first; ``damage`` is done to what is stored."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FaultyHandler)
        self.failures = 0
        self.damage: Callable[[bytes], bytes] = bytes
        self.cut_answers = 0
        self.stored: bytes | None = None
        self.metadata: dict[str, str] = {}
        self.requests: list[str] = []

    @property
    def endpoint(self) -> S3Endpoint:
        return S3Endpoint(f"127.0.0.1:{self.server_port}", "key", "secret")


class FaultyHandler(BaseHTTPRequestHandler):
    server: FaultyServer
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.requests.append(self.command)
        return parsed

    def answer(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fails(self) -> bool:
        if self.server.failures == 0:
            return False
        self.server.failures -= 1
        error = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"
        self.answer(HTTPStatus.SERVICE_UNAVAILABLE, error, {"Content-Type": "application/xml"})
        return True

    def do_PUT(self) -> None:
        if self.fails():
            return
        self.server.stored = self.server.damage(self.body)
        self.server.metadata = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        self.answer(HTTPStatus.OK, headers={"ETag": '"etag"'})

    def do_GET(self) -> None:
        if self.fails():
            return
        body = self.server.stored or b""
        headers = {"ETag": '"etag"', "Last-Modified": "Tue, 03 Nov 2026 10:00:00 GMT", **self.server.metadata}
        if self.server.cut_answers:
            self.server.cut_answers -= 1
            headers["Content-Length"] = str(len(body) + 1)
            self.close_connection = True
        self.answer(HTTPStatus.OK, body, headers)

    def do_DELETE(self) -> None:
        self.server.stored = None
        self.answer(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing on the terminal."""


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_the_bucket_is_created_once(s3_endpoint: S3Endpoint) -> None:
    store = store_of(s3_endpoint, bucket=f"test-{uuid4().hex}")
    with pytest.raises(ObjectStoreUnavailable):
        await store.check()
    await store.ensure()
    await store.ensure()
    await store.check()


@pytest.mark.parametrize("name", [FILE_NAME, "я" * 255])
async def test_a_cyrillic_name_is_kept_with_the_object(
    objects: S3ObjectStore, s3_endpoint: S3Endpoint, key: str, tmp_path: Path, name: str
) -> None:
    path = written(tmp_path / "file", b"data")
    await objects.put_file(key, path, sha256=sha256(b"data"), file_name=name)
    metadata = client_of(s3_endpoint).stat_object(BUCKET, key).metadata
    assert metadata is not None
    assert unquote(metadata["x-amz-meta-file-name"]) == name
    assert metadata["x-amz-meta-sha256"] == sha256(b"data")


async def test_an_object_that_changed_in_the_store_is_refused(
    objects: S3ObjectStore, s3_endpoint: S3Endpoint, key: str, tmp_path: Path
) -> None:
    stored: dict[str, str | list[str] | tuple[str]] = {"sha256": sha256(b"original")}
    client_of(s3_endpoint).put_object(BUCKET, key, io.BytesIO(b"tampered"), 8, metadata=stored)
    with pytest.raises(ObjectStoreUnavailable, match="sha256"):
        await objects.get_file(key, tmp_path / "file")
    assert names_in(tmp_path) == []


async def test_a_wrong_secret_is_refused_without_another_try(s3_endpoint: S3Endpoint, key: str) -> None:
    store = store_of(s3_endpoint, secret_key="wrong")  # noqa: S106
    before = operations("exists", "object_store_refused_key")
    with pytest.raises(ObjectStoreRefusedKey) as raised:
        await store.exists(key)
    assert not raised.value.retryable
    assert operations("exists", "object_store_refused_key") == before + 1


async def test_a_wrong_endpoint_is_a_wrong_setting() -> None:
    with pytest.raises(BadSettings):
        S3ObjectStore("http://host:1/path", "key", "secret", "bucket")


async def test_a_server_that_is_down_is_unavailable(faulty: FaultyServer, key: str, tmp_path: Path) -> None:
    store = store_of(faulty.endpoint)
    faulty.shutdown()
    faulty.server_close()
    before = operations("put_file", "object_store_unavailable")
    with pytest.raises(ObjectStoreUnavailable) as raised:
        await store.put_file(key, written(tmp_path / "file", b"data"), sha256=sha256(b"data"), file_name="file")
    assert raised.value.retryable
    assert operations("put_file", "object_store_unavailable") == before + 1


async def test_a_server_in_trouble_is_asked_three_times(faulty: FaultyServer, key: str) -> None:
    faulty.failures = 3
    with pytest.raises(ObjectStoreUnavailable):
        await store_of(faulty.endpoint).put_bytes(key, b"data")
    assert faulty.requests == ["PUT"] * 3


async def test_a_server_that_recovers_in_time_is_no_trouble(faulty: FaultyServer, key: str, tmp_path: Path) -> None:
    store = store_of(faulty.endpoint)
    faulty.failures = 2
    await store.put_file(key, written(tmp_path / "file", b"data"), sha256=sha256(b"data"), file_name=FILE_NAME)
    assert faulty.stored == b"data"


async def test_a_health_check_asks_once(faulty: FaultyServer) -> None:
    faulty.failures = 3
    with pytest.raises(ObjectStoreUnavailable):
        await store_of(faulty.endpoint).check()
    assert len(faulty.requests) == 1


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-1], lambda body: body[:-1] + b"?"], ids=["truncated", "corrupted"]
)
async def test_an_upload_that_is_stored_wrong_is_noticed_and_removed(
    faulty: FaultyServer, key: str, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    faulty.damage = damage
    path = written(tmp_path / "file", b"a recording")
    with pytest.raises(ObjectStoreUnavailable, match="sha256"):
        await store_of(faulty.endpoint).put_file(key, path, sha256=sha256(b"a recording"), file_name=FILE_NAME)
    assert faulty.stored is None
    assert faulty.requests == ["PUT", "GET", "DELETE"] * 3


async def test_an_answer_that_breaks_off_is_asked_for_again(faulty: FaultyServer, key: str, tmp_path: Path) -> None:
    store = store_of(faulty.endpoint)
    await store.put_bytes(key, b"a recording")
    faulty.cut_answers = 2
    await store.get_file(key, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"a recording"


async def test_an_answer_that_always_breaks_off_leaves_nothing(faulty: FaultyServer, key: str, tmp_path: Path) -> None:
    store = store_of(faulty.endpoint)
    await store.put_bytes(key, b"a recording")
    faulty.cut_answers = 3
    with pytest.raises(ObjectStoreUnavailable):
        await store.get_file(key, tmp_path / "file")
    assert names_in(tmp_path) == []
