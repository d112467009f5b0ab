"""The loopback Telegram server refuses what Telegram refuses, with Telegram's names for it."""

import asyncio
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyrogram import raw
from pyrogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from telegram_calls import Account, Calls
from telegram_events import Happening
from telegram_faults import Faults, Kind, Network
from telegram_keys import AuthKey
from telegram_sessions import NoReply, Session
from telegram_tl import RpcFault, is_a, name_of, tl
from telegram_user import ScriptedUser
from telegram_world import World

PART = 512 * 1024
functions: Any = raw.functions


@dataclass
class Bot:
    """A bot that is logged in, without a network: it makes raw calls."""

    world: World
    faults: Faults
    calls: Calls
    session: Session
    random_id: int = 0

    async def call(self, query: Any) -> Any:
        return await self.calls.answer(self.session, query)

    async def refusal(self, query: Any) -> str:
        with pytest.raises(RpcFault) as refused:
            await self.call(query)
        return refused.value.message

    def message(self, user: ScriptedUser, text: str, **more: Any) -> Any:
        self.random_id += 1
        return functions.messages.SendMessage(peer=peer(user), message=text, random_id=self.random_id, **more)

    def document(self, user: ScriptedUser, file: Any, caption: str = "") -> Any:
        self.random_id += 1
        media = raw.types.InputMediaUploadedDocument(file=file, mime_type="text/plain", attributes=[])
        return functions.messages.SendMedia(peer=peer(user), media=media, message=caption, random_id=self.random_id)


def peer(user: ScriptedUser) -> Any:
    return raw.types.InputPeerUser(user_id=user.id, access_hash=user.access_hash)


async def keyboard(*data: bytes) -> Any:
    buttons = [InlineKeyboardButton(f"button {number}", callback_data=one) for number, one in enumerate(data)]
    client: Any = None
    return await InlineKeyboardMarkup([buttons]).write(client)


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    world, faults = World(tmp_path), Faults()
    session = Session(AuthKey(bytes(256)), bytes(8))
    session.key.authorized = True
    return Bot(world, faults, Calls(world, Account(), faults, 1), session)


@pytest.fixture
def anna(bot: Bot) -> ScriptedUser:
    return bot.world.user("Анна", id=1001)


async def test_texts_are_measured_in_utf16_units(bot: Bot, anna: ScriptedUser) -> None:
    await bot.call(bot.message(anna, "\U0001f600" * 2048))
    assert await bot.refusal(bot.message(anna, "\U0001f600" * 2048 + "!")) == "MESSAGE_TOO_LONG"
    assert await bot.refusal(bot.message(anna, " \n")) == "MESSAGE_EMPTY"


@pytest.mark.parametrize(("offset", "length"), [(0, 4), (-1, 1), (3, 1)])
async def test_entities_lie_within_their_text(bot: Bot, anna: ScriptedUser, offset: int, length: int) -> None:
    entities = [raw.types.MessageEntityBold(offset=offset, length=length)]
    assert await bot.refusal(bot.message(anna, "\U0001f600!", entities=entities)) == "ENTITY_BOUNDS_INVALID"
    await bot.call(bot.message(anna, "\U0001f600!", entities=[raw.types.MessageEntityBold(offset=0, length=3)]))


async def test_whitespace_around_a_text_is_taken_away_and_entities_move(bot: Bot, anna: ScriptedUser) -> None:
    entities = [raw.types.MessageEntityBold(offset=0, length=6), raw.types.MessageEntityCode(offset=6, length=1)]
    sent = await bot.call(bot.message(anna, "\n text ", entities=entities))
    kept = [(entity.offset, entity.length) for entity in anna.chat.live[0].entities]
    assert (anna.chat.live[0].text, kept) == ("text", [(0, 4)])
    edit = functions.messages.EditMessage(peer=peer(anna), id=sent.id, message="text ", entities=[])
    await bot.call(edit)
    assert await bot.refusal(edit) == "MESSAGE_NOT_MODIFIED"


async def test_a_message_is_sent_once_for_a_random_id(bot: Bot, anna: ScriptedUser) -> None:
    query = bot.message(anna, "once")
    await bot.call(query)
    assert await bot.refusal(query) == "RANDOM_ID_DUPLICATE"
    assert [message.text for message in anna.chat.live] == ["once"]


@pytest.mark.parametrize(("data", "error"), [(b"", "BUTTON_DATA_INVALID"), (b"x" * 65, "BUTTON_DATA_INVALID")])
async def test_callback_data_has_one_to_64_bytes(bot: Bot, anna: ScriptedUser, data: bytes, error: str) -> None:
    assert await bot.refusal(bot.message(anna, "choose", reply_markup=await keyboard(data))) == error
    await bot.call(bot.message(anna, "choose", reply_markup=await keyboard(b"x" * 64)))
    assert anna.chat.live[0].all_buttons[0].data == b"x" * 64


