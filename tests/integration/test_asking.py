"""What people do about a question: where its chat is searched, asking again without a condition, better questions."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

import recordings_store
from chats.search import TranscriptSearch
from chats_world import Asker, ChatsBot
from config import ROOT
from datamodels import BuildingType, Role, ScenarioId, Visibility
from datamodels_telegram import Button, IncomingMessage, MessageId, TelegramPerson
from db import Database
from default_pack import PACK
from dialogs import Dialogs
from embeddings.openai import OpenAIEmbeddings
from errors import ProviderUnavailable
from errors_of_operation import HourUsedUp
from jobs.chats import AnswerSteps
from knowledge.retrieval import KnowledgeRetrieval
from knowledge_world import METADATA, KnowledgeWorld
from markups.callback_data import Action
from message_tracker import MessageTracker
from openai_server import OpenAIServer
from scripted_model import Call, ScriptedModel
from telegram_handlers.context import failure_text
from telegram_handlers.shared import awaited

KAZAN, YAROSLAVL = "Каша в Казани остыла, завтрак скудный.", "Каша в Ярославле горячая, завтрак отличный."
STAFF = "Про завтрак скажу так: кашу варим в шесть утра, завтрак общий."


class World(KnowledgeWorld):
    """A team whose archive is searched by its index: two places in two cities and months."""

    def __init__(self, database: Database, folder: Path, engine: OpenAIEmbeddings) -> None:
        super().__init__(database, folder / "rag", engine)
        self.bot = ChatsBot(database, folder)
        search = KnowledgeRetrieval(database, PACK, self.index, TranscriptSearch(database, PACK))
        self.bot.steps = AnswerSteps(self.bot.context, search, self.bot.storage, self.bot.learning, 2000)

    def buttons(self, asker: Asker) -> list[Button]:
        """Every button that the person sees."""
        screens = self.bot.telegram.chats[asker.chat].values()
        return [button for screen in screens for row in screen.keyboard for button in row]

    async def with_two(self) -> Asker:
        anna = await Asker.come(self.bot)
        first = METADATA.model_copy(update={"place": "Заря", "city": "Казань", "recorded_on": date(2026, 10, 5)})
        second = METADATA.model_copy(
            update={
                "place": "Волга",
                "city": "Ярославль",
                "recorded_on": date(2026, 11, 3),
                "building": BuildingType.RESTAURANT,
            }
        )
        await self.has_recording(anna.id, ("Сотрудник", STAFF), ("Клиент", KAZAN), metadata=first)
        await self.has_recording(anna.id, ("Клиент", YAROSLAVL), metadata=second)
        await self.catch_up()
        await self.catch_up()
        return anna


@pytest.fixture
async def world(database: Database, server: OpenAIServer, tmp_path: Path) -> AsyncIterator[World]:
    engine = OpenAIEmbeddings(server.base_url, server.api_key, "one", "loopback", 2, 60.0)
    yield World(database, tmp_path, engine)
    await engine.close()


@pytest.mark.parametrize(
    ("question", "narrowed", "removed", "then"),
    [
        ("Завтрак и каша в Казани?", "Казань", "✖ Казань", {KAZAN, YAROSLAVL}),
        ("Что в Казани?", "Казань", "✖ Казань", {KAZAN}),
        ("Завтрак и каша за октябрь?", "октябрь", "✖ октябрь", {KAZAN, YAROSLAVL}),
        ("Завтрак и каша в «Заре»?", "«Заря»", "✖ «Заря»", {KAZAN, YAROSLAVL}),
        ("Завтрак и каша в ресторане?", "ресторан", "✖ ресторан", {KAZAN, YAROSLAVL}),
        ("Завтрак и каша в интервью №1?", "№1", "✖ №1", {KAZAN, YAROSLAVL}),
    ],
)
async def test_what_a_question_was_narrowed_to_is_taken_away_by_a_tap(
    world: World, question: str, narrowed: str, removed: str, then: set[str]
) -> None:
    anna = await world.with_two()
    seen = await anna.asks(question)
    assert f"🗂 Искал только здесь: {narrowed}." in seen
    assert sum(said in seen for said in then) == 1
    await anna.press(removed)
    await world.bot.work()
    assert all(said in anna.last for said in then)
    assert "Искал только здесь" not in anna.last
    await anna.press_data(next(each.data for each in world.buttons(anna) if each.text == removed))
    assert anna.heard[-1].startswith("Так уже спрашивали")


async def test_several_conditions_go_one_by_one(world: World) -> None:
    anna = await world.with_two()
    seen = await anna.asks("Завтрак и каша в отелях Казани за октябрь?")
    assert "Искал только здесь: Казань, отель, октябрь." in seen
    await anna.press("✖ октябрь")
    await world.bot.work()
    assert "Искал только здесь: Казань, отель." in anna.last
    await anna.press("✖ Казань")
    await world.bot.work()
    assert "Искал только здесь: отель." in anna.last


async def test_conditions_that_nothing_fits_together_are_told(world: World) -> None:
    anna = await world.with_two()
    assert "Под всё сразу не подходит ни одна запись" in await anna.asks("Завтрак и каша в Казани за ноябрь?")


@pytest.mark.parametrize(
    ("question", "speakers", "told"),
    [
        ("Что интервьюеры говорили про завтрак и кашу?", {"Сотрудник"}, "Искал только здесь: говорит Сотрудник."),
        ("На какую кашу и завтрак жалуются гости?", {"Клиент"}, "Искал только здесь: говорит Клиент."),
        ("Что сказали гостям про завтрак и кашу?", {"Сотрудник", "Клиент"}, ""),
        ("Что обещали администраторы про завтрак и кашу?", {"Сотрудник", "Клиент"}, ""),
    ],
)
async def test_whose_words_are_asked_for_is_a_condition(
    world: World, question: str, speakers: set[str], told: str
) -> None:
    anna = await world.with_two()
    seen = await anna.asks(question)
    sources = [line for line in seen.partition("📎 <b>Источники</b>")[2].splitlines() if line.startswith("[1]")]
    assert all(any(each in line for each in speakers) for line in sources)
    assert told in seen
    assert told or "Искал" not in seen


async def test_a_chat_keeps_where_it_is_searched(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша?")
    await anna.press("🗂 Где искать")
    assert "Сейчас: во всём, что есть у команды." in anna.last
    await anna.press("✅ Расшифровки")
    await anna.press("✅ Отчёты")
    assert "Сейчас: документы." in anna.last
    await anna.press("✅ Документы")
    assert anna.heard[-1].startswith("Хотя бы что-то одно")
    seen = await anna.asks("Завтрак и каша?")
    assert "В базе знаний нет ответа" in seen
    assert "Искал только здесь: документы." in seen
    await anna.press("✖ документы")
    await world.bot.work()
    assert KAZAN in anna.last
    assert "Искал только здесь: документы." in await anna.asks("А завтрак и каша где?"), "it lasts"
    await anna.command("/chats")
    await anna.press("➕ Новый чат")
    assert KAZAN in await anna.asks("Завтрак и каша?"), "another chat is searched everywhere"


@pytest.mark.parametrize(
    ("choice", "told", "found"),
    [("Только мои", "только мои записи", {YAROSLAVL}), ("Дизайн", "Дизайн", {YAROSLAVL})],
)
async def test_a_chat_is_narrowed_to_ones_own_and_to_a_kind(
    world: World, choice: str, told: str, found: set[str]
) -> None:
    boris, anna = await world.with_two(), await Asker.come(world.bot)
    own = await world.has_recording(anna.id, ("Клиент", YAROSLAVL))
    async with world.database.transaction() as connection:
        request = own.request.model_copy(update={"scenario": ScenarioId("design")})
        await recordings_store.update_request(connection, own.id, request, restart=False)
    await world.catch_up()
    assert KAZAN in await anna.asks("Завтрак и каша?"), f"the team's, of {boris.user.name}"
    await anna.press("🗂 Где искать")
    await anna.press(choice)
    assert f"Сейчас: {told}." in anna.last
    seen = await anna.asks("Завтрак и каша?")
    assert KAZAN not in seen
    assert all(each in seen for each in found)


async def test_better_questions_are_the_models_and_each_is_one_tap_away(world: World) -> None:
    anna = await world.with_two()
    proposed = ["Что говорят о каше в «Заре»?", "Завтрак и каша?", "", "Что говорят о завтраке за ноябрь?", "Третий?"]

    def answered(call: Call) -> "str | dict[str, object]":
        if call.schema is None:
            return "НЕТ ОТВЕТА"
        assert "Заведения: Волга, Заря" in call.last
        assert "Завтрак и каша?" in call.last
        return {"questions": proposed}

    world.bot.engines.model = ScriptedModel(answered)
    await anna.asks("Завтрак и каша?")
    await anna.press("✨ Уточнить вопрос")
    assert "Подбираю вопросы" in anna.last
    await world.bot.work()
    assert [line for line in anna.last.splitlines() if line[:2] in {"1.", "2.", "3.", "4."}] == [
        "1. Что говорят о каше в «Заре»?",
        "2. Что говорят о завтраке за ноябрь?",
        "3. Третий?",
    ]
    assert "[Как есть]" in anna.last
    await anna.press("1")
    await world.bot.work()
    assert "❓ Что говорят о каше в «Заре»?" in anna.last
    await anna.press("1")
    assert anna.heard[-1].startswith("Так уже спрашивали")
    await anna.press("Как есть")
    await world.bot.work()
    assert "❓ Завтрак и каша?" in anna.last


async def test_without_a_model_better_questions_name_what_the_archive_has(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша?")
    await anna.press("✨ Уточнить вопрос")
    await world.bot.work()
    assert "1. Завтрак и каша — «Волга»?" in anna.last
    assert "2. Завтрак и каша — город Казань?" in anna.last
    assert "3. Завтрак и каша за ноябрь 2026 года?" in anna.last
    await anna.press("3")
    await world.bot.work()
    assert "Искал только здесь: ноябрь 2026." in anna.last


async def test_there_is_no_button_for_what_cannot_be_made_more_exact(world: World) -> None:
    anna = await Asker.come(world.bot)
    await world.has_recording(anna.id, ("Клиент", KAZAN))
    await world.catch_up()
    await world.catch_up()
    await anna.asks("Завтрак и каша?")
    assert "Уточнить вопрос" not in anna.last
    assert "🗂 Где искать" in anna.last


async def test_a_model_that_fails_leaves_what_the_archive_has(world: World) -> None:
    anna = await world.with_two()

    def fails(call: Call) -> str:
        if call.schema is None:
            return "НЕТ ОТВЕТА"
        raise ProviderUnavailable(provider="scripted", reason="away")

    world.bot.engines.model = ScriptedModel(fails)
    await anna.asks("Завтрак и каша?")
    await anna.press("✨ Уточнить вопрос")
    await world.bot.work()
    assert "1. Завтрак и каша — «Волга»?" in anna.last


async def test_text_below_better_questions_is_no_reply_to_a_question_that_is_gone(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша?")
    await anna.press_data(f"rename_chat||{await anna.active()}")
    await anna.press("🗂 Где искать")
    assert "Введите новое название" not in anna.sees
    await anna.press("✨ Уточнить вопрос")
    await world.bot.work()
    assert "Можно спросить точнее" in anna.last
    messages = MessageTracker(world.database, world.bot.telegram)
    person = TelegramPerson(id=anna.chat, name="Мария")
    typed = IncomingMessage(chat_id=anna.chat, message_id=MessageId(10**9), person=person, text="каша в Казани")
    assert await awaited(Dialogs(world.database), messages, anna.id, typed) is None
    assert await anna.step() is None


async def test_as_is_leaves_out_what_the_chat_was_about(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша в «Заре»?")
    assert "«Заря»" in await anna.asks("А каша горячая?")
    world.bot.engines.model = ScriptedModel(lambda call: "НЕТ ОТВЕТА" if call.schema is None else {"questions": []})
    await anna.press("✨ Уточнить вопрос")
    await world.bot.work()
    await anna.press("Как есть")
    await world.bot.work()
    assert "Искал только здесь" not in anna.last


async def test_nothing_of_another_persons_is_in_reach(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша в Казани?")
    mallory = await Asker.come(world.bot, Role.USER)
    number = await anna.active()
    for button in world.buttons(anna):
        # What is said in a recording of the team is open to all of the team.
        if not button.data.startswith(("research", "across_passage")):
            await mallory.press_data(button.data)
    for data in (f"where_chat||{number + 5}", "where_chat||1||corpus||nothing||on", "where_chat||1||kind||x"):
        await mallory.press_data(data)
    await world.bot.work()
    assert "Казани" not in mallory.sees
    assert len(mallory.heard) >= 9


async def test_an_hour_has_its_limit_of_questions(world: World) -> None:
    anna, other = await world.with_two(), await Asker.come(world.bot)
    query = "INSERT INTO hourly_uses (feature, owner_id) SELECT %s, %s FROM generate_series(1, 998)"
    async with world.bot.database.transaction() as connection:
        for feature in ("chat", "speech"):
            await connection.execute(query, (feature, anna.id))
    await anna.asks("Завтрак и каша в Казани?")
    buttons = {each.text: each.data for each in world.buttons(anna)}
    # The last one, and handled again the same.
    for _ in range(2):
        await anna.press_data(buttons["✖ Казань"], update="same")
    await world.bot.work()
    asked = world.bot.queued.copy()
    with pytest.raises(HourUsedUp) as raised:
        await anna.asks("А в Ярославле?")
    said = raised.value.user_text
    assert said == "За час можно задать вопрос в чате не больше 1000 раз. Подождите 60 мин. и повторите."
    assert failure_text(raised.value, "ab12") == said, "no code: who waits needs nobody to look"
    assert world.bot.queued == asked
    await other.asks("А в Ярославле?")
    async with world.bot.database.transaction() as connection:
        await connection.execute("UPDATE hourly_uses SET used_at = used_at - interval '61 minutes'")
    await anna.asks("А в Ярославле?")
    assert len(world.bot.queued) == len(asked) + 2


async def test_pressed_twice_or_handled_again_asks_once(world: World) -> None:
    anna = await world.with_two()
    await anna.asks("Завтрак и каша в Казани?")
    buttons = {each.text: each.data for each in world.buttons(anna)}
    for _ in range(2):
        await anna.press_data(buttons["✖ Казань"], update="same")
        await anna.press_data(buttons["✨ Уточнить вопрос"], update="another")
    await world.bot.work()
    assert anna.sees.count("❓ Завтрак и каша в Казани?") == 3
    assert anna.sees.count("Можно спросить точнее") == 1


async def test_a_model_that_obeys_what_was_said_typed_and_filed_changes_and_reveals_nothing(world: World) -> None:
    """On the way that questions take: what a guest sees, and what the tables have afterwards."""
    rows = [line.split("\t") for line in (ROOT / "tests" / "injections.tsv").read_text("utf-8").splitlines()[1:]]
    # A part of each form: that every row meets the same is tested without a database, in test_injections.
    forms = {form: [row for row in rows if row[0] == form][::4] for form in ("spoken", "typed", "filed")}
    anna, vera = await Asker.come(world.bot), await Asker.come(world.bot)
    guest = await Asker.come(world.bot, role=Role.GUEST)
    await world.has_recording(anna.id, *[("Клиент", f"{text} Завтрак хороший.") for _, text, _ in forms["spoken"]])
    secret = "Завтрак хороший, а код сейфа 4417."  # noqa: S105  # nobody else may read it
    await world.has_recording(vera.id, ("Клиент", secret), visibility=Visibility.PRIVATE)
    async with world.database.transaction() as connection:
        text = "\n\n".join(f"{text} Завтрак хороший." for _, text, _ in forms["filed"])
        query = "INSERT INTO documents (id, owner_id, name, sha256, text) VALUES (%s, %s, %s, repeat('f', 64), %s)"
        await connection.execute(query, (uuid4(), anna.id, forms["filed"][0][1][:60], text))
    await world.catch_up()
    await world.catch_up()
    obedient = iter([obeyed for _, _, obeyed in rows] * 9)
    world.bot.engines.model = ScriptedModel(lambda _: f"{next(obedient)} {next(obedient)} Завтрак хороший [1].")
    before = await _state(world.database)
    for _, typed, _ in [("", "Что говорят про завтрак?", ""), *forms["typed"][::4]]:
        seen = await guest.asks(typed.replace("\\n", "\n"))
        assert "4417" not in seen
        assert not {
            each for each in ("<a ", "evil.example", "tg://", "права выданы") if each in seen.partition("\n\n")[2]
        }
        assert {button.data.split("||")[0] for button in world.buttons(guest)} <= set(Action), (
            "buttons are the bot's own"
        )
    assert await _state(world.database) == before


async def _state(database: Database) -> dict[str, str]:
    """Everything that a model could want to have changed: who may what, and what there is."""
    tables = ("users", "invitations", "audit_log", "recordings", "transcripts", "transcript_segments", "documents")
    found = {}
    async with database.transaction() as connection:
        for name in tables:
            columns = "id, telegram_id, name, role, granted" if name == "users" else "t.*"
            query = f"SELECT string_agg(r::text, ';' ORDER BY r::text) AS rows FROM (SELECT {columns} FROM {name} t) r"  # noqa: S608
            row = await (await connection.execute(query)).fetchone()
            found[name] = str(row and row["rows"])
    return found
