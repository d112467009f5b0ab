"""Calls about the account, updates, people and files, and which handler answers which call."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import telegram_views as views
from telegram_events import Happening
from telegram_faults import Fault, Faults, Kind
from telegram_files import Uploads
from telegram_messages import MessageCalls
from telegram_sessions import NoReply, Session
from telegram_tl import RpcFault, input_users, is_a, name_of, tl
from telegram_world import World

SLICE = 100
"""How many changes fit into one difference."""

OPEN_CALLS = ("help.GetConfig", "auth.ImportBotAuthorization")
"""What a session may ask before it has logged in."""


@dataclass(frozen=True)
class Account:
    """What a bot has to know to log in."""

    token: str = "7000000001:loopback-token"  # noqa: S105 - opens nothing but the loopback server
    api_id: int = 12345
    api_hash: str = "0123456789abcdef0123456789abcdef"


class Calls:
    """Answers calls as Telegram does. ``unknown`` names those it could not."""

    def __init__(self, world: World, account: Account, faults: Faults, port: int) -> None:
        self._world = world
        self._account = account
        self._faults = faults
        self._port = port
        self._uploads = Uploads(world.directory)
        self.unknown: list[str] = []
        self.made: list[tuple[float, str]] = []
        """Every call that came: time.monotonic() and name."""
        self.on_subscribe: Callable[[Session], None] = lambda _: None
        messages = MessageCalls(world, self._uploads)
        self._handlers: Mapping[str, Callable[[Any], Any]] = {
            "help.GetConfig": self._config,
            "users.GetUsers": self._users,
            "users.GetFullUser": self._full_user,
            "contacts.ResolveUsername": self._resolve_username,
            "bots.SetBotCommands": self._set_commands,
            "updates.GetState": lambda _: views.state(world),
            "updates.GetDifference": self._difference,
            "upload.SaveFilePart": self._save_part,
            "upload.SaveBigFilePart": self._save_big_part,
            **messages.handlers,
        }

    async def answer(self, session: Session, query: Any) -> Any:
        """Answer a call. Raises RpcFault with Telegram's error, NoReply when the client is to hear nothing."""
        name = name_of(query)
        self.made.append((time.monotonic(), name))
        if not session.key.authorized and name not in OPEN_CALLS:
            raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
        fault = self._faults.meet(name)
        if fault is not None and fault.kind is Kind.ERROR:
            raise RpcFault(fault.code, fault.message)
        if fault is not None and fault.kind is Kind.DROP_BEFORE:
            _drop(session)
            raise NoReply
        result = self._handle(name, session, query, fault)
        if fault is not None and fault.kind is Kind.DROP_AFTER:
            _drop(session)
        if fault is not None and fault.kind is Kind.LOSE_REPLY:
            raise NoReply
        return result

    def _handle(self, name: str, session: Session, query: Any, fault: Fault | None) -> Any:
        if name == "auth.ImportBotAuthorization":
            return self._log_in(session, query)
        if name == "upload.GetFile":
            return self._get_file(query, fault.kind if fault else None)
        if name not in self._handlers:
            self.unknown.append(name)
            raise RpcFault(500, "LOOPBACK_CALL_UNKNOWN")
        if name.startswith("updates."):
            self.on_subscribe(session)
        return self._handlers[name](query)

    def _log_in(self, session: Session, query: Any) -> Any:
        if (query.api_id, query.api_hash) != (self._account.api_id, self._account.api_hash):
            raise RpcFault(400, "API_ID_INVALID")
        if query.bot_auth_token != self._account.token:
            raise RpcFault(400, "ACCESS_TOKEN_INVALID")
        session.key.authorized = True
        return tl("auth.Authorization", user=views.bot(self._world))

    def _config(self, _: Any) -> Any:
        here = tl("DcOption", id=views.DC_ID, ip_address="127.0.0.1", port=self._port, ipv6=None, media_only=None)
        now = int(time.time())
        return tl("Config", date=now, expires=now + 3600, this_dc=views.DC_ID, dc_options=[here])

    def _users(self, query: Any) -> list[Any]:
        found = []
        for wanted in input_users(query.id):
            if is_a(wanted, "InputUserSelf"):
                found.append(views.bot(self._world))
            elif getattr(wanted, "user_id", None) in self._world.chats:
                found.append(views.person(self._world.chats[wanted.user_id].user))
        return found

    def _full_user(self, query: Any) -> Any:
        if is_a(query.id, "InputUserSelf"):
            user = views.bot(self._world)
        elif query.id.user_id in self._world.chats:
            user = views.person(self._world.chats[query.id.user_id].user)
        else:
            raise RpcFault(400, "USER_ID_INVALID")
        return tl("users.UserFull", full_user=tl("UserFull", id=user.id), users=[user])

    def _resolve_username(self, query: Any) -> Any:
        name = query.username.lower()
        if name == self._world.bot_username.lower():
            user = views.bot(self._world)
        else:
            known = {chat.user.username.lower(): chat.user for chat in self._world.chats.values() if chat.user.username}
            if name not in known:
                raise RpcFault(400, "USERNAME_NOT_OCCUPIED")
            user = views.person(known[name])
        return tl("contacts.ResolvedPeer", peer=tl("PeerUser", user_id=user.id), users=[user])

    def _set_commands(self, query: Any) -> bool:
        commands = [(command.command, command.description) for command in query.commands]
        if not all(command.islower() and command.isascii() for command, _ in commands):
            raise RpcFault(400, "BOT_COMMAND_INVALID")
        self._world.commands[(name_of(query.scope), query.lang_code)] = commands
        return True

    def _difference(self, query: Any) -> Any:
        changes = [change for change in self._world.log if change.pts > query.pts]
        if not changes:
            return tl("updates.DifferenceEmpty", date=int(time.time()))
        part, rest = changes[:SLICE], changes[SLICE:]
        state = views.state(self._world)
        fields: dict[str, Any] = {}
        if rest:
            state.pts = part[-1].pts
            fields["intermediate_state"] = state
        else:
            fields["state"] = state
        new = [self._world.messages[change.ids[0]] for change in part if change.kind is Happening.SENT]
        return tl(
            "updates.DifferenceSlice" if rest else "updates.Difference",
            new_messages=[views.message(self._world, message) for message in new if not message.deleted],
            other_updates=[views.update(self._world, change) for change in part if change.kind is not Happening.SENT],
            users=views.people(
                self._world,
                *(self._world.messages[one] for change in part for one in change.ids),
            ),
            **fields,
        )

    def _save_part(self, query: Any) -> bool:
        self._uploads.save(query.file_id, query.file_part, query.bytes)
        return True

    def _save_big_part(self, query: Any) -> bool:
        self._uploads.save(query.file_id, query.file_part, query.bytes, query.file_total_parts)
        return True

    def _get_file(self, query: Any, fault: Kind | None) -> Any:
        location = query.location
        file = self._world.files.get(getattr(location, "id", 0))
        if file is None or file.access_hash != location.access_hash:
            raise RpcFault(400, "FILE_ID_INVALID")
        if file.refusal:
            raise RpcFault(400, file.refusal)
        if fault is Kind.EXPIRE_FILE_REFERENCE:
            file.expire_reference()
        if location.file_reference != file.reference:
            raise RpcFault(400, "FILE_REFERENCE_EXPIRED")
        data = file.read(query.offset, query.limit)
        if fault is Kind.SHORT_CHUNK:
            data = data[: len(data) // 2]
        return tl("upload.File", type=tl("storage.FileUnknown"), mtime=int(time.time()), bytes=data)


def _drop(session: Session) -> None:
    if session.wire is not None:
        session.wire.drop()
