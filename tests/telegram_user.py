"""A person who writes to the bot, presses its buttons and looks at what it answers."""

import asyncio
import mimetypes
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telegram_events import Button, Message
from telegram_files import StoredFile

if TYPE_CHECKING:
    from telegram_chats import Chat
    from telegram_world import World

PATIENCE_SECONDS = 30.0
VOICE_MIME = "audio/ogg"
VIDEO_MIME = "video/mp4"
NAMELESS = ("voice", "video_note", "photo")
"""Kinds of files that Telegram keeps no name for."""


@dataclass(frozen=True)
class Answer:
    """What came after a press. ``text`` is empty when the bot only acknowledged it."""

    text: str
    alert: bool
    seconds: float


@dataclass(frozen=True)
class AlbumFile:
    """One file of an album."""

    path: Path
    kind: str = "audio"
    file_name: str = ""
    caption: str = ""


class ScriptedUser:
    """A person with a private chat with the bot. Made by ``World.user``."""

    chat: "Chat"

    def __init__(self, world: "World", name: str, id: int, username: str) -> None:  # noqa: A002
        self.world = world
        self.name = name
        self.id = id
        self.username = username
        self.access_hash = secrets.randbits(62)
        self.blocked = False
        """Whether this person has blocked the bot."""

    async def send(self, text: str, *, reply_to: Message | None = None) -> Message:
        return self.world.post(
            self.chat, from_bot=False, text=text, entities=[], reply_to=reply_to.id if reply_to else None
        )

    async def send_file(
        self,
        path: Path | None,
        *,
        kind: str = "document",
        file_name: str = "",
        mime: str = "",
        caption: str = "",
        duration: int = 0,
        claimed_size: int | None = None,
        forwarded_from: str = "",
        refusal: str = "",
        grouped_id: int | None = None,
    ) -> Message:
        """Send a file as voice, audio, document, video, video_note or photo.

        ``claimed_size`` (bytes) is what Telegram says whatever is there; without a path there is nothing.
        ``refusal`` is how a download of deleted content ends: FILE_ID_INVALID or FILE_REFERENCE_INVALID.
        """
        name = "" if kind in NAMELESS else file_name or (path.name if path else "")
        actual_size = (await asyncio.to_thread(path.stat)).st_size if path else 0
        file = StoredFile(
            kind=kind,
            name=name,
            mime=mime or _mime(kind, name),
            size=actual_size if claimed_size is None else claimed_size,
            path=path,
            duration=duration,
            refusal=refusal,
        )
        return self.world.post(
            self.chat,
            from_bot=False,
            text=caption,
            file=self.world.add_file(file),
            forwarded_from=forwarded_from,
            grouped_id=grouped_id,
        )

    async def send_album(self, *files: AlbumFile) -> list[Message]:
        grouped_id = secrets.randbits(62)
        return [
            await self.send_file(
                file.path, kind=file.kind, file_name=file.file_name, caption=file.caption, grouped_id=grouped_id
            )
            for file in files
        ]

    async def press(
        self,
        button: str,
        *,
        message: Message | None = None,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
    ) -> Answer:
        """Press the button with this text or part of it, on the newest live message that has one.

        Waits for the button to appear, then for the answer. Raises AssertionError when either does not come.
        """
        found = await self.chat.until(lambda: self._find(button, message), timeout, f"button {button!r}")
        return await self._press(found[0], found[1].data or b"", found[1].text, timeout)

    async def press_data(self, message_id: int, data: bytes, *, timeout: float = PATIENCE_SECONDS) -> Answer:  # noqa: ASYNC109
        """Send forged or outdated callback data for a message, deleted ones and other people's included."""
        message = self.world.messages.get(message_id) or Message(message_id, self.chat, True, 0)
        return await self._press(message, data, f"data of {len(data)} bytes", timeout)

    async def sees(self, part: str, *, after: Message | None = None, timeout: float = PATIENCE_SECONDS) -> Message:  # noqa: ASYNC109
        """Wait for a live message of the bot with this in its text, file name or buttons; returns the newest.

        With ``after`` only messages that came later than that one count.
        """
        return await self.chat.until(
            lambda: next(
                (
                    message
                    for message in reversed(self.chat.from_bot)
                    if message.contains(part) and (after is None or message.id > after.id)
                ),
                None,
            ),
            timeout,
            f"{part!r}",
        )

    async def sees_no_more(self, message: Message, *, timeout: float = PATIENCE_SECONDS) -> None:  # noqa: ASYNC109
        """Wait until a message is deleted."""
        await self.chat.until(lambda: message.deleted, timeout, f"deletion of {message.text!r}")

    async def downloads(self, message: Message) -> bytes:
        """Read the file of a message as this person would get it."""
        assert message.file is not None, f"no file in {message.text!r}"
        return await asyncio.to_thread(message.file.content)

    def _find(self, text: str, message: Message | None) -> tuple[Message, Button] | None:
        candidates = [message] if message else list(reversed(self.chat.from_bot))
        for candidate in candidates:
            buttons = [button for button in candidate.all_buttons if text in button.text and button.data is not None]
            if buttons:
                return candidate, next((button for button in buttons if button.text == text), buttons[0])
        return None

    async def _press(self, message: Message, data: bytes, label: str, timeout: float) -> Answer:  # noqa: ASYNC109
        pressed, answer = self.world.press(self, message, data, label)
        try:
            event = await asyncio.wait_for(answer, timeout)
        except TimeoutError:
            raise AssertionError(
                f"pressing [{label}] was not answered within {timeout} s:\n{self.chat.storyboard()}"
            ) from None
        return Answer(event.text, event.alert, event.at - pressed.at)


def _mime(kind: str, name: str) -> str:
    if kind == "voice":
        return VOICE_MIME
    if kind == "video_note":
        return VIDEO_MIME
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
