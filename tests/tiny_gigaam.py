"""A tiny model of GigaAM's form, which says «да» for each stretch of sound: for what the adapter over onnx-asr does."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCABULARY = ["▁да", ".", "<blk>"]


def write_model(directory: Path, *, inventing: bool = False) -> None:
    """Write a model that hears the loudness of each fourth feature frame: «▁да» when loud, else a blank.

    One that is ``inventing`` says it also where there is nothing at all, as real ones do without voice activity.
    """
    quietest = -17.0 if inventing else -1000.0
    loudest = -7.0
    (directory / "v3_e2e_ctc_vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(VOCABULARY)))
    constants = {
        "loudness_axis": np.array([1]),
        "starts": np.array([0]),
        "ends": np.array([2**31 - 1]),
        "time_axis": np.array([1]),
        "step": np.array([4]),
        "middle": np.array((quietest + loudest) / 2, np.float32),
        "width": np.array((loudest - quietest) / 2, np.float32),
        "yes": np.log(np.array([0.9, 0.05, 0.05], np.float32)),
        "blank": np.log(np.array([0.05, 0.05, 0.9], np.float32)),
        "last": np.array([2]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["features", "loudness_axis"], ["loudness"], keepdims=0),
        helper.make_node("Slice", ["loudness", "starts", "ends", "time_axis", "step"], ["fourths"]),
        helper.make_node("Sub", ["fourths", "middle"], ["differences"]),
        helper.make_node("Abs", ["differences"], ["distances"]),
        helper.make_node("Greater", ["distances", "width"], ["loud"]),
        helper.make_node("Unsqueeze", ["loud", "last"], ["is_yes"]),
        helper.make_node("Where", ["is_yes", "yes", "blank"], ["log_probs"]),
    ]
    graph = helper.make_graph(
        nodes,
        "says-yes",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 64, "time"]),
            helper.make_tensor_value_info("feature_lengths", TensorProto.INT64, ["batch"]),
        ],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["batch", "fourths", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, directory / "v3_e2e_ctc.onnx")
