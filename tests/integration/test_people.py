"""Who may come in and what administrators change: over the router, the real handlers and a database of its own."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import getrandbits
from uuid import uuid4

import psycopg
import pytest

import outbox_store
import recordings_store
import texts.access
import texts.erasures
import texts.telegram
import user_states
import users_store
from access import Permission, Team, find_member
from avatars import orders_store
from avatars.models import OrderKind
from conversations.hybrid import HybridStorage
from database_copies import copied_database
from datamodels import RecordingId, Role, User, UserId
from datamodels_chats import AnswerId
from datamodels_telegram import (
    Button,
    ButtonPress,
    ChatId,
    IncomingMessage,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    TelegramPerson,
)
from db import Connection, Database
from dialogs import Dialogs, SettingsDialog, Step
from errors import AccessDenied, NotFound
from errors_of_operation import ErasureRefused, LimitReached, SignInRefused
from handlers import Router
from inbox import Inbox
from jobs import erasures_rows
from limits.reservations import reserve_question
from limits.values import Resource, start_of, this_month
from machine import Machine
from markups.callback_data import Action, Press, word_of
from message_tracker import MessageTracker
from recordings_factory import new_recording
from screens import drawn
from sign_in import erasures_store
from sign_in.allowances import LimitSettings
from sign_in.audit import AuditLog
from sign_in.erasures import Erasures, Standing
from sign_in.invitations import Invitations
from sign_in.people import People
from sign_in.sessions import Sessions
from telegram_double import TelegramDouble
from telegram_handlers.context import Context, Routes
from telegram_handlers.erasures import ErasureHandlers
from telegram_handlers.invitations import InvitationHandlers
from telegram_handlers.limits import LimitHandlers
from telegram_handlers.people import PeopleHandlers
from telegram_handlers.strangers import Strangers
from telegram_handlers.timing import Timing
from telegram_handlers.without_database import WithoutDatabase
from updates_journal import UpdatesJournal

OWNER, IN_SETTINGS = 1, 2
TEAM = Team(owner=OWNER, members=frozenset([IN_SETTINGS]))
_ids = count(10_000)


@pytest.fixture(scope="module")
async def people_database(postgres_dsn: str, migrated: str) -> AsyncIterator[Database]:
    """A database of its own: a router takes up everything that is not finished."""
    database = await Database.open(await copied_database(postgres_dsn, migrated, "people"))
    yield database
    await database.close()


class Office:
    """A bot that has nothing but people, and whoever writes to it."""

    def __init__(self, database: Database, folder: Path, team: Team = TEAM) -> None:
        self.database, self.telegram, self.clock = database, TelegramDouble(), 0.0
        self.ended: list[UserId] = []
        """Whose jobs were ended."""
        messages = MessageTracker(database, self.telegram)
        journal = UpdatesJournal(folder / "updates.journal")
        storage = HybridStorage(database, folder / "conversations")
        machine = Machine(database, journal, dict, lambda: storage.state)
        self.inbox = Inbox(database, team, journal)
        self.invitations = Invitations(database, team)
        self.people = People(database, team, self._end_work)
        self.erasures = Erasures(database, team)
        self.log = AuditLog(database)
        self.going_on: list[RecordingId] = []
        """The recordings whose work was taken up again."""
        self.limits = LimitSettings(database, team, self._go_on)
        self.sessions = Sessions(database, team)
        handlers = [
            PeopleHandlers(messages, self.people, self.invitations, self.log, Dialogs(database)).routes(),
            InvitationHandlers(messages, self.invitations, lambda: self.telegram.username).routes(),
            ErasureHandlers(messages, self.erasures, lambda: None).routes(),
            LimitHandlers(messages, self.limits).routes(),
        ]
        known = {action for routes in handlers for action in routes.presses}
        steps = {step for routes in handlers for step in routes.answers}
        rest = Routes(
            presses={action: (Permission.LOOK, self._press) for action in Action if action not in known},
            commands={"start": (Permission.LOOK, self._nothing)},
            answers={step: (Permission.LOOK, self._nothing) for step in Step if step not in steps},
            files=(Permission.RECORD, self._nothing),
        )
        self.strangers = Strangers(messages, self.invitations, has_owner=True, clock=lambda: self.clock)
        self.router = Router(
            self.inbox,
            Dialogs(database),
            self.telegram,
            messages,
            [*handlers, rest],
            menu=self._menu,
            other=self._nothing,
            strangers=self.strangers,
            without_database=WithoutDatabase(self.telegram, machine, OWNER, folder / "saved_notes.json"),
            timing=Timing(answer_after_s=3600, retry_after_s=0, stop_grace_s=0),
            words=self._no_words,
            zone_of=self._no_zone,
        )

    async def _go_on(self, connection: Connection, recording: RecordingId) -> None:  # noqa: ARG002
        self.going_on.append(recording)

    async def _end_work(self, person: UserId) -> None:
        self.ended.append(person)

    async def _press(self, context: Context, press: Press) -> None:
        pass

    async def _nothing(self, context: Context, message: IncomingMessage) -> None:
        pass

    async def _menu(self, user: User) -> Screen:  # noqa: ARG002
        return Screen(text="Главное меню")

    async def _no_words(self, chat: ChatId, message: MessageId) -> None:
        pass

    async def _no_zone(self, owner: UserId) -> None:
        pass

    async def write(self, person: int, text: str) -> None:
        """A person writes; returns when that was handled."""
        fields = {"chat_id": person, "message_id": next(_ids), "person": named(person), "text": text}
        await self.router.on_message(IncomingMessage.model_validate(fields))
        await self._quiet()

    async def press(self, person: int, label: str) -> None:
        """A person presses the button whose text begins with ``label``, the latest message's first."""
        (message, button) = next(
            (message, button)
            for message, screen in reversed(self.telegram.chats[ChatId(person)].items())
            for row in screen.keyboard
            for button in row
            if button.text.startswith(label)
        )
        await self.press_data(person, button, message)

    async def press_data(self, person: int, button: Button | str, message: int = 50) -> list[str]:
        """A person presses a button that may be nowhere; returns what was shown over it."""
        press = ButtonPress(
            query_id=getrandbits(62),
            chat_id=ChatId(person),
            message_id=MessageId(message),
            person=named(person),
            data=button if isinstance(button, str) else button.data or "",
        )
        await self.router.on_press(press)
        await self._quiet()
        return self.telegram.answers[press.query_id]

    async def _quiet(self) -> None:
        async with asyncio.timeout(20):
            while True:
                async with self.database.transaction() as connection:
                    cursor = await connection.execute("SELECT count(*) FROM seen_updates WHERE done_at IS NULL")
                    row = await cursor.fetchone()
                if row == {"count": 0}:
                    return

    def sees(self, person: int) -> list[str]:
        return self.telegram.shown(ChatId(person))

    async def user(self, telegram_id: int) -> User | None:
        async with self.database.transaction() as connection:
            return await users_store.find_by_telegram_id(connection, telegram_id)

    async def somebody(self, role: Role, telegram_id: int = 0) -> User:
        """A person who was given a role."""
        async with self.database.transaction() as connection:
            who = named(telegram_id or next(_ids))
            user = await users_store.ensure_telegram_user(connection, who, role)
            return user if who.id in {OWNER, IN_SETTINGS} else await users_store.grant(connection, user.id, role)

    async def actions(self, person: UserId) -> list[str]:
        """What the record tells of a person, the first first."""
        entries = (await self.log.page(1, 1000)).entries
        return [entry.action for entry in reversed(entries) if entry.subject == person]


