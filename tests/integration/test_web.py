"""The HTTP application over real connections: words for states to everybody, the rest to this machine or a token."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from fastapi import Request
from pydantic import SecretStr
from starlette.requests import ClientDisconnect
from structlog.testing import capture_logs

from application.checked_out import commit
from config import ROOT, Settings
from embedded.ports import free_ports
from errors import BadSettings
from health.board import OK, Board, Level, Part, Reading, Why
from web.address import DEFAULT_PORT
from web.application import Facts, new_application
from web.server import listen, serving

TOKEN = "a-token-of-24-characters"  # noqa: S105  # of the test
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Site(NamedTuple):
    board: Board
    client: httpx2.AsyncClient


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    board = Board()
    listener = await listen("127.0.0.1", free_ports(1)[0])
    assert listener is not None
    port = listener.getsockname()[1]
    application = new_application(board, Facts("1.2.3", COMMIT), SecretStr(TOKEN))
    client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    async with serving(application, listener), client:
        yield Site(board, client)


def well(board: Board) -> None:
    for part in Part:
        board.note(part, OK)


async def test_it_lives_before_anything_is_ready(site: Site) -> None:
    answer = await site.client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    answer = await site.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert {part["why"] for part in answer.json()["parts"].values()} == {"starting"}


async def test_ready_has_every_part_with_state_time_and_reason(site: Site) -> None:
    well(site.board)
    site.board.note(Part.LLM, Reading(Level.DOWN, Why.KEY_REFUSED))
    answer = await site.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    parts = answer.json()["parts"]
    assert list(parts) == ["database", "objects", "asr", "llm", "telegram", "jobs", "disk", "backup", "index", "images"]
    assert parts["llm"] == {
        "state": "down",
        "since": f"{site.board.parts()[Part.LLM].since:%Y-%m-%dT%H:%M:%SZ}",
        "why": "key_refused",
        "critical": False,
    }
    assert (parts["disk"]["state"], parts["disk"]["why"], parts["disk"]["critical"]) == ("ok", None, True)


async def test_a_critical_part_that_is_down_or_a_stop_make_it_unready(site: Site) -> None:
    well(site.board)
    site.board.note(Part.DATABASE, Reading(Level.DOWN, Why.NO_ANSWER))
    answer = await site.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    site.board.note(Part.DATABASE, OK)
    assert (await site.client.head("/health/ready")).status_code == 200
    site.board.stopping = True
    answer = await site.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")


async def test_the_check_of_the_image_understands_what_is_served(site: Site) -> None:
    async def asked() -> tuple[int | None, str]:
        checking = await asyncio.create_subprocess_exec(
            ROOT / "scripts/health-check",
            env={"PATH": os.environ["PATH"], "HTTP_PORT": str(site.client.base_url.port)},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await checking.communicate()
        return checking.returncode, said.decode()

    well(site.board)
    status, said = await asked()
    assert (status, said) == (0, f"Готов: {', '.join(f'{part}: ok' for part in Part)}.\n")
    site.board.note(Part.JOBS, Reading(Level.DOWN, Why.NO_HEARTBEAT))
    status, said = await asked()
    assert (status, "jobs: down" in said) == (1, True)


async def test_metrics_and_version(site: Site) -> None:
    well(site.board)
    answer = await site.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'voxpersona_part_state{part="database",state="ok"} 1.0' in lines
    assert "voxpersona_ready 1.0" in lines
    for name in ("report_list_reports", "report_list_bytes", "report_list_seconds", "report_step_seconds"):
        assert any(line.startswith(f"voxpersona_{name}_count") for line in lines), name
    assert (await site.client.get("/version")).json() == {"version": "1.2.3", "commit": COMMIT}


@pytest.mark.parametrize("path", ["/metrics", "/version"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"X-Real-IP": "203.0.113.7"},
        {"Host": "evil.example", "Authorization": "Bearer wrong"},
        {"Host": "evil.example", "Authorization": f"Basic {TOKEN}"},
    ],
)
async def test_what_may_come_from_elsewhere_needs_the_token(site: Site, path: str, headers: dict[str, str]) -> None:
    refused = await site.client.get(path, headers=headers)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Forbidden"})
    assert (await site.client.get(path, headers={**headers, "Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_a_machine_that_is_not_this_one_gets_states_only(site: Site) -> None:
    # Connections to any address of 127/8 are of this machine; one that comes by its outer address is not.
    outer = outer_address()
    listener = await listen(outer, free_ports(1)[0])
    assert listener is not None
    port = listener.getsockname()[1]
    async with serving(new_application(site.board, Facts("1", None), None), listener):
        url = f"http://{outer}:{port}"
        async with httpx2.AsyncClient(trust_env=False, headers={"Host": "localhost"}) as client:
            assert (await client.get(f"{url}/health/live")).status_code == 200
            assert (await client.get(f"{url}/health/ready")).status_code == 503
            assert (await client.get(f"{url}/metrics")).status_code == 403
            assert (await client.get(f"{url}/version")).status_code == 403


def outer_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(sock.getsockname()[0])


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/health", "/metrics/", "/health/live/"])
async def test_there_is_nothing_else(site: Site, path: str) -> None:
    assert (await site.client.get(path)).status_code == 404


async def test_a_failure_of_ours_tells_nothing_of_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise LookupError("postgresql://user:secret@host")

    monkeypatch.setattr(site.board, "parts", fail)
    answer = await site.client.get("/health/ready")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


async def test_the_port_that_nobody_has_set_may_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setattr("web.server.DEFAULT_PORT", port)
    first = await listen("127.0.0.1", None)
    assert first is not None
    with capture_logs() as logged:
        assert await listen("127.0.0.1", None) is None
    assert [(line["event"], line["log_level"]) for line in logged] == [("http_not_served", "warning")]
    with pytest.raises(BadSettings, match=f"HTTP_PORT .*{port}"):
        await listen("127.0.0.1", port)
    first.close()


async def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(BadSettings, match="HTTP_HOST"):
        await listen("no such host", DEFAULT_PORT)


async def test_a_body_does_not_wait_until_its_headers_are_acknowledged() -> None:
    listener = await listen("127.0.0.1", free_ports(1)[0])
    assert listener is not None
    with listener, socket.create_connection(listener.getsockname()):
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_it_ends_though_somebody_keeps_a_connection_open() -> None:
    listener = await listen("127.0.0.1", free_ports(1)[0])
    assert listener is not None
    port = listener.getsockname()[1]
    async with asyncio.timeout(10):
        async with serving(new_application(Board(), Facts("1", None), None), listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
            await writer.drain()
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_requests_that_never_end_their_headers_keep_nobody_out() -> None:
    listener = await listen("127.0.0.1", free_ports(1)[0])
    assert listener is not None
    port = listener.getsockname()[1]
    whole = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with asyncio.timeout(20), serving(new_application(Board(), Facts("1", None), None), listener, headers_s=0.3):
        for begins in (b"", whole[:20]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begins)
            assert await reader.read() == b""
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(whole)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK")
            await asyncio.sleep(0.5)
        writer.write(whole[:20])
        assert b"HTTP/1.1" not in await reader.read()
        writer.close()


async def test_a_body_that_never_ends_keeps_nobody_out() -> None:
    application, broken = new_application(Board(), Facts("1", None), None), asyncio.Event()

    @application.post("/taken")
    async def take(request: Request) -> int:
        try:
            return len(await request.body())
        except ClientDisconnect:
            broken.set()
            return 0

    listener = await listen("127.0.0.1", free_ports(1)[0])
    assert listener is not None
    head = b"POST /taken HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9000\r\n\r\n"
    async with asyncio.timeout(20), serving(application, listener, body_s=0.3):
        for pieces, size, answered in ((2, 1, False), (6, 1500, True)):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(head)
            for _ in range(pieces):
                await asyncio.sleep(0.1)
                writer.write(b"x" * size)
            assert (b"200 OK" in await reader.read()) == answered
            writer.close()
    assert broken.is_set()


# --- the commit -------------------------------------------------------------------------------------------------------


def test_the_commit_is_that_of_the_build_or_of_the_checkout(tmp_path: Path) -> None:
    settings = Settings(_env_file=None)
    assert commit(Settings(_env_file=None, build_commit="abcdef0"), tmp_path) == "abcdef0"
    assert commit(settings, tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(COMMIT)
    assert commit(settings, tmp_path) == COMMIT
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit(settings, tmp_path) is None
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n")
    assert commit(settings, tmp_path) == COMMIT
    (git / "refs" / "heads" / "main").write_text(COMMIT[::-1] + "\n")
    assert commit(settings, tmp_path) == COMMIT[::-1]


def test_the_commit_of_a_worktree_is_its_own(tmp_path: Path) -> None:
    git, worktree = tmp_path / "git", tmp_path / "tree"
    (git / "worktrees" / "tree").mkdir(parents=True)
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {git}/worktrees/tree\n")
    (git / "worktrees" / "tree" / "HEAD").write_text("ref: refs/heads/side\n")
    (git / "worktrees" / "tree" / "commondir").write_text("../..\n")
    (git / "packed-refs").write_text(f"{COMMIT} refs/heads/side\n")
    assert commit(Settings(_env_file=None), worktree) == COMMIT


def test_this_checkout_has_one() -> None:
    found = commit(Settings(_env_file=None))
    assert (found is not None) == (ROOT / ".git").exists()
