"""A double of the service for test mode and tests: the same contract over HTTP, with a key of its own.

Nothing is trained: weights are a few bytes in the right format, pictures are empty but for the word «ТЕСТ». It judges
what comes as the service does, and forgets everything when its process ends.
"""

import asyncio
import base64
import io
import json
import secrets
import zipfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import httpx2
import matplotlib as mpl
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from PIL import Image, ImageDraw, ImageFont

from provider_calls.fal.trainers import TRAINERS

MARK = "ТЕСТ"
_LOOKS = 2
"""How many looks find an order unfinished."""
_FEWEST_PHOTOS = 10
_DELIVERY_S = 5.0


@dataclass
class DoubledOrder:
    """An order at the double. ``looks`` are those that still find it unfinished, ``failure`` is how it ends if so."""

    application: str
    body: dict[str, Any]
    webhook: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    looks: int = _LOOKS
    failure: str = ""
    cancelled: bool = False

    @property
    def is_over(self) -> bool:
        return self.looks <= 0 or self.cancelled


class FalDouble:
    """The double's state. ``orders`` are all that were taken, ``files`` what is at its public addresses."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.orders: dict[str, DoubledOrder] = {}
        self.files: dict[str, bytes] = {}
        self.erased: list[str] = []
        self.signing = ECC.generate(curve="Ed25519")
        self._told: set[asyncio.Task[None]] = set()

    def published_keys(self) -> dict[str, Any]:
        """Return the JWKS."""
        x = base64.urlsafe_b64encode(self.signing.public_key().export_key(format="raw")).decode().rstrip("=")
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "double", "x": x}]}

    def delivery(self, order: DoubledOrder, at: float | None = None) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the webhook of an order; ``at`` is its time, in Unix time."""
        failed = bool(order.failure)
        told = {
            "request_id": order.id,
            "gateway_request_id": order.id,
            "status": "ERROR" if failed else "OK",
            "payload": None if failed else self.output(order),
            **({"error": order.failure} if failed else {}),
        }
        body, timestamp, person = json.dumps(told).encode(), str(int(time() if at is None else at)), "double"
        signed = "\n".join((order.id, person, timestamp, sha256(body).hexdigest())).encode()
        headers = {
            "X-Fal-Webhook-Request-Id": order.id,
            "X-Fal-Webhook-User-Id": person,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": eddsa.new(self.signing, "rfc8032").sign(signed).hex(),
            "Content-Type": "application/json",
        }
        return headers, body

    def output(self, order: DoubledOrder, base: str = "") -> dict[str, Any]:
        """Return the output of an order, its files among ``files`` from then on."""
        if "loras" not in order.body:
            self.files.setdefault(f"{order.id}.safetensors", doubled_weights())
            return {
                "diffusers_lora_file": {"url": f"{base}/files/{order.id}.safetensors"},
                "config_file": {"url": f"{base}/files/{order.id}.json"},
            }
        size = order.body["image_size"]
        self.files.setdefault(f"{order.id}.png", doubled_picture(size["width"], size["height"]))
        picture = {"url": f"{base}/files/{order.id}.png", "content_type": "image/png", **size}
        return {"images": [picture], "seed": 1, "has_nsfw_concepts": [False], "prompt": order.body["prompt"]}

    def problem(self, application: str, body: dict[str, Any]) -> str:
        """Return why an input is refused, "" when it is not."""
        trainer = next((each for each in TRAINERS.values() if each.application == application), None)
        if trainer is not None:
            return self._problem_of_training(body.get(trainer.photos), body.get(trainer.trigger), body.get("steps"))
        if application not in {each.inference for each in TRAINERS.values()}:
            return "no such application"
        loras, size = body.get("loras"), body.get("image_size")
        if not isinstance(body.get("prompt"), str) or not isinstance(loras, list) or not isinstance(size, dict):
            return "prompt, loras and image_size are needed"
        if any(self._file(each.get("path")) is None for each in loras):
            return "weights cannot be fetched"
        return "" if all(512 <= int(each) <= 2048 for each in size.values()) else "image_size"

    def tell(self, order: DoubledOrder) -> None:
        """Deliver the webhook of an order, once."""
        if order.webhook is None:
            return
        task = asyncio.create_task(self._deliver(order.webhook, *self.delivery(order)))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> None:
        try:
            async with httpx2.AsyncClient(timeout=_DELIVERY_S) as client:
                await client.post(url, content=body, headers=headers)
        except httpx2.HTTPError:
            # It was lost, as real ones are: whoever ordered asks.
            return

    def _problem_of_training(self, url: object, trigger: object, steps: object) -> str:
        content = self._file(url)
        if content is None or not isinstance(trigger, str) or not isinstance(steps, int):
            return "photos, trigger and steps are needed"
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                names = packed.namelist()
                for name in names:
                    Image.open(packed.open(name)).verify()
        except (zipfile.BadZipFile, OSError, ValueError):
            return "photos cannot be read"
        return "" if len(names) >= _FEWEST_PHOTOS else "too few photos"

    def _file(self, url: object) -> bytes | None:
        return self.files.get(url.rpartition("/")[2]) if isinstance(url, str) else None


