"""Totals and scores: null, with the reason, where the recording or the evidence does not carry them."""

from typing import Any

import pytest

from datamodels import Segment, Transcript
from prompt_pack.manifest import IndexRule
from prompt_pack.models import Factor, IndexLine, ReportIndices
from reports.indices import ReportIndex
from reports.mentions import perhaps_mentioned

QUOTE = "«Почему вам было важно именно это?» (Сотрудник, 00:05)"
TEXT = f"""## Оценка

### Правила
**П1. Вступление**
- Цитаты: {QUOTE}
- Балл: 100

**П2. Ход беседы**
- Цитаты: нет
- Балл: 100

**Раскрытие причин**
- Цитаты: {QUOTE}
- Балл: 50

### Вывод
П2 и {QUOTE}
"""


def indices(*rules: dict[str, Any]) -> ReportIndices:
    return ReportIndices(lines=tuple(IndexLine(rule=IndexRule(**rule)) for rule in rules), prompt=None, schema_=None)


SCORED = indices(
    {"name": "a", "label": "П1", "field": "a", "quoted": "П1. Вступление"},
    {"name": "b", "label": "П2", "field": "b", "quoted": "П2. Ход беседы", "unquoted": 0},
    {"name": "c", "label": "П3", "field": "c", "quoted": "П3. Раскрытие причин"},
    {"name": "total", "label": "Итог", "mean": ["a", "b", "c"]},
)


@pytest.mark.parametrize(
    ("quotes", "scores", "expected", "reasons"),
    [
        ([QUOTE], (100, 100, 50), (100, None, 50, 75.0), ["П2 — оценка не подтверждена цитатой из записи"]),
        ([QUOTE], (100, 0, 50), (100, 0, 50, 50.0), []),
        ([QUOTE], (None, None, 50), (None, None, 50, None), ["Итог — оценено меньше половины составляющих"]),
        ([], (100, 100, 100), (None, None, None, None), ["П1; П2; П3 — оценка не подтверждена цитатой из записи"]),
        ([], (None, None, None), (None, None, None, None), []),
    ],
)
def test_a_score_without_its_evidence_is_null_and_a_total_needs_half_of_its_parts(
    quotes: list[str], scores: tuple[Any, ...], expected: tuple[Any, ...], reasons: list[str]
) -> None:
    text = TEXT.replace(f"П2 и {QUOTE}", "Всё")
    computed = ReportIndex(SCORED, {}, text, quotes).compute(dict(zip("abc", scores, strict=True)))
    assert tuple(each.value for each in computed.values) == expected
    assert list(computed.reasons) == reasons


@pytest.mark.parametrize(
    ("said", "perhaps"),
    [
        ("Розеток у кровати не нашли.", {"sockets"}),
        ("Вай-фай ловил плохо.", {"wifi"}),
        ("Качество номера хорошее.", set()),
        ("На завтраках было шумно.", {"breakfast"}),
        ("", set()),
    ],
)
def test_a_factor_is_perhaps_mentioned_when_a_noun_of_its_own_is_said(said: str, perhaps: set[str]) -> None:
    labels = {
        "sockets": ("Розетки и зарядка", None),
        "wifi": ("Качество Wi-Fi", None),
        "breakfast": ("Качество еды в номере", "завтрак"),
        "room": ("Качество уборки номера", None),
        "view": ("Вид из номера", None),
    }
    factors = [
        Factor(id=key, label=label, hint=hint, category="x", category_label="X")
        for key, (label, hint) in labels.items()
    ]
    transcript = Transcript(
        language="ru", engine="e", model="m", duration_s=9, speakers=1, segments=(Segment(start=0, end=9, text=said),)
    )
    assert perhaps_mentioned(factors, factors, transcript) == perhaps
