"""A person with avatars over the real handlers, stores and steps; Telegram is in memory, the service over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

from avatar_photos import photo
from avatars import avatars_store
from avatars.cleaning import AvatarCleaning
from avatars.intake import AvatarPhotos
from avatars.models import AvatarStatus, Gender, OrderId
from avatars.photo_set import PhotoSet
from avatars.pictures import PictureFiles
from avatars.service import Avatars
from avatars.settings import AvatarRules
from avatars.telling import Telling
from avatars.work import AvatarSteps
from datamodels_telegram import AttachedFile, FileKind
from db import Connection, Database
from default_pack import PACK
from dialogs import Dialogs
from downloads import Downloads
from errors import VoxPersonaError
from fal_server import KEY, FalServer
from followers_world import look
from handlers_world import Bot, Person
from outbox import Outbox, OutboxFiles
from provider_calls.fal.queue import ImageQueue
from provider_calls.fal.trainers import TrainerName
from provider_calls.policy import ProviderCalls, Time
from random_ids import new_id
from recordings.originals import Originals
from telegram_handlers.avatar_cards import AvatarCards
from telegram_handlers.avatar_photos import AvatarPhotoHandlers
from telegram_handlers.avatars import AvatarHandlers, AvatarWork
from telegram_handlers.context import Context

RULES = AvatarRules(TrainerName.PORTRAIT, 2500, trainings=3, pictures=5)
_albums = count(1)
_seeds = count(100)


class Died(BaseException):
    """Stands for the end of a process: nothing catches it, and open transactions are rolled back."""


class MortalDatabase(Database):
    """The real database, for a process that dies at its n-th moment: before a transaction, or before its commit."""

    def __init__(self, database: Database, at: int) -> None:
        super().__init__("", database.pool)
        self.moments_left = at

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        self._moment()
        async with super().transaction() as connection:
            yield connection
            self._moment()

    def _moment(self) -> None:
        self.moments_left -= 1
        if self.moments_left == 0:
            raise Died


async def at_once(seconds: float) -> None:
    """Stands for a pause between two tries."""


class AvatarBot:
    """What a bot has for avatars. ``enqueued`` are orders whose job waits.

    ``now`` is the time of the jobs' machine, ``late`` by how much it is ahead of the database.
    """

    def __init__(self, bot: Bot, service: FalServer, folder: Path, rules: AvatarRules = RULES) -> None:
        self.bot, self.service, self.folder = bot, service, folder
        self.enqueued: list[UUID] = []
        self.late = timedelta()
        self.avatars = Avatars(bot.database, rules, self.enqueue)
        self.photos, self.telling = AvatarPhotos(bot.database, bot.objects), Telling(bot.database)
        calls = ProviderCalls("fal", 4, 30.0, time=Time(sleep=at_once))
        self.queue = ImageQueue(KEY, service.addresses, "https://vox.example/webhook/fal/status", calls=calls)
        self.photo_set = PhotoSet(bot.database, bot.objects, folder / "spool")
        work = AvatarWork(self.avatars, self.photos, self.photo_set, self.telling, Dialogs(bot.database), lambda: None)
        self.photo_handlers = AvatarPhotoHandlers(bot.messages, work)
        handlers = self.photo_handlers.routes()
        bot.routes += [AvatarHandlers(bot.messages, work).routes(), handlers]
        assert handlers.pictures is not None
        self.takes_picture = handlers.pictures
        self.cards = AvatarCards(self.avatars, self.telling, bot.messages, bot.preferences.zone_of)
        self.cleaning = AvatarCleaning(bot.database, bot.objects, self.queue, timedelta(days=30))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.late

    async def passes(self, time: timedelta) -> None:
        """Have time pass by every clock, for what was ordered."""
        async with self.bot.database.transaction() as connection:
            # Meanwhile the service is asked twice a minute.
            query = "UPDATE image_orders SET looks = looks + extract(epoch FROM %(time)s::interval)::integer / 30"
            await connection.execute(query, {"time": time})
        await self.clock_is_set(time)
        async with self.bot.database.transaction() as connection:
            query = "UPDATE avatars SET weights_until = weights_until - %(time)s"
            await connection.execute(query, {"time": time})

    async def clock_is_set(self, by: timedelta) -> None:
        """Have the clock of the database tell another time, for what was ordered."""
        async with self.bot.database.transaction() as connection:
            query = "UPDATE image_orders SET sent_at = sent_at - %(time)s, created_at = created_at - %(time)s"
            await connection.execute(query, {"time": by})

    def steps(self, database: Database | None = None) -> AvatarSteps:
        """The steps of a process that has just started."""
        spool = self.folder / "spool"
        return AvatarSteps(database or self.bot.database, self.bot.objects, self.queue, spool, now=self.now)

    async def enqueue(self, connection: Connection, order: OrderId) -> None:  # noqa: ARG002
        self.enqueued.append(order)

    async def step(self, order: UUID, database: Database | None = None, *, again: bool = True) -> bool:
        """Do the job of an order once, as the queue does; tell whether it is to be done again."""
        steps = self.steps(database)
        try:
            return await steps.do(order) is not None
        except VoxPersonaError as exc:
            at = self.now() if exc.retryable and again else None
            await steps.fail(order, exc, at)
            return at is not None

    async def work(self, most: int = 12) -> None:
        """Do all jobs until they are over, and show what has become of them."""
        waiting, self.enqueued = list(dict.fromkeys(self.enqueued)), []
        for order in waiting:
            for _ in range(most):
                if not await self.step(order):
                    break
        await self.show()

    async def clean(self) -> None:
        """Remove what is due, of other tests as well."""
        for _ in range(6):
            await self.cleaning.clean()

    async def show(self) -> None:
        """Do what the followers do."""
        files = OutboxFiles(
            self.bot.database,
            Originals(self.bot.database, self.bot.objects, self.folder),
            PACK,
            self.folder / "spool",
            pictures=PictureFiles(self.bot.database, self.bot.objects),
        )
        await self.cards.step()
        for _ in range(3):
            await look(Outbox(self.bot.database, self.bot.messages, files))

    async def fetch(self) -> None:
        """Fetch and check all photographs that were sent."""
        downloads = Downloads(
            self.bot.database,
            self.bot.telegram,
            self.bot.work.intake,
            self.folder / "spool",
            2,
            check_photo=self.photos.check,
            now=lambda: datetime.now(UTC) + timedelta(seconds=10),
        )
        for _ in range(30):
            await look(downloads)
            async with self.bot.database.transaction() as connection:
                query = "SELECT FROM incoming_files WHERE purpose = 'photo' AND finished_at IS NULL LIMIT 1"
                if await (await connection.execute(query)).fetchone() is None:
                    break
        await self.show()


class Sitter:
    """A person and their avatars."""

    def __init__(self, world: AvatarBot, person: Person) -> None:
        self.world, self.person = world, person

    async def sends(self, *contents: bytes, name: str = "photo.jpg", size: int | None = None) -> None:
        """Send pictures as an album, and have them fetched."""
        album = next(_albums)
        for content in contents:
            message = self.person.written("")
            file = AttachedFile(kind=FileKind.PHOTO, file_name=name, size_bytes=size or max(1, len(content)))
            self.world.bot.telegram.content[message.message_id] = content
            sent = message.model_copy(update={"picture": file, "album": album})
            context = Context(self.person.user, self.person.chat, self.person.hear)
            assert await self.world.takes_picture(context, sent)
            assert await self.world.takes_picture(context, sent), "a message that is handled again"
        await self.world.fetch()

    async def sends_good(self, count: int) -> None:
        await self.sends(*[photo(next(_seeds)) for _ in range(count)])

    async def begins(self, name: str = "Анна") -> None:
        """Make an avatar that waits for photographs."""
        await self.person.press_data("avatars")
        await self.person.press("➕ Новый аватар")
        await self.person.type(name, self.person.written("").message_id)
        await self.person.press("Женщина")
        await self.person.press("✔ Согласие есть")

    async def is_ready(self) -> int:
        """Make an avatar with ten photographs, without sending them; return its number."""
        bot, owner = self.world.bot, self.person.user.id
        avatar = await self.world.avatars.create(owner, self.person.chat, f"Анна {next(_seeds)}")
        await self.world.avatars.set_gender(owner, avatar.number, Gender.FEMALE)
        await self.world.avatars.consent(owner, avatar.number)
        async with bot.database.transaction() as connection:
            for seed in range(10):
                key = f"avatars/{owner}/{avatar.id}/photos/{seed}.jpg"
                await bot.objects.put_bytes(key, photo(seed))
                query = (
                    "INSERT INTO avatar_photos (id, avatar_id, sha256, likeness, object_key) VALUES (%s, %s, %s, 0, %s)"
                )
                await connection.execute(query, (new_id(), avatar.id, str(seed), key))
            await avatars_store.set_status(connection, avatar.id, AvatarStatus.READY_FOR_TRAINING)
        return avatar.number

    async def row(self, number: int = 1) -> dict[str, object]:
        """The row of an avatar."""
        async with self.world.bot.database.transaction() as connection:
            query = "SELECT * FROM avatars WHERE owner_id = %s AND number = %s"
            row = await (await connection.execute(query, (self.person.user.id, number))).fetchone()
        assert row is not None
        return dict(row)

    async def orders(self) -> list[dict[str, object]]:
        """The rows of the person's orders."""
        async with self.world.bot.database.transaction() as connection:
            query = "SELECT * FROM image_orders WHERE owner_id = %s ORDER BY created_at"
            return [dict(row) async for row in await connection.execute(query, (self.person.user.id,))]

    async def objects(self) -> list[str]:
        """Kind and extension of each object of the person."""
        start = f"avatars/{self.person.user.id}/"
        found = [key async for key in self.world.bot.objects.list_keys() if key.startswith(start)]
        return sorted(f"{key.split('/')[3]}.{key.rpartition('.')[2]}" for key in found)
