"""People who get a recording to all its reports however often the bot is killed, and what they end up with."""

import re
from collections.abc import Callable
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

from interrupted_bot import LIMIT_S, InterruptedBot
from interruptions import Border
from steps import gets_all_reports
from telegram_events import Happening
from telegram_user import ScriptedUser

FILE_NAME = "Беседа с гостем.ogg"
LENGTH_S = 35
"""Two parts for a model that tells no times."""

UNHEARD_S = 10.0
"""After that a person presses again."""

_TIMES = re.compile(r"Заняло .+\.")
_REPORT_NUMBER = re.compile(r" \d+\.docx")
"""Reports are numbered in the order in which they are ready."""
_OWNER = "SELECT id FROM users WHERE telegram_id = %s"
_RECORDING = "SELECT recordings.id FROM recordings JOIN users ON users.id = owner_id WHERE telegram_id = %s"


class Person:
    """Somebody who gets a recording to all its reports, from wherever it stands."""

    def __init__(self, user: ScriptedUser, recording: Path, bot: InterruptedBot | None = None) -> None:
        self.user = user
        self._recording = recording
        self._bot = bot

    async def send(self) -> None:
        await self.user.send_file(self._recording, kind="audio", file_name=FILE_NAME)

    async def say_what_it_is(self) -> None:
        await self.user.press("Интервью", timeout=LIMIT_S)

    async def answer(self) -> None:
        await self.presses_until("По порядку", "Номер файла?")
        await self.user.send("17")

    async def go_back(self) -> None:
        await self.user.sees("Как зовут сотрудника", timeout=LIMIT_S)
        await self.user.press("Назад")

    async def answer_and_go_back(self) -> None:
        await self.answer()
        await self.go_back()

    async def confirm(self) -> None:
        await self.user.press("Подтвердить", timeout=LIMIT_S)

    async def go_back_and_confirm(self) -> None:
        await self.go_back()
        await self.confirm()

    async def order_all(self) -> None:
        await self.user.press("Все отчёты сразу", timeout=LIMIT_S)
        await self.user.press("Отель", timeout=LIMIT_S)

    async def gets_asked(self) -> None:
        await self.send()
        await self.says_and_gets_asked()

    async def says_and_gets_asked(self) -> None:
        await self.say_what_it_is()
        await self.user.sees("Номер файла", timeout=LIMIT_S)
        await self.presses_until("По порядку", "Номер файла?")

    async def orders_all(self) -> None:
        await self.order_all()
        await self.has_all()

    async def gets_the_rest(self) -> None:
        await self.answer()
        await self.go_back_and_confirm()
        await self.orders_all()

    async def gets_all(self) -> None:
        await self.gets_asked()
        await self.gets_the_rest()

    async def has_all(self) -> None:
        await self.user.sees("Готово: ", timeout=LIMIT_S)
        await gets_all_reports(self.user)

    async def insists(self) -> None:
        """Get all of it from a bot that may be killed at any moment: what it did not hear is pressed again."""
        await self.send()
        await self.presses_until("Интервью", "Номер файла")
        await self.answer()
        await self.user.sees("Как зовут сотрудника", timeout=LIMIT_S)
        await self.presses_until("Назад", "номер файла: 17")
        await self.presses_until("Подтвердить", "Какой отчёт подготовить?")
        await self.presses_until("Все отчёты сразу", "Выберите тип заведения")
        await self.presses_until("Отель", "Заказано по записи")
        await self.has_all()

    async def presses_until(self, button: str, goal: str) -> None:
        while not any(message.contains(goal) for message in self.user.chat.from_bot):
            with suppress(AssertionError):
                await self.user.press(button, timeout=UNHEARD_S)
                await self.user.sees(goal, timeout=UNHEARD_S)

    def at(self, name: str, statement: str, table: str, condition: str) -> Callable[[], Border]:
        """A border of this person's work. ``condition`` is of SQL; {chat}, {owner} and {recording} are the person's."""

        def border() -> Border:
            assert self._bot is not None
            chat, values = self.user.id, {"chat": f"NEW.chat_id = {self.user.id}"}
            if "{owner}" in condition:
                values["owner"] = f"'{self._bot.value(_OWNER, chat)}'"
            if "{recording}" in condition:
                values["recording"] = f"NEW.recording_id = '{self._bot.value(_RECORDING, chat)}'"
            return Border(f"{self.user.name}: {name}", statement, table, condition.format(**values))

        return border


def outcome(person: ScriptedUser) -> list[str]:
    """What a person has in the chat, sorted, without what differs from run to run."""
    return sorted(
        "\n".join(
            [
                _TIMES.sub("Заняло ….", message.text),
                *([f"<{_REPORT_NUMBER.sub('.docx', message.file.name)}>"] if message.file else []),
                *(f"[{button.text}]" for button in message.all_buttons),
            ]
        )
        for message in person.chat.from_bot
    )


def assert_outcome(person: ScriptedUser, expected: list[str]) -> None:
    """Compare what a person has with what somebody has who was not disturbed."""
    had = outcome(person)
    assert had == expected, "\n".join([*unified_diff(expected, had, n=0), person.chat.storyboard(whole=True)])


def times_sent(person: ScriptedUser, part: str) -> int:
    """How many messages with this in their text or file name the person ever got, deleted ones included."""
    return sum(
        part in event.text or (event.file is not None and part in event.file.name)
        for event in person.chat.events(Happening.SENT)
    )