async def test_an_edit_changes_something(bot: Bot, anna: ScriptedUser) -> None:
    sent = await bot.call(bot.message(anna, "one", reply_markup=await keyboard(b"a")))

    def edit(**fields: Any) -> Any:
        return functions.messages.EditMessage(peer=peer(anna), id=sent.id, **fields)

    assert await bot.refusal(edit(message="one", reply_markup=await keyboard(b"a"))) == "MESSAGE_NOT_MODIFIED"
    await bot.call(edit(message="one"))
    assert not anna.chat.live[0].buttons
    await bot.call(edit(reply_markup=await keyboard(b"b")))
    assert anna.chat.live[0].text == "one"
    await bot.call(functions.messages.DeleteMessages(id=[sent.id], revoke=True))
    assert await bot.refusal(edit(message="two")) == "MESSAGE_ID_INVALID"


async def test_messages_of_others_are_not_edited(bot: Bot, anna: ScriptedUser) -> None:
    boris = bot.world.user("Борис", id=1002)
    his = await boris.send("mine")
    hers = await bot.call(bot.message(anna, "hers"))
    edit = functions.messages.EditMessage
    assert await bot.refusal(edit(peer=peer(boris), id=his.id, message="x")) == "MESSAGE_AUTHOR_REQUIRED"
    assert await bot.refusal(edit(peer=peer(boris), id=hers.id, message="x")) == "MESSAGE_ID_INVALID"


async def test_message_ids_are_one_sequence_and_deleted_messages_are_empty(bot: Bot, anna: ScriptedUser) -> None:
    boris = bot.world.user("Борис", id=1002)
    first = await anna.send("one")
    second = await bot.call(bot.message(boris, "two"))
    assert (first.id, second.id) == (1, 2)
    bot.world.delete([first.id])
    wanted = [(raw.types.InputMessageID.ID | one << 32) for one in (1, 2, 3)]
    found = await bot.call(functions.messages.GetMessages(id=wanted))
    assert [name_of(message) for message in found.messages] == ["MessageEmpty", "Message", "MessageEmpty"]
    assert [message.id for message in found.messages] == [1, 2, 3]


async def test_a_query_is_answered_once_and_in_time(bot: Bot, anna: ScriptedUser) -> None:
    ids: list[int] = []
    bot.world.deliver_query = lambda query_id, *_: ids.append(query_id)
    await bot.call(bot.message(anna, "choose", reply_markup=await keyboard(b"a")))
    answer = functions.messages.SetBotCallbackAnswer
    pressing = asyncio.ensure_future(anna.press("button"))
    await asyncio.sleep(0)
    await bot.call(answer(query_id=ids[0], cache_time=0, message="done", alert=True))
    assert ((await pressing).text, (await pressing).alert) == ("done", True)
    assert await bot.refusal(answer(query_id=ids[0], cache_time=0)) == "QUERY_ID_INVALID"
    bot.world.callback_lifetime_seconds = 0.0
    pressing = asyncio.ensure_future(anna.press("button", timeout=0.05))
    await asyncio.sleep(0)
    assert await bot.refusal(answer(query_id=ids[1], cache_time=0)) == "QUERY_ID_INVALID"
    with pytest.raises(AssertionError, match="not answered"):
        await pressing


async def test_files_arrive_in_all_their_parts(bot: Bot, anna: ScriptedUser) -> None:
    save = functions.upload.SaveFilePart
    declared = raw.types.InputFile(id=7, parts=2, name="a.txt", md5_checksum="")
    assert await bot.refusal(bot.document(anna, declared)) == "FILE_PARTS_INVALID"
    await bot.call(save(file_id=7, file_part=1, bytes=b"rest"))
    assert await bot.refusal(bot.document(anna, declared)) == "FILE_PART_0_MISSING"
    await bot.call(save(file_id=7, file_part=0, bytes=b"x" * (PART - 1)))
    assert await bot.refusal(bot.document(anna, declared)) == "FILE_PART_SIZE_INVALID"
    await bot.call(save(file_id=7, file_part=0, bytes=b"x" * PART))
    assert await bot.refusal(bot.document(anna, declared, "c" * 1025)) == "MEDIA_CAPTION_TOO_LONG"
    wrong = raw.types.InputFile(id=7, parts=2, name="a.txt", md5_checksum="0" * 32)
    assert await bot.refusal(bot.document(anna, wrong)) == "MD5_CHECKSUM_INVALID"
    assert (await bot.refusal(save(file_id=8, file_part=0, bytes=b"x" * (PART + 1)))) == "FILE_PART_TOO_BIG"
    await bot.call(bot.document(anna, declared, "c" * 1024))
    assert await anna.downloads(anna.chat.live[0]) == b"x" * PART + b"rest"


