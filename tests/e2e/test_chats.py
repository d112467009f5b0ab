"""Chats over the loopback Telegram: questions, answers with their sources, and everything around them."""

from pathlib import Path

from openai_server import OpenAIServer
from steps import LONG_S, gets_transcript, live, recording, says
from telegram_user import ScriptedUser

ASKED = "Что гости говорят о завтраках?"


async def test_a_question_is_answered_from_the_recordings_with_numbered_sources(
    anna: ScriptedUser, endpoint: OpenAIServer, tmp_path: Path
) -> None:
    with says(endpoint, 3):
        await anna.send_file(await recording(tmp_path / "Беседа.ogg", 12), kind="audio")
        await gets_transcript(anna, "Беседа.ogg")
    asked = await anna.send(ASKED)
    await anna.sees("🔎 Ищу в записях…", after=asked)
    answer = await anna.sees("В записях об этом сказано [1]", after=asked, timeout=LONG_S)
    assert f"❓ {ASKED}" in answer.text
    assert "[1] Запись №1, " in answer.text
    await anna.chat.until(lambda: not live(anna, "Ищу в записях"), LONG_S, "the end of the search")
