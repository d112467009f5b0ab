"""What the client of the image service makes of answers, over real HTTP."""

from collections.abc import AsyncIterator

import pytest

from errors import ProviderError, ProviderRefusedKey, ProviderRejectedRequest
from errors_of_operation import ImageOrderFailed, ImageOrderUncertain
from fal_server import KEY, FalServer, fal_server
from provider_calls.fal.queue import ImageQueue

APPLICATION = "fal-ai/flux-lora"
PICTURE = {"prompt": "у моря", "loras": [], "image_size": {"width": 1024, "height": 1024}}


@pytest.fixture
async def service() -> AsyncIterator[FalServer]:
    async with fal_server() as server:
        yield server


@pytest.fixture
async def queue(service: FalServer) -> AsyncIterator[ImageQueue]:
    made = ImageQueue(KEY, service.addresses)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        ((301, 408, 409, 425, 429, 500, 502, 503, 504), ImageOrderUncertain),
        ((400, 402, 404, 405, 413, 415, 422), ProviderRejectedRequest),
        ((401, 403), ProviderRefusedKey),
    ],
)
async def test_only_an_answer_that_certainly_refuses_says_that_an_order_was_not_taken(
    service: FalServer, queue: ImageQueue, answers: tuple[int, ...], raised: type[ProviderError]
) -> None:
    for answer in answers:
        service.faults["POST", "flux-lora"] = [answer]
        with pytest.raises(raised):
            await queue.submit(APPLICATION, PICTURE, 60)
    assert len(service.asked) == len(answers), "an order is sent once"


async def test_what_is_said_of_another_order_is_not_believed(service: FalServer, queue: ImageQueue) -> None:
    order = await queue.submit(APPLICATION, PICTURE, 60)
    for ask in (queue.look, queue.result):
        service.faults["GET", ""] = ['{"status": "COMPLETED", "request_id": "another"}']
        with pytest.raises(ProviderRejectedRequest, match="another order"):
            await ask(order)
    service.faults["PUT", ""] = ['{"status": "CANCELLATION_REQUESTED", "request_id": "another"}']
    assert not await queue.cancel(order)
    assert not (await queue.look(order)).is_over
    service.faults["GET", ""] = [404, 422]
    with pytest.raises(ProviderRejectedRequest, match="404"):
        await queue.result(order)
    with pytest.raises(ImageOrderFailed):
        await queue.result(order)


async def test_a_cancellation_goes_to_the_queue_alone_and_what_is_over_or_unknown_is_no_error(
    service: FalServer, queue: ImageQueue
) -> None:
    foreign = "http://127.0.0.2:9/fal-ai/flux-lora/requests/lost/cancel"
    service.faults["POST", "flux-lora"] = [f'{{"request_id": "lost", "cancel_url": "{foreign}"}}']
    lost = await queue.submit(APPLICATION, PICTURE, 60)
    assert lost.cancel_url == f"{service.url}/{APPLICATION}/requests/lost/cancel"
    assert not await queue.cancel(lost), "the service knows no such order"
    order = await queue.submit(APPLICATION, PICTURE, 60)
    assert await queue.cancel(order)
    assert service.orders[0].cancelled
    assert not await queue.cancel(order), "it is over"
