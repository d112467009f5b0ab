"""The pure parts of the adapter to Telegram: objects of the library in, our values out."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrogram import enums, raw
from pyrogram.errors import FloodWait, InternalServerError, PeerIdInvalid, Unauthorized
from pyrogram.errors.rpc_error import RPCError

from datamodels_telegram import Button, ChatId, FileKind, OtherMedia
from errors import BadSettings
from messenger import ChatClosed, MessengerError, MessengerRefusedSecrets, MessengerUnavailable
from telegram_client.errors import telegram_errors_mapped
from telegram_client.messages import SendingLimits, inline_keyboard
from telegram_client.session import BotClient, new_client, proxy_settings
from telegram_client.updates import attached_file, button_press, incoming_message, made_up_name

SENT_AT = 1_795_269_780
"""2026-11-21 14:03 UTC."""
CALL = "messages.SendMessage"


def message(*, peer: Any = None, media: Any = None, **fields: Any) -> Any:
    return raw.types.Message(
        id=7, peer_id=peer or raw.types.PeerUser(user_id=5), date=SENT_AT, message="текст", media=media, **fields
    )


def document(*attributes: Any, mime_type: str = "audio/ogg") -> Any:
    return raw.types.MessageMediaDocument(
        document=raw.types.Document(
            id=1,
            access_hash=2,
            file_reference=b"",
            date=SENT_AT,
            mime_type=mime_type,
            size=99,
            dc_id=2,
            attributes=list(attributes),
        )
    )


def person(first: str | None = None, last: str | None = None, username: str | None = None) -> dict[int, Any]:
    return {5: raw.types.User(id=5, first_name=first, last_name=last, username=username)}


NAMED = raw.types.DocumentAttributeFilename(file_name="Встреча.wav")
VOICE = raw.types.DocumentAttributeAudio(duration=12, voice=True)
AUDIO = raw.types.DocumentAttributeAudio(duration=12)
VIDEO = raw.types.DocumentAttributeVideo(duration=12, w=1, h=1)
ROUND = raw.types.DocumentAttributeVideo(duration=12, w=1, h=1, round_message=True)


@pytest.mark.parametrize(
    ("attributes", "mime_type", "kind", "name", "duration"),
    [
        ([VOICE], "audio/ogg", FileKind.VOICE, "voice_2026-11-21_14-03.ogg", 12),
        ([ROUND], "video/mp4", FileKind.VIDEO_NOTE, "video_note_2026-11-21_14-03.mp4", 12),
        ([AUDIO], "audio/mpeg", FileKind.AUDIO, "audio_2026-11-21_14-03.mp3", 12),
        ([AUDIO, NAMED], "audio/mpeg", FileKind.AUDIO, "Встреча.wav", 12),
        ([VIDEO, NAMED], "video/quicktime", FileKind.VIDEO, "Встреча.wav", 12),
        ([NAMED], "audio/wav", FileKind.DOCUMENT, "Встреча.wav", None),
        ([], "application/x-nothing-known", FileKind.DOCUMENT, "document_2026-11-21_14-03", None),
    ],
)
def test_a_file_is_told_by_its_attributes(
    attributes: list[Any], mime_type: str, kind: FileKind, name: str, duration: int | None
) -> None:
    file = attached_file(message(media=document(*attributes, mime_type=mime_type)))
    assert file is not None
    assert (file.kind, file.file_name, file.mime_type, file.size_bytes, file.duration_s) == (
        kind,
        name,
        mime_type,
        99,
        duration,
    )


@pytest.mark.parametrize(
    ("media", "other"),
    [
        (None, None),
        (raw.types.MessageMediaWebPage(webpage=raw.types.WebPageEmpty(id=1)), None),
        (raw.types.MessageMediaDocument(), OtherMedia.OTHER),
        (raw.types.MessageMediaDocument(document=raw.types.DocumentEmpty(id=1)), OtherMedia.OTHER),
        (raw.types.MessageMediaPhoto(), OtherMedia.PHOTO),
        (raw.types.MessageMediaGeo(geo=raw.types.GeoPointEmpty()), OtherMedia.LOCATION),
        (
            raw.types.MessageMediaContact(phone_number="1", first_name="А", last_name="", vcard="", user_id=1),
            OtherMedia.CONTACT,
        ),
        (document(raw.types.DocumentAttributeAnimated(), VIDEO), OtherMedia.OTHER),
        (
            document(raw.types.DocumentAttributeSticker(alt="", stickerset=raw.types.InputStickerSetEmpty())),
            OtherMedia.STICKER,
        ),
    ],
)
def test_what_nobody_speaks_in_is_no_file(media: Any, other: OtherMedia | None) -> None:
    sent = message(media=media)
    assert attached_file(sent) is None
    incoming = incoming_message(sent, {})
    assert incoming is not None
    assert incoming.other is other


def test_a_file_with_speech_is_nothing_else() -> None:
    incoming = incoming_message(message(media=document(VOICE, mime_type="audio/ogg")), {})
    assert incoming is not None
    assert incoming.other is None


@given(st.sampled_from(FileKind), st.text(max_size=40))
def test_made_up_names_take_any_mime_type(kind: FileKind, mime_type: str) -> None:
    assert made_up_name(kind, SENT_AT, mime_type).startswith(f"{kind}_2026-11-21_14-03")


@pytest.mark.parametrize("mime_type", ["Audio/OGG; codecs=opus", "", "nonsense"])
def test_a_voice_message_is_ogg_whatever_its_type_looks_like(mime_type: str) -> None:
    assert made_up_name(FileKind.VOICE, SENT_AT, mime_type) == "voice_2026-11-21_14-03.ogg"


@pytest.mark.parametrize(
    ("users", "name"),
    [
        (person("Анна", "Петрова"), "Анна Петрова"),
        (person("Анна"), "Анна"),
        (person(username="anna"), "anna"),
        (person(), ""),
        ({5: raw.types.UserEmpty(id=5)}, ""),
        ({}, ""),
    ],
)
def test_people_are_named_as_far_as_telegram_tells(users: dict[int, Any], name: str) -> None:
    incoming = incoming_message(message(), users)
    assert incoming is not None
    assert (incoming.person.id, incoming.person.name) == (5, name)


def test_captions_and_file_names_come_without_what_the_database_does_not_store() -> None:
    named = raw.types.DocumentAttributeFilename(file_name="бе\0седа.ogg")
    sent = message(media=document(named, raw.types.DocumentAttributeAudio(duration=1)))
    sent.message = "17\0"
    incoming = incoming_message(sent, person("Анна"))
    assert incoming is not None
    assert incoming.file is not None
    assert (incoming.text, incoming.file.file_name) == ("17", "беседа.ogg")


def test_a_message_of_a_group_is_not_private() -> None:
    incoming = incoming_message(
        message(peer=raw.types.PeerChat(chat_id=9), from_id=raw.types.PeerUser(user_id=5)), person("Анна")
    )
    assert incoming is not None
    assert (incoming.chat_id, incoming.private, incoming.person.id) == (-9, False, 5)


@pytest.mark.parametrize(
    "other",
    [
        message(out=True),
        message(peer=raw.types.PeerChannel(channel_id=9)),
        raw.types.MessageEmpty(id=7),
        raw.types.MessageService(
            id=7, peer_id=raw.types.PeerUser(user_id=5), date=SENT_AT, action=raw.types.MessageActionHistoryClear()
        ),
        None,
    ],
)
def test_what_no_person_wrote_is_left_out(other: Any) -> None:
    assert incoming_message(other, person("Анна")) is None


@pytest.mark.parametrize(("data", "text"), [(b"yes", "yes"), (b"\xff", "�"), (None, "")])
def test_callback_data_is_text_whatever_it_is(data: bytes | None, text: str) -> None:
    press = button_press(
        raw.types.UpdateBotCallbackQuery(
            query_id=3, user_id=5, peer=raw.types.PeerUser(user_id=5), msg_id=7, chat_instance=1, data=data
        ),
        person("Анна"),
    )
    assert (press.query_id, press.chat_id, press.message_id, press.person.name, press.data) == (3, 5, 7, "Анна", text)


def test_buttons_keep_their_rows() -> None:
    yes, no = Button(text="Да", data="yes"), Button(text="Нет", data="no")
    rows = inline_keyboard(((yes, no), (no,))).inline_keyboard
    assert [[(button.text, button.callback_data) for button in row] for row in rows] == [
        [("Да", "yes"), ("Нет", "no")],
        [("Нет", "no")],
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("socks5://127.0.0.1:1080", {"scheme": "socks5", "hostname": "127.0.0.1", "port": 1080}),
        (
            " socks5://bot:p%40ss%3A@proxy.example:1080\n",
            {"scheme": "socks5", "hostname": "proxy.example", "port": 1080, "username": "bot", "password": "p@ss:"},
        ),
        ("http://[::1]:3128", {"scheme": "http", "hostname": "::1", "port": 3128}),
    ],
)
def test_proxies_are_read_from_their_address(address: str, expected: dict[str, str | int]) -> None:
    assert proxy_settings(address) == expected


@pytest.mark.parametrize("link", ["tg://proxy?", "https://t.me/proxy?"])
def test_mtproxy_links_are_read_where_the_library_has_mtproxy(link: str) -> None:
    address = f"{link}server=proxy.example&port=443&secret=dd00112233445566778899aabbccddeeff"
    if not hasattr(enums, "ProxyScheme"):
        with pytest.raises(BadSettings):
            proxy_settings(address)
        return
    assert proxy_settings(address) == {
        "scheme": "mtproxy",
        "hostname": "proxy.example",
        "port": 443,
        "secret": "dd00112233445566778899aabbccddeeff",
    }


@pytest.mark.parametrize(
    "address",
    [
        "proxy.example:1080",
        "socks5://proxy.example",
        "socks5://:secret@:1080",
        "socks5://bot:secret@proxy.example:port",
        "ftp://proxy.example:21",
        "tg://proxy?server=proxy.example",
        "tg://proxy?server=proxy.example&port=secret&secret=secret",
        "socks5://[::1:secret",
        "",
    ],
)
def test_a_wrong_proxy_is_named_without_its_secret(address: str) -> None:
    with pytest.raises(BadSettings, match="TELEGRAM_PROXY") as caught:
        proxy_settings(address)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


class Unheard(RPCError):
    ID = None
    CODE = 400
    NAME = "Bad Request"


@pytest.mark.parametrize(
    ("foreign", "ours", "reason"),
    [
        (TimeoutError("Request timed out"), MessengerUnavailable, "TimeoutError Request timed out"),
        (ConnectionError(), MessengerUnavailable, "ConnectionError"),
        (InternalServerError("[500 NEW]"), MessengerUnavailable, "500 NEW"),
        (Unauthorized("[401 NEW]"), MessengerRefusedSecrets, "401 NEW"),
        (PeerIdInvalid(), ChatClosed, "PEER_ID_INVALID"),
        (FloodWait(3), MessengerError, "FLOOD_WAIT_X"),
        (Unheard("[400 NEW]"), MessengerError, "400 NEW"),
    ],
)
def test_errors_become_ours(foreign: Exception, ours: type[MessengerError], reason: str) -> None:
    with pytest.raises(ours, match=reason) as caught, telegram_errors_mapped(CALL, ChatId(5)):
        raise foreign
    assert type(caught.value) is ours
    assert caught.value.details["call"] == CALL
    assert caught.value.__cause__ is foreign


class Clock:
    """A loop's time that passes when the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


