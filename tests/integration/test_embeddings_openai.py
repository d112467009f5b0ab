"""Embeddings over real HTTP: what is sent, and what goes wrong at endpoints."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
import pytest

import openai_faults
from embeddings.openai import OpenAIEmbeddings
from errors import (
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from openai_faults import EMBEDDINGS, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time

TEXTS = ["Тихо было", "Кофе холодный"]
Connect = Callable[..., OpenAIEmbeddings]


@pytest.fixture
async def connect(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Connect]:
    """Makes engines at the server, and closes them."""
    made: list[OpenAIEmbeddings] = []

    def connect(**changes: Any) -> OpenAIEmbeddings:
        options: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": server.api_key,
            "model": "bge-m3",
            "provider_name": "loopback",
            "concurrency": 2,
            "timeout_s": 20.0,
            "time": Time(sleep=pauses.sleep),
        }
        made.append(OpenAIEmbeddings(**(options | changes)))
        return made[-1]

    yield connect
    for embeddings in made:
        await embeddings.close()


def answer(*vectors: Sequence[object]) -> dict[str, object]:
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]}


async def test_many_texts_go_in_requests_of_ten_and_come_back_in_order(server: OpenAIServer, connect: Connect) -> None:
    texts = [f"слово{number} и ещё" for number in range(23)]
    embeddings = connect()
    vectors = await embeddings.embed_passages(texts)
    assert [len(request.body["input"]) for request in server.asked(EMBEDDINGS)] == [10, 10, 3]
    assert [text for request in server.asked(EMBEDDINGS) for text in request.body["input"]] == texts
    np.testing.assert_allclose(vectors[22], (await embeddings.embed_passages([texts[22]]))[0], atol=1e-6)


async def test_no_texts_ask_nothing(server: OpenAIServer, connect: Connect) -> None:
    assert (await connect().embed_questions([])).shape == (0, 0)
    assert server.requests == []


@pytest.mark.parametrize(
    ("model", "question", "passage"),
    [
        ("intfloat/multilingual-e5-large", "query: где?", "passage: где?"),
        ("E5_base_v2", "query: где?", "passage: где?"),
        ("multilingual-e5-large-instruct", "где?", "где?"),
        ("text-embedding-3-small", "где?", "где?"),
        ("bge5-large", "где?", "где?"),
    ],
)
async def test_only_models_of_the_e5_family_are_told_what_a_text_is(
    server: OpenAIServer, connect: Connect, model: str, question: str, passage: str
) -> None:
    embeddings = connect(model=model)
    await embeddings.embed_questions(["где?"])
    await embeddings.embed_passages(["где?"])
    assert [request.body["input"] for request in server.asked(EMBEDDINGS)] == [[question], [passage]]


async def test_nothing_but_model_and_texts_is_asked_for(server: OpenAIServer, connect: Connect) -> None:
    await connect().embed_questions(TEXTS)
    assert server.asked(EMBEDDINGS)[0].body == {"model": "bge-m3", "input": TEXTS}


async def test_the_model_is_told_by_its_address_too_and_without_a_password(connect: Connect) -> None:
    assert connect(provider_name="host:8080").model == "bge-m3@host:8080"
    assert connect(provider_name="me:secret@host").model == "bge-m3@host"


async def test_the_size_is_known_after_the_first_answer(connect: Connect) -> None:
    embeddings = connect()
    assert embeddings.size == 0
    await embeddings.check()
    assert embeddings.size == 64
    assert (await embeddings.embed_passages([])).shape == (0, 64)


async def test_a_limited_rate_is_waited_for_as_long_as_is_asked(
    server: OpenAIServer, connect: Connect, pauses: Pauses
) -> None:
    server.faults.add(openai_faults.status(429, path=EMBEDDINGS, retry_after="7"))
    assert len(await connect().embed_passages(TEXTS)) == 2
    assert pauses.slept == [7.0]


PASSING = [
    openai_faults.status(500),
    openai_faults.status(503),
    Fault(Kind.RESET),
    Fault(Kind.TRUNCATED_BODY),
    Fault(Kind.INVALID_JSON),
    Fault(Kind.BODY, body=answer([1.0, 2.0])),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind} {fault.status} {fault.body}"[:40])
async def test_what_passes_is_tried_again(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.faults.add(fault)
    assert (await connect().embed_passages(TEXTS)).shape == (2, 64)
    assert len(server.asked(EMBEDDINGS)) == 2


LASTING: list[tuple[Fault, type[ProviderError], int]] = [
    (openai_faults.status(429, times=3, retry_after="0"), ProviderRateLimited, 3),
    (openai_faults.status(500, times=3), ProviderUnavailable, 3),
    (openai_faults.status(401), ProviderRefusedKey, 1),
    (openai_faults.status(404, message="The model does not exist"), ProviderRejectedRequest, 1),
    (openai_faults.context_length(path=EMBEDDINGS), ProviderRejectedRequest, 1),
    (Fault(Kind.INVALID_JSON, times=3), ProviderInvalidAnswer, 3),
    (Fault(Kind.BODY, times=3, body={"object": "list"}), ProviderInvalidAnswer, 3),
    (Fault(Kind.BODY, times=3, body=answer([1.0, 2.0])), ProviderInvalidAnswer, 3),
    (Fault(Kind.BODY, times=3, body=answer([1.0], [1.0], [1.0])), ProviderInvalidAnswer, 3),
    (Fault(Kind.BODY, times=3, body=answer([0.0, 0.0], [1.0, 0.0])), ProviderInvalidAnswer, 3),
    (Fault(Kind.BODY, times=3, body=answer("AACAPw==", "AACAPw==")), ProviderInvalidAnswer, 3),
]


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    LASTING,
    ids=lambda value: f"{value.status} {value.body}"[:40] if isinstance(value, Fault) else None,
)
async def test_what_lasts_is_an_error_of_the_provider(
    server: OpenAIServer, connect: Connect, fault: Fault, error: type[ProviderError], requests: int
) -> None:
    server.faults.add(fault)
    with pytest.raises(error) as caught:
        await connect().embed_passages(TEXTS)
    assert len(server.asked(EMBEDDINGS)) == requests
    for text in TEXTS:
        assert text not in str(caught.value) + caught.value.user_text


async def test_an_endpoint_that_hangs_is_given_up(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.HANG, times=3))
    with pytest.raises(ProviderUnavailable):
        await connect(timeout_s=0.2).embed_questions(TEXTS)
    assert len(server.asked(EMBEDDINGS)) == 3


async def test_vectors_of_another_size_than_before_are_refused(server: OpenAIServer, connect: Connect) -> None:
    embeddings = connect()
    await embeddings.check()
    server.faults.add(Fault(Kind.BODY, times=3, body=answer([1.0, 0.0], [0.0, 1.0])))
    with pytest.raises(ProviderInvalidAnswer, match="2 numbers after vectors of 64"):
        await embeddings.embed_passages(TEXTS)
    assert embeddings.size == 64


async def test_a_wrong_key_is_named_and_not_shown(connect: Connect) -> None:
    with pytest.raises(ProviderRefusedKey) as caught:
        await connect(api_key="sk-wrong").check()
    assert "sk-wrong" not in str(caught.value) + caught.value.user_text
