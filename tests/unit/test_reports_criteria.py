"""Scores of criteria: whose they are, what proves them, and what a long recording makes of them."""

from typing import Any

import pytest

from datamodels import Segment, Transcript
from default_pack import PACK
from recorded_reports import written
from reports.criteria import criterion_of, judged, questions_of
from reports.model_answers import is_foreign
from scripted_model import Call, ScriptedModel

PASS = PACK.report("report_int_methodology").plan(None).passes[0]
QUOTE = {"text": "Вам же понравилось", "speaker": "Сотрудник", "time": "00:10"}
INTRODUCTION, TONE, DEPTH = "П1. Представление и цель", "П2. Доброжелательность", "Н1. Глубина"


def item(
    criterion: str, score: int | None = None, cases: int | None = None, quotes: int = 1, analysis: str = "Так."
) -> dict[str, Any]:
    return {
        "quotes": [QUOTE] * quotes,
        "criterion": criterion,
        "analysis": analysis,
        "cases": cases,
        "score": score,
        "advice": None,
    }


def of(criterion: str, *items: dict[str, Any], questions: float = 20) -> dict[str, Any]:
    return next(each for each in judged(PASS, items, questions) if each["criterion"] == criterion)


@pytest.mark.parametrize(
    ("cases", "questions", "score"),
    [
        (0, 20, 100),
        (1, 10, 75),
        (2, 20, 75),
        (12, 120, 75),
        (2, 10, 50),
        (4, 10, 25),
        (5, 10, 0),
        (1, 2, None),
        (None, 20, None),
    ],
)
def test_cases_are_scored_for_ten_questions(cases: int | None, questions: float, score: int | None) -> None:
    assert of(TONE, item(TONE, cases=cases), questions=questions)["score"] == score


def test_over_windows_cases_are_summed_scores_are_the_mean_and_texts_joined() -> None:
    tone = of(TONE, item(TONE, cases=1, analysis="Спор."), item(TONE, cases=3, analysis="Ещё спор."), questions=40)
    assert (tone["cases"], tone["rate"], tone["score"], tone["analysis"]) == (4, 1.0, 75, "Спор. Ещё спор.")
    assert tone["quotes"] == [QUOTE]
    assert of(INTRODUCTION, item(INTRODUCTION, 100), item(INTRODUCTION, 50))["score"] == 75
    assert of(INTRODUCTION, item(INTRODUCTION, 100), item(INTRODUCTION, None))["score"] == 100
    assert of(INTRODUCTION, item(INTRODUCTION, 100), item(INTRODUCTION, 0, quotes=0))["score"] == 100, (
        "proved goes first"
    )


@pytest.mark.parametrize(
    ("given", "score", "unproved"),
    [
        (item(INTRODUCTION, 75), 75, False),
        (item(INTRODUCTION, 75, quotes=0), None, True),
        (item(INTRODUCTION, 0, quotes=0), 0, False),
        (item(INTRODUCTION, None, quotes=0), None, False),
    ],
)
def test_a_score_without_its_quote_is_none_but_the_one_that_needs_none(
    given: dict[str, Any], score: int | None, unproved: bool
) -> None:
    found = of(INTRODUCTION, given)
    assert (found["score"], found["unproved"]) == (score, unproved)
    cases = of(DEPTH, item(DEPTH, cases=2, quotes=0))
    assert (cases["score"], cases["unproved"]) == (None, True)


def test_every_criterion_has_its_place_whatever_the_model_judged() -> None:
    assert [each["criterion"] for each in judged(PASS, [item(DEPTH, cases=1)], 20)] == [
        one.label for one in PASS.criteria
    ]


@pytest.mark.parametrize(
    ("stated", "label"), [("П2", TONE), ("п2. доброта", TONE), (DEPTH, DEPTH), ("Глубина", None), ("", None)]
)
def test_a_criterion_is_known_by_its_label_or_number(stated: str, label: str | None) -> None:
    found = criterion_of(PASS, stated)
    assert (found and found.label) == label


def transcript(*said: tuple[str | None, str], duration_s: float = 600) -> Transcript:
    segments = [Segment(start=0, end=1, text=text, speaker=None, role=role) for role, text in said]
    return Transcript(language="ru", engine="e", model="m", duration_s=duration_s, speakers=2, segments=tuple(segments))


def test_questions_are_those_of_whoever_asks_and_a_minute_without_marks_is_one() -> None:
    assert questions_of(transcript(("Сотрудник", "Что? Как?"), ("Клиент", "А что?")), "Сотрудник") == 2
    assert questions_of(transcript((None, "Что? Как?"), (None, "А что?")), "Сотрудник") == 3
    assert questions_of(transcript(("Сотрудник", "расскажите"), ("Клиент", "да")), "Сотрудник") == 10


ENGLISH = "The interviewer introduced herself and explained the purpose of the talk, then asked the guest for consent."


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        (ENGLISH, True),
        (f"Вступление полное: «{ENGLISH}»", False),
        ("Гости хвалят Hilton Garden Inn Kazan.", False),
        ("Сотрудник представилась.", False),
        ("<b>жирный</b> & [ссылка](tg://user?id=1) **x** `y` <script> </pre> &amp; " * 8, False),
    ],
)
def test_an_answer_in_another_language_is_known(text: str, foreign: bool) -> None:
    assert is_foreign(text) is foreign


async def test_an_answer_in_english_is_asked_for_once_more_in_russian() -> None:
    said = transcript(("Сотрудник", "Что важно?"), ("Клиент", "Для меня главное — тишина в номере."))
    asked: list[str] = []

    def script(call: Call) -> dict[str, Any]:
        asked.append(call.last)
        in_russian = len(asked) > 1
        words = {"stimulus": "тишина", "perception": "важна", "consequence": "Русские слова" if in_russian else ENGLISH}
        chosen = {"basis": "факты и свойства", "effect": "привлекает"}
        return {"items": [{"quotes": [{"text": "Для меня главное — тишина в номере"}], **words, **chosen}]}

    report = await written(PACK.report("report_int_stimulus"), said, ScriptedModel(script))
    assert len(asked) == 2
    assert "Ответ не на русском языке" in asked[1]
    assert "Русские слова" in report.text
