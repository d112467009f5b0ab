"""A language model over real HTTP: what endpoints differ in, and what goes wrong at them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog

import openai_faults
from datamodels import Completion, PromptMessage, Usage
from errors import (
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from language_model.openai import OpenAILanguageModel
from language_model.vocabulary import count_tokens
from openai_faults import CHAT, MODELS, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time
from reports.model_answers import ModelAnswers
from scripted_model import MemoryAnswers

QUESTION = [
    PromptMessage(role="system", content="Правила"),
    PromptMessage(role="user", content="[00:01] Клиент: Тихо было"),
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["score"],
    "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 5}},
}
OPEN_SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}}


@pytest.fixture
async def connect(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Callable[..., OpenAILanguageModel]]:
    """Makes models at the server, and closes them."""
    made: list[OpenAILanguageModel] = []

    def connect(**changes: Any) -> OpenAILanguageModel:
        options: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": server.api_key,
            "model": "loopback-chat",
            "provider_name": "loopback",
            "context_tokens": 8192,
            "max_output_tokens": 512,
            "concurrency": 2,
            "timeout_s": 20.0,
            "time": Time(sleep=pauses.sleep),
        }
        made.append(OpenAILanguageModel(**(options | changes)))
        return made[-1]

    yield connect
    for model in made:
        await model.close()


Connect = Callable[..., OpenAILanguageModel]


def sent(server: OpenAIServer, index: int = -1) -> dict[str, Any]:
    return server.asked(CHAT)[index].body


async def test_structured_output_is_asked_for_strictly(server: OpenAIServer, connect: Connect) -> None:
    completion = await connect().complete(QUESTION, schema=SCHEMA)
    assert 0 <= completion.data["score"] <= 5
    assert sent(server)["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": SCHEMA}


async def test_a_schema_that_strict_mode_would_refuse_is_asked_for_less_strictly(
    server: OpenAIServer, connect: Connect
) -> None:
    await connect().complete(QUESTION, schema=OPEN_SCHEMA)
    assert sent(server)["response_format"]["json_schema"]["strict"] is False


async def test_an_endpoint_without_schemas_gets_them_in_the_prompt_and_is_remembered(
    server: OpenAIServer, connect: Connect
) -> None:
    server.faults.add(openai_faults.unsupported("response_format", times=2))
    model = connect()
    first = await model.complete(QUESTION, schema=SCHEMA)
    second = await model.complete(QUESTION, schema=SCHEMA)
    assert isinstance(first.data["score"], int)
    assert first.data == second.data
    assert [request.body["response_format"]["type"] for request in server.asked(CHAT)] == [
        "json_schema",
        "json_schema",
        "json_object",
        "json_object",
    ]
    system = sent(server)["messages"][0]
    assert system["role"] == "system"
    assert system["content"].startswith("Правила\n\n")
    assert json.loads(system["content"].splitlines()[-1]) == SCHEMA


async def test_an_endpoint_without_any_response_format_still_gives_valid_answers(
    server: OpenAIServer, connect: Connect
) -> None:
    server.faults.add(openai_faults.unsupported("response_format", times=3))
    server.chat = lambda _messages, _schema: '```json\n{"score": 4}\n```'
    completion = await connect().complete(QUESTION, schema=SCHEMA)
    assert completion.data == {"score": 4}
    assert "response_format" not in sent(server)


@pytest.mark.parametrize(
    "text", ["not json", '{"score": 9}', '{"score": 1, "more": 2}', "{}", '{"score": 9} and more', "[]"]
)
async def test_an_answer_that_breaks_the_schema_is_invalid_and_not_quoted(
    server: OpenAIServer, connect: Connect, text: str
) -> None:
    server.chat = lambda _messages, _schema: text
    with pytest.raises(ProviderInvalidAnswer) as caught:
        await connect().complete(QUESTION, schema=SCHEMA)
    assert len(server.asked(CHAT)) == 1, "asking again is the caller's decision"
    assert text not in str(caught.value)
    assert isinstance(caught.value.details["usage"], Usage)


async def test_the_reason_says_what_to_mend(server: OpenAIServer, connect: Connect) -> None:
    server.chat = lambda _messages, _schema: {"score": 9}
    with pytest.raises(ProviderInvalidAnswer, match=r"\$\.score breaks maximum: 5"):
        await connect().complete(QUESTION, schema=SCHEMA)


async def test_thinking_is_no_part_of_the_answer(server: OpenAIServer, connect: Connect) -> None:
    server.chat = lambda _messages, _schema: '<think>\nmaybe {"score": 1}\n</think>\n\n{"score": 2}'
    assert (await connect().complete(QUESTION, schema=SCHEMA)).data == {"score": 2}
    assert (await connect().complete(QUESTION)).text == '{"score": 2}'


async def test_a_cut_text_is_marked(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=answer("Начало", "length")))
    completion = await connect().complete(QUESTION)
    assert completion.truncated
    assert completion.text == "Начало"


async def test_a_cut_structured_answer_is_invalid(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=answer('{"score": 1}', "length")))
    with pytest.raises(ProviderInvalidAnswer, match="cut off"):
        await connect().complete(QUESTION, schema=SCHEMA)


async def test_what_the_database_does_not_store_is_no_part_of_an_answer(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=answer("Да\0, конечно", "stop")))
    assert (await connect().complete(QUESTION)).text == "Да, конечно"
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=answer(r'{"a": "Да\u0000"}', "stop")))
    assert (await connect().complete(QUESTION, schema=schema)).data == {"a": "Да"}


@pytest.mark.parametrize("content", [None, "", "<think>never ends"])
async def test_an_answer_without_text_is_invalid(server: OpenAIServer, connect: Connect, content: str | None) -> None:
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=answer(content, "stop")))
    with pytest.raises(ProviderInvalidAnswer, match="no text"):
        await connect().complete(QUESTION)


async def test_usage_is_the_endpoints_own(server: OpenAIServer, connect: Connect) -> None:
    body = answer("Да", "stop") | {"usage": {"prompt_tokens": 17, "completion_tokens": 3}}
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=body))
    assert (await connect().complete(QUESTION)).usage == Usage(prompt_tokens=17, completion_tokens=3)


async def test_usage_is_estimated_when_the_endpoint_does_not_tell(server: OpenAIServer, connect: Connect) -> None:
    server.usage = False
    model = connect()
    usage = (await model.complete(QUESTION)).usage
    words = sum([await model.count_tokens(message.content) for message in QUESTION])
    # A chat template adds up to eight tokens to each message.
    assert usage.prompt_tokens == words + 8 * len(QUESTION)
    assert usage.completion_tokens > 0


async def test_requests_are_deterministic_and_limited(server: OpenAIServer, connect: Connect) -> None:
    await connect().complete(QUESTION, max_tokens=77)
    assert sent(server)["temperature"] == 0
    assert sent(server)["max_tokens"] == 77


async def test_a_model_that_refuses_a_temperature_is_asked_without(server: OpenAIServer, connect: Connect) -> None:
    message = "Unsupported value: 'temperature' does not support 0 with this model."
    server.faults.add(openai_faults.unsupported("temperature", message=message))
    model = connect()
    await model.complete(QUESTION)
    await model.complete(QUESTION)
    assert ["temperature" in request.body for request in server.asked(CHAT)] == [True, False, False]


async def test_a_model_that_wants_the_other_limit_gets_it(server: OpenAIServer, connect: Connect) -> None:
    message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server.faults.add(openai_faults.unsupported("max_tokens", message=message))
    model = connect()
    await model.complete(QUESTION, max_tokens=64)
    await model.complete(QUESTION, max_tokens=64)
    assert [request.body.get("max_completion_tokens") for request in server.asked(CHAT)] == [None, 64, 64]


async def test_reasoning_models_get_room_to_reason(server: OpenAIServer, connect: Connect) -> None:
    await connect(model="gpt-6-luna", context_tokens=400_000).complete(QUESTION, max_tokens=64)
    assert sent(server)["max_completion_tokens"] > 1000
    assert "temperature" not in sent(server)


async def test_a_limit_that_is_too_large_is_lowered_and_remembered(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(openai_faults.status(400, path=CHAT, message="max_tokens is too large", param="max_tokens"))
    model = connect(max_output_tokens=1024)
    await model.complete(QUESTION)
    await model.complete(QUESTION)
    assert [request.body["max_tokens"] for request in server.asked(CHAT)] == [1024, 512, 512]


async def test_a_limit_that_is_refused_again_and_again_is_an_error(server: OpenAIServer, connect: Connect) -> None:
    fault = openai_faults.status(400, path=CHAT, times=9, message="max_tokens is too large", param="max_tokens")
    server.faults.add(fault)
    with pytest.raises(ProviderRejectedRequest, match="HTTP 400, max_tokens"):
        await connect(max_output_tokens=1024).complete(QUESTION)
    assert len(server.asked(CHAT)) == 3


async def test_a_rate_limit_is_waited_out_as_asked(server: OpenAIServer, connect: Connect, pauses: Pauses) -> None:
    server.faults.add(openai_faults.status(429, path=CHAT, retry_after="3"))
    await connect().complete(QUESTION)
    assert pauses.slept == [3.0]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (openai_faults.status(500, times=3), ProviderUnavailable),
        (openai_faults.status(503, times=3), ProviderUnavailable),
        (openai_faults.status(429, times=3), ProviderRateLimited),
        (Fault(Kind.RESET, times=3), ProviderUnavailable),
        (Fault(Kind.TRUNCATED_BODY, times=3), ProviderUnavailable),
        (Fault(Kind.INVALID_JSON, times=3), ProviderInvalidAnswer),
        (Fault(Kind.BODY, body={"answer": 1}, times=3), ProviderInvalidAnswer),
        (Fault(Kind.BODY, body={"choices": []}, times=3), ProviderInvalidAnswer),
    ],
    ids=lambda value: getattr(value, "__name__", None) or f"{value.kind} {value.status}",
)
async def test_what_passes_is_tried_three_times(
    server: OpenAIServer, connect: Connect, fault: Fault, error: type[ProviderError]
) -> None:
    server.faults.add(fault)
    with pytest.raises(error):
        await connect().complete(QUESTION)
    assert len(server.asked(CHAT)) == 3
    assert (await connect().complete(QUESTION)).text


async def test_an_endpoint_that_hangs_is_unavailable(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.HANG, times=3))
    with pytest.raises(ProviderUnavailable):
        await connect(timeout_s=0.2).complete(QUESTION)
    assert len(server.asked(CHAT)) == 3


async def test_nobody_listening_is_unavailable(connect: Connect) -> None:
    with pytest.raises(ProviderUnavailable):
        await connect(base_url="http://127.0.0.1:9/v1").complete(QUESTION)


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (openai_faults.status(401), ProviderRefusedKey, "refused the key"),
        (openai_faults.status(403), ProviderRefusedKey, "refused the key"),
        (openai_faults.status(403, code="unsupported_country_region_territory"), ProviderRejectedRequest, "стране"),
        (openai_faults.status(429, code="insufficient_quota"), ProviderRejectedRequest, "закончились средства"),
        (openai_faults.status(402), ProviderRejectedRequest, "закончились средства"),
        (openai_faults.status(404, code="model_not_found"), ProviderRejectedRequest, "нет такой модели"),
        (openai_faults.status(422, message="bad"), ProviderRejectedRequest, "HTTP 422"),
        (openai_faults.context_length(), ProviderRejectedRequest, "длиннее контекста"),
    ],
    ids=["401", "403", "region", "no funds", "402", "no model", "422", "context"],
)
async def test_what_stays_is_asked_once(
    server: OpenAIServer, connect: Connect, fault: Fault, error: type[ProviderError], reason: str
) -> None:
    server.faults.add(fault)
    with pytest.raises(error, match=reason):
        await connect().complete(QUESTION)
    assert len(server.asked(CHAT)) == 1


async def test_a_wrong_key_is_in_no_error_and_no_log(connect: Connect) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(ProviderRefusedKey) as caught:
        await connect(api_key="sk-wrong-and-secret").complete(QUESTION)
    assert "secret" not in f"{caught.value} {caught.value.user_text} {logs}"


@pytest.mark.parametrize("error", [{}, {"type": "invalid_request_error", "code": "bad_turn"}, {"code": "тайна гостя"}])
async def test_the_words_of_a_refusal_are_told_and_not_logged(
    server: OpenAIServer, connect: Connect, error: dict[str, Any]
) -> None:
    server.faults.add(openai_faults.status(400, message="Cannot answer «тайна гостя»", **error))
    with structlog.testing.capture_logs() as logs, pytest.raises(ProviderRejectedRequest) as caught:
        await connect().complete(QUESTION)
    assert "тайна" not in f"{caught.value} {logs}"
    assert "HTTP 400" in str(caught.value)
    assert ("invalid_request_error bad_turn" in str(caught.value)) is ("type" in error)
    assert "ответ HTTP 400 (Cannot answer «тайна гостя»)" in caught.value.user_text


async def test_what_was_asked_is_in_no_error_and_no_log(server: OpenAIServer, connect: Connect) -> None:
    echo = f"[{{'type': 'missing', 'msg': 'Field required', 'input': {{'content': '{QUESTION[1].content}'}}}}]"
    server.faults.add(openai_faults.status(503, message=echo), openai_faults.status(400, message=echo))
    with structlog.testing.capture_logs() as logs, pytest.raises(ProviderRejectedRequest) as caught:
        await connect().complete(QUESTION)
    assert "Field required" in caught.value.user_text
    assert "Тихо" not in f"{caught.value} {caught.value.user_text} {logs}"
    assert [entry["event"] for entry in logs] == ["provider_retry"]


async def test_checking_a_listed_model_costs_nothing(server: OpenAIServer, connect: Connect) -> None:
    await connect().check()
    assert [request.path for request in server.requests] == ["/v1/models"]


async def test_checking_a_model_that_goes_by_another_name_asks_it(server: OpenAIServer, connect: Connect) -> None:
    await connect(model="other").check()
    assert sent(server)["max_tokens"] == 1


async def test_checking_works_where_models_are_not_listed(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(openai_faults.status(404, path=MODELS))
    await connect().check()
    assert len(server.asked(CHAT)) == 1


async def test_checking_with_a_wrong_key_says_so(connect: Connect) -> None:
    with pytest.raises(ProviderRefusedKey):
        await connect(api_key="sk-wrong").check()


async def test_a_coming_shutdown_is_logged(server: OpenAIServer, connect: Connect) -> None:
    server.models = ["gpt-4o"]
    with structlog.testing.capture_logs() as logs:
        await connect(model="gpt-4o").check()
    assert {"event": "model_shutdown", "model": "gpt-4o", "date": "2027-01-14"}.items() <= logs[-1].items()


async def test_the_context_is_asked_from_the_endpoint(server: OpenAIServer, connect: Connect) -> None:
    server.context_tokens = 12_345
    model = connect(context_tokens=0)
    assert model.context_tokens == 32_768
    await model.prepare()
    await model.prepare()
    assert model.context_tokens == 12_345
    assert [request.path for request in server.requests] == ["/v1/models"]


async def test_the_setting_goes_before_what_the_endpoint_tells(connect: Connect) -> None:
    model = connect(context_tokens=5000)
    await model.check()
    assert model.context_tokens == 5000


def test_the_table_knows_the_context_of_hosted_models(connect: Connect) -> None:
    assert connect(model="gpt-4o-mini", context_tokens=0).context_tokens == 128_000


async def test_an_endpoint_that_is_away_is_asked_for_its_context_later(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.RESET, path=MODELS))
    model = connect(context_tokens=0)
    await model.prepare()
    await model.complete(QUESTION)


async def test_a_context_that_nobody_tells_is_assumed(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(openai_faults.status(404, path=MODELS))
    model = connect(context_tokens=0)
    await model.check()
    assert model.context_tokens == 32_768


def test_the_fingerprint_tells_engines_apart(connect: Connect) -> None:
    same = connect().info.fingerprint
    assert connect().info.fingerprint == same
    assert connect(model="other").info.fingerprint != same
    assert connect(base_url="http://127.0.0.1:9/v1").info.fingerprint != same


def test_the_fingerprint_of_an_embedded_server_does_not_depend_on_its_port(connect: Connect) -> None:
    first, second = (connect(base_url=f"http://127.0.0.1:{port}/v1", identity="weights") for port in (9, 10))
    assert first.info.fingerprint == second.info.fingerprint


async def test_calls_at_once_are_limited(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(Fault(Kind.HANG), Fault(Kind.HANG))
    model = connect(concurrency=2)
    tasks = [asyncio.create_task(model.complete(QUESTION)) for _ in range(3)]
    await server.until_asked(CHAT, 2)
    assert not any(task.done() for task in tasks)
    tasks[0].cancel()
    answered = await asyncio.wait_for(tasks[2], 10)
    assert isinstance(answered, Completion)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(server.asked(CHAT)) == 3


def answer(content: str | None, finish_reason: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(("reason", "calls"), [("stop", 2), ("length", 1)])
async def test_an_answer_is_cut_off_when_the_endpoint_says_so_and_not_when_it_thought_for_long(
    server: OpenAIServer, connect: Connect, reason: str, calls: int
) -> None:
    """A reasoning model's tokens count, too, and are more than the answer was allowed."""
    body = answer('{"items": 1}', reason) | {"usage": {"prompt_tokens": 17, "completion_tokens": 4160}}
    server.faults.add(Fault(Kind.BODY, body=body), Fault(Kind.BODY, body=body))
    schema = {"type": "object", "properties": {"items": {"type": "array"}}, "required": ["items"]}
    asked = ModelAnswers(connect(model="gpt-5"), MemoryAnswers()).structured("items", QUESTION, schema, 1000)
    if calls == 1:
        assert await asked is None
    else:
        with pytest.raises(ProviderInvalidAnswer):
            await asked
    assert len(server.asked(CHAT)) == calls


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-5-mini", True),
        ("openai/gpt-4o", True),
        ("gpt-4o-2024-08-06", True),
        ("o4-mini", True),
        ("qwen2.5-7b", False),
    ],
)
def test_current_models_are_counted_in_their_own_vocabulary(model: str, known: bool) -> None:
    text = "Гостям понравился завтрак, а в номере было шумно. " * 20
    assert (count_tokens(model, text) == count_tokens("gpt-4o", text)) is known


