"""The double of a provider answers what the product can use."""

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import validate

from config import ROOT
from language_model.openai_answers import parse_json
from openai_answers import SAMPLE_RATE, Script, by_sound, chat_answer, heard_sentence

TRANSCRIPT = "<расшифровка>\n[00:01] Клиент: Нам очень понравилась тишина в номере.\n</расшифровка>"
MESSAGES = [
    {"role": "system", "content": "Факторы: loc_metro — близость к метро, des_view — вид из окна."},
    {"role": "user", "content": TRANSCRIPT},
]
SCHEMAS = sorted((ROOT / "prompts").rglob("*.schema.json"))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: str(path.relative_to(ROOT / "prompts")))
def test_the_answer_to_each_schema_of_the_pack_is_valid(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    answer = chat_answer(MESSAGES, schema)
    validate(answer, schema)
    assert parse_json(json.dumps(answer, ensure_ascii=False), schema) == (chat_answer(MESSAGES, schema), None)


def test_quotes_are_from_the_transcript_and_factors_from_the_question() -> None:
    quote = {"type": "object", "properties": {"text": {"type": "string"}, "factor": {"type": "string"}}}
    answer = chat_answer(MESSAGES, quote)
    assert isinstance(answer, dict)
    assert answer["text"] == "Нам очень понравилась тишина в номере."
    assert answer["factor"] in {"loc_metro", "des_view"}


def test_a_text_quotes_the_transcript() -> None:
    assert "> «Нам очень понравилась тишина в номере.»" in str(chat_answer(MESSAGES, None))


def test_an_answer_quotes_the_passages_that_it_cites() -> None:
    passages = "[1] Интервью №1, 03.11.2026\n(00:05) Клиент: Кофе хороший.\n\n[2] Запись №2, 03.11.2026\n(00:00) Тихо."
    asked = [{"role": "user", "content": f"<отрывки>\n{passages}\n</отрывки>\n\n<вопрос>\nЧто?\n</вопрос>"}]
    assert chat_answer(asked, None) == "В записях об этом сказано: «Кофе хороший.» [1], «Тихо.» [2]."


def test_silence_is_not_transcribed() -> None:
    assert by_sound(np.zeros(20 * SAMPLE_RATE, np.float32), "ru") == []


def test_a_part_is_found_in_its_recording() -> None:
    noise = np.random.default_rng(3)
    loudness = np.repeat(noise.uniform(0.01, 0.3, 150), SAMPLE_RATE // 5).astype(np.float32)
    sound = noise.normal(0.0, 1.0, len(loudness)).astype(np.float32) * loudness
    script = Script(sound, [heard_sentence(12.0, 14.0, "Вот она.")])
    part = sound[10 * SAMPLE_RATE : 20 * SAMPLE_RATE]
    assert script.offset_s(part) == pytest.approx(10.0, abs=0.02)
    (line,) = script(part, "ru")
    assert line.start == pytest.approx(2.0, abs=0.02)
    assert line.text == "Вот она."
