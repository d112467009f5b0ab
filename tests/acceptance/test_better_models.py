"""A fresh installation beside a model hub: nobody types anything, and Russian is heard by the model for it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config import ROOT
from model_hub import ModelHub
from product import MODELS, Product, checkout_with
from recording_files import speech
from tiny_gigaam import tiny_weights
from utils import load_yaml
from weights.installer import ensure_weights

pytestmark = pytest.mark.weights


@pytest.fixture
def state() -> Iterator[Path]:
    """Not under pytest's own directory, which is closed to the user of PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="voxpersona-fresh-") as folder:
        yield Path(folder) / "state"


async def test_a_fresh_installation_hears_russian_with_gigaam(state: Path, tmp_path: Path) -> None:
    for name in ("whisper-base", "voice-encoder"):
        await ensure_weights(name, MODELS)
    checkout = checkout_with(b"", tmp_path / "checkout")
    (checkout / "resources").unlink()
    (checkout / "resources").mkdir()
    for path in (ROOT / "resources").iterdir():
        if path.name != "weights.yaml":
            (checkout / "resources" / path.name).symlink_to(path)
    with ModelHub(tiny_weights(tmp_path, whisper=False), breaks={"v3_e2e_rnnt_encoder.int8.onnx": [700]}) as hub:
        listed = load_yaml((ROOT / "resources" / "weights.yaml").read_text(encoding="utf-8"))
        tiny = load_yaml((tmp_path / "weights.yaml").read_text(encoding="utf-8"))
        listed["gigaam-v3"] |= tiny["gigaam-v3"]
        (checkout / "resources" / "weights.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
        (state / "models").mkdir(parents=True)
        for name in ("whisper-base", "voice-encoder"):
            (state / "models" / name).symlink_to(MODELS / name)
        settings = {"MODEL_HUB": hub.address, "LLM_ENGINE": "none", "EMBEDDINGS_ENGINE": "off"}
        product = Product(state, settings, checkout=checkout, warm=False)
        recording = speech(tmp_path / "беседа.ogg", 6)
        done = product.run("process", recording, "--scenario", "none", "--json", "--out", tmp_path / "out")
    assert done.status == 0, done.said
    assert "Скачиваю веса: gigaam-v3" in done.said
    assert hub.asked.count("v3_e2e_rnnt_encoder.int8.onnx@700") == 1
    (transcript,) = (tmp_path / "out").glob("*/transcript.txt")
    assert "gigaam-v3-e2e-rnnt+whisper-base" in transcript.read_text(encoding="utf-8")
    assert "да." in transcript.read_text(encoding="utf-8")
