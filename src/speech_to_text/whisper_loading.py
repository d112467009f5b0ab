"""A Whisper model is loaded without keeping the event loop waiting.

faster-whisper builds the tokenizer in one call that has the interpreter for 0.12 s, on a busy machine for a second.
Here the same tokenizer is built in steps of at most 0.08 s, at the process's own priority; the model itself, which
lets the interpreter go, is read in a thread of low priority, which its own threads inherit.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel  # type: ignore[import-untyped]
from tokenizers import AddedToken, Tokenizer, models

from utils import disk_full_mapped

TOKENIZER_FILE = "tokenizer.json"
_WORDS = {"type", "vocab", "merges"}


def load_tokenizer(file: Path) -> Tokenizer:
    """Return what ``Tokenizer.from_file`` does. Blocking.

    Raises:
        OSError: the file cannot be read.
        ValueError, LookupError, TypeError: it is no tokenizer by pairs of bytes, which Whisper has.
    """
    parts: dict[str, Any] = json.loads(file.read_bytes())
    added, model = parts["added_tokens"], parts["model"]
    options = {name: model[name] for name in model if name not in _WORDS and model[name] is not None}
    merges = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
    without_words = {**parts, "added_tokens": [], "model": {**model, "vocab": {}, "merges": []}}
    tokenizer = Tokenizer.from_str(json.dumps(without_words))
    tokenizer.model = models.BPE(model["vocab"], merges, **options)
    tokenizer.add_tokens([AddedToken(**{name: each[name] for name in each if name != "id"}) for each in added])
    return tokenizer


def load_model(folder: Path, tokenizer: Tokenizer, compute_type: str, threads: int) -> WhisperModel:
    """Return the model in ``folder`` with this tokenizer. Blocking.

    Raises:
        RuntimeError, ValueError, OSError: it does not load.
        DiskFull: no space for the folder that stands for ``folder`` meanwhile.
    """
    with disk_full_mapped(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as name:
        for each in folder.resolve().iterdir():
            if each.name != TOKENIZER_FILE:
                Path(name, each.name).symlink_to(each)
        Tokenizer(models.BPE()).save(str(Path(name, TOKENIZER_FILE)))
        model = WhisperModel(name, device="cpu", compute_type=compute_type, cpu_threads=threads)
    model.hf_tokenizer = tokenizer
    return model
