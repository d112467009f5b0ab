"""The language model's process, which serves until a signal ends it. ``embedded.llm`` runs this script.

The script imports no other module of the product. llama.cpp comes as a library whose server runs inside the Python
interpreter. In a process of its own, the server can be shared by commands and be ended, and its memory does not count
as theirs.
"""

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xllamacpp

PROMPT_CACHE_MIB = 512
"""Memory for prompts that are kept for reuse: enough for two contexts of 8,192 tokens, since a token of the 1.5B model
takes 28 KiB. The default of llama.cpp is 8 GiB."""
WARNINGS = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--context", type=int, required=True, help="tokens of one request")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--parallel", type=int, required=True, help="requests at once")
    arguments = parser.parse_args()

    import xllamacpp  # noqa: PLC0415  # images import every module and lack it

    server = xllamacpp.Server(parameters(arguments))
    # The server works in threads of its own; the default action of SIGTERM ends the process.
    while server is not None:
        signal.pause()


def parameters(arguments: argparse.Namespace) -> "xllamacpp.CommonParams":
    import xllamacpp  # noqa: PLC0415  # as above

    params = xllamacpp.CommonParams()
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.api_keys = [arguments.key_file.read_text()]
    params.model.path = str(arguments.model)
    params.model_alias = {arguments.model.stem}
    params.n_parallel = arguments.parallel
    params.n_ctx = arguments.context * arguments.parallel
    params.cpuparams.n_threads = arguments.threads
    params.cpuparams_batch.n_threads = arguments.threads
    params.cache_prompt = True
    params.cache_ram_mib = PROMPT_CACHE_MIB
    # No warm-up: the first request would wait for it just as long as it waits without it.
    params.warmup = False
    # Prompts are people's words: the endpoint that shows the slots is off, and so is the log of requests.
    params.endpoint_slots = False
    params.verbosity = WARNINGS
    params.ui = False
    params.offline = True
    return params


if __name__ == "__main__":
    main()
