"""Stands for the HTTP of a bot: answers ``/health/ready`` and nothing else."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

READY = json.dumps({"status": "ready", "parts": {"database": {"state": "ok"}, "asr": {"state": "degraded"}}})


class Answering(BaseHTTPRequestHandler):
    status, body = 200, READY

    def do_GET(self) -> None:
        known = self.path == "/health/ready"
        self.send_response(self.status if known else 404)
        self.end_headers()
        self.wfile.write(self.body.encode() if known else b"")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[int]:
    """Serve during the block; yield the port."""
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()