def named(person: int) -> TelegramPerson:
    return TelegramPerson(id=person, name=f"Человек {person}")


@pytest.fixture
async def office(people_database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(people_database, tmp_path)
    await office.somebody(Role.SUPER_ADMIN, OWNER)
    await office.router.recover()
    yield office
    await office.router.stop()


@pytest.fixture
async def owner(office: Office) -> UserId:
    user = await office.user(OWNER)
    assert user is not None
    return user.id


async def execute(database: Database, query: str, *values: object) -> None:
    async with database.transaction() as connection:
        await connection.execute(query, values)


# --- invitations --------------------------------------------------------------------------------------------------


async def test_a_person_comes_in_by_the_link_that_the_owner_was_shown_and_nobody_after_them(office: Office) -> None:
    await office.press_data(OWNER, "menu_access")
    for label in ("✉️", "➕", "Исследователь", "Один"):
        await office.press(OWNER, label)
    told = next(text for text in office.sees(OWNER) if "t.me" in text)
    found = re.search(r"https://t\.me/double_bot\?start=([\w-]{22,64})\n", told)
    assert found, told
    guest, late = next(_ids), next(_ids)

    await office.write(guest, f"/start {found[1]}")

    assert office.sees(guest) == [texts.access.CAME_IN.format(role="исследователь")]
    user = await office.user(guest)
    assert user is not None
    assert (user.granted, user.role) == (Role.USER, Role.USER)
    assert await office.actions(user.id) == ["came_in"]
    _, higher = await office.invitations.make((await office.user(OWNER) or user).id, Role.ADMIN, 1)
    await office.write(guest, f"/start {higher}")
    assert texts.access.KNOWN.format(role="исследователь") in office.sees(guest)
    assert await office.user(guest) == user
    await office.write(late, f"/start {found[1]}")
    assert office.sees(late) == [texts.access.REFUSED.format(id=late)]
    assert await office.user(late) is None
    await office.press(OWNER, "« Назад")
    await office.press(OWNER, "✉️")
    assert "исследователь" not in "".join(office.sees(OWNER)[-1:]), "it is used up, and stands in no list"


@pytest.mark.parametrize("wrong", ["forged", "expired", "used", "revoked", "of_one_lowered", "of_one_blocked"])
async def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(office: Office, owner: UserId, wrong: str) -> None:
    admin = await office.somebody(Role.ADMIN)
    made, code = await office.invitations.make(admin.id, Role.GUEST, 1)
    match wrong:
        case "forged":
            code = code[:-1] + ("A" if code[-1] != "A" else "B")
        case "expired":
            await execute(office.database, "UPDATE invitations SET expires_at = now() WHERE number = %s", made.number)
        case "used":
            assert await office.invitations.accept(named(next(_ids)), code)
        case "revoked":
            await office.invitations.revoke(owner, made.number)
        case "of_one_lowered":
            await office.people.set_role(owner, admin.id, Role.USER)
        case "of_one_blocked":
            await office.people.block(owner, admin.id)
    stranger = next(_ids)
    await office.write(stranger, f"/start {code}")
    assert office.sees(stranger) == [texts.access.REFUSED.format(id=stranger)]
    assert await office.user(stranger) is None


async def test_who_is_blocked_comes_back_by_no_link(office: Office, owner: UserId) -> None:
    user = await office.somebody(Role.USER)
    await office.people.block(owner, user.id)
    _, code = await office.invitations.make(owner, Role.GUEST, 5)
    assert user.telegram_id is not None
    assert await office.invitations.accept(named(user.telegram_id), code) is None


async def test_of_fifty_who_come_at_once_by_one_link_one_gets_in(office: Office, owner: UserId) -> None:
    made, code = await office.invitations.make(owner, Role.USER, 1)
    came = await asyncio.gather(*(office.invitations.accept(named(next(_ids)), code) for _ in range(50)))
    assert len([user for user in came if user is not None]) == 1
    with pytest.raises(NotFound):
        await office.invitations.find(made.number)


@pytest.mark.parametrize(
    ("maker", "may"),
    [("guest", []), ("user", []), ("admin", ["guest", "user"]), ("super_admin", ["guest", "user", "admin"])],
)
async def test_people_invite_below_themselves(office: Office, maker: str, may: list[str]) -> None:
    user = await office.somebody(Role(maker))
    for role in Role:
        if role in may:
            made, _ = await office.invitations.make(user.id, role, 1)
            assert made.role is role
        else:
            with pytest.raises(AccessDenied):
                await office.invitations.make(user.id, role, 1)


async def test_strangers_are_answered_seldom_and_links_are_not_tried_without_limit(office: Office) -> None:
    stranger = next(_ids)
    said = texts.telegram.BY_INVITATION.format(id=stranger)
    for expected in ([said], [], []):
        await office.write(stranger, "Здравствуйте")
        assert office.sees(stranger) == expected
        office.telegram.chats[ChatId(stranger)].clear()
    office.clock += 3601
    await office.write(stranger, "Здравствуйте")
    assert office.sees(stranger) == [said]

    made, code = await office.invitations.make((await office.somebody(Role.SUPER_ADMIN)).id, Role.USER, 1)
    for _ in range(10):
        await office.write(stranger, "/start forged")
    await office.write(stranger, f"/start {code}")
    assert (await office.invitations.find(made.number)).used == 0, "whoever tries ten has to wait"
    office.clock += 601
    await office.write(stranger, f"/start {code}")
    assert await office.user(stranger) is not None


class Talker:
    """Stands where messages are sent: counts those to each chat."""

    def __init__(self) -> None:
        self.told: Counter[int] = Counter()

    async def send(self, chat: ChatId, kind: MessageKind, screen: Screen) -> None:  # noqa: ARG002
        self.told[chat] += 1


async def test_a_flood_of_strangers_mutes_nobody_and_is_bounded(office: Office) -> None:
    talker = Talker()
    strangers = Strangers(talker, office.invitations, has_owner=True, clock=lambda: office.clock)  # type: ignore[arg-type]

    async def write(*people: int) -> None:
        for person in people:
            await strangers.admitted(None, ChatId(person), named(person), None)

    await write(*range(301), *range(301))
    assert talker.told == Counter(range(301)), "each new one, once"
    await write(*range(301, 2000))
    assert talker.told.total() == 600
    for _ in range(2):
        office.clock += 61
        await write(*range(600, 1300))
    assert talker.told.total() == 600 + 600 + 100, "those who were answered within the hour are known"


# --- people -------------------------------------------------------------------------------------------------------


async def test_a_blocked_person_has_lost_everything_at_once_and_gets_it_back_when_unblocked(
    office: Office, owner: UserId
) -> None:
    user = await office.somebody(Role.ADMIN)
    assert user.telegram_id is not None
    chat = ChatId(user.telegram_id)
    token = await office.sessions.begin(await office.sessions.new_link(user.id))
    later = await office.sessions.new_link(user.id)
    made, _ = await office.invitations.make(user.id, Role.GUEST, 1)
    result = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="Отчёт"))
    async with office.database.transaction() as connection:
        await user_states.put(connection, user.id, SettingsDialog(step=Step.SETTINGS_ASK_PERSON))
        await outbox_store.put(connection, f"before:{chat}", user.id, chat, result)

    await office.press_data(OWNER, f"person||a{user.id.hex}")
    await office.press(OWNER, "🚫 Заблокировать")
    await office.press(OWNER, "🚫 Да")

    assert "заблокирован" in office.sees(OWNER)[-1]
    assert office.ended == [user.id]
    assert await office.sessions.find(token) is None
    async with office.database.transaction() as connection:
        await outbox_store.put(connection, f"after:{chat}", user.id, chat, result)
        assert [item for item in await outbox_store.list_next(connection) if item.owner_id == user.id] == []
        assert await user_states.get(connection, user.id, SettingsDialog) is None
    with pytest.raises(NotFound):
        await office.invitations.find(made.number)
    assert await office.press_data(chat, "menu_access") == [""]
    assert office.sees(chat) == [texts.telegram.BY_INVITATION.format(id=chat)]

    await office.press(OWNER, "✅ Разблокировать")
    assert "руководитель" in office.sees(OWNER)[-1]
    await office.press_data(chat, "menu_access")
    assert texts.access.PEOPLE in [button.text for row in screens(office, chat)[-1].keyboard for button in row]
    assert await office.sessions.find(token) is None
    assert await office.actions(user.id) == ["blocked", "unblocked"]
    with pytest.raises(SignInRefused):
        await office.sessions.begin(later)