async def test_a_2_gb_file_is_served_from_disk(bot: Bot, anna: ScriptedUser, tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    with path.open("wb") as sparse:
        sparse.truncate(2 * 2**30)
    message = await anna.send_file(path, kind="audio")
    assert message.file is not None
    location = raw.types.InputDocumentFileLocation(
        id=message.file.id,
        access_hash=message.file.access_hash,
        file_reference=message.file.reference,
        thumb_size="",
    )
    get = functions.upload.GetFile
    last = await bot.call(get(location=location, offset=2 * 2**30 - 2**20, limit=2**20))
    assert last.bytes == bytes(2**20)
    assert await bot.refusal(get(location=location, offset=1, limit=2**20)) == "OFFSET_INVALID"
    assert await bot.refusal(get(location=location, offset=0, limit=2**21)) == "LIMIT_INVALID"


async def test_nobody_is_written_to_who_blocked_the_bot_or_never_came(bot: Bot, anna: ScriptedUser) -> None:
    anna.blocked = True
    assert await bot.refusal(bot.message(anna, "hello")) == "USER_IS_BLOCKED"
    anna.id = 404
    assert await bot.refusal(bot.message(anna, "hello")) == "PEER_ID_INVALID"


async def test_a_session_logs_in_with_the_right_account(bot: Bot) -> None:
    bot.session.key.authorized = False
    account = Account()

    def log_in(**fields: Any) -> Any:
        right = {"api_id": account.api_id, "api_hash": account.api_hash, "bot_auth_token": account.token}
        return functions.auth.ImportBotAuthorization(flags=0, **right | fields)

    assert await bot.refusal(functions.updates.GetState()) == "AUTH_KEY_UNREGISTERED"
    assert await bot.refusal(log_in(api_id=1)) == "API_ID_INVALID"
    assert await bot.refusal(log_in(bot_auth_token="other")) == "ACCESS_TOKEN_INVALID"  # noqa: S106
    await bot.call(log_in())
    await bot.call(functions.updates.GetState())


async def test_the_difference_has_what_happened_since(bot: Bot, anna: ScriptedUser) -> None:
    before = (await bot.call(functions.updates.GetState())).pts
    await anna.send("one")
    sent = await bot.call(bot.message(anna, "two"))
    gone = await anna.send("three")
    await bot.call(functions.messages.EditMessage(peer=peer(anna), id=sent.id, message="two and a half"))
    await bot.call(functions.messages.DeleteMessages(id=[gone.id]))
    difference = functions.updates.GetDifference
    found = await bot.call(difference(pts=before, date=0, qts=0))
    assert [message.message for message in found.new_messages] == ["one", "two and a half"]
    assert [name_of(update) for update in found.other_updates] == ["UpdateEditMessage", "UpdateDeleteMessages"]
    assert found.state.pts == bot.world.pts == before + 5
    assert is_a(await bot.call(difference(pts=found.state.pts, date=0, qts=0)), "updates.DifferenceEmpty")


async def test_a_long_difference_comes_in_slices(bot: Bot, anna: ScriptedUser) -> None:
    for number in range(150):
        await anna.send(str(number))
    difference = functions.updates.GetDifference
    first = await bot.call(difference(pts=1, date=0, qts=0))
    assert is_a(first, "updates.DifferenceSlice")
    rest = await bot.call(difference(pts=first.intermediate_state.pts, date=0, qts=0))
    assert [message.message for message in first.new_messages + rest.new_messages] == [str(n) for n in range(150)]


async def test_faults_are_met_in_order_and_once(bot: Bot, anna: ScriptedUser) -> None:
    bot.faults.flood_wait("messages.SendMessage", 300, after=1)
    bot.faults.lose_reply("messages.SendMessage")
    await bot.call(bot.message(anna, "one"))
    assert await bot.refusal(bot.message(anna, "two")) == "FLOOD_WAIT_300"
    with pytest.raises(NoReply):
        await bot.call(bot.message(anna, "three"))
    await bot.call(bot.message(anna, "four"))
    assert [message.text for message in anna.chat.live] == ["one", "three", "four"]
    assert [kind for _, kind in bot.faults.met] == [Kind.ERROR, Kind.LOSE_REPLY]
    assert not bot.faults.pending


def test_a_network_loses_its_share_of_requests() -> None:
    network = Network()
    assert not any(network.loses() for _ in range(100))
    network.degrade(delay_seconds=1.0, loss=0.25)
    assert 200 < sum(network.loses() for _ in range(1000)) < 300


async def test_a_storyboard_shows_what_a_person_sees(bot: Bot, anna: ScriptedUser) -> None:
    await anna.send_file(None, kind="voice", claimed_size=1536, caption="подпись")
    sent = await bot.call(bot.message(anna, "Принято\nРаботаю", reply_markup=await keyboard(b"a", b"b")))
    await bot.call(functions.messages.EditMessage(peer=peer(anna), id=sent.id, message="Готово"))
    assert anna.chat.storyboard() == ("Анна: <voice (no name), 1.5 KiB>\n    подпись\nbot: Готово")
    assert anna.chat.storyboard(whole=True) == (
        "Анна: <voice (no name), 1.5 KiB>\n    подпись\n"
        "bot: Принято\n    Работаю\n    [button 0] [button 1]\n"
        "bot edits: Готово"
    )
    assert [event.kind for event in anna.chat.history] == [Happening.RECEIVED, Happening.SENT, Happening.EDITED]


def test_required_fields_are_filled_for_any_layer() -> None:
    full = tl("users.UserFull", full_user=tl("UserFull", id=1), users=[])
    assert raw.core.TLObject.read(BytesIO(full.write())).full_user.id == 1
