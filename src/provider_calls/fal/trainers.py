"""The trainers of the service: names of fields, prices, and the model that paints with what each has trained."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple


class TrainerName(StrEnum):
    PORTRAIT = "portrait"
    TURBO = "turbo"
    FLUX2 = "flux2"


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: int
    height: int


class Trainer(NamedTuple):
    """``photos`` and ``trigger`` are names of fields; ``steps`` is how many the trainer is asked for by default.

    Prices are in US dollars: of one step, and of a million pixels that ``inference`` paints.
    """

    application: str
    photos: str
    trigger: str
    steps: int
    options: Mapping[str, Any]
    step_usd: Decimal
    inference: str
    painting: Mapping[str, Any]
    megapixel_usd: Decimal

    def training(self, photos_url: str, trigger: str, steps: int) -> dict[str, Any]:
        """Return the input of a training."""
        return {self.photos: photos_url, self.trigger: trigger, "steps": steps, **self.options}

    def painted(self, prompt: str, weights_url: str, size: Size) -> dict[str, Any]:
        """Return the input of one picture; its size is exact, since the named sizes have other shapes."""
        return {
            "prompt": prompt,
            "loras": [{"path": weights_url, "scale": 1.0}],
            "image_size": {"width": size.width, "height": size.height},
            "num_images": 1,
            "enable_safety_checker": True,
            **self.painting,
        }

    def training_usd(self, steps: int) -> Decimal:
        return self.step_usd * steps

    def picture_usd(self, size: Size) -> Decimal:
        return self.megapixel_usd * size.width * size.height / 1_000_000


TRAINERS: Mapping[TrainerName, Trainer] = MappingProxyType(
    {
        TrainerName.PORTRAIT: Trainer(
            application="fal-ai/flux-lora-portrait-trainer",
            photos="images_data_url",
            trigger="trigger_phrase",
            steps=2500,
            options={"multiresolution_training": True, "subject_crop": True, "create_masks": False},
            step_usd=Decimal("0.0024"),
            inference="fal-ai/flux-lora",
            painting={"num_inference_steps": 28, "guidance_scale": 3.5},
            megapixel_usd=Decimal("0.035"),
        ),
        TrainerName.TURBO: Trainer(
            application="fal-ai/turbo-flux-trainer",
            photos="images_data_url",
            trigger="trigger_phrase",
            steps=1000,
            options={"training_style": "subject", "face_crop": True},
            step_usd=Decimal("0.0024"),
            inference="fal-ai/flux-lora",
            painting={"num_inference_steps": 28, "guidance_scale": 3.5},
            megapixel_usd=Decimal("0.035"),
        ),
        TrainerName.FLUX2: Trainer(
            application="fal-ai/flux-2-trainer",
            photos="image_data_url",
            trigger="default_caption",
            steps=1000,
            options={},
            step_usd=Decimal("0.0064"),
            inference="fal-ai/flux-2/lora",
            painting={"num_inference_steps": 28, "guidance_scale": 2.5},
            megapixel_usd=Decimal("0.021"),
        ),
    }
)
