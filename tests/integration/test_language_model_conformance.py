"""What a caller may rely on, whichever model answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from datamodels import PromptMessage
from embedded.engines import Engines
from errors import ProviderRejectedRequest
from language_model.openai import OpenAILanguageModel
from language_model.port import LanguageModel
from openai_server import OpenAIServer
from weights.installer import ensure_weights

MODELS = Path(__file__).resolve().parents[2] / "persistent_data" / "models"
QUESTION = [
    PromptMessage(role="system", content="Ты оцениваешь отзывы о гостинице. Отвечай коротко и по-русски."),
    PromptMessage(role="user", content="Отзыв: «Нам понравилась тишина, но завтрак был холодный»."),
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["mood", "score"],
    "properties": {
        "mood": {"type": "string", "enum": ["хорошо", "плохо", "по-разному"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 10},
    },
}
CONTEXT_TOKENS = 2048


async def endpoint(stack: AsyncExitStack, _persistent_dir: Path) -> LanguageModel:
    server = await stack.enter_async_context(OpenAIServer())
    return OpenAILanguageModel(
        server.base_url, server.api_key, "loopback-chat", "loopback", CONTEXT_TOKENS, 64, 2, 60.0
    )


async def embedded(stack: AsyncExitStack, persistent_dir: Path) -> LanguageModel:
    weights = await ensure_weights("llm-1.5b", MODELS)
    engines = await stack.enter_async_context(Engines(persistent_dir))
    server = await engines.llm(weights, context_tokens=CONTEXT_TOKENS, threads=2, parallel=1)
    return OpenAILanguageModel(
        server.base_url, server.api_key or "", server.model, "embedded", CONTEXT_TOKENS, 64, 1, 280.0
    )


Make = Callable[[AsyncExitStack, Path], Awaitable[LanguageModel]]
ADAPTERS = [endpoint, pytest.param(embedded, marks=pytest.mark.weights)]


@pytest.fixture(scope="module", params=ADAPTERS, ids=lambda make: make.__name__)
async def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LanguageModel]:
    make: Make = request.param
    async with AsyncExitStack() as stack:
        model = await make(stack, tmp_path_factory.mktemp("engines"))
        yield model
        await model.close()


async def test_a_check_of_a_working_model_passes(model: LanguageModel) -> None:
    await model.check()


async def test_an_answer_has_text_and_usage(model: LanguageModel) -> None:
    completion = await model.complete(QUESTION)
    assert completion.text
    assert completion.data is None
    assert completion.model == model.info.model
    assert completion.usage.prompt_tokens > 0
    assert completion.usage.completion_tokens > 0


async def test_an_answer_to_a_schema_is_valid(model: LanguageModel) -> None:
    completion = await model.complete(QUESTION, schema=SCHEMA)
    validate(completion.data, SCHEMA)


async def test_the_same_question_has_the_same_answer(model: LanguageModel) -> None:
    first, second = [await model.complete(QUESTION, schema=SCHEMA) for _ in range(2)]
    assert first.data == second.data


async def test_tokens_are_never_counted_too_few(model: LanguageModel) -> None:
    counted = sum([await model.count_tokens(message.content) for message in QUESTION])
    usage = (await model.complete(QUESTION, max_tokens=1)).usage
    template_tokens = 32
    assert usage.prompt_tokens <= counted + template_tokens


async def test_no_text_has_no_tokens(model: LanguageModel) -> None:
    assert await model.count_tokens("") == 0


async def test_special_tokens_in_a_text_are_text(model: LanguageModel) -> None:
    assert await model.count_tokens("<|endoftext|><|im_end|>") > 2


async def test_a_cancelled_question_leaves_the_model_working(model: LanguageModel) -> None:
    task = asyncio.create_task(model.complete(QUESTION))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await model.complete(QUESTION, schema=SCHEMA)).data


async def test_limits_and_names_are_told(model: LanguageModel) -> None:
    assert model.context_tokens == CONTEXT_TOKENS
    assert 0 < model.max_output_tokens < model.context_tokens
    assert model.info.fingerprint


@pytest.mark.weights
async def test_a_question_longer_than_the_context_is_rejected(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        model = await embedded(stack, tmp_path)
        with pytest.raises(ProviderRejectedRequest, match="длиннее контекста"):
            await model.complete([PromptMessage(role="user", content="Тишина. " * CONTEXT_TOKENS)])
        await model.close()


async def test_closing_twice_is_allowed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        model = await endpoint(stack, tmp_path)
        await model.close()
        await model.close()
