"""The checks, each against the real thing: what it finds when its part is well, away, silent or closed, and after."""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from uuid import uuid4

import httpx2
import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import health.checks
from db import Database
from embedded.s3 import S3Endpoint
from errors import (
    DatabaseFull,
    ObjectStoreUnavailable,
    ProviderError,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderUnavailable,
)
from health.board import OK, Level, Reading, Why
from health.calls import RealCalls
from health.checks import (
    Check,
    database_check,
    disk_check,
    following_check,
    index_check,
    jobs_check,
    objects_check,
    telegram_check,
)
from health.endpoints import endpoint_check, local_check, off
from messenger import MessengerRefusedSecrets, MessengerUnavailable
from minio_manager import S3ObjectStore
from object_files import FolderObjectStore
from openai_faults import MODELS, Fault, Kind, status
from openai_server import OpenAIServer
from outcomes import OUTCOMES, Outcomes, Purpose
from power import reason_against_small_disks, small_disk
from provider_calls.probe import EndpointProbe
from recordings_factory import add_recording
from tcp_proxy import TcpProxy
from telegram_double import TelegramDouble

LIMIT_S = 10.0
MEBIBYTE = 1024 * 1024


async def finds(check: Check, level: Level, why: Why | None, limit_s: float = LIMIT_S) -> float:
    """Ask until this is found, and return how many seconds that took."""
    began = monotonic()
    found: Reading | None = None
    while monotonic() - began < limit_s:
        found = await check()
        if (found.level, found.why) == (level, why):
            return monotonic() - began
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found} and not {level} {why}")


# --- database ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def through(database_url: str, way: TcpProxy) -> AsyncIterator[Database]:
    opened = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port))
    yield opened
    way.come_back()
    way.clear()
    await opened.close()


async def test_a_database_that_is_there_is_well(through: Database) -> None:
    assert await database_check(through)() == OK


async def test_a_database_that_refuses_connections_or_is_silent_is_down(through: Database, way: TcpProxy) -> None:
    check = database_check(through)
    await way.go_away()
    await finds(check, Level.DOWN, Why.FAILS)
    way.come_back()
    await finds(check, Level.OK, None)
    way.stop_up()
    await finds(check, Level.DOWN, Why.NO_ANSWER)
    found = await check()
    assert through.absence is not None
    assert found.since == through.absence.since
    way.clear()
    await finds(check, Level.OK, None)


async def test_a_database_that_lets_nobody_write_is_down(through: Database, database_url: str) -> None:
    name = str(conninfo_to_dict(database_url)["dbname"])
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        query = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        await connection.execute(query.format(sql.Identifier(name), sql.Literal("on")))
        await through.pool.check()
        for each in list(through.pool._pool):
            await each.close()
        await finds(database_check(through), Level.DOWN, Why.READ_ONLY)


async def test_a_database_that_has_no_space_is_down_until_it_has(
    through: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatabaseFull):
        async with through.patient(3).transaction() as connection:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$")
    check = database_check(through)
    assert await check() == Reading(Level.DOWN, Why.FULL)
    later = monotonic() + 16
    monkeypatch.setattr("db.monotonic", lambda: later)
    assert await check() == OK


async def test_a_database_whose_connections_are_all_in_use_is_busy(
    through: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.checks, "_BUSY_S", 0.3)
    check = database_check(through)
    held = [await through.pool.getconn() for _ in range(through.pool.max_size)]
    assert await check() == Reading(Level.DEGRADED, Why.BUSY)
    for connection in held:
        await through.pool.putconn(connection)
    assert await check() == OK


# --- jobs -------------------------------------------------------------------------------------------------------------


async def test_jobs_are_down_without_a_worker_without_its_signs_of_life_and_without_a_database(
    through: Database, way: TcpProxy
) -> None:
    working = [False]
    check = jobs_check(through, lambda: working[0])
    assert await check() == Reading(Level.DOWN, Why.WORKER_STOPPED)
    working[0] = True
    assert await check() == Reading(Level.DOWN, Why.NO_HEARTBEAT)
    async with through.transaction() as connection:
        await connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert await check() == OK
    assert REGISTRY.get_sample_value("voxpersona_workers") == 1
    for sign in ("7 seconds", "-1 hour"):  # the second is of a time in which the clock was ahead
        async with through.transaction() as connection:
            query = "UPDATE procrastinate_workers SET last_heartbeat = now() - %s::interval"
            await connection.execute(query, (sign,))
        assert await check() == Reading(Level.DOWN, Why.NO_HEARTBEAT)
        assert REGISTRY.get_sample_value("voxpersona_workers") == 0
    working[0] = False
    assert await check() == Reading(Level.DEGRADED, Why.WORKER_REOPENS)
    await way.go_away()
    await finds(check, Level.DOWN, Why.DATABASE_AWAY)
    for name, labels in (("voxpersona_workers", {}), ("voxpersona_jobs", {"state": "running"})):
        assert math.isnan(REGISTRY.get_sample_value(name, labels) or 0.0), "nobody knows how many now"