async def test_fields_of_the_operator_are_part_of_each_request(server: OpenAIServer, connect: Connect) -> None:
    plain, model = connect(), connect(extra={"reasoning_effort": "low", "temperature": 0.3})
    await model.complete(QUESTION)
    assert (sent(server)["reasoning_effort"], sent(server)["temperature"]) == ("low", 0.3)
    assert model.info.fingerprint != plain.info.fingerprint


async def test_an_endpoint_that_ignores_schemas_gets_them_in_the_prompt_from_then_on(
    server: OpenAIServer, connect: Connect
) -> None:
    server.chat = lambda _messages, _schema: 'Вот: {"score": 4}. Пояснить?'
    model = connect()
    assert (await model.complete(QUESTION, schema=SCHEMA)).data == {"score": 4}
    await model.complete(QUESTION, schema=SCHEMA)
    told = ["JSON Schema" in request.body["messages"][0]["content"] for request in server.asked(CHAT)]
    assert told == [False, True]


@pytest.mark.parametrize(
    ("code", "error"), [(429, ProviderRateLimited), (502, ProviderUnavailable), (401, ProviderRefusedKey)]
)
async def test_an_error_that_comes_as_200_is_an_error(
    server: OpenAIServer, connect: Connect, code: int, error: type[ProviderError]
) -> None:
    body = {"error": {"code": code, "message": "Provider returned error"}}
    server.faults.add(Fault(Kind.BODY, path=CHAT, body=body, times=3))
    with pytest.raises(error):
        await connect().complete(QUESTION)
