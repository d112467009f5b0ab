"""Answers that come in pieces, over real HTTP: what endpoints differ in, and what goes wrong in the middle."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import language_model.openai_stream
import openai_faults
from datamodels import PromptMessage, Usage
from errors import ProviderUnavailable
from language_model.openai import OpenAILanguageModel
from openai_faults import CHAT, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time

QUESTION = [PromptMessage(role="user", content="Что говорят о завтраке?")]
ANSWER = "Гости хвалят завтрак [1]. Кофе им не нравится [2]."


@pytest.fixture
async def model(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[OpenAILanguageModel]:
    server.chat = lambda _messages, _schema: ANSWER
    model = OpenAILanguageModel(
        server.base_url, server.api_key, "loopback-chat", "loopback", 8192, 512, 2, 20.0, time=Time(sleep=pauses.sleep)
    )
    yield model
    await model.close()


@pytest.fixture
def came() -> list[str]:
    """What has come of the answer, each time more."""
    return []


def bodies(server: OpenAIServer) -> list[dict[str, Any]]:
    return [request.body for request in server.asked(CHAT)]


async def test_an_answer_comes_piece_by_piece_and_whole(
    server: OpenAIServer, model: OpenAILanguageModel, came: list[str]
) -> None:
    completion = await model.complete(QUESTION, on_text=came.append)
    assert completion.text == came[-1] == ANSWER
    assert len(came) > 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(came))
    assert bodies(server)[0]["stream_options"] == {"include_usage": True}
    assert completion.usage == Usage(prompt_tokens=7, completion_tokens=16)


async def test_nobody_who_does_not_ask_for_it_gets_a_stream(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    await model.complete(QUESTION)
    assert "stream" not in bodies(server)[0]


async def test_thinking_is_not_shown(server: OpenAIServer, model: OpenAILanguageModel, came: list[str]) -> None:
    server.chat = lambda _messages, _schema: f"<think>Гости, кажется, довольны.</think>\n{ANSWER}"
    assert (await model.complete(QUESTION, on_text=came.append)).text == ANSWER
    assert not any("кажется" in text or "<" in text for text in came)


async def test_tokens_are_counted_where_a_stream_does_not_tell_them(
    server: OpenAIServer, model: OpenAILanguageModel, came: list[str]
) -> None:
    server.usage = False
    assert (await model.complete(QUESTION, on_text=came.append)).usage.completion_tokens > 0


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        (["stream_options"], [(True, True), (True, False), (True, False)]),
        (["stream", "stream"], [(True, True), (True, False), (False, False), (False, False)]),
    ],
    ids=["no options of streams", "no streams"],
)
async def test_what_an_endpoint_refuses_is_not_offered_again(
    server: OpenAIServer, model: OpenAILanguageModel, refused: list[str], asked: list[tuple[bool, bool]]
) -> None:
    server.faults.add(*map(openai_faults.unsupported, refused))
    for _ in range(2):
        assert (await model.complete(QUESTION, on_text=lambda _text: None)).text == ANSWER
    assert [("stream" in body, "stream_options" in body) for body in bodies(server)] == asked


async def test_what_an_endpoint_refuses_is_known_at_the_next_start(
    server: OpenAIServer, pauses: Pauses, tmp_path: Path
) -> None:
    server.faults.add(*map(openai_faults.unsupported, ["stream", "stream"]))
    for _ in range(2):
        address = (server.base_url, server.api_key, "loopback-chat", "loopback")
        model = OpenAILanguageModel(*address, 8192, 512, 2, 20.0, kept_in=tmp_path, time=Time(sleep=pauses.sleep))
        await model.complete(QUESTION, on_text=lambda _text: None)
        await model.close()
    assert ["stream" in body for body in bodies(server)] == [True, True, False, False]


@pytest.mark.parametrize(("extra", "pieces"), [({"stream": True}, True), ({"stream": False}, False)])
async def test_whether_answers_are_streamed_can_be_set(
    server: OpenAIServer, came: list[str], extra: dict[str, bool], pieces: bool
) -> None:
    server.chat = lambda _messages, _schema: {"a": 1}
    address = (server.base_url, server.api_key, "loopback-chat", "loopback")
    model = OpenAILanguageModel(*address, 8192, 512, 2, 20.0, extra=extra)
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert (await model.complete(QUESTION, schema=schema)).data == {"a": 1}
    await model.complete(QUESTION, on_text=came.append)
    await model.close()
    assert bool(came) is pieces
    assert [("stream_options" in body) for body in bodies(server)] == [pieces, pieces]


async def test_an_endpoint_that_ignores_the_wish_answers_at_once(
    server: OpenAIServer, model: OpenAILanguageModel, came: list[str]
) -> None:
    server.faults.add(Fault(Kind.NO_STREAM))
    assert (await model.complete(QUESTION, on_text=came.append)).text == ANSWER
    assert came == []


@pytest.mark.parametrize("kind", [Kind.STREAM_CUT, Kind.STREAM_ENDS, Kind.STREAM_ERROR, Kind.STREAM_HANGS])
async def test_a_stream_that_breaks_off_is_tried_again_from_its_beginning(
    server: OpenAIServer, model: OpenAILanguageModel, came: list[str], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Kind.STREAM_HANGS:
        monkeypatch.setattr(language_model.openai_stream, "STALL_S", 0.2)
    server.faults.add(Fault(kind))
    assert (await model.complete(QUESTION, on_text=came.append)).text == ANSWER
    assert any(len(later) < len(earlier) for earlier, later in pairwise(came))
    assert len(server.asked(CHAT)) == 2


@pytest.mark.parametrize("kind", [Kind.STREAM_CUT, Kind.STREAM_HANGS])
async def test_a_stream_that_always_breaks_off_is_an_error_and_no_answer(
    server: OpenAIServer, model: OpenAILanguageModel, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model.openai_stream, "STALL_S", 0.2)
    server.faults.add(Fault(kind, times=3))
    with pytest.raises(ProviderUnavailable):
        await model.complete(QUESTION, on_text=lambda _text: None)
