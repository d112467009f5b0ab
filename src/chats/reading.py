"""What a person reads in a chat that shows itself: the latest answers, and one of them while it is being written."""

from collections.abc import Sequence

import chat_history
from chats import reading_store
from datamodels import RecordingId, UserId
from datamodels_chats import AnswerId, Chat, ReadAnswer, Source
from db import Connection, Database
from errors import NotFound

SHOWN = 50


class ChatReading:
    """The answers of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chat(self, owner: UserId, number: int) -> tuple[Chat, Sequence[ReadAnswer]]:
        """Load a chat of the owner with its ``SHOWN`` latest answers, in the order of their questions.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            chat = await chat_history.get_chat(connection, owner, number)
            answers = await reading_store.latest(connection, owner, number, SHOWN)
            return chat, await _with_cited(connection, owner, answers)

    async def answer(self, owner: UserId, answer_id: AnswerId) -> ReadAnswer:
        """Load an answer of the owner as it stands.

        Raises:
            NotFound: the owner has no such answer.
        """
        async with self._database.transaction() as connection:
            found = await reading_store.find(connection, owner, answer_id)
            if found is None:
                raise NotFound(what=f"answer {answer_id} of {owner}")
            [answer] = await _with_cited(connection, owner, [found])
        return answer


def source_in(answer: ReadAnswer, number: int) -> tuple[Source, RecordingId]:
    """Return the source of an answer that is a place in a recording, and the recording.

    Raises:
        NotFound: the answer has no such source.
    """
    for source in answer.outcome.sources if answer.outcome else ():
        if source.number == number and source.recording_id is not None and source.section is None:
            return source, source.recording_id
    raise NotFound(what=f"source {number} of {answer.id}")


async def _with_cited(connection: Connection, owner: UserId, answers: Sequence[ReadAnswer]) -> list[ReadAnswer]:
    ids = {source.recording_id for each in answers if each.outcome for source in each.outcome.sources} - {None}
    cited = await reading_store.cited(connection, owner, [each for each in ids if each is not None])
    return [each.model_copy(update={"cited": cited}) for each in answers]