async def test_chats_that_nothing_was_sent_to_lately_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    for number in range(500):
        clock.now += 1
        await limits.wait(ChatId(number))
    assert len(limits) <= 21


async def test_a_burst_to_one_chat_is_held_back_and_other_chats_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    for _ in range(20):
        await limits.wait(ChatId(1))
        clock.now += 0.01
    waiting = asyncio.ensure_future(limits.wait(ChatId(1)))
    await limits.wait(ChatId(2))
    assert not waiting.done()
    waiting.cancel()


async def test_a_chat_in_which_telegram_demands_silence_rests_and_other_chats_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    limits.rest(ChatId(1), 300)
    waiting = asyncio.ensure_future(limits.wait(ChatId(1)))
    await limits.wait(ChatId(2))
    assert not waiting.done()
    clock.now += 301
    async with asyncio.timeout(5):
        await waiting


async def test_a_rest_that_is_made_longer_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    limits.rest(ChatId(1), 300)
    waiting = asyncio.ensure_future(limits.wait(ChatId(1)))
    await asyncio.sleep(0)
    limits.rest(ChatId(1), 600)
    clock.now += 301
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    clock.now += 300
    async with asyncio.timeout(5):
        await waiting


async def later(clock: Clock, seconds: float) -> None:
    await asyncio.sleep(0)  # who has come is in the queue before time passes
    clock.now += seconds
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_message_goes_before_an_edit_that_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    for _ in range(20):
        await limits.wait(ChatId(1))
    edit = asyncio.ensure_future(limits.wait(ChatId(1), may_wait=True))
    await later(clock, 0.5)
    message = asyncio.ensure_future(limits.wait(ChatId(1)))
    await later(clock, 0.6)
    assert (message.done(), edit.done()) == (True, False)
    await later(clock, 1.1)
    assert edit.done()


