"""Calls about messages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import telegram_judge as judge
import telegram_views as views
from telegram_chats import Chat
from telegram_events import Happening, Message
from telegram_files import StoredFile, Uploads
from telegram_tl import RpcFault, input_message_ids, is_a, tl
from telegram_world import World


class MessageCalls:
    """Answers the calls of ``messages``."""

    def __init__(self, world: World, uploads: Uploads) -> None:
        self._world = world
        self._uploads = uploads
        self.handlers: Mapping[str, Callable[[Any], Any]] = {
            "messages.SendMessage": self._send_message,
            "messages.SendMedia": self._send_media,
            "messages.SendMultiMedia": self._send_album,
            "messages.UploadMedia": self._upload_media,
            "messages.EditMessage": self._edit,
            "messages.DeleteMessages": self._delete,
            "messages.GetMessages": self._get,
            "messages.SetTyping": self._typing,
            "messages.SetBotCallbackAnswer": self._answer_callback,
        }

    def _send_message(self, query: Any) -> Any:
        chat = self._chat(query.peer)
        judge.check_text(query.message, query.entities)
        message = self._post(chat, query, query.random_id)
        return tl(
            "UpdateShortSentMessage",
            out=True,
            id=message.id,
            pts=self._world.pts,
            pts_count=1,
            date=message.date,
            entities=message.entities,
        )

    def _send_media(self, query: Any) -> Any:
        chat = self._chat(query.peer)
        judge.check_caption(query.message, query.entities)
        self._check_random_id(query.random_id)
        message = self._post(chat, query, query.random_id, file=self._file(query.media))
        return views.updates(self._world, self._sent(message, query.random_id), message)

    def _send_album(self, query: Any) -> Any:
        chat = self._chat(query.peer)
        if not 2 <= len(query.multi_media) <= judge.LARGEST_ALBUM:
            raise RpcFault(400, "MULTI_MEDIA_TOO_LONG" if query.multi_media else "MEDIA_EMPTY")
        for one in query.multi_media:
            judge.check_caption(one.message, one.entities)
            self._check_random_id(one.random_id)
        grouped_id = query.multi_media[0].random_id & (1 << 62) - 1
        changes: list[Any] = []
        message: Message | None = None
        for one in query.multi_media:
            message = self._post(chat, one, one.random_id, file=self._file(one.media), grouped_id=grouped_id)
            changes += self._sent(message, one.random_id)
        assert message is not None
        return views.updates(self._world, changes, message)

    def _upload_media(self, query: Any) -> Any:
        self._chat(query.peer)
        return views.media(self._file(query.media))

    def _edit(self, query: Any) -> Any:
        chat = self._chat(query.peer)
        message = self._world.messages.get(query.id)
        if message is None or message.deleted or message.chat is not chat:
            raise RpcFault(400, "MESSAGE_ID_INVALID")
        if not message.from_bot:
            raise RpcFault(403, "MESSAGE_AUTHOR_REQUIRED")
        # Without a text only the buttons change; without buttons they are taken away.
        new: dict[str, Any] = {"text": message.text, "entities": message.entities}
        if query.message is not None:
            judge.check_entities(query.message, query.entities)
            new["text"], new["entities"] = judge.trimmed(query.message, query.entities)
        new["file"] = self._file(query.media) if query.media else message.file
        check = judge.check_caption if new["file"] else judge.check_text
        check(new["text"], new["entities"])
        new |= _keyboard(query)
        if _look(new) == _look(vars(message)):
            raise RpcFault(400, "MESSAGE_NOT_MODIFIED")
        change = self._world.edit(message, **new)
        return views.updates(self._world, [views.update(self._world, change)], message)

    def _delete(self, query: Any) -> Any:
        count = self._world.delete(list(query.id))
        return tl("messages.AffectedMessages", pts=self._world.pts, pts_count=count)

    def _get(self, query: Any) -> Any:
        found: list[Any] = []
        shown: list[Message] = []
        for kind, message_id in input_message_ids(query.id):
            message = self._world.messages.get(message_id)
            if message is not None and kind == "InputMessageReplyTo":
                message = self._world.messages.get(message.reply_to or 0)
            if message is None:
                found.append(views.empty(message_id))
            else:
                found.append(views.message(self._world, message))
                shown.append(message)
        return tl("messages.Messages", messages=found, users=views.people(self._world, *shown))

    def _typing(self, query: Any) -> bool:
        self._chat(query.peer).record(Happening.TYPING)
        return True

    def _answer_callback(self, query: Any) -> bool:
        judge.check_callback_answer(query.message or "")
        self._world.answer(query.query_id, query.message or "", alert=bool(query.alert))
        return True

    def _chat(self, peer: Any) -> Chat:
        return self._world.chat_of(getattr(peer, "user_id", 0))

    def _check_random_id(self, random_id: int) -> None:
        if random_id in self._world.random_ids:
            raise RpcFault(500, "RANDOM_ID_DUPLICATE")

    def _post(self, chat: Chat, query: Any, random_id: int, **more: Any) -> Message:
        self._check_random_id(random_id)
        keyboard = _keyboard(query)
        text, entities = judge.trimmed(query.message, query.entities)
        message = self._world.post(
            chat,
            from_bot=True,
            text=text,
            entities=entities,
            reply_to=_reply_to(query),
            **keyboard,
            **more,
        )
        self._world.random_ids[random_id] = message.id
        return message

    def _sent(self, message: Message, random_id: int) -> list[Any]:
        return [
            tl("UpdateMessageID", id=message.id, random_id=random_id),
            tl(
                "UpdateNewMessage",
                message=views.message(self._world, message),
                pts=self._world.pts,
                pts_count=1,
            ),
        ]

    def _file(self, media: Any) -> StoredFile:
        if is_a(media, "InputMediaDocument", "InputMediaPhoto"):
            file = self._world.files.get(media.id.id)
            if file is None:
                raise RpcFault(400, "MEDIA_INVALID")
            if file.reference != media.id.file_reference:
                raise RpcFault(400, "FILE_REFERENCE_EXPIRED")
            return file
        if not is_a(media, "InputMediaUploadedDocument", "InputMediaUploadedPhoto"):
            raise RpcFault(400, "MEDIA_INVALID")
        path = self._uploads.finish(media.file)
        return self._world.add_file(_uploaded(media, path))


def _uploaded(media: Any, path: Path) -> StoredFile:
    if is_a(media, "InputMediaUploadedPhoto"):
        return StoredFile("photo", "", "image/jpeg", path.stat().st_size, path)
    file = StoredFile("document", media.file.name, media.mime_type, path.stat().st_size, path)
    for attribute in media.attributes:
        if is_a(attribute, "DocumentAttributeFilename"):
            file.name = attribute.file_name
        elif is_a(attribute, "DocumentAttributeAudio"):
            file.kind = "voice" if attribute.voice else "audio"
            file.duration, file.title = attribute.duration, attribute.title or ""
            file.performer = attribute.performer or ""
        elif is_a(attribute, "DocumentAttributeVideo"):
            file.kind = "video_note" if attribute.round_message else "video"
    return file


def _keyboard(query: Any) -> dict[str, Any]:
    markup = getattr(query, "reply_markup", None)
    buttons = judge.read_buttons(markup)
    return {"markup": markup if buttons else None, "buttons": buttons}


def _look(content: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a person sees of a message: two edits with the same look change nothing."""
    return (
        content["text"],
        [entity.write() for entity in content["entities"]],
        content["buttons"],
        content["file"],
    )


def _reply_to(query: Any) -> int | None:
    old_layers = getattr(query, "reply_to_msg_id", None)
    reply_to = getattr(query, "reply_to", None)
    number: int | None = getattr(reply_to, "reply_to_msg_id", None) or old_layers
    return number
