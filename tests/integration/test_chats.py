"""Chats as a person uses them: asking, going from one to another, renaming, deleting, history, statistics."""

import asyncio
import errno
import itertools
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import chat_history
import outbox_store
import texts.chats
from chats_world import TODAY, Asker, ChatsBot, ChatsDouble
from datamodels import Completion, Role, UserId
from datamodels_chats import AnswerId, AnswerStatus, Occasion, ReturnAddress, Turn
from datamodels_telegram import ChatId, MessageKind, OtherMedia, OutgoingMessage, Screen
from db import Database
from dialogs import Step
from errors import (
    DatabaseUnavailable,
    DiskFull,
    EngineFailed,
    NotFound,
    OutOfResources,
    ProviderUnavailable,
    UnexpectedFailure,
)
from errors_of_operation import ContextCut
from followers_world import DatabaseUntilKilled, Killer, look
from jobs.chats import AnswerSteps
from recordings_factory import add_user
from reviewed_storyboards import is_as_reviewed
from screens import drawn
from scripted_model import Call, ScriptedModel
from texts.telegram import OUTDATED

BREAKFAST = "Что говорят о завтраках?"
INTERVIEW = (
    ("Сотрудник", "Расскажите, пожалуйста, что вам запомнилось из завтраков?"),
    ("Клиент", "На завтраке не хватало горячих блюд, зато кофе был хороший."),
    ("Сотрудник", "Понятно. А бассейн?"),
    ("Клиент", "В бассейне вода была прохладная, дети замёрзли."),
)


@pytest.fixture
async def chats_bot(followed: Database, tmp_path: Path) -> ChatsBot:
    return ChatsBot(followed, tmp_path)


@pytest.fixture
async def anna(chats_bot: ChatsBot) -> Asker:
    return await Asker.come(chats_bot)


def model(answer: str) -> ScriptedModel:
    return ScriptedModel(lambda _: answer)


async def asked_at(anna: Asker, moment: datetime) -> None:
    """Let the last question have been asked then."""
    async with anna.bot.database.transaction() as connection:
        query = "UPDATE chat_questions SET asked_at = %s WHERE id = (SELECT max(id) FROM chat_questions)"
        await connection.execute(query, (moment,))


# --- asking ----------------------------------------------------------------------------------------------------------
async def test_without_a_model_the_answer_is_the_quotes_with_their_sources(anna: Asker) -> None:
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    answer = await anna.asks(BREAKFAST)
    assert f"❓ {BREAKFAST}" in answer
    assert texts.chats.NOTE_NO_MODEL in answer
    assert "Клиент: На завтраке не хватало горячих блюд" in answer
    assert re.search(r"\[1\] Интервью №1, 03\.11\.2026, Сотрудник, Клиент, 00:00–00:\d\d", answer)


