"""The console: who comes in, what each person sees, and files that come in pieces, over real connections."""

import asyncio
import json
import os
import re
import wave
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import axe_playwright_python
import httpx2
import psycopg
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from PIL import Image
from playwright.async_api import Dialog, Page, Route, async_playwright, expect

import chat_history
import metadata_store
import recordings_store
import reports_store
import speeches.store
import transcripts_store
from access import Permission, Team, may
from any_requests import questions, storm
from avatar_photos import photo
from avatars.models import Gender
from avatars.photos import LARGEST_BYTES
from avatars_world import AvatarBot
from config import ROOT
from console_world import LOCAL_KEY, Browser, World, world
from constants import SAMPLE_RATE
from datamodels import (
    Recording,
    RecordingMetadata,
    ReportId,
    ReportOutcome,
    Role,
    Segment,
    Stage,
    Transcript,
    Usage,
    UserId,
    Visibility,
    Word,
)
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Conversation, Occasion, Source
from datamodels_telegram import TelegramPerson
from default_pack import PACK
from errors import BadInput, NotFound
from errors_of_operation import SignInRefused
from fal_server import fal_server
from followers_world import look
from handlers_world import MB, Bot
from health.board import Board
from language_model.recorded import RecordedLanguageModel
from limits import store
from limits.values import Resource
from recorded_reports import written as made
from recording_files import tone
from recordings import spoken_store
from sign_in.sessions import Sessions
from texts.web import ANSWER_FAILED, UPLOAD_BROKEN, UPLOAD_CONTINUE, UPLOAD_GIVEN_UP, UPLOAD_KNOWN
from transcription.ready.reading import read_ready
from users_store import ensure_local_user
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import SESSION_COOKIE, Needs
from web.site import Site


def wav(seconds: float) -> bytes:
    with BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(tone(seconds).tobytes())
        return file.getvalue()


SOUND = wav(2)
SCRIPT = "<script>alert(1)</script>"
REPORT = f"## Связки\n\n- {SCRIPT} «Тихо» (Клиент, 00:01) [здесь](javascript:alert(1))"
SAMPLES = ROOT / "samples"
NAME = "Интервью 17.wav"


@pytest.fixture
async def console(bot: Bot, tmp_path: Path) -> AsyncIterator[World]:
    async with world(bot, tmp_path) as opened:
        yield opened


@pytest.fixture
async def researcher(console: World) -> AsyncIterator[Browser]:
    async with console.browser("researcher") as browser:
        yield browser


async def has_recording(console: World, name: str = "researcher", file_name: str = NAME) -> Recording:
    """Give a person a recording with sound and a transcript."""
    owner = console.people[name].user.id
    upload = await console.services.uploads.begin(owner, file_name, len(SOUND), "interview")

    async def content() -> AsyncIterator[bytes]:
        yield SOUND

    await console.services.uploads.append(owner, upload.id, 0, len(SOUND), content())
    await taken_in(console)
    number = (await console.services.uploads.find(owner, upload.id)).recording_number
    assert number is not None
    return await transcribed(console, owner, number)


async def transcribed(console: World, owner: UserId, number: int, said: str = f"Тихо {SCRIPT}") -> Recording:
    """Give a recording a transcript, as the engines would: a word every half second."""
    words = tuple(
        Word(start=0.5 * place, end=0.5 * place + 0.5, text=each) for place, each in enumerate(said.split(), 1)
    )
    segment = Segment(start=0.5, end=1.5, role="Клиент", text=said, words=words)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=2, speakers=1, segments=(segment,))
    async with console.bot.database.transaction() as connection:
        recording = await recordings_store.get_by_number(connection, owner, number)
        await recordings_store.set_stage(connection, recording, Stage.DONE, 1.0)
        await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
        await metadata_store.save_metadata(connection, recording.id, RecordingMetadata(place=SCRIPT))
        return await recordings_store.get_by_number(connection, owner, number)


async def taken_in(console: World) -> None:
    """Let whole files become recordings."""
    await look(console.services.uploads)


async def has_answer(console: World, name: str, cited: Recording) -> str:
    """Give a person an answer that cites a recording; return its id."""
    services, owner = console.services, console.people[name].user.id
    chat = await services.chats.active(owner)
    occasion = Occasion(door="web", key=f"{owner}:{cited.id}")
    answer_id = await services.chats.ask(owner, occasion, "Было ли тихо?", number=chat.number)
    await answered(console, owner, answer_id, cited)
    return str(answer_id)


async def answered(
    console: World,
    owner: UserId,
    answer_id: AnswerId,
    cited: Recording,
    said: str = f"Да, тихо {SCRIPT} [1].",
    sources: tuple[Source, ...] = (),
) -> None:
    """Answer a question, as the model would."""
    source = Source(
        number=1,
        recording_id=cited.id,
        recording_number=cited.number,
        label="Интервью",
        day=cited.created_at.date(),
        speakers=("Клиент",),
        start=0.5,
        end=1.5,
    )
    outcome = AnswerOutcome(basis=Basis.MODEL, text=said, sources=sources or (source,), model="m")
    conversation = Conversation(
        answer_id=answer_id, owner_id=owner, question="Было ли тихо?", outcome=outcome, created_at=datetime.now(UTC)
    )
    await console.bot.storage.add_conversation(conversation)


# --- coming in -------------------------------------------------------------------------------------------------------


async def test_a_link_lets_its_person_in_once(console: World) -> None:
    person = console.people["researcher"]
    await person.command("web")
    [code] = re.findall(r"https://vox\.example/sign-in/([\w-]{43})", person.sees)
    async with console.stranger() as first, console.stranger() as second:
        assert (await first.get(f"/sign-in/{code}")).status_code == 200, "programs that look at links use none up"
        came = await first.post("/sign-in", data={"code": code})
        cookie = came.headers["set-cookie"]
        assert came.status_code == 303
        assert {"HttpOnly", "SameSite=strict"} <= {each.strip() for each in cookie.split(";")}
        assert code not in cookie
        assert "Мария" in (await first.get("/")).text
        refused = await second.post("/sign-in", data={"code": code})
        assert (refused.status_code, "уже использована" in refused.text) == (401, True)


async def test_a_session_ends_with_its_time_with_its_person_and_by_leaving(console: World) -> None:
    person, times = console.people["colleague"].user, [datetime.now(UTC)]
    assert person.telegram_id is not None
    team = Team(None, frozenset([person.telegram_id]))
    sessions = Sessions(console.bot.database, team, now=lambda: times[0])
    token = await sessions.begin(await sessions.new_link(person.id))
    assert await sessions.find(token) is not None
    assert await Sessions(console.bot.database, Team(None, frozenset()), now=lambda: times[0]).find(token) is None
    times[0] += timedelta(days=31)
    assert await sessions.find(token) is None
    tokens = [await sessions.begin(await sessions.new_link(person.id)) for _ in range(2)]
    others = await sessions.begin(await sessions.new_link(console.people["researcher"].user.id))
    unused = await sessions.new_link(person.id)
    await console.people["colleague"].command("logout")
    assert "Закончено сеансов: 3" in console.people["colleague"].sees
    assert [await sessions.find(each) for each in tokens] == [None, None]
    with pytest.raises(SignInRefused):
        await sessions.begin(unused)
    async with console.bot.database.transaction() as connection:
        query = "SELECT count(*) AS left FROM web_sessions WHERE token_hash = sha256(convert_to(%s, 'UTF8'))"
        row = await (await connection.execute(query, (others,))).fetchone()
    assert row == {"left": 1}, "a colleague stays signed in"
    async with console.browser("colleague") as browser:
        assert (await browser.client.post("/sign-out", data={"csrf": "forged"})).status_code == 403
        assert (await browser.post("/sign-out")).status_code == 303
        browser.client.cookies.set(SESSION_COOKIE, "stolen before")
        assert (await browser.client.get("/")).status_code == 401


async def test_the_local_key_counts_only_without_a_messenger(console: World) -> None:
    async with console.bot.database.transaction() as connection:
        await ensure_local_user(connection)
    sessions = console.services.sessions
    token = await sessions.begin(LOCAL_KEY)
    found = await sessions.find(token)
    assert found is not None
    assert found.role is Role.SUPER_ADMIN
    assert await Sessions(console.bot.database, Team(None, frozenset())).find(token) is None


async def test_too_many_wrong_codes_are_stopped(console: World) -> None:
    async with console.stranger() as client:
        answers = [await client.post("/sign-in", data={"code": f"wrong-{each}"}) for each in range(11)]
    assert [each.status_code for each in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 500


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
async def test_another_name_for_this_machine_is_refused(console: World, host: str) -> None:
    async with console.stranger() as client:
        assert (await client.get("/sign-in", headers={"Host": host})).status_code == 400


async def test_a_page_says_what_a_browser_may_do_with_it(console: World) -> None:
    async with console.stranger() as client:
        answer = await client.get("/sign-in", headers={"Origin": "https://evil.example"})
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)


# --- who sees what ---------------------------------------------------------------------------------------------------


def routes() -> list[tuple[str, str, Permission]]:
    """Every route that needs a permission, from the application itself."""
    application = new_application(Board(), Facts("1", None), None)
    add_console(application, Site())
    found = []
    for context in iter_route_contexts(application.routes):
        route, path = context.original_route, context.path
        assert isinstance(route, APIRoute)
        assert path is not None
        for needs in (each.call for each in route.dependant.dependencies if isinstance(each.call, Needs)):
            found += [(method, path, needs.permission) for method in sorted(route.methods or ())]
    return found


OF_ONE = re.compile(r"(recordings|reports|avatars|pictures)/{number}|answer_id|upload_id|speech_id|{term}")
"""Addresses of what is one person's. Chats are not among them: everybody has a chat of the first number."""
READING = frozenset(["GET", "HEAD"])
FILE_FORMS = ("/uploads", "/avatars/{number}/photos")
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Silence:
    """A voice that nobody lets speak."""

    voice = "silence"

    async def speak(self, text: str) -> bytes:
        raise AssertionError(text)

    async def check(self) -> None: ...

    async def close(self) -> None: ...


