"""What Telegram refuses, by its own error names and in its own units."""

from copy import copy
from typing import Any

from telegram_events import Button
from telegram_tl import RpcFault, is_a

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_BUTTON_DATA_BYTES = 64
LONGEST_ANSWER = 200
MOST_BUTTONS = 100
LARGEST_ALBUM = 10


def units(text: str) -> int:
    """Count UTF-16 code units, in which Telegram measures texts and entities."""
    return len(text.encode("utf-16-le")) // 2


def check_text(text: str, entities: list[Any] | None) -> None:
    if not text.strip():
        raise RpcFault(400, "MESSAGE_EMPTY")
    if units(text) > LONGEST_TEXT:
        raise RpcFault(400, "MESSAGE_TOO_LONG")
    check_entities(text, entities)


def check_caption(text: str, entities: list[Any] | None) -> None:
    if units(text) > LONGEST_CAPTION:
        raise RpcFault(400, "MEDIA_CAPTION_TOO_LONG")
    check_entities(text, entities)


def check_entities(text: str, entities: list[Any] | None) -> None:
    for entity in entities or ():
        if entity.offset < 0 or entity.length < 0 or entity.offset + entity.length > units(text):
            raise RpcFault(400, "ENTITY_BOUNDS_INVALID")


def trimmed(text: str, entities: list[Any] | None) -> tuple[str, list[Any]]:
    """Take the whitespace at both ends away, as Telegram does before it keeps a text."""
    leading = units(text) - units(text.lstrip())
    text = text.strip()
    kept = []
    for entity in map(copy, entities or []):
        end = min(entity.offset + entity.length - leading, units(text))
        entity.offset = max(entity.offset - leading, 0)
        entity.length = end - entity.offset
        if entity.length > 0:
            kept.append(entity)
    return text, kept


def check_callback_answer(text: str) -> None:
    if units(text) > LONGEST_ANSWER:
        raise RpcFault(400, "MESSAGE_TOO_LONG")


def read_buttons(markup: Any) -> tuple[tuple[Button, ...], ...]:
    """Read an inline keyboard of either layer. Raises BUTTON_* and REPLY_MARKUP_* as Telegram does."""
    if markup is None:
        return ()
    if not is_a(markup, "ReplyInlineMarkup"):
        raise RpcFault(400, "REPLY_MARKUP_INVALID")
    rows = tuple(tuple(_button(one) for one in row.buttons) for row in markup.rows)
    if sum(len(row) for row in rows) > MOST_BUTTONS:
        raise RpcFault(400, "REPLY_MARKUP_TOO_LONG")
    return rows


def _button(button: Any) -> Button:
    if not button.text.strip():
        raise RpcFault(400, "BUTTON_TEXT_INVALID")
    # Layer 229 says what a button does in its type, older layers in the button itself.
    does = getattr(button, "type", button)
    if is_a(does, "KeyboardButtonCallback", "InlineButtonTypeCallback"):
        if not 1 <= len(does.data) <= LONGEST_BUTTON_DATA_BYTES:
            raise RpcFault(400, "BUTTON_DATA_INVALID")
        return Button(button.text, data=bytes(does.data))
    if is_a(does, "KeyboardButtonUrl", "InlineButtonTypeUrl"):
        if not does.url.startswith(("http://", "https://", "tg://")):
            raise RpcFault(400, "BUTTON_URL_INVALID")
        return Button(button.text, url=does.url)
    raise RpcFault(400, "BUTTON_TYPE_INVALID")
