"""The order of what was found, by an endpoint over real HTTP: both forms, and that its failures hold nobody up."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import openai_faults
from errors import ProviderRefusedKey
from knowledge.reranking import EndpointReranker, order_of
from openai_faults import RERANK, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time

TEXTS = ["До метро пешком.", "Кофе на завтраке холодный.", "Кофе хороший."]
QUESTION = "Какой кофе на завтраке?"
Connect = Callable[..., EndpointReranker]


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def connect(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Connect]:
    made: list[EndpointReranker] = []

    def connect(**changes: Any) -> EndpointReranker:
        options: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": server.api_key,
            "model": "rerank-3",
            "provider_name": "loopback",
            "time": Time(sleep=pauses.sleep),
            "patience_s": 20.0,
        }
        made.append(EndpointReranker(**(options | changes)))
        return made[-1]

    yield connect
    for each in made:
        await each.close()


async def test_the_best_comes_first_at_an_endpoint_of_coheres_form(server: OpenAIServer, connect: Connect) -> None:
    assert await connect().order(QUESTION, TEXTS) == [1, 2, 0]
    assert [each.body for each in server.asked(RERANK)] == [
        {"query": QUESTION, "documents": TEXTS, "model": "rerank-3"}
    ]


async def test_the_other_form_is_tried_once_and_remembered(server: OpenAIServer, connect: Connect) -> None:
    server.reranks_texts = True
    reranker = connect()
    assert await reranker.order(QUESTION, TEXTS) == await reranker.order(QUESTION, TEXTS) == [1, 2, 0]
    assert ["texts" in each.body for each in server.asked(RERANK)] == [False, True, True]
    assert server.asked(RERANK)[-1].body == {"query": QUESTION, "texts": TEXTS, "truncate": True}


async def test_a_server_with_one_model_is_not_told_a_name(server: OpenAIServer, connect: Connect) -> None:
    await connect(model="").order(QUESTION, TEXTS)
    assert "model" not in server.asked(RERANK)[0].body


@pytest.mark.parametrize(
    "fault",
    [
        openai_faults.status(401),
        openai_faults.status(400, message="the texts are too long"),
        openai_faults.status(503, times=3),
        Fault(Kind.RESET, times=3),
        Fault(Kind.INVALID_JSON, times=3),
        Fault(Kind.BODY, times=3, body={"results": [{"index": 7, "relevance_score": 1.0}]}),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_an_endpoint_that_fails_is_left_alone_for_a_minute(
    server: OpenAIServer, connect: Connect, fault: Fault
) -> None:
    clock = Clock()
    reranker = connect(clock=clock)
    server.faults.add(fault)
    assert await reranker.order(QUESTION, TEXTS) is None
    asked = len(server.asked(RERANK))
    server.faults.clear()
    clock.seconds += 59
    assert await reranker.order(QUESTION, TEXTS) is None
    assert len(server.asked(RERANK)) == asked
    clock.seconds += 1
    assert await reranker.order(QUESTION, TEXTS) == [1, 2, 0]


async def test_an_endpoint_that_hangs_is_given_up(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.HANG, times=3))
    assert await connect(patience_s=0.2).order(QUESTION, TEXTS) is None


async def test_a_check_raises_what_a_question_would_meet(server: OpenAIServer, connect: Connect) -> None:
    await connect().check()
    with pytest.raises(ProviderRefusedKey):
        await connect(api_key="another").check()


async def test_nothing_is_asked_about_nothing(server: OpenAIServer, connect: Connect) -> None:
    assert await connect().order(QUESTION, []) is None
    assert server.requests == []


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ({"data": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.1}]}, [1, 0, 2]),
        ([{"index": 2, "score": -3.5}, {"index": 0, "score": -3.5}], [0, 2, 1]),
    ],
    ids=["of some, in Voyage's form", "raw and equal"],
)
def test_texts_without_a_score_come_last(body: object, order: list[int]) -> None:
    assert order_of(body, 3) == order


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"results": "x"}, [{"index": -1, "score": 1.0}], [{"index": 3, "score": 1.0}], [{"score": 1.0}]],
)
def test_what_is_no_order_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="scores"):
        order_of(body, 3)
