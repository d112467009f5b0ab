"""Values of avatars. Times are aware, money is in US dollars."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, NewType
from uuid import UUID

from datamodels import UserId, Value
from datamodels_telegram import ChatId, MessageId
from errors_of_operation import ImageOrderUncertain
from provider_calls.fal.trainers import Size, TrainerName

AvatarId = NewType("AvatarId", UUID)
OrderId = NewType("OrderId", UUID)

FEWEST_PHOTOS = 10
MOST_PHOTOS = 20
DELAY = timedelta(minutes=5)
"""A picture is painted in seconds: whose picture is in trouble for so long is told."""


class AvatarStatus(StrEnum):
    """The status of an avatar, in its order; from an error or a cancellation it can be trained again."""

    DRAFT = "draft"
    PHOTOS_UPLOADING = "photos_uploading"
    READY_FOR_TRAINING = "ready_for_training"
    TRAINING = "training"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"


COLLECTING = frozenset({AvatarStatus.PHOTOS_UPLOADING, AvatarStatus.READY_FOR_TRAINING})
"""While photographs are taken."""
TRAINABLE = frozenset({AvatarStatus.READY_FOR_TRAINING, AvatarStatus.ERROR, AvatarStatus.CANCELLED})


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"


class OrderKind(StrEnum):
    TRAINING = "training"
    PICTURE = "picture"


class OrderState(StrEnum):
    """The state of an order. One that is ``SENDING`` while nobody sends it may have been taken or not."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Paid(StrEnum):
    """Whether the service takes money for an order; it may have taken one whose answer was lost."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Patience(NamedTuple):
    """How long an order is waited for: for so long by the clock, which may be set, and over so many looks at least."""

    age: timedelta
    looks: int


GIVEN_UP: Mapping[OrderKind, Patience] = MappingProxyType(
    {
        OrderKind.TRAINING: Patience(timedelta(hours=24), 720),
        OrderKind.PICTURE: Patience(timedelta(hours=2), 120),
    }
)
"""A service that has not said by then what became of an order, or not given it out, will not do so any more."""
UNKNOWN: Mapping[OrderKind, Patience] = MappingProxyType(
    {
        OrderKind.TRAINING: Patience(timedelta(minutes=15), 30),
        OrderKind.PICTURE: Patience(timedelta(minutes=2), 4),
    }
)
"""A service that does not know an order by then, or tells of another one, twice in a row, has lost it."""


class Aspect(StrEnum):
    """The shape of a picture; the values are words that a button can carry."""

    SQUARE = "square"
    PORTRAIT = "portrait"
    TALL = "tall"
    WIDE = "wide"


SIZES: Mapping[Aspect, Size] = MappingProxyType(
    {
        Aspect.SQUARE: Size(1024, 1024),
        Aspect.PORTRAIT: Size(864, 1152),
        Aspect.TALL: Size(720, 1280),
        Aspect.WIDE: Size(1280, 720),
    }
)
"""Exactly 1:1, 3:4, 9:16 and 16:9, about a million pixels each."""


class Avatar(Value):
    """A row of ``avatars``; without a ``chat_id`` it is shown in a browser alone."""

    id: AvatarId
    owner_id: UserId
    number: int
    chat_id: ChatId | None
    name: str
    gender: Gender | None
    status: AvatarStatus
    is_test: bool
    weights_key: str | None
    error_code: str | None
    error_text: str | None
    version: int
    card_id: MessageId | None
    card_random_id: int
    card_wanted: bool

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody knows what became of its training at the service."""
        return self.error_code == ImageOrderUncertain.code


class ImageOrder(Value):
    """A row of ``image_orders``: a training, or a picture whose ``prompt`` and ``aspect`` are set.

    ``stage`` is the latest that the service said of it; ``number`` is its owner's, of its kind. ``sent_for`` is how
    long ago the service took it, by the clock of the database, which wrote when, and ``looks`` how often it was asked.
    """

    id: OrderId
    owner_id: UserId
    avatar_id: AvatarId | None
    kind: OrderKind
    number: int
    state: OrderState
    trainer: TrainerName
    steps: int | None
    prompt: str | None
    aspect: Aspect | None
    price_usd: Decimal
    is_test: bool
    request_id: str | None
    status_url: str | None
    response_url: str | None
    cancel_url: str | None
    stage: str | None
    cancel_wanted: bool
    object_key: str | None
    error_code: str | None
    error_text: str | None
    created_at: datetime
    sent_at: datetime | None
    sent_for: timedelta | None
    looks: int

    @property
    def is_open(self) -> bool:
        return self.state in {OrderState.WAITING, OrderState.SENDING, OrderState.SENT}

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody knows if the service has taken it."""
        return self.error_code == ImageOrderUncertain.code

    def has_exhausted(self, patience: Patience) -> bool:
        """Tell whether it was waited for as long as ``patience`` says."""
        return self.sent_for is not None and self.sent_for >= patience.age and self.looks >= patience.looks


class Photo(Value):
    """A photograph that was accepted."""

    id: UUID
    object_key: str


class PhotoCounts(Value):
    """How many photographs of an avatar were accepted and are on their way; ``refused`` counts by the reason."""

    accepted: int
    waiting: int
    refused: dict[str, int]


class AvatarCard(Value):
    """What a card shows: ``order`` is the latest training, ``pictures`` counts those that are done.

    ``delayed`` are pictures of which their person was told that they come late.
    Without ``may_order`` its person may only look, cancel and delete.
    """

    avatar: Avatar
    photos: PhotoCounts
    order: ImageOrder | None
    pictures: int
    delayed: tuple[ImageOrder, ...]
    may_order: bool