def screens(office: Office, person: int) -> list[Screen]:
    return list(office.telegram.chats[ChatId(person)].values())


async def test_a_role_is_changed_on_the_card_and_counts_with_the_next_message(office: Office) -> None:
    await office.somebody(Role.USER, IN_SETTINGS)
    user = await office.user(IN_SETTINGS)
    assert user is not None
    await office.press_data(OWNER, f"person||a{user.id.hex}")
    assert "из настроек" in office.sees(OWNER)[-1]
    await office.press(OWNER, "🎭")
    await office.press(OWNER, "Гость")
    assert "Роль: гость" in office.sees(OWNER)[-1]
    await office.write(IN_SETTINGS, "/start")
    changed = await office.user(IN_SETTINGS)
    assert changed is not None
    assert (changed.role, changed.granted) == (Role.GUEST, Role.GUEST), "it comes before the settings"


async def test_nobody_changes_the_owner_or_themselves(office: Office, owner: UserId) -> None:
    highest = await office.somebody(Role.SUPER_ADMIN)
    for actor, person in ((highest.id, owner), (highest.id, highest.id), (owner, owner)):
        for change in (
            office.people.set_role(actor, person, Role.GUEST),
            office.people.block(actor, person),
            office.people.unblock(actor, person),
        ):
            with pytest.raises(AccessDenied):
                await change


