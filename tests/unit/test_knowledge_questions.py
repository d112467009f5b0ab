"""What a question names of the archive's metadata, which words an answer needs, and what follow-ups take over."""

from math import log

import numpy as np
import pytest

from chats.narrowing import condition_label
from datamodels import BuildingType
from datamodels_chats import Passage, Source
from datamodels_search import Condition, Named, Narrowing, When
from knowledge.lines import LONGEST_LINE, chunk_vector, lines_of, turns_of_lines
from knowledge.named import Known, named_in
from knowledge.question_words import with_subject, words_of
from knowledge.ranking import Weights
from knowledge.retrieval import narrowed_by_roles
from knowledge.roles import asked_roles

KNOWN = Known(
    places=("Кремлёвский", "Роза Ветров", "Старый Маяк", "Чак-Чак", "Причал", "Волга"),
    cities=("Казань", "Ярославль", "Сочи"),
    people=("Игорь Соколов", "Наталья Соколова", "Сергей Петров", "Иванова Мария", "Вера Гаврилова", "Олег Иваненко"),
)
HOTEL, RESTAURANT, SPA = BuildingType.HOTEL, BuildingType.RESTAURANT, BuildingType.SPA
SOKOLOVS = ("Игорь Соколов", "Наталья Соколова")


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Что говорят о завтраке?", Named()),
        ("Что в «Кремлёвском» с шумом?", Named(places=("Кремлёвский",))),
        ("Шумно ли в Розе Ветров и в «Старом маяке»?", Named(places=("Роза Ветров", "Старый Маяк"))),
        ("Что едят в «Чак-Чаке»?", Named(places=("Чак-Чак",))),
        ("Почём стоянка у причала?", Named()),
        ("почём стоянка у причала", Named()),
        ("Что посетители казанских спа говорят о бане?", Named(cities=("Казань",), buildings=(SPA,))),
        ("Ярославские гостиницы: что с водой?", Named(cities=("Ярославль",), buildings=(HOTEL,))),
        ("Сочинские рестораны", Named(cities=("Сочи",), buildings=(RESTAURANT,))),
        ("Куда поселили Соколова?", Named(people=SOKOLOVS)),
        ("Куда поселили Игоря Соколова?", Named(people=SOKOLOVS[:1])),
        ("Что сказала Соколова?", Named(people=SOKOLOVS)),
        ("Что спросили у Соколовой?", Named(people=SOKOLOVS[1:])),
        ("что говорил петров", Named(people=("Сергей Петров",))),
        ("Что говорил Сергей?", Named()),
        ("О чём просила Мария Иванова?", Named(people=("Иванова Мария",))),
        ("Сколько заплатил Иваненко?", Named(people=("Олег Иваненко",))),
        ("Интервью №17 и запись 18", Named(numbers=(17, 18))),
        ("Что в записи номер 17?", Named(numbers=(17,))),
        ("Что в номере 412?", Named()),
        ("Отели за октябрь", Named(buildings=(HOTEL,), when=(When(month=10),))),
        ("Что было 3 ноября 2026 года?", Named(when=(When(day=3, month=11, year=2026),))),
        ("Аудит от 12.11.2026", Named(when=(When(day=12, month=11, year=2026),))),
        ("", Named()),
    ],
)
def test_metadata_are_named_in_any_form(question: str, named: Named) -> None:
    assert named_in(question, KNOWN)[0] == named


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Что гости «Кремлёвского» говорят о завтраках?", {"завтрак"}),
        ("Сколько планет в Солнечной системе?", {"планета", "солнечный", "система"}),
        ("Что говорил Петров про номер 412?", {"номер", "412"}),
        ("О чём говорят гости?", {"говорить", "гость"}),
        ("Интервью №17", set()),
        ("и что как", set()),
        ("???", set()),
    ],
)
def test_an_answer_needs_the_words_that_say_what_is_asked(question: str, words: set[str]) -> None:
    found = words_of(question, named_in(question, KNOWN)[1])
    assert {next(iter(sorted(each & words)), str(each)) for each in found} == words


@pytest.mark.parametrize(
    ("before", "question", "searched"),
    [
        ([], "А почему?", "А почему?"),
        (["Сколько ждали хинкали?"], "А почему?", "Сколько ждали хинкали? А почему?"),
        (["Сколько ждали хинкали?"], "Что говорят о шуме на улице?", "Что говорят о шуме на улице?"),
        (["Что Игорь Соколов сказал о шуме?"], "А про завтрак?", "Игорь Соколов. А про завтрак?"),
        (["Сколько он платит?", "Кто такой Игорь Соколов?"], "А завтрак?", "Игорь Соколов. А завтрак?"),
    ],
)
def test_a_follow_up_is_searched_with_what_was_spoken_of(before: list[str], question: str, searched: str) -> None:
    assert with_subject(question, before, KNOWN) == searched


