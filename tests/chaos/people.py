"""People who work with the bot in a way that is drawn from a seed, and remember what they were promised."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from datamodels_chats import AnswerId
from markups.callback_data import answer_of, unpack
from promises import Kind, Promise, Sign, account, has_ended, shown_to
from steps import INTERVIEW_CAPTION, recording
from telegram_events import Message
from telegram_user import Answer, ScriptedUser

PATIENCE_S = 20.0
"""After that a person does something else, or presses again."""
PAUSE_S = (0.5, 6.0)
HURRY = 0.5
"""How often a person does not wait for the end of what was begun."""
REPORT = "2) Отчет о связках"
COMMANDS = {
    "/status": r"^⏳ Сейчас в работе: ",
    "/help": r"^❓ Помощь",
    "/stats": r"^📊 Статистика\n",
}
_INSISTS = 3
"""How often a person tries to order a report in the end: a menu that came late may have taken the question away."""
_SAVED = "⏳ Сохранено"
_STARS = {"👎 1": 1, "2": 2, "3": 3, "4": 4, "👍 5": 5}


@dataclass
class Rated:
    """An answer that a person gave so many stars once, and the comment that the bot says it keeps.

    ``heard`` is False for a press that was not answered.
    """

    message: Message
    stars: int
    heard: bool = False
    comment: str | None = None

    @property
    def certain(self) -> bool:
        """Whether the bot said, or shows under the answer, that it took the rating."""
        return self.heard or any(button.text.startswith("✅") for button in self.message.all_buttons)


class Person:
    """Somebody with habits. ``promises`` is what this person was promised, in order."""

    def __init__(self, user: ScriptedUser, seed: int, folder: Path) -> None:
        self.user = user
        self.promises: list[Promise] = []
        self.files: dict[str, Path] = {}
        """The recordings that were sent, by their names."""
        self.rated: dict[AnswerId, Rated] = {}
        self._chance = random.Random(f"{seed}:{user.id}")  # noqa: S311 - the same behaviour in every run
        self._folder = folder
        self._count = 0
        self._interview: str | None = None
        """The recording whose questions are open; until they are answered a text is no question."""

    async def works(self, until: float) -> None:
        """Do one thing after another until then, and bring to an end what was begun."""
        await self._commands()
        while monotonic() < until:
            habits: list[tuple[Callable[[], Awaitable[None]], int]] = [
                (self._asks, 5),
                (self._sends, 4),
                (self._commands, 4),
                (self._renames, 2),
                (self._deletes, 1),
                (self._cancels, 1),
                (self._plays, 1),
                (self._rates, 5),
                (self._comments, 2),
                (self._interviews, 3),
            ]
            if self._interview is not None:
                habits = [(self._goes_on, 3), (self._commands, 1)]
            [habit] = self._chance.choices([each for each, _ in habits], [weight for _, weight in habits])
            with suppress(AssertionError):  # what did not come in time is accounted for at the end
                await habit()
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))

    async def finishes(self) -> None:
        """Answer what is still asked, and wait for everything that was promised."""
        for _ in range(_INSISTS):
            if self._interview is not None:
                with suppress(AssertionError):
                    await self._goes_on()
        while any(line.lost for line in account(self.promises).values()):  # noqa: ASYNC110 - of many chats
            await asyncio.sleep(0.5)

    def _name(self, word: str) -> str:
        self._count += 1
        return f"{word} {self.user.id}-{self._count}"

    def _is_promised(
        self, kind: Kind, name: str, taken: Sign, *ends: Sign, at: float | None = None, certain: bool = True
    ) -> Promise:
        promise = Promise(kind, self.user, name, monotonic() if at is None else at, taken, ends, certain)
        self.promises.append(promise)
        return promise

    async def _ends(self, promise: Promise) -> None:
        """Wait for the end, unless this person is in a hurry."""
        if self._chance.random() < HURRY:
            return
        await self.user.chat.until(lambda: has_ended(promise), PATIENCE_S, promise.name)

    async def _commands(self) -> None:
        command, shown = self._chance.choice(list(COMMANDS.items()))
        promise = self._is_promised(Kind.COMMAND, command, Sign(shown), Sign(shown))
        before = promise.ended()[0]
        await self.user.send(command)
        await self.user.chat.until(lambda: promise.ended()[0] > before, PATIENCE_S, command)

    async def _asks(self) -> None:
        question = self._name("Что гости говорят о завтраке? Вопрос")
        promise = self._is_promised(
            Kind.QUESTION, question, Sign(f"🔎 Ищу|{_SAVED}|{re.escape(question)}"), _answer_to(question)
        )
        await self.user.send(question)
        await self._ends(promise)

    async def _sends(self) -> None:
        await self._ends(await self._sent(self._name("Беседа"), ""))

    async def _sent(self, stem: str, caption: str) -> Promise:
        """Send a recording that nobody sent before."""
        name = f"{stem}.ogg"
        self.files[name] = await recording(self._folder / str(self.user.id) / name, self._chance.uniform(2, 6))
        promise = self._is_promised(
            Kind.RECORDING,
            name,
            Sign(f"(Получаю|Принято): {name}"),
            Sign(f"Готово: {name}"),
            Sign(rf"^📄 Расшифровка · №\d+ · {name}"),
            Sign(rf"^Расшифровка \d+ {stem}\.txt", of_file=True),
        )
        await self.user.send_file(self.files[name], kind="audio", caption=caption)
        return promise

    async def _cancels(self) -> None:
        """Send a recording and cancel it, which may be too late."""
        name = self._name("Отмена") + ".ogg"
        self.files[name] = await recording(self._folder / str(self.user.id) / name, self._chance.uniform(2, 6))
        end = Sign(f"(Отменено|Готово): {name}")
        promise = self._is_promised(Kind.CANCELLATION, name, Sign(f"(Получаю|Принято): {name}"), end)
        await self.user.send_file(self.files[name], kind="audio")
        card = await self.user.sees(f"{name}", timeout=PATIENCE_S)
        with suppress(AssertionError):
            await self.user.press("✖ Отменить", message=card, timeout=PATIENCE_S)
        await self._ends(promise)

    async def _interviews(self) -> None:
        """Send an interview that is described, and order a report of it."""
        stem = self._name("Интервью")
        self._interview = f"{stem}.ogg"
        await self._sent(stem, INTERVIEW_CAPTION)
        await self._goes_on()

    async def _goes_on(self) -> None:
        """Bring the interview from wherever it stands to its report."""
        name = self._interview
        assert name is not None
        shown = await self._with(rf"Готово: {name}.*№\d+", name, since=0)
        number = re.findall(r"№(\d+)", shown.text)[-1]
        began = monotonic()
        ordered = rf"(Заказано по|По) записи №{number}[: ]|Ещё отчёт по записи №{number}\?"
        await self._presses_until("Подтвердить", f"Отчёты по записи №{number}\n|{ordered}", since=0)
        await self._presses_until(REPORT, ordered, since=0)
        signs = (
            Sign(rf"(Отчёты готовы|Отчёты не написаны) · №{number} · {name}"),
            Sign(rf"^📊 (№\d+ · )?Отчет о связках · запись №{number} · {name}"),
        )
        self._interview = None
        await self._ends(self._is_promised(Kind.ORDER, f"№{number} {name}", Sign(ordered), *signs, at=began))

    async def _renames(self) -> None:
        """Give the chat that is open another title."""
        await self._opens_chats()
        await self._presses_until("▶ №", "Переименовать")
        await self._presses_until("✏️ Переименовать", "Введите новое название")
        title = self._name("Тема")
        promise = self._is_promised(Kind.TITLE, title, _answer_to(title), _answer_to(title))
        await self.user.send(title)
        await self._ends(promise)

    async def _deletes(self) -> None:
        """Begin a chat and delete it before anything is asked in it."""
        await self._opens_chats()
        since = monotonic()
        await self.user.press("➕ Новый чат", timeout=PATIENCE_S)
        begun = await self._with(r"^💬 Чат №(\d+) «Новый чат»", "a new chat", since=since)
        number = re.search(r"№(\d+)", begun.text)[1]  # type: ignore[index]
        await self._opens_chats()
        await self._presses_until(f"№{number} · Новый чат", "🗑️ Удалить")
        await self._presses_until("🗑️ Удалить", f"Удалить чат №{number} ")
        end = Sign(rf"Чат №{number} «.*» удалён")
        began = monotonic()
        certain = await self._pressed("🗑️ Да, удалить") is not None
        await self._ends(self._is_promised(Kind.DELETION, f"чат №{number}", end, end, at=began, certain=certain))

    async def _plays(self) -> None:
        """Have the newest recording sent back."""
        if not any(message.contains("📦 Открыть") for message in self.user.chat.from_bot):
            return
        await self._presses_until("📦 Открыть", "▶ Прослушать")
        card = await self.user.sees("▶ Прослушать", timeout=PATIENCE_S)
        number = re.search(r"Запись №(\d+)", card.text)[1]  # type: ignore[index]
        end = Sign(rf"▶ Запись №{number} ", of_file=True)
        began = monotonic()
        certain = await self._pressed("▶ Прослушать") is not None
        self._is_promised(Kind.PLAYBACK, f"№{number}", end, end, at=began, certain=certain)

    async def _rates(self) -> None:
        """Rate an answer that this person has not rated yet; nobody knows afterwards in which order two came."""
        label = self._chance.choice(list(_STARS))
        if (found := self._button_of_an_answer(label, set(self.rated))) is None:
            return
        message, data, answer_id = found
        self.rated[answer_id] = rated = Rated(message, _STARS[label])
        heard = await self.user.press_data(message.id, data, timeout=PATIENCE_S)
        rated.heard = heard.text.startswith(("Оценка", _SAVED))

    async def _comments(self) -> None:
        """Comment on an answer that this person has rated and not yet commented on."""
        commented = {answer_id for answer_id, rated in self.rated.items() if rated.comment is not None}
        if (found := self._button_of_an_answer("💬 Комментарий", commented)) is None:
            return
        message, data, answer_id = found
        await self.user.press_data(message.id, data, timeout=PATIENCE_S)
        await self.user.sees("станет комментарием", after=message, timeout=PATIENCE_S)
        text = self._name("Замечание")
        kept = Sign(rf"сохранён: «{text}»")
        end = Sign(rf"(❓ |сохранён: «){text}(?!\d)")
        promise = self._is_promised(Kind.COMMENT, text, end, end)
        await self.user.send(text)
        await self.user.chat.until(lambda: has_ended(promise), PATIENCE_S, text)
        if any(kept.is_in(event) for event in shown_to(self.user)):
            self.rated[answer_id].comment = text

    def _button_of_an_answer(self, label: str, but: Container[AnswerId]) -> tuple[Message, bytes, AnswerId] | None:
        """Find the newest button that reads so under an answer which is not one of these."""
        for message in reversed(self.user.chat.from_bot):
            for button in message.all_buttons:
                if button.text == label and button.data is not None and b"answer" in button.data:
                    answer_id = answer_of(unpack(button.data.decode()))
                    if answer_id not in but:
                        return message, button.data, answer_id
        return None

    async def _opens_chats(self) -> None:
        sent = await self.user.send("/chats")
        await self.user.sees("➕ Новый чат", after=sent, timeout=PATIENCE_S)

    async def _pressed(self, button: str) -> Answer | None:
        with suppress(AssertionError):
            return await self.user.press(button, timeout=PATIENCE_S)
        return None

    async def _presses_until(self, button: str, goal: str, *, since: float | None = None) -> None:
        """Press a button, and press it again when nobody heard, until a message shows the goal."""
        since = monotonic() if since is None else since
        for _ in range(3):
            if self._shows(goal, since):
                return
            await self._pressed(button)
            with suppress(AssertionError):
                await self._with(goal, goal, since=since)
                return
        raise AssertionError(goal)

    async def _with(self, pattern: str, what: str, *, since: float) -> Message:
        return await self.user.chat.until(lambda: self._shows(pattern, since), PATIENCE_S, what)

    def _shows(self, pattern: str, since: float) -> Message | None:
        """Find a message that shows this, and looks so since then."""
        for message in reversed(self.user.chat.from_bot):
            shown = [message.text, *(button.text for button in message.all_buttons)]
            if message.changed_at[-1] >= since and any(re.search(pattern, each) for each in shown):
                return message
        return None


def _answer_to(text: str) -> Sign:
    """An answer to a text, whatever the bot was waiting for when it came: a question, a title or a comment."""
    return Sign(rf"(❓ |теперь называется «|сохранён: «){re.escape(text)}(?!\d)")
