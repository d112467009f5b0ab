"""What people in the scenarios do again and again, and what they must never see."""

import asyncio
import random
import wave
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from openai_answers import SAID, SAMPLE_RATE, Heard, Messages, Samples, Schema, chat_answer, heard_sentence
from openai_faults import TRANSCRIPTIONS
from openai_server import OpenAIServer, Recorded
from recording_files import film, speech
from telegram_events import Event, Happening, Message
from telegram_files import StoredFile
from telegram_user import ScriptedUser

LONG_S = 90.0
"""Enough for any stage on a machine that does other things too."""

INTERVIEW_CAPTION = "17\n03.11.2025\nиванова мария\nпетров иван\nлобби при отель\nоб Гранд Отеле Заря"
AUDIT_CAPTION = "18\n2025-11-03\nсидоров пётр\nресторан волга\nресторан\nзал, веранда\nнижний новгород"
SENTENCE = "Нам понравились тишина и вид из окна, а вот завтрак показался бедным."
CONFIRMATION = "Проверка введённых данных"
MENU = "Главное меню"
FIRST_QUESTION = "Номер файла?"
WHICH_SCENARIO = "Что на записи №"
ALL_REPORTS = (
    "Оценка методологии интервью",
    "Отчет о связках",
    "Общие факторы",
    "Факторы в этом заведении",
    "Анализ работы сотрудника",
    "Стимул – восприятие – последствие",
)

_OPTIONS = {
    "mpga": ("-f", "mp3"),
    "oga": ("-f", "ogg"),
    "mpeg": ("-f", "mpeg", "-c:a", "mp2"),
    "ogg": ("-c:a", "libopus"),
}
_FILMS = frozenset(["mp4", "mov", "mkv", "webm"])


def _make(path: Path, seconds: float) -> Path:
    # A loudness that no other recording has: nothing else sounds the same, in no test.
    loudness = ("-af", f"volume={random.uniform(0.5, 1.0):.9f}")  # noqa: S311
    extension = path.suffix.removeprefix(".")
    if extension not in _FILMS:
        return speech(path, seconds, *loudness, *_OPTIONS.get(extension, ()))
    with TemporaryDirectory() as folder:
        track = speech(Path(folder) / "track.wav", seconds, *loudness, "-ar", "16000", "-ac", "1")
        with wave.open(str(track)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return film(path, seconds, samples.astype(np.int16))


async def recording(path: Path, seconds: float = 4.0) -> Path:
    """Make a recording of speech in the format of its extension; no other has the same bytes or the same sound."""
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    return await asyncio.to_thread(_make, path, seconds)


def shown(event: Event, part: str) -> bool:
    """Tell whether a person saw this in a message as it looked then: in its text, file name or buttons."""
    file: StoredFile | None = event.file
    texts = [event.text, file.name if file else "", *(button.text for row in event.buttons for button in row)]
    return any(part in text for text in texts)


def times_sent(user: ScriptedUser, part: str) -> int:
    """How many messages with this in them the bot has sent, those that it has deleted again too."""
    return sum(shown(event, part) for event in user.chat.events(Happening.SENT))


def times_shown(user: ScriptedUser, part: str) -> int:
    """In how many messages the bot has shown this, sent or edited, those that it has deleted again too."""
    events = [*user.chat.events(Happening.SENT), *user.chat.events(Happening.EDITED)]
    return len({event.message_id for event in events if shown(event, part)})


def live(user: ScriptedUser, part: str) -> list[Message]:
    """The bot's messages that show this now."""
    return [message for message in user.chat.from_bot if message.contains(part)]


def last_answer(user: ScriptedUser) -> str:
    """What the bot said over the latest button, if anything."""
    return user.chat.events(Happening.ANSWERED)[-1].text


async def gets_all_reports(user: ScriptedUser) -> None:
    """Wait for all reports of an interview, however they come, and for the card that says so."""
    await user.sees("Отчёты готовы", timeout=LONG_S)
    for label in ALL_REPORTS:
        await user.sees(f"{label} · запись №", timeout=LONG_S)


async def gets_transcript(user: ScriptedUser, file_name: str) -> Message:
    """Wait for the whole result of a recording: final card, transcript, file. Returns the message with the text."""
    await user.sees(f"✔ Готово: {file_name}", timeout=LONG_S)
    stem = Path(file_name).stem
    file = await user.chat.until(
        lambda: next((each for each in user.chat.from_bot if each.file and stem in each.file.name), None),
        LONG_S,
        f"file of {file_name}",
    )
    return next(each for each in live(user, file.text) if each.file is None)


async def no_transcript_twice(user: ScriptedUser) -> None:
    """Check that no transcript came twice, as text or as file."""
    texts = [event.text for event in user.chat.events(Happening.SENT) if event.text.startswith("📄 Расшифровка")]
    twice = {text: count for text, count in Counter(text.splitlines()[0] for text in texts).items() if count > 2}
    assert not twice, f"{twice}\n{user.chat.storyboard(whole=True)}"


async def says_what_it_is(user: ScriptedUser, scenario: str = "Интервью") -> None:
    """Answer the question that comes with the transcript of a recording that nobody described."""
    await user.sees(WHICH_SCENARIO, timeout=LONG_S)
    await user.press(scenario)


@contextmanager
def says(endpoint: OpenAIServer, sentences: int | str) -> Iterator[None]:
    """Let everybody who is recorded meanwhile say so many sentences, or this one."""

    def transcriber(samples: Samples, _language: str | None) -> list[Heard]:
        if isinstance(sentences, str):
            return [heard_sentence(0, len(samples) / SAMPLE_RATE, sentences)]
        step = len(samples) / SAMPLE_RATE / sentences
        return [
            heard_sentence(step * place, step * (place + 1), f"{SENTENCE[:-1]} {place}.") for place in range(sentences)
        ]

    before, endpoint.transcriber = endpoint.transcriber, transcriber
    yield
    endpoint.transcriber = before


def in_fields(answer: object, text: str) -> object:
    """Return an answer by a schema with ``text`` for the model's own words."""
    if isinstance(answer, dict):
        return {name: in_fields(value, text) for name, value in answer.items()}
    if isinstance(answer, list):
        return [in_fields(value, text) for value in answer]
    return text if answer == SAID else answer


@contextmanager
def writes(endpoint: OpenAIServer, text: str, *, also_in_fields: bool = False) -> Iterator[None]:
    """Let the model write this in every report meanwhile, and for its own words in answers by a schema if asked to."""

    def chat(messages: Messages, schema: Schema | None) -> str | object:
        if schema is None:
            return text
        answer = chat_answer(messages, schema)
        return in_fields(answer, text) if also_in_fields else answer

    before, endpoint.chat = endpoint.chat, chat
    yield
    endpoint.chat = before


class Questions:
    """What an endpoint was asked since this was made, by whomever."""

    def __init__(self, endpoint: OpenAIServer) -> None:
        self._endpoint = endpoint
        self._from = len(endpoint.requests)

    def asked(self, path: str = TRANSCRIPTIONS, model: str = "") -> list[Recorded]:
        requests = self._endpoint.requests[self._from :]
        return [each for each in requests if each.path.endswith(path) and model in each.model]

    def none_was_paid_twice(self) -> None:
        """Check that nothing that was heard was heard once more: every recording sounds different."""
        paid = Counter(each.sha256 for each in self.asked() if each.status == 200 and not each.fault)
        assert max(paid.values(), default=0) <= 1, paid
