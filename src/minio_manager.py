"""The object store in a bucket of any S3 server.

A matching size proves nothing: after every write the object is read back and hashed, and at every read the bytes are
compared with the hash that is stored beside them.
"""

import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, TypeVar, cast
from urllib.parse import quote, unquote

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule
from tenacity.wait import wait_base

from constants import PROVIDER_TRIES
from errors import BadSettings, NotFound, ObjectDamaged, ObjectStoreRefusedKey, ObjectStoreUnavailable, UnreadableFile
from object_store import CHECK, ObjectInfo, run_in_thread
from system.shortages import shortage_in
from utils import file_problem, opened_atomically, sha256_of_stream

_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 60.0
_CHECK_CONNECT_S = 3.0
_CHECK_READ_S = 4.0
_CONNECTIONS = 10
_PART_BYTES = 16 * 1024 * 1024
"""Size of an upload's part, which is held in memory; S3 allows 10,000 parts of at least 5 MiB."""
_CHUNK_BYTES = 1024 * 1024
_KEYS_AT_ONCE = 1000

_LONGEST_REASON = 200

_SHA256: Final = "sha256"
_FILE_NAME: Final = "file-name"

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_NOT_FOUND_CODES = frozenset({"NoSuchKey", "NoSuchVersion"})
_REFUSED_CODES = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem"},
)
_BUCKET_IS_THERE_CODES = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


_NO_POLICY = "NoSuchBucketPolicy"
# MinIO refuses a rule about unfinished uploads, or forgets it: it removes them itself after a day.
_NO_SUCH_RULE_CODES = frozenset({"MalformedXML", "InvalidArgument", "InvalidRequest", "NotImplemented"})
_RULE = "unfinished-uploads"
UNFINISHED_DAYS = 7
"""Days after which the parts of an upload that was never finished are removed."""


class BucketChange(StrEnum):
    """What ``S3ObjectStore.set_up`` has done."""

    CREATED = "created"
    CLOSED = "closed"
    """Others could read it."""
    UPLOADS_EXPIRE = "uploads_expire"
    SERVER_EXPIRES = "server_expires"
    """Nothing: the server keeps no rule about unfinished uploads, as MinIO, which removes them itself."""


_Result = TypeVar("_Result")


