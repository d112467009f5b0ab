"""What avatars are made by in this installation: the trainer, its prices, how many each person has in a month."""

from decimal import Decimal
from typing import NamedTuple

from avatars.models import SIZES, Aspect
from provider_calls.fal.trainers import TRAINERS, Trainer, TrainerName


class AvatarRules(NamedTuple):
    """``trainings`` and ``pictures`` are the most that a person orders in a month; ``is_test`` marks a double."""

    trainer: TrainerName
    steps: int
    trainings: int
    pictures: int
    is_test: bool = False

    @property
    def table(self) -> Trainer:
        return TRAINERS[self.trainer]

    @property
    def training_usd(self) -> Decimal:
        return self.table.training_usd(self.steps)

    def picture_usd(self, trainer: TrainerName, aspect: Aspect) -> Decimal:
        return TRAINERS[trainer].picture_usd(SIZES[aspect])
