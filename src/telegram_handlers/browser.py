"""The way from the chat into the browser, a link that works once, and the end of all that came of such links."""

from access import Permission
from datamodels_telegram import IncomingMessage, MessageKind, Screen
from message_tracker import MessageTracker
from sign_in.sessions import Sessions
from telegram_handlers.context import Context, Routes
from texts.web import LINK, LINK_HERE, LINK_OFF, LOGGED_OUT, NO_SESSIONS


class BrowserHandlers:
    """Gives links and ends sessions. ``sessions`` is None where browsers are not served.

    ``address`` is that of the start page, without a slash at its end; one of HTTPS opens anywhere.
    """

    def __init__(self, messages: MessageTracker, sessions: Sessions | None, address: str) -> None:
        self._messages = messages
        self._sessions = sessions
        self._address = address

    def routes(self) -> Routes:
        return Routes(commands={"web": (Permission.LOOK, self._link), "logout": (Permission.LOOK, self._end_all)})

    async def _end_all(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002  # it says nothing more
        ended = 0 if self._sessions is None else await self._sessions.end_all(context.user.id)
        text = LOGGED_OUT.format(count=ended) if ended else NO_SESSIONS
        await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, Screen(text=text))

    async def _link(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002  # it says nothing more
        if self._sessions is None:
            await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, Screen(text=LINK_OFF))
            return
        url = f"{self._address}/sign-in/{await self._sessions.new_link(context.user.id)}"
        here = "" if self._address.startswith("https:") else f"\n{LINK_HERE}"
        text = f"{LINK.format(url=url)}{here}"
        # The next menu removes it: a link that has been used is of no use.
        await self._messages.send(context.chat, MessageKind.STATUS_MESSAGE, Screen(text=text))
