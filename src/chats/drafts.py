"""What may be seen of an answer while a language model writes it.

Nothing is shown that no passage supports: whole sentences as in the finished answer, with the citations that hold, and
of the sentence that is being written its words without a citation, as long as a passage has them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from chats import asking_store
from chats.attribution import attributed, joined
from chats.citations import SIGN
from chats.refusals import begins_with_mark, is_refusal
from chats.support import content_of, statement_of, supports
from datamodels_chats import AnswerId, Passage
from db import Database
from language_model.port import OnText
from system.ending import end_tasks
from text_cleaning import ELLIPSIS, printable, storable

log = structlog.get_logger(__name__)

LONGEST_ANSWER = 6000
"""Characters of an answer that people get: about two messages. Some servers do not keep to the tokens that were asked
for."""
_PAUSE_S = 0.8
"""Between two drafts: Telegram takes about one edit a second in a chat."""
_LOOK_S = 0.05
"""Between two looks at a text of which nothing can be shown yet."""

_UNFINISHED = re.compile(r"[\[【(][^\]】)]{0,20}$")
_BEFORE_SIGN = re.compile(r"\s+([,.;:!?…])")

ShowDraft = Callable[[str], Awaitable[None]]


def draft_of(text: str, passages: Sequence[Passage]) -> str:
    """Return what may be seen of the beginning of an answer; "" while that is nothing. Blocking."""
    written = printable(storable(text)).strip()[:LONGEST_ANSWER]
    if not written or begins_with_mark(written):
        return ""
    *whole, last = attributed(written, passages)
    if any(is_refusal(each.written.text) for each in whole if not each.text):
        return ""
    said, _ = joined(whole, LONGEST_ANSWER)
    words = _carried(last.written.text, passages)
    gap = "\n" if whole and whole[-1].written.line != last.written.line else " "
    return f"{said}{gap}{words}{ELLIPSIS}".lstrip() if said or words else ""


def _carried(sentence: str, passages: Sequence[Passage]) -> str:
    """Return the words of a sentence that is being written, if a passage has them; its last word may be half of one."""
    written = _UNFINISHED.sub("", sentence.replace(SIGN, ""))
    words = _BEFORE_SIGN.sub(r"\1", " ".join(written.split()[:-1]))
    statement = statement_of(words)
    return words if any(supports(content_of(passage), statement) for passage in passages) else ""


@asynccontextmanager
async def shown_while_written(passages: Sequence[Passage], show: ShowDraft | None) -> AsyncIterator[OnText | None]:
    """Yield what takes the text of an answer while it is written, and ``show`` what may be seen of it meanwhile.

    Yield None where nobody is shown it. What cannot be shown now is no reason to have no answer.
    """
    if show is None:
        yield None
        return
    latest, came = "", asyncio.Event()

    def on_text(text: str) -> None:
        nonlocal latest
        latest = text
        came.set()

    async def follow() -> None:
        shown = ""
        while True:
            await came.wait()
            came.clear()
            draft = await asyncio.to_thread(draft_of, latest, passages)
            if draft != shown:
                shown = draft
                await show(draft)
            await asyncio.sleep(_PAUSE_S if draft else _LOOK_S)

    following = asyncio.create_task(follow())
    try:
        yield on_text
    finally:
        await end_tasks([following])
        if not following.cancelled() and (error := following.exception()) is not None:
            log.warning("draft_not_shown", exc_info=error)


class Drafts:
    """The drafts of answers that are being written, in the database: the messenger's process may be another one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, answer_id: AnswerId) -> ShowDraft:
        """Return what keeps the draft of an answer, until the answer has ended."""

        async def show(draft: str) -> None:
            async with self._database.transaction() as connection:
                await asking_store.set_draft(connection, answer_id, draft)

        return show
