"""The service of avatars, and what takes its webhooks, of the opened application."""

from collections.abc import Awaitable, Callable
from functools import partial

from application.parts import Application
from avatars.models import OrderId
from avatars.service import Avatars
from avatars.webhook import ImageWebhook
from avatars.work import AVATARS_QUEUE
from db import Connection


def avatars_of(application: Application) -> Avatars | None:
    """Make the service of avatars; None where there are none."""
    if application.images is None:
        return None
    return Avatars(application.database, application.images.rules, _enqueue(application))


def webhook_of(application: Application) -> ImageWebhook | None:
    """Make what takes webhooks; None where there are no avatars."""
    if application.images is None:
        return None
    return ImageWebhook(application.database, application.images.keys, _enqueue(application))


def _enqueue(application: Application) -> Callable[[Connection, OrderId], Awaitable[None]]:
    return partial(application.jobs.enqueue_other, AVATARS_QUEUE)
