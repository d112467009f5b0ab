"""Messages and presses of people, read from Telegram's own objects (https://core.telegram.org/schema)."""

import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyrogram import raw, utils

import texts.telegram_recordings
from constants import TIME_IN_NAME
from datamodels_telegram import (
    AttachedFile,
    ButtonPress,
    ChatId,
    FileKind,
    IncomingMessage,
    MessageId,
    OtherMedia,
    TelegramPerson,
)
from text_cleaning import one_line, storable

_EXTENSIONS = {
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/m4a": ".m4a",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".webm",
    "image/jpeg": ".jpg",
    "audio/x-m4a": ".m4a",
    "audio/x-wav": ".wav",
    "video/mp4": ".mp4",
}
"""Suffixes of the media types for which the system's own table differs from machine to machine."""
_OTHER_MEDIA = {
    raw.types.MessageMediaPhoto: OtherMedia.PHOTO,
    raw.types.MessageMediaContact: OtherMedia.CONTACT,
    raw.types.MessageMediaGeo: OtherMedia.LOCATION,
    raw.types.MessageMediaGeoLive: OtherMedia.LOCATION,
    raw.types.MessageMediaVenue: OtherMedia.LOCATION,
}
_DEFAULT_EXTENSIONS = {FileKind.VOICE: ".ogg", FileKind.VIDEO_NOTE: ".mp4", FileKind.VIDEO: ".mp4"}


def incoming_message(message: Any, users: Mapping[int, Any]) -> IncomingMessage | None:
    """Return a person's message; None for the bot's own, for service messages, and when no person is the sender."""
    if not isinstance(message, raw.types.Message) or message.out:
        return None
    private = isinstance(message.peer_id, raw.types.PeerUser)
    sender = message.from_id or (message.peer_id if private else None)
    if not isinstance(sender, raw.types.PeerUser):
        return None
    return IncomingMessage(
        chat_id=chat_of(message),
        message_id=MessageId(message.id),
        person=_person(sender.user_id, users),
        text=storable(message.message),
        file=attached_file(message),
        other=other_media(message),
        picture=picture(message),
        private=private,
        album=message.grouped_id,
        origin=origin_of(message, users),
    )


def button_press(update: Any, users: Mapping[int, Any]) -> ButtonPress:
    """Return the press in a ``raw.types.UpdateBotCallbackQuery``."""
    return ButtonPress(
        query_id=update.query_id,
        chat_id=ChatId(utils.get_peer_id(update.peer)),
        message_id=MessageId(update.msg_id),
        person=_person(update.user_id, users),
        data=(update.data or b"").decode(errors="replace"),
    )


def chat_of(message: Any) -> ChatId:
    """Return the Telegram chat of a ``raw.types.Message``."""
    return ChatId(utils.get_peer_id(message.peer_id))


def document_of(message: Any) -> Any:
    """Return the ``raw.types.Document`` of a message; None when it has none or no longer has one."""
    media = getattr(message, "media", None)
    document = media.document if isinstance(media, raw.types.MessageMediaDocument) else None
    return document if isinstance(document, raw.types.Document) else None


def file_name_of(document: Any) -> str:
    """Return the file name that the sender's program gave; empty for voice messages and the like."""
    names = (part.file_name for part in document.attributes if isinstance(part, raw.types.DocumentAttributeFilename))
    return storable(next(names, ""))


def attached_file(message: Any) -> AttachedFile | None:
    """Return the file of a message; None when it has none, or one without speech: a picture, sticker or animation."""
    document = document_of(message)
    if document is None:
        return None
    attributes = {type(part): part for part in document.attributes}
    if attributes.keys() & {raw.types.DocumentAttributeSticker, raw.types.DocumentAttributeAnimated}:
        return None
    video = attributes.get(raw.types.DocumentAttributeVideo)
    audio = attributes.get(raw.types.DocumentAttributeAudio)
    if video is not None:
        kind = FileKind.VIDEO_NOTE if video.round_message else FileKind.VIDEO
    elif audio is not None:
        kind = FileKind.VOICE if audio.voice else FileKind.AUDIO
    else:
        kind = FileKind.DOCUMENT
    timed, own = video or audio, file_name_of(document)
    return AttachedFile(
        kind=kind,
        file_name=own or made_up_name(kind, message.date, document.mime_type),
        named_at=None if own else message.date,
        mime_type=document.mime_type,
        size_bytes=document.size,
        duration_s=round(timed.duration) if timed is not None else None,
    )