async def test_of_two_who_lower_or_block_each_other_at_once_one_stays(office: Office) -> None:
    for change in ("lower", "block") * 4:
        pair = [await office.somebody(Role.SUPER_ADMIN) for _ in range(2)]
        (one, two) = (user.id for user in pair)
        people = office.people
        both = (
            (people.set_role(one, two, Role.USER), people.set_role(two, one, Role.USER))
            if change == "lower"
            else (people.block(one, two), people.block(two, one))
        )
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [type(each) for each in outcomes].count(AccessDenied) == 1
        left = [await office.people.find(user.id) for user in pair]
        assert [person.role for person in left].count(Role.SUPER_ADMIN) == 1


async def test_two_who_change_one_person_at_once_have_an_order(office: Office, owner: UserId) -> None:
    other = (await office.somebody(Role.SUPER_ADMIN)).id
    for _ in range(5):
        user = await office.somebody(Role.GUEST)
        await asyncio.gather(
            office.people.set_role(owner, user.id, Role.USER), office.people.set_role(other, user.id, Role.ADMIN)
        )
        entries = [entry for entry in (await office.log.page(1, 10)).entries if entry.subject == user.id]
        last, first = entries
        assert first.details["before"] == "guest"
        assert last.details["before"] == first.details["after"]
        assert (await office.people.find(user.id)).role == last.details["after"]


async def test_who_is_taken_out_of_the_settings_is_out_with_the_next_start(office: Office, tmp_path: Path) -> None:
    person = next(_ids)
    before = Office(office.database, tmp_path, Team(OWNER, frozenset([person])))
    async with office.database.transaction() as connection:
        user = await users_store.ensure_telegram_user(connection, named(person), Role.USER)
    await before.people.compare_with_settings()
    assert before.ended == [] or user.id not in before.ended
    await office.people.compare_with_settings()
    assert user.id in office.ended
    assert [each.id for each in await office.people.search(str(person), 10)] == [user.id]
    assert user.id in await listed(office, "out")
    await before.people.compare_with_settings()
    assert user.id not in await listed(office, "out")
    assert await office.actions(user.id) == ["left", "came_back"]


async def listed(office: Office, wanted: str) -> list[UserId]:
    return [person.id for person in (await office.people.page(wanted, 1, 1000)).people]


