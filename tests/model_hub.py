"""A loopback model hub that speaks as the real one does, with redirects to a store that knows ranges; and its faults.

Files are asked for as ``/owner/name/resolve/revision/file``. Small ones are in a cache of the same server, behind a
relative redirect; large ones in a store with signed addresses, behind an absolute one.
"""

import hashlib
import http.server
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

SMALL = 1000


@dataclass
class ModelHub:
    """``files`` are by their paths, as «owner/name/resolve/revision/file».

    ``breaks`` has numbers of bytes after which the next answers with a file break off, ``statuses`` what is answered
    in the place of a file, ``ranges`` tells whether the store knows them.
    """

    files: dict[str, bytes]
    breaks: dict[str, list[int]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    ranges: bool = True
    asked: list[str] = field(default_factory=list)
    """What was asked for, by file name, with «@» and the first byte when that is not 0."""

    def __enter__(self) -> Self:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = urlsplit(self.path).path.removeprefix("/")
                if path in hub.files and (status := hub.statuses.get(path.rpartition("/")[2])) is None:
                    hub._redirect(self, path)
                elif path.startswith(("store/", "api/resolve-cache/")):
                    hub._send(self, path.removeprefix("store/").removeprefix("api/resolve-cache/"))
                else:
                    hub.asked.append(path.rpartition("/")[2])
                    self.send_response(status if path in hub.files and status else 404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler

    def _redirect(self, handler: Any, path: str) -> None:
        content = self.files[path]
        if len(content) > SMALL:
            handler.send_response(302)
            handler.send_header("Location", f"{self.address}/store/{path}?X-Amz-Signature=0&Expires=1")
        else:
            handler.send_response(307)
            handler.send_header("Location", f"/api/resolve-cache/{path}")
        handler.send_header("X-Repo-Commit", path.split("/")[3])
        handler.send_header("X-Linked-Size", str(len(content)))
        handler.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _send(self, handler: Any, path: str) -> None:
        name, content = path.rpartition("/")[2], self.files[path]
        asked = handler.headers.get("Range")
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        self.asked.append(f"{name}@{first}" if first else name)
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        handler.send_header("Accept-Ranges", "bytes" if self.ranges else "none")
        handler.send_header("Content-Length", str(len(content) - first))
        handler.end_headers()
        breaks = self.breaks.get(name) or []
        end = first + breaks.pop(0) if breaks else len(content)
        handler.wfile.write(content[first:end])
        handler.close_connection = end < len(content)