def other_media(message: Any) -> OtherMedia | None:
    """Return what a message has that is no file with speech; None for such a file, and for text."""
    media = getattr(message, "media", None)
    if media is None or isinstance(media, raw.types.MessageMediaWebPage) or attached_file(message) is not None:
        return None
    document = document_of(message)
    if document is not None:
        sticker = any(isinstance(part, raw.types.DocumentAttributeSticker) for part in document.attributes)
        return OtherMedia.STICKER if sticker else OtherMedia.OTHER
    return _OTHER_MEDIA.get(type(media), OtherMedia.OTHER)


def photo_of(message: Any) -> Any:
    """Return the ``raw.types.Photo`` of a message; None when it has none or no longer has one."""
    media = getattr(message, "media", None)
    photo = media.photo if isinstance(media, raw.types.MessageMediaPhoto) else None
    return photo if isinstance(photo, raw.types.Photo) and largest_size(photo) is not None else None


def largest_size(photo: Any) -> tuple[str, int] | None:
    """Return the type and the bytes of the largest form of a ``raw.types.Photo``; None when there is none to fetch."""
    sizes = [
        (each.type, max(each.sizes) if isinstance(each, raw.types.PhotoSizeProgressive) else each.size)
        for each in photo.sizes
        if isinstance(each, raw.types.PhotoSize | raw.types.PhotoSizeProgressive)
    ]
    return max(sizes, key=lambda each: each[1], default=None)


def picture(message: Any) -> AttachedFile | None:
    """Return the picture of a message that was sent as one, in its largest form."""
    photo = photo_of(message)
    largest = None if photo is None else largest_size(photo)
    if largest is None:
        return None
    name = made_up_name(FileKind.PHOTO, message.date, "image/jpeg")
    return AttachedFile(kind=FileKind.PHOTO, file_name=name, mime_type="image/jpeg", size_bytes=largest[1])


def made_up_name(kind: FileKind, sent_at: int, mime_type: str) -> str:
    """Make a file name such as ``voice_2026-11-21_14-03.ogg``. ``sent_at`` is Unix time; the name shows UTC."""
    mime_type = mime_type.partition(";")[0].strip().lower()
    extension = _EXTENSIONS.get(mime_type) or mimetypes.guess_extension(mime_type) or _DEFAULT_EXTENSIONS.get(kind, "")
    return f"{kind}_{datetime.fromtimestamp(sent_at, UTC):{TIME_IN_NAME}}{extension}"


def origin_of(message: Any, users: Mapping[int, Any]) -> str:
    """Return who wrote a forwarded message first; "" for one that was not forwarded.

    Telegram gives the name alone of people who hide their account, and nothing of most groups and channels.
    """
    forwarded = message.fwd_from
    if forwarded is None:
        return ""
    author = users.get(forwarded.from_id.user_id) if isinstance(forwarded.from_id, raw.types.PeerUser) else None
    named = _name_of(author) or one_line(storable(forwarded.from_name or forwarded.post_author or ""))
    return named or texts.telegram_recordings.ORIGIN_HIDDEN


def _person(user_id: int, users: Mapping[int, Any]) -> TelegramPerson:
    return TelegramPerson(id=user_id, name=_name_of(users.get(user_id)))


def _name_of(user: Any) -> str:
    names = (getattr(user, "first_name", None), getattr(user, "last_name", None))
    name = " ".join(part for part in names if part)
    # Names are shown in sentences: line breaks and signs that turn the direction would change what these say.
    return one_line(storable(name or getattr(user, "username", None) or ""))
