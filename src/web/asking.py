"""Questions and ratings as pages and the JSON interface take them."""

import texts.web
from chats.questions import said_to_no_question
from conversations.ratings import parsed_comment
from datamodels import UserId
from datamodels_chats import AnswerId, Occasion
from dialogs import get_user_lock
from errors import BadText
from text_cleaning import storable
from web.services import Services

_DOOR = "web"
_LONGEST_KEY = 64
_MOST_STARS = 5


async def asked_in(services: Services, owner: UserId, number: int, text: str, key: str) -> AnswerId:
    """Ask a question in a chat, once with the same ``key`` of the same person; return the id of its answer.

    Raises:
        BadText: it is no question.
        NotFound: the owner has no chat of that number.
    """
    question = storable(text).strip()
    if said := said_to_no_question(question):
        raise BadText(reason=said)
    occasion = Occasion(door=_DOOR, key=f"{owner}:{storable(key)[:_LONGEST_KEY]}")
    async with get_user_lock(owner):
        asked = await services.chats.asked(owner, occasion)
        return asked or await services.chats.ask(owner, occasion, question, number=number)


async def rated(services: Services, owner: UserId, answer_id: AnswerId, stars: str, comment: str) -> None:
    """Keep a rating of 1 to 5 stars, a comment, or both; what is "" stays as it was.

    Raises:
        BadText: there is nothing to keep, or it is no rating.
        NotFound: the owner has no such answer.
    """
    if stars and (not stars.isdecimal() or not 1 <= int(stars) <= _MOST_STARS):
        raise BadText(reason=texts.web.BAD_STARS)
    if not stars and not comment.strip():
        raise BadText(reason=texts.web.NO_RATING)
    kept = parsed_comment(comment) if comment.strip() else None
    if stars:
        await services.ratings.rate(owner, answer_id, int(stars))
    if kept is not None:
        await services.ratings.comment(owner, answer_id, kept)