async def test_people_are_listed_ten_a_page_and_found_by_name_and_number(office: Office) -> None:
    several = [await office.somebody(Role.GUEST) for _ in range(12)]
    await office.press_data(OWNER, "access_users_menu||guest||1")
    rows = screens(office, OWNER)[-1].keyboard
    assert len([row for row in rows if row[0].data and row[0].data.startswith("person||")]) == 10
    await office.press(OWNER, "▶")
    await office.press(OWNER, "🔎")
    await office.write(OWNER, f"человек {several[0].telegram_id}")
    await office.press(OWNER, f"Человек {several[0].telegram_id} · гость")
    assert f"<code>{several[0].telegram_id}</code>" in office.sees(OWNER)[-1]
    await office.press_data(OWNER, "people_search")
    await office.write(OWNER, str(next(_ids)))
    await office.press(OWNER, "➕ Пригласить")


# --- erasures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "person", "allowed"),
    [
        ("guest", "guest", False),
        ("user", "guest", False),
        ("admin", "user", True),
        ("admin", "admin", False),
        ("super_admin", "admin", True),
        ("super_admin", "super_admin", True),
        ("super_admin", "owner", False),
        ("guest", "themselves", True),
        ("super_admin", "themselves", True),
        ("owner", "themselves", False),
    ],
)
async def test_people_are_erased_by_those_above_them_and_by_themselves(
    office: Office, owner: UserId, actor: str, person: str, allowed: bool
) -> None:
    who = owner if actor == "owner" else (await office.somebody(Role(actor))).id
    known = {"owner": owner, "themselves": who}
    whom = known[person] if person in known else (await office.somebody(Role(person))).id
    if not allowed:
        with pytest.raises(ErasureRefused):
            await office.erasures.order(who, whom, None, ChatId(1))
        return
    await office.erasures.order(who, whom, None, ChatId(1))
    await office.erasures.order(owner, whom, None, ChatId(1))
    await office.people.unblock(owner, whom)
    assert await office.actions(whom) == ["erasure_ordered"]
    assert (await office.people.find(whom)).role is None


@pytest.mark.parametrize("decided", ["nothing", "lowered", "blocked"])
async def test_an_erasure_is_no_way_around_what_was_decided_and_used(
    office: Office, owner: UserId, decided: str
) -> None:
    who = named(next(_ids))
    team = Team(OWNER, frozenset([who.id]))
    people, erasures = People(office.database, team, office._end_work), Erasures(office.database, team)
    limits = LimitSettings(office.database, team, office._go_on)
    for at in range(2):  # and a second one is none, either
        async with office.database.transaction() as connection:
            user = await find_member(connection, team, who)
        assert user is not None
        assert user.role is (Role.GUEST if decided == "lowered" and user.granted else Role.USER)
        if decided == "lowered":
            await people.set_role(owner, user.id, Role.GUEST)
        if at == 0:
            await limits.set_for_person(owner, user.id, Resource.TOKENS, Decimal(100_000))
        if decided == "blocked":
            await people.block(owner, user.id)
        await erasures.order(owner, user.id, None, ChatId(who.id))
        async with office.database.transaction() as connection:
            await reserve_question(connection, user.id, AnswerId(uuid4()), "?")
            await connection.execute(
                "INSERT INTO image_orders "
                "(id, owner_id, kind, number, occasion, quota, state, trainer, price_usd, is_test, ended_at) VALUES "
                "(gen_random_uuid(), %s, 'training', 1, gen_random_uuid(), 'committed', 'done', 't', 0, true, now())",
                (user.id,),
            )
            await erasures_rows.erase(connection, user.id)
            assert await users_store.find(connection, user.id) is None
            back = await find_member(connection, team, who)
        roles = {"nothing": Role.USER, "lowered": Role.GUEST, "blocked": None}
        assert (back and back.role) is roles[decided]
        known = await office.user(who.id)
        assert known is not None
        kept = {each.resource: each for each in (await office.limits.of(owner, known.id)).allowances}
        assert kept[Resource.TOKENS].limit == 100_000
        if decided == "blocked":
            await office.people.unblock(owner, known.id)
    assert known is not None
    assert kept[Resource.QUESTIONS].used == 2
    async with office.database.transaction() as connection:
        since = start_of(this_month())
        assert await orders_store.count_spent(connection, known.id, OrderKind.TRAINING, since) == 2
    code = (await office.invitations.make(owner, Role.ADMIN, 1)).code
    await erasures.order(owner, known.id, None, ChatId(who.id))
    async with office.database.transaction() as connection:
        await erasures_rows.erase(connection, known.id)
    came = await office.invitations.accept(who, code)
    assert came is not None
    assert came.role is (Role.GUEST if decided == "lowered" else Role.ADMIN)