async def addresses(console: World) -> dict[str, str]:
    """What stands in the addresses of what the researcher has."""
    recording = await has_recording(console)
    answer = await has_answer(console, "researcher", recording)
    upload = await console.services.uploads.begin(recording.owner_id, "b.wav", 9, "none")
    console.bot.voice = Silence()
    speech = (await console.bot.speeches.order_text(recording.owner_id, "Тихо.")).id
    await has_avatar(console, "researcher")
    await has_photos(console, 1)
    photos = await photo_ids(console)
    await console.services.glossary.add(recording.owner_id, "Заря")
    [term] = await console.services.glossary.list(recording.owner_id)
    return {
        "person_id": str(console.people["colleague"].user.id),
        "answer_id": answer,
        "upload_id": str(upload.id),
        "speech_id": str(speech),
        "term": str(term.id),
        "photo_id": photos[0],
        "number": "1",
        "place": "1",
        "extension": "txt",
    }


async def has_avatar(console: World, name: str, title: str = SCRIPT) -> int:
    """Give a person an avatar that takes photographs; return its number."""
    assert console.services.avatars is not None
    avatars, owner = console.services.avatars.avatars, console.people[name].user.id
    made = await avatars.create(owner, None, title)
    await avatars.set_gender(owner, made.number, Gender.FEMALE)
    await avatars.consent(owner, made.number)
    return made.number


async def status(client: httpx2.AsyncClient, method: str, path: str, ids: dict[str, str], token: str) -> int:
    """Ask as a page of ours would, with a form that has something for every route."""
    content, kind = b"", "application/offset+octet-stream"
    if method in {"POST", "PUT"}:
        kind = JSON if "/api/" in path else FORM
        content = (
            b'{"reports": ["x"], "stars": 5, "change": "undo", "version": 1}'
            if kind == JSON
            else b"report=x&stars=5&scenario=none&visibility=team&change=undo&version=1"
            b"&gender=male&consent=1&aspect=wide&prompt=coffee"
        )
    sent = {"X-CSRF-Token": token, "Content-Type": kind, "Upload-Offset": "0"}
    return (await client.request(method, path.format(**ids), headers=sent, content=content or None)).status_code


async def test_nothing_is_open_to_strangers(console: World) -> None:
    ids = await addresses(console)
    async with console.stranger() as client:
        found = {(method, path): await status(client, method, path, ids, "") for method, path, _ in routes()}
    assert {row: code for row, code in found.items() if code != 401} == {}


async def test_nobody_does_what_the_role_does_not_allow(console: World) -> None:
    ids = await addresses(console)
    closed = [(method, path) for method, path, needed in routes() if not may(Role.GUEST, needed)]
    async with console.browser("guest") as guest:
        found = {row: await status(guest.client, *row, ids, guest.token) for row in closed}
    assert {row: code for row, code in found.items() if code != 403} == {}


async def test_nothing_is_changed_by_forms_of_other_sites(console: World) -> None:
    ids = await addresses(console)
    # The form of a file is looked at as it comes, see below.
    changing = [(method, path) for method, path, _ in routes() if method not in READING and path not in FILE_FORMS]
    async with console.browser("lead") as owner:
        found = {row: await status(owner.client, *row, ids, "forged") for row in changing}
        crossed = await owner.client.post(
            "/chats", data={"csrf": owner.token}, headers={"Sec-Fetch-Site": "cross-site"}
        )
    assert {row: code for row, code in found.items() if code != 403} == {}
    assert crossed.status_code == 403


async def test_what_is_one_persons_is_nobody_elses(console: World) -> None:
    ids = await addresses(console)
    ones = [(method, path) for method, path, _ in routes() if OF_ONE.search(path)]
    assert len(ones) > 25
    async with console.browser("colleague") as colleague:
        found = {row: await status(colleague.client, *row, ids, colleague.token) for row in ones}
    assert {row: code for row, code in found.items() if code != 404} == {}


async def test_no_request_makes_the_application_fail(console: World) -> None:
    ids = await addresses(console)
    async with console.browser("researcher") as browser:
        found = await storm(console, browser, ids, 120)
        asked = await questions(console, browser, 40)
    assert sum(found.values()) >= 120
    assert (sum(asked.values()) >= 40, asked[200] > 3) == (True, True), asked
    assert found[200] > 12


