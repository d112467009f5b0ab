"""Telegram's errors as ours, by the identifiers of https://core.telegram.org/api/errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyrogram.errors import InternalServerError, ServiceUnavailable, Unauthorized
from pyrogram.errors.rpc_error import RPCError

import texts.errors
from datamodels_telegram import ChatId
from messenger import AlreadySent, ChatClosed, MessengerError, MessengerRefusedSecrets, MessengerUnavailable

_rpc_error = RPCError.__init__


def _rpc_error_without_file(
    self: RPCError, value: Any = None, rpc_name: Any = None, is_unknown: bool = False, is_signed: bool = False
) -> None:
    """Initialise a Telegram error. The library's own code would also write unknown errors into a file."""
    del is_unknown
    _rpc_error(self, value, rpc_name, is_signed=is_signed)


RPCError.__init__ = _rpc_error_without_file  # type: ignore[method-assign]

MESSENGER = "Telegram"
"""The name of the messenger in our errors."""
RANDOM_ID_DUPLICATE = "RANDOM_ID_DUPLICATE"
"""The error for a message when one with the same random id was delivered before. Its code is 400 or 500."""

_REFUSED_SECRETS = frozenset(
    {"ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_INVALID", "API_ID_INVALID", "API_ID_PUBLISHED_FLOOD", "BOT_METHOD_INVALID"},
)
_CHAT_CLOSED = frozenset(
    {
        "CHAT_ID_INVALID",
        "CHAT_WRITE_FORBIDDEN",
        "INPUT_USER_DEACTIVATED",
        "PEER_ID_INVALID",
        "USER_BOT_INVALID",
        "USER_ID_INVALID",
        "USER_IS_BLOCKED",
        "USER_IS_BOT",
    },
)
FILE_GONE = frozenset({"FILE_ID_INVALID", "LOCATION_INVALID", "MEDIA_EMPTY"})
PARTS_LOST = frozenset({"FILE_PARTS_INVALID", "FILE_PART_EMPTY", "FILE_PART_INVALID", "FILE_PART_X_MISSING"})
"""Errors of an upload that succeeds when the file is sent again."""


def error_id(exc: RPCError) -> str:
    """Return an error's identifier, with X for a number; for an error unknown to the library, its text and code."""
    return exc.ID or str(exc.value)


def unavailable(call: str, reason: str) -> MessengerUnavailable:
    """Make the error for when Telegram does not answer."""
    return MessengerUnavailable(
        messenger=MESSENGER, connection=texts.errors.TELEGRAM_CONNECTION, call=call, reason=reason
    )


def refused_secrets(call: str, reason: str) -> MessengerRefusedSecrets:
    """Make the error for when Telegram does not accept the token, API id and API hash."""
    return MessengerRefusedSecrets(
        messenger=MESSENGER,
        secrets=texts.errors.TELEGRAM_SECRETS,
        source=texts.errors.TELEGRAM_SECRETS_SOURCE,
        call=call,
        reason=reason,
    )


@contextmanager
def telegram_errors_mapped(call: str, chat: ChatId | None = None) -> Iterator[None]:
    """Raise the errors of the library and of the network as our own.

    Raises:
        MessengerUnavailable: Telegram did not answer, or could not handle the call.
        MessengerRefusedSecrets: token, id and hash, or the session made with them, are not accepted.
        ChatClosed: the person blocked the bot, deleted the account, or never wrote to the bot.
        AlreadySent: a message with the same random id was delivered before.
        MessengerError: Telegram refused for another reason.
    """
    try:
        yield
    except RPCError as exc:
        raise _mapped(exc, call, chat) from exc
    except OSError as exc:
        raise unavailable(call, f"{type(exc).__name__} {exc}".strip()) from exc


def _mapped(exc: RPCError, call: str, chat: ChatId | None) -> MessengerError:
    reason = error_id(exc)
    if reason == RANDOM_ID_DUPLICATE:
        return AlreadySent(messenger=MESSENGER, call=call, reason=reason)
    if isinstance(exc, (InternalServerError, ServiceUnavailable)):
        return unavailable(call, reason)
    if isinstance(exc, Unauthorized) or reason in _REFUSED_SECRETS:
        return refused_secrets(call, reason)
    if reason in _CHAT_CLOSED:
        return ChatClosed(call=call, chat=chat, reason=reason)
    return MessengerError(messenger=MESSENGER, call=call, reason=reason)
