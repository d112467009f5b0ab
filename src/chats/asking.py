"""What people do about a question besides asking it: where a chat is searched, asking again, better questions."""

from collections.abc import Callable
from uuid import UUID, uuid5

import chat_history
from chats import asking_store
from chats.asking_store import Proposals
from chats.threads import EnqueueAnswer
from datamodels import UserId
from datamodels_chats import AnswerId, Chat, QuestionToAnswer, ReturnAddress
from datamodels_search import ChatFilters, Condition, Corpus, Search
from db import Database
from errors import NotFound
from limits import hourly
from limits.reservations import reserve_question

Change = Callable[[ChatFilters], ChatFilters]


class Asking:
    """Changes how questions are answered. ``enqueue`` adds the job that makes an answer or proposals.

    A person may ask ``most`` questions an hour, those of ``Chats`` among them.
    """

    def __init__(self, database: Database, enqueue: EnqueueAnswer, most: int) -> None:
        self._database = database
        self._enqueue = enqueue
        self._most = most

    async def question(self, owner: UserId, answer_id: AnswerId) -> QuestionToAnswer:
        """Load the question that an answer of the owner's is about.

        Raises:
            NotFound: the owner has no such answer.
        """
        async with self._database.transaction() as connection:
            asked = await chat_history.find_to_answer(connection, answer_id)
        if asked is None or asked.owner_id != owner:
            raise NotFound(what=f"answer {answer_id} of {owner}")
        return asked

    async def filters(self, owner: UserId, number: int, change: Change | None = None) -> tuple[Chat, ChatFilters]:
        """Load a chat with its filters, which are changed first if there is a ``change``.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            filters = await asking_store.lock_filters(connection, owner, number)
            if change is not None:
                filters = change(filters)
                await asking_store.set_filters(connection, owner, number, filters)
            return await chat_history.get_chat(connection, owner, number), filters

    async def is_asked_again(self, answer_id: AnswerId, search: Search) -> bool:
        """Tell whether the question of an answer was asked again in this way."""
        async with self._database.transaction() as connection:
            return await asking_store.is_asked_again(connection, _again(answer_id, search))

    async def ask_again(self, owner: UserId, answer_id: AnswerId, search: Search, return_to: ReturnAddress) -> None:
        """Ask the question of an answer again in another way, with a job that answers it.

        Raises:
            NotFound: the owner has no such answer.
            HourUsedUp, LimitReached: the owner has asked as much as may be asked.
        """
        asked = await self.question(owner, answer_id)
        again = _again(answer_id, search)
        async with self._database.transaction() as connection:
            await asking_store.add_answer(connection, again, asked.question_id, search, return_to)
            await hourly.use(connection, hourly.Feature.CHAT, owner, self._most)
            await reserve_question(connection, owner, again, asked.text)
            await self._enqueue(connection, owner, again)

    async def propose(self, owner: UserId, answer_id: AnswerId, occasion: str, return_to: ReturnAddress) -> None:
        """Have better questions made than that of an answer; the same ``occasion`` has it done once.

        Raises:
            NotFound: the owner has no such answer.
        """
        await self.question(owner, answer_id)
        wanted = uuid5(answer_id, f"proposals {occasion}")
        async with self._database.transaction() as connection:
            if await asking_store.add_proposals(connection, wanted, answer_id, return_to):
                await self._enqueue(connection, owner, AnswerId(wanted))

    async def proposed(self, owner: UserId, id_: UUID, number: int) -> str:
        """Return one of the proposed questions, counted from 1.

        Raises:
            NotFound: the owner has no such proposals, or not so many.
        """
        async with self._database.transaction() as connection:
            found: Proposals | None = await asking_store.find_proposals(connection, id_)
        questions = (found.questions or ()) if found is not None and found.owner_id == owner else ()
        if not 1 <= number <= len(questions):
            raise NotFound(what=f"proposal {number} of {id_}")
        return questions[number - 1]


def with_corpus(filters: ChatFilters, corpus: Corpus, *, wanted: bool) -> ChatFilters:
    """Return the filters with or without a corpus; all corpora are no condition. Unchanged where none would be left."""
    chosen = set(filters.corpora or Corpus)
    chosen = chosen | {corpus} if wanted else chosen - {corpus}
    kept = () if chosen == set(Corpus) else tuple(each for each in Corpus if each in chosen)
    return filters.model_copy(update={"corpora": kept}) if chosen else filters


def without(search: Search, condition: Condition) -> Search:
    """Return the search without one condition more."""
    removed = {*search.without, condition}
    return search.model_copy(update={"without": tuple(each for each in Condition if each in removed)})


def _again(answer_id: AnswerId, search: Search) -> AnswerId:
    """Return the id of the answer to be: the same question asked in the same way is one."""
    return AnswerId(uuid5(answer_id, search.model_dump_json()))