def test_the_same_is_asked_of_another_place() -> None:
    searched = with_subject("А в «Волге»?", ["Шумно ли в «Кремлёвском»?"], KNOWN)
    assert named_in(searched, KNOWN)[0].places == ("Волга",)
    assert "шумно" in searched.lower()


def test_rare_words_count_more() -> None:
    weights = Weights(100, {"завтрак": 50, "эчпочмак": 1})
    words = (frozenset(["завтрак"]), frozenset(["эчпочмак"]))
    assert weights.of(words[0]) == pytest.approx(log(3))
    assert weights.coverage(words, {"завтрак"}) == pytest.approx(log(3) / (log(3) + log(101)))
    assert weights.coverage(words, {"завтрак", "эчпочмак"}) == 1
    assert weights.coverage((), set()) == 1


def test_a_chunk_is_cut_into_lines_without_labels() -> None:
    sentence = "Ждали очень долго, и никто не пришёл. "
    text = f"Сотрудник: Как завтрак?\nКлиент: {sentence * 20}\n## Выводы"
    first, *said, heading = lines_of(text)
    assert (first, heading) == ("Как завтрак?", "Выводы")
    assert " ".join(said) == (sentence * 20).strip()
    assert all(len(each) <= LONGEST_LINE for each in said)
    assert lines_of("") == [""]
    assert [turn[:10] for turn in turns_of_lines(text)] == ["Сотрудник:", *["Клиент: Жд"] * len(said), "## Выводы"]
    assert turns_of_lines("") == [""]


@pytest.mark.parametrize(
    ("question", "roles"),
    [
        ("На что жалуются гости?", ("Клиент",)),
        ("Что гости отеля в Казани говорят о персонале?", ("Клиент",)),
        ("За что хвалят персонал гости?", ("Клиент",)),
        ("О чём спрашивал интервьюер?", ("Сотрудник",)),
        ("Что говорят о гостях?", ()),
        ("Что ответили клиенту?", ()),
        ("Что обещали, когда клиент пришёл?", ()),
        ("Что говорят про персонал?", ()),  # the interviewers are no staff of the place
        ("Что обещал администратор?", ()),
        ("Что говорят о жалобе клиентки?", ()),
        ("Гости и завтрак", ()),
        ("Что делает администратор, когда гости жалуются на шум?", ()),
        ("Если гость просит поздний выезд, что ему предлагают?", ()),
        ("Что предлагают, пока гости ждут, и что об этом говорят посетители?", ("Клиент",)),
    ],
)
def test_those_are_asked_for_of_whom_a_question_says_that_they_speak(question: str, roles: tuple[str, ...]) -> None:
    assert asked_roles(question, ["Сотрудник", "Клиент"]) == roles
    assert lines_of("Спикер 1: Да.\nГостья довольна всем: и водой.") == ["Да.", "Гостья довольна всем: и водой."]


def test_the_vector_of_a_chunk_is_of_its_lines_and_its_context() -> None:
    axes = np.eye(3, dtype=np.float32)
    vector = chunk_vector(["а" * 30, "б" * 10], axes[:2], axes[2])
    assert vector == pytest.approx(np.array([0.75, 0.25, 0.5]) / np.sqrt(0.75**2 + 0.25**2 + 0.5**2))


@pytest.mark.parametrize(
    ("speakers", "roles", "told"),
    [
        ([("Клиент",), ("Клиент",)], ("Клиент",), "говорит Клиент"),
        ([("Клиент",), ("Спикер 1",)], ("Клиент",), "говорит Клиент или говорящий без роли"),
        ([("Спикер 1",)], (), ""),
    ],
)
def test_a_search_is_said_to_be_narrowed_to_a_role_as_far_as_it_was(
    speakers: list[tuple[str, ...]], roles: tuple[str, ...], told: str
) -> None:
    source = Source(start=0, end=1, number=1, recording_id=None, recording_number=None, label="", day=None, speakers=())
    found = [Passage(source=source.model_copy(update={"speakers": each}), lines=()) for each in speakers]
    narrowing = narrowed_by_roles(Narrowing(roles=("Клиент",)), found)
    assert narrowing.roles == roles
    assert condition_label(narrowing, Condition.ROLES) == told
