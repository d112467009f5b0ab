"""Interviews to research, and a model that answers as one does: mostly right, sometimes with what nobody said."""

import asyncio
import re
from datetime import date
from typing import Any, cast

import metadata_store
import recordings_store
import transcripts_store
from datamodels import (
    Recording,
    RecordingMetadata,
    ReportRunId,
    RunStatus,
    Segment,
    Stage,
    Transcript,
    UserId,
    Visibility,
)
from db import Connection
from handlers_world import Bot
from openai_answers import Messages, Schema
from recordings_factory import new_recording
from scripted_model import Call

QUESTION = "Что гости говорят о завтраке и бассейне?"
INVENTED = "Завтрак был просто великолепный во всех отношениях"
SUMMARY = (
    "На завтраке не хватало горячих блюд [1]. Кофе на завтраке хороший [2]. Весь персонал уволили за кражу [1].\n\n"
    "В бассейне вода была прохладная [3]."
)
_DATA = re.compile(r"<расшифровка>\n(.*?)\n</расшифровка>", re.DOTALL)
_LINE = re.compile(r"^\[([\d:]+)\] (?:[^:\n]{1,60}: )?(.+)$", re.MULTILINE)
_NUMBERED = re.compile(r"^\[(\d+)\] .*? — «(.*)»$", re.MULTILINE)
_SAID = {
    "не хватало горячих блюд": ("a1", "negative", "Не хватало горячих блюд"),
    "кофе на завтраке хороший": ("a1", "positive", "Кофе на завтраке хороший"),
    "вода была прохладная": ("a2", "negative", "В бассейне вода прохладная"),
}


def words_of(number: int) -> tuple[Segment, ...]:
    """What is said in interview ``number``: complaints in each, praise in every second, the pool in every fifth."""
    said = [("Сотрудник", f"Добрый день, интервью {number}. Что скажете о завтраке?")]
    said.append(("Клиент", f"Номер {number}. На завтраке не хватало горячих блюд, ждали долго."))
    if number % 2 == 0:
        said.append(("Клиент", "Зато кофе на завтраке хороший, спасибо."))
    if number % 5 == 0:
        said.append(("Клиент", "А в бассейне вода была прохладная, дети замёрзли."))
    return tuple(
        Segment(start=8.0 * place, end=8.0 * place + 7, text=text, speaker=role, role=role)
        for place, (role, text) in enumerate(said)
    )


async def add_interview(
    connection: Connection,
    owner: UserId,
    number: int,
    place: str,
    visibility: Visibility = Visibility.TEAM,
    segments: tuple[Segment, ...] | None = None,
) -> Recording:
    """An interview with a transcript, about a place."""
    new = new_recording(owner).model_copy(update={"visibility": visibility})
    recording = await recordings_store.insert_recording(connection, new)
    segments = segments or words_of(number)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=40, speakers=2, segments=segments)
    await transcripts_store.save_transcript(connection, recording.id, transcript, f"hash {number}")
    metadata = RecordingMetadata(place=place, recorded_on=date(2026, 11, 1 + number % 28))
    await metadata_store.save_metadata(connection, recording.id, metadata)
    await recordings_store.set_stage(connection, recording, Stage.DONE, 1.0)
    return recording


def research_answer(messages: Messages, schema: Schema | None) -> str | object:
    """Answer a question of a research."""
    data = "\n".join(_DATA.findall("\n".join(message["content"] for message in messages)))
    properties = (schema or {}).get("properties", {})
    if "aspects" in properties:
        return {"aspects": [{"title": "Завтрак"}, {"title": "Бассейн"}, {"title": "Парковка"}]}
    if "asked" in properties:
        return _read(data)
    if "themes" in properties:
        return _grouped(data)
    return SUMMARY


def _read(data: str) -> dict[str, Any]:
    claims = [{"aspect": "a1", "statement": INVENTED, "stance": "positive", "quote": INVENTED, "time": None}]
    for time, line in _LINE.findall(data):
        for said, (aspect, stance, statement) in _SAID.items():
            if said in line:
                quote = next(each for each in line.rstrip(".").split(". ") if said in each)
                claims.append(
                    {"aspect": aspect, "statement": statement, "stance": stance, "quote": quote, "time": time}
                )
    asked = [
        {"aspect": "a1", "quote": line.split("? ")[0].split(". ")[-1]} for _, line in _LINE.findall(data) if "?" in line
    ]
    return {"claims": claims, "asked": asked}


def _grouped(data: str) -> dict[str, Any]:
    """Put what is said alike together; the second title is one that no quote carries."""
    titles = {"горячих": "Не хватало горячих блюд", "кофе": "Лучший завтрак в городе", "вода": "Прохладная вода"}
    numbered = _NUMBERED.findall(data)
    return {
        "themes": [
            {"title": title, "claims": [int(number) for number, quote in numbered if word in quote]}
            for word, title in titles.items()
        ]
    }


def answered(call: Call) -> "str | dict[str, object]":
    answer = research_answer([message.model_dump() for message in call.messages], call.schema)
    return cast("str | dict[str, object]", answer)


async def worked(bot: Bot) -> ReportRunId:
    """Let the jobs run until the only research has ended."""
    worker = asyncio.create_task(bot.jobs.run_worker(None))
    while True:
        async with bot.database.transaction() as connection:
            row = await (
                await connection.execute("SELECT id, status FROM report_runs WHERE recording_id IS NULL")
            ).fetchone()
        assert row is not None
        if row["status"] not in {RunStatus.QUEUED, RunStatus.RUNNING}:
            break
        await asyncio.sleep(0.05)
    worker.cancel()
    await asyncio.wait([worker])
    return ReportRunId(row["id"])
