"""Tiny models of GigaAM's forms, which say «да» for each stretch of sound: for what the adapter over onnx-asr does.

``write_model`` is a CTC, ``write_transducer`` an RNN-T of three networks with the names, types and shapes of
GigaAM v3's, in files that are called as on the hub.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

VOCABULARY = ["▁да", ".", "<blk>"]
CONFIG = """{
    "model_type": "gigaam",
    "version": "v3",
    "features_size": 64,
    "subsampling_factor": 4,
    "max_tokens_per_step": 3
}"""
"""As on the hub, to the byte."""


def write_model(directory: Path, *, inventing: bool = False) -> None:
    """Write a model that hears the loudness of each fourth feature frame: «▁да» when loud, else a blank.

    One that is ``inventing`` says it also where there is nothing at all, as real ones do without voice activity.
    """
    _write_texts(directory, "v3_e2e_ctc")
    constants = {
        **_loudness_constants(inventing=inventing),
        "yes": np.log(np.array([0.9, 0.05, 0.05], np.float32)),
        "blank": np.log(np.array([0.05, 0.05, 0.9], np.float32)),
        "last": np.array([2]),
    }
    nodes = [
        *_loud_frames("features"),
        helper.make_node("Unsqueeze", ["loud", "last"], ["is_yes"]),
        helper.make_node("Where", ["is_yes", "yes", "blank"], ["log_probs"]),
    ]
    floats, whole = TensorProto.FLOAT, TensorProto.INT64
    inputs: Shapes = {"features": (floats, ["batch", 64, "time"]), "feature_lengths": (whole, ["batch"])}
    outputs: Shapes = {"log_probs": (floats, ["batch", "fourths", 3])}
    _save(nodes, inputs, outputs, constants, directory / "v3_e2e_ctc.onnx")


def write_transducer(directory: Path) -> None:
    """Write an RNN-T that says «▁да» where sound begins and «.» where it ends."""
    _write_texts(directory, "v3_e2e_rnnt")
    floats, whole, narrow = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32
    _save(
        [
            *_loud_frames("audio_signal"),
            helper.make_node("Cast", ["loud"], ["sounding"], to=floats),
            helper.make_node("Pad", ["sounding", "edge"], ["padded"]),
            helper.make_node("Slice", ["padded", "zero", "minus_one", "time_axis"], ["before"]),
            helper.make_node("Sub", ["sounding", "before"], ["edges"]),
            helper.make_node("Relu", ["edges"], ["begins"]),
            helper.make_node("Neg", ["edges"], ["falls"]),
            helper.make_node("Relu", ["falls"], ["ends_here"]),
            helper.make_node("Unsqueeze", ["begins", "channel_axis"], ["first"]),
            helper.make_node("Unsqueeze", ["ends_here", "channel_axis"], ["second"]),
            helper.make_node("Concat", ["first", "second"], ["both"], axis=1),
            helper.make_node("Pad", ["both", "other_channels"], ["encoded"]),
            helper.make_node("Sub", ["length", "one"], ["last_frame"]),
            helper.make_node("Div", ["last_frame", "four"], ["whole_fourths"]),
            helper.make_node("Add", ["whole_fourths", "one"], ["counted"]),
            helper.make_node("Cast", ["counted"], ["encoded_len"], to=narrow),
        ],
        {"audio_signal": (floats, ["batch", 64, "time"]), "length": (whole, ["batch"])},
        {"encoded": (floats, ["batch", 768, "fourths"]), "encoded_len": (narrow, ["batch"])},
        {
            **_loudness_constants(),
            "edge": np.array([0, 1, 0, 0]),
            "zero": np.array([0]),
            "minus_one": np.array([-1]),
            "channel_axis": np.array([1]),
            "other_channels": np.array([0, 0, 0, 0, 766, 0]),
            "one": np.array(1),
            "four": np.array(4),
        },
        directory / "v3_e2e_rnnt_encoder.int8.onnx",
    )
    state = (floats, [1, 1, 320])
    _save(
        [
            helper.make_node("Equal", ["x", "yes"], ["is_yes"]),
            helper.make_node("Cast", ["is_yes"], ["said"], to=floats),
            helper.make_node("Unsqueeze", ["said", "last_axis"], ["narrow"]),
            helper.make_node("Pad", ["narrow", "others"], ["dec"]),
            helper.make_node("Identity", ["h.1"], ["h"]),
            helper.make_node("Identity", ["c.1"], ["c"]),
        ],
        {"x": (whole, [1, 1]), "h.1": state, "c.1": state},
        {"dec": state, "h": state, "c": state},
        {"yes": np.array(0), "last_axis": np.array([2]), "others": np.array([0, 0, 0, 0, 0, 319])},
        directory / "v3_e2e_rnnt_decoder.int8.onnx",
    )
    # «▁да» where sound begins and was not just said, «.» where it ends and «▁да» was: 10, else 0; a blank has 5.
    _save(
        [
            helper.make_node("Slice", ["enc", "at_0", "at_1", "channels"], ["begins"]),
            helper.make_node("Slice", ["enc", "at_1", "at_2", "channels"], ["ends"]),
            helper.make_node("Slice", ["dec", "at_0", "at_1", "channels"], ["said"]),
            helper.make_node("Sub", ["unit", "said"], ["unsaid"]),
            helper.make_node("Mul", ["begins", "unsaid"], ["yes"]),
            helper.make_node("Mul", ["ends", "said"], ["stop"]),
            helper.make_node("Mul", ["yes", "weight"], ["yes_logit"]),
            helper.make_node("Mul", ["stop", "weight"], ["stop_logit"]),
            helper.make_node("Concat", ["yes_logit", "stop_logit", "blank"], ["logits"], axis=2),
            helper.make_node("Unsqueeze", ["logits", "at_1"], ["joint"]),
        ],
        {"enc": (floats, [1, 768, 1]), "dec": (floats, [1, 320, 1])},
        {"joint": (floats, [1, 1, 1, 3])},
        {
            **{f"at_{place}": np.array([place]) for place in range(3)},
            "channels": np.array([1]),
            "unit": np.array(1.0, np.float32),
            "weight": np.array(10.0, np.float32),
            "blank": np.full((1, 1, 1), 5.0, np.float32),
        },
        directory / "v3_e2e_rnnt_joint.int8.onnx",
    )


def _write_texts(directory: Path, stem: str) -> None:
    (directory / f"{stem}_vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(VOCABULARY)))
    (directory / "config.json").write_text(CONFIG)


def _loudness_constants(*, inventing: bool = False) -> dict[str, Any]:
    quietest = -17.0 if inventing else -1000.0
    loudest = -7.0
    return {
        "loudness_axis": np.array([1]),
        "starts": np.array([0]),
        "ends": np.array([2**31 - 1]),
        "time_axis": np.array([1]),
        "step": np.array([4]),
        "middle": np.array((quietest + loudest) / 2, np.float32),
        "width": np.array((loudest - quietest) / 2, np.float32),
    }


def _loud_frames(features: str) -> list[Any]:
    """Nodes that make ``loud`` (batch, fourths): whether each fourth frame of the features is."""
    return [
        helper.make_node("ReduceMean", [features, "loudness_axis"], ["loudness"], keepdims=0),
        helper.make_node("Slice", ["loudness", "starts", "ends", "time_axis", "step"], ["fourths"]),
        helper.make_node("Sub", ["fourths", "middle"], ["differences"]),
        helper.make_node("Abs", ["differences"], ["distances"]),
        helper.make_node("Greater", ["distances", "width"], ["loud"]),
    ]


Shapes = Mapping[str, tuple[Any, Sequence[Any]]]


def _save(nodes: list[Any], inputs: Shapes, outputs: Shapes, constants: dict[str, Any], path: Path) -> None:
    graph = helper.make_graph(
        nodes,
        "says-yes",
        [helper.make_tensor_value_info(name, *shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, *shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def tiny_weights(folder: Path, *, whisper: bool = True) -> dict[str, bytes]:
    """Write ``weights.yaml`` with a small GigaAM on a hub, and return the hub's files.

    With ``whisper`` it has files that are called as Whisper base's, too; nothing could be heard by them.
    """
    with TemporaryDirectory() as made:
        write_transducer(Path(made))
        models = {"gigaam-v3": {path.name: path.read_bytes() for path in sorted(Path(made).iterdir())}}
    if whisper:
        models["whisper-base"] = {name: name.encode() for name in ("model.bin", "config.json", "tokenizer.json")}
    revision = "0" * 40
    entries = {
        name: {
            "hub": f"owner/{name}@{revision}",
            "files": [
                {"name": file, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for file, data in files.items()
            ],
        }
        for name, files in models.items()
    }
    (folder / "weights.yaml").write_text(yaml.safe_dump(entries))
    return {
        f"owner/{name}/resolve/{revision}/{file}": data
        for name, files in models.items()
        for file, data in files.items()
    }
