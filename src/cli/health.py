"""The command that asks the bot or worker of this machine how it is; it loads little, as it runs every few seconds."""

import http.client
import ipaddress
import json
from typing import Any

import click

import texts.operation
from config import Settings
from web.address import DEFAULT_PORT

_NOT_READY_STATUS = 1
_LIMIT_S = 5.0


def health(settings: Settings) -> int:
    """Ask the bot or worker of this machine how it is, and print the state of each part.

    Returns:
        0; 1 when it is not ready or does not answer.
    """
    if settings.http_port == 0:
        click.echo(texts.operation.HTTP_OFF)
        return _NOT_READY_STATUS
    host, port = _near(settings.http_host), settings.http_port or DEFAULT_PORT
    try:
        status, told = _asked(host, port)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        click.echo(texts.operation.NO_ANSWER.format(address=f"{host}:{port}"))
        return _NOT_READY_STATUS
    for name, part in told["parts"].items():
        click.echo(_described(name, part))
    if "telegram" not in told["parts"] and settings.works_without_bot:
        click.echo(texts.operation.NO_TELEGRAM)
    ready = status == http.client.OK
    click.echo(texts.operation.READY if ready else texts.operation.STATUSES.get(told["status"], told["status"]))
    return 0 if ready else _NOT_READY_STATUS


def _asked(host: str, port: int) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(host, port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        return answer.status, {"status": told["status"], "parts": told["parts"]}
    finally:
        connection.close()


def _near(host: str) -> str:
    """Return the address at which this machine reaches a server that listens at ``host``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return ("127.0.0.1" if address.version == 4 else "::1") if address.is_unspecified else host


def _described(name: str, part: dict[str, Any]) -> str:
    told = texts.operation.PARTS.get(name, name), texts.operation.LEVELS.get(part["state"], part["state"])
    line = texts.operation.PART.format(part=told[0], state=told[1])
    if part["why"] is None:
        return line
    why = texts.operation.REASONS.get(part["why"], part["why"])
    return texts.operation.PART_BECAUSE.format(line=line, why=why, since=part["since"])
