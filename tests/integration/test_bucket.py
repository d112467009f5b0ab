"""The bucket is set up once, on a real S3 server and on one that answers as MinIO does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from urllib3 import PoolManager

from config import ROOT
from embedded.s3 import S3Endpoint
from s3_server import client_of

EVERYBODY_READS = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"]}


@pytest.fixture
def bucket() -> str:
    return f"set-up-{uuid4().hex}"


def set_up(endpoint: S3Endpoint, bucket: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "MINIO_ENDPOINT": endpoint.endpoint,
        "MINIO_ACCESS_KEY": endpoint.access_key,
        "MINIO_SECRET_KEY": endpoint.secret_key,
        "MINIO_BUCKET": bucket,
    }
    return subprocess.run(
        [sys.executable, "-m", "cli.bucket"], env=environment, capture_output=True, text=True, check=False
    )


def rules(endpoint: S3Endpoint, bucket: str) -> dict[str | None, object]:
    """The days of each rule about unfinished uploads, by the rule's name; None for other rules."""
    found = client_of(endpoint).get_bucket_lifecycle(bucket)
    unfinished = {rule.rule_id: rule.abort_incomplete_multipart_upload for rule in (found.rules if found else ())}
    return {name: each and each.days_after_initiation for name, each in unfinished.items()}


def test_a_second_run_changes_nothing(s3_endpoint: S3Endpoint, bucket: str) -> None:
    first = set_up(s3_endpoint, bucket)
    assert first.returncode == 0, first.stderr
    assert "создано" in first.stdout
    assert rules(s3_endpoint, bucket) == {"unfinished-uploads": 7}
    second = set_up(s3_endpoint, bucket)
    assert (second.returncode, second.stdout) == (0, f"Хранилище «{bucket}» уже настроено, менять нечего.\n")
    assert rules(s3_endpoint, bucket) == {"unfinished-uploads": 7}


def test_a_bucket_that_everybody_can_read_is_closed_and_rules_of_others_stay(
    s3_endpoint: S3Endpoint, bucket: str
) -> None:
    client = client_of(s3_endpoint)
    client.make_bucket(bucket)
    statement = {**EVERYBODY_READS, "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    client.set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    theirs = Rule(ENABLED, rule_filter=Filter(prefix="old/"), rule_id="theirs", expiration=Expiration(days=30))
    client.set_bucket_lifecycle(bucket, LifecycleConfig([theirs]))
    done = set_up(s3_endpoint, bucket)
    assert done.returncode == 0, done.stderr
    assert "закрыто для посторонних" in done.stdout
    assert rules(s3_endpoint, bucket) == {"theirs": None, "unfinished-uploads": 7}
    answer = PoolManager().request("GET", f"http://{s3_endpoint.endpoint}/{bucket}/a.txt", retries=False)
    assert answer.status == 403


class AsMinio(BaseHTTPRequestHandler):
    """Has a private bucket, and refuses a rule about unfinished uploads."""

    written: list[str]

    def do_HEAD(self) -> None:  # the library's name
        self._answer(200, "")

    def do_GET(self) -> None:
        code = "NoSuchBucketPolicy" if self.path.endswith("?policy=") else "NoSuchLifecycleConfiguration"
        self._answer(404, f"<Error><Code>{code}</Code><Message>none</Message></Error>")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.written.append(self.path.partition("?")[2])
        self._answer(400, "<Error><Code>MalformedXML</Code><Message>not our schema</Message></Error>")

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def minio() -> Iterator[S3Endpoint]:
    AsMinio.written = []
    with ThreadingHTTPServer(("127.0.0.1", 0), AsMinio) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield S3Endpoint(f"127.0.0.1:{server.server_port}", "key", "secret")
        server.shutdown()


def test_a_server_that_keeps_no_such_rule_is_left_to_remove_uploads_itself(minio: S3Endpoint, bucket: str) -> None:
    for _ in range(2):
        done = set_up(minio, bucket)
        assert done.returncode == 0, done.stderr
        assert "сервер такого правила не хранит" in done.stdout
        assert "менять нечего" in done.stdout
    assert set(AsMinio.written) == {"lifecycle="}


def test_a_refused_key_and_a_silent_server_are_told(s3_endpoint: S3Endpoint, bucket: str) -> None:
    wrong = set_up(replace(s3_endpoint, secret_key="wrong"), bucket)  # noqa: S106  # of nobody
    assert wrong.returncode != 0
    assert "wrong" not in wrong.stdout + wrong.stderr
    silent = set_up(replace(s3_endpoint, endpoint="127.0.0.1:9"), bucket)
    assert silent.returncode != 0
    assert "Traceback" not in wrong.stderr + silent.stderr
