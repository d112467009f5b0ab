"""MTProto's key exchange and encryption, the server's side.

https://core.telegram.org/mtproto/auth_key and https://core.telegram.org/mtproto/description
"""

import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from io import BytesIO
from typing import Any

from pyrogram.crypto import aes
from pyrogram.crypto.mtproto import kdf
from pyrogram.crypto.prime import CURRENT_DH_PRIME
from pyrogram.raw.core import Bytes, Int, Long, Message, TLObject

from telegram_tl import is_a, tl

P, Q = 65537, 65539
"""Telegram's are four bytes long; the client looks for them by trial, which is no concern of any test."""
GENERATOR = 3

# A prime modulus is no RSA, but encrypts alike; it is known, so that no key has to be made or kept.
RSA_MODULUS = CURRENT_DH_PRIME
RSA_EXPONENT = 65537
RSA_PRIVATE = pow(RSA_EXPONENT, -1, RSA_MODULUS - 1)
FINGERPRINT: bytes = sha1(
    Bytes(RSA_MODULUS.to_bytes(256, "big")) + Bytes(RSA_EXPONENT.to_bytes(3, "big")), usedforsecurity=False
).digest()[-8:]


def _sha1(data: bytes) -> bytes:
    return sha1(data, usedforsecurity=False).digest()


class AuthKey:
    """A key that a client agreed on, and what belongs to it."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.id = _sha1(key)[-8:]
        self.salt = int.from_bytes(secrets.token_bytes(8), "little", signed=True)
        self.authorized = False

    def decrypt(self, packet: bytes) -> tuple[int, bytes, Any]:
        """Open a client's packet: salt, session id and message.

        Raises ValueError when it was not made with this key.
        """
        msg_key = packet[8:24]
        data = aes.ige256_decrypt(packet[24:], *kdf(self.key, msg_key, True))
        if sha256(self.key[88:120] + data).digest()[8:24] != msg_key:
            raise ValueError("message key mismatch")
        return int.from_bytes(data[:8], "little", signed=True), data[8:16], Message.read(BytesIO(data[16:]))

    def encrypt(self, session_id: bytes, message: Any) -> bytes:
        data = Long(self.salt) + session_id + message.write()
        data += secrets.token_bytes(-(len(data) + 12) % 16 + 12)
        msg_key = sha256(self.key[96:128] + data).digest()[8:24]
        encrypted: bytes = aes.ige256_encrypt(data, *kdf(self.key, msg_key, False))
        return self.id + msg_key + encrypted


@dataclass
class KeyExchange:
    """One client's way to a key; ``made`` is set when it has one."""

    made: AuthKey | None = None
    _nonce: int = 0
    _server_nonce: int = field(default_factory=lambda: int.from_bytes(secrets.token_bytes(16), "little", signed=True))
    _new_nonce: bytes = b""
    _secret: int = 0

    def answer(self, packet: bytes) -> bytes:
        """Answer an unencrypted packet. Raises KeyError and ValueError on what cannot be read."""
        query: Any = TLObject.read(BytesIO(packet[20:]))
        if is_a(query, "ReqPqMulti", "ReqPq"):
            return _unencrypted(self._offer(query))
        if is_a(query, "ReqDHParams"):
            return _unencrypted(self._parameters(query))
        if is_a(query, "SetClientDHParams"):
            return _unencrypted(self._agree(query))
        raise ValueError("no key exchange")

    def _offer(self, query: Any) -> Any:
        self._nonce = query.nonce
        return tl(
            "ResPQ",
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            pq=(P * Q).to_bytes(8, "big"),
            server_public_key_fingerprints=[int.from_bytes(FINGERPRINT, "little", signed=True)],
        )

    def _parameters(self, query: Any) -> Any:
        opened = pow(int.from_bytes(query.encrypted_data, "big"), RSA_PRIVATE, RSA_MODULUS).to_bytes(256, "big")
        inner: Any = TLObject.read(BytesIO(opened[21:]))
        self._new_nonce = inner.new_nonce.to_bytes(32, "little", signed=True)
        self._secret = secrets.randbits(256)
        answer = tl(
            "ServerDHInnerData",
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            g=GENERATOR,
            dh_prime=CURRENT_DH_PRIME.to_bytes(256, "big"),
            g_a=pow(GENERATOR, self._secret, CURRENT_DH_PRIME).to_bytes(256, "big"),
            server_time=int(time.time()),
        ).write()
        data = _sha1(answer) + answer
        data += secrets.token_bytes(-len(data) % 16)
        return tl(
            "ServerDHParamsOk",
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            encrypted_answer=aes.ige256_encrypt(data, *self._temporary_key()),
        )

    def _agree(self, query: Any) -> Any:
        opened = aes.ige256_decrypt(query.encrypted_data, *self._temporary_key())
        inner: Any = TLObject.read(BytesIO(opened[20:]))
        key = pow(int.from_bytes(inner.g_b, "big"), self._secret, CURRENT_DH_PRIME).to_bytes(256, "big")
        self.made = AuthKey(key)
        digest = _sha1(self._new_nonce + b"\x01" + _sha1(key)[:8])[-16:]
        return tl(
            "DhGenOk",
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            new_nonce_hash1=int.from_bytes(digest, "little", signed=True),
        )

    def _temporary_key(self) -> tuple[bytes, bytes]:
        new, server = self._new_nonce, self._server_nonce.to_bytes(16, "little", signed=True)
        return (
            _sha1(new + server) + _sha1(server + new)[:12],
            _sha1(server + new)[12:] + _sha1(new + new) + new[:4],
        )


def _unencrypted(answer: Any) -> bytes:
    body: bytes = answer.write()
    message_id = int(time.time() * 2**32) & ~3 | 1
    return bytes(8) + bytes(Long(message_id)) + bytes(Int(len(body))) + body
