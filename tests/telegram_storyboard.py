"""Chats as readable text, for snapshots of what a person sees. No times and no ids: they differ in every run."""

from collections.abc import Iterable, Sequence

from telegram_events import Button, Event, Happening, Message
from telegram_files import StoredFile

BOT = "bot"
BYTES_PER_KIB = 1024


def current(user: str, messages: Iterable[Message]) -> str:
    """Render messages as they look now."""
    return "\n".join(
        _message(BOT if message.from_bot else user, message.text, message.file, message.buttons) for message in messages
    )


def everything(user: str, history: Iterable[Event]) -> str:
    """Render everything that happened, in order."""
    return "\n".join(_event(user, event) for event in history if event.kind is not Happening.TYPING)


def _event(user: str, event: Event) -> str:
    if event.kind is Happening.PRESSED:
        return f"{user} presses [{event.text}]"
    if event.kind is Happening.ANSWERED:
        return f"{BOT} answers{' with an alert' if event.alert else ''}: {event.text or '(nothing)'}"
    who = user if event.kind is Happening.RECEIVED else BOT
    verb = {Happening.EDITED: " edits", Happening.DELETED: " deletes"}.get(event.kind, "")
    return _message(who + verb, event.text, event.file, event.buttons)


def _message(who: str, text: str, file: StoredFile | None, buttons: Sequence[Sequence[Button]]) -> str:
    parts = [_file(file)] if file else []
    parts += text.split("\n") if text else []
    parts += [" ".join(f"[{button.text}]" for button in row) for row in buttons]
    indented = "\n".join(f"    {part}".rstrip() for part in parts[1:])
    return f"{who}: {parts[0] if parts else ''}" + (f"\n{indented}" if indented else "")


def _file(file: StoredFile) -> str:
    return f"<{file.kind} {file.name or '(no name)'}, {size(file.size)}>"


def size(number: int) -> str:
    """Render a size in bytes for people."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB"):
        if amount < BYTES_PER_KIB:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= BYTES_PER_KIB
    return f"{amount:.1f} GiB"
