"""Avatars of people: made, shown, trained, painted with and deleted. Everything is asked by its owner."""

from collections.abc import Awaitable, Callable

import texts.avatars
import users_store
from access import Permission, may
from avatars import avatars_store, orders_store
from avatars.models import (
    FEWEST_PHOTOS,
    MOST_PHOTOS,
    TRAINABLE,
    Aspect,
    Avatar,
    AvatarCard,
    AvatarId,
    AvatarStatus,
    Gender,
    ImageOrder,
    OrderId,
    OrderKind,
    OrderState,
)
from avatars.settings import AvatarRules
from datamodels import UserId
from datamodels_telegram import ChatId
from db import Connection, Database, now_of
from errors import BadText, OutdatedButton
from errors_of_operation import AvatarRefused
from limits.reservations import reserve_image
from random_ids import new_id, new_random_id
from system.local_time import local
from text_cleaning import one_line, storable

Enqueue = Callable[[Connection, OrderId], Awaitable[None]]

_NAME = (2, 50)
_PROMPT = (3, 1000)


class Avatars:
    """The avatars of everybody. ``enqueue`` adds the job of an order to a transaction."""

    def __init__(self, database: Database, rules: AvatarRules, enqueue: Enqueue) -> None:
        self.rules = rules
        self._database = database
        self._enqueue = enqueue

    async def create(self, owner: UserId, chat: ChatId | None, name: str) -> Avatar:
        """Begin an avatar; what becomes of it is shown in ``chat``, if there is one.

        Raises:
            BadText: the name is too short or too long.
        """
        named = one_line(storable(name)).strip()
        _check_length(named, _NAME, texts.avatars.BAD_NAME)
        async with self._database.transaction() as connection:
            await avatars_store.lock_person(connection, owner)
            # The reply that names it is handled again after a crash.
            latest = (await avatars_store.list_owned(connection, owner))[-1:]
            if latest and latest[0].name == named and latest[0].gender is None:
                return latest[0]
            return await avatars_store.add(
                connection, AvatarId(new_id()), owner, chat, named, new_random_id(), is_test=self.rules.is_test
            )

    async def all_of(self, owner: UserId) -> list[Avatar]:
        """Load a person's avatars, in the order of their numbers."""
        async with self._database.transaction() as connection:
            return await avatars_store.list_owned(connection, owner)

    async def card(self, owner: UserId, number: int) -> AvatarCard:
        """Load what the card of an avatar shows.

        Raises:
            NotFound: there is none, or it is someone else's.
        """
        async with self._database.transaction() as connection:
            return await card_of(connection, await avatars_store.get(connection, owner, number))

    async def set_gender(self, owner: UserId, number: int, gender: Gender) -> Avatar:
        """Note whom a draft shows; raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            if avatar.status is AvatarStatus.DRAFT:
                await avatars_store.set_gender(connection, avatar.id, gender)
            return await avatars_store.get(connection, owner, number)

    async def consent(self, owner: UserId, number: int) -> AvatarCard:
        """Note that who is shown agrees: photographs are taken from then on. Raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            if avatar.status is AvatarStatus.DRAFT:
                if avatar.gender is None:
                    raise OutdatedButton(data="consent")
                await avatars_store.note_consent(connection, avatar.id)
            return await card_of(connection, await avatars_store.get(connection, owner, number))

    async def left(self, owner: UserId, kind: OrderKind) -> int:
        """Return how many orders of a kind a person has left in this month."""
        async with self._database.transaction() as connection:
            return await self._left(connection, owner, kind)

    async def start(self, owner: UserId, number: int, update: str) -> bool:
        """Order the training of an avatar, once however often it is asked; False when it goes on already.

        ``update`` is the press, so that one that is handled again orders nothing more.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
            AvatarRefused: it has not enough photographs, or the person's trainings of this month are used up.
            LimitReached: it costs more than the person has left.
        """
        async with self._database.transaction() as connection:
            await avatars_store.lock_person(connection, owner)
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            occasion = f"training:{avatar.id}:{update}"
            done_before = update and await orders_store.by_occasion(connection, occasion)
            if done_before or avatar.status in {AvatarStatus.TRAINING, AvatarStatus.COMPLETED}:
                return False
            count = (await avatars_store.count_photos(connection, avatar.id)).accepted
            if avatar.status not in TRAINABLE or not FEWEST_PHOTOS <= count <= MOST_PHOTOS:
                text = texts.avatars.NOT_READY.format(fewest=FEWEST_PHOTOS, most=MOST_PHOTOS, count=count)
                raise AvatarRefused(reason=text)
            if not await self._left(connection, owner, OrderKind.TRAINING):
                raise AvatarRefused(reason=texts.avatars.NO_TRAININGS_LEFT.format(most=self.rules.trainings))
            order = await orders_store.add(
                connection,
                OrderId(new_id()),
                owner,
                avatar.id,
                OrderKind.TRAINING,
                occasion if update else f"training:{new_id()}",
                trainer=self.rules.trainer,
                steps=self.rules.steps,
                price_usd=self.rules.training_usd,
                is_test=self.rules.is_test,
            )
            assert order is not None  # noqa: S101  # its occasion is new, and the person is locked
            await avatars_store.set_status(connection, avatar.id, AvatarStatus.TRAINING)
            await self._enqueue(connection, order.id)
            await _reserve(connection, order, avatar)
        return True

    async def cancel(self, owner: UserId, number: int) -> bool:
        """Ask for the training of an avatar to end; False when none goes on. Raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            open_orders = await orders_store.lock_open(connection, avatar.id)
            trainings = [each for each in open_orders if each.kind is OrderKind.TRAINING]
            for order in trainings:
                await self._cancel(connection, order)
            if any(each.state is OrderState.WAITING for each in trainings):
                await avatars_store.set_status(connection, avatar.id, AvatarStatus.CANCELLED)
        return bool(trainings)

    async def delete(self, owner: UserId, number: int) -> None:
        """Take an avatar away from its person at once; photographs, weights and pictures follow. Raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            await self._delete(connection, avatar)

    async def erase_all(self, owner: UserId) -> int:
        """Delete all avatars of a person; return how many."""
        async with self._database.transaction() as connection:
            await avatars_store.lock_person(connection, owner)
            avatars = await avatars_store.list_owned(connection, owner)
            for avatar in avatars:
                await self._delete(connection, avatar)
        return len(avatars)

    async def paint(self, owner: UserId, number: int, aspect: Aspect, prompt: str, occasion: str) -> ImageOrder:
        """Order a picture, once for an ``occasion``.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
            BadText: the prompt is too short or too long.
            AvatarRefused: the avatar is not trained, or the person's pictures of this month are used up.
            LimitReached: it costs more than the person has left.
        """
        wanted = one_line(storable(prompt)).strip()
        _check_length(wanted, _PROMPT, texts.avatars.BAD_PROMPT)
        async with self._database.transaction() as connection:
            await avatars_store.lock_person(connection, owner)
            avatar = await avatars_store.get(connection, owner, number, lock=True)
            key = f"picture:{owner}:{occasion}"
            if (before := await orders_store.by_occasion(connection, key)) is not None:
                return before
            training = await orders_store.latest(connection, avatar.id, OrderKind.TRAINING)
            if avatar.status is not AvatarStatus.COMPLETED or training is None:
                raise AvatarRefused(reason=texts.avatars.NOT_TRAINED)
            if not await self._left(connection, owner, OrderKind.PICTURE):
                raise self.no_pictures_left()
            order = await orders_store.add(
                connection,
                OrderId(new_id()),
                owner,
                avatar.id,
                OrderKind.PICTURE,
                key,
                trainer=training.trainer,
                prompt=wanted,
                aspect=aspect,
                price_usd=self.rules.picture_usd(training.trainer, aspect),
                is_test=self.rules.is_test,
            )
            assert order is not None  # noqa: S101  # as above
            await self._enqueue(connection, order.id)
            await _reserve(connection, order, avatar)
        return order

    def no_pictures_left(self) -> AvatarRefused:
        """Return what a person is told who has ordered all pictures of this month."""
        return AvatarRefused(reason=texts.avatars.NO_PICTURES_LEFT.format(most=self.rules.pictures))

    async def gallery(self, owner: UserId, number: int, page: int, size: int) -> tuple[Avatar, list[ImageOrder], int]:
        """Load a page of an avatar's pictures, the latest first, and how many there are; raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number)
            total = await orders_store.count_pictures(connection, avatar.id)
            last = max(1, -(-total // size))
            shown = await orders_store.pictures(connection, avatar.id, size, (min(max(page, 1), last) - 1) * size)
        return avatar, shown, total

    async def painting(self, owner: UserId, number: int) -> list[ImageOrder]:
        """Load pictures that are being painted or have just failed, the latest first; raises as ``card``."""
        async with self._database.transaction() as connection:
            avatar = await avatars_store.get(connection, owner, number)
            return await orders_store.unfinished_pictures(connection, avatar.id)

    async def under_way(self, owner: UserId) -> list[tuple[Avatar, ImageOrder]]:
        """Load a person's trainings and pictures that have not ended, with their avatars, the earliest first."""
        async with self._database.transaction() as connection:
            avatars = {each.id: each for each in await avatars_store.list_owned(connection, owner)}
            orders = await orders_store.open_of(connection, owner)
        return [(avatars[each.avatar_id], each) for each in orders if each.avatar_id in avatars]

    async def picture(self, owner: UserId, number: int) -> tuple[Avatar, ImageOrder]:
        """Load a picture with its avatar.

        Raises:
            NotFound: there is none, or it is someone else's.
        """
        async with self._database.transaction() as connection:
            return await self._picture(connection, owner, number)

    async def delete_picture(self, owner: UserId, number: int) -> Avatar:
        """Take a picture away from its person at once; its object follows. Raises as ``picture``."""
        async with self._database.transaction() as connection:
            avatar, order = await self._picture(connection, owner, number)
            await orders_store.mark_deleted(connection, order.id)
            await avatars_store.touch(connection, avatar.id)
        return avatar

    async def _picture(self, connection: Connection, owner: UserId, number: int) -> tuple[Avatar, ImageOrder]:
        order = await orders_store.picture(connection, owner, number)
        avatar = await avatars_store.by_id(connection, order.avatar_id) if order.avatar_id else None
        assert avatar is not None  # noqa: S101  # pictures without one are deleted
        return avatar, order

    async def _left(self, connection: Connection, owner: UserId, kind: OrderKind) -> int:
        # By the clock that writes when an order was made.
        month = local(await now_of(connection)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        most = self.rules.trainings if kind is OrderKind.TRAINING else self.rules.pictures
        return max(0, most - await orders_store.count_spent(connection, owner, kind, month))

    async def _delete(self, connection: Connection, avatar: Avatar) -> None:
        for order in await orders_store.lock_open(connection, avatar.id):
            await self._cancel(connection, order)
        await orders_store.forget_prompts(connection, avatar.id)
        await avatars_store.mark_deleted(connection, avatar.id)

    async def _cancel(self, connection: Connection, order: ImageOrder) -> None:
        """End an order that nobody has sent; have its job ask the service to end one that was."""
        if order.state is OrderState.WAITING:
            await orders_store.end(connection, order.id, OrderState.CANCELLED, None)
            return
        await orders_store.want_cancel(connection, order.id)
        await self._enqueue(connection, order.id)


async def card_of(connection: Connection, avatar: Avatar) -> AvatarCard:
    """Load what the card of an avatar shows beside the avatar."""
    return AvatarCard(
        avatar=avatar,
        photos=await avatars_store.count_photos(connection, avatar.id),
        order=await orders_store.latest(connection, avatar.id, OrderKind.TRAINING),
        pictures=await orders_store.count_pictures(connection, avatar.id),
        delayed=tuple(await orders_store.delayed_of(connection, avatar.id)),
        may_order=await may_order(connection, avatar.owner_id),
    )


async def may_order(connection: Connection, owner: UserId) -> bool:
    """Tell whether a person may make avatars and pictures, and not only look at what there is and delete it."""
    user = await users_store.find(connection, owner)
    return user is not None and may(user.role, Permission.RECORD)


async def _reserve(connection: Connection, order: ImageOrder, avatar: Avatar) -> None:
    """Reserve what an order costs; a double costs nothing."""
    if not order.is_test:
        is_picture = order.kind is OrderKind.PICTURE
        await reserve_image(connection, order.owner_id, order.id, avatar.name, order.price_usd, is_picture=is_picture)


def _check_length(text: str, allowed: tuple[int, int], told: str) -> None:
    least, most = allowed
    if not least <= len(text) <= most:
        raise BadText(reason=told.format(count=len(text)))
