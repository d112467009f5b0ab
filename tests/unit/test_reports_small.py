"""Small questions for small models: what is asked, and what becomes of the numbers that they answer."""

from typing import Any

import pytest

from config import ROOT
from datamodels import BuildingType, Segment, Transcript
from default_pack import PACK
from language_model.small_models import is_small
from recorded_reports import written
from reports.estimate import ModelSize, expected, tokens_of
from reports.small import utterances_of
from scripted_model import Call, ScriptedModel
from transcription.ready.reading import read_ready

SAMPLE = read_ready(ROOT / "samples" / "interview.txt", "interview.txt").transcript
ROLES = ("Сотрудник", "Клиент")


def talk(*said: str) -> Transcript:
    segments = [
        Segment(
            start=number * 8.0, end=number * 8.0 + 7, text=text, speaker=f"S{number % 2 + 1}", role=ROLES[number % 2]
        )
        for number, text in enumerate(said)
    ]
    return Transcript(
        language="ru", engine="e", model="m", duration_s=8.0 * len(said), speakers=2, segments=tuple(segments)
    )


TALK = talk(
    "Здравствуйте, расскажите о номере? Что было важно? А ещё что?",
    "Номер тихий, окна во двор. Розеток у кровати совсем нет.",
    "Вам же это мешало?",
    "Нет. Зато интернет хороший и быстрый.",
)


def small(script: Any) -> ScriptedModel:
    return ScriptedModel(script, small=True)


def one_item(call: Call, **values: Any) -> dict[str, Any]:
    """An answer of one item that has what is given, as far as it is asked for."""
    assert call.schema is not None
    fields = call.schema["properties"]["items"]["items"]["properties"]
    return {"items": [{name: values.get(name, "сказано в записи вот так") for name in fields}]}


@pytest.mark.parametrize(
    ("model", "small"),
    [
        ("Qwen2.5-Coder-1.5B-Instruct-Q4", True),
        ("qwen3:4b", True),
        ("gemma-3-1b-it", True),
        ("Qwen3-30B-A3B", False),
        ("llama3.1:8b", False),
        ("gpt-6-luna", False),
    ],
)
def test_a_model_is_small_when_its_name_says_so(model: str, small: bool) -> None:
    assert is_small(model) is small


async def test_only_words_that_may_be_quoted_have_numbers_and_a_short_sentence_joins_the_next() -> None:
    model = small(lambda _: {"items": []})
    await written(PACK.report("report_int_specific"), TALK, model)
    assert model.calls[0].data.split("\n") == [
        "— Сотрудник: Здравствуйте, расскажите о номере?",
        "— Сотрудник: Что было важно? А ещё что?",
        "1 Клиент: Номер тихий, окна во двор.",
        "2 Клиент: Розеток у кровати совсем нет.",
        "— Сотрудник: Вам же это мешало?",
        "3 Клиент: Нет. Зато интернет хороший и быстрый.",
    ]


async def test_there_is_a_question_for_each_category_that_has_its_factors_alone() -> None:
    def script(call: Call) -> dict[str, Any]:
        if "tec_sockets" not in call.prompt:
            return {"items": []}
        return one_item(call, quotes=[2, 2], factor="tec_sockets", assessment="отрицательно")

    model = small(script)
    report = await written(PACK.report("report_int_specific"), TALK, model)
    assert len(model.calls) == 8
    factors = [
        call.schema["properties"]["items"]["items"]["properties"]["factor"]["enum"]
        for call in model.calls
        if call.schema
    ]
    taxonomy = PACK.report("report_int_specific").plan(BuildingType.HOTEL).taxonomy
    assert taxonomy is not None
    assert [factor for each in factors for factor in each] == list(taxonomy.factors)
    assert "**Розетки и зарядка устройств** — отрицательно" in report.text
    assert "> «Розеток у кровати совсем нет» (Клиент, 00:08)" in report.text
    assert (report.dropped_quotes, report.dropped_items) == (0, 0)


async def test_each_criterion_is_a_question_and_what_is_said_twice_stands_once() -> None:
    model = small(lambda call: one_item(call, quotes=[1], score=75, cases=1))
    report = await written(PACK.report("report_int_methodology"), TALK, model)
    assert len(model.calls) == 8
    assert report.text.count("сказано в записи вот так") == 1
    values = {index.name: index.value for index in report.indices or ()}
    assert values["представление_и_цель"] == 75
    assert values["отклонение_от_темы"] == 25, "a case for four questions is two and a half for ten"
    assert values["глубина"] == 50


async def test_a_text_is_made_of_chosen_words_and_what_code_knows_is_not_asked() -> None:
    model = small(lambda call: one_item(call, quotes=[2], about="розетки"))
    summary = await written(PACK.report("report_meet_summary"), TALK, model)
    assert "- розетки: «Номер тихий, окна во двор» (Клиент, 00:08)" not in summary.text
    assert "- розетки: «" in summary.text
    assert "[нет в записи]" not in summary.text

    silent = small(lambda _: {"items": []})
    general = await written(PACK.report("report_int_general"), TALK, silent)
    assert len(silent.calls) == 8, "the advice on what to ask is not asked for"
    assert "Маленькая модель советов и выводов не пишет" in general.text
    assert "Полный список неизученных факторов" in general.text


async def test_an_answer_has_an_end_whatever_the_model_does() -> None:
    asked: list[Call] = []

    def script(call: Call) -> dict[str, Any]:
        asked.append(call)
        return {"items": []}

    for report in ("report_int_links", "report_int_general", "report_design_structured", "report_meet_tasks"):
        await written(PACK.report(report), TALK, small(script))
    assert asked
    for call in asked:
        assert call.schema is not None
        items = call.schema["properties"]["items"]
        assert items["maxItems"] <= 4
        for field in items["items"]["properties"].values():
            assert "enum" in field or "maxLength" in field or "maxItems" in field or "maximum" in field
        assert call.max_tokens <= 320


async def test_when_a_question_has_no_usable_answer_the_section_says_so() -> None:
    def script(call: Call) -> dict[str, Any] | str:
        return "не скажу" if "tec_sockets" in call.prompt else {"items": []}

    report = await written(PACK.report("report_int_specific"), TALK, small(script))
    assert "о 1 из 8 частей записи модель не дала пригодного ответа" in report.text
    assert {index.value for index in report.indices or ()} == {None}


async def test_what_is_told_before_is_as_many_questions_as_are_asked() -> None:
    def script(call: Call) -> dict[str, Any]:
        judges = call.schema is not None and call.schema["properties"]["items"]["minItems"] > 0
        return one_item(call, quotes=[1], score=75, cases=1) if judges else {"items": []}

    size = ModelSize(engine="embedded", model="m", context_tokens=8192, max_output_tokens=1024, small=True)
    for report in PACK.reports("interview"):
        model = small(script)
        await written(report, SAMPLE, model)
        plans = [report.plan(BuildingType.HOTEL)]
        assert expected(plans, tokens_of(SAMPLE), size).calls == len(model.calls), report.id


def test_words_without_roles_all_count_and_long_ones_are_cut() -> None:
    segment = TALK.segments[0].model_copy(update={"role": None, "text": " ".join(["слово"] * 70) + ". Да."})
    transcript = TALK.model_copy(update={"segments": (segment,)})
    pieces = utterances_of(transcript, ("Клиент",))
    assert [len(piece.text.split()) for piece in pieces] == [24, 24, 23]
    assert all(piece.quotable for piece in pieces)