async def test_of_two_last_owners_who_erase_themselves_at_once_one_stays(database: Database) -> None:
    office = Office(database, Path("/nowhere"), Team(None, frozenset()))
    pair = [(await office.somebody(Role.SUPER_ADMIN)).id for _ in range(2)]
    orders = [office.erasures.order(each, each, None, ChatId(1)) for each in pair]
    outcomes = await asyncio.gather(*orders, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["ErasureRefused", "NoneType"]


@pytest.mark.parametrize("other", ["admin", "themselves"])
async def test_of_two_orders_at_once_the_first_stands_and_the_second_reads_it(
    office: Office, owner: UserId, other: str
) -> None:
    person, heir = [await office.somebody(Role.USER) for _ in range(2)]
    second = person.id if other == "themselves" else (await office.somebody(Role.ADMIN)).id
    outcomes = await asyncio.gather(
        office.erasures.order(owner, person.id, heir.telegram_id, ChatId(1)),
        office.erasures.order(second, person.id, None, ChatId(2)),
    )
    async with office.database.transaction() as connection:
        stands = await erasures_store.ordered(connection, person.id)
    assert stands is not None
    assert await office.actions(person.id) == ["erasure_ordered"]
    if outcomes[0] is None:
        assert (stands.heir_id, stands.chat_id) == (heir.id, 1)
        assert outcomes[1] is not None
        assert outcomes[1].heir is not None
        assert outcomes[1].heir.id == heir.id
    else:
        assert (stands.heir_id, stands.chat_id) == (None, ChatId(2))
        assert list(outcomes) == [Standing(None), None]
    again = (heir.telegram_id, ChatId(1)) if stands.heir_id else (None, ChatId(2))
    assert await office.erasures.order(owner, person.id, *again) is None, "a killed step is done again"


async def test_an_administrator_gives_what_a_person_has_to_a_named_one(office: Office) -> None:
    admin, person, heir = [await office.somebody(role) for role in (Role.ADMIN, Role.USER, Role.USER)]
    guest = await office.somebody(Role.GUEST)
    chat = admin.telegram_id or 0
    await execute(
        office.database,
        "INSERT INTO documents (id, owner_id, name, sha256, text) VALUES (%s, %s, 'a.txt', repeat('e', 64), 'a')",
        uuid4(),
        person.id,
    )
    # The first of the list.
    await execute(office.database, "UPDATE users SET name = 'Аарон' WHERE id = %s", heir.id)
    await execute(office.database, "UPDATE users SET name = 'Аагость' WHERE id = %s", guest.id)
    await office.press_data(chat, f"person||a{person.id.hex}")
    await office.press(chat, "🗑 Удалить")
    await office.press(chat, "📦")
    assert "Аагость" not in drawn(screens(office, chat)[-1])
    await office.press(chat, "Аарон")
    forged = f"erase_yes||{word_of(person.id)}"
    [asked] = [number for number, screen in office.telegram.chats[ChatId(chat)].items() if "Аарон" in screen.text]
    for data, message in ((forged, asked), (f"{forged}||{heir.telegram_id}", asked + 1), ("my_erase_yes", asked)):
        assert await office.press_data(chat, data, message) == [texts.telegram.OUTDATED]
    assert not {"erasure_ordered"} & {*await office.actions(person.id), *await office.actions(admin.id)}
    await office.press_data(chat, f"person_erase||{word_of(person.id)}")
    await office.press(chat, "📦")
    await office.press(chat, "Аарон")
    await office.press(chat, "🗑 Да")
    assert office.sees(chat)[-1] == texts.erasures.ORDERED
    assert await office.press_data(person.telegram_id or 0, "menu_access") == [""]
    assert office.sees(person.telegram_id or 0) == [texts.telegram.BY_INVITATION.format(id=person.telegram_id)]
    async with office.database.transaction() as connection:
        [order] = [each for each in await erasures_store.list_open(connection) if each.person_id == person.id]
    assert order.heir_id == heir.id
    coming = (await office.erasures.look_at(heir.id, heir.id)).inherited
    assert (coming.documents, coming.recordings) == (1, 0), "it is promised before it has come"
    theirs, third = heir.telegram_id or 0, await office.somebody(Role.USER)
    await office.press_data(theirs, "my_erase")
    await office.press(theirs, "🔥 Стереть всё, и доставшееся")
    await execute(
        office.database,
        "INSERT INTO documents (id, owner_id, name, sha256, text) VALUES (%s, %s, 'a.txt', repeat('f', 64), 'a')",
        uuid4(),
        third.id,
    )
    await office.erasures.order(admin.id, third.id, theirs, ChatId(chat))
    await office.press(theirs, "🗑 Да")
    assert "erasure_ordered" not in await office.actions(heir.id), "more has come than the question said"
    other = await office.somebody(Role.ADMIN)
    await office.press_data(other.telegram_id or 0, f"person_erase||{word_of(person.id)}")
    assert f"получает <b>{named(theirs).name}</b>" in office.sees(other.telegram_id or 0)[-1]
    guests = (await office.somebody(Role.GUEST)).id
    with pytest.raises(ErasureRefused):
        await office.erasures.look_at(guests, person.id)
    await office.press_data(chat, f"erase_ask||a{(await office.somebody(Role.USER)).id.hex}||{guest.telegram_id}")
    assert "для передачи нужен другой" in office.sees(chat)[-1]


async def test_what_is_promised_at_the_same_moment_is_not_erased_untold(office: Office) -> None:
    query = "INSERT INTO documents (id, owner_id, name, sha256, text) VALUES (%s, %s, 'a.txt', %s, 'a')"
    won = set()
    for _ in range(12):
        giver, heir = await office.somebody(Role.USER), await office.somebody(Role.USER)
        await execute(office.database, query, uuid4(), giver.id, uuid4().hex * 2)
        told = (await office.erasures.look_at(heir.id, heir.id)).inherited
        order = office.erasures.order
        given, erased = await asyncio.gather(
            order(giver.id, giver.id, heir.telegram_id, ChatId(1)),
            order(heir.id, heir.id, None, ChatId(2), inherited=told),
            return_exceptions=True,
        )
        refused = [each for each in (given, erased) if each is not None]
        assert [type(each) for each in refused] == [ErasureRefused], "one of both, and never none"
        won.add(given is None)
        if given is None:
            assert isinstance(erased, ErasureRefused)
            assert texts.erasures.MORE_HAS_COME in erased.user_text
            promised = (await office.erasures.look_at(heir.id, heir.id)).inherited
            assert (told.documents, promised.documents) == (0, 1)
            assert await order(heir.id, heir.id, None, ChatId(2), inherited=promised) is None
    assert won, "somebody is first"


# --- limits -------------------------------------------------------------------------------------------------------


async def test_an_admin_limits_whoever_is_below_and_what_waited_goes_on(office: Office) -> None:
    admin, user = await office.somebody(Role.ADMIN), await office.somebody(Role.USER)
    async with office.database.transaction() as connection:
        waiting = await recordings_store.insert_recording(connection, new_recording(user.id))
        later = datetime.now(UTC) + timedelta(hours=1)
        await recordings_store.record_failure(connection, waiting.id, LimitReached.code, "Предел исчерпан.", later)
        await reserve_question(connection, user.id, AnswerId(uuid4()), "?")
    boss, someone = admin.telegram_id or 0, user.telegram_id or 0
    await office.press_data(boss, f"person||{word_of(user.id)}")
    for label in ("⚖️", "Вопросы", "50 вопросов"):
        await office.press(boss, label)
    assert "Вопросы: 1 вопрос из 50 вопросов (свой предел)" in office.sees(boss)[-1]
    assert office.going_on == [waiting.id]
    await office.press(boss, "Вопросы")
    await office.press(boss, "Как у роли")
    assert "Вопросы: 1 вопрос, без предела\n" in office.sees(boss)[-1]
    await office.limits.set_for_person(admin.id, user.id, Resource.QUESTIONS, None, own=False)
    assert await office.actions(user.id) == ["limit_changed"] * 2, "what is as it was is no change"
    for forged in ("role_limits||admin", "role_limit||admin||sound"):
        await office.press_data(boss, forged)
        assert [row[0].text for row in screens(office, boss)[-1].keyboard] == [texts.telegram.BACK]
    peer = await office.somebody(Role.ADMIN)
    await office.press_data(boss, f"limit||{word_of(peer.id)}||sound")
    assert [row[0].text for row in screens(office, boss)[-1].keyboard] == [texts.telegram.BACK]
    await office.press_data(boss, "uses||questions||1")
    assert f"Человек {someone} · 1 вопрос" in [row[0].text for row in screens(office, boss)[-1].keyboard]
    await office.press_data(boss, "role_limits")
    for label in ("Исследователь", "Минуты", "300 мин"):
        await office.press(boss, label)
    assert "Минуты записей: 300 мин" in office.sees(boss)[-1]
    assert (await office.limits.of(admin.id, user.id)).allowances[0].limit == 18000
    for _ in range(2):
        await office.limits.set_for_role(admin.id, Role.USER, Resource.SOUND, None)
    await office.press_data(OWNER, "audit||1")
    assert "предел роли исследователь «Минуты записей»: без предела → 300 мин" in office.sees(OWNER)[-1]


@pytest.mark.parametrize(
    ("by", "whose", "refused"),
    [
        ("user", "guest", True),
        ("admin", "user", False),
        ("admin", "admin", True),
        ("admin", "super_admin", True),
        ("admin", "self", True),
        ("super_admin", "admin", False),
        ("super_admin", "super_admin", True),
    ],
)
async def test_limits_are_set_from_above(office: Office, by: str, whose: str, refused: bool) -> None:
    actor = await office.somebody(Role(by))
    person = actor if whose == "self" else await office.somebody(Role(whose))
    with pytest.raises(AccessDenied) if refused else nullcontext():
        await office.limits.set_for_person(actor.id, person.id, Resource.MONEY, Decimal(1))
    assert (await office.limits.of(actor.id, person.id)).may_change is not refused
    assert await office.actions(person.id) == ([] if refused else ["limit_changed"])


# --- the record ---------------------------------------------------------------------------------------------------


async def test_a_change_of_the_record_is_refused_and_one_made_behind_its_back_is_found(database: Database) -> None:
    office = Office(database, Path("/nowhere"))
    owner = (await office.somebody(Role.SUPER_ADMIN, OWNER)).id
    person = (await office.somebody(Role.USER)).id
    assert (await office.log.verify()).broken is None
    for role in (Role.GUEST, Role.USER) * 11:
        await office.people.set_role(owner, person, role)
    whole = await office.log.verify()
    assert (whole.rows, whole.broken) == (22, None)
    for query in ("UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(psycopg.errors.RaiseException):
            await execute(database, query)
    for query in (
        'UPDATE audit_log SET details = \'{"after": "admin"}\' WHERE number = 7',
        "UPDATE audit_log SET subject = actor WHERE number = 7",
        "UPDATE audit_log SET at = at + interval '1 second' WHERE number = 7",
        "DELETE FROM audit_log WHERE number = 7",
    ):
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE kept AS SELECT * FROM audit_log")
            await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_stays")
            await connection.execute(query)
        assert (await office.log.verify()).broken == 7
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM audit_log")
            await connection.execute("INSERT INTO audit_log SELECT * FROM kept")
            await connection.execute("DROP TABLE kept")
    page = await office.log.page(2, 20)
    assert ([entry.number for entry in page.entries], page.total) == ([2, 1], 22)
    rows = (await office.log.export()).decode("utf-8-sig").splitlines()
    assert len(rows) == 23
    assert rows[1].startswith("22,")


async def test_what_is_old_is_cut_off_and_the_rest_proves_it(database: Database) -> None:
    office = Office(database, Path("/nowhere"))
    owner, person = (await office.somebody(Role.SUPER_ADMIN, OWNER)).id, (await office.somebody(Role.USER)).id
    assert await office.log.cut(datetime.now(UTC)) == 0, "there is nothing"
    for role in (Role.GUEST, Role.USER) * 3:
        await office.people.set_role(owner, person, role)
    page = await office.log.page(1, 20)
    moment = page.entries[2].at
    assert await office.log.cut(moment) == 3
    assert await office.log.cut(moment) == 0
    assert await office.log.verify() == ((4, None, (await office.log.verify()).head, 3))
    assert [entry.number for entry in (await office.log.page(1, 20)).entries] == [7, 6, 5, 4]
    with pytest.raises(psycopg.errors.RaiseException):
        await execute(database, "DELETE FROM audit_log WHERE number = 4")
    await office.people.set_role(owner, person, Role.GUEST)
    assert await office.log.cut(datetime.now(UTC)) == 4, "the last row stays; the next one tells of these"
    assert (await office.log.verify())[:2] == (2, None)
    assert await office.log.cut(datetime.now(UTC)) == 1
    assert await office.log.cut(datetime.now(UTC)) == 0, "what is left tells of cuts"
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_stays")
        await connection.execute("DELETE FROM audit_log WHERE number = (SELECT min(number) FROM audit_log)")
    assert (await office.log.verify()).broken is not None, "this one was not cut off, it was taken away"


async def test_the_record_is_filtered_by_person_action_and_time(office: Office, owner: UserId) -> None:
    one, two = [await office.somebody(Role.USER) for _ in range(2)]
    await office.people.block(owner, one.id)
    await office.people.set_role(owner, two.id, Role.ADMIN)
    await office.press_data(OWNER, f"person||a{one.id.hex}")
    await office.press(OWNER, "📜")
    assert f"О ком: Человек {one.telegram_id}" in office.sees(OWNER)[-1]
    assert "доступ закрыт" in office.sees(OWNER)[-1]
    assert str(two.telegram_id) not in office.sees(OWNER)[-1]
    await office.press(OWNER, "Роли")
    assert texts.access.AUDIT_EMPTY in office.sees(OWNER)[-1]
    await office.press(OWNER, "Показать про всех")
    await office.press(OWNER, "7 дней")
    assert str(two.telegram_id) in office.sees(OWNER)[-1]
    assert "доступ закрыт" not in office.sees(OWNER)[-1]
    await office.press(OWNER, "• 7 дней")
    await office.press(OWNER, "• Роли")
    assert "доступ закрыт" in office.sees(OWNER)[-1]


async def test_a_change_that_fails_leaves_nothing_in_the_record(office: Office, owner: UserId) -> None:
    user = await office.somebody(Role.USER)
    people = People(office.database, TEAM, office._end_work)
    async with office.database.transaction() as connection:
        await connection.execute("ALTER TABLE users ADD CONSTRAINT no_admin CHECK (granted <> 'admin') NOT VALID")
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            await people.set_role(owner, user.id, Role.ADMIN)
    finally:
        async with office.database.transaction() as connection:
            await connection.execute("ALTER TABLE users DROP CONSTRAINT no_admin")
    assert await office.actions(user.id) == []
