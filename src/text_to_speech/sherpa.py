"""A voice that the operator has put into a folder, spoken on this machine by sherpa-onnx.

The folder is as https://k2-fsa.github.io/sherpa/onnx/tts has them: one ``.onnx`` file, ``tokens.txt``, and for VITS
voices made with piper ``lexicon.txt``. Since version 2 the package has no espeak-ng, which is under the GPL, and a word
that is not in the lexicon is not said.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from errors import BadSettings, EngineFailed
from system import optional_packages
from system.priority import yield_processor
from text_to_speech.port import wav_of

_THREADS = 1
"""One: the other processors work on recordings, and a voice of piper is five times as fast as speech on one."""


class SherpaTextToSpeech:
    """``TextToSpeech`` in one thread of low priority. The voice is loaded at its first use."""

    def __init__(self, folder: Path) -> None:
        """Find the voice.

        Raises:
            BadSettings: the package is not installed, or the folder holds no voice.
        """
        optional_packages.VOICE.require()
        models = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
        if len(models) != 1 or not (folder / "tokens.txt").is_file():
            raise BadSettings(names="TTS_MODEL_DIR")
        self._model = models[0]
        self._executor = ThreadPoolExecutor(1, "sherpa-onnx", initializer=yield_processor)
        self._engine: Any = None

    @property
    def voice(self) -> str:
        return f"sherpa-onnx/{self._model.stem}"

    async def speak(self, text: str) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._spoken, text)

    async def check(self) -> None:
        await self.speak("да")

    async def close(self) -> None:
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._engine = None

    def _spoken(self, text: str) -> bytes:
        if self._engine is None:
            self._engine = self._load()
        sound = self._engine.generate(text, sid=0, speed=1.0)
        samples = np.asarray(sound.samples, dtype=np.float32)
        if not len(samples):
            raise EngineFailed(engine="sherpa-onnx", reason="no sound")
        return wav_of((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), int(sound.sample_rate))

    def _load(self) -> Any:
        """Load the voice, in the thread that will speak.

        Raises:
            BadSettings: the files are no voice that the package knows.
            EngineFailed: the package does not load.
        """
        try:
            import sherpa_onnx  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415  # it is optional
        except (ImportError, OSError) as exc:
            raise EngineFailed(engine="sherpa-onnx", reason=str(exc)) from exc
        folder = self._model.parent
        lexicon = folder / "lexicon.txt"
        vits = sherpa_onnx.OfflineTtsVitsModelConfig(
            model=str(self._model),
            tokens=str(folder / "tokens.txt"),
            lexicon=str(lexicon) if lexicon.is_file() else "",
        )
        config = sherpa_onnx.OfflineTtsConfig(
            model=sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=_THREADS), max_num_sentences=1
        )
        if not config.validate():
            raise BadSettings(names="TTS_MODEL_DIR")
        try:
            return sherpa_onnx.OfflineTts(config)
        except RuntimeError as exc:
            raise EngineFailed(engine="sherpa-onnx", reason=str(exc)) from exc