async def test_an_edit_that_may_wait_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, clock = SendingLimits(), Clock(monkeypatch)
    for _ in range(20):
        await limits.wait(ChatId(1))
    edit = asyncio.ensure_future(limits.wait(ChatId(1), may_wait=True))
    messages, seconds = [asyncio.ensure_future(limits.wait(ChatId(1)))], 0
    while not edit.done() and seconds < 30:
        messages.append(asyncio.ensure_future(limits.wait(ChatId(1))))
        await later(clock, 1.0)
        seconds += 1
    assert 10 <= seconds <= 13
    for message in messages:
        message.cancel()


async def test_updates_of_one_person_that_wait_hold_up_nobody_elses(tmp_path: Path) -> None:
    waiting, come = asyncio.Event(), asyncio.Event()

    async def on_update(update: Any, _: dict[int, Any]) -> None:
        if update.message.id < 100:
            await waiting.wait()
        else:
            come.set()

    client = new_client(
        "bot_1",
        tmp_path,
        token="1:secret",  # noqa: S106
        api_id=1,
        api_hash="0",
        proxy=None,
        transfers=1,
        on_update=on_update,
    )
    worker = asyncio.create_task(client.dispatcher.handler_worker(asyncio.Lock()))  # type: ignore[no-untyped-call]
    for number in range(101):
        sent = raw.types.MessageEmpty(id=number)
        update = raw.types.UpdateNewMessage(message=sent, pts=number, pts_count=1)
        client.dispatcher.updates_queue.put_nowait((update, {}, {}))
    async with asyncio.timeout(5):
        await come.wait()
    worker.cancel()
    waiting.set()


async def test_all_chats_together_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, _ = SendingLimits(), Clock(monkeypatch)
    waiting = [asyncio.ensure_future(limits.wait(ChatId(number))) for number in range(40)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert sum(future.done() for future in waiting) == 25
    for future in waiting:
        future.cancel()


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost() -> None:
    class Session:
        """Does what wait_for of Python 3.11 does when both come at once."""

        def __init__(self) -> None:
            self.is_started = asyncio.Event()
            self.is_started.set()
            self.asked = asyncio.Event()

        async def send(self, *_: object, **__: object) -> object:
            self.asked.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return raw.types.Pong(msg_id=1, ping_id=1)

    client: Any = BotClient.__new__(BotClient)
    client.session = session = Session()
    client.is_connected = True
    asking = asyncio.create_task(client.ask(raw.functions.Ping(ping_id=1)))
    await session.asked.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
