"""What pages show of avatars, in words."""

from typing import Any, NamedTuple

import texts.web_avatars
from avatars.models import (
    COLLECTING,
    FEWEST_PHOTOS,
    MOST_PHOTOS,
    Aspect,
    AvatarCard,
    AvatarStatus,
    ImageOrder,
    OrderKind,
    OrderState,
)
from datamodels import UserId
from errors import NotFound
from markups.avatars import dollars, why_refused, why_waiting
from system.local_time import local
from texts.errors_in_chats import chat_text
from web.services import AvatarServices, Services

_ON_PAGE = 12


class Stage(NamedTuple):
    """How far a training is, and what is in its way, if anything is."""

    text: str
    trouble: str


def avatars_of(services: Services) -> AvatarServices:
    """Return what avatars are made with.

    Raises:
        NotFound: there are none here.
    """
    if services.avatars is None:
        raise NotFound(what="avatars")
    return services.avatars


async def shown_avatar(made_with: AvatarServices, owner: UserId, number: int, page: int) -> dict[str, Any]:
    """Return what the page of an avatar shows, with one page of its pictures; raises as ``Avatars.card``."""
    avatars = made_with.avatars
    card, painting = await avatars.card(owner, number), await avatars.painting(owner, number)
    _, pictures, total = await avatars.gallery(owner, number, page, _ON_PAGE)
    pages, avatar = max(1, -(-total // _ON_PAGE)), card.avatar
    trainer = avatars.rules.trainer if card.order is None else card.order.trainer
    return {
        "card": card,
        "avatar": avatar,
        "reason": chat_text(avatar.error_code, avatar.error_text),
        "refused": [(why_refused(reason), count) for reason, count in card.photos.refused.items()],
        "fewest": FEWEST_PHOTOS,
        "most": MOST_PHOTOS,
        "steps": avatars.rules.steps,
        "price": dollars(avatars.rules.training_usd),
        "left": await avatars.left(owner, OrderKind.TRAINING),
        "start": _start(card),
        "stage": _stage(card.order) if avatar.status is AvatarStatus.TRAINING else None,
        "collecting": avatar.status in COLLECTING,
        "painting": [(each, why_waiting(each) if each.is_open else _why_failed(each)) for each in painting],
        "picture_price": dollars(avatars.rules.picture_usd(trainer, Aspect.SQUARE)),
        "pictures_left": await avatars.left(owner, OrderKind.PICTURE),
        "pictures": pictures,
        "total": total,
        "page": min(page, pages),
        "pages": pages,
        "goes_on": avatar.status in {*COLLECTING, AvatarStatus.TRAINING} or any(each.is_open for each in painting),
    }


def _why_failed(order: ImageOrder) -> str:
    return chat_text(order.error_code, order.error_text)


def _start(card: AvatarCard) -> str | None:
    """Return what the button says that starts a training, None where none can be started."""
    match card.avatar.status:
        case AvatarStatus.READY_FOR_TRAINING:
            return texts.web_avatars.START
        case AvatarStatus.ERROR if card.avatar.is_uncertain:
            return texts.web_avatars.START_UNCERTAIN
        case AvatarStatus.ERROR | AvatarStatus.CANCELLED:
            return texts.web_avatars.START_AGAIN
        case _:
            return None


def _stage(order: ImageOrder | None) -> Stage:
    if order is None:
        return Stage(texts.web_avatars.STAGES[None], "")
    known = {OrderState.WAITING: None, OrderState.SENDING: "sending"}
    stage = texts.web_avatars.STAGES[known.get(order.state, order.stage or "sent")]
    if order.cancel_wanted:
        stage = texts.web_avatars.STAGE_CANCELLING
    time = f"{local(order.sent_at or order.created_at):%H:%M}"
    trouble = ""
    if order.error_code is not None:
        trouble = texts.web_avatars.TROUBLE.format(reason=why_waiting(order))
    return Stage(texts.web_avatars.SINCE.format(stage=stage, time=time), trouble)
