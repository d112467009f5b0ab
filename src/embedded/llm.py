"""The embedded language model: llama.cpp's OpenAI-compatible server in a process of its own."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3

from embedded.ports import LOOPBACK, free_ports
from embedded.process import Engine, Launch
from embedded.running import Running, write_private
from random_ids import new_secret
from system import optional_packages

SERVER = Path(__file__).with_name("llm_server.py")
ANSWER_LIMIT_S = 5.0
WAIT_POLICY = "passive"
"""Threads that wait for each other sleep. By default they spin, and a busy machine then answers 14 times slower: 0.3
tokens a second instead of 4.2 (measured with other work on both cores)."""


@dataclass(frozen=True)
class LlmEndpoint:
    """``base_url`` ends in ``/v1``. ``context_tokens`` limits the prompt and the answer of one request together."""

    base_url: str
    model: str
    api_key: str | None
    context_tokens: int


class EmbeddedLlm(Engine):
    name = "llm"
    start_limit_s = 300.0
    """Long enough to read a gigabyte of weights from a slow disk."""
    stop_limit_s = 10.0

    def __init__(self, persistent_dir: Path) -> None:
        super().__init__(persistent_dir)
        self._key_file = self._run_dir.resolve() / "llm.key"
        self._wanted: dict[str, str | int] = {}

    def want(self, model_file: Path, *, context_tokens: int, threads: int, parallel: int) -> None:
        """Set what the server serves from its next start on; a server that another command uses is not restarted."""
        self._wanted = {
            "model": str(model_file.resolve()),
            "context": context_tokens,
            "threads": threads,
            "parallel": parallel,
        }

    @property
    def mark(self) -> str:
        return f"--key-file={self._key_file}"

    def endpoint(self, running: Running) -> LlmEndpoint:
        return LlmEndpoint(
            base_url=f"http://{LOOPBACK}:{running.ports['llm']}/v1",
            model=Path(str(running.options["model"])).stem,
            api_key=running.secrets["api_key"],
            context_tokens=int(running.options["context"]),
        )

    async def prepare(self) -> None:
        optional_packages.LANGUAGE_MODEL.require()
        if not self._key_file.exists():
            await asyncio.to_thread(write_private, self._key_file, new_secret())

    def launch(self, ports: Mapping[str, int] | None) -> Launch:
        ports = ports or {"llm": free_ports(1)[0]}
        return Launch(
            arguments=[
                sys.executable,
                str(SERVER),
                self.mark,
                f"--port={ports['llm']}",
                *(f"--{name}={value}" for name, value in self._wanted.items()),
            ],
            ports=ports,
            environment={"OMP_WAIT_POLICY": WAIT_POLICY},
            secrets={"api_key": self._key_file.read_text()},
            options=self._wanted,
        )

    def suits(self, running: Running) -> bool:
        return running.options == self._wanted

    async def healthy(self, running: Running) -> bool:
        return await asyncio.to_thread(self._answers, f"http://{LOOPBACK}:{running.ports['llm']}/health")

    def _answers(self, url: str) -> bool:
        try:
            return urllib3.request("GET", url, retries=False, timeout=ANSWER_LIMIT_S).status == 200
        except urllib3.exceptions.HTTPError:
            return False