@pytest.mark.parametrize("path", ["/", "/recordings", "/api/v1/recordings"])
async def test_a_list_asks_the_database_as_often_however_long_it_is(
    console: World, researcher: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    execute, asked = psycopg.AsyncConnection.execute, list[object]()

    async def noted(connection: psycopg.AsyncConnection, query: str, *rest: Any, **more: Any) -> Any:
        asked.append(query)
        return await execute(connection, query, *rest, **more)

    async def queries() -> int:
        asked.clear()
        assert (await researcher.client.get(path)).status_code == 200
        return len(asked)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", noted)
    await researcher.person.has_recording()
    one = await queries()
    for _ in range(3):
        await researcher.person.has_recording()
    assert 0 < await queries() <= one


async def test_what_people_wrote_is_shown_and_never_run(console: World, researcher: Browser) -> None:
    ids, owner = await addresses(console), researcher.person.user.id
    ids["speech_id"] = str((await console.bot.speeches.order_text(owner, SCRIPT)).id)
    await console.services.chats.rename(owner, 1, SCRIPT, Occasion(door="test", key="1"))
    await researcher.post(f"/answers/{ids['answer_id']}/rating", stars="2", comment=SCRIPT)
    async with console.bot.database.transaction() as connection:
        await connection.execute("UPDATE users SET name = %s", (SCRIPT,))
    shown = set()
    async with console.browser("lead") as lead:
        for _, path, needed in [each for each in routes() if each[0] == "GET" and not each[1].endswith("events")]:
            browser = researcher if may(Role.USER, needed) else lead
            page = await browser.client.get(path.format(**ids))
            if page.headers["content-type"].startswith("text/html") and page.status_code == 200:
                assert "<script>alert" not in page.text, path
                assert len(page.content) < 300_000, path
                shown |= {path} if "&lt;script&gt;alert" in page.text else set()
    of_one = {"/recordings/{number}/edit", "/chats/{number}", "/speeches/{speech_id}", "/avatars/{number}"}
    assert shown > {"/", "/recordings", "/recordings/{number}", "/chats", "/speeches", "/avatars", "/people"} | of_one
    events = await researcher.client.get(f"/answers/{ids['answer_id']}/events")
    assert "<script>alert" not in events.text
    assert events.text.endswith("event: end\ndata: {}\n\n")


async def test_sources_play_for_whoever_may_find_them(console: World) -> None:
    recording = await has_recording(console)
    answer = await has_answer(console, "guest", recording)
    address = f"/api/v1/answers/{answer}/sources/1/sound"
    async with console.browser("guest") as guest:
        part = await guest.client.get(address, headers={"Range": "bytes=44-143"})
        assert (part.status_code, part.content) == (206, SOUND[44:144])
        assert part.headers["content-range"] == f"bytes 44-143/{len(SOUND)}"
        assert (await guest.client.get(f"/api/v1/recordings/{recording.number}/sound")).status_code == 404
        await transcribed(console, recording.owner_id, recording.number)
        chat = (await guest.client.get("/chats/1")).text
        [page] = re.findall(rf'href="(/answers/{answer}/sources/1)\?t=0#now"', chat)
        assert ">Тихо &lt;script&gt;" in (await guest.client.get(page, params={"t": 0})).text
        assert "/edit" not in (await guest.client.get(page)).text
        await console.services.changes.show_to(recording.owner_id, recording.number, Visibility.PRIVATE)
        assert [(await guest.client.get(each)).status_code for each in (address, page)] == [404, 404]


async def test_a_glossary_is_added_to_and_removed_from(console: World, researcher: Browser) -> None:
    async def terms(browser: Browser) -> list[str]:
        return re.findall(r"<li><span>([^<]+)", (await browser.client.get("/glossary")).text)

    assert (await researcher.post("/glossary", terms="Заря, Хилтон")).status_code == 303
    assert (await researcher.post("/glossary", terms="Астория", team="1")).status_code == 403
    assert (await researcher.post("/glossary", terms="7")).status_code == 422
    async with console.browser("lead") as lead:
        assert (await lead.post("/glossary", terms="Астория", team="1")).status_code == 303
        assert await terms(lead) == ["Астория"]
    assert await terms(researcher) == ["Заря", "Хилтон", "Астория"]
    removing = re.findall(r'action="(/glossary/\d+/remove)', (await researcher.client.get("/glossary")).text)
    assert len(removing) == 2, "the team's stays"
    assert (await researcher.post(removing[0])).status_code == 303
    assert await terms(researcher) == ["Хилтон", "Астория"]


async def test_a_question_is_asked_once_and_its_answer_rated(console: World, researcher: Browser) -> None:
    recording = await has_recording(console)
    answer = await has_answer(console, "researcher", recording)
    chat = (await console.services.chats.active(researcher.person.user.id)).number
    asked = {"question": "Что говорят о завтраке?", "key": "one"}
    for _ in range(2):
        assert (await researcher.post(f"/chats/{chat}/questions", **asked)).status_code == 303
    assert (await researcher.client.get(f"/api/v1/chats/{chat}")).json()["questions"] == 2
    for length, status in ((0, 422), (4000, 303), (4001, 422)):
        assert (await researcher.post(f"/chats/{chat}/questions", question="щ" * length)).status_code == status
    assert (await researcher.post(f"/answers/{answer}/rating", stars="4", comment="Точно")).status_code == 303
    rated = (await researcher.client.get(f"/api/v1/answers/{answer}")).json()
    assert (rated["stars"], rated["comment"]) == (4, "Точно")
    assert (await researcher.post(f"/answers/{answer}/rating", stars="6")).status_code == 422


async def test_who_has_used_up_a_limit_is_told_until_when(console: World, researcher: Browser) -> None:
    owner = researcher.person.user.id
    chat = (await console.services.chats.active(owner)).number
    async with console.bot.database.transaction() as connection:
        for resource, amount in ((Resource.QUESTIONS, 1), (Resource.STORAGE, 10)):
            await store.set_for_person(connection, owner, resource, Decimal(amount), own=True)
    headers = {"x-csrf-token": researcher.token}
    question = {"question": "Что с завтраком?"}
    assert (await researcher.post(f"/chats/{chat}/questions", **question)).status_code == 303
    asked = await researcher.client.post(f"/api/v1/chats/{chat}/questions", json=question, headers=headers)
    sent = await begun(researcher, 11, "a.ogg")
    for answer, told in (
        (asked, "Вопрос «Что с завтраком?» не задан. Предел исчерпан: "),
        (sent, "Предел исчерпан: место"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (429, "limit_reached")
        assert answer.json()["message"].startswith(told)
        assert int(answer.headers["retry-after"]) > 0
    page = await researcher.post(f"/chats/{chat}/questions", **question)
    assert page.status_code == 429
    assert "Подождите до 1 " in page.text
    assert (await researcher.client.get(f"/api/v1/chats/{chat}")).json()["questions"] == 1


async def test_a_person_sees_what_is_left_and_sets_what_the_bot_sets(console: World, researcher: Browser) -> None:
    owner, preferences = researcher.person.user.id, console.bot.preferences
    async with console.bot.database.transaction() as connection:
        await store.set_for_person(connection, owner, Resource.SOUND, Decimal(18_000), own=True)
        await connection.execute("INSERT INTO hourly_uses (feature, owner_id) VALUES ('chat', %s)", (owner,))
    shown = (await researcher.client.get("/profile")).text
    for said in ("исследователь", "99 из 100 за час", "300 мин из 300 мин за месяц"):
        assert said in shown
    changed = {"time_zone": "Asia/Omsk", "language": "en", "quiet": "night", "voice_notes": "words"}
    assert (await researcher.post("/profile", **changed)).status_code == 303
    assert (await preferences.of(owner)).model_dump() == changed
    page = (await researcher.client.get("/profile?saved=true")).text
    assert page.count(" selected>") == 4
    for wrong in ({"language": "xx"}, {"quiet": "never"}, {"voice_notes": "photo"}, {"time_zone": "Mars/Gale"}):
        assert (await researcher.post("/profile", **wrong)).status_code == 422
    assert (await researcher.post("/profile", zone_other="на Марсе")).status_code == 422
    assert (await researcher.post("/profile", zone_other="UTC+10", quiet="")).status_code == 303
    set_now = await preferences.of(owner)
    assert (set_now.time_zone, set_now.quiet, set_now.language) == ("Etc/GMT-10", None, "en")
    assert '<option value="Etc/GMT-10" selected>UTC+10</option>' in (await researcher.client.get("/profile")).text
    async with console.browser("guest") as guest:
        assert "Язык записей" not in (await guest.client.get("/profile")).text
        assert (await guest.post("/profile", quiet="always", language="en")).status_code == 403
        assert (await guest.post("/profile", quiet="always")).status_code == 303
        assert (await preferences.of(guest.person.user.id)).quiet == "always"
    assert (await preferences.of(owner)).quiet is None


async def test_clocks_are_those_of_the_person(console: World, researcher: Browser) -> None:
    recording, shown = await has_recording(console), set[str]()
    for zone, hours in (("Etc/GMT-14", 14), ("Etc/GMT+12", -12)):
        await console.bot.preferences.set(recording.owner_id, time_zone=zone)
        day = f"{recording.created_at.astimezone(timezone(timedelta(hours=hours))):%d.%m.%Y}"
        assert day in (await researcher.client.get("/recordings")).text
        shown.add(day)
    assert len(shown) == 2


async def test_a_question_is_answered_within_one_request_and_learned_from(console: World, researcher: Browser) -> None:
    recording, reading = await has_recording(console), console.services.reading
    owner, headers = researcher.person.user.id, {"X-CSRF-Token": researcher.token}

    async def post(path: str, **body: object) -> httpx2.Response:
        return await researcher.client.post(f"/api/v1/voice/{path}", json=body, headers=headers)

    number = (await console.services.chats.active(owner)).number
    asking = asyncio.create_task(post("process", text="Было ли тихо в номере?", session_id=number))
    async with asyncio.timeout(20):
        while not (found := (await reading.chat(owner, number))[1]):  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.05)
    assert not asking.done()
    unstorable = {"question": "Было ли шумно в номере?", "key": "a\0"}
    address = f"/api/v1/chats/{number}/questions"
    content = json.dumps(unstorable).encode()
    sent = await researcher.client.post(address, content=content, headers={**headers, "Content-Type": JSON})
    assert sent.status_code == 202
    await answered(console, owner, found[-1].id, recording)
    answer = (await asking).json()
    assert (answer["status"], answer["session_id"], answer["model"]) == ("done", number, "m")
    assert answer["answer"].startswith("Да, тихо")
    assert [each["recording_number"] for each in answer["sources"]] == [recording.number]
    assert (await post("feedback", log_id=answer["log_id"], rating=6)).status_code == 422
    assert (await post("feedback", log_id=answer["log_id"], rating=5)).status_code == 200
    async with console.browser("colleague") as colleague:
        foreign = {"log_id": answer["log_id"], "rating": 1}
        given = {"X-CSRF-Token": colleague.token}
        assert (await colleague.client.post("/api/v1/voice/feedback", json=foreign, headers=given)).status_code == 404
        assert (await colleague.client.get("/api/v1/learning/stats")).status_code == 403
    async with console.browser("lead") as lead:
        assert (await lead.client.get("/api/v1/learning/stats")).json()["by_stars"][4] >= 1
        lines = (await lead.client.get("/api/v1/learning/export")).text.splitlines()
    assert any("тихо в номере" in line for line in lines)


async def listened(console: World, words: str | None = None) -> None:
    """Do the job of a question by voice, for which somebody waits; with ``words`` an engine has understood these."""
    query = "SELECT id FROM spoken_questions WHERE sound IS NOT NULL"
    found = None
    async with asyncio.timeout(20):
        while found is None:
            await asyncio.sleep(0.05)
            async with console.bot.database.transaction() as connection:
                found = await (await connection.execute(query)).fetchone()
                if found is not None and words is not None:
                    await spoken_store.store_words(connection, found["id"], words)
                    return
    try:
        await console.bot.hearing.do(found["id"])
    except BadInput as exc:
        await console.bot.hearing.fail(found["id"], exc, None)


async def test_a_question_by_voice_is_heard_and_asked_once(console: World, researcher: Browser) -> None:
    recording, reading, owner = await has_recording(console), console.services.reading, researcher.person.user.id
    address, kind = "/api/v1/voice/process", "audio/webm;codecs=opus"

    async def ask(sound: bytes, kind: str = kind, **more: str) -> httpx2.Response:
        sent = {"X-CSRF-Token": researcher.token, "Content-Type": kind}
        return await researcher.client.post(address, content=sound, headers=sent, params=more)

    head = f"POST {address} HTTP/1.1\r\nX-CSRF-Token: {researcher.token}\r\nContent-Length: {4 * MB + 1}"
    for told, code in ((kind, 413), ("text/plain", 415), (JSON, 413)):
        reader, writer = await opened(console, researcher, f"{head}\r\nContent-Type: {told}")
        async with asyncio.timeout(20):
            assert (await reader.readline()).split()[1] == str(code).encode(), "before any byte of it"
        writer.close()
    assert [(await ask(b"")).status_code, (await ask(b"x", JSON)).status_code] == [422, 422]

    waiting = (await asyncio.gather(ask(SOUND, wait="false"), listened(console, "Было ли тихо в номере?")))[0].json()
    assert (waiting["status"], waiting["question"]) == ("waiting", "Было ли тихо в номере?")
    asking = asyncio.create_task(ask(SOUND))
    await answered(console, owner, AnswerId(UUID(waiting["log_id"])), recording)
    answer = (await asking).json()
    assert (answer["log_id"], answer["status"], answer["similar_found"]) == (waiting["log_id"], "done", 0)
    assert [each["recording_number"] for each in answer["sources"]] == [recording.number]
    assert len((await reading.chat(owner, answer["session_id"]))[1]) == 1
    with pytest.raises(NotFound):
        await console.services.spoken.said(console.people["colleague"].user.id, sha256(SOUND).hexdigest())

    for sound, said in ((wav(1), "не слышно речи"), (wav(61), "Скажите короче"), (bytes(4 * MB), "не похож")):
        for again in (False, True):
            refused, _ = await asyncio.gather(ask(sound), asyncio.sleep(0) if again else listened(console))
            assert (refused.status_code, said in refused.json()["message"]) == (422, True), refused.text
    used_up = await ask(wav(3))
    assert (used_up.status_code, int(used_up.headers["retry-after"]) > 3500) == (429, True)
    assert "обратиться голосом не больше 4 раз" in used_up.json()["message"]
    described = (await researcher.client.get("/api/v1/openapi.json")).json()["paths"][address]["post"]
    assert set(described["requestBody"]["content"]) == {JSON, "audio/*"}


async def test_a_text_is_said_kept_and_deleted(console: World, researcher: Browser) -> None:
    console.bot.voice = Silence()
    page = await researcher.post("/speeches", text="Тихо было.")
    address = page.headers["location"]
    shown = await researcher.client.get(address)
    assert "Озвучиваю: готово частей 0 из 1" in shown.text
    id_ = UUID(address.rpartition("/")[2])
    async with console.bot.database.transaction() as connection:
        await speeches.store.finish(connection, id_, bytes(range(100)), 2.0)
    assert f"/api/v1/tts/{id_}/sound" in (await researcher.client.get(address)).text
    assert address in (await researcher.client.get("/speeches")).text
    sound = f"/api/v1/tts/{id_}/sound"
    for wanted, status, content in [
        ("", 200, bytes(range(100))),
        ("bytes=10-19", 206, bytes(range(10, 20))),
        ("bytes=90-", 206, bytes(range(90, 100))),
        ("bytes=-5", 206, bytes(range(95, 100))),
        ("bytes=100-", 416, b""),
    ]:
        got = await researcher.client.get(sound, headers={"Range": wanted} if wanted else {})
        assert (got.status_code, got.content) == (status, content), wanted
    assert (await researcher.post(f"{address}/delete")).status_code == 303
    assert (await researcher.client.get(sound)).status_code == 404
    lengths = [({"text": "а" * length}, status) for length, status in ((0, 422), (1, 202), (5000, 202), (5001, 422))]
    for body, status in [*lengths, ({}, 422), ({"report": 1}, 404)]:
        said = await researcher.client.post("/api/v1/tts", json=body, headers={"X-CSRF-Token": researcher.token})
        assert said.status_code == status
    console.bot.voice = None
    assert "Озвучить" not in (await researcher.client.get("/speeches")).text.replace("«Озвучить»", "")
    refused = await researcher.client.post(
        "/api/v1/tts", json={"text": "Да."}, headers={"X-CSRF-Token": researcher.token}
    )
    assert (refused.status_code, refused.json()["error"]) == (503, "no_voice")


async def test_reports_are_offered_ordered_once_and_described(console: World, researcher: Browser) -> None:
    recording = await has_recording(console)
    address = f"/recordings/{recording.number}/reports"
    assert "Отчет о связках" in (await researcher.client.get(address)).text
    ordered = {"report": ["report_int_links"]}
    for _ in range(2):
        assert (await researcher.post(address, **ordered)).status_code == 303
    runs = (await researcher.client.get(f"/api/v1{address}")).json()
    assert [(run["report"], run["status"]) for run in runs] == [("report_int_links", "queued")]
    assert (await researcher.post(address)).status_code == 422
    assert (await researcher.post(address, report=["report_int_general"])).status_code == 422, "which building?"
    described = (await researcher.client.get("/api/v1/openapi.json")).json()
    assert "/api/v1/recordings/{number}/reports" in described["paths"]
    kind = f"/recordings/{recording.number}/kind"
    await researcher.post(kind, scenario="none")
    await transcribed(console, recording.owner_id, recording.number)
    assert f'action="{kind}"' in (await researcher.client.get(address)).text
    assert "/recordings" not in described["paths"]


# --- corrections -----------------------------------------------------------------------------------------------------

TALK = (("S1", "Как вам завтрак?"), ("S2", "Завтрак в заре хороший,"), ("S2", "а в заре тихо."), ("S3", "Спасибо."))


async def has_talk(console: World, utterances: Sequence[tuple[str, str]] = TALK) -> str:
    """Give the researcher a recording in which several people speak; return the address of its page."""
    recording = await console.people["researcher"].has_recording()
    segments = tuple(
        Segment(start=2 * place, end=2 * place + 1, speaker=speaker, text=text)
        for place, (speaker, text) in enumerate(utterances)
    )
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=9, speakers=3, segments=segments)
    async with console.bot.database.transaction() as connection:
        await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
    return f"/recordings/{recording.number}"


async def heard(browser: Browser, address: str) -> list[tuple[str, str]]:
    """Who says what, as people read it."""
    transcript = (await browser.client.get(f"/api/v1{address}/transcript")).json()
    return [(each["speaker"], each["text"]) for each in transcript["segments"]]


async def corrected(browser: Browser, address: str, **edit: str) -> httpx2.Response:
    """Send a form of the editor, as the page has it now."""
    page = (await browser.client.get(f"{address}/edit")).text
    known = {"version": str(re.findall(r'data-version="(\d+)"', page)[0])}
    if "position" in edit:
        known["mark"] = re.findall(r'name="mark" value="(\w+)"', page)[int(edit["position"])]
    return await browser.post(f"{address}/edit", **known, **edit)


async def test_without_scripts_forms_correct_a_transcript(console: World, researcher: Browser) -> None:
    address = await has_talk(console)
    assert "2 реплики" in (await researcher.client.get(f"{address}/edit")).text, "as many as stand there"
    text = await corrected(researcher, address, change="text", position="3", text=f"Спасибо\n{SCRIPT}", speaker="S1")
    assert (text.status_code, text.headers["location"]) == (303, f"{address}/edit#s3")
    await corrected(researcher, address, change="speaker", position="0", speaker="new")
    await corrected(researcher, address, change="name", speaker="S2", name="Мария")
    await corrected(researcher, address, change="merge", speaker="S3", into="S1")
    await corrected(researcher, address, change="role", speaker="S1", role="Сотрудник")
    await corrected(researcher, address, change="name", speaker="S1", name="сотрудник")
    found = (await researcher.client.get(f"{address}/edit", params={"wanted": "в Заре"})).text
    assert "Нашлось мест: 2, реплик: 2." in found
    nothing = {"change": "replace", "wanted": "в заре"}
    asked = await corrected(researcher, address, **nothing)
    assert "мест — 2, реплик — 2?" in (await researcher.client.get(asked.headers["location"])).text
    entered = await corrected(researcher, address, **nothing, replacement="в «Заре»", find="1")
    assert "replaced" not in entered.headers["location"]
    replaced = await corrected(researcher, address, change="replace", wanted="в заре", replacement="в «Заре»")
    assert "Исправлено реплик: 2." in (await researcher.client.get(replaced.headers["location"])).text
    assert await heard(researcher, address) == [
        ("Сотрудник", "Как вам завтрак?"),
        ("Мария", "Завтрак в «Заре» хороший,"),
        ("Мария", "а в «Заре» тихо."),
        ("Сотрудник", f"Спасибо {SCRIPT}"),
    ]
    assert "<script>alert" not in (await researcher.client.get(f"{address}/edit")).text
    for _ in range(8):
        assert (await corrected(researcher, address, change="undo")).status_code == 303
    assert [text for _, text in await heard(researcher, address)] == [text for _, text in TALK]
    refused = await corrected(researcher, address, change="undo")
    assert (refused.status_code, "Отменять нечего" in refused.text) == (422, True)
    at = {time: await researcher.client.get(f"{address}/edit", params={"time": time}) for time in ("0:05", "0:90")}
    assert at["0:05"].headers["location"] == f"{address}/edit?from=0#s2"
    assert "Время пишут так" in at["0:90"].text


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"change": "text", "position": "4", "text": "x"}, 404),
        ({"change": "text", "position": "-1", "text": "x"}, 404),
        ({"change": "text", "position": "x", "text": "x"}, 422),
        ({"change": "text", "position": "0", "text": "щ" * 5000}, 303),
        ({"change": "text", "position": "0", "text": "щ" * 5001}, 422),
        ({"change": "speaker", "position": "0", "speaker": "S9"}, 404),
        ({"change": "merge", "speaker": "S1", "into": "S1"}, 404),
        ({"change": "role", "speaker": "S1", "role": "Директор"}, 404),
        ({"change": "name", "speaker": "S1", "name": "щ" * 61}, 422),
        ({"change": "none"}, 422),
        ({"change": "undo", "version": "x"}, 422),
    ],
)
async def test_what_does_not_fit_changes_nothing(
    console: World, researcher: Browser, edit: dict[str, str], status: int
) -> None:
    address = await has_talk(console)
    assert (await researcher.post(f"{address}/edit", **{"version": "2", **edit})).status_code == status
    if status != 303:
        assert [text for _, text in await heard(researcher, address)] == [text for _, text in TALK]


