"""Answers, reports and texts said aloud: once, for their person, and sent once for each press."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import chat_history
import openai_faults
import texts.speeches
from audio import BUILT_IN, probe
from datamodels import NewReportFile, ReportId, ReportRunId
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Conversation, Occasion
from datamodels_telegram import Voice
from db import Database
from default_pack import PACK
from errors import BadText, NotFound, ProviderRefusedKey, VoxPersonaError
from errors_of_operation import HourUsedUp, LimitReached, NoVoice
from followers_world import TelegramOfFiles, look
from handlers_world import Bot, Person
from limits import store
from limits.values import Resource, this_month
from markups.callback_data import Action, pack, word_of
from markups.ratings import rated_messages
from object_store import ObjectStore
from openai_faults import SPEECH
from openai_server import OpenAIServer, Pauses
from outbox import Outbox, OutboxFiles
from provider_calls.policy import Time
from recordings.originals import Originals
from speeches.service import State
from speeches.store import SpeechOf
from speeches.waiting import WaitingChats
from telegram_handlers.speech_deliveries import SpeechDeliveries
from text_to_speech.openai import OpenAITextToSpeech

SENTENCE = "Гостям нравится завтрак, потому что он горячий и его много. "
_SAID = """
    INSERT INTO speeches (
        id, owner_id, kind, title, text, is_whole, voice, key, pieces, sound, duration_s, created_at, ended_at
    )
    VALUES (%s, %s, 'text', %s, '', true, '', %s::text, 1, 'x', 2, now() + %s * interval '1 second', now())
