"""Where avatars of this installation are trained, by which rules, and the double in test mode."""
# ruff: noqa: PLC0415

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from avatars.settings import AvatarRules
from config import Settings
from errors import BadSettings
from provider_calls.fal.queue import Addresses, ImageQueue
from provider_calls.fal.trainers import TRAINERS, TrainerName
from provider_calls.fal.webhooks import WebhookKeys
from random_ids import new_secret

log = structlog.get_logger(__name__)


class Images(NamedTuple):
    """The service that trains and paints, and what is ordered there."""

    queue: ImageQueue
    keys: WebhookKeys
    rules: AvatarRules


def rules_of(settings: Settings) -> AvatarRules | None:
    """Return by which rules avatars are made; None where there are none: no key is set, and no test mode."""
    if settings.fal_api_key is None and not settings.fal_training_test_mode:
        return None
    trainer = TrainerName(settings.fal_default_trainer)
    return AvatarRules(
        trainer,
        settings.fal_default_steps or TRAINERS[trainer].steps,
        settings.fal_default_trainings,
        settings.fal_default_pictures,
        settings.fal_training_test_mode,
    )


@asynccontextmanager
async def open_images(settings: Settings, *, with_double: bool) -> AsyncIterator[Images | None]:
    """Open the service during the block; None where there are no avatars.

    In test mode the service is a double in this process: a process ``with_double`` of False, which shares the work of
    another one, has none.

    Raises:
        BadSettings: test mode in production, where people would take what it makes for real.
    """
    rules = rules_of(settings)
    if rules is None or (rules.is_test and not with_double):
        yield None
        return
    webhook = settings.fal_webhook_url
    if not rules.is_test:
        assert settings.fal_api_key is not None  # noqa: S101  # or there are no rules
        async with _opened(settings.fal_api_key.get_secret_value(), Addresses(), webhook, rules) as images:
            yield images
        return
    if settings.production:
        raise BadSettings(names="FAL_TRAINING_TEST_MODE")
    from provider_calls.fal.double import FalDouble, double_application
    from web.server import listen, serving

    double = FalDouble(new_secret())
    listener = await listen("127.0.0.1", 0)
    assert listener is not None  # noqa: S101  # None is for the default port
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(double_application(double), listener):
        log.warning("avatars_in_test_mode")
        async with _opened(double.key, Addresses.of_double(url), webhook, rules) as images:
            yield images


@asynccontextmanager
async def _opened(key: str, addresses: Addresses, webhook: str | None, rules: AvatarRules) -> AsyncIterator[Images]:
    queue, keys = ImageQueue(key, addresses, webhook), WebhookKeys(addresses.keys)
    try:
        yield Images(queue, keys, rules)
    finally:
        await keys.close()
        await queue.close()
