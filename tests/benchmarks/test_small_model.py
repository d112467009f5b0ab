"""The embedded model on two minutes of an interview: asked as large models are, and in small questions.

``scripts/benchmark -k small_model`` prints the table. The interview is the beginning of the demonstration's, the model
the real one. Counted are quotes that its answers gave and that the recording has, criteria that got a score, sentences
that stand more than once, tokens, and the model's time.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from application.engines import EMBEDDED_CONTEXT_TOKENS, EMBEDDED_MODEL, EMBEDDED_OUTPUT_TOKENS
from config import ROOT
from datamodels import Transcript
from embedded.engines import Engines
from embedded.llm import LlmEndpoint
from errors import ProviderInvalidAnswer
from language_model.openai import OpenAILanguageModel
from prompt_pack.pack import load_pack
from recorded_reports import written
from transcription.ready.reading import read_ready
from weights.installer import ensure_weights

PACK = load_pack(ROOT / "prompts")
REPORTS = ("report_int_methodology", "report_int_specific", "report_int_links")
MINUTES_S = 130.0
TIMEOUT_S = 900.0
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTE = re.compile(r"«[^»]+»")

pytestmark = pytest.mark.weights


def two_minutes() -> Transcript:
    whole = read_ready(ROOT / "samples" / "interview.txt", "interview.txt").transcript
    segments = tuple(segment for segment in whole.segments if segment.start < MINUTES_S)
    return whole.model_copy(update={"segments": segments, "duration_s": MINUTES_S})


def repeated(text: str) -> int:
    """Count sentences of four words and more that stand there again; quotes may."""
    own = _QUOTE.sub("", text)
    sentences = Counter(each.strip() for each in _SENTENCE.split(own) if len(each.split()) >= 4)
    return sum(count - 1 for count in sentences.values())


@pytest.fixture
async def server() -> AsyncIterator[LlmEndpoint]:
    weights = await ensure_weights(EMBEDDED_MODEL, ROOT / "persistent_data" / "models")
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as folder:
        async with Engines(Path(folder)) as engines:
            threads = os.cpu_count() or 1
            yield await engines.llm(weights, context_tokens=EMBEDDED_CONTEXT_TOKENS, threads=threads, parallel=1)


async def test_small_questions_beside_large_ones(server: LlmEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "",
        f"{'report':<24}{'questions':<11}{'quotes':>12}{'criteria':>10}{'repeated':>10}{'in':>8}{'out':>7}{'seconds':>9}",
    ]
    for small in (True, False):
        model = OpenAILanguageModel(
            *(server.base_url, server.api_key or "", server.model, "embedded"),
            *(EMBEDDED_CONTEXT_TOKENS, EMBEDDED_OUTPUT_TOKENS, 1, TIMEOUT_S),
            identity=server.model,
            small=small,
        )
        for name in REPORTS:
            how, report = ("small" if small else "as large", PACK.report(name))
            try:
                made = await written(report, two_minutes(), model)
            except ProviderInvalidAnswer as exc:
                lines.append(f"{name:<24}{how:<11}  failed: {exc.code}")
                continue
            found = len(_QUOTE.findall(made.text)) - made.text.count("[нет в записи]")
            judged = [index.value for index in made.indices or () if isinstance(index.value, int | float)]
            criteria = len(report.plan(None).passes[0].criteria) if not report.per_building else 0
            lines.append(
                f"{name:<24}{how:<11}{f'{found} of {found + made.dropped_quotes}':>12}"
                f"{f'{min(len(judged), criteria)} of {criteria}' if criteria else '':>10}"
                f"{repeated(made.text):>10}{made.usage.prompt_tokens:>8}{made.usage.completion_tokens:>7}"
                f"{made.duration_s:>9.0f}"
            )
        await model.close()
    with capsys.disabled():
        print("\n".join(lines))
