"""«Выгрузить всё моё» over a real database: a person gets all that is theirs, and nothing of anybody else."""

import asyncio
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document

import chat_history
import texts.takeout
import transcripts_store
from across_world import DAY, add_interview
from constants import READY_TRANSCRIPT
from datamodels import BuildingType, Recording, RecordingMetadata, Segment, Transcript, UserId
from datamodels_chats import Occasion
from datamodels_telegram import ChatId
from db import Database
from default_pack import PACK
from errors import NotFound
from followers import KeyedTasks
from followers_world import Somebody, TelegramOfFiles
from markups.menus import takeout_menu
from message_tracker import MessageTracker
from messenger import MessengerUnavailable
from refi_qda_files import opened
from reports.takeout.orders import TakeoutOrders
from reports.takeout.service import TAKEOUTS, Contents, Takeout
from system.local_time import zone_of_machine
from telegram_handlers.takeout import TakeoutMaker
from texts.metadata import DATE, PLACE

BREAKFAST = "слова гостя: Завтрак"
KNOWN = RecordingMetadata(recorded_on=DAY, place="Заря", building=BuildingType.HOTEL, employee="Иванова Мария")


class Sounds:
    async def get(self, recording: Recording, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, f"sound of {recording.number}".encode())


async def heard(database: Database, owner: UserId, said: str) -> Recording:
    """A recording with transcript, report and metadata."""
    segments = (Segment(start=61, end=64, text=said, role="Клиент"),)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=70, speakers=1, segments=segments)
    async with database.transaction() as connection:
        recording = await add_interview(connection, owner, ["srv_breakfast"], metadata=KNOWN)
        await transcripts_store.save_transcript(connection, recording.id, transcript, recording.id.hex)
    return recording


@dataclass
class Team:
    """Two people who have a recording each."""

    database: Database
    anna: UserId
    boris: UserId
    takeout: Takeout


@pytest.fixture
async def team(followed: Database) -> Team:
    anna, boris = (await Somebody.come(followed)).owner, (await Somebody.come(followed)).owner
    await heard(followed, anna, f"Это {BREAKFAST}, да.")
    await heard(followed, boris, "У меня тайна.")
    return Team(followed, anna, boris, Takeout(followed, PACK))


async def test_the_project_has_the_persons_transcripts_codings_and_cases(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "a.qdpx"
    assert await team.takeout.write(team.anna, "qdpx", path) == 0
    project = opened(path)
    [(code, words)] = project.codings
    assert words == BREAKFAST
    assert code.endswith(" / Сервис / Завтрак")
    [facts] = project.cases.values()
    assert facts.items() >= {DATE: "2026-11-03", PLACE: "Заря"}.items()
    assert "тайна" not in "".join(project.texts.values())


async def test_a_quote_that_the_transcript_has_no_more_is_counted(team: Team, tmp_path: Path) -> None:
    assert await team.takeout.write(team.boris, "qdpx", tmp_path / "b.qdpx") == 1


async def test_the_archive_has_everything_of_the_person_alone(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await team.takeout.write(team.anna, "zip", path, Sounds())
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        content = {name: archive.read(name) for name in names}
    ends = {name.partition("/")[2] for name in names}
    assert ends == {
        "О записи.txt",
        "Расшифровка.txt",
        "Расшифровка.docx",
        "Расшифровка.json",
        "Общие факторы.md",
        "Общие факторы.docx",
        "Общие факторы.json",
        "Звук.ogg",
    }
    assert "Заря" in next(each for name, each in content.items() if name.endswith("О записи.txt")).decode()
    assert "тайна".encode() not in b"".join(content.values())
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == [path]


async def test_a_ready_transcript_is_not_called_sound_and_reports_look_as_the_template_says(
    team: Team, tmp_path: Path
) -> None:
    async with team.database.transaction() as connection:
        ready = "UPDATE recordings SET container = %s, extension = 'vtt' WHERE owner_id = %s"
        await connection.execute(ready, (READY_TRANSCRIPT, team.anna))
    template, path = tmp_path / "report.docx", tmp_path / "a.zip"
    letterhead = Document()
    letterhead.sections[0].header.paragraphs[0].text = "Отель «Заря»"
    letterhead.save(str(template))
    await Takeout(team.database, PACK, template).write(team.anna, "zip", path, Sounds())
    with zipfile.ZipFile(path) as archive:
        ends = {name.partition("/")[2]: name for name in archive.namelist()}
        report = Document(BytesIO(archive.read(ends["Общие факторы.docx"])))
    assert "Присланная расшифровка.vtt" in ends
    assert not [end for end in ends if end.startswith("Звук")]
    assert report.sections[0].header.paragraphs[0].text == "Отель «Заря»"


async def test_who_has_only_asked_can_take_the_questions_along(team: Team, tmp_path: Path) -> None:
    guest = (await Somebody.come(team.database)).owner
    assert await team.takeout.contents(team.anna) == (1, False)
    assert await team.takeout.contents(guest) == (0, False)
    assert [each.text for row in takeout_menu(Contents(0, has_more=False)).keyboard for each in row] == ["« Назад"]
    async with team.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, guest)
        await chat_history.add_question(connection, chat, Occasion(door="x", key=guest.hex), "А завтрак?", "", None)
    contents = await team.takeout.contents(guest)
    assert contents == (0, True)
    assert [each.text for each in takeout_menu(contents).keyboard[0]] == ["🗄 Архив (.zip)"]
    await team.takeout.write(guest, "zip", tmp_path / "g.zip")
    with zipfile.ZipFile(tmp_path / "g.zip") as archive:
        assert archive.namelist() == ["Вопросы и ответы.md"]
        assert "А завтрак?" in archive.read("Вопросы и ответы.md").decode()


@pytest.mark.parametrize("extension", TAKEOUTS)
async def test_what_is_ordered_is_made_beside_other_messages_and_comes_once(
    team: Team, tmp_path: Path, extension: str
) -> None:
    telegram, orders = TelegramOfFiles(), TakeoutOrders(team.database)
    maker = TakeoutMaker(
        orders, lambda _: team.takeout, MessageTracker(team.database, telegram), tmp_path / "spool", zone_of_machine
    )
    chats = {owner: ChatId(number) for number, owner in enumerate((team.anna, team.boris), 71)}
    for owner, chat in chats.items():
        assert await orders.add(owner, chat, extension)
    assert not await orders.add(team.anna, chats[team.anna], extension), "the same is being made"
    others = next(each for each in await orders.list_open() if each.owner_id == team.boris)
    assert not await orders.cancel(team.anna, others.id), "nobody ends another's"
    assert await orders.cancel(team.boris, others.id)
    telegram.failures["edit"] = [MessengerUnavailable(messenger="Double", reason="away")]
    async with asyncio.TaskGroup() as group:
        await maker.look(KeyedTasks("takeouts", group, lambda: None))
    [(name, content)] = telegram.files
    assert name.endswith(f".{extension}")
    assert zipfile.is_zipfile(BytesIO(content))
    [progress, file] = telegram.shown(chats[team.anna])
    assert "Собираю выгрузку" in progress, "that its end was not shown matters to nobody"
    assert file == texts.takeout.CAPTIONS[extension]
    assert chats[team.boris] not in telegram.chats
    assert await orders.list_open() == []
    assert not await asyncio.to_thread(lambda: list((tmp_path / "spool" / "outgoing").iterdir()))


async def test_nothing_else_can_be_taken(team: Team, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await team.takeout.write(team.anna, "exe", tmp_path / "a.exe")
