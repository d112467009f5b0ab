"""Loopback ports for engines."""

import contextlib
import secrets
import socket

LOOPBACK = "127.0.0.1"
PORTS = range(12_000, 32_000)
"""Below the range from which systems take the ports of outgoing connections, so that no connection takes a port meant
for an engine."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different loopback ports on which nobody listens."""
    ports: set[int] = set()
    while len(ports) < count:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind((LOOPBACK, port))
            ports.add(port)
    return list(ports)
