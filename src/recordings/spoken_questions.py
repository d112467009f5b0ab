"""Questions that are said into a browser: stored, and heard by the job of voice notes, each sound of a person once."""

from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from datamodels import UserId
from db import Database
from errors import BadText, NotFound, ProviderUnavailable
from limits import hourly
from random_ids import new_id
from recordings import spoken_store
from recordings.spoken import Enqueue
from texts.errors_in_chats import chat_text


class Said(NamedTuple):
    """What was said in a question."""

    id: UUID
    words: str


class SpokenQuestions:
    """The questions of everybody; ``enqueue`` adds the job that recognises one. A person may ask ``most`` an hour."""

    def __init__(self, database: Database, enqueue: Enqueue, most: int) -> None:
        self._database = database
        self._enqueue = enqueue
        self._most = most

    async def put(self, owner: UserId, sound: bytes) -> str:
        """Have a sound heard; return the key by which ``said`` finds it. One that was heard is not heard again.

        Raises:
            HourUsedUp: the owner has asked as often as one may within an hour.
        """
        key = sha256(sound).hexdigest()
        async with self._database.transaction() as connection:
            await hourly.lock(connection, owner)
            found = await spoken_store.find_question(connection, owner, key)
            if found is not None and (found.words is not None or found.is_refused):
                return key
            if found is None:
                await hourly.use(connection, hourly.Feature.RECOGNITION, owner, self._most)
            await self._enqueue(connection, await spoken_store.put_question(connection, new_id(), owner, key, sound))
        return key

    async def said(self, owner: UserId, key: str) -> Said | None:
        """Return what was said; None while it is not heard.

        Raises:
            BadText: nothing can be heard in it, or it is no sound, or too long.
            ProviderUnavailable: the engine failed, also when that was tried again.
            NotFound: the owner has put no such sound.
        """
        async with self._database.transaction() as connection:
            found = await spoken_store.find_question(connection, owner, key)
        if found is None:
            raise NotFound(what=f"spoken question {key} of {owner}")
        if found.is_refused:
            raise BadText(reason=chat_text(found.error_code, found.error_text))
        if found.words is None:
            if found.is_open:
                return None
            raise ProviderUnavailable(provider="speech to text", reason=found.error_code)
        return Said(found.id, found.words)