class S3ObjectStore:
    """One bucket. Every operation except ``check`` is tried up to three times when trying again can help.

    Raises, in every method that asks the server:
        ObjectStoreUnavailable: no answer or a wrong one, after the retries.
        ObjectStoreRefusedKey: the server does not accept the access key, or forbids the operation.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        *,
        secure: bool = False,
        region: str = "us-east-1",
        retry_wait: wait_base | None = None,
    ) -> None:
        """Prepare the client; nothing is sent. ``endpoint`` is host:port.

        Raises:
            BadSettings: ``endpoint`` is not host:port.
        """
        self._bucket = bucket
        self._retry_wait = retry_wait
        # One policy of retries: ours.
        limits = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
        self._http = urllib3.PoolManager(timeout=limits, maxsize=_CONNECTIONS, retries=False)
        # A thread that asks a silent server must be free again soon, and must not wait for connections that others use.
        impatient = urllib3.Timeout(connect=_CHECK_CONNECT_S, read=_CHECK_READ_S)
        self._asking_http = urllib3.PoolManager(timeout=impatient, maxsize=1, retries=False)
        try:
            self._client, self._asking = (
                Minio(endpoint, access_key, secret_key, secure=secure, region=region, http_client=http)
                for http in (self._http, self._asking_http)
            )
        except ValueError as exc:
            raise BadSettings(names="MINIO_ENDPOINT") from exc

    def close(self) -> None:
        """Close the idle connections."""
        self._http.clear()
        self._asking_http.clear()

    async def ensure(self) -> None:
        """Create the bucket when it is absent."""

        def ensure() -> None:
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as exc:
                # Another process was faster.
                if exc.code not in _BUCKET_IS_THERE_CODES:
                    raise

        await self._run("ensure", ensure)

    async def set_up(self) -> list[BucketChange]:
        """Create the bucket, close it to others, and have parts of unfinished uploads removed, where that is not so.

        Rules that others have made for the bucket stay.
        """

        def set_up() -> list[BucketChange]:
            changes = []
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)
                changes.append(BucketChange.CREATED)
            if self._close():
                changes.append(BucketChange.CLOSED)
            if not self._uploads_expire():
                changes.append(self._let_uploads_expire())
            return changes

        return await self._run("set_up", set_up)

    async def put_file(self, key: str, path: Path, *, sha256: str, file_name: str) -> None:
        """Store a file; see ``ObjectStore.put_file``. The server keeps ``file_name`` percent-encoded."""

        def put() -> None:
            try:
                with path.open("rb") as file:
                    self._put(key, file, path.stat().st_size, sha256, file_name)
            except OSError as exc:
                raise shortage_in(exc) or UnreadableFile(file_name=file_name, reason=file_problem(exc)) from exc

        await self._run("put_file", put)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store ``data``; see ``ObjectStore.put_bytes``."""
        sha256 = hashlib.sha256(data).hexdigest()

        def put() -> None:
            self._put(key, io.BytesIO(data), len(data), sha256, Path(key).name)

        await self._run("put_bytes", put)

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object; see ``ObjectStore.get_file``."""

        def get() -> None:
            with opened_atomically(path) as file:
                self._get(key, file)

        await self._run("get_file", get)

    async def info(self, key: str) -> ObjectInfo:
        """Describe an object; see ``ObjectStore.info``."""
        found = await self._run("info", lambda: self._client.stat_object(self._bucket, key))
        metadata = found.metadata or {}
        file_name = unquote(metadata.get(f"x-amz-meta-{_FILE_NAME}", "")) or PurePosixPath(key).name
        stored_at = found.last_modified or datetime.now(UTC)
        return ObjectInfo(found.size or 0, metadata.get(f"x-amz-meta-{_SHA256}", ""), file_name, stored_at)

    async def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        try:
            await self._run("exists", lambda: self._client.stat_object(self._bucket, key))
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        await self._run("delete", lambda: self._client.remove_object(self._bucket, key))

    async def list_keys(self) -> AsyncIterator[str]:
        """Yield all keys; see ``ObjectStore.list_keys``."""
        last: str | None = None
        while some := await self._run("keys", partial(self._keys_after, last)):
            for key in some:
                yield key
            last = some[-1]

    async def check(self) -> None:
        """Raise ``ObjectStoreUnavailable`` unless the bucket is there; asks only once, for seven seconds at most."""

        def bucket_exists() -> None:
            if not self._asking.bucket_exists(self._bucket):
                raise ObjectStoreUnavailable(reason=f"no bucket {self._bucket}")

        await self._run(CHECK, bucket_exists, tries=1)

    async def tidy(self, before: datetime) -> None:
        """Do nothing: a bucket has no folders, and no object becomes visible before it has arrived whole."""

    def _close(self) -> bool:
        """Remove the bucket's policy: without one, only its owner may read. Tell whether there was one."""
        try:
            self._client.get_bucket_policy(self._bucket)
        except S3Error as exc:
            if exc.code != _NO_POLICY:
                raise
            return False
        self._client.delete_bucket_policy(self._bucket)
        return True

    def _uploads_expire(self) -> bool:
        found = self._client.get_bucket_lifecycle(self._bucket)
        return any(
            rule.rule_id == _RULE and rule.status == ENABLED and rule.abort_incomplete_multipart_upload is not None
            for rule in (found.rules if found else ())
        )

    def _let_uploads_expire(self) -> BucketChange:
        found = self._client.get_bucket_lifecycle(self._bucket)
        others = [rule for rule in (found.rules if found else ()) if rule.rule_id != _RULE]
        unfinished = AbortIncompleteMultipartUpload(days_after_initiation=UNFINISHED_DAYS)
        ours = Rule(ENABLED, rule_filter=Filter(prefix=""), rule_id=_RULE, abort_incomplete_multipart_upload=unfinished)
        try:
            self._client.set_bucket_lifecycle(self._bucket, LifecycleConfig([*others, ours]))
        except S3Error as exc:
            if exc.code not in _NO_SUCH_RULE_CODES:
                raise
        return BucketChange.UPLOADS_EXPIRE if self._uploads_expire() else BucketChange.SERVER_EXPIRES

    def _keys_after(self, last: str | None) -> list[str]:
        objects = self._client.list_objects(self._bucket, recursive=True, start_after=last)
        return [str(each.object_name) for each in islice(objects, _KEYS_AT_ONCE)]

    def _put(self, key: str, data: BinaryIO, size: int, sha256: str, file_name: str) -> None:
        self._client.put_object(
            self._bucket,
            key,
            data,
            size,
            metadata={_SHA256: sha256, _FILE_NAME: quote(file_name, safe=" ", errors="replace")},
            part_size=_PART_BYTES,
            num_parallel_uploads=1,
        )
        with self._opened(key) as response:
            stored = sha256_of_stream(cast("BinaryIO", response))
        if stored != sha256:
            self._client.remove_object(self._bucket, key)
            raise ObjectDamaged(key=key)

    def _get(self, key: str, target: BinaryIO) -> None:
        digest = hashlib.sha256()
        with self._opened(key) as response:
            expected = response.headers.get(f"x-amz-meta-{_SHA256}")
            for chunk in response.stream(_CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() != expected:
            raise ObjectDamaged(key=key)

    @contextmanager
    def _opened(self, key: str) -> Iterator[urllib3.BaseHTTPResponse]:
        response = self._client.get_object(self._bucket, key)
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    async def _run(self, operation: str, call: Callable[[], _Result], tries: int = PROVIDER_TRIES) -> _Result:
        return await run_in_thread(
            operation, lambda: _with_errors_mapped(call), tries=tries, retry_wait=self._retry_wait
        )


def _with_errors_mapped(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except S3Error as exc:
        if exc.code in _NOT_FOUND_CODES:
            raise NotFound(what=exc.object_name) from exc
        if exc.code in _REFUSED_CODES:
            raise ObjectStoreRefusedKey(reason=exc.code) from exc
        raise ObjectStoreUnavailable(reason=exc.code) from exc
    except (MinioException, urllib3.exceptions.HTTPError) as exc:
        # Not the whole message: a proxy's answer can be a page.
        reason = f"{type(exc).__name__}: {exc}"[:_LONGEST_REASON]
        raise shortage_in(exc) or ObjectStoreUnavailable(reason=reason) from exc
