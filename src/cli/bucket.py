"""Sets the bucket up: there, closed to others, rid of unfinished uploads: ``python -m cli.bucket``."""

import asyncio
import sys

import click

import texts.operation
from application.objects import bucket_store
from config import load_settings
from errors import VoxPersonaError
from minio_manager import UNFINISHED_DAYS, BucketChange


async def set_up_bucket() -> int:
    """Set the configured bucket up and print what was changed.

    Returns:
        0; the exit status of the error when the bucket cannot be set up.
    """
    try:
        settings = load_settings()
        if settings.minio_endpoint is None:
            click.echo(texts.operation.NO_BUCKET)
            return 0
        store = bucket_store(settings)
        try:
            changes = await store.set_up()
        finally:
            store.close()
    except VoxPersonaError as exc:
        click.echo(exc.user_text, err=True)
        return exc.exit_status
    for change in changes:
        click.echo(texts.operation.BUCKET_CHANGES[change].format(days=UNFINISHED_DAYS))
    changed = set(changes) - {BucketChange.SERVER_EXPIRES}
    text = texts.operation.BUCKET_READY if changed else texts.operation.BUCKET_UNCHANGED
    click.echo(text.format(bucket=settings.minio_bucket))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(set_up_bucket()))
