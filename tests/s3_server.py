"""The S3 server of the development requirements."""

from pathlib import Path

from minio import Minio

from embedded.s3 import REGION, S3Endpoint, installed_weed


def weed() -> Path:
    """The server's program."""
    installed = installed_weed()
    assert installed is not None
    return installed


def client_of(endpoint: S3Endpoint) -> Minio:
    """A client of the server other than ours, to look behind our back."""
    return Minio(endpoint.endpoint, endpoint.access_key, endpoint.secret_key, secure=False, region=REGION)