async def test_two_windows_lose_nothing(console: World, researcher: Browser) -> None:
    address = await has_talk(console)
    edits, sent = f"/api/v1{address}/transcript/edits", {"X-CSRF-Token": researcher.token}
    seen = (await researcher.client.get(f"/api/v1{address}/transcript/editing")).json()
    marks = [each["mark"] for each in seen["utterances"]]

    async def typed(position: int, text: str) -> httpx2.Response:
        edit = {"change": "text", "version": seen["version"], "position": position, "mark": marks[position]}
        return await researcher.client.post(edits, json={**edit, "text": text}, headers=sent)

    assert (await typed(0, "Первое окно")).json()["others"] is False
    again, other = await typed(0, "Первое окно"), await typed(1, "Второе окно")
    assert (again.json()["others"], other.json()["others"]) == (False, True)
    seen["version"] = other.json()["version"]
    # A draft that was kept through a reload comes with the newest version.
    refused = await typed(0, "Второе окно")
    assert (refused.status_code, refused.json()["error"]) == (409, "transcript_changed")
    undone = await researcher.client.post(edits, json={"change": "undo", "version": seen["version"] - 1}, headers=sent)
    assert undone.status_code == 409, "what was done elsewhere is not undone unseen"
    form = {"change": "text", "version": str(seen["version"]), "position": "0", "mark": marks[0], "text": "Моё"}
    both = await researcher.post(f"{address}/edit", **form)
    assert (both.status_code, "Первое окно" in both.text, ">Моё</textarea>" in both.text) == (409, True, True)
    shown = dict(re.findall(r'name="(version|mark)" value="(\w+)"', both.text))
    assert (await researcher.post(f"{address}/edit", **{**form, **shown})).status_code == 303
    assert [text for _, text in await heard(researcher, address)][:2] == ["Моё", "Второе окно"]


# --- files -----------------------------------------------------------------------------------------------------------


def headers(browser: Browser, **more: str | int) -> dict[str, str]:
    named = {name.replace("_", "-"): str(value) for name, value in more.items()}
    return {"X-CSRF-Token": browser.token, "Tus-Resumable": "1.0.0", **named}


def told(**values: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items())


async def begun(browser: Browser, size: int, name: str = "разговор.wav") -> httpx2.Response:
    metadata = told(filename=name, scenario="interview", building="hotel")
    return await browser.client.post(
        "/api/v1/uploads", headers=headers(browser, Upload_Length=size, Upload_Metadata=metadata)
    )


async def piece(browser: Browser, place: str, offset: int, content: bytes) -> httpx2.Response:
    kind = {"Content-Type": "application/offset+octet-stream"}
    return await browser.client.patch(
        place, headers={**headers(browser, Upload_Offset=offset), **kind}, content=content
    )


@pytest.mark.parametrize(
    ("size", "name", "status", "said"),
    [
        (2048 * MB, "a.wav", 201, ""),
        (2048 * MB + 1, "a.wav", 413, "предел"),
        (0, "a.wav", 422, "пуст"),
        (9, "a.exe", 415, ""),
        (9, "a.pdf", 415, "документ"),
    ],
)
async def test_what_is_refused_is_refused_before_its_bytes(
    researcher: Browser, size: int, name: str, status: int, said: str
) -> None:
    answer = await begun(researcher, size, name)
    assert answer.status_code == status
    assert said in (answer.text if not answer.text else answer.json()["message"])


async def test_an_upload_breaks_off_goes_on_and_becomes_a_recording(console: World, researcher: Browser) -> None:
    place = (await begun(researcher, len(SOUND))).headers["location"]
    assert (await piece(researcher, place, 0, SOUND[:1000])).status_code == 204
    for offset in (0, 999, 1001, len(SOUND)):
        assert (await piece(researcher, place, offset, b"x")).status_code == 409, "a forged offset"
    assert (await piece(researcher, place, 1000, SOUND[1000:] + b"x")).status_code == 409, "more than was told"
    async with console.browser("colleague") as colleague:
        assert (await colleague.client.head(place)).status_code == 404
        assert (await piece(colleague, place, 1000, b"x")).status_code == 404
    went_on = int((await researcher.client.head(place)).headers["upload-offset"])
    assert went_on == 1000
    last = await piece(researcher, place, went_on, SOUND[went_on:])
    assert last.headers["upload-offset"] == str(len(SOUND))
    await taken_in(console)
    upload = (await researcher.client.get(place)).json()
    assert (upload["state"], upload["message"]) == ("stored", None)
    recording = (await researcher.client.get(f"/api/v1/recordings/{upload['recording']}")).json()
    assert (recording["file_name"], recording["scenario"], recording["at_work"]) == ("разговор.wav", "interview", True)