async def test_a_worker_that_does_not_come_back_is_down(through: Database) -> None:
    working = [True]
    check = jobs_check(through, lambda: working[0], reopens_s=0.3)
    await check()
    working[0] = False
    assert await check() == Reading(Level.DEGRADED, Why.WORKER_REOPENS)
    await asyncio.sleep(0.3)
    assert await check() == Reading(Level.DOWN, Why.WORKER_STOPPED)


async def test_jobs_are_counted(through: Database) -> None:
    async with through.transaction() as connection:
        for state, at in (
            ("doing", None),
            ("todo", None),
            ("todo", "now() - interval '1 s'"),
            ("todo", "now() + interval '1 h'"),
        ):
            await connection.execute(
                f"INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at) "  # noqa: S608
                f"VALUES ('q', 't', '{state}', {at or 'NULL'})".encode()
            )
    await jobs_check(through, lambda: True)()
    counted = {
        state: REGISTRY.get_sample_value("voxpersona_jobs", {"state": state})
        for state in ("running", "waiting", "postponed")
    }
    assert counted == {"running": 1, "waiting": 2, "postponed": 1}


# --- index ------------------------------------------------------------------------------------------------------------


async def test_the_index_is_behind_when_something_is_not_found_for_long(through: Database, way: TcpProxy) -> None:
    check, without_embeddings = (index_check(through, has_embeddings=each) for each in (True, False))
    assert await check() == OK
    now = datetime.now(UTC)
    async with through.transaction() as connection:
        recording = await add_recording(connection)
        await connection.execute(
            "INSERT INTO chunk_sources (corpus, recording_id, changed_at) VALUES ('transcript', %s, %s)",
            (recording.id, now - timedelta(minutes=9)),
        )
    assert await check() == OK
    assert REGISTRY.get_sample_value("voxpersona_index_backlog", {"of": "sources"}) == 1
    long_ago = now - timedelta(minutes=11)
    async with through.transaction() as connection:
        await connection.execute("UPDATE chunk_sources SET changed_at = %s", (long_ago,))
    assert await check() == await without_embeddings() == Reading(Level.DEGRADED, Why.BEHIND, long_ago)
    async with through.transaction() as connection:
        await connection.execute("UPDATE chunk_sources SET changed_at = NULL")
        await connection.execute(
            "INSERT INTO chunks (source_id, position, roles, context, text, lemmas, content_hash) "
            "SELECT id, 0, '{}', '', '', '{}', repeat('0', 64) FROM chunk_sources"
        )
        await connection.execute("INSERT INTO embedding_models (name) VALUES ('former'), ('new')")
        await connection.execute(
            "INSERT INTO chunk_vectors (chunk_id, model_id, wanted_at) "
            "SELECT chunks.id, embedding_models.id, %s FROM chunks, embedding_models",
            (long_ago,),
        )
    assert await check() == Reading(Level.DEGRADED, Why.BEHIND, long_ago)
    assert await without_embeddings() == OK
    async with through.transaction() as connection:
        await connection.execute("UPDATE embedding_models SET complete = true WHERE name = 'former'")
        await connection.execute(
            "UPDATE chunk_vectors SET vector = '', version = 1 FROM embedding_models "
            "WHERE embedding_models.id = model_id AND name = 'former'"
        )
    assert await check() == OK  # the former model answers while vectors by the new one are made
    assert REGISTRY.get_sample_value("voxpersona_index_backlog", {"of": "vectors"}) == 1
    await way.go_away()
    await finds(check, Level.DOWN, Why.DATABASE_AWAY)


# --- objects ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_calls_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OUTCOMES, "_last", {})


@pytest.fixture
async def bucket(s3_endpoint: S3Endpoint) -> AsyncIterator[tuple[S3ObjectStore, TcpProxy]]:
    host, _, port = s3_endpoint.endpoint.partition(":")
    async with TcpProxy(host, int(port)) as proxy:
        there = replace(s3_endpoint, endpoint=f"127.0.0.1:{proxy.port}")
        store = S3ObjectStore(there.endpoint, there.access_key, there.secret_key, f"health-{uuid4().hex}")
        await store.ensure()
        yield store, proxy
        store.close()


