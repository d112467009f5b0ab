"""What the reports of an interview take, beside what is told before they are ordered.

``pytest -s tests/benchmarks/test_report_cost.py`` prints the table. The pipeline asks as it always does; answers are
those of the demonstration, written by hand. The hour is the sample interview again and again, so its questions are
real, and its answers as long as those of four minutes: a model that finds more writes more, up to what is expected.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from config import ROOT
from datamodels import BuildingType, Completion, Transcript, Usage
from language_model.recorded import RecordedLanguageModel
from prices import cost_usd
from prompt_pack.pack import load_pack
from recorded_reports import written
from reports.estimate import ModelSize, expected, tokens_of, tokens_of_sound
from transcription.ready.reading import read_ready

PACK = load_pack(ROOT / "prompts")
REPORTS = PACK.reports("interview")
HOUR_S = 3600.0
MODELS = ("gpt-6-luna", "gpt-6.1-terra")


class Counting(RecordedLanguageModel):
    calls = 0

    async def complete(self, *messages: object, **options: object) -> Completion:
        self.calls += 1
        return await super().complete(*messages, **options)  # type: ignore[arg-type]


def an_hour(transcript: Transcript) -> Transcript:
    segments = list(transcript.segments)
    while segments[-1].end < HOUR_S:
        later = segments[-1].end
        segments += [
            each.model_copy(update={"start": each.start + later, "end": each.end + later})
            for each in transcript.segments
        ]
    return transcript.model_copy(update={"segments": tuple(segments), "duration_s": segments[-1].end})


async def took(transcript: Transcript) -> tuple[int, Usage]:
    model, usage = Counting(ROOT / "samples" / "answers.yaml"), Usage()

    for report in REPORTS:
        usage += (await written(report, transcript, model)).usage
    return model.calls, usage


def price(usage: Usage) -> str:
    return ", ".join(f"{cost_usd(model, usage) or Decimal():.3f} $ {model}" for model in MODELS)


async def test_what_all_reports_take_beside_what_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sample = read_ready(ROOT / "samples" / "interview.txt", "interview.txt").transcript
    size = ModelSize(engine="hosted", model=MODELS[0], context_tokens=131_072, max_output_tokens=8192)
    plans = [report.plan(BuildingType.HOTEL) for report in REPORTS]
    lines = ["", f"{'interview':<12}{'':<10}{'calls':>6}{'in':>9}{'out':>8}  price"]
    for name, transcript in (("4 minutes", sample), ("an hour", an_hour(sample))):
        calls, usage = await took(transcript)
        told = expected(plans, tokens_of(transcript), size)
        for what, number, tokens in (("told", told.calls, told.usage), ("took", calls, usage)):
            row = f"{name:<12}{what:<10}{number:>6}{tokens.prompt_tokens:>9}{tokens.completion_tokens:>8}"
            lines.append(f"{row}  {price(tokens)}")
        assert calls == told.calls
        assert 0.8 < told.usage.prompt_tokens / usage.prompt_tokens < 1.25
        by_length = tokens_of_sound(transcript.duration_s) / tokens_of(transcript)
        lines.append(f"{name:<12}tokens of the transcript by its length alone: {by_length:.2f} of those counted")
    with capsys.disabled():
        print("\n".join(lines))