async def test_a_file_that_is_no_recording_is_told_so_and_forgotten(console: World, researcher: Browser) -> None:
    place = (await begun(researcher, 4)).headers["location"]
    assert (await piece(researcher, place, 0, b"text")).status_code == 204
    await taken_in(console)
    upload = (await researcher.client.get(place)).json()
    assert upload["state"] == "refused"
    assert "разговор.wav" in upload["message"]
    assert upload["message"] in (await researcher.client.get("/")).text.replace("&#34;", '"')
    assert (await researcher.post(f"/uploads/{upload['id']}/cancel")).status_code == 303
    assert (await researcher.client.get(place)).status_code == 404


async def test_without_scripts_a_form_sends_the_file(console: World, researcher: Browser) -> None:
    fields = {"csrf": researcher.token, "scenario": "interview", "building": ""}
    sent = await researcher.client.post("/uploads", data=fields, files={"file": ("форма.wav", SOUND)})
    assert sent.status_code == 303
    forged = await researcher.client.post("/uploads", data={**fields, "csrf": "x"}, files={"file": ("b.wav", SOUND)})
    assert forged.status_code == 403
    two = [("file", ("первая.wav", SOUND)), ("file", ("вторая.wav", SOUND[:-2]))]
    refused = await researcher.client.post("/uploads", data=fields, files=two)
    assert refused.status_code == 422
    assert "отправьте их по одному" in refused.text
    await taken_in(console)
    [recording] = (await researcher.client.get("/api/v1/recordings")).json()["recordings"]
    assert (recording["file_name"], recording["size_bytes"]) == ("форма.wav", len(SOUND))
    assert recording["duration_s"] == pytest.approx(len(SOUND) / (2 * SAMPLE_RATE), abs=0.1)