@pytest.mark.parametrize(
    ("followed_ago", "level", "why"), [(None, "ok", None), (9, "ok", None), (11, "degraded", "behind")]
)
async def test_a_worker_tells_when_its_index_has_stopped_to_follow(
    followed_ago: int | None, level: str, why: str | None
) -> None:
    at = None if followed_ago is None else datetime.now(UTC) - timedelta(minutes=followed_ago)
    assert (await following_check(lambda: at)())[:2] == (level, why)


async def test_a_bucket_that_is_cut_off_or_silent_is_down_and_comes_back(
    bucket: tuple[S3ObjectStore, TcpProxy],
) -> None:
    store, proxy = bucket
    check = objects_check(store)
    assert await check() == OK
    await proxy.go_away()
    assert await check() == Reading(Level.DOWN, Why.UNAVAILABLE)
    proxy.come_back()
    assert await check() == OK
    proxy.stop_up()
    began = monotonic()
    assert await check() == Reading(Level.DOWN, Why.UNAVAILABLE)
    assert monotonic() - began < 8
    proxy.clear()
    assert await check() == OK


async def test_a_bucket_that_does_not_know_the_key_is_down(s3_endpoint: S3Endpoint) -> None:
    store = S3ObjectStore(s3_endpoint.endpoint, s3_endpoint.access_key, "wrong", f"health-{uuid4().hex}")
    assert await objects_check(store)() == Reading(Level.DOWN, Why.KEY_REFUSED)


async def test_a_folder_that_is_gone_is_down(tmp_path: Path) -> None:
    store = FolderObjectStore(tmp_path / "objects")
    check = objects_check(store)
    assert await check() == Reading(Level.DOWN, Why.NOT_WRITABLE)
    await store.ensure()
    assert await check() == OK


async def test_operations_that_fail_while_the_bucket_is_there_show(bucket: tuple[S3ObjectStore, TcpProxy]) -> None:
    store, _ = bucket
    check = objects_check(store)
    assert await check() == OK
    OUTCOMES.note(Purpose.OBJECTS, ObjectStoreUnavailable(reason="SlowDown"))
    assert await check() == Reading(Level.DEGRADED, Why.ERRORS)
    await store.put_bytes("a/b.json", b"{}")
    assert await check() == OK


async def test_a_real_operation_notes_its_end_and_a_check_does_not(bucket: tuple[S3ObjectStore, TcpProxy]) -> None:
    store, _ = bucket
    OUTCOMES._last.clear()
    await store.check()
    assert OUTCOMES.last(Purpose.OBJECTS) is None
    await store.exists("nothing")
    last = OUTCOMES.last(Purpose.OBJECTS)
    assert last is not None
    assert last.error is None


# --- endpoints --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def probe(server: OpenAIServer) -> AsyncIterator[EndpointProbe]:
    made = EndpointProbe(server.base_url, server.api_key, "test")
    yield made
    await made.close()


def asks(probe: EndpointProbe) -> Check:
    return endpoint_check(RealCalls(Purpose.LANGUAGE, outcomes=Outcomes()), lambda: probe, off)


async def test_an_endpoint_is_asked_for_headers_alone(server: OpenAIServer, probe: EndpointProbe) -> None:
    assert await asks(probe)() == OK
    assert [(each.path.removeprefix("/v1"), each.status) for each in server.requests] == [("/models", 200)]


@pytest.mark.parametrize(
    ("fault", "reading"),
    [
        (status(401, path=MODELS), Reading(Level.DOWN, Why.KEY_REFUSED)),
        (status(403, path=MODELS), Reading(Level.DOWN, Why.KEY_REFUSED)),
        (status(429, path=MODELS, retry_after="3"), Reading(Level.DEGRADED, Why.RATE_LIMITED)),
        (status(500, path=MODELS), Reading(Level.DOWN, Why.UNAVAILABLE)),
        (status(503, path=MODELS), Reading(Level.DOWN, Why.UNAVAILABLE)),
        (Fault(Kind.RESET, path=MODELS), Reading(Level.DOWN, Why.UNAVAILABLE)),
    ],
)
async def test_what_an_endpoint_answers_is_read_and_forgotten_with_the_next_answer(
    server: OpenAIServer, probe: EndpointProbe, fault: Fault, reading: Reading
) -> None:
    check = asks(probe)
    server.faults.add(fault)
    assert await check() == reading
    assert await check() == OK


async def test_an_endpoint_that_says_nothing_is_down_within_the_limit(
    server: OpenAIServer, probe: EndpointProbe
) -> None:
    server.faults.add(Fault(Kind.HANG, path=MODELS))
    began = monotonic()
    assert await asks(probe)() == Reading(Level.DOWN, Why.NO_ANSWER)
    assert monotonic() - began < 5


