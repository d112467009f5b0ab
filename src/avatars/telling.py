"""What people are to see of their avatars: cards that show an earlier version, ends that nobody was told of."""

from collections.abc import Callable
from typing import NamedTuple

import outbox_store
from avatars import avatars_store, orders_store
from avatars.models import Avatar, AvatarCard, ImageOrder, OrderKind
from avatars.service import card_of, may_order
from datamodels import UserId
from datamodels_telegram import FileReference, FileSource, MessageId, OutgoingMessage
from db import Database


class Ended(NamedTuple):
    """An order that has ended, or comes late, with its avatar, and whether its person may order more."""

    avatar: Avatar
    order: ImageOrder
    may_order: bool


class Telling:
    """Tells everybody. What is put into the outbox is noted in the same transaction, so that it comes once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unshown(self) -> list[Avatar]:
        """Load avatars whose card has to be drawn anew."""
        async with self._database.transaction() as connection:
            return await avatars_store.list_unshown(connection)

    async def card(self, avatar: Avatar) -> AvatarCard | None:
        """Load what the card of an avatar shows by now; None when its person has deleted the avatar."""
        async with self._database.transaction() as connection:
            now = await avatars_store.by_id(connection, avatar.id)
            return None if now is None or not now.name else await card_of(connection, now)

    async def note_shown(self, avatar: Avatar, card: MessageId | None) -> None:
        """Note that ``card`` shows this version; None when the message is gone and none is to come."""
        async with self._database.transaction() as connection:
            await avatars_store.note_shown(connection, avatar.id, card, avatar.version)

    async def opened(self, avatar: Avatar, card: MessageId) -> None:
        """Note that its person has opened an avatar, and which message shows it."""
        async with self._database.transaction() as connection:
            await avatars_store.note_card(connection, avatar.id, card, avatar.version)

    async def closed(self, owner: UserId, card: MessageId) -> None:
        """Note that a message shows something else now; does nothing to a card that stays."""
        async with self._database.transaction() as connection:
            await avatars_store.close_card(connection, owner, card)

    async def tell(self, message_of: Callable[[Ended], OutgoingMessage | None]) -> int:
        """Put what ``message_of`` says of each ended order into the outbox; return how many there were."""
        async with self._database.transaction() as connection:
            untold = await orders_store.list_untold(connection)
        for order in untold:
            async with self._database.transaction() as connection:
                avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id)
                if not await orders_store.note_told(connection, order.id) or avatar is None or not avatar.name:
                    continue
                message = message_of(Ended(avatar, order, await may_order(connection, order.owner_id)))
                if message is not None and avatar.chat_id is not None:
                    await outbox_store.put(connection, f"avatar:{order.id}", order.owner_id, avatar.chat_id, message)
        return len(untold)

    async def tell_delays(self, message_of: Callable[[Ended], OutgoingMessage]) -> None:
        """Put what ``message_of`` says of each picture that comes late into the outbox, and have the card say it."""
        async with self._database.transaction() as connection:
            delayed = await orders_store.list_delayed(connection)
        for order in delayed:
            async with self._database.transaction() as connection:
                assert order.avatar_id is not None  # noqa: S101  # the others are not listed
                # Who ends an order locks its avatar first: nobody is told of a delay after the end.
                avatar = await avatars_store.by_id(connection, order.avatar_id, lock=True)
                now = await orders_store.by_id(connection, order.id)
                if avatar is None or avatar.chat_id is None or now is None or not now.is_open:
                    continue
                message = message_of(Ended(avatar, order, await may_order(connection, order.owner_id)))
                key = f"{orders_store.DELAY_TOLD}{order.id}"
                await outbox_store.put(connection, key, order.owner_id, avatar.chat_id, message)
                await avatars_store.touch(connection, avatar.id)

    async def send_picture(
        self, owner: UserId, number: int, occasion: str, message_of: Callable[[Ended], OutgoingMessage]
    ) -> None:
        """Put a picture into the outbox, once for an ``occasion``.

        Raises:
            NotFound: there is none, or it is someone else's.
        """
        async with self._database.transaction() as connection:
            order = await orders_store.picture(connection, owner, number)
            avatar = None if order.avatar_id is None else await avatars_store.by_id(connection, order.avatar_id)
            assert avatar is not None  # noqa: S101  # pictures without one are deleted
            if avatar.chat_id is None:
                return
            message = message_of(Ended(avatar, order, await may_order(connection, owner)))
            await outbox_store.put(connection, f"picture:{order.id}:{occasion}", owner, avatar.chat_id, message)


def file_of(order: ImageOrder) -> FileReference | None:
    """Return the file of a picture that is done; None of any other order."""
    if order.kind is not OrderKind.PICTURE or order.object_key is None:
        return None
    extension = order.object_key.rpartition(".")[2]
    return FileReference(source=FileSource.PICTURE, subject=order.id, extension=extension)