async def opened(console: World, browser: Browser, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the head of a request in a browser's name, and leave the connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(console.url.rpartition(":")[2]))
    session = f"Cookie: {SESSION_COOKIE}={browser.client.cookies[SESSION_COOKIE]}"
    writer.write(f"{head}\r\nHost: localhost\r\n{session}\r\n\r\n".encode())
    return reader, writer


async def test_a_form_that_is_too_large_is_refused_by_its_header(researcher: Browser, console: World) -> None:
    kind = "Content-Type: multipart/form-data; boundary=x"
    head = f"POST /uploads HTTP/1.1\r\n{kind}\r\nContent-Length: {2048 * MB + 1}"
    reader, writer = await opened(console, researcher, head)
    async with asyncio.timeout(20):
        answer = (await reader.read()).decode()  # to the end: the connection does not wait for two gigabytes
    writer.close()
    assert answer.startswith("HTTP/1.1 413")
    assert "предел" in answer


async def test_what_has_come_of_a_file_is_stored_when_the_console_stops(bot: Bot, tmp_path: Path) -> None:
    async with asyncio.timeout(20), world(bot, tmp_path) as console, console.browser("researcher") as browser:
        place = (await begun(browser, len(SOUND))).headers["location"]
        named = {**headers(browser, Upload_Offset=0), "Content-Type": "application/offset+octet-stream"}
        lines = [f"{name}: {value}" for name, value in named.items()]
        head = "\r\n".join([f"PATCH {place} HTTP/1.1", f"Content-Length: {len(SOUND)}", *lines])
        reader, writer = await opened(console, browser, head)
        writer.write(SOUND[:1000])
        await asyncio.sleep(0.3)
        stopping = asyncio.create_task(console.site.close_at_the_stop())
        await asyncio.sleep(0)
        stopping.cancel()  # as all that runs, at a signal
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
    owner, id_ = console.people["researcher"].user.id, UUID(place.rpartition("/")[2])
    upload = await console.services.uploads.find(owner, id_)
    assert (upload.received_bytes, upload.state) == (1000, "receiving")


async def test_the_services_stay_until_what_came_is_put_away() -> None:
    site, stored = Site(), False
    begun = asyncio.Event()

    async def store() -> None:
        nonlocal stored
        with site.receiving():
            begun.set()
            await site.closing.wait()
            await asyncio.sleep(0.1)
            stored = True

    storing = asyncio.create_task(store())
    async with site.opened(None):  # type: ignore[arg-type]  # nobody asks for them
        await begun.wait()
    assert stored
    await storing


async def test_a_file_that_has_been_taken_in_is_at_work_no_more(console: World, researcher: Browser) -> None:
    await has_recording(console)
    again = await console.services.uploads.begin(console.people["researcher"].user.id, "снова.wav", len(SOUND), "none")

    async def content() -> AsyncIterator[bytes]:
        yield SOUND

    assert "Загружается: 0 Б из" in await at_work(researcher)
    async with console.bot.database.transaction() as connection:
        await connection.execute("UPDATE web_uploads SET touched_at = now() - interval '31 seconds'")
    assert "Загрузка прервалась на 0 Б из" in await at_work(researcher)
    await console.services.uploads.append(again.owner_id, again.id, 0, len(SOUND), content())
    await taken_in(console)
    assert [NAME in await at_work(researcher), "снова.wav" in await at_work(researcher)] == [False, False]
    assert UPLOAD_KNOWN in (await researcher.client.get("/")).text


async def at_work(browser: Browser) -> str:
    page = (await browser.client.get("/")).text
    return page.partition('id="working"')[2].partition("</ul>")[0]


# --- avatars and administration ------------------------------------------------------------------------------------


def told_photo(reason: str) -> str:
    return f"Фотография не подходит: {reason}. Пришлите другую."


async def has_photos(console: World, count: int) -> None:
    """Give the researcher's avatar photographs that are like no other."""
    owner = console.people["researcher"].user.id
    query = """
        INSERT INTO avatar_photos (id, avatar_id, sha256, likeness, object_key)
        SELECT gen_random_uuid(), avatars.id, gen_random_uuid(), -1, 'x' FROM avatars, generate_series(1, %s)
        WHERE owner_id = %s
    """
    await console.bot.objects.put_bytes("x", photo(7))
    async with console.bot.database.transaction() as connection:
        await connection.execute(query, (count, owner))


async def photo_ids(console: World) -> list[str]:
    """The ids of the researcher's photographs, in the order in which they are shown."""
    assert console.services.avatars is not None
    owner = console.people["researcher"].user.id
    return [str(each.id) for each in (await console.services.avatars.photo_set.listed(owner, 1))[1]]


async def sent(browser: Browser, number: int, *photos: bytes) -> list[str]:
    """Send photographs as the page does; return what became of each."""
    found = []
    for each in photos:
        address, token = f"/api/v1/avatars/{number}/photos", {"X-CSRF-Token": browser.token}
        answer = await browser.client.post(address, content=each, headers=token)
        told = answer.json()
        found.append(str(told["accepted"]) if answer.status_code == 200 else told["message"])
    return found


async def test_photographs_are_kept_or_refused_with_a_reason(console: World, researcher: Browser) -> None:
    number = await has_avatar(console, "researcher", "Анна")
    await has_photos(console, 8)
    assert await sent(researcher, number, photo(1)) == ["9"]
    assert "Обучить за" not in (await researcher.client.get(f"/avatars/{number}")).text
    assert await sent(researcher, number, photo(1), SOUND, photo(4, size=(511, 600)), photo(2, size=(512, 512))) == [
        told_photo("точно такая же уже есть"),
        told_photo("это не jpg, png или webp"),
        told_photo("она 511×600 пикселей, а нужно от 512 по меньшей стороне"),
        "10",
    ]
    assert "Обучить за 6,00 $" in (await researcher.client.get(f"/avatars/{number}")).text
    # Without scripts, by the form; exactly the limit comes in and is looked at, more is refused by its length.
    for size, told in ((LARGEST_BYTES, "это не jpg"), (LARGEST_BYTES + 9000, "она больше 20 МБ")):
        files = {"photo": ("a.jpg", bytes(size))}
        form = await researcher.client.post(f"/avatars/{number}/photos", data={"csrf": researcher.token}, files=files)
        assert (form.status_code, told in form.text) == (422, True)
    await has_photos(console, 9)
    assert await sent(researcher, number, photo(3), photo(5)) == ["20", told_photo("уже принято 20")]
    assert list((console.folder / "spool").glob("*.copy")) == []
    async with console.browser("colleague") as colleague:
        [told] = await sent(colleague, number, photo(6))
        assert "не нашлось" in told
        assert "Анна" not in (await colleague.client.get("/avatars")).text


async def test_each_photograph_is_seen_and_taken_out_by_its_owner_alone(console: World, researcher: Browser) -> None:
    number = await has_avatar(console, "researcher", "Анна")
    assert "Посмотреть снимки" not in (await researcher.client.get(f"/avatars/{number}")).text
    assert await sent(researcher, number, photo(1, size=(700, 1400)), photo(2)) == ["1", "2"]
    assert f'href="/avatars/{number}/photos"' in (await researcher.client.get(f"/avatars/{number}")).text
    page, (first, second) = f"/avatars/{number}/photos", await photo_ids(console)
    shown = (await researcher.client.get(page)).text
    assert [shown.count(f"{page}/{each}?small=1") for each in (first, second)] == [1, 1]
    whole, small = [await researcher.client.get(f"{page}/{first}{size}") for size in ("", "?small=1")]
    assert [Image.open(BytesIO(each.content)).size for each in (whole, small)] == [(700, 1400), (160, 320)]
    for each in (whole, small):
        assert each.headers["content-type"] == "image/jpeg"
        assert each.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in each.headers["content-security-policy"]
        assert each.headers["x-content-type-options"] == "nosniff"
    async with console.browser("colleague") as colleague:
        await has_avatar(console, "colleague", "Вера")  # of the same number
        for address in (f"{page}/{first}", f"{page}/{first}?small=1"):
            assert (await colleague.client.get(address)).status_code == 404
        assert first not in (await colleague.client.get(page)).text
        assert (await colleague.post(f"{page}/{first}/delete")).status_code == 404
    async with console.stranger() as client:
        assert (await client.get(f"{page}/{first}")).status_code == 401
    assert (await researcher.client.post(f"{page}/{first}/delete", data={"csrf": "forged"})).status_code == 403
    assert await photo_ids(console) == [first, second]
    assert (await researcher.post(f"{page}/{first}/delete")).headers["location"] == page
    assert await photo_ids(console) == [second]
    assert (await researcher.client.get(f"{page}/{first}")).status_code == 404
    assert await sent(researcher, number, photo(1, size=(700, 1400))) == ["2"], "it may come again"
    await has_photos(console, 8)
    before = await photo_ids(console)
    assert await sent(researcher, number, photo(3)) == ["11"]
    assert (await photo_ids(console))[:-1] == before, "the latest is the last"
    assert before[0] == second
    assert console.services.avatars is not None
    await console.services.avatars.avatars.start(researcher.person.user.id, number, "")
    assert (await researcher.post(f"{page}/{second}/delete")).status_code == 404, "it is being trained with"
    assert "Снимков нет" in (await researcher.client.get(page)).text


async def test_where_no_avatars_are_made_nothing_tells_of_them(console: World, researcher: Browser) -> None:
    assert "Аватары" in (await researcher.client.get("/")).text
    async with console.browser("guest") as guest:
        assert "Аватары" not in (await guest.client.get("/")).text
        number = await has_avatar(console, "guest")
        assert "Аватары" in (await guest.client.get("/")).text
        shown = (await guest.client.get(f"/avatars/{number}")).text
        assert 'type="file"' not in shown
        assert (await guest.post(f"/avatars/{number}/start")).status_code == 403
        assert (await guest.post(f"/avatars/{number}/delete")).status_code == 303
    async with console.site.opened(replace(console.services, avatars=None)):
        console.site.closing.clear()
        assert "Аватары" not in (await researcher.client.get("/")).text
        assert (await researcher.client.get("/avatars")).status_code == 404


async def test_administrators_change_people_and_all_of_it_is_on_record(console: World) -> None:
    colleague, lead = console.people["colleague"].user, console.people["lead"].user
    async with console.browser("lead") as boss, console.browser("colleague") as changed:
        assert colleague.telegram_id is not None
        found = (await boss.client.get("/people", params={"wanted": str(colleague.telegram_id)})).text
        assert f"/people/{colleague.id}" in found
        assert f"/people/{lead.id}" not in found
        assert (await boss.post(f"/people/{colleague.id}/role", role="admin")).status_code == 303
        # An administrator invites people with lower roles, and changes nobody.
        assert (await changed.client.get(f"/people/{lead.id}")).status_code == 200
        for path in (f"/people/{lead.id}/block", f"/people/{colleague.id}/role"):
            assert (await changed.post(path, role="super_admin")).status_code == 403
        assert (await changed.post("/invitations", role="admin", uses="1")).status_code == 403
        made = await changed.post("/invitations", role="user", uses="1")
        [code] = re.findall(r"https://t\.me/vox_bot\?start=([\w-]+)", made.text)
        assert 'src="data:image/png;base64,' in made.text
        assert code not in (await boss.client.get("/invitations")).text
        invitations = console.services.administration.invitations
        number = (await invitations.open())[0].number
        assert (await changed.post(f"/invitations/{number}/revoke")).status_code == 303
        assert await invitations.accept(TelegramPerson(id=7_100_000_001, name="Чужой"), code) is None
        # Nobody changes themselves, nor the owner.
        assert (await boss.post(f"/people/{lead.id}/block")).status_code == 403
        assert (await boss.post(f"/people/{colleague.id}/block")).status_code == 303
        assert (await changed.client.get("/")).status_code == 401
        record = (await boss.client.get("/audit", params={"verify": "1"})).text
        assert "Журнал цел" in record
        for told in ("роль исследователь → руководитель: Олег", "доступ закрыт: Олег", f"приглашение №{number}"):
            assert told in record
        assert (await boss.client.get("/audit/file")).text.count("\n") > 3


async def test_the_operator_sees_what_failed_and_tries_it_again(console: World) -> None:
    recording = await has_recording(console)
    async with console.bot.database.transaction() as connection:
        await recordings_store.set_stage(connection, recording, Stage.PREPARED, 0.0)
        await recordings_store.record_failure(connection, recording.id, "no_speech", "Тайна")
        for days in (0, 40):
            spent = "INSERT INTO report_passes VALUES (%s, %s, 'p', 'gpt-5-mini', '', 120345, 9011, 3, now() - %s)"
            await connection.execute(spent, (recording.id, str(days), timedelta(days=days)))
    async with console.browser("lead") as boss:
        page = (await boss.client.get("/operation")).text
        assert f"Обработка записи №{recording.number}" in page
        assert "в записи не слышно речи" in page
        assert "Тайна" not in page
        assert "1.2, сборка 01234567" in page
        assert "запускается, с" in page
        assert "1 обращение · 129 356 ток. · 0,05 $" in page, "what was spent in another month does not count"
        letter = {"kind": "recording", "row": str(recording.id)}
        assert (await boss.post("/operation/letters/retry", **letter)).status_code == 303
        assert (await boss.post("/operation/letters/retry", **letter)).status_code == 409
        other, number = str(recording.id), "1" * 40
        for kind, row in (("message", number), ("message", other), ("recording", "7"), ("recording", "x"), ("x", "7")):
            assert (await boss.post("/operation/letters/dismiss", kind=kind, row=row)).status_code == 409


# --- in a browser ----------------------------------------------------------------------------------------------------

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
PICTOGRAMS = re.compile("[\u21a9\u21aa\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
"""Signs that are an empty box where no font has them."""
HIDDEN_UNTIL_READY = """
    const hidden = new CSSStyleSheet();
    hidden.replaceSync(":root { visibility: hidden }");
    document.adoptedStyleSheets = [hidden];
    addEventListener("DOMContentLoaded", () => { document.adoptedStyleSheets = []; });
"""
"""Nobody clicks before the page's scripts have run, as a person hardly can."""

SHOTS = os.environ.get("STORYBOARDS") == "write"


PHONE, DESK = 390, 1280


@pytest.fixture
async def page(console: World, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A browser at the console, whose followers run; it is a phone's unless another width is asked for."""
    if not CHROMIUM.exists():  # noqa: ASYNC240  # one look
        pytest.skip("needs Chromium: apt-get install chromium")
    following = asyncio.create_task(console.services.uploads.run())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--autoplay-policy=no-user-gesture-required"),
                *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
            ],
        )
        context = await browser.new_context(
            base_url=console.url,
            viewport={"width": getattr(request, "param", PHONE), "height": 800},
            locale="ru-RU",
            reduced_motion="reduce",
        )
        await context.add_init_script(HIDDEN_UNTIL_READY)
        opened = await context.new_page()
        opened.set_default_timeout(60_000)
        yield opened
        await browser.close()
    following.cancel()
    await asyncio.wait([following])


async def checked(page: Page) -> None:
    """Everybody can use the page, in light and dark, and it is no wider than a phone."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        found = await page.evaluate(
            f"{RULES}.then(found => found.violations.map(each => [each.id, each.nodes[0].html]))"
        )
        assert found == [], page.url
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert not PICTOGRAMS.search(await page.inner_text("body")), page.url
    for player in await page.locator(".player audio").all():
        box = await player.bounding_box()
        assert box is not None
        assert box["width"] > 340, "there is room to seek"


async def until(page: Page, what: str) -> None:
    """Wait for a condition in the page; its policy forbids Playwright to do that there."""
    for _ in range(600):
        if await page.evaluate(what):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


@pytest.mark.parametrize("page", [PHONE, DESK], indirect=True)
async def test_from_a_file_to_a_rated_answer(console: World, page: Page, tmp_path: Path) -> None:
    owner, sent, wrong = console.people["researcher"].user.id, tmp_path / "Завтрак.wav", list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    sent.write_bytes(SOUND)
    await page.goto(f"/sign-in/{await console.services.sessions.new_link(owner)}")
    await checked(page)
    await page.click("main button")
    await page.wait_for_selector("[data-send]")
    await page.set_input_files("input[type=file]", sent)
    await sent_over_a_line_that_breaks(page)
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await page.wait_for_selector("#latest-1:has-text('Завтрак.wav')")  # the list follows what has come
    await page.click("[data-live] a:has-text('Завтрак.wav')")
    assert len(await console.services.uploads.latest(owner)) == 1, "it went on, and did not begin anew"
    await checked(page)
    recording = await transcribed(console, owner, 1, "Тихо, завтрак хороший")
    # The page has followed the work, and shows the transcript without being asked.
    await page.click(".word:has-text('Тихо')")
    await until(page, "document.querySelector('audio').currentTime > 0.6")
    await page.wait_for_selector(".word.playing")
    await checked(page)
    if SHOTS and page.viewport_size == {"width": PHONE, "height": 800}:
        await page.screenshot(path=ROOT / "docs" / "console.png")
    await page.click("text=Исправить")
    await page.fill("#s0 textarea", "Тихо, завтрак очень хороший")
    await saved(page)
    await page.goto("/recordings/1")
    await downloaded(page, "a[href$='/transcript/file/docx']", "Тихо, завтрак очень хороший")
    await page.click("text=Заказать отчёты")
    await checked(page)
    await page.check("input[value=report_int_links]")
    await page.click("text=Заказать выбранное")
    await page.wait_for_selector("text=в очереди")
    await written(console, owner)
    await page.click("#state a:has-text('Отчет о связках')")
    await page.click("article a.at:has-text('00:01')")
    await until(page, "document.querySelector('audio').currentTime >= 1")
    await checked(page)
    await downloaded(page, "a[href$='/file/docx']", "Тихо")
    await asked_and_rated(console, page, recording)
    assert wrong == []


async def asked_and_rated(console: World, page: Page, recording: Recording) -> None:
    """Ask about the recording in writing, hear the source, rate the answer, and ask by voice."""
    owner = recording.owner_id
    await page.click("nav >> text=Вопросы")
    await page.fill("textarea", "Было ли тихо?")
    await page.click("text=Спросить")
    await page.wait_for_selector("[data-live]")
    [asked] = (await console.services.reading.chat(owner, 1))[1]
    await answered(console, owner, asked.id, recording)
    await page.click("[data-hear]")
    await page.click(".stars span:has-text('4')")
    await page.click("text=Сохранить оценку")
    await page.wait_for_selector("text=Ваша оценка: 4 из 5")
    await page.click("[data-microphone]")
    await page.wait_for_selector("text=Идёт запись")
    await page.click("text=Остановить и отправить")
    await listened(console, "А что с завтраком?")
    await page.wait_for_selector("[data-live] >> text=А что с завтраком?")
    await checked(page)


async def downloaded(page: Page, link: str, said: str) -> None:
    """Take a document along; it has these words."""
    if (menu := page.locator("details.menu summary")) and await menu.count():
        await menu.click()
    async with page.expect_download() as coming:
        await page.click(link)
    with zipfile.ZipFile(await (await coming.value).path()) as document:
        assert said in document.read("word/document.xml").decode()


async def test_of_eight_hours_the_page_has_what_is_near(console: World, page: Page) -> None:
    """In the reader and in the editor, where what is not stored stays, too."""
    address = await has_talk(console, [(f"S{1 + place % 2}", f"Реплика {place}") for place in range(1200)])
    wrong = list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await comes_in(console, page, "researcher")
    for path, rows in ((address, ".segment"), (f"{address}/edit", ".utterance")):
        await page.goto(path)
        await until(page, f"document.querySelectorAll('{rows}').length")
        for _ in range(19):
            await page.evaluate("document.querySelector('[data-later]').scrollIntoView()")
            await until(page, "scrollY + innerHeight < document.querySelector('[data-reader]').scrollHeight - 200")
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await until(page, f"[...document.querySelectorAll('{rows}')].at(-1)?.textContent.includes('Реплика 1199')")
        assert int(await page.evaluate(f"document.querySelectorAll('{rows}').length")) < 700
        assert await page.query_selector("[data-first='0']:not([data-segments])"), "far away nothing is laid out"
        await page.evaluate("scrollTo(0, 0)")
        await until(page, f"document.querySelector('{rows}')?.textContent.includes('Реплика 0')")
        assert int(await page.evaluate(f"document.querySelectorAll('{rows}').length")) < 700
    await page.route("**/edits", lambda route: route.abort())
    await page.fill("#s0 textarea", "Ещё не сохранено")
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await until(page, "document.querySelector('#s1199')")
    assert await page.input_value("#s0 textarea") == "Ещё не сохранено"
    await page.unroute_all()
    await saved(page)
    assert wrong == []


async def test_an_answer_whose_provider_fails_in_the_middle_ends_with_a_sentence(console: World, page: Page) -> None:
    """What was written goes, the page says what to do, and the next question is asked as ever."""
    owner = console.people["researcher"].user.id
    await has_talk(console)
    await comes_in(console, page, "researcher")
    for question, number in (("Было ли тихо?", 0), ("А завтрак?", 1)):
        await page.click("nav >> text=Вопросы")
        await page.fill("textarea", question)
        await page.click("text=Спросить")
        await page.wait_for_selector(f"[data-live] >> text={question}")
        asked = (await console.services.reading.chat(owner, 1))[1][number]
        async with console.bot.database.transaction() as connection:
            await connection.execute("UPDATE chat_answers SET draft = 'Тихо, но' WHERE id = %s", (asked.id,))
        await page.wait_for_selector("[data-live] >> text=Тихо, но")
        async with console.bot.database.transaction() as connection:
            await chat_history.fail_answer(connection, asked.id, "provider_error")
        await until(page, "!document.querySelector('[data-live]')")
        assert await page.locator("main .problem").all_inner_texts() == [ANSWER_FAILED] * (number + 1)
        assert "Тихо, но" not in await page.inner_text("main")
        await checked(page)


async def test_a_person_sets_when_the_bot_is_silent_on_a_phone_and_leaves(console: World, page: Page) -> None:
    owner = console.people["researcher"].user.id
    await page.goto(f"/sign-in/{await console.services.sessions.new_link(owner)}")
    await page.click("main button")
    await page.click("a[href='/profile']")
    await page.select_option("select[name=quiet]", "night")
    await page.click("text=Сохранить")
    await page.wait_for_selector("[role=status] >> text=Сохранено")
    await checked(page)
    assert (await console.bot.preferences.of(owner)).quiet == "night"
    await page.click("main >> text=Выйти")
    await page.wait_for_selector("[name=code]")
    await page.goto("/profile")
    assert "Профиль" not in await page.inner_text("body")


async def sent_over_a_line_that_breaks(page: Page) -> None:
    """Send the chosen file; its first piece does not come through, then the server has no answer for a while."""

    async def broken(route: Route) -> None:
        await (route.abort() if route.request.method == "PATCH" else route.fulfill(status=503))

    await page.clock.install()
    await page.route("**/api/v1/uploads/*", broken)
    await page.click("[data-send]")
    await page.wait_for_selector(f"text={UPLOAD_BROKEN}")
    for _ in range(3):
        async with page.expect_response(lambda answer: answer.request.method == "HEAD"):
            await page.evaluate("dispatchEvent(new Event('online'))")
    for _ in range(40):
        await page.clock.fast_forward(30_000)
        if await page.get_by_text(UPLOAD_GIVEN_UP).count():
            break
    await page.unroute_all()
    await page.get_by_role("button", name=UPLOAD_CONTINUE).click()


async def test_from_dropped_photographs_to_a_picture_on_a_phone(
    console: World, page: Page, bot: Bot, tmp_path: Path
) -> None:
    owner, wrong = console.people["researcher"].user.id, list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await comes_in(console, page, "researcher")
    await page.click("nav >> text=Аватары")
    await checked(page)
    await page.fill("[name=name]", "Анна")
    await page.check("[value=female]")
    await page.check("[name=consent]")
    await page.click("text=Создать")
    await has_photos(console, 9)
    await dropped(page, tmp_path, [("одна.jpg", photo(1)), ("та же.jpg", photo(1)), ("речь.wav", SOUND)])
    await page.wait_for_selector("[data-sent] li:nth-child(3) .problem")
    assert await page.locator("[data-sent] .done").count() == 1
    # The page has seen that there are enough.
    await page.wait_for_selector("#start")
    await checked(page)
    await page.dblclick("#start")
    await page.wait_for_selector("#cancel")
    async with fal_server() as service:
        maker = AvatarBot(bot, service, tmp_path)
        assert len(await orders(bot, owner)) == 1, "two clicks"
        await page.click("#cancel")
        await page.click("#start")
        await page.wait_for_selector("#cancel")
        await done(maker, owner)
        await page.fill("[name=prompt]", "В очках <b>у окна</b>")
        await page.press("[name=prompt]", "Control+Enter")
        await page.wait_for_selector("progress")
        await done(maker, owner)
        await page.wait_for_selector(".gallery img")
        await until(page, "document.querySelector('.gallery img').naturalWidth > 100")
        await checked(page)
        await page.click("#delete-1")
        await page.wait_for_selector("text=Картинок пока нет")
        await maker.queue.close()
    await administration_is_usable(console, page)
    assert wrong == []


async def dropped(page: Page, folder: Path, files: Sequence[tuple[str, bytes]]) -> None:
    """Choose files and send them."""
    for name, content in files:
        (folder / name).write_bytes(content)
    await page.wait_for_selector("text=Отправить снимки")
    await page.set_input_files("input[type=file]", [folder / name for name, _ in files])
    await page.click("text=Отправить снимки")


async def done(maker: AvatarBot, owner: UserId) -> None:
    """Do the person's orders that wait, as their jobs would."""
    maker.enqueued = await orders(maker.bot, owner)
    await maker.work()


async def administration_is_usable(console: World, page: Page) -> None:
    await comes_in(console, page, "lead")
    await page.click("nav >> text=Управление")
    await checked(page)
    await page.click(".filters >> text=Люди")
    await page.fill("[name=wanted]", "Вера")
    await page.keyboard.press("Enter")
    await page.click(".rows a")
    await checked(page)
    await page.goto("/invitations")
    await page.click("main button")
    await page.wait_for_selector("img.qr")
    await checked(page)


@pytest.mark.skipif(not SHOTS, reason="writes the pictures of the README: STORYBOARDS=write")
async def test_pictures_of_the_readme(console: World, page: Page) -> None:
    """The demonstration's interview with its recorded answers, as a person sees them on a screen."""
    owner = console.people["researcher"].user.id
    await page.set_viewport_size({"width": 1000, "height": 860})
    recording = await has_recording(console, file_name="Интервью с гостьей.wav")
    transcript = read_ready(SAMPLES / "interview.txt", "interview.txt").transcript
    async with console.bot.database.transaction() as connection:
        await transcripts_store.save_transcript(connection, recording.id, transcript, "sample")
        await metadata_store.save_metadata(
            connection, recording.id, RecordingMetadata(place="Отель «Волга»", employee="Крылова")
        )
    report = await made(
        PACK.report(ReportId("report_int_links")), transcript, RecordedLanguageModel(SAMPLES / "answers.yaml")
    )
    await console.services.orders.order(owner, recording.number, ReportId("report_int_links"))
    await written(console, owner, report.text)
    chat = await console.services.chats.active(owner)
    asked = await console.services.chats.ask(
        owner, Occasion(door="web", key="readme"), "Что гостье мешало в номере и на завтраке?", number=chat.number
    )
    told = {
        "розеток у кровати": "В номере не хватало розеток у кровати: телефон заряжали в ванной [1].",
        "мест не было": "На завтраке в девять утра не было мест, стол ждали минут пятнадцать [2].",
    }
    quoted = [next(each for each in transcript.segments if words in each.text) for words in told]
    sources = tuple(
        Source(
            number=place,
            recording_id=recording.id,
            recording_number=recording.number,
            label="Интервью",
            day=recording.created_at.date(),
            speakers=("Клиент",),
            start=segment.start,
            end=segment.end,
        )
        for place, segment in enumerate(quoted, 1)
    )
    await answered(console, owner, asked, recording, " ".join(told.values()), sources)
    await comes_in(console, page, "researcher")
    await page.wait_for_selector("text=Отель «Волга»")
    for path, name, down in (
        ("/", "start", 0),
        (f"/recordings/{recording.number}/edit", "editor", 520),
        ("/reports/1", "report", 420),
        (f"/chats/{chat.number}", "answer", 0),
    ):
        await page.goto(path)
        await page.mouse.wheel(0, down)
        await page.wait_for_timeout(300)
        await page.screenshot(path=ROOT / "docs" / f"console-{name}.png")


async def comes_in(console: World, page: Page, name: str) -> None:
    await page.context.clear_cookies()
    await page.goto(f"/sign-in/{await console.services.sessions.new_link(console.people[name].user.id)}")
    await page.click("main button")


async def orders(bot: Bot, owner: UserId) -> list[UUID]:
    """The person's orders of pictures and trainings that have not ended."""
    async with bot.database.transaction() as connection:
        query = "SELECT id FROM image_orders WHERE ended_at IS NULL AND owner_id = %s"
        rows = await connection.execute(query, (owner,))
        return [row["id"] async for row in rows]


async def written(console: World, owner: UserId, text: str = REPORT) -> None:
    """Write the report that was ordered, as the model would."""
    [run] = await console.services.orders.of_recording(owner, 1)
    outcome = ReportOutcome(
        number=None,
        text=text,
        indices=(),
        indices_error=None,
        warnings=(),
        usage=Usage(),
        cost_usd=None,
        duration_s=1.0,
    )
    async with console.bot.database.transaction() as connection:
        await reports_store.finish_run(connection, run.id, outcome)
    await console.services.archive.file_finished()


async def test_a_transcript_is_corrected_on_a_phone(console: World, page: Page) -> None:
    """By keys, through reloads and lost connections, in two windows at once."""
    address = await has_talk(console, [*TALK, *((f"S{1 + place % 2}", f"Реплика {place}") for place in range(4, 130))])
    owner, wrong = console.people["researcher"], list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(f"/sign-in/{await console.services.sessions.new_link(owner.user.id)}")
    await page.click("main button")
    await page.goto(address)
    await page.click("text=Исправить")
    await checked(page)
    # Typed, and on to the next one, whose speaker is another.
    await page.fill("#s1 textarea", "Завтрак хороший,")
    await page.press("#s1 textarea", "Enter")
    await page.keyboard.press("Alt+Digit3")
    await saved(page)
    assert await page.evaluate("document.activeElement.closest('.utterance').id") == "s2"
    assert (await said_in(console, owner.user.id))[1:3] == [("S2", "Завтрак хороший,"), ("S3", "а в заре тихо.")]
    # A reload in the middle of a word comes back to it.
    await page.press("#s2 textarea", "Control+End")
    await page.keyboard.type(" Очень")
    await page.reload()
    await until(page, "document.activeElement.value === 'а в заре тихо. Очень'")
    await until(page, "Object.keys(localStorage).length === 0")
    # What the page stored as it went is its own, and no other window's.
    await page.press("#s2 textarea", "Control+End")
    await page.keyboard.type(" чисто")
    await until(page, "Object.keys(localStorage).length === 0")
    assert (await said_in(console, owner.user.id))[2] == ("S3", "а в заре тихо. Очень чисто")
    assert await page.query_selector(".conflict") is None
    # Another window was first: both texts are there.
    second = await page.context.new_page()
    await second.goto(f"{address}/edit")
    await second.fill("#s3 textarea", "Второе окно")
    await saved(second)
    await page.fill("#s3 textarea", "Первое окно")
    await page.wait_for_selector("#s3 .conflict blockquote:has-text('Второе окно')")
    assert await page.input_value("#s3 textarea") == "Первое окно"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS:
        await page.screenshot(path=ROOT / "docs" / "editor.png")
    page = await drafts_and_undoing(console, page, second)
    # The connection goes, typing goes on.
    await page.context.set_offline(True)
    await page.fill("#s0 textarea", "Без связи")
    await page.wait_for_selector("[data-saved]:has-text('Нет связи')")
    await page.context.set_offline(False)
    await saved(page)
    assert [text for _, text in await said_in(console, owner.user.id)][:4] == [
        "Без связи",
        "Завтрак хороший,",
        "а в заре тихо. Очень чисто",
        "Второе окно",
    ]
    await replaced_and_named(console, page)
    await page.fill("[name=time]", "2:01")
    await page.press("[name=time]", "Enter")
    await until(page, "document.activeElement.closest('.utterance')?.id === 's60'")
    await split_and_joined(console, page)
    await signed_out(page, owner.user.id)
    assert wrong == []


async def test_what_was_stored_without_an_answer_is_no_other_windows(console: World, page: Page) -> None:
    """As by a server that dies in between: after a reload the page goes on with what was typed since."""
    address, owner = await has_talk(console), console.people["researcher"].user.id

    async def unanswered(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await comes_in(console, page, "researcher")
    await page.goto(f"{address}/edit")
    await page.route("**/edits", unanswered)
    await page.fill("#s1 textarea", "Завтрак")
    while (await said_in(console, owner))[1][1] != "Завтрак":  # noqa: ASYNC110  # of another process
        await asyncio.sleep(0.05)
    await page.fill("#s1 textarea", "Завтрак хороший")
    await page.reload()
    await page.unroute_all()
    await typed(page, "#s1 textarea", "Завтрак хороший")
    await saved(page)
    assert await page.query_selector(".conflict, .offer") is None
    assert (await said_in(console, owner))[1][1] == "Завтрак хороший"
    # What somebody else has written is still asked about.
    second = await page.context.new_page()
    await second.goto(f"{address}/edit")
    await second.fill("#s1 textarea", "Второе окно")
    await saved(second)
    await page.fill("#s1 textarea", "Первое окно")
    await page.wait_for_selector("#s1 .conflict blockquote:has-text('Второе окно')")


async def drafts_and_undoing(console: World, page: Page, second: Page) -> Page:
    """Whoever has a conflict is asked again in the next tab; what another window did is not undone unasked."""
    owner, address, asked = console.people["researcher"].user.id, second.url.split("?")[0], list[str]()
    await page.reload()
    await page.wait_for_selector("#s3 .conflict blockquote:has-text('Второе окно')")
    assert await page.input_value("#s3 textarea") == "Первое окно"

    async def answered(dialog: Dialog) -> None:
        asked.append(dialog.message or dialog.type)
        await (dialog.dismiss() if "Отменить её?" in dialog.message else dialog.accept())

    page.on("dialog", answered)
    async with page.expect_event("close"):
        await page.close(run_before_unload=True)
    page = await second.context.new_page()
    page.on("dialog", answered)
    await page.goto(f"{address}?from=60")
    assert await page.inner_text("[data-waiting] a") == "4"
    assert (await said_in(console, owner))[3][1] == "Второе окно"
    await page.click("[data-waiting] a")
    await page.wait_for_selector("#s3 .offer blockquote:has-text('Первое окно')")
    await checked(page)
    await page.click("#s3 [data-take]")
    await saved(page)
    for key, text, told in (("Alt+KeyZ", "Второе окно", "отменена"), ("Alt+Shift+KeyZ", "Первое окно", "возвращена")):
        await page.keyboard.press(key)
        await until(page, f"document.querySelector('[data-saved]').textContent === 'Правка {told}: реплика 4'")
        assert await page.input_value("#s3 textarea") == text
    await page.keyboard.press("Alt+KeyZ")
    await until(page, "document.querySelector('#s3 textarea').value === 'Второе окно'")
    async with page.expect_event("dialog"):
        await page.keyboard.press("Alt+KeyZ")
    assert asked[0] == "beforeunload"
    assert asked[1].startswith("Последнюю правку сделали не в этом окне: слова реплики 4, ")
    assert (await said_in(console, owner))[3][1] == "Второе окно"
    return page


async def split_and_joined(console: World, page: Page) -> None:
    """By keys and buttons; a window that does not know of it yet stores its text where it belongs."""
    owner, other = console.people["researcher"].user.id, await page.context.new_page()
    await other.goto(page.url)
    await page.press("#s60 textarea", "Home")
    for _ in "Слово":
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Control+Enter")
    await typed(page, ":focus", "60")
    await page.keyboard.press("Alt+Digit2")
    await saved(page)
    await other.fill("#s65 textarea", "Из старого окна")
    await typed(other, "#s66 textarea", "Из старого окна")
    await page.reload()
    await checked(page)
    await page.press("#s61 textarea", "Home")
    await page.keyboard.press("Control+Backspace")
    await typed(page, ":focus", "Слово 60")
    await page.keyboard.press("Alt+KeyZ")
    await typed(page, "#s61 textarea", "60")
    await page.click("#s61 textarea")
    await page.click("[data-join]")
    await typed(page, ":focus", "Слово 60")
    now = [text for _, text in await said_in(console, owner)]
    assert (len(now), now[60], now[65]) == (130, "Слово 60", "Из старого окна")


async def typed(page: Page, where: str, text: str) -> None:
    """Wait for the text of a field, also while the page is loaded anew."""
    await expect(page.locator(where)).to_have_value(text, timeout=60_000)


async def signed_out(page: Page, person: UserId) -> None:
    """Texts that were not saved go with the person; those of others go after a week."""
    kept = {f"draft:{person}:r:t:0": "Date.now()", "draft:x:r:t:0": "Date.now()", "draft:y:r:t:0": "0"}
    for key, at in kept.items():
        await page.evaluate(f"localStorage.setItem('{key}', JSON.stringify({{ text: '', mark: '', at: {at} }}))")
    await page.click("text=Выйти")
    await page.wait_for_url("**/sign-in")
    assert await page.evaluate("Object.keys(localStorage)") == ["draft:x:r:t:0"]


async def replaced_and_named(console: World, page: Page) -> None:
    """Forms take along what was typed just before."""
    await page.press("#s0 textarea", "Control+End")
    await page.keyboard.type("!")
    await page.keyboard.press("Alt+KeyF")
    await page.keyboard.type("реплика")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Нашлось мест: 126")
    await page.press("[name=replacement]", "Enter")
    await page.wait_for_selector("text=Нашлось мест: 126")
    await page.click("text=Заменить везде")
    await page.wait_for_selector("text=ничего не поставив взамен: мест — 126")
    await page.click("text=Не заменять")
    await page.fill("[name=replacement]", "Слово")
    await page.click("text=Заменить везде")
    await page.click("text=Да, заменить")
    await page.wait_for_selector("text=Исправлено реплик: 126")
    for first in ("#s60", "#s120"):
        await page.evaluate("document.querySelector('[data-later]').scrollIntoView()")
        await page.wait_for_selector(first)
    await page.fill("#s127 textarea", "Вдали")
    await saved(page)
    await page.click("#speakers summary")
    await page.fill("#speakers li:first-child [name=name]", "Мария")
    await page.click("#speakers li:first-child >> text=Назвать")
    await page.wait_for_selector("#speakers b:has-text('Мария')")
    now = [text for _, text in await said_in(console, console.people["researcher"].user.id)]
    assert (now[0], now[4], now[127]) == ("Без связи!", "Слово 4", "Вдали")


async def saved(page: Page) -> None:
    await until(page, "document.querySelector('[data-saved]').textContent === 'Всё сохранено'")


async def said_in(console: World, owner: UserId) -> list[tuple[str | None, str]]:
    """What is stored of the first recording."""
    transcript = (await console.services.editing.open(owner, 1)).transcript
    return [(each.speaker, each.text) for each in transcript.segments]