async def test_an_endpoint_that_is_nowhere_is_down() -> None:
    probe = EndpointProbe("http://127.0.0.1:9/v1", "", "test")
    with pytest.raises(ProviderUnavailable):
        await probe.ask()
    await probe.close()


async def test_a_changed_key_is_noticed(server: OpenAIServer, probe: EndpointProbe) -> None:
    check = asks(probe)
    assert await check() == OK
    server.api_key = "sk-another"
    assert await check() == Reading(Level.DOWN, Why.KEY_REFUSED)


async def test_where_headers_tell_nothing_the_list_is_fetched_once(
    server: OpenAIServer, probe: EndpointProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    send = httpx2.AsyncClient.stream

    def without_head(client: httpx2.AsyncClient, method: str, url: str) -> object:
        asked.append(method)
        return send(client, method, url if method == "GET" else f"{server.base_url}/nowhere")

    monkeypatch.setattr(httpx2.AsyncClient, "stream", without_head)
    server.api_key = "sk-another"
    for _ in range(2):
        with pytest.raises(ProviderRefusedKey):
            await probe.ask()
    assert asked == ["HEAD", "GET", "HEAD"]
    server.api_key = "sk-loopback"
    monkeypatch.setattr("provider_calls.probe._LISTED_AGAIN_S", 0.0)
    await probe.ask()
    await probe.ask()
    assert asked == ["HEAD", "GET", "HEAD", "HEAD", "GET", "HEAD"]


async def test_a_limit_tells_when_it_ends(server: OpenAIServer, probe: EndpointProbe) -> None:
    server.faults.add(status(429, path=MODELS, retry_after="7"))
    with pytest.raises(ProviderError) as caught:
        await probe.ask()
    assert isinstance(caught.value, ProviderRateLimited)
    assert caught.value.details["retry_after_s"] == 7


async def test_an_engine_on_this_machine_waits_for_its_weights_or_has_died() -> None:
    there, dead = [False], [False]

    async def has_weights() -> bool:
        return there[0]

    check = endpoint_check(RealCalls(Purpose.LANGUAGE), lambda: None, local_check(has_weights, lambda: dead[0]))
    assert await check() == Reading(Level.DEGRADED, Why.WEIGHTS_MISSING)
    there[0] = True
    assert await check() == OK
    dead[0] = True
    assert await check() == Reading(Level.DOWN, Why.ENGINE_DIED)


async def test_what_is_switched_off_is_as_it_should_be() -> None:
    assert await off() == Reading(Level.OK, Why.OFF)


# --- telegram ---------------------------------------------------------------------------------------------------------


async def test_the_messenger_is_read() -> None:
    messenger = TelegramDouble()
    check = telegram_check(messenger)
    assert await check() == OK
    messenger.failures["check"] = [MessengerUnavailable(reason="timeout"), MessengerRefusedSecrets(reason="401")]
    assert await check() == Reading(Level.DOWN, Why.NO_ANSWER)
    assert await check() == Reading(Level.DOWN, Why.KEY_REFUSED)
    assert await check() == OK


# --- disk -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "free", "reading"),
    [
        (9000, 1000, OK),
        (9001, 999, Reading(Level.DEGRADED, Why.LOW_SPACE)),
        (8000, 900, OK),  # the rest of ten thousand is root's
        (9744, 256, Reading(Level.DEGRADED, Why.LOW_SPACE)),
        (9745, 255, Reading(Level.DOWN, Why.FULL)),  # no recording is taken any more
        (745, 255, Reading(Level.DOWN, Why.FULL)),
    ],
)
async def test_a_disk_is_degraded_below_a_tenth_and_down_once_nothing_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: int, free: int, reading: Reading
) -> None:
    usage = SimpleNamespace(total=10_000 * MEBIBYTE, used=used * MEBIBYTE, free=free * MEBIBYTE)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert await disk_check(tmp_path)() == reading
    assert REGISTRY.get_sample_value("voxpersona_disk_free_bytes") == free * MEBIBYTE


async def test_a_folder_that_is_gone_cannot_be_written(tmp_path: Path) -> None:
    check = disk_check(tmp_path / "state")
    assert await check() == Reading(Level.DOWN, Why.NOT_WRITABLE)
    (tmp_path / "state").mkdir()
    assert (await check()).level is not Level.DOWN
    assert list((tmp_path / "state").iterdir()) == []


async def test_a_full_disk_is_down_and_well_when_there_is_space_again(tmp_path: Path) -> None:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    folder = tmp_path / "disk"
    with small_disk(folder, "257M"):
        check = disk_check(folder)
        assert await check() == OK
        (folder / "ballast").write_bytes(bytes(2 * MEBIBYTE))
        assert await check() == Reading(Level.DOWN, Why.FULL)
        (folder / "ballast").unlink()
        assert await check() == OK
