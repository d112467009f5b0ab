"""Random ids, of as many kinds as are needed, each made here and nowhere else.

Rows have UUIDs, which PostgreSQL stores in 16 bytes. Files and keys that nobody reads are named by a UUID's digits.
Telegram takes a number for each message, and a message that is sent again must have the number it had: so one kind of
number is random and kept in a row, and the other follows from what the message is about. A person reads a code aloud,
so it is short. A secret is longer than any other id and is never shown.
"""

import secrets
from hashlib import sha256
from uuid import UUID, uuid4

_TELEGRAM_BITS = 62
_CODE_DIGITS = 8
_SECRET_BYTES = 32


def new_id() -> UUID:
    """Return the id of a new row."""
    return uuid4()


def new_name() -> str:
    """Return 32 hexadecimal digits: the name of a file that people never see, or a part of a key."""
    return uuid4().hex


def new_code() -> str:
    """Return eight hexadecimal digits, by which a failure that a person reports is found in the log."""
    return uuid4().hex[:_CODE_DIGITS]


def new_random_id() -> int:
    """Return a positive 62-bit number that nobody can guess: by it Telegram recognises a message that is sent again."""
    return secrets.randbits(_TELEGRAM_BITS) or 1


def random_id_of(occasion: str) -> int:
    """Return a positive 62-bit number for Telegram that is always the same for the same ``occasion``.

    ``occasion`` is a text that stands for one message: sent again with the same number, the message arrives once.
    """
    return int.from_bytes(sha256(occasion.encode()).digest()[:8]) >> (64 - _TELEGRAM_BITS) or 1


def new_secret() -> str:
    """Return a password or key for an engine of our own, of letters, digits, «-» and «_»."""
    return secrets.token_urlsafe(_SECRET_BYTES)