async def test_with_a_model_its_answer_has_the_cited_sources(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    chats_bot.engines.model = llm = model("Горячих блюд **не хватало** [1], кофе был хороший [1, 7]. Чай дорогой [1].")
    answer = await anna.asks(BREAKFAST)
    assert "Горячих блюд <b>не хватало</b> [1], кофе был хороший [1]." in answer
    assert "Чай" not in answer
    assert texts.chats.NOTE_UNSUPPORTED in answer
    assert "[1] Интервью №1" in answer
    [call] = llm.calls
    assert "<отрывки>\n[1] Интервью №1, 03.11.2026\n(00:00) Сотрудник: Расскажите" in call.last
    assert f"<вопрос>\n{BREAKFAST}\n</вопрос>" in call.last


async def test_the_sign_of_the_search_goes_when_the_answer_comes(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    await anna.writes(BREAKFAST)
    assert anna.sees == texts.chats.SEARCHING
    await chats_bot.work()
    assert texts.chats.SEARCHING not in anna.sees
    assert "горячих блюд" in anna.sees


async def test_what_nobody_spoke_of_has_no_answer(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = model("Тридцать шесть [1].")
    answer = await anna.asks("Сколько планет в Солнечной системе?")
    assert texts.chats.NO_ANSWER in answer
    assert "Источники" not in answer
    assert not llm.calls
    [turn] = await history(anna)
    assert (turn.answer, turn.sources) == (texts.chats.NO_ANSWER, ())


async def test_who_has_no_recordings_is_told_what_to_do(anna: Asker) -> None:
    answer = await anna.asks(BREAKFAST)
    assert texts.chats.NO_ANSWER in answer
    assert texts.chats.NO_TRANSCRIPTS in answer


async def test_nobody_hears_what_was_said_to_others(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    boris = await Asker.come(chats_bot)
    assert texts.chats.NO_ANSWER in await boris.asks(BREAKFAST)


async def test_a_model_that_finds_no_answer_is_believed(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = model(texts.chats.NO_ANSWER_MARK)
    assert texts.chats.NO_ANSWER in await anna.asks(BREAKFAST)


async def test_a_model_that_fails_leaves_the_quotes(anna: Asker, chats_bot: ChatsBot) -> None:
    def failing(call: Call) -> str:
        raise ProviderUnavailable(provider="llm", reason="HTTP 503")

    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = ScriptedModel(failing)
    answer = await anna.asks(BREAKFAST)
    assert texts.chats.NOTE_MODEL_FAILED in answer
    assert "горячих блюд" in answer


async def test_a_question_that_the_model_could_not_read_whole_is_asked_in_a_shorter_form(
    anna: Asker, chats_bot: ChatsBot
) -> None:
    class Small(ScriptedModel):
        """Its context is known by the first question that does not fit."""

        async def complete(self, *messages: Any, **options: Any) -> Completion:
            completion = await super().complete(*messages, **options)
            if len(self.calls) == 1:
                self._context_tokens //= 2
                raise ContextCut(provider="llm", context_tokens=self._context_tokens)
            return completion

    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = Small(lambda _: "Не хватало горячих блюд [1].")
    assert "Не хватало горячих блюд [1]." in await anna.asks(BREAKFAST)
    assert len(llm.calls) == 2


@pytest.mark.parametrize("wrapped", [False, True])
async def test_what_this_machine_lacks_is_waited_for_instead_of_quoting(
    anna: Asker, chats_bot: ChatsBot, wrapped: bool
) -> None:
    def failing(call: Call) -> str:
        short = OSError(errno.EMFILE, "Too many open files")
        if wrapped:
            raise EngineFailed(engine="llm", reason="not started") from short
        raise short

    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = ScriptedModel(failing)
    await anna.writes(BREAKFAST)
    with pytest.raises(OutOfResources):
        await chats_bot.work()
    assert anna.sees == texts.chats.SEARCHING


async def test_a_model_that_does_not_answer_leaves_the_quotes(anna: Asker, chats_bot: ChatsBot) -> None:
    class Hanging(ScriptedModel):
        async def count_tokens(self, text: str) -> int:  # noqa: ARG002
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    chats_bot.steps = AnswerSteps(
        chats_bot.context, chats_bot.search, chats_bot.storage, chats_bot.learning, 2000, longest_s=0.2
    )
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = Hanging(lambda _: "")
    assert texts.chats.NOTE_MODEL_FAILED in await anna.asks(BREAKFAST)


async def test_an_answer_that_cannot_be_given_is_told(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.writes(BREAKFAST)
    await chats_bot.steps.fail(chats_bot.waiting.pop(), UnexpectedFailure(reason="test"))
    await chats_bot.work()
    assert texts.chats.FAILED in anna.sees
    assert texts.chats.SEARCHING not in anna.sees


async def test_the_chat_s_last_turns_go_with_the_question_and_those_of_others_do_not(
    anna: Asker, chats_bot: ChatsBot
) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = model("Не хватало горячих блюд [1].")
    await anna.asks("Кто жаловался на завтраки?")
    await anna.press_data("new_chat")
    await anna.writes("Ещё")  # the first chat is not empty, so that this is another one
    chats_bot.waiting.clear()
    await anna.asks(BREAKFAST)
    assert "Кто жаловался" not in llm.calls[-1].last
    await anna.press_data("confirm_switch||1")
    await anna.asks("А на бассейн?")
    assert "Вопрос: Кто жаловался на завтраки?\nОтвет: Не хватало горячих блюд (1)." in llm.calls[-1].last


async def test_the_open_form_is_shown_again_below_the_answer(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    await anna.press_data("back_to_confirm||1")
    assert await anna.step() is Step.CONFIRM_DATA
    await anna.asks(BREAKFAST)
    answer, form = anna.sees.index("📎"), anna.sees.rindex("Проверка введённых данных")
    assert answer < form
    assert anna.sees.count("Проверка введённых данных") == 1
    assert await anna.step() is Step.CONFIRM_DATA


async def test_who_sends_something_without_words_reads_what_the_bot_takes(anna: Asker, chats_bot: ChatsBot) -> None:
    said = set()
    for other in OtherMedia:
        await anna.sends(other)
        said.add(anna.last)
    assert texts.chats.NO_QUESTION not in said
    assert len(said) == len(OtherMedia)
    assert not chats_bot.waiting


@pytest.mark.parametrize("text", ["?", "…", "🍳", " \n ", "\x00", "й"])
async def test_text_without_words_is_no_question(anna: Asker, chats_bot: ChatsBot, text: str) -> None:
    await anna.writes(text)
    assert anna.sees == texts.chats.NO_QUESTION
    assert not chats_bot.waiting


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("привет", texts.chats.GREETING),
        ("спасибо!", texts.chats.WELCOME),
        ("👍", texts.chats.WELCOME),
        ("ок", texts.chats.UNDERSTOOD),
        ("Пока", texts.chats.GOODBYE),
        ("а" * 4096, "Вопрос слишком длинный: 4096 символов, а можно не больше 4000."),
    ],
)
async def test_courtesies_and_endless_texts_are_answered_without_a_search(
    anna: Asker, chats_bot: ChatsBot, text: str, said: str
) -> None:
    await anna.writes(text)
    assert said in anna.sees
    assert not chats_bot.waiting
    assert await history(anna) == []


async def test_thanks_with_a_question_are_a_question(anna: Asker) -> None:
    await anna.has_recording(*INTERVIEW)
    assert "горячих блюд" in await anna.asks("спасибо, а что про завтраки?")


@pytest.mark.parametrize("text", ["а" * 4000, "что' OR 1=1 -- завтрак", "завтрак & ! | ( <-> :*", "зав\x00трак", "что"])
async def test_any_text_can_be_asked(anna: Asker, text: str) -> None:
    await anna.has_recording(*INTERVIEW)
    assert "❓" in await anna.asks(text)


async def test_a_message_that_is_handled_again_is_one_question(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    await anna.writes(BREAKFAST, message_id=50)
    await anna.writes(BREAKFAST, message_id=50)
    assert len(chats_bot.waiting) == 1
    await chats_bot.work()
    await anna.writes(BREAKFAST, message_id=50)
    await chats_bot.work()
    assert len(await history(anna)) == 1
    assert anna.sees.count("горячих блюд") == 1
    assert texts.chats.SEARCHING not in anna.sees


async def test_an_answer_is_given_and_delivered_once(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = model("Горячих блюд не хватало [1].")
    await anna.writes(BREAKFAST)
    [answer] = chats_bot.waiting
    await chats_bot.steps.answer(answer)
    await chats_bot.steps.answer(answer)
    await asyncio.gather(*(look(chats_bot.deliveries) for _ in range(5)))
    await chats_bot.work()
    assert len(llm.calls) == 1
    assert anna.sees.count("Горячих блюд не хватало [1]") == 1


async def test_killed_at_any_moment_a_question_is_asked_and_answered_once(followed: Database, tmp_path: Path) -> None:
    for at in itertools.count(1):
        telegram, killer = ChatsDouble(), Killer(at)
        somebody = await Asker.come(ChatsBot(followed, tmp_path, telegram))
        await somebody.has_recording(*INTERVIEW)
        telegram.killer = killer
        dying = ChatsBot(DatabaseUntilKilled(followed, killer), tmp_path, telegram)
        killer.process = asyncio.create_task(_asked_and_answered(Asker(dying, somebody.user)))
        await asyncio.wait([killer.process])
        if not killer.has_killed:
            killer.process.result()
            assert at > 20
            return
        telegram.killer = Killer(0)
        # The update and the job have no end.
        await somebody.writes(BREAKFAST, message_id=100)
        somebody.bot.waiting += dying.queued
        await somebody.bot.work()
        shown = [drawn(screen) for screen in telegram.chats[somebody.chat].values()]
        assert len(shown) == 1, (at, shown)
        assert "горячих блюд" in shown[0]
        assert len(await history(somebody)) == 1


async def _asked_and_answered(asker: Asker) -> None:
    await asker.writes(BREAKFAST, message_id=100)
    await asker.bot.work()


async def test_the_answer_of_a_deleted_chat_is_nothing(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.writes(BREAKFAST)
    await anna.press_data("confirm_delete||1")
    await chats_bot.work()
    assert "❓" not in anna.sees
    assert not await chat_answers(anna)


async def test_many_answers_are_delivered_in_several_looks(anna: Asker, chats_bot: ChatsBot) -> None:
    for _ in range(25):
        await anna.writes("Что?")
    for answer in chats_bot.waiting:
        await chats_bot.steps.answer(answer)
    chats_bot.waiting.clear()
    for _ in range(2):
        await look(chats_bot.deliveries)
    async with chats_bot.database.transaction() as connection:
        assert not await chat_history.lock_ended(connection, "telegram", 1)


async def test_a_question_needs_no_messenger(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    console = Occasion(door="console", key=str(uuid4()))
    assert not await chats_bot.chats.is_known(anna.id, console)
    await chats_bot.chats.ask(anna.id, console, BREAKFAST)
    assert await chats_bot.chats.is_known(anna.id, console)
    await chats_bot.work()
    assert anna.sees == ""
    [turn] = await history(anna)
    assert turn.answer is not None
    assert "горячих блюд" in turn.answer


async def test_what_another_front_door_has_to_bring_is_left_to_it(anna: Asker, chats_bot: ChatsBot) -> None:
    address: ReturnAddress = {"session": "5b", "place": [1, 2]}
    await chats_bot.chats.ask(anna.id, Occasion(door="console", key=str(uuid4())), "Что?", address)
    await chats_bot.work()
    assert anna.sees == ""
    async with chats_bot.database.transaction() as connection:
        [ended] = await chat_history.lock_ended(connection, "console", 10)
    assert ended.return_to == address


async def test_front_doors_count_for_themselves(anna: Asker, chats_bot: ChatsBot) -> None:
    chat = await chats_bot.chats.active(anna.id)
    titled = Occasion(door="telegram", key="1:500", turn=500)
    await chats_bot.chats.rename(anna.id, chat.number, "Завтраки", titled)
    assert await chats_bot.chats.is_known(anna.id, titled)
    assert not await chats_bot.chats.is_known(anna.id, Occasion(door="console", key="1:500", turn=500))
    assert not await chats_bot.chats.is_known(anna.id, Occasion(door="telegram", key="1:501", turn=501))


async def test_guests_ask_and_begin_chats_and_neither_rename_nor_delete(chats_bot: ChatsBot) -> None:
    guest = await Asker.come(chats_bot, Role.GUEST)
    await guest.asks("Что?")
    await guest.press_data("chat||1")
    assert "Переименовать" not in guest.last
    assert "Удалить" not in guest.last
    assert "Получить историю" in guest.last


# --- chats -----------------------------------------------------------------------------------------------------------
async def test_the_first_question_names_the_chat_and_later_ones_do_not(anna: Asker) -> None:
    await anna.command("/chats")
    assert "№1 «Новый чат»" in anna.last
    await anna.asks("Что гости отеля говорят о завтраках и о том, как их подают в номер?")
    await anna.asks("А про ужин?")
    await anna.command("/chats")
    assert "[▶ №1 · Что гости отеля говорят о завтраках и о…]" in anna.last


async def test_a_number_is_never_given_again(anna: Asker) -> None:
    for expected in (1, 2, 3):
        await anna.asks("Что?")
        assert await anna.active() == expected
        await anna.press_data("new_chat")
    await anna.press_data("confirm_delete||4")
    await anna.press_data("confirm_delete||3")
    await anna.press_data("new_chat")
    assert await anna.active() == 5
    assert sorted(await anna.numbers()) == [1, 2, 5]


async def test_new_chats_do_not_heap_up_while_nothing_is_asked(anna: Asker) -> None:
    await anna.asks("Что?")
    for _ in range(3):
        await anna.press_data("new_chat")
    assert await anna.numbers() == [2, 1]
    assert "Чат №2" in anna.last


async def test_the_active_chat_outlives_a_restart(anna: Asker, chats_bot: ChatsBot, tmp_path: Path) -> None:
    await anna.asks("Что?")
    await anna.press_data("new_chat")
    await anna.asks("Кто?")
    await anna.press_data("confirm_switch||1")
    assert "Чат №1" in anna.last
    again = Asker(ChatsBot(chats_bot.database, tmp_path), anna.user)
    assert await again.active() == 1


async def test_the_list_turns_its_pages(anna: Asker) -> None:
    for _ in range(10):
        await anna.asks("Что?")
        await anna.press_data("new_chat")
    await anna.press_data("menu_chats")
    assert "Страница 1 из 2" in anna.last
    await anna.press("▶")
    assert "Страница 2 из 2" in anna.last
    assert "№1 · Что?" in anna.last
    await anna.press_data("menu_chats||99")
    assert "Страница 2 из 2" in anna.last


async def test_another_s_number_is_an_outdated_button(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.asks("Что?")
    boris = await Asker.come(chats_bot)
    for action in ("chat", "confirm_switch", "rename_chat", "delete_chat", "confirm_delete", "chat_history"):
        for data in (f"{action}||1", f"{action}||{10**17}", action):
            await boris.press_data(data)
            assert boris.heard[-1] == OUTDATED, data
    for data in ("chat_history||1||txt", "chat_history||1||txt||20261103", "chat_history||1||exe"):
        await boris.press_data(data)
        assert boris.heard[-1] == OUTDATED, data
    assert len(boris.heard) == 21
    assert await anna.numbers() == [1]


async def test_a_renamed_chat_keeps_its_title_and_its_number(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("chat||1")
    await anna.press("✏️ Переименовать")
    assert "от 1 до 50 символов" in anna.last
    await anna.writes(" <b>Завтраки</b>\n*и* ужины ")
    assert "✅ Чат №1 теперь называется «&lt;b&gt;Завтраки&lt;/b&gt; *и* ужины»" in anna.last
    assert await anna.step() is None
    await anna.asks("А обед?")
    assert (await anna.bot.chats.active(anna.id)).title == "<b>Завтраки</b> *и* ужины"


async def test_a_bad_title_is_asked_for_again(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("rename_chat||1")
    await anna.writes("я" * 51)
    assert "❌ В названии 51 символ, а" in anna.last
    await anna.writes("\n")
    assert "❌ Название пустое" in anna.last
    await anna.writes("Ужины")
    assert "называется «Ужины»" in anna.last


@pytest.mark.parametrize("leave", ["❌ Отмена", "/cancel", "menu_chats", "new_chat"])
async def test_the_dialog_about_a_title_can_be_left(anna: Asker, leave: str) -> None:
    await anna.asks("Что?")
    await anna.press_data("rename_chat||1")
    assert await anna.step() is Step.CHAT_RENAME_ASK_TITLE
    if leave.startswith("/"):
        await anna.command(leave)
    elif leave.startswith("❌"):
        await anna.press(leave)
    else:
        await anna.press_data(leave)
    assert await anna.step() is None
    assert (await anna.bot.chats.find(anna.id, 1))[0].title == "Что?"


async def test_a_title_that_is_handled_again_after_a_crash_is_no_question(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.asks("Что?")
    await anna.press_data("rename_chat||1")
    message = await anna.writes("Ужины")
    await anna.writes("Ужины", message_id=message)
    assert not chats_bot.waiting
    await anna.writes("Ужины?")
    assert len(chats_bot.waiting) == 1


async def test_a_chat_that_is_deleted_while_its_title_is_asked_for(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("rename_chat||1")
    await anna.bot.chats.delete(anna.id, 1)
    await anna.writes("Ужины")
    assert texts.chats.CHAT_GONE in anna.last
    assert await anna.step() is None


async def test_a_deletion_that_is_handled_again_after_a_crash_is_told_of_again(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("delete_chat||1")
    for _ in range(2):
        await anna.press_data("confirm_delete||1", update="button:1:1")
        assert "Чат №1 «Что?» удалён" in anna.last
    await anna.press_data("confirm_delete||1", update="button:1:2")
    assert anna.heard[-1] == OUTDATED


async def test_a_chat_is_deleted_after_a_question(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("new_chat")
    await anna.asks("Кто?")
    await anna.press_data("chat||1")
    await anna.press("🗑️ Удалить")
    assert "Удалить чат №1 «Что?»?" in anna.last
    assert "1 вопрос и 1 ответ" in anna.last
    await anna.press("❌ Отмена")
    assert await anna.numbers() == [2, 1]
    await anna.press("🗑️ Удалить")
    await anna.press("🗑️ Да, удалить")
    assert "Чат №1 «Что?» удалён" in anna.last
    assert await anna.numbers() == [2]
    assert await anna.active() == 2


@pytest.mark.parametrize("is_sent", [True, False])
async def test_the_words_of_a_deleted_chat_leave_the_outbox_with_it(
    anna: Asker, chats_bot: ChatsBot, is_sent: bool
) -> None:
    boris = await Asker.come(chats_bot)
    for person in (anna, boris):
        await person.asks("Что?")
        await person.press_data("new_chat")
        await person.asks("Кто?")
    async with chats_bot.database.transaction() as connection:
        query = "UPDATE outbox SET sent_at = CASE WHEN %s THEN now() END WHERE owner_id = %s"
        await connection.execute(query, (is_sent, anna.user.id))
    await anna.press_data("confirm_delete||1")
    async with chats_bot.database.transaction() as connection:
        query = "SELECT owner_id, count(*) AS n FROM outbox WHERE key LIKE 'answer:%%' GROUP BY owner_id"
        left = {row["owner_id"]: row["n"] async for row in await connection.execute(query)}
    assert left[anna.user.id] == 1
    assert left[boris.user.id] == 2


async def test_an_answer_that_is_delivered_while_its_chat_is_deleted_leaves_with_it(
    anna: Asker, chats_bot: ChatsBot
) -> None:
    await anna.asks("Что?")
    message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="Вот что."))
    async with chats_bot.database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT chat_answers.id FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id "
            "WHERE owner_id = %s FOR UPDATE",
            (anna.user.id,),
        )
        [row] = await cursor.fetchall()
        await outbox_store.put(connection, f"answer:{row['id']}:later", anna.user.id, ChatId(1), message)
        deletion = asyncio.create_task(anna.press_data("confirm_delete||1"))
        await asyncio.wait([deletion], timeout=1.0)
    await deletion
    async with chats_bot.database.transaction() as connection:
        cursor = await connection.execute("SELECT key FROM outbox WHERE owner_id = %s", (anna.user.id,))
        assert [row["key"] async for row in cursor if row["key"].startswith("answer:")] == []


async def test_deleting_the_last_chat_makes_a_new_one(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("confirm_delete||1")
    assert await anna.numbers() == [2]
    assert await anna.active() == 2


async def test_a_double_tap_deletes_once(anna: Asker) -> None:
    await anna.asks("Что?")
    await asyncio.gather(*(anna.press_data("confirm_delete||1") for _ in range(5)))
    assert anna.heard == [OUTDATED] * 4
    assert len(await anna.numbers()) == 1


async def test_questions_at_the_same_time_are_all_asked_in_one_first_chat(anna: Asker, chats_bot: ChatsBot) -> None:
    await asyncio.gather(*(anna.writes(f"Вопрос {place}?") for place in range(20)))
    assert len(chats_bot.waiting) == 20
    assert await anna.numbers() == [1]


# --- history ---------------------------------------------------------------------------------------------------------
async def test_history_comes_as_text_and_as_markdown(anna: Asker) -> None:
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    await anna.asks("Что о *завтраках* <b>?")
    await anna.press_data("chat||1")
    await anna.press("📜 Получить историю")
    assert "В каком виде" in anna.last
    await anna.press("TXT")
    await anna.press_data("chat_history||1||md")
    (name, text), (markdown_name, markdown) = anna.files
    assert name.endswith(".txt")
    assert markdown_name.endswith(".md")
    assert "ЧАТ №1 «Что о *завтраках* <b>?»" in text
    assert "] ВОПРОС\nЧто о *завтраках* <b>?\n\nОТВЕТ\n" in text
    assert "  [1] Интервью №1, 03.11.2026, Сотрудник, Клиент, 00:00–" in text
    assert r"> Что о \*завтраках\* \<b\>?" in markdown
    assert r"- \[1\] Интервью №1" in markdown
    assert "Чат №1" in anna.last


async def test_a_double_tap_sends_one_history(anna: Asker) -> None:
    await anna.asks("Что?")
    for _ in range(2):
        await anna.press_data("chat_history||1||txt")
    assert len(anna.files) == 1


@pytest.mark.parametrize(
    ("updates", "sent"),
    [("a b", 1), ("a a", 2), ("a b b", 1), ("a b a", 2)],
)
async def test_a_second_tap_stays_one_when_it_is_handled_again_after_a_crash(
    anna: Asker, updates: str, sent: int
) -> None:
    await anna.asks("Что?")
    for update in updates.split():
        await anna.press_data("chat_history||1||txt", update=update)
    assert len(anna.files) == sent


async def test_an_unknown_form_of_history_is_an_outdated_button(anna: Asker) -> None:
    await anna.asks("Что?")
    for data in ("chat_history||1||exe", "chat_history||1||txt||20261399", "chat_history||1||txt||5||6"):
        await anna.press_data(data)
        assert anna.heard[-1] == OUTDATED
    assert not list((anna.bot.spool / "outgoing").glob("*"))


async def test_a_history_is_not_left_on_the_disk_once_it_was_sent(anna: Asker) -> None:
    await anna.asks("Что?")
    await anna.press_data("chat_history||1||txt")
    await anna.command("/history")
    assert len(anna.files) == 2
    # Each was in there: the folder has been made.
    assert not list((anna.bot.spool / "outgoing").iterdir())


async def test_a_question_without_an_answer_is_in_the_history(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.writes("Что?")
    for extension in ("txt", "md"):
        await anna.press_data(f"chat_history||1||{extension}")
        assert texts.chats.FILE_UNANSWERED in anna.files[-1][1]


async def test_history_of_a_day_has_that_day_only(anna: Asker) -> None:
    await anna.asks("Позавчера?")
    midnight = datetime(2026, 11, 3).astimezone()
    await asked_at(anna, midnight - timedelta(seconds=1))
    for place, moment in enumerate((midnight, midnight + timedelta(hours=23, minutes=59))):
        await anna.asks(f"В этот день {place}?")
        await asked_at(anna, moment)
    await anna.asks("Сегодня?")
    for command in ("/history 2026-11-03", "/history 03.11.2026", "/history 2026.11.3"):
        await anna.command(command)
        name, text = anna.files.pop()
        assert name == "Чат 1 Позавчера_ за 03.11.2026.txt"
        assert re.findall(r"^(.*\?)$", text, re.MULTILINE) == ["В этот день 0?", "В этот день 1?"]
        assert "2 вопроса за 03.11.2026" in anna.last
    await anna.press("MD")
    assert anna.files[-1][0].endswith("03.11.2026.md")
    assert "В этот день 1?" in anna.files[-1][1]
    assert "Сегодня" not in anna.files[-1][1]


async def test_history_without_a_day_is_whole(anna: Asker) -> None:
    await anna.asks("Раз?")
    await anna.asks("Два?")
    await anna.command("/history")
    assert anna.files[-1][1].count("ВОПРОС") == 2


async def test_a_day_without_questions_names_the_chats_that_have_some(anna: Asker) -> None:
    await anna.asks("Что?")
    await asked_at(anna, datetime(2026, 11, 3, 12).astimezone())
    await anna.press_data("new_chat")
    await anna.command("/history 03.11.2026")
    assert "За 03.11.2026 в чате №2 «Новый чат» вопросов нет" in anna.last
    await anna.press("№1")
    assert "Что?" in anna.files[-1][1]
    await anna.command("/history 04.11.2026")
    assert "[№" not in anna.last
    await anna.command("/history")
    assert "вопросов ещё не было" in anna.last


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("утром", "не похоже на дату"),
        ("31.02.2026", "нет в календаре"),
        (f"{TODAY + timedelta(days=1):%d.%m.%Y}", "ещё не наступила"),
        ("٠٣.١١.٢٠٢٦", "не похоже на дату"),
        ("<b>&", "не похоже на дату"),
    ],
)
async def test_a_bad_day_gets_a_sentence(anna: Asker, typed: str, said: str) -> None:
    await anna.command(f"/history {typed}")
    assert said in anna.last
    assert "/history 03.11.2026" in anna.last
    assert not anna.files


async def test_ten_thousand_messages_are_written_page_by_page(anna: Asker) -> None:
    async with anna.bot.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, anna.id)
        await connection.execute(
            """
            INSERT INTO chat_questions (owner_id, chat_number, door, key, text)
            SELECT %(owner)s, %(number)s, 'telegram', gen_random_uuid(), 'Вопрос ' || place
            FROM generate_series(1, 5000) AS place
            """,
            {"owner": anna.id, "number": chat.number},
        )
        await connection.execute(
            """
            INSERT INTO chat_answers (id, question_id, kind, status, basis, text)
            SELECT gen_random_uuid(), id, 'fast', 'done', 'quotes', repeat('слово ', 100)
            FROM chat_questions WHERE owner_id = %(owner)s
            """,
            {"owner": anna.id},
        )
    await anna.command("/history")
    text = anna.files[-1][1]
    assert re.findall(r"^Вопрос (\d+)$", text, re.MULTILINE) == [str(place) for place in range(1, 5001)]
    assert text.count("ОТВЕТ") == 5000
    assert "5000 вопросов" in anna.last


# --- statistics ------------------------------------------------------------------------------------------------------
async def test_statistics_count_both_times(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = model("Горячих блюд не хватало [1].")
    await anna.asks("Сколько планет?")
    await asked_at(anna, datetime.now(UTC) - timedelta(days=31))
    async with chats_bot.database.transaction() as connection:
        await connection.execute("UPDATE chats SET created_at = now() - interval '31 days'")
    await anna.press_data("new_chat")
    await anna.asks(BREAKFAST)
    async with chats_bot.database.transaction() as connection:
        await connection.execute(
            "UPDATE conversations SET rated_at = now(), rating = CASE basis WHEN 'model' THEN 4 ELSE 1 END "
            "FROM chat_answers WHERE id = answer_id"
        )
    await anna.writes("Ещё без ответа?")
    usage = await llm.complete(llm.calls[-1].messages)
    tokens = usage.usage.prompt_tokens + usage.usage.completion_tokens
    figures = await chats_bot.chats.statistics(anna.id)
    recent, whole = figures.recent, figures.all
    assert (recent.chats, recent.questions, recent.answers, recent.fast, recent.deep) == (1, 2, 1, 1, 0)
    assert (whole.chats, whole.questions, whole.answers, whole.fast, whole.deep) == (2, 3, 2, 2, 0)
    assert (recent.unanswered, whole.unanswered) == (0, 1)
    assert (recent.tokens, whole.tokens) == (tokens, tokens)
    assert (figures.ratings.ratings, figures.ratings.average) == (2, 2.5)
    await anna.command("/stats")
    assert "Оценок: 2, в среднем 2,5" in anna.last
    await anna.press_data("show_stats")
    assert "За 30 дней" in anna.last


async def test_statistics_of_nobody_else_are_counted(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.asks("Что?")
    boris = await Asker.come(chats_bot)
    await boris.command("/stats")
    figures = await chats_bot.chats.statistics(boris.id)
    assert (figures.all.chats, figures.all.questions, figures.all.answers, figures.ratings.ratings) == (1, 0, 0, 0)


async def test_answers_from_a_deleted_recording_do_not_go_to_the_model_again(anna: Asker, chats_bot: ChatsBot) -> None:
    recording = await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = llm = model("Горячих блюд на завтраке не хватало [1].")
    await anna.asks(BREAKFAST)
    async with chats_bot.database.transaction() as connection:
        await connection.execute("DELETE FROM recordings WHERE id = %s", (recording,))
    await anna.has_recording(*INTERVIEW)
    await anna.asks("Что говорят о завтраках ещё?")
    assert "Горячих блюд на завтраке" not in llm.calls[-1].last


async def test_a_sign_that_cannot_be_stored_costs_no_answer(anna: Asker, chats_bot: ChatsBot) -> None:
    await anna.has_recording(*INTERVIEW)
    chats_bot.engines.model = model("Горячего \ud83d не хватало\0 [1].")
    assert "Горячего? не хватало [1]." in await anna.asks(BREAKFAST)


# --- what a person sees ----------------------------------------------------------------------------------------------
async def test_the_storyboard_is_as_it_was_reviewed(anna: Asker, chats_bot: ChatsBot) -> None:
    """Kept in ``tests/e2e/storyboards``; after a change that is meant: ``STORYBOARDS=write``, and review."""
    await anna.asks(BREAKFAST)
    await anna.has_recording(*INTERVIEW, day=date(2026, 11, 3))
    await anna.asks(BREAKFAST)
    chats_bot.engines.model = model("Горячих блюд **не хватало** [1].")
    await anna.asks("Чего не хватало на завтраке?")
    await anna.asks("Сколько планет в Солнечной системе?")
    await anna.command("/chats")
    await anna.press("➕ Новый чат")
    await anna.asks("Что с бассейном?")
    await anna.press("💬 К чатам")
    await anna.press("№1 · Что говорят о завтраках?")
    await anna.press("✏️ Переименовать")
    await anna.writes("Завтраки, которые подают в номер: всё, что о них говорили")
    await anna.writes("Завтраки")
    await anna.press("✏️ Переименовать")
    await anna.press("❌ Отмена")
    await anna.press("📜 Получить историю")
    await anna.press("MD")
    await anna.press("🗑️ Удалить")
    await anna.press("❌ Отмена")
    await anna.press("🗑️ Удалить")
    await anna.press("🗑️ Да, удалить")
    await anna.command("/history утром")
    await anna.command("/history 03.11.2026")
    await anna.command("/stats")
    today = f"{datetime.now(UTC).astimezone():%d.%m.%Y}"
    story = re.sub(rf"{re.escape(today)}( \d\d:\d\d)?", "<сегодня>", "\n".join(chats_bot.telegram.story) + "\n")
    story = re.sub(r"Токенов: [1-9]\d*", "Токенов: <сколько>", story)
    is_as_reviewed("chats", story)


# --- the store -------------------------------------------------------------------------------------------------------
async def test_nobody_has_a_chat_without_being_there(followed: Database) -> None:
    async with followed.transaction() as connection:
        with pytest.raises(NotFound):
            await chat_history.create_chat(connection, UserId(uuid4()))
        with pytest.raises(NotFound):
            await chat_history.rename_chat(connection, await add_user(connection), 1, "Завтраки")
        assert await chat_history.find_to_answer(connection, AnswerId(uuid4())) is None


async def history(anna: Asker) -> list[Turn]:
    async with anna.bot.database.transaction() as connection:
        return await chat_history.list_turns(connection, anna.id, await anna.active(), after=0, limit=1000)


async def chat_answers(anna: Asker) -> list[AnswerStatus]:
    async with anna.bot.database.transaction() as connection:
        query = "SELECT status FROM chat_answers JOIN chat_questions AS q ON question_id = q.id WHERE owner_id = %s"
        rows = await connection.execute(query, (anna.id,))
        return [AnswerStatus(row["status"]) async for row in rows]


async def test_a_question_that_cannot_be_stored_leaves_no_message_that_waits(anna: Asker, chats_bot: ChatsBot) -> None:
    chats_bot.refuses = DiskFull(path="PostgreSQL")
    with pytest.raises(DiskFull):
        await anna.writes(BREAKFAST)
    assert chats_bot.telegram.shown(anna.chat) == []


async def test_a_question_that_the_database_interrupts_keeps_the_message_that_waits(
    anna: Asker, chats_bot: ChatsBot
) -> None:
    chats_bot.refuses = DatabaseUnavailable(reason="away")
    with pytest.raises(DatabaseUnavailable):
        await anna.writes(BREAKFAST, 700)
    [waiting] = chats_bot.telegram.shown(anna.chat)
    chats_bot.refuses = None
    await anna.writes(BREAKFAST, 700)
    assert chats_bot.telegram.shown(anna.chat) == [waiting]
