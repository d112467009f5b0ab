"""The world in Telegram's own types."""

import time
from typing import Any

from telegram_events import Happening, Message
from telegram_files import StoredFile
from telegram_tl import tl
from telegram_user import ScriptedUser
from telegram_world import Change, Query, World

DC_ID = 2


def bot(world: World) -> Any:
    return tl(
        "User",
        id=world.bot_id,
        is_self=True,
        bot=True,
        access_hash=world.bot_id,
        first_name=world.bot_name,
        username=world.bot_username,
        bot_info_version=1,
    )


def person(user: ScriptedUser) -> Any:
    return tl(
        "User",
        id=user.id,
        access_hash=user.access_hash,
        first_name=user.name,
        username=user.username or None,
        lang_code="ru",
    )


def people(world: World, *messages: Message) -> list[Any]:
    """The bot and everyone whose chats these messages are in."""
    users = {message.chat.user.id: message.chat.user for message in messages}
    return [bot(world), *(person(user) for user in users.values())]


def message(world: World, shown: Message) -> Any:
    if shown.deleted:
        return empty(shown.id)
    return tl(
        "Message",
        id=shown.id,
        peer_id=tl("PeerUser", user_id=shown.chat.user.id),
        from_id=tl("PeerUser", user_id=world.bot_id if shown.from_bot else shown.chat.user.id),
        out=shown.from_bot or None,
        date=shown.date,
        message=shown.text,
        entities=shown.entities,
        media=media(shown.file) if shown.file else None,
        reply_markup=shown.markup,
        reply_to=tl("MessageReplyHeader", reply_to_msg_id=shown.reply_to) if shown.reply_to else None,
        fwd_from=tl("MessageFwdHeader", date=shown.date, from_name=shown.forwarded_from)
        if shown.forwarded_from
        else None,
        edit_date=shown.edit_date,
        grouped_id=shown.grouped_id,
    )


def empty(message_id: int) -> Any:
    return tl("MessageEmpty", id=message_id)


def media(file: StoredFile) -> Any:
    if file.kind == "photo":
        return tl("MessageMediaPhoto", photo=photo(file))
    return tl(
        "MessageMediaDocument",
        document=document(file),
        voice=file.kind == "voice" or None,
        video=file.kind == "video" or None,
        round=file.kind == "video_note" or None,
    )


def document(file: StoredFile) -> Any:
    attributes = [tl("DocumentAttributeFilename", file_name=file.name)] if file.name else []
    if file.kind in {"voice", "audio"}:
        attributes.append(
            tl(
                "DocumentAttributeAudio",
                duration=file.duration,
                voice=file.kind == "voice" or None,
                title=file.title or None,
                performer=file.performer or None,
            )
        )
    elif file.kind in {"video", "video_note"}:
        attributes.append(
            tl(
                "DocumentAttributeVideo",
                duration=file.duration,
                w=320,
                h=320,
                round_message=file.kind == "video_note" or None,
            )
        )
    return tl(
        "Document",
        id=file.id,
        access_hash=file.access_hash,
        file_reference=file.reference,
        date=int(time.time()),
        mime_type=file.mime,
        size=file.size,
        dc_id=DC_ID,
        attributes=attributes,
    )


def photo(file: StoredFile) -> Any:
    return tl(
        "Photo",
        id=file.id,
        access_hash=file.access_hash,
        file_reference=file.reference,
        date=int(time.time()),
        dc_id=DC_ID,
        sizes=[tl("PhotoSize", type="x", w=320, h=320, size=file.size)],
    )


def update(world: World, change: Change) -> Any:
    """One entry of the update log, as it looks now."""
    if change.kind is Happening.DELETED:
        return tl("UpdateDeleteMessages", messages=list(change.ids), pts=change.pts, pts_count=len(change.ids))
    name = "UpdateNewMessage" if change.kind is Happening.SENT else "UpdateEditMessage"
    return tl(name, message=message(world, world.messages[change.ids[0]]), pts=change.pts, pts_count=1)


def callback_query(query_id: int, query: Query, data: bytes) -> Any:
    user = query.chat.user
    return tl(
        "UpdateBotCallbackQuery",
        query_id=query_id,
        user_id=user.id,
        peer=tl("PeerUser", user_id=user.id),
        msg_id=query.message.id,
        chat_instance=user.id,
        data=data,
    )


def updates(world: World, changes: list[Any], *messages: Message) -> Any:
    return tl("Updates", updates=changes, users=people(world, *messages), date=int(time.time()))


def state(world: World) -> Any:
    return tl("updates.State", pts=world.pts, date=int(time.time()))