def double_application(double: FalDouble) -> FastAPI:
    """Make the application that answers as the service does, all of its hosts at one address."""
    silent = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=silent)
    application.include_router(_storage(double))
    application.include_router(_orders(double))
    application.include_router(_submitting(double))
    return application


def _base(double: FalDouble, request: Request) -> str:
    """Return the double's own address for who has its key."""
    if not secrets.compare_digest(request.headers.get("authorization", ""), f"Key {double.key}"):
        raise HTTPException(401)
    return str(request.base_url).rstrip("/")


def _order(double: FalDouble, id_: str) -> DoubledOrder:
    if id_ not in double.orders:
        raise HTTPException(404)
    return double.orders[id_]


def _storage(double: FalDouble) -> APIRouter:
    router = APIRouter()

    @router.get("/.well-known/jwks.json")
    async def keys() -> dict[str, Any]:
        return double.published_keys()

    @router.post("/storage/upload/initiate")
    async def initiate(request: Request) -> dict[str, str]:
        base, asked = _base(double, request), await request.json()
        name = f"{uuid4().hex}-{asked['file_name']}"
        return {"upload_url": f"{base}/upload/{name}", "file_url": f"{base}/files/{name}"}

    @router.put("/upload/{name}")
    async def upload(name: str, request: Request) -> Response:
        double.files[name] = await request.body()
        return Response()

    @router.get("/files/{name}")
    async def file(name: str) -> Response:
        if name not in double.files:
            raise HTTPException(404)
        return Response(double.files[name], media_type="application/octet-stream")

    @router.delete("/v1/models/requests/{id_}/payloads")
    async def erase(id_: str, request: Request) -> dict[str, Any]:
        _base(double, request)
        _order(double, id_)
        double.erased.append(id_)
        for name in [each for each in double.files if each.startswith(id_)]:
            del double.files[name]
        return {"cdn_delete_results": []}

    return router


def _orders(double: FalDouble) -> APIRouter:
    router = APIRouter(prefix="/{owner}/{app}/requests/{id_}")

    @router.get("/status")
    async def status(id_: str, request: Request) -> Response:
        _base(double, request)
        order = _order(double, id_)
        order.looks -= 1
        if not order.is_over:
            return JSONResponse({"status": "IN_PROGRESS" if order.looks < _LOOKS - 1 else "IN_QUEUE"}, 202)
        if order.looks == 0:
            double.tell(order)
        failed = {"error": order.failure, "error_type": "internal_error"} if order.failure else {}
        return JSONResponse({"status": "COMPLETED", "request_id": id_, **failed})

    @router.get("")
    async def result(id_: str, request: Request) -> Response:
        base, order = _base(double, request), _order(double, id_)
        if not order.is_over:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if order.failure or order.cancelled:
            return JSONResponse({"detail": order.failure or "cancelled"}, 422)
        return JSONResponse(double.output(order, base))

    @router.put("/cancel")
    async def cancel(id_: str, request: Request) -> Response:
        _base(double, request)
        order = _order(double, id_)
        if order.is_over:
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        order.cancelled = True
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    return router


def _submitting(double: FalDouble) -> APIRouter:
    router = APIRouter()

    @router.post("/{owner}/{path:path}")
    async def submit(owner: str, path: str, request: Request, fal_webhook: str | None = None) -> Response:
        base, body = _base(double, request), await request.json()
        if problem := double.problem(f"{owner}/{path}", body):
            return JSONResponse({"detail": problem}, 422)
        order = DoubledOrder(f"{owner}/{path}", body, fal_webhook)
        double.orders[order.id] = order
        address = f"{base}/{owner}/{path.partition('/')[0]}/requests/{order.id}"
        return JSONResponse(
            {
                "status": "IN_QUEUE",
                "request_id": order.id,
                "gateway_request_id": order.id,
                "status_url": f"{address}/status",
                "response_url": address,
                "cancel_url": f"{address}/cancel",
            }
        )

    return router


def doubled_weights() -> bytes:
    """Return weights in the right format that can do nothing: one tensor of one number."""
    tensors = {"__metadata__": {"test": "1"}, "test": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    header = json.dumps(tensors).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


def doubled_picture(width: int, height: int) -> bytes:
    """Return an empty picture that says what it is."""
    picture = Image.new("RGB", (width, height), "#e8e8e8")
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(fonts / "DejaVuSans-Bold.ttf"), min(width, height) // 5)
    ImageDraw.Draw(picture).text((width / 2, height / 2), MARK, fill="#c03030", font=font, anchor="mm")
    saved = io.BytesIO()
    picture.save(saved, "PNG")
    return saved.getvalue()