"""
LONG = SENTENCE * 20
"""1200 characters: two pieces."""


class Talking:
    """A bot with a voice, its deliveries and its outbox."""

    def __init__(self, bot: Bot, telegram: TelegramOfFiles, folder: Path) -> None:
        database = bot.database
        self.bot = bot
        self.telegram = telegram
        originals = Originals(database, bot.objects, folder)
        files = OutboxFiles(database, originals, PACK, folder / "spool", BUILT_IN)
        self.outbox = Outbox(database, bot.messages, files)
        self.deliveries = SpeechDeliveries(WaitingChats(database), bot.messages, self.outbox.wake)

    async def says(self, id_: UUID) -> None:
        """Do the jobs of a speech, as a worker does."""
        try:
            while await self.bot.saying.do(id_):
                pass
        except VoxPersonaError as exc:
            await self.bot.saying.fail(id_, exc, None)

    async def delivers(self) -> None:
        await look(self.deliveries)
        await look(self.outbox)


@pytest.fixture
async def talking(
    followed: Database, objects: ObjectStore, tmp_path: Path, server: OpenAIServer, pauses: Pauses
) -> AsyncIterator[Talking]:
    telegram = TelegramOfFiles()
    bot = Bot(followed, tmp_path, objects, telegram)
    address = (server.base_url, server.api_key, "tts-1", "alloy", "loopback")
    bot.voice = voice = OpenAITextToSpeech(*address, 2, 20.0, time=Time(sleep=pauses.sleep))
    yield Talking(bot, telegram, tmp_path)
    await voice.close()


async def has_answer(person: Person, text: str) -> AnswerId:
    bot, owner = person.bot, person.user.id
    async with bot.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, owner)
        occasion = Occasion(door="test", key=str(uuid4()))
        answer = await chat_history.add_question(connection, chat, occasion, "Что с завтраком?", "Что?", {})
    outcome = AnswerOutcome(basis=Basis.MODEL, text=text, sources=(), model="m")
    await bot.storage.add_conversation(
        Conversation(answer_id=answer, owner_id=owner, question="Что?", outcome=outcome, created_at=datetime.now(UTC))
    )
    return answer


async def newest(person: Person) -> UUID:
    return (await person.bot.speeches.page(person.user.id, 1, 5)).speeches[0].id


async def later(talking: Talking) -> None:
    """Let a press count as one of its own."""
    async with talking.bot.database.transaction() as connection:
        await connection.execute("DELETE FROM user_states")


async def test_an_answer_comes_as_a_voice_message_once_and_again_for_nothing(
    talking: Talking, server: OpenAIServer, tmp_path: Path
) -> None:
    person = await Person.come(talking.bot)
    answer = await has_answer(person, f"**Да** [1].\n\n{LONG}")
    [button] = [
        each
        for screen in rated_messages("Что?", AnswerOutcome(basis=Basis.MODEL, text="Да."), answer, speaks=True)
        for row in screen.keyboard
        for each in row
        if each.text == "🔊 Озвучить"
    ]
    await person.press_data(button.data)
    await person.press_data(button.data)  # a double tap
    assert person.heard == ["Озвучиваю…", "Уже озвучиваю: пришлю, как только будет готово"]
    await talking.delivers()
    assert "Готово частей: 0 из 2" in person.sees
    await talking.bot.saying.do(id_ := await newest(person))
    await talking.delivers()
    assert "Готово частей: 1 из 2" in person.sees
    await talking.says(id_)
    await talking.delivers()
    await talking.delivers()
    assert person.sees == "🔊 Что с завтраком?"
    [(name, sound)] = talking.telegram.files
    [shown] = talking.telegram.sounds
    assert (name, type(shown)) == ("Что с завтраком_.ogg", Voice)
    (tmp_path / "a.ogg").write_bytes(sound)
    asked = [each.body["input"] for each in server.asked(SPEECH)]
    expected_s = sum(len(each) * 0.01 for each in asked) + 0.3
    assert (await probe(tmp_path / "a.ogg", "a.ogg")).duration_s == pytest.approx(expected_s, abs=0.3)
    assert " ".join(asked).split() == ["Да.", *LONG.split()]
    await later(talking)
    await person.press_data(button.data, update="10")
    await person.press_data(button.data, update="10")  # handled again after a crash
    assert person.heard[-1] == "Озвучено раньше: присылаю"
    await talking.delivers()
    await talking.delivers()
    assert len(talking.telegram.files) == 2
    assert len(server.asked(SPEECH)) == 2


async def test_a_killed_process_pays_for_nothing_twice(talking: Talking, server: OpenAIServer, tmp_path: Path) -> None:
    person = await Person.come(talking.bot)
    ordered = await talking.bot.speeches.order_text(person.user.id, LONG)
    assert await talking.bot.saying.do(ordered.id)
    again = Bot(talking.bot.database, tmp_path, talking.bot.objects, talking.telegram)
    again.voice = talking.bot.voice
    while await again.saying.do(ordered.id):
        pass
    assert len(server.asked(SPEECH)) == 2
    assert not await again.saying.do(ordered.id)
    assert (await again.speeches.find(person.user.id, ordered.id)).is_ready


async def test_another_voice_says_all_of_it(talking: Talking, server: OpenAIServer) -> None:
    person = await Person.come(talking.bot)
    ordered = await talking.bot.speeches.order_text(person.user.id, LONG)
    await talking.bot.saying.do(ordered.id)
    before, other = talking.bot.voice, OpenAITextToSpeech(server.base_url, server.api_key, "tts-2", "b", "x", 1, 20.0)
    talking.bot.voice = other
    await talking.says(ordered.id)
    await other.close()
    talking.bot.voice = before
    assert [each.model for each in server.asked(SPEECH)] == ["tts-1", "tts-2", "tts-2"]


async def test_a_failure_is_told_and_goes_on_where_it_was(talking: Talking, server: OpenAIServer) -> None:
    person = await Person.come(talking.bot)
    data = pack(Action.SPEAK_ANSWER, word_of(await has_answer(person, LONG)))
    await person.press_data(data, update="1")
    await talking.bot.saying.do(id_ := await newest(person))
    server.faults.add(openai_faults.status(401))
    with pytest.raises(ProviderRefusedKey):
        await talking.bot.saying.do(id_)
    server.faults.add(openai_faults.status(401))
    await talking.says(id_)
    await talking.delivers()
    assert "✖ <b>Не озвучено</b> «Что с завтраком?»" in person.sees
    assert "администратору" in person.sees
    await later(talking)
    await person.press_data(data, update="2")
    await talking.says(id_)
    await talking.delivers()
    assert len(talking.telegram.files) == 1
    assert len(server.asked(SPEECH)) == 4


async def test_a_speech_takes_its_money_and_no_more_than_is_left(talking: Talking) -> None:
    speeches, database = talking.bot.speeches, talking.bot.database
    person, other = await Person.come(talking.bot), await Person.come(talking.bot)

    async def taken(who: Person) -> Decimal:
        async with database.transaction() as connection:
            return (await store.used(connection, who.user.id, this_month())).get(Resource.MONEY, Decimal(0))

    price = Decimal(len(LONG.strip()) - 1) * 15 / 1_000_000  # of two pieces, the blank between them is not said
    async with database.transaction() as connection:
        await store.set_for_person(connection, person.user.id, Resource.MONEY, Decimal("0.03"), own=True)
    first = await speeches.order_text(person.user.id, LONG)
    assert await taken(person) == price
    assert await taken(other) == 0
    await talking.bot.saying.do(first.id)
    assert await taken(person) == price
    await speeches.delete(person.user.id, first.id)
    half = await taken(person)
    assert 0 < half < price
    second = await speeches.order_text(person.user.id, LONG)
    with pytest.raises(LimitReached, match="money") as refused:
        await speeches.order_text(person.user.id, SENTENCE * 19)
    assert refused.value.user_text.startswith("Озвучка «Гостям нравится завтрак")
    await talking.says(second.id)
    assert await taken(person) == half + price
    assert (await speeches.order_text(person.user.id, LONG)).state is State.READY
    assert await taken(person) == half + price


async def test_one_that_failed_and_is_sent_again_takes_its_money_again(talking: Talking) -> None:
    speeches, database, person = talking.bot.speeches, talking.bot.database, await Person.come(talking.bot)
    ordered = await speeches.order_text(person.user.id, LONG)
    async with database.transaction() as connection:
        await connection.execute("UPDATE speeches SET error_code = 'x', ended_at = now() WHERE id = %s", (ordered.id,))
        await connection.execute("UPDATE limit_uses SET state = 'released' WHERE work = %s", (ordered.id,))
        await store.set_for_person(connection, person.user.id, Resource.MONEY, Decimal("0.001"), own=True)
    with pytest.raises(LimitReached, match="money"):
        await speeches.send(person.user.id, ordered.id, person.chat, "again")
    async with database.transaction() as connection:
        await store.set_for_person(connection, person.user.id, Resource.MONEY, Decimal("0.03"), own=True)
    assert await speeches.send(person.user.id, ordered.id, person.chat, "again") is State.AT_WORK
    async with database.transaction() as connection:
        taken = (await store.used(connection, person.user.id, this_month())).get(Resource.MONEY)
    assert taken == Decimal(len(LONG.strip()) - 1) * 15 / 1_000_000


@pytest.mark.parametrize("text", ["", " \n", "…!", "а" * 5001])
async def test_what_cannot_be_said_is_refused(talking: Talking, text: str) -> None:
    person = await Person.come(talking.bot)
    with pytest.raises(BadText):
        await talking.bot.speeches.order_text(person.user.id, text)


async def test_of_a_long_answer_the_beginning_is_said(talking: Talking) -> None:
    person = await Person.come(talking.bot)
    await talking.bot.speeches.order_text(person.user.id, "а" * 5000)
    answer = await has_answer(person, SENTENCE * 100)
    ordered = await talking.bot.speeches.order(person.user.id, SpeechOf.ANSWER, str(answer))
    speech = await talking.bot.speeches.find(person.user.id, ordered.id)
    assert not speech.is_whole
    assert len(speech.text) <= 5000
    assert speech.text.endswith("много.")


async def test_an_hour_has_its_limit_which_a_deletion_does_not_lift(talking: Talking) -> None:
    speeches, person, other = talking.bot.speeches, await Person.come(talking.bot), await Person.come(talking.bot)
    first = await speeches.order_text(person.user.id, "Раз.")
    await speeches.order_text(person.user.id, "Два.")
    await speeches.order_text(person.user.id, "Три.")
    assert (await speeches.order_text(person.user.id, "Раз.")).state is State.AT_WORK
    await speeches.delete(person.user.id, first.id)
    with pytest.raises(HourUsedUp) as raised:
        await speeches.order_text(person.user.id, "Раз.")
    assert 3500 < int(str(raised.value.details["retry_after_s"])) <= 3600
    assert (await speeches.order_text(other.user.id, "Раз.")).state is State.NEW
    async with talking.bot.database.transaction() as connection:
        await connection.execute("UPDATE hourly_uses SET used_at = used_at - interval '61 minutes'")
    assert (await speeches.order_text(person.user.id, "Раз.")).state is State.NEW


async def test_what_is_one_persons_is_nobody_elses(talking: Talking) -> None:
    speeches, person, other = talking.bot.speeches, await Person.come(talking.bot), await Person.come(talking.bot)
    answer = await has_answer(person, "Да.")
    ordered = await speeches.order(person.user.id, SpeechOf.ANSWER, str(answer))
    await talking.says(ordered.id)
    assert (await speeches.page(other.user.id, 1, 5)).total == 0
    for call in (speeches.find, speeches.sound, speeches.delete):
        with pytest.raises(NotFound):
            await call(other.user.id, ordered.id)
    with pytest.raises(NotFound):
        await speeches.order(other.user.id, SpeechOf.ANSWER, str(answer))
    with pytest.raises(NotFound):
        await speeches.order(person.user.id, SpeechOf.REPORT, "1")
    assert await speeches.sound(person.user.id, ordered.id)


async def test_what_was_said_is_listed_sent_again_and_deleted(talking: Talking, server: OpenAIServer) -> None:
    speeches, person, other = talking.bot.speeches, await Person.come(talking.bot), await Person.come(talking.bot)
    await person.press_data(pack(Action.MENU_STORAGE))
    assert texts.speeches.MY not in person.sees
    async with talking.bot.database.transaction() as connection:
        for number in range(1, 7):
            await connection.execute(_SAID, (uuid4(), person.user.id, f"Ответ <{number}>", number, number))
    await person.press_data(pack(Action.MENU_STORAGE))
    await person.press(texts.speeches.MY)

    def listed() -> list[str]:
        return [button.text for _, button in person.buttons if button.data.startswith(f"{Action.SPEECH}||")]

    assert [each.partition(" · ")[2] for each in listed()] == [f"Ответ <{number}>" for number in (6, 5, 4, 3, 2)]
    await person.press("▶")
    await person.press(listed()[0])
    assert "<b>Ответ &lt;1&gt;</b>" in person.sees
    subject = next(button.data.partition("||")[2] for _, button in person.buttons)
    await person.press(texts.speeches.MY_SEND)
    await talking.delivers()
    assert [name for name, _ in talking.telegram.files] == ["Ответ _1_.ogg"]
    assert server.asked(SPEECH) == [], "paid once"

    for action in (Action.SPEECH, Action.SPEECH_SEND, Action.SPEECH_DELETE, Action.SPEECH_DELETE_CONFIRM):
        await other.press_data(f"{action}||{subject}")
        assert other.heard.pop() == texts.speeches.MY_GONE
        assert "Ответ" not in other.sees
    await person.press_data(f"{Action.SPEECH_DELETE}||{subject}")
    assert (await speeches.page(person.user.id, 1, 5)).total == 6, "asked first"
    await person.press(texts.speeches.MY_DELETE_CONFIRM)
    assert (await speeches.page(person.user.id, 1, 5)).total == 5
    assert "Всего: 5." in person.sees


async def test_a_report_is_said_by_its_number(talking: Talking) -> None:
    person, other = await Person.come(talking.bot), await Person.come(talking.bot)
    entry = NewReportFile(
        id=ReportRunId(uuid4()),
        title="Отель",
        recording_number=1,
        recording_file_name="а.ogg",
        report_id=ReportId("report_int_links"),
        label="2) Отчет о связках",
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )
    number = await talking.bot.archive.save(person.user.id, entry, "# Связки\n\n- **Тихо** [00:12]\n")
    await other.press_data(pack(Action.SPEAK_REPORT, number))
    assert other.heard == ["Озвучивать нечего: этого уже нет."]
    await person.press_data(pack(Action.SPEAK_REPORT, number))
    speech = await talking.bot.speeches.find(person.user.id, await newest(person))
    assert (speech.title, speech.text) == ("Отель", "Связки.\nТихо.")


async def test_what_was_said_goes_with_its_answer(talking: Talking) -> None:
    person = await Person.come(talking.bot)
    answer = await has_answer(person, "Да.")
    await talking.bot.speeches.order(person.user.id, SpeechOf.ANSWER, str(answer))
    async with talking.bot.database.transaction() as connection:
        await connection.execute("DELETE FROM chat_answers WHERE id = %s", [answer])
    assert (await talking.bot.speeches.page(person.user.id, 1, 5)).total == 0


async def test_without_a_voice_nothing_is_ordered(talking: Talking) -> None:
    person = await Person.come(talking.bot)
    talking.bot.voice = None
    with pytest.raises(NoVoice):
        await talking.bot.speeches.order_text(person.user.id, "Да.")
